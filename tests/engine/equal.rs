//! Both engines give the same outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::datapath::{self, Lockstep};
use goldpath::design::{Dataflow, Design, Mirror, Node, Operand, Start};
use goldpath::lower::{Counts, Event, Outcome, Program};
use goldpath::post;
use goldpath::simulate::Timing;
use goldpath::trace::MemorySink;
use goldpath::{functional, simulate};

use super::work::{Random, product};
use super::{designs, random};

/// Runs both engines and compares everything.
pub fn both(program: &Program, what: &str) -> (Outcome, simulate::Run) {
    let plain = functional::run_plain(program, true);
    fast(program, &plain, what);
    let options = simulate::Options { counts: true, ..Default::default() };
    let run = simulate::run(program, options, &mut []).unwrap();
    assert_eq!(plain, run.outcome, "{what}");
    assert_eq!(run.cycles, simulate::Timing::new(program).total_cycles(), "{what}");
    (plain, run)
}

/// Every copy of the fast engine, with and without counts, gives what the definition gives.
fn fast(program: &Program, plain: &Outcome, what: &str) {
    for kernels in functional::Kernels::available() {
        for counts in [true, false] {
            let prepared = functional::Prepared::new(program, functional::Options { counts, kernels });
            let outcome = prepared.run(program);
            let routes = prepared.routes();
            assert_eq!(plain.accumulators, outcome.accumulators, "{what} {kernels:?} {counts} {routes:?}");
            assert_eq!(plain.outputs, outcome.outputs, "{what} {kernels:?} {counts} {routes:?}");
            let wanted = plain.counts.as_ref().filter(|_| counts);
            assert_eq!(wanted, outcome.counts.as_ref(), "{what} {kernels:?} {routes:?}");
        }
    }
}

#[test]
fn twins_on_small_products() {
    for design in designs::twins().into_iter() {
        let design = Arc::new(design);
        for (seed, shape) in [[1, 1, 1], [3, 5, 2], [2, 9, 17], [20, 33, 9]].into_iter().enumerate() {
            for extreme in [false, true] {
                let program = product(&design, shape, seed as u64, extreme);
                both(&program, &format!("{} {shape:?} {extreme}", design.name));
            }
        }
    }
}

/// 8-bit codes whose offset takes them beyond 16 bits: they span 256 values, but no 16-bit lane holds them.
#[test]
fn activations_beyond_16_bits() {
    let mut hits = [0, 0];
    for (offset, width, rule) in (20_u32..=30).flat_map(|w| [(40_000, w, 0), (-40_000, w, 1), (40_000, w, 2)])
    {
        let mut random = Random::new(u64::from(width));
        let overflow = random::ACCUMULATORS[rule];
        let design = designs::edited(&designs::mac_s8_acc32(), |parts| {
            parts.activation = Operand {
                offset: Some(post::Operand::Constant(offset)),
                sum: designs::f("s17"),
                ..designs::operand("u8")
            };
            parts.post.clear();
            parts.parameters.truncate(1);
            parts.accumulator = designs::accumulator(&format!("s{width}"), overflow, Start::Bias);
        });
        let a = random.matrix([7, 64], design.activation.format, false);
        // Channels of one sign, which stray all the time, and mixed ones.
        let w = ndarray::Array2::from_shape_fn([64, 20], |(_, n)| match n % 3 {
            0 => 127,
            1 => -128,
            _ => random.within(-128, 127),
        });
        let program = Program::matrix(Arc::new(design), a.view(), w.view(), &Default::default()).unwrap();
        let (outcome, _) = both(&program, &format!("{offset} {width} {overflow:?}"));
        for node in outcome.counts.iter().flat_map(|c| &c.nodes) {
            hits = [hits[0] + node.high, hits[1] + node.low];
        }
    }
    assert!(hits[0] > 10_000 && hits[1] > 10_000, "{hits:?}");
}

#[test]
fn every_cycle_of_a_small_mac() {
    let design = Arc::new(designs::mac_s8_acc32());
    let program = product(&design, [1, 2, 1], 7, false);
    let mut memory = MemorySink::default();
    let run = simulate::run(&program, simulate::Options::default(), &mut [&mut memory]).unwrap();
    assert_eq!(run.cycles as usize, memory.cycles());
    let done: Vec<_> = memory.signal("pe.done").unwrap().iter().map(|v| v[0]).collect();
    assert_eq!(done, [0, 0, 0, 0, 1, 0, 0, 0, 0]);
}

