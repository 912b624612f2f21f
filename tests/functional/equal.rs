//! Functional ≡ oracle ≡ cycle engine.

use goldpath::design::Dataflow;
use goldpath::functional::{self, Bytes, Kernels, Prepared};
use goldpath::lower::{Gather, Outcome, Program};
use goldpath::simulate::{self, Options};
use rayon::prelude::*;

use super::cases::{self, Case, FAMILIES};
use super::operands;
use super::oracle::program::{self, Outcome as Expected};
use super::oracle::{self, machine::Entry};
use super::tally::Tally;
use super::work::Random;

/// The first thing in which an engine's outcome differs.
pub fn difference(expected: &Expected, found: &Outcome) -> Result<(), String> {
    let table = |name: &str, expected: &[i128], found: &ndarray::Array2<i64>| {
        if found.len() != expected.len() || found.ncols() != expected.channels(found.nrows()) {
            return Err(format!("{name}: the shape is {:?}", found.dim()));
        }
        match found.indexed_iter().zip(expected).find(|((_, f), e)| i128::from(**f) != **e) {
            None => Ok(()),
            Some((((m, n), found), expected)) => {
                Err(format!("{name} [{m}, {n}] is {found}, the oracle says {expected}"))
            }
        }
    };
    table("accumulator", &expected.accumulators, &found.accumulators)?;
    table("output", &expected.outputs, &found.outputs)?;
    let Some(counts) = &found.counts else { return Ok(()) };
    let expected_counts: Vec<i128> = expected.counts.iter().map(|c| i128::from(*c)).collect();
    table("count", &expected_counts, &counts.accumulator)?;
    let nodes: Vec<_> = counts.nodes.iter().map(|n| (n.node.clone(), n.high, n.low)).collect();
    if nodes != expected.nodes {
        return Err(format!("nodes are {nodes:?}, the oracle says {:?}", expected.nodes));
    }
    let first = counts.first.clone().map(|first| program::Event {
        node: first.node,
        row: first.m,
        channel: first.n,
        beat: first.beat,
        high: first.high,
    });
    if first != expected.first {
        return Err(format!("the first event is {first:?}, the oracle says {:?}", expected.first));
    }
    Ok(())
}

trait Channels {
    fn channels(&self, rows: usize) -> usize;
}

impl Channels for [i128] {
    fn channels(&self, rows: usize) -> usize {
        self.len() / rows.max(1)
    }
}

/// Both engines, every copy of the kernels, with and without counts, prefixes and walks; the oracle's answer when all
/// agree.
fn verdict(case: &Case, tally: &mut Tally) -> Result<Expected, String> {
    let program = case.program();
    let (machine, work) = (case.machine(), case.work());
    let expected = program::run(&machine, &work);
    let found = functional::run(&program, true);
    difference(&expected, &found)?;
    routes(&program, &expected, tally)?;
    if case.seed.is_multiple_of(4) {
        difference(&expected, &functional::run_plain(&program, true))
            .map_err(|what| format!("plain: {what}"))?;
    }
    if case.seed.is_multiple_of(3) {
        other_inputs(case, &program, tally)?;
    }
    prefixes(&program, &expected, tally)?;
    walks(case, &program, &expected, tally)?;
    cycles(case, &program, &found, tally)?;
    Ok(expected)
}

