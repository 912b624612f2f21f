//! Reduction levels that lose a part of the sum in front of the accumulator: all widths, layer by layer and end to end,
//! against loops in i128.

use std::collections::BTreeMap;
use std::path::Path;

use goldpath::design::Design;
use goldpath::explore::answer::{Events, Layers, Outcome, PointResult, Sweep};
use goldpath::explore::{Candidates, Exact, FIRST_WIDTH, layers, point};
use goldpath::network::{DType, Input, Network};

use super::directed::{codes, gemm};
use super::root;

/// xorshift; below a bound.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn code(&mut self) -> i8 {
        i8::try_from(i64::try_from(self.below(256)).unwrap() - 128).unwrap()
    }
}

/// A level: neighbours in twos, into so many bits.
#[derive(Debug, Clone, Copy)]
struct Level {
    width: u32,
    rule: &'static str,
}

fn fit(value: i128, width: u32, rule: &str) -> i128 {
    let half = 1i128 << (width - 1);
    match rule {
        "wrap" => (value + half).rem_euclid(2 * half) - half,
        "saturate" => value.clamp(-half, half - 1),
        _ => value.clamp(1 - half, half - 1),
    }
}

/// What one output's sum is, term by term.
struct Sum {
    bias: i128,
    terms: Vec<i128>,
    exact: i128,
    /// Events, level by level: high, low.
    events: Vec<[u64; 2]>,
}

/// As many lanes as the levels make one of, neighbours in k.
fn sum(x: &[i8], w: &[i8], bias: i32, levels: &[Level]) -> Sum {
    let products: Vec<i128> = x.iter().zip(w).map(|(x, w)| i128::from(*x) * i128::from(*w)).collect();
    let mut found =
        Sum { bias: i128::from(bias), terms: Vec::new(), exact: 0, events: vec![[0; 2]; levels.len()] };
    found.exact = found.bias + products.iter().sum::<i128>();
    for beat in products.chunks(1 << levels.len()) {
        let mut terms = beat.to_vec();
        terms.resize(1 << levels.len(), 0);
        for (level, events) in levels.iter().zip(&mut found.events) {
            let sums: Vec<i128> = terms.chunks(2).map(|pair| pair.iter().sum()).collect();
            let half = 1i128 << (level.width - 1);
            let bottom = if level.rule == "saturate_symmetric" { 1 - half } else { -half };
            events[0] += sums.iter().filter(|s| **s >= half).count() as u64;
            events[1] += sums.iter().filter(|s| **s < bottom).count() as u64;
            terms = sums.into_iter().map(|s| fit(s, level.width, level.rule)).collect();
        }
        found.terms.push(terms.iter().sum());
    }
    found
}

/// The accumulator at the end, and its events; those of its start among them.
fn accumulate(sum: &Sum, width: u32, rule: &str) -> (i128, Events) {
    let half = 1i128 << (width - 1);
    let bottom = if rule == "saturate_symmetric" { 1 - half } else { -half };
    let mut value = fit(sum.bias, width, rule);
    let (start_high, start_low) = (u64::from(sum.bias >= half), u64::from(sum.bias < bottom));
    let mut events = Events { start_high, start_low, ..Events::default() };
    for term in &sum.terms {
        let entering = value + term;
        events.high += u64::from(entering >= half);
        events.low += u64::from(entering < bottom);
        value = fit(entering, width, rule);
    }
    events.outputs = u64::from(events != Events::default());
    (value, events)
}

fn plus(a: Events, b: Events) -> Events {
    Events {
        outputs: a.outputs + b.outputs,
        high: a.high + b.high,
        low: a.low + b.low,
        start_high: a.start_high + b.start_high,
        start_low: a.start_low + b.start_low,
    }
}

