//! Levels behind the last beat: an accumulator for each group of lanes, added once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use goldpath::design::{Design, Node};
use goldpath::lower::Program;
use goldpath::simulate::{self, Options};
use goldpath::trace::MemorySink;
use ndarray::Array2;

use super::equal::both;
use super::random;
use super::work::{Random, numbers};

/// As vmull_s8, vmlal_s8 and vpadalq_s16 sum bytes: pairs wrap in 16 bits, four lanes of 32 are added at the end.
const MLAL: &str = r#"
schema = 1
name = "neon_mlal"

[operands]
activation = { width = 8, signed = true }
weight     = { width = 8, signed = true }

[[reduce]]
group = 2
stride = 8
format = "s16"
overflow = "wrap"
[[reduce]]
group = 2
[[reduce]]
group = 4
when = "last"
format = "s32"
overflow = "wrap"

[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "zero"

[array]
dataflow = "tree"
rows = 1
columns = 1
lanes = 16
"#;

fn parse(text: &str) -> Design {
    let design = Design::parse(text, Path::new("after.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
    let again = Design::parse(&design.to_toml(), Path::new("again.toml"), &[]).unwrap();
    assert_eq!(again, design, "{}", design.to_toml());
    design
}

fn program(design: &Arc<Design>, a: &Array2<i64>, w: &Array2<i64>) -> Program {
    Program::matrix(design.clone(), a.view(), w.view(), &Default::default()).unwrap()
}

/// The four 32-bit lanes after each sixteen products, in machine arithmetic.
fn lanes_of(a: &[i64], w: &[i64]) -> Vec<[i32; 4]> {
    let mut lanes = [0_i32; 4];
    let product = |k: usize| match (a.get(k), w.get(k)) {
        (Some(a), Some(w)) => *a as i16 * *w as i16,
        _ => 0,
    };
    let beats = (0..a.len().div_ceil(16)).map(|beat| {
        let pairs: Vec<i16> =
            (0..8).map(|i| product(16 * beat + i).wrapping_add(product(16 * beat + i + 8))).collect();
        for (lane, pair) in lanes.iter_mut().zip(pairs.chunks(2)) {
            *lane = lane.wrapping_add(i32::from(pair[0]) + i32::from(pair[1]));
        }
        lanes
    });
    beats.collect()
}

#[test]
fn four_lanes_of_32_bits_are_added_behind_the_last_beat() {
    let design = Arc::new(parse(MLAL));
    assert_eq!((design.partial_sums(), design.reduce.len(), design.after.len()), (4, 2, 1));
    let mut random = Random::new(9);
    let mut wrapped = 0;
    for (seed, k) in [1, 2, 8, 9, 15, 16, 17, 31, 32, 33, 100].into_iter().enumerate() {
        let a = random.matrix([3, k], design.activation.format, seed % 2 == 0);
        let w = random.matrix([k, 2], design.weight.format, seed % 2 == 0);
        let program = program(&design, &a, &w);
        let (outcome, _) = both(&program, &format!("K = {k}"));
        wrapped += outcome.counts.as_ref().unwrap().nodes[0].high;
        for ((m, n), found) in outcome.accumulators.indexed_iter() {
            let lanes = lanes_of(&a.row(m).to_vec(), &w.column(n).to_vec());
            let sum = lanes.last().unwrap().iter().fold(0_i32, |sum, lane| sum.wrapping_add(*lane));
            assert_eq!(*found, i64::from(sum), "K = {k}, [{m}, {n}]");
        }
    }
    assert!(wrapped > 0, "no pair left its 16 bits");
}

#[test]
fn every_lane_has_a_register_in_the_trace() {
    let text = MLAL.replace("when = \"last\"", "when = \"last\"\nlatency = 2");
    let design = Arc::new(parse(&text.replace("\"zero\"", "\"overwrite\"")));
    let mut random = Random::new(10);
    let (k, rows) = (40, 2);
    let a = random.matrix([rows, k], design.activation.format, true);
    let w = random.matrix([k, 1], design.weight.format, true);
    let mut memory = MemorySink::default();
    let run = simulate::run(&program(&design, &a, &w), Options::default(), &mut [&mut memory]).unwrap();
    let signal = |name: &str| memory.signal(name).unwrap_or_else(|| panic!("{name}"));
    let (acc, valid, out) = (signal("pe.acc"), signal("reduce.2.valid"), signal("out.valid"));
    for row in 0..rows {
        let all = lanes_of(&a.row(row).to_vec(), &w.column(0).to_vec());
        for (beat, lanes) in all.iter().enumerate() {
            // No registers in front: a beat is in the accumulators in the cycle after it came.
            let cycle = 3 * row + beat + 1;
            assert_eq!(acc[cycle], lanes.map(i64::from), "row {row} beat {beat}");
        }
        // Law C: the last beat's sum, one cycle behind it, and two registers of the level.
        let last = 3 * row + 2 + 1;
        assert_eq!((valid[last + 1][0], out[last + 2][0]), (1, 1));
        let sum = all[2].iter().fold(0_i32, |sum, lane| sum.wrapping_add(*lane));
        assert_eq!(signal("reduce.2")[last + 1][0], i64::from(sum));
        assert_eq!(signal("out.data")[last + 2][0], i64::from(sum));
        assert_eq!(run.outcome.accumulators[[row, 0]], i64::from(sum));
    }
    assert_eq!(out.iter().map(|bits| bits[0]).sum::<i64>(), rows as i64);
}

/// Only sums that wrap are the same where they are added behind the accumulators.
#[test]
fn another_design_than_adding_before_unless_it_wraps() {
    let of = |when: &str, rule: &str| {
        let level = format!("group = 4\nwhen = \"{when}\"\nformat = \"s18\"\noverflow = \"{rule}\"");
        let text = MLAL
            .replace("group = 2\nstride = 8\nformat = \"s16\"\noverflow = \"wrap\"\n[[reduce]]\ngroup = 2\n[[reduce]]\n", "")
            .replace("group = 4\nwhen = \"last\"\nformat = \"s32\"\noverflow = \"wrap\"", &level)
            .replace("width = 32", "width = 18")
            .replace("signed = true\noverflow = \"wrap\"", &format!("signed = true\noverflow = \"{rule}\""))
            .replace("lanes = 16", "lanes = 4");
        // Where the level holds every sum of a beat, its rule changes nothing.
        Arc::new(parse(&text))
    };
    let mut random = Random::new(11);
    let [mut same, mut other] = [0, 0];
    for _ in 0..60 {
        let k = 1 + random.below(60);
        let [a, w] = [[2, k], [k, 2]].map(|shape| random.matrix(shape, "s8".parse().unwrap(), true));
        let run = |when: &str, rule: &str| {
            let program = program(&of(when, rule), &a, &w);
            both(&program, &format!("{when} {rule}")).0.accumulators
        };
        assert_eq!(run("last", "wrap"), run("beat", "wrap"));
        if run("last", "saturate") == run("beat", "saturate") { same += 1 } else { other += 1 }
    }
    assert!(same > 5 && other > 5, "{same} {other}");
}

#[test]
fn random_designs_with_several_accumulators() {
    let (mut hits, mut designs) = (BTreeMap::<String, [u64; 2]>::new(), 0);
    for seed in 0..6000 {
        let mut random = Random::new(120_000 + seed);
        let design = random::design(&mut random);
        if design.after.is_empty() {
            continue;
        }
        designs += 1;
        let program = random::program(design, &mut random);
        let (outcome, _) = both(&program, &format!("seed {seed}"));
        let nodes = program.design.fitting_nodes();
        for ((node, _), events) in nodes.iter().zip(&outcome.counts.unwrap().nodes) {
            let kind = match node {
                Node::After(level) => format!("after {:?}", program.design.after[*level].overflow),
                Node::Accumulator => format!("accumulator {:?}", program.design.accumulator.overflow),
                _ => continue,
            };
            let hit = hits.entry(kind).or_default();
            *hit = [hit[0] + events.high, hit[1] + events.low];
        }
    }
    assert!(designs > 60, "{designs}");
    assert_eq!(hits.len(), 6, "{hits:?}");
    assert!(hits.values().flatten().all(|count| *count > 20), "{hits:?}");
}

/// What gets there is what the parts of the lanes make: an idle lane's accumulator stays 0.
#[test]
fn lanes_without_a_product_add_nothing() {
    let design = Arc::new(parse(MLAL));
    let mut random = Random::new(12);
    let names = numbers(&design, 1, &mut random);
    assert!(names.is_empty());
    let [a, w] = [Array2::from_elem([1, 1], -128), Array2::from_elem([1, 1], -128)];
    let (outcome, _) = both(&program(&design, &a, &w), "one product");
    assert_eq!(outcome.accumulators[[0, 0]], 16384);
}