/// Every copy of the kernels, values only and with counts; the tally says which routes served how many outputs.
pub fn routes(program: &Program, expected: &Expected, tally: &mut Tally) -> Result<(), String> {
    for kernels in Kernels::available() {
        for counts in [true, false] {
            let prepared = Prepared::new(program, functional::Options { counts, kernels });
            let found = prepared.run(program);
            let how = || format!("{} kernels, counts {counts}, {:?}", kernels.name(), prepared.routes());
            difference(expected, &found).map_err(|what| format!("{}: {what}", how()))?;
            if found.counts.is_some() != counts {
                return Err(format!("{}: counts are the wrong way round", how()));
            }
            if let Some(outputs) = bytes(program, &prepared, counts, expected)
                .map_err(|what| format!("{}: from bytes: {what}", how()))?
            {
                tally.add(format!("outputs from bytes {} counts {counts}", kernels.name()), outputs);
            }
            let shares = prepared.routes();
            let kind = if counts { "counted" } else { "values" };
            for share in &shares {
                let outputs = share.channels * program.shape.rows();
                tally.add(format!("route {} {kind} {}", share.route.name(), kernels.name()), outputs as u64);
            }
            if shares.iter().map(|share| share.channels).sum::<usize>() != program.shape.channels() {
                return Err(format!("{}: the channels do not add up", how()));
            }
            tally.add("several routes in one program", u64::from(shares.len() > 1));
        }
    }
    Ok(())
}

/// The same product from bytes into tables of 32 bits, where that is offered; how many outputs.
fn bytes(
    program: &Program,
    prepared: &Prepared,
    counts: bool,
    expected: &Expected,
) -> Result<Option<u64>, String> {
    if !matches!(program.gather, Gather::Matrix) {
        return Ok(None);
    }
    let signed: Option<Vec<i8>> = program.activations.iter().map(|a| i8::try_from(*a).ok()).collect();
    let unsigned: Option<Vec<u8>> = program.activations.iter().map(|a| u8::try_from(*a).ok()).collect();
    let codes = match (&signed, &unsigned) {
        (_, Some(codes)) => Bytes::Unsigned(codes),
        (Some(codes), _) => Bytes::Signed(codes),
        _ => return Ok(None),
    };
    let outputs = expected.accumulators.len();
    let (mut values, mut found) = (vec![7; outputs], vec![7; if counts { outputs } else { 0 }]);
    let Ok([high, low]) = prepared.accumulate(codes, &mut values, &mut found) else { return Ok(None) };
    if let Some(at) = (0..outputs).find(|at| i128::from(values[*at]) != expected.accumulators[*at]) {
        return Err(format!("output {at} is {}, not {}", values[at], expected.accumulators[at]));
    }
    if !counts {
        return Ok(Some(outputs as u64));
    }
    let node = expected.nodes.iter().find(|(id, ..)| id == "accumulator").map(|(_, high, low)| [*high, *low]);
    if node != Some([high, low]) || found.iter().zip(&expected.counts).any(|(f, e)| u64::from(*f) != *e) {
        return Err(format!("{high} high and {low} low, not {node:?}, or other counts"));
    }
    Ok(Some(outputs as u64))
}

/// Weights that were analysed for one input serve another.
fn other_inputs(case: &Case, program: &Program, tally: &mut Tally) -> Result<(), String> {
    let mut random = Random::new(!case.seed);
    let [m, k, _] = case.shape();
    let spread = random.pick(&operands::SPREADS);
    let activations = operands::codes(&mut random, [m, k], case.design.activation.format, spread);
    let other = Case { activations, ..case.clone() };
    let expected = program::run(&other.machine(), &other.work());
    let other = other.program();
    for counts in [true, false] {
        let prepared = Prepared::new(program, functional::Options::new(counts));
        if !prepared.serves(&other, counts) || prepared.serves(&other, !counts) {
            return Err("an analysis does not know whom it serves".to_string());
        }
        difference(&expected, &prepared.run(&other)).map_err(|what| format!("other inputs: {what}"))?;
    }
    tally.add("outputs of other inputs", expected.outputs.len() as u64);
    Ok(())
}

/// The cycle engine, where it takes no longer than the rest.
fn cycles(case: &Case, program: &Program, found: &Outcome, tally: &mut Tally) -> Result<(), String> {
    let array = &case.design.array;
    let registers = array.rows * array.columns * array.lanes;
    let work = simulate::Timing::new(program).total_cycles() * registers as u64;
    if work > MOST_CYCLE_STEPS
        || (array.dataflow != Dataflow::OutputStationary && work > MOST_CYCLE_STEPS / 4)
    {
        return Ok(());
    }
    let options = Options { counts: true, ..Default::default() };
    let run = simulate::run(program, options, &mut []).map_err(|error| error.to_string())?;
    tally.cycle_outputs += found.outputs.len() as u64;
    if run.outcome != *found {
        return Err("the cycle engine's outcome differs from both".to_string());
    }
    Ok(())
}