fn design(levels: &[Level]) -> String {
    let level = |l: &Level| {
        format!("[[reduce]]\ngroup = 2\nstride = 1\nformat = \"s{}\"\noverflow = \"{}\"\n", l.width, l.rule)
    };
    format!(
        "schema = 1\nname = \"lossy\"\n\
         post = [{{ step = \"clamp\", min = -128, max = 127, format = \"s8\" }}]\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         {}[accumulator]\nwidth = 32\nsigned = true\noverflow = \"wrap\"\nstart = \"bias\"\n\
         [array]\ndataflow = \"tree\"\nlanes = {}\n[parameters]\nbias = {{ format = \"s32\", per = \"channel\" }}\n",
        levels.iter().map(level).collect::<String>(),
        1 << levels.len()
    )
}

const MODES: [&str; 3] = ["wrap", "saturate", "saturate_symmetric"];
const WIDTHS: [u32; 6] = [10, 13, 15, 18, 21, 32];

/// One case of the walk: a layer, or two in a row whose second is fed by the first.
struct Case {
    levels: Vec<Level>,
    x: Vec<Vec<i8>>,
    /// `[k][n]`, and a bias each.
    stages: Vec<(Vec<Vec<i8>>, Vec<i32>)>,
}

fn case(random: &mut Random) -> Case {
    let rule = |random: &mut Random| MODES[random.below(3)];
    let levels: Vec<Level> = (0..1 + random.below(2))
        .map(|_| Level { width: 12 + u32::try_from(random.below(6)).unwrap(), rule: rule(random) })
        .collect();
    let matrix = |random: &mut Random, rows: usize, columns: usize| -> Vec<Vec<i8>> {
        (0..rows).map(|_| (0..columns).map(|_| random.code()).collect()).collect()
    };
    let (k, n) = (1 + random.below(11), 1 + random.below(4));
    let mut stages = Vec::new();
    let mut inputs = k;
    for _ in 0..1 + random.below(2) {
        let bias = (0..n).map(|_| i32::from(random.code()) * 40).collect();
        stages.push((matrix(random, inputs, n), bias));
        inputs = n;
    }
    Case { levels, x: matrix(random, 6, k), stages }
}

/// Two or one QGemm in a row.
fn network(case: &Case) -> Network {
    let weights = |w: &Vec<Vec<i8>>| codes(&[w.len(), w[0].len()], &w.concat());
    let mut whole = gemm(&weights(&case.stages[0].0), &case.stages[0].1);
    for (index, (w, bias)) in case.stages.iter().enumerate().skip(1) {
        let mut next = gemm(&weights(w), bias);
        let mut node = next.nodes.remove(0);
        node.name = format!("gemm_{index}");
        for (at, own) in [(3, "w"), (6, "b")] {
            let name = format!("{own}{index}");
            whole.constants.insert(name.clone(), next.constants[own].clone());
            node.inputs[at] = Some(name);
        }
        let behind = whole.outputs[0].clone();
        node.inputs[0] = Some(behind);
        node.outputs = vec![Some(format!("y{index}"))];
        whole.outputs = vec![format!("y{index}")];
        whole.nodes.push(node);
    }
    whole.inputs = vec![Input { name: "x".to_owned(), dtype: DType::I8, dims: None }];
    whole
}

/// Sums of every stage; the outputs that feed the next are those of `finish`.
fn run(case: &Case, levels: &[Level], finish: &dyn Fn(&Sum) -> i128) -> Vec<Vec<(Sum, i128)>> {
    let mut x = case.x.clone();
    let mut stages = Vec::new();
    for (w, bias) in &case.stages {
        let mut outputs = Vec::new();
        let mut next = Vec::new();
        for row in &x {
            let mut values = Vec::new();
            for n in 0..bias.len() {
                let column: Vec<i8> = w.iter().map(|row| row[n]).collect();
                let sum = sum(row, &column, bias[n], levels);
                let output = finish(&sum).clamp(-128, 127);
                values.push(i8::try_from(output).unwrap());
                outputs.push((sum, output));
            }
            next.push(values);
        }
        x = next;
        stages.push(outputs);
    }
    stages
}

