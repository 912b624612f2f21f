//! Answers made up by small formulas: plausible, with every kind of entry, and with names that want to be markup.

use std::collections::BTreeMap;

use goldpath::bounds::{Dead, DeadChannel};
use goldpath::explore::answer as explore;
use goldpath::network::{Coverage, Mac, MacState};
use goldpath::overflow as forensics;
use goldpath::report::Drawn;
use goldpath::report::chart::{Accumulation, Beat};

/// A name that would be an alert, an end of the style, and a resource.
pub const EVIL: &str =
    "</style></svg><script src=\"https://evil.example/x.js\">alert('1')</script>&amp;\u{1b}[31m\u{202e}";

/// One MAC of every state, with names that want to be markup.
fn macs() -> Vec<Mac> {
    use MacState::{FedByIntegers, Float, Integer, Products};
    let mac = |(name, state): (&str, MacState)| Mac {
        name: name.into(),
        kind: format!("Conv {EVIL}"),
        state,
        reason: (state != Integer).then(|| format!("its bias is {EVIL}")),
    };
    [("a", Integer), ("b", Products), (EVIL, FedByIntegers), ("d", Float)].map(mac).into()
}

fn hash(letter: &str) -> String {
    letter.repeat(64)
}

fn file(name: &str) -> explore::InputFile {
    explore::InputFile { name: name.into(), sha256: hash("a") }
}

/// Layers of the sweep: name, K, channels, observed and proved width.
const LAYERS: [(&str, u64, u64, u32, Option<u32>); 4] = [
    ("conv1_quant", 9, 8, 15, Some(18)),
    ("conv2_quant", 72, 16, 17, Some(21)),
    (EVIL, 400, 32, 19, None),
    ("a/very/long/name/of/the/kind/that/exporters/write/MatMul_quant", 64, 10, 16, Some(22)),
];

/// How many of `outputs` overflow at a width, for a layer that needs `observed` bits.
fn overflowing(outputs: u64, observed: u32, width: u32) -> u64 {
    if width >= observed { 0 } else { (outputs >> (3 * (width.saturating_sub(7)).min(20))).max(1) }
}

fn curve(mode: &str, observed: u32, outputs: u64) -> explore::Curve {
    let point = |width: u32| {
        let changed = overflowing(outputs, observed, width);
        let sqnr = 3.0 + f64::from(width) * if mode == "wrap" { 1.5 } else { 2.5 };
        let fidelity = explore::Fidelity {
            overflow: explore::Events {
                outputs: changed,
                high: 2 * changed,
                low: changed / 2,
                start_high: changed / 3,
                start_low: 0,
            },
            accumulators_changed: changed,
            outputs_changed: changed,
            sqnr_db: (changed > 0).then_some(sqnr),
        };
        let result = match width {
            8 => explore::Outcome::NotBuildable("the accumulator is narrower than a product".into()),
            _ => explore::Outcome::Done(fidelity),
        };
        explore::CurvePoint { width, result }
    };
    explore::Curve { mode: mode.into(), points: (8..=48).map(point).collect() }
}

fn layer((name, k, channels, observed, proved): (&str, u64, u64, u32, Option<u32>)) -> explore::Layer {
    let outputs = 1000 * channels;
    let of_channel = |c: u64| {
        let needs = observed - u32::try_from(c % 4).unwrap();
        (8..observed).map(|w| overflowing(1000, needs, w)).collect::<Vec<_>>()
    };
    let widths = |c: u64| explore::ChannelWidths {
        proved,
        observed: observed - u32::try_from(c % 4).unwrap(),
        start: 8,
    };
    explore::Layer {
        computed: None,
        name: name.into(),
        k,
        channels,
        outputs,
        levels: vec![],
        changed_by_levels: 0,
        minimal_proved_width: proved,
        minimal_observed_width: observed,
        dead: dead(name, proved),
        without_dead: explore::WithoutDead { dead: u64::from(name == EVIL), proved, observed },
        proved: Some([forensics::Exact(i128::MIN), forensics::Exact(1_040_384)]),
        observed: [-(1 << (observed - 1)), (1 << (observed - 1)) - 77],
        channel_widths: (0..channels).map(widths).collect(),
        overflowing: ["wrap", "saturate"]
            .map(|mode| explore::Overflowing {
                mode: mode.into(),
                first_width: 8,
                outputs: (0..channels).map(of_channel).collect(),
            })
            .into(),
        curves: ["wrap", "saturate"].map(|mode| curve(mode, observed, outputs)).into(),
    }
}

/// A channel with a scale of nothing in one layer.
fn dead(name: &str, proved_width: Option<u32>) -> Dead {
    let channel = DeadChannel { channel: 3, weight_scale: 1e-15, bias: i32::MIN };
    Dead { channels: if name == EVIL { vec![channel] } else { vec![] }, proved_width }
}