const MOST_CYCLE_STEPS: u64 = 2_000_000;

/// Sums and extremes of all prefixes, where they fit the type that holds them.
fn prefixes(program: &Program, expected: &Expected, tally: &mut Tally) -> Result<(), String> {
    for kernels in functional::Kernels::available() {
        let tracker = functional::Tracker::new(program, kernels);
        tracked(&tracker.prefixes(program), expected, tally).map_err(|e| format!("{e} ({kernels:?})"))?;
        widths(&tracker.widths(program), program, expected).map_err(|e| format!("{e} ({kernels:?})"))?;
    }
    Ok(())
}

/// How many outputs of a channel need how many bits: by trying every width.
fn widths(found: &[functional::Widths], program: &Program, expected: &Expected) -> Result<(), String> {
    let channels = program.shape.channels();
    let mut counted = vec![[0_u64; 65]; channels];
    for (at, (low, high)) in expected.lows.iter().zip(&expected.highs).enumerate() {
        // Beyond 64 bits both ends are held at the last width.
        let fits = |width: &usize| *low >= -(1_i128 << (width - 1)) && *high < 1_i128 << (width - 1);
        counted[at % channels][(1..=64).find(fits).unwrap_or(64)] += 1;
    }
    match counted.iter().zip(found).position(|(counted, found)| counted != found) {
        Some(n) => Err(format!("widths of channel {n}: {:?}, the oracle counts {:?}", found[n], counted[n])),
        None => Ok(()),
    }
}

fn tracked(found: &functional::Prefixes, expected: &Expected, tally: &mut Tally) -> Result<(), String> {
    let tables = [
        ("prefix sum", &found.sums, &expected.sums),
        ("prefix low", &found.low, &expected.lows),
        ("prefix high", &found.high, &expected.highs),
    ];
    for (name, found, expected) in tables {
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            if i64::try_from(*expected).is_err() {
                tally.beyond_64_bits += 1;
            } else if i128::from(*found) != *expected {
                return Err(format!("{name} of output {at} is {found}, the oracle says {expected}"));
            }
        }
    }
    Ok(())
}

/// Three outputs, step by step.
fn walks(case: &Case, program: &Program, expected: &Expected, tally: &mut Tally) -> Result<(), String> {
    let (machine, work) = (case.machine(), case.work());
    let mut random = Random::new(case.seed);
    let [m, _, n] = case.shape();
    for _ in 0..3 {
        let (row, channel) = (random.below(m), random.below(n));
        let at = row * n + channel;
        let walk = functional::walk(program, row, channel);
        let beats = program::beats(&machine, &work, row, channel);
        tally.steps_walked += beats.len() as u64;
        let step = |s: &functional::Step| program::Beat {
            term: s.term,
            entering: s.entering,
            value: i128::from(s.value),
            high: s.flags.high,
            low: s.flags.low,
        };
        let steps: Vec<_> = walk.steps.iter().map(step).collect();
        if steps != beats {
            let step = steps.iter().zip(&beats).position(|(s, b)| s != b);
            return Err(format!("the walk of [{row}, {channel}] differs at step {step:?}"));
        }
        let ends = [i128::from(walk.accumulator), walk.exact, i128::from(walk.output)];
        if ends != [expected.accumulators[at], expected.products[at], expected.outputs[at]] {
            return Err(format!("the walk of [{row}, {channel}] ends in {ends:?}"));
        }
    }
    Ok(())
}