fn answers(case: &Case, last: &[(Sum, i128)]) -> Vec<usize> {
    let n = case.stages.last().unwrap().1.len();
    let first_largest = |row: &[(Sum, i128)]| (0..n).rev().max_by_key(|i| row[*i].1).unwrap();
    last.chunks(n).map(first_largest).collect()
}

fn differing(a: &[(Sum, i128)], b: &[(Sum, i128)]) -> u64 {
    a.iter().zip(b).filter(|(a, b)| a.1 != b.1).count() as u64
}

type Hits = BTreeMap<&'static str, u64>;

fn layers_are_right(case: &Case, found: &Layers, hits: &mut Hits) {
    let held = run(case, &case.levels, &|sum| sum.bias + sum.terms.iter().sum::<i128>());
    let exact = run(case, &[], &|sum| sum.exact);
    let mut all = 0;
    for (stage, (layer, sums)) in found.layers.iter().zip(&held).enumerate() {
        for (index, level) in layer.levels.iter().enumerate() {
            let side = |side: usize| sums.iter().map(|(s, _)| s.events[index][side]).sum::<u64>();
            assert_eq!((level.high, level.low), (side(0), side(1)), "{}", level.node);
            *hits.entry("level high").or_default() += level.high;
            *hits.entry("level low").or_default() += level.low;
        }
        let changed = sums.iter().filter(|(s, output)| s.exact.clamp(-128, 127) != *output).count() as u64;
        assert_eq!(layer.changed_by_levels, changed);
        all += differing(sums, &exact[stage]);
        for (mode, (table, curve)) in MODES.iter().zip(layer.overflowing.iter().zip(&layer.curves)) {
            for (at, point) in curve.points.iter().enumerate() {
                let width = FIRST_WIDTH + u32::try_from(at).unwrap();
                let fidelity = point.result.done().unwrap();
                let mut wanted = Events::default();
                let (mut accumulators, mut outputs) = (0, 0);
                for (sum, _) in sums {
                    let (value, events) = accumulate(sum, width, mode);
                    wanted = plus(wanted, events);
                    accumulators += u64::from(value != sum.exact);
                    outputs += u64::from(value.clamp(-128, 127) != sum.exact.clamp(-128, 127));
                }
                assert_eq!(fidelity.overflow, wanted, "{width} {mode}");
                assert_eq!(table.at(width), wanted.outputs, "{width} {mode}");
                assert_eq!(
                    (fidelity.accumulators_changed, fidelity.outputs_changed),
                    (accumulators, outputs),
                    "{width} {mode}"
                );
            }
        }
    }
    assert_eq!(found.differing_when_held, all);
    let agree = answers(case, held.last().unwrap())
        .iter()
        .zip(answers(case, exact.last().unwrap()))
        .filter(|(a, b)| **a == *b)
        .count();
    assert_eq!(found.agree_when_held, agree as u64);
    let lossless =
        held.iter().flatten().all(|(sum, _)| sum.exact == sum.bias + sum.terms.iter().sum::<i128>());
    assert_eq!(found.exact_when_held, lossless);
    *hits.entry(if lossless { "exact" } else { "lossy" }).or_default() += 1;
    *hits.entry("answers moved").or_default() += found.images - found.agree_when_held;
}

