//! The whole language at once: every engine against the other, an oracle that shares no code, and the two laws that part
//! values from cycles.

use std::collections::BTreeMap;

use goldpath::datapath::{self, Lockstep};
use goldpath::lower::{Outcome, Program};
use goldpath::simulate::{self, Options};
use rayon::prelude::*;

use super::equal::both;
use super::oracle::program::{self as oracle, Work};
use super::timing::{on, other_arithmetic, other_timing, trace};
use super::work::Random;
use super::{memory, neutral, random};

/// How many designs a check was made on.
type Tally = BTreeMap<String, usize>;

/// One of any kind; a design whose words would be visited too early is none.
fn drawn(random: &mut Random) -> Option<Program> {
    match random.below(7) {
        0 => Some(random::values(random::post_only(random), random)),
        1 | 2 => memory::program(random),
        3 => Some(random::program(random::design(random), random)),
        _ => Some(random::program(random::language(random), random)),
    }
}

/// Values, and counts at every node, by the oracle.
fn as_the_oracle(program: &Program, outcome: &Outcome, seed: u64) {
    let shape = program.shape;
    let mut work = Work {
        images: shape.images,
        groups: shape.groups,
        m: shape.m,
        k: shape.k,
        n: shape.n,
        activations: Vec::new(),
        weights: Vec::new(),
    };
    for m in 0..shape.m {
        work.activations.extend((0..shape.k).map(|k| i64::from(program.activation(0, 0, m, k))));
    }
    for k in 0..shape.k {
        work.weights.extend((0..shape.n).map(|n| i64::from(program.weight(0, k, n))));
    }
    let expected = oracle::run(&neutral::machine(&program.design, &program.parameters), &work);
    let same = |found: &ndarray::Array2<i64>, expected: &[i128]| {
        found.iter().zip(expected).all(|(found, expected)| i128::from(*found) == *expected)
    };
    let counts = outcome.counts.as_ref().unwrap();
    let nodes: Vec<_> = counts.nodes.iter().map(|node| (node.node.clone(), node.high, node.low)).collect();
    let text = || program.design.to_toml();
    assert!(same(&outcome.accumulators, &expected.accumulators), "seed {seed}: accumulators\n{}", text());
    assert!(same(&outcome.outputs, &expected.outputs), "seed {seed}: outputs\n{}", text());
    assert_eq!(nodes, expected.nodes, "seed {seed}\n{}", text());
}

/// The vector grid and the array as drawn, register by register, where the first has a licence.
fn grid(program: &Program, seed: u64) -> bool {
    let records = program.records();
    let Some(fast) = datapath::grid(&program.design, &records) else { return false };
    let plain = datapath::Array::new(program.design.clone(), records);
    let mut pair = Lockstep::new(fast, plain);
    simulate::run_on(program, &mut pair, Options::default(), &mut []).unwrap();
    assert_eq!(pair.difference(), None, "seed {seed}\n{}", program.design.to_toml());
    true
}

/// Other latencies, the same values; other formats, the same cycles.
fn laws(program: &Program, random: &mut Random, seed: u64) {
    let other = on(program, other_timing(&program.design, random));
    let options = Options { counts: true, ..Options::default() };
    // A word that comes around sooner may not be there yet.
    if program.design.memory.is_none_or(|memory| memory.write_latency <= 1) {
        let [one, two] = [program, &other].map(|p| simulate::run(p, options, &mut []).unwrap().outcome);
        assert_eq!(one, two, "seed {seed}: a latency changed a value\n{}", program.design.to_toml());
    }
    let other = on(program, other_arithmetic(&program.design, random));
    let [one, two] = [program, &other].map(trace);
    assert_eq!(one.cycles(), two.cycles(), "seed {seed}");
    let control = [".valid", ".first", ".last", ".done", ".drain"];
    for signal in &one.table().signals {
        if control.iter().any(|bit| signal.name.contains(bit)) {
            assert_eq!(one.signal(&signal.name), two.signal(&signal.name), "seed {seed} {}", signal.name);
        }
    }
}

fn check(seed: u64) -> Tally {
    let mut random = Random::new(900_000 + seed);
    let Some(program) = drawn(&mut random) else { return Tally::new() };
    let (outcome, _) = both(&program, &format!("seed {seed}"));
    as_the_oracle(&program, &outcome, seed);
    let in_grid = grid(&program, seed);
    laws(&program, &mut random, seed);
    let array = &program.design.array;
    let counts = outcome.counts.as_ref().unwrap();
    let overflows = counts.nodes.iter().any(|node| node.high + node.low > 0);
    let seen = [
        (format!("{:?}", array.dataflow), true),
        ("several lanes".to_owned(), array.lanes > 1),
        ("banks".to_owned(), array.banks > 1),
        ("memory".to_owned(), program.design.memory.is_some()),
        ("steps of products".to_owned(), !program.design.product_steps.is_empty()),
        ("fitted levels".to_owned(), !program.design.has_exact_levels()),
        (format!("drain {:?}", array.drain.map(|drain| drain.order)), array.drain.is_some()),
        (format!("load {:?}", array.load.map(|load| load.kind)), array.load.is_some()),
        ("register by register in the vector grid".to_owned(), in_grid),
        ("overflows".to_owned(), overflows),
        ("designs".to_owned(), true),
    ];
    seen.into_iter().filter(|(_, is)| *is).map(|(what, _)| (what, 1)).collect()
}

fn check_all(count: u64) {
    let add = |mut all: Tally, more: Tally| {
        more.into_iter().for_each(|(what, times)| *all.entry(what).or_default() += times);
        all
    };
    let tally = (0..count).into_par_iter().map(check).reduce(Tally::new, add);
    println!("{tally:#?}");
    let least = count as usize / 100;
    assert!(tally.len() > 18 && tally.values().all(|times| *times >= least), "{tally:#?}");
    assert!(tally["designs"] > count as usize * 9 / 10 && tally["overflows"] > count as usize / 3);
}

#[test]
fn any_design() {
    check_all(240);
}

#[test]
#[ignore = "long: 5 600 random designs, some minutes"]
fn five_thousand_designs() {
    check_all(5_600);
}