/// Adds up which node kinds overflowed high and low, by their rule.
#[derive(Default)]
struct Hits(BTreeMap<String, [u64; 2]>);

impl Hits {
    fn add(&mut self, design: &Design, counts: &Counts) {
        for ((node, _), events) in design.fitting_nodes().iter().zip(&counts.nodes) {
            let kind = match node {
                Node::Product(step) => format!("product {:?}", design.product_steps[*step].overflow),
                Node::Reduce(level) => format!("reduce {:?}", design.reduce[*level].overflow),
                Node::AccumulatorStart => format!("start {:?}", design.accumulator.step_rule()),
                Node::Accumulator => format!("accumulator {:?}", design.accumulator.overflow),
                Node::AccumulatorOutput => "accumulator.output".to_string(),
                Node::After(level) => format!("after {:?}", design.after[*level].overflow),
                Node::Store(_) | Node::Load(_) | Node::Memory => "memory".to_string(),
                Node::Post(step) => format!("post {:?}", design.post[*step].overflow),
            };
            let sum = self.0.entry(kind).or_default();
            sum[0] += events.high;
            sum[1] += events.low;
        }
    }
}

/// Post steps of every kind, steps inside steps, steps that a bit of the layer switches off.
#[test]
fn random_steps() {
    let (mut kinds, mut hits) = (BTreeMap::<String, usize>::new(), Hits::default());
    for seed in 0..700 {
        let mut random = Random::new(40_000 + seed);
        let program = random::program(random::language(&mut random), &mut random);
        let (outcome, run) = both(&program, &format!("seed {seed}"));
        let counts = outcome.counts.as_ref().unwrap();
        check_counts(counts, seed);
        check_first(&program, counts, run.first_cycle);
        hits.add(&program.design, counts);
        if seed % 3 == 0 && !program.design.product_steps.is_empty() {
            let gaps = simulate::Gaps::mixed(seed);
            let options = simulate::Options { counts: true, gaps, ..Default::default() };
            assert_eq!(simulate::run(&program, options, &mut []).unwrap().outcome, outcome, "seed {seed}");
        }
        for step in &program.design.product_steps {
            *kinds.entry(format!("product {}", step.op.name())).or_default() += 1;
        }
        for step in &program.design.post {
            *kinds.entry(step.op.name().to_owned()).or_default() += 1;
            *kinds.entry("adder".to_owned()).or_default() += usize::from(step.op.adder().is_some());
            *kinds.entry("value_steps".to_owned()).or_default() += usize::from(!step.value_steps.is_empty());
            *kinds.entry("if".to_owned()).or_default() += usize::from(step.when.is_some());
        }
    }
    println!("{kinds:?}");
    assert!(kinds.len() >= 23 && kinds.values().all(|count| *count > 10), "{kinds:?}");
    for rule in random::RULES {
        let [high, low] = hits.0[&format!("product {rule:?}")];
        assert!(high > 100 && low > 100, "{rule:?}: {high} high, {low} low");
    }
}

#[test]
fn random_designs() {
    let mut hits = Hits::default();
    for seed in 0..800 {
        let mut random = Random::new(seed);
        let program = random::program(random::design(&mut random), &mut random);
        let (outcome, run) = both(&program, &format!("seed {seed}"));
        let counts = outcome.counts.unwrap();
        check_counts(&counts, seed);
        check_first(&program, &counts, run.first_cycle);
        hits.add(&program.design, &counts);
    }
    let mut kinds: Vec<String> = random::ACCUMULATORS.iter().map(|o| format!("accumulator {o:?}")).collect();
    kinds.extend(random::RULES.iter().flat_map(|o| [format!("reduce {o:?}"), format!("post {o:?}")]));
    kinds.extend(random::RULES.iter().map(|o| format!("start {o:?}")));
    kinds.push("accumulator.output".to_string());
    for kind in kinds {
        let [high, low] = hits.0[&kind];
        assert!(high > 100 && low > 100, "{kind}: {high} high, {low} low");
    }
}