fn point_is_right(case: &Case, width: u32, mode: &str, found: &PointResult, hits: &mut Hits) {
    let own = run(case, &case.levels, &|sum| accumulate(sum, width, mode).0);
    let exact = run(case, &[], &|sum| sum.exact);
    for (stage, layer) in found.layers.iter().enumerate() {
        let events = own[stage].iter().map(|(sum, _)| accumulate(sum, width, mode).1);
        let wanted = events.fold(Events::default(), plus);
        assert_eq!(layer.overflow, wanted, "{width} {mode}");
        assert_eq!(layer.differing, differing(&own[stage], &exact[stage]), "{width} {mode}");
        *hits.entry("accumulator").or_default() += wanted.high + wanted.low;
        *hits.entry("start").or_default() += wanted.start_high + wanted.start_low;
    }
    assert_eq!(found.differing, found.layers.iter().map(|l| l.differing).sum::<u64>());
    let first = found.layers.iter().find(|l| l.differing > 0).map(|l| l.name.clone());
    assert_eq!(found.diverges_at, first);
    let (own, exact) = (answers(case, own.last().unwrap()), answers(case, exact.last().unwrap()));
    let agree = own.iter().zip(&exact).filter(|(a, b)| a == b).count() as u64;
    assert_eq!(found.agree, agree, "{width} {mode}");
}

#[test]
fn random_levels_that_lose_are_compared_with_exact_sums() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut hits = Hits::new();
    for index in 0..120 {
        let case = case(&mut random);
        let text = design(&case.levels);
        let build = |own: &[String]| Design::parse(&text, Path::new("design.toml"), own);
        let candidates = Candidates::new(&MODES, &WIDTHS, &build).unwrap();
        let x = codes(&[case.x.len(), case.x[0].len()], &case.x.concat());
        let network = network(&case);
        let exact = Exact::new(&network, &x, &candidates.reference).unwrap();
        println!("case {index}: {:?}, {} stages", case.levels, case.stages.len());
        layers_are_right(&case, &layers(&exact, &candidates, None).unwrap(), &mut hits);
        for width in WIDTHS {
            for mode in MODES {
                let found = point(&exact, candidates.at(width, mode).unwrap(), None).unwrap();
                let Outcome::Done(found) = found else { panic!("{width} {mode}") };
                point_is_right(&case, width, mode, &found, &mut hits);
            }
        }
    }
    println!("{hits:?}");
    for what in ["level high", "level low", "exact", "lossy", "answers moved", "accumulator"] {
        assert!(hits.get(what) > Some(&3), "{what}: {hits:?}");
    }
}

/// x86's saturating pairs: at every width the same 786 events, and 361 of 450 outputs that are not exact.
#[test]
fn the_sweep_names_what_it_does_not_vary() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let data = root().join("tests/data/pair");
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("goldpath");
    let asked = ["--widths", "24,32", "--modes", "wrap,saturate"];
    command.arg("sweep").arg(data.join("model.onnx")).arg("--design").arg(data.join("design.toml"));
    let done = command
        .arg("--input")
        .arg(data.join("input.npy"))
        .args(asked)
        .arg("--out")
        .arg(&out)
        .assert()
        .success();
    let text = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let sweep: Sweep = serde_json::from_str(&read("report.json")).unwrap();
    let layers = sweep.variants[0].layers.done().unwrap();
    let level = &layers.layers[0].levels[0];
    assert_eq!((level.node.as_str(), level.high + level.low), ("reduce.0", 786));
    assert_eq!((layers.layers[0].changed_by_levels, layers.differing_when_held), (361, 361));
    assert!(!layers.exact_when_held && !layers.unvaried[0].always_fits);
    for point in &sweep.variants[0].points {
        let result = point.result.done().unwrap();
        assert_eq!((result.differing, result.layers[0].overflow.outputs), (361, 0), "{}", point.width);
        assert_eq!(result.agree, layers.agree_when_held);
        assert!(result.diverges_at.is_some());
    }
    for said in [
        "varies the accumulator only: reduce.0 stays s16 saturate, 786 events",
        "no accumulator width is enough: 361 of 450 outputs differ from exact",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
        let mut letters = said.chars();
        let sentence = format!("{}{}", letters.next().unwrap().to_uppercase(), letters.as_str());
        assert!(read("report.html").contains(&sentence), "{sentence}");
    }
}
