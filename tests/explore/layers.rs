//! Layer by layer, all widths: equal to loops that add in i128 and look at every step.

use goldpath::explore::answer::{Events, Layer as Answer, Outcome};
use goldpath::explore::{Candidates, Exact, FIRST_WIDTH, LAST_WIDTH, layers};
use goldpath::functional;
use goldpath::functional::graph::layer as network_layer;
use goldpath::functional::operators::Designed;
use goldpath::lower::Program;
use goldpath::network::{Geometry, Layer, Padding, Tensor};

use super::{NO_LATENCY, at, builder, images, network};

const MODES: [&str; 2] = ["wrap", "saturate"];

/// What is added to one output, in order, and what it starts from.
struct Sum {
    channel: usize,
    start: i128,
    terms: Vec<i128>,
}

/// Every output of a layer: codes as they are, the zero point folded into the bias, taps in the order kh, kw, cin.
fn sums(layer: &Layer, x: &Tensor) -> Vec<Sum> {
    let x = x.to_i64().unwrap();
    let zero = i128::from(layer.input_carrier.zero_point);
    assert!(layer.weights.zero_points.iter().all(|z| *z == 0), "symmetric weights");
    let start = |channel: usize, weights: i128| {
        layer.bias.as_ref().map_or(0, |bias| i128::from(bias[channel])) - zero * weights
    };
    let w = &layer.weights.codes;
    let mut all = Vec::new();
    match &layer.geometry {
        Geometry::Matrix => {
            let (k, n) = (w.shape()[0], w.shape()[1]);
            for row in 0..x.len() / k {
                for channel in 0..n {
                    let weight = |i: usize| i128::from(w[[i, channel]]);
                    let terms = (0..k).map(|i| i128::from(x[[row, i]]) * weight(i)).collect();
                    all.push(Sum { channel, start: start(channel, (0..k).map(weight).sum()), terms });
                }
            }
        }
        Geometry::Convolution { groups, window } => {
            let Padding::Explicit([top, left, bottom, right]) = window.padding else { panic!("explicit") };
            let &[channels, cin, kh, kw] = w.shape() else { panic!("four axes") };
            let &[images, _, height, width] = x.shape() else { panic!("four axes") };
            assert_eq!(window.dilation, [1, 1]);
            let out = [
                (height + top + bottom - kh) / window.stride[0] + 1,
                (width + left + right - kw) / window.stride[1] + 1,
            ];
            for image in 0..images {
                for position in 0..out[0] * out[1] {
                    let (oh, ow) =
                        (position / out[1] * window.stride[0], position % out[1] * window.stride[1]);
                    for channel in 0..channels {
                        let first = channel / (channels / groups) * cin;
                        let (mut terms, mut weights) = (Vec::new(), 0);
                        for tap in 0..kh * kw * cin {
                            let (i, j, c) = (tap / (kw * cin), tap / cin % kw, tap % cin);
                            let inside =
                                |p: usize, pad: usize, end: usize| p.checked_sub(pad).filter(|p| *p < end);
                            let code = match (inside(oh + i, top, height), inside(ow + j, left, width)) {
                                (Some(h), Some(v)) => i128::from(x[[image, first + c, h, v]]),
                                _ => zero,
                            };
                            let weight = i128::from(w[[channel, c, i, j]]);
                            terms.push(code * weight);
                            weights += weight;
                        }
                        all.push(Sum { channel, start: start(channel, weights), terms });
                    }
                }
            }
        }
    }
    all
}

fn fitted(value: i128, width: u32, mode: &str) -> i128 {
    let half = 1i128 << (width - 1);
    match mode {
        "wrap" => (value + half).rem_euclid(2 * half) - half,
        _ => value.clamp(-half, half - 1),
    }
}

/// (accumulator, high, low) of one output, and whether its start lay above or below.
fn accumulate(sum: &Sum, width: u32, mode: &str) -> (i128, u64, u64, [u64; 2]) {
    let half = 1i128 << (width - 1);
    let (mut value, mut high, mut low) = (fitted(sum.start, width, mode), 0, 0);
    let start = [u64::from(sum.start >= half), u64::from(sum.start < -half)];
    for term in &sum.terms {
        let entering = value + term;
        high += u64::from(entering >= half);
        low += u64::from(entering < -half);
        value = fitted(entering, width, mode);
    }
    (value, high, low, start)
}

struct Brute {
    by_channel: Vec<u64>,
    events: Events,
    changed: u64,
}

fn brute(sums: &[Sum], channels: usize, width: u32, mode: &str) -> Brute {
    let mut found = Brute { by_channel: vec![0; channels], events: Events::default(), changed: 0 };
    for sum in sums {
        let (value, high, low, [above, below]) = accumulate(sum, width, mode);
        let any = u64::from(high + low + above + below > 0);
        found.by_channel[sum.channel] += any;
        found.events.outputs += any;
        found.events.start_high += above;
        found.events.start_low += below;
        found.events.high += high;
        found.events.low += low;
        found.changed += u64::from(value != sum.start + sum.terms.iter().sum::<i128>());
    }
    found
}