fn point(mode: &str, width: u32) -> explore::Point {
    let good = 970 - u64::from(19_u32.saturating_sub(width)).pow(2) * if mode == "wrap" { 7 } else { 3 };
    let result = explore::PointResult {
        correct: Some(good),
        agree: (good + 30).min(1000),
        output_sha256: hash("b"),
        diverges_at: (width < 19).then(|| "conv2_quant".into()),
        network_run: width < 17,
        differing: if width < 19 { 12 } else { 0 },
        overflowing: if width < 19 { 40 } else { 0 },
        layers_run: 2,
        outputs_replayed: 100,
        layers: vec![],
        not_synthesised: None,
        cost: explore::Cost {
            accumulator_bits: 256 * u64::from(width),
            adder_bits: 256 * u64::from(width + 1),
            synthesis: None,
        },
    };
    let result = match width {
        8 => explore::Outcome::NotBuildable("the accumulator is narrower than a product".into()),
        _ => explore::Outcome::Done(result),
    };
    explore::Point { width, mode: mode.into(), result }
}

/// A sweep of four layers, two modes, eleven widths.
pub fn sweep() -> explore::Sweep {
    let widths: Vec<u32> = (8..=22).collect();
    let points: Vec<_> = widths.iter().flat_map(|w| ["wrap", "saturate"].map(|m| point(m, *w))).collect();
    let layers = explore::Layers {
        coverage: Coverage::new(&macs(), &|name| name == "a"),
        macs: macs(),
        skipped: macs(),
        reference_width: 48,
        minimal_proved_width: None,
        minimal_observed_width: 19,
        without_dead: explore::WithoutDead { dead: 1, proved: None, observed: 19 },
        exact_when_held: true,
        unvaried: vec![],
        agree_when_held: 1000,
        differing_when_held: 0,
        images: 1000,
        correct: Some(970),
        answers: vec![],
        layers: LAYERS.map(layer).into(),
    };
    let front = (9..=19).map(|width| explore::FrontPoint {
        variant: 0,
        width,
        mode: "saturate".into(),
        cost: 256 * u64::from(2 * width + 1),
        accuracy: 970 - u64::from(19 - width).pow(2) * 3,
    });
    explore::Sweep {
        plan: explore::Plan {
            schema: 1,
            generator: "goldpath 0.1.0".into(),
            model: file("cnn_s8_qoperator.onnx"),
            input: Some(file("cnn_inputs.npy")),
            tensors: None,
            labels: Some(file("labels.npy")),
            design: explore::InputDesign {
                name: "os16x16_s8_acc16sat".into(),
                sha256: hash("c"),
                overrides: vec![["accumulator.start".into(), "\"zero\"".into()]],
            },
            images: Some([0, 1000]),
            widths,
            modes: vec!["wrap".into(), "saturate".into()],
            axes: vec![explore::Axis { key: "array.lanes".into(), values: vec!["1".into()] }],
            bias: None,
            synthesis: false,
        },
        variants: vec![explore::Variant {
            settings: BTreeMap::new(),
            layers: explore::Outcome::Done(layers),
            points,
        }],
        fronts: vec![explore::Front {
            cost: "bits".into(),
            accuracy: "correct".into(),
            points: front.collect(),
        }],
        work: explore::Work {
            points: 28,
            networks_run: 16,
            layers: 112,
            layers_run: 40,
            ..Default::default()
        },
    }
}

fn sides(length: usize, f: impl Fn(usize) -> u64, g: impl Fn(usize) -> u64) -> forensics::Sides {
    forensics::Sides { high: (0..length).map(f).collect(), low: (0..length).map(g).collect() }
}

fn event(high: bool) -> forensics::Event {
    let entering = if high { 32_900 } else { -33_000 };
    forensics::Event {
        node: "accumulator".into(),
        place: forensics::PlaceEntry {
            accumulator: None,
            image: 3,
            product: 0,
            m: 47,
            n: 5,
            beat: Some(61),
            tile: 2,
            row: 15,
            column: 5,
            cycle: 301,
        },
        side: if high { "high" } else { "low" }.into(),
        lanes: vec![],
        before: forensics::Exact(entering - 700),
        term: forensics::Exact(700),
        entering: forensics::Exact(entering),
        value: 32_767,
        format: "s16".into(),
        rails: [-32_768, 32_767],
        excess: forensics::Exact(133),
    }
}

