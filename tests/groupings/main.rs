//! The accumulators of published kernels, `designs/*.toml`: against plain loops over their instructions, against rows that
//! frameworks and instructions gave, and through the commands.

mod commands;
mod kernels;
mod rows;

#[path = "../engine/work.rs"]
#[allow(dead_code, reason = "each test crate uses its own part")]
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::lower::{Numbers, Outcome, Program};
use goldpath::{functional, simulate};
use ndarray::Array2;

use kernels::{Kernel, Log};
use work::Random;

/// Every file of the folder, and what its instructions do.
const DESIGNS: [(&str, Kernel); 5] = [
    ("acc16_spill", kernels::acc16_spill),
    ("mnn_fast_s8", kernels::mnn_fast_s8),
    ("neon_mlal_s8", kernels::neon_mlal_s8),
    ("quad16_wrap", kernels::quad16_wrap),
    ("x86_vpmaddubsw", kernels::x86_vpmaddubsw),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn path(name: &str) -> PathBuf {
    root().join("designs").join(format!("{name}.toml"))
}

fn load(path: &Path, set: &[&str]) -> Design {
    let set: Vec<String> = set.iter().map(|set| set.to_string()).collect();
    Design::load(path, &set).unwrap_or_else(|e| panic!("{e}"))
}

/// Numbers of a layer; a scale of 2^-12 however the scheme has it.
fn numbers(design: &Design, bias: &[i64]) -> Numbers {
    let number = |parameter: &goldpath::post::Parameter| match parameter.name.as_str() {
        "bias" => bias.to_vec(),
        "scale" if parameter.format.width() == 64 => vec![2_f64.powi(-12).to_bits().cast_signed()],
        "scale" => vec![2_f32.powi(-12).to_bits().into()],
        "multiplier" => vec![1 << 23],
        "shift" => vec![35],
        _ => vec![parameter.default.expect("a number of the output")],
    };
    design.parameters.iter().map(|parameter| (parameter.name.clone(), number(parameter))).collect()
}

/// One product through both engines.
fn run(design: Design, a: &Array2<i64>, w: &Array2<i64>, bias: &[i64]) -> Outcome {
    let numbers = numbers(&design, bias);
    let program = Program::matrix(Arc::new(design), a.view(), w.view(), &numbers).unwrap();
    let outcome = functional::run(&program, true);
    let options = simulate::Options { counts: true, ..Default::default() };
    let cycles = simulate::run(&program, options, &mut []).unwrap();
    assert_eq!(cycles.outcome, outcome, "the two engines differ");
    outcome
}

/// The products of one output, in the order of k.
fn products(a: &Array2<i64>, w: &Array2<i64>, [m, n]: [usize; 2]) -> Vec<i64> {
    a.row(m).iter().zip(w.column(n)).map(|(a, w)| a * w).collect()
}

/// The events of every node that is no post step.
fn events(outcome: &Outcome) -> Vec<(String, u64, u64)> {
    let nodes = outcome.counts.as_ref().expect("they were asked for").nodes.iter();
    let nodes = nodes.filter(|node| !node.node.starts_with("post"));
    nodes.map(|node| (node.node.to_string(), node.high, node.low)).collect()
}

/// Every sum and every count of an outcome, by the instructions.
fn compare(kernel: Kernel, outcome: &Outcome, [a, w]: [&Array2<i64>; 2], bias: &[i64], period: usize) -> Log {
    let mut log = Log::default();
    for ((m, n), found) in outcome.accumulators.indexed_iter() {
        let expected = kernel(&products(a, w, [m, n]), bias[n], period, &mut log);
        assert_eq!(*found, expected, "output [{m}, {n}]");
    }
    for (node, high, low) in events(outcome) {
        let expected = log.0.get(node.as_str()).copied().unwrap_or_default();
        assert_eq!((high, low), expected, "events at {node}");
    }
    log
}

#[test]
fn the_folder_holds_these_designs() {
    let mut found: Vec<String> = std::fs::read_dir(root().join("designs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, DESIGNS.map(|(name, _)| format!("{name}.toml")));
    for (name, _) in DESIGNS {
        let design = load(&path(name), &[]);
        assert_eq!(design.name, name);
        assert_eq!(Design::parse(&design.to_toml(), Path::new(name), &[]).unwrap(), design);
        let text = std::fs::read_to_string(path(name)).unwrap();
        assert!(text.contains("\n# Source: ") && text.contains("\n# Traps: "), "{name}");
    }
}

#[test]
fn every_sum_and_every_event_is_the_instructions() {
    const EXTENTS: [usize; 14] = [1, 2, 7, 8, 9, 16, 17, 31, 33, 64, 100, 256, 258, 600];
    for (seed, (name, kernel)) in DESIGNS.into_iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let (mut outputs, mut seen) = (0, Log::default());
        for _ in 0..60 {
            let period = random.pick(&[256, 256, 32, 6]);
            let tile = format!("order.tile_k={period}");
            let set: &[&str] = if name == "acc16_spill" { &[&tile] } else { &[] };
            let design = load(&path(name), set);
            let [m, k, n] = [1 + random.below(4), random.pick(&EXTENTS), 1 + random.below(10)];
            let extreme = random.below(3) > 0;
            let a = random.matrix([m, k], design.activation.format, extreme);
            let extreme = random.below(3) > 0;
            let w = random.matrix([k, n], design.weight.format, extreme);
            let ends = [i32::MIN, i32::MAX, 0, 1234].map(i64::from);
            let in_the_sum = design.parameters.iter().any(|p| p.name == "bias")
                && design.accumulator.start == goldpath::design::Start::Bias;
            let bias: Vec<i64> = (0..n).map(|_| if in_the_sum { random.pick(&ends) } else { 0 }).collect();
            let outcome = run(design, &a, &w, &bias);
            let log = compare(kernel, &outcome, [&a, &w], &bias, period);
            for (node, (high, low)) in log.0 {
                let count = seen.0.entry(node).or_default();
                *count = (count.0 + high, count.1 + low);
            }
            outputs += m * n;
        }
        println!("{name}: {outputs} outputs, events (high, low) {:?}", seen.0);
        let has = |node: &str| seen.0.get(node).is_some_and(|(high, low)| high + low > 0);
        assert!(outputs > 500 && (has("reduce.0") || name == "mnn_fast_s8"), "{name}: {seen:?}");
        assert!(has("accumulator") || name == "neon_mlal_s8", "{name}: {seen:?}");
    }
}