/// The table per output and the accumulator's node say the same.
fn check_counts(counts: &Counts, seed: u64) {
    let node = counts.nodes.iter().find(|n| n.node == "accumulator").unwrap();
    assert_eq!(counts.accumulator.sum() as u64, node.high + node.low, "seed {seed}");
}

/// The first event's cycle, by the timing laws written out once more.
fn check_first(program: &Program, counts: &Counts, cycle: Option<u64>) {
    let Some(Event { node, m, n, beat: Some(beat), .. }) = &counts.first else { return };
    let (design, array) = (&program.design, &program.design.array);
    let level = design.reduce.iter().position(|l| l.id == *node).unwrap_or(design.reduce.len());
    let behind = if node.starts_with("product") { 0 } else { 1 };
    let delay = design.operand_latency
        + behind * (design.product_latency + design.reduce[..level].iter().map(|l| l.latency).sum::<u32>());
    let across = program.shape.n.div_ceil(array.columns);
    let clears = usize::from(design.accumulator.start == Start::Zero);
    // Tile, PE, and the beat that is fed.
    let mirrored = |mirror, at: usize, of: usize| if array.mirror == mirror { of - 1 - at } else { at };
    let (tile, [row, column], fed) = match array.dataflow {
        Dataflow::WeightStationary => (n / array.columns, [*beat, n % array.columns], *m),
        Dataflow::InputStationary => (m / array.columns, [*beat, m % array.columns], *n),
        _ => {
            let (rows, banks) = (array.rows * array.banks, array.banks);
            let (tile_m, tile_n) = (m / rows, n / array.columns);
            let tile = match design.order.down_first {
                false => tile_m * across + tile_n,
                true => tile_n * program.shape.m.div_ceil(rows) + tile_m,
            };
            // Of banks, whose beats come in turn, there is one PE.
            let row = if banks > 1 { 0 } else { m % rows };
            (
                tile,
                [mirrored(Mirror::Rows, row, array.rows), n % array.columns],
                clears + beat * banks + m % banks,
            )
        }
    };
    let column = mirrored(Mirror::Columns, column, array.columns);
    let (down, right) = match array.dataflow {
        Dataflow::OutputStationary => (array.hop_weight, array.hop_activation),
        _ => (array.hop_sum, array.hop_activation + array.hop_weight),
    };
    let skew = down as usize * row + right as usize * column;
    let timing = Timing::new(program);
    let start = timing.tile_start(tile) as usize + timing.opening();
    assert_eq!(cycle, Some((start + fed + delay as usize + skew) as u64));
}

#[test]
fn mac_and_one_lane_tree_are_the_same_hardware() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let mut design = random::design(&mut random);
        design.array = designs::sequential();
        design.reduce.clear();
        design.after.clear();
        let program = random::program(design, &mut random);
        let records = program.records();
        let tree = designs::edited(&program.design, |parts| parts.array.dataflow = Dataflow::Tree);
        let tree = datapath::Array::new(Arc::new(tree), records.clone());
        let mac = datapath::Array::new(program.design.clone(), records);
        let mut both = Lockstep::new(mac, tree);
        simulate::run_on(&program, &mut both, simulate::Options::default(), &mut []).unwrap();
        assert_eq!(both.difference(), None, "seed {seed}");
    }
}

#[test]
fn lockstep_names_the_first_register_that_differs() {
    let design = Arc::new(designs::mac_s8_acc16sat());
    let wraps = designs::edited(&design, |parts| {
        parts.accumulator.overflow = goldpath::design::AccumulatorOverflow::Wrap;
    });
    // −128 · −128 twice: the second product leaves 16 bits; its sum is visible three cycles after it was driven.
    let [a, w] = [[1, 3], [3, 1]].map(|shape| ndarray::Array2::from_elem(shape, -128));
    let shift = [("shift".to_string(), vec![8])].into();
    let program = Program::matrix(design.clone(), a.view(), w.view(), &shift).unwrap();
    let records = program.records();
    let left = datapath::Array::new(design, records.clone());
    let mut both = Lockstep::new(left, datapath::Array::new(Arc::new(wraps), records));
    simulate::run_on(&program, &mut both, simulate::Options::default(), &mut []).unwrap();
    let difference = both.difference().unwrap();
    assert_eq!((difference.cycle, difference.signal.as_str()), (3, "pe.acc"));
    assert_eq!((difference.left, difference.right), (32767, -32768));
}
