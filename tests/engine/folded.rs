//! Arrays while nobody samples: the folded form against the array as it is drawn, in values, counts, cycles and first events.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::datapath::{self, Routes};
use goldpath::design::{Dataflow, Level, Parts};
use goldpath::lower::Program;
use goldpath::num::{Format, Overflow};
use goldpath::simulate::{self, Options};

use super::timing::on;
use super::work::{Random, product};
use super::{designs, memory, random};

/// Levels that hold every sum of the lanes' products; those behind the last beat as they are.
fn exact_levels(program: &Program) -> Program {
    let design = (*program.design).clone();
    let term = design.term_format();
    let mut terms = 1;
    let levels: Option<Vec<Level>> = design
        .reduce
        .iter()
        .map(|level| {
            terms *= level.group as i128;
            let format = Format::holding(i128::from(term.min()) * terms, i128::from(term.max()) * terms)?;
            Some(Level { format, overflow: Overflow::Wrap, ..level.clone() })
        })
        .collect();
    match levels {
        Some(reduce) if !reduce.is_empty() => on(program, designs::drawn(Parts { reduce, ..design.into() })),
        _ => on(program, design),
    }
}

fn programs() -> impl Iterator<Item = (u64, Program)> {
    (0..1200).filter_map(|seed| {
        let mut random = Random::new(90_000 + seed);
        let program = match seed % 3 {
            0 => memory::program(&mut random)?,
            _ => {
                let design = random::design(&mut random);
                random::program(design, &mut random)
            }
        };
        Some((seed, exact_levels(&program)))
    })
}

/// The folded form against the array as it is drawn.
fn compare(program: &Program, seed: u64) -> Option<(simulate::Run, Routes)> {
    let records = program.records();
    let mut folded = datapath::folded(&program.design, &records)?;
    let mut plain = datapath::Array::new(program.design.clone(), records);
    let options = Options { counts: true, ..Default::default() };
    let ours = simulate::run_on(program, folded.as_mut(), options, &mut []).unwrap();
    let drawn = simulate::run_on(program, &mut plain, options, &mut []).unwrap();
    assert_eq!(ours, drawn, "seed {seed}: {}", program.design.to_toml());
    Some((ours, folded.routes()))
}

/// More tiles below each other, and side by side, than are folded together at once; in the last ones, rows and columns idle.
#[test]
fn many_tiles_are_those_of_the_array() {
    let (mut kinds, mut seen) = (BTreeMap::<String, [u64; 2]>::new(), 0);
    for seed in 0..400 {
        let mut random = Random::new(95_000 + seed);
        let design = designs::drawn(random::design(&mut random));
        if design.array.sums_travel() || design.array.rows > 3 {
            continue;
        }
        let shapes = [[35, 3, 3], [18, 2, 20], [2, 3, 270], [1, 2, 300]];
        let [m, k, n] = shapes[seed as usize % 4];
        let k = random::room(&design, k);
        let program = exact_levels(&product(&Arc::new(design), [m, k, n], seed, random.below(2) == 0));
        let Some((run, _)) = compare(&program, seed) else { continue };
        let array = &program.design.array;
        let kind = format!("{} {} {}", array.dataflow.name(), array.mirror.name(), seed % 4);
        let events = run.outcome.counts.unwrap().nodes.iter().map(|node| node.high + node.low).sum::<u64>();
        let kind = kinds.entry(kind).or_default();
        (kind[0], kind[1], seen) = (kind[0] + 1, kind[1] + events, seen + 1);
    }
    println!("{kinds:?}");
    assert!(seen > 100 && kinds.len() > 12, "{kinds:?}");
    assert!(kinds.values().filter(|[_, events]| *events > 100).count() > 8, "{kinds:?}");
}

#[test]
fn folded_periods_are_those_of_the_array() {
    let (mut kinds, mut ways, mut after_events) = (BTreeMap::<String, [u64; 3]>::new(), [0; 4], 0);
    for (seed, program) in programs() {
        let Some((ours, routes)) = compare(&program, seed) else { continue };
        let Routes { steps, exact, narrow, visits, .. } = routes;
        for (all, own) in ways.iter_mut().zip([steps, exact, narrow, visits]) {
            *all += own;
        }
        let array = &program.design.array;
        let order = array.drain.map_or("", |drain| drain.order.name());
        let memory = if program.design.memory.is_some() { " memory" } else { "" };
        let kind = match program.design.after.is_empty() {
            true => format!("{} {order}{memory}", array.dataflow.name()),
            false => "several accumulators".to_string(),
        };
        let kind = kinds.entry(kind).or_default();
        let counts = ours.outcome.counts.unwrap();
        let is_after = |id: &str| program.design.after.iter().any(|level| level.id == id);
        let of_levels = counts.nodes.iter().filter(|node| is_after(&node.node));
        after_events += of_levels.map(|node| node.high + node.low).sum::<u64>();
        kind[0] += 1;
        kind[1] += counts.nodes.iter().map(|node| node.high + node.low).sum::<u64>();
        kind[2] += u64::from(array.lanes > 1) + u64::from(array.banks > 1);
        assert!(array.dataflow != Dataflow::PostOnly);
    }
    println!("{kinds:?} {ways:?}, behind the last beat {after_events}");
    assert!(after_events > 100, "{after_events}");
    assert!(ways.iter().all(|tiles| *tiles > 30), "steps, exact, narrow, visits: {ways:?}");
    assert!(kinds.len() >= 12, "{kinds:?}");
    assert!(kinds.values().all(|[programs, events, _]| *programs >= 10 && *events > 100), "{kinds:?}");
    assert!(kinds.values().map(|[.., wide]| wide).sum::<u64>() > 100, "{kinds:?}");
}