/// One layer against the loops, at 41 widths in both modes; overflows high and low seen.
fn compare(answer: &Answer, sums: &[Sum]) -> (u64, u64) {
    let channels = usize::try_from(answer.channels).unwrap();
    let (mut high, mut low) = (0, 0);
    for (mode, (table, curve)) in MODES.iter().zip(answer.overflowing.iter().zip(&answer.curves)) {
        assert_eq!((table.mode.as_str(), curve.mode.as_str()), (*mode, *mode));
        for (index, width) in (FIRST_WIDTH..=LAST_WIDTH).enumerate() {
            let wanted = brute(sums, channels, width, mode);
            let count = |channel: &Vec<u64>| channel.get(index).copied().unwrap_or(0);
            let found: Vec<u64> = table.outputs.iter().map(count).collect();
            assert_eq!(found, wanted.by_channel, "{}: {width} bits, {mode}", answer.name);
            assert_eq!(table.at(width), wanted.events.outputs);
            assert_eq!(curve.points[index].width, width);
            let Outcome::Done(fidelity) = &curve.points[index].result else { panic!("every width is built") };
            assert_eq!(fidelity.overflow, wanted.events, "{}: {width} bits, {mode}", answer.name);
            assert_eq!(
                fidelity.accumulators_changed, wanted.changed,
                "{}: {width} bits, {mode}",
                answer.name
            );
            high += wanted.events.high;
            low += wanted.events.low;
        }
    }
    let first_clean = (1..=64)
        .find(|width| {
            let is_clean = |sum: &Sum| {
                let (_, high, low, start) = accumulate(sum, *width, "saturate");
                start == [0, 0] && high + low == 0
            };
            sums.iter().all(is_clean)
        })
        .unwrap();
    assert_eq!(answer.minimal_observed_width, first_clean, "{}", answer.name);
    (high, low)
}

#[test]
fn counts_at_all_widths_equal_brute_force_and_separate_runs() {
    let build = builder("os8x8_s8_acc32", &[NO_LATENCY]);
    let (network, (x, labels)) = (network("cnn_s8_qoperator"), images("cnn", 3));
    let candidates = Candidates::new(&MODES, &[], &build).unwrap();
    let exact = Exact::new(&network, &x, &candidates.reference).unwrap();
    let found = layers(&exact, &candidates, Some(&labels)).unwrap();
    assert_eq!(found.layers.len(), 4);
    let rule = Designed::new(at(&build, 40, "wrap"));
    let (mut compared, mut outside_start) = (0, 0);
    for answer in &found.layers {
        let (layer, codes) = network_layer(&network, &answer.name, &x, &rule).unwrap();
        let sums = sums(&layer, &codes);
        assert_eq!((answer.outputs, answer.k), (sums.len() as u64, layer.k() as u64));
        let (high, low) = compare(answer, &sums);
        assert!(high > 100 && low > 100, "{}: {high} high, {low} low", answer.name);
        compared += sums.len() * 41 * 2;
        outside_start += answer.channel_widths.iter().filter(|c| c.start > FIRST_WIDTH).count();
        separate_runs(answer, &layer, &codes, &build);
        let proved = answer.minimal_proved_width.unwrap();
        assert!(proved >= answer.minimal_observed_width && proved <= 24, "{}: {proved}", answer.name);
    }
    assert!(outside_start > 20, "{outside_start} channels have a bias of more than 8 bits");
    println!("{compared} outputs at 41 widths in 2 modes, 0 mismatches; {outside_start} wide biases");
}

/// The same counts, and the outputs that changed, from the engine run at each width by itself.
fn separate_runs(
    answer: &Answer,
    layer: &Layer,
    codes: &Tensor,
    build: &dyn Fn(&[String]) -> goldpath::error::Result<goldpath::design::Design>,
) {
    let codes = codes.to_i32().unwrap();
    let run = |width, mode: &str| {
        let program = Program::layer(at(build, width, mode), layer, &codes).unwrap();
        let outcome = functional::run(&program, true);
        (program, outcome)
    };
    let (_, exact) = run(LAST_WIDTH, "wrap");
    let zero = f64::from(layer.output.unwrap().zero_point);
    for (mode, curve) in MODES.iter().zip(&answer.curves) {
        for point in &curve.points {
            let Outcome::Done(found) = &point.result else { panic!("every width is built") };
            let (program, separate) = run(point.width, mode);
            let counts = separate.counts.unwrap();
            let events = super::events_of(&program, &counts);
            assert_eq!(found.overflow, events, "{}: {} bits, {mode}", answer.name, point.width);
            let pairs = || exact.outputs.iter().zip(&separate.outputs);
            assert_eq!(found.outputs_changed, pairs().filter(|(a, b)| a != b).count() as u64);
            let signal: f64 = exact.outputs.iter().map(|y| (*y as f64 - zero).powi(2)).sum();
            let noise: f64 = pairs().map(|(a, b)| ((a - b) as f64).powi(2)).sum();
            match found.sqnr_db {
                None => assert_eq!(noise, 0.0),
                Some(db) => assert!((db - 10.0 * (signal / noise).log10()).abs() < 1e-3, "{db}"),
            }
        }
    }
}

#[test]
fn a_network_without_an_integer_layer_is_refused() {
    let (network, (x, _)) = (network("operators/float_s8"), images("cnn", 1));
    let design = at(&builder("os8x8_s8_acc32", &[]), 32, "wrap");
    let error = Exact::new(&network, &x, &design).err().expect("there is nothing to explore");
    assert!(error.to_string().contains("no integer layer"), "{error}");
}