fn answer(name: &str, scale: u64, observed: u32, proved: Option<u32>) -> forensics::LayerAnswer {
    let classes = forensics::Classes {
        transient: 40 * scale,
        surviving: 25 * scale,
        harmful: 12 * scale,
        decisive: 1,
        unevaluated: 6 * scale,
    };
    let channels = sides(16, |c| scale * (c as u64 % 5), |c| scale * (c as u64 % 3));
    let node = forensics::NodeAnswer {
        node: "accumulator".into(),
        format: Some("s16".into()),
        overflow: "saturate".into(),
        high: channels.high.iter().sum(),
        low: channels.low.iter().sum(),
        outputs: 40 * scale,
        table: None,
        beats: sides(72, |k| scale * (k as u64).pow(2) / 500, |k| scale * (k as u64) / 90),
        pes: sides(256, |p| if p % 16 % 5 == 0 { 0 } else { scale * (p as u64) / 9 }, |p| p as u64 % 3),
        channels,
        first: Some(event(true)),
        largest: Some(event(false)),
    };
    let channel = |c: usize| forensics::ChannelAnswer {
        channel: c,
        high: node.channels.high[c],
        low: node.channels.low[c],
        outputs_with_events: scale * (c as u64 % 4),
        classes,
        largest_excess: forensics::Exact(17 * c as i128),
        first: None,
    };
    forensics::LayerAnswer {
        computed: None,
        layer: name.into(),
        shape: forensics::ShapeEntry { images: 10, groups: 1, m: 196, k: 72, n: 16 },
        schedule: forensics::ScheduleEntry {
            beats: 72,
            lanes: 1,
            rows: 16,
            columns: 16,
            tiles: 123,
            period_cycles: 90,
            cycles: 11_070,
        },
        widths: forensics::WidthsEntry { register: 16, observed: Some(observed), proved },
        runs: 100,
        outputs: 31_360,
        only_post: 3 * scale,
        outputs_with_events: if scale == 0 { 0 } else { classes.sum() },
        classes: if scale == 0 { forensics::Classes::default() } else { classes },
        channels: (0..16).map(channel).collect(),
        nodes: vec![node],
        tiles: None,
        cycles: forensics::Sides::default(),
        witnesses: vec![],
        table: None,
    }
}

/// An accumulation of 72 products that leaves 16 bits on both sides.
pub fn accumulation(saturate: bool) -> Accumulation {
    let (low, high) = (-32_768_i128, 32_767_i128);
    let (mut exact, mut value) = (120, 120);
    let mut beats = Vec::new();
    for k in 0..72_i128 {
        let term = if k < 40 { 1300 - 7 * k } else { -3100 + 11 * k } + (k * 7919) % 900 - 450;
        let entering = value + term;
        exact += term;
        value = if saturate { entering.clamp(low, high) } else { (entering - low).rem_euclid(65_536) + low };
        beats.push(Beat { exact, entering, value });
    }
    Accumulation {
        title: "Output [47, 5] of conv2_quant".into(),
        beat_name: "k".into(),
        bias: 120,
        start: 120,
        beats,
        rails: (low, high),
        result: value,
    }
}

/// An analysis of three layers, one of them without overflow.
pub fn overflow() -> forensics::Report {
    let layers = vec![
        answer("conv1_quant", 0, 14, Some(16)),
        answer("conv2_quant", 130, 18, Some(21)),
        answer(EVIL, 1, 16, Some(24)),
    ];
    let total = layers.iter().fold(forensics::Total::default(), |mut t, l| {
        t.outputs += l.outputs;
        t.outputs_with_events += l.outputs_with_events;
        t.high += l.nodes[0].high;
        t.low += l.nodes[0].low;
        t.classes.transient += l.classes.transient;
        t.classes.surviving += l.classes.surviving;
        t.classes.harmful += l.classes.harmful;
        t.classes.decisive += l.classes.decisive;
        t.classes.unevaluated += l.classes.unevaluated;
        t
    });
    let input = |name: &str| forensics::InputEntry { name: name.into(), sha256: hash("d") };
    forensics::Report {
        coverage: Coverage::new(&macs(), &|name| name == "a"),
        macs: macs(),
        schema: 1,
        generator: "goldpath 0.1.0".into(),
        design: forensics::DesignEntry {
            name: "os16x16_s8_acc16sat".into(),
            sha256: hash("e"),
            overrides: BTreeMap::from([("accumulator.width".into(), "16".into())]),
        },
        inputs: BTreeMap::from([
            ("model".into(), input("cnn_s8_qoperator.onnx")),
            ("input".into(), input(EVIL)),
        ]),
        meaning: BTreeMap::new(),
        upstream: Some(forensics::Upstream::Design),
        qdq: Some("fused".into()),
        bias: None,
        answer: Some(forensics::NetworkAnswer {
            tensor: "logits".into(),
            images: 1000,
            batch: 10,
            predictions: vec![],
            labels: None,
            correct: Some(948),
            mended: Some(2),
            spoiled: Some(0),
        }),
        decisive_cap: 1000,
        total,
        layers,
        skipped: vec![forensics::Skipped { layer: EVIL.into(), reason: "operands are 16 bits wide".into() }],
    }
}

/// What is drawn beside it.
pub fn drawings() -> Vec<Drawn> {
    let drawn = |layer: &str, caption: &str, accumulation| Drawn {
        layer: layer.into(),
        caption: caption.into(),
        note: format!("Witness {layer}/first: what it shows."),
        accumulation,
    };
    vec![
        drawn("conv2_quant", "Image 3, output [47, 5], decisive", accumulation(true)),
        drawn("conv2_quant", "The same, wrapping", accumulation(false)),
        drawn(EVIL, EVIL, Accumulation { result: 127, ..accumulation(false) }),
    ]
}