/// Checks a case; one that fails is made as small as it stays wrong.
pub fn check(case: &Case, tally: &mut Tally) {
    let Err(first) = verdict(case, tally).map(|expected| tally.note(case, &expected)) else { return };
    let (mut smallest, mut what) = (case.clone(), first.clone());
    while let Some((smaller, why)) = smaller(&smallest) {
        (smallest, what) = (smaller, why);
    }
    panic!(
        "{}: {first}\nsmallest: {}: {what}\nactivations {:?}\nweights {:?}\nnumbers {:?}\n{:#?}",
        case.what(),
        smallest.what(),
        smallest.activations,
        smallest.weights,
        smallest.numbers,
        smallest.design
    );
}

/// A part of the case that is wrong, too: half of it, or all but one end, along one axis.
fn smaller(case: &Case) -> Option<(Case, String)> {
    let shape = case.shape();
    for axis in 0..3 {
        let extent = shape[axis];
        for (from, to) in [(0, extent / 2), (extent / 2, extent), (0, extent.max(1) - 1), (1, extent)] {
            if from >= to || to - from == extent {
                continue;
            }
            let (mut start, mut size) = ([0; 3], shape);
            (start[axis], size[axis]) = (from, to - from);
            let part = case.part(start, size);
            if let Err(what) = verdict(&part, &mut Tally::default()) {
                return Some((part, what));
            }
        }
    }
    None
}

fn run(cases_per_family: u64, macs: usize) -> Tally {
    let seeds: Vec<(&str, u64)> =
        (0..cases_per_family).flat_map(|seed| FAMILIES.map(|family| (family, seed))).collect();
    let checked = seeds.into_par_iter().map(|(family, seed)| {
        let mut tally = Tally::default();
        check(&cases::case(family, seed, macs), &mut tally);
        tally
    });
    checked.reduce(Tally::default, Tally::merge)
}

#[test]
fn functional_is_the_oracle_and_the_cycle_engine() {
    let tally = run(260, 20_000);
    tally.print("default");
    tally.is_hard(1000);
    assert!(tally.outputs >= 1_000_000 && tally.cycle_outputs >= 500_000, "too few outputs");
}

#[test]
#[ignore = "long: cargo test --test functional -- --ignored --nocapture"]
fn ten_million_outputs() {
    let tally = run(1200, 24_000);
    tally.print("ten million");
    tally.is_hard(10_000);
    assert!(tally.outputs >= 10_000_000 && tally.cycle_outputs >= 10_000_000, "too few outputs");
}

/// The oracle's entry to a node says what its rules say one at a time.
#[test]
fn the_oracle_agrees_with_itself() {
    let mut random = Random::new(5);
    for _ in 0..20_000 {
        let signed = random.below(2) == 0;
        let width = random.within(1, 20) as u32;
        for rule in oracle::OVERFLOWS {
            let value = i128::from(random.within(-1 << 22, 1 << 22));
            let entry = Entry::new(width, signed, rule);
            assert_eq!(entry.fit(value), oracle::fit(value, width, signed, rule), "{value} {width} {rule}");
        }
    }
}

/// Products that go through steps and weights that are powers of two, by the oracle.
#[test]
fn steps_of_products_and_powers_are_the_oracles() {
    let (mut stepped, mut powers, mut events) = (0, 0, [0, 0]);
    for seed in 0..500 {
        let case = cases::case("anything", 500_000 + seed, 2_000);
        let has_powers = case.design.weight.coding != goldpath::design::Coding::Integer;
        if case.design.product_steps.is_empty() && !has_powers {
            continue;
        }
        let program = case.program();
        let expected = program::run(&case.machine(), &case.work());
        for outcome in [functional::run_plain(&program, true), functional::run(&program, true)] {
            difference(&expected, &outcome).unwrap_or_else(|what| panic!("{}: {what}", case.what()));
        }
        stepped += usize::from(!case.design.product_steps.is_empty());
        powers += usize::from(has_powers);
        for (_, high, low) in expected.nodes.iter().filter(|(node, ..)| node.starts_with("product")) {
            events = [events[0] + high, events[1] + low];
        }
    }
    println!("{stepped} with steps, {powers} with powers, events {events:?}");
    assert!(stepped > 80 && powers > 30 && events.iter().all(|events| *events > 1000));
}
