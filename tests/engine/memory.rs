//! Sums whose parts meet in a memory: both engines against sums written out here in 128 bits, and the schedule's cycles.

use std::collections::BTreeMap;
use std::sync::Arc;

use goldpath::design::{AccumulatorOverflow, Dataflow, Design, Drain, DrainOrder, Memory, Parts, Start};
use goldpath::lower::Program;
use goldpath::num::{Format, Overflow, Rounding};
use goldpath::post::{Op, Parameter, Per, Step};
use goldpath::simulate::{Gaps, Options, Timing};
use goldpath::vectors::{BundleWriter, Found, Provenance, manifest, read_back};
use goldpath::{functional, post, simulate};

use super::equal::both;
use super::work::Random;
use super::{designs, oracle, random};

/// A random design of any kind with a memory whose words leave their format now and then.
fn design(random: &mut Random) -> Design {
    let mut design = random::design(random);
    // Every visit has a last beat: an output has one accumulator.
    design.after.clear();
    if design.accumulator.start == Start::Bias {
        design.accumulator.start = random.pick(&[Start::Zero, Start::Overwrite]);
        design.accumulator.bias = None;
    }
    if random.below(4) == 0 {
        random::add_product_steps(&mut design, random);
    }
    let lanes = design.array.lanes;
    let read_latency = random.below(3) as u32;
    let width = i64::from(design.accumulator.format.width());
    let format = Format::signed(random.within((width - 1).max(1), width + 2) as u32).unwrap();
    // Words are of whole rows.
    if let Some(drain) = design.array.drain.as_mut().filter(|drain| drain.order != DrainOrder::Rows) {
        *drain = Drain { latency: drain.latency, ..Drain::ROWS };
    }
    (design.array.banks, design.array.loop_latency) = (1, 1);
    design.memory = Some(Memory {
        format,
        overflow: random.pick(&random::RULES),
        depth: random.pick(&[5, 7, 64]),
        tile_k: match design.array.sums_travel() {
            true => None,
            false => random.pick(&[None, Some(lanes), Some(2 * lanes), Some(3 * lanes)]),
        },
        read_latency,
        write_latency: read_latency + 1,
    });
    if random.below(2) == 0 {
        add_steps(&mut design, random);
    }
    designs::drawn(design)
}

/// What a sum goes through on its way to its word, and a word that is read again.
fn add_steps(design: &mut Parts, random: &mut Random) {
    let one_visit = !design.array.sums_travel() && design.memory.is_some_and(|m| m.tile_k.is_none());
    let width = i64::from(design.accumulator.format.width());
    for list in ["store", "load"] {
        let count = if list == "load" && one_visit { 0 } else { random.below(3) };
        for index in 0..count {
            let number = |random: &mut Random, low: i64, high: i64, parameters: &mut Vec<Parameter>| {
                if random.below(2) == 0 {
                    return post::Operand::Constant(random.within(low, high));
                }
                let name = format!("m{}", parameters.len());
                let format = Format::holding(low.into(), high.into()).unwrap();
                let per = random.pick(&[Per::Layer, Per::Channel]);
                let (min, max) = (low, high);
                parameters.push(Parameter::new(name, format, per).within(min, max));
                post::Operand::Parameter(parameters.len() - 1)
            };
            let parameters = &mut design.parameters;
            let op = match random.below(5) {
                0 | 1 => {
                    let count = number(random, 0, width / 2, parameters);
                    Op::ShiftRight(count, random.pick(&Rounding::ALL), None)
                }
                2 => Op::Add(number(random, -100, 100, parameters)),
                3 => {
                    let low = number(random, -3000, 0, parameters);
                    Op::Clamp { low, high: number(random, 0, 3000, parameters) }
                }
                _ => Op::Fit,
            };
            let format = Format::signed(random.within((width / 2).max(2), (width + 2).min(64)) as u32);
            let id = format!("memory.{list}.{index}");
            let step = Step::new(&id, op, format, random.pick(&random::RULES), 0);
            if list == "store" { &mut design.store_steps } else { &mut design.load_steps }.push(step);
        }
    }
}

/// A program, unless a word would be visited too early.
pub fn program(random: &mut Random) -> Option<Program> {
    let design = design(random);
    let [m, k, n] = [1 + random.below(9), 1 + random.below(30), 1 + random.below(9)];
    let extreme = random.below(3) == 0;
    let a = random.matrix([m, k], design.activation.format, extreme);
    let w = random.matrix([k, n], design.weight.format, extreme);
    let numbers = super::work::numbers(&design, n, random);
    match Program::matrix(Arc::new(design), a.view(), w.view(), &numbers) {
        Ok(program) => Some(program),
        Err(error) => {
            assert!(error.message.contains("hazard"), "{error}");
            None
        }
    }
}

fn fitted(value: i128, format: Format, rule: Overflow, events: &mut [u64; 2]) -> i128 {
    let (mut low, high) = (i128::from(format.min()), i128::from(format.max()));
    if rule == Overflow::SaturateSymmetric && format.is_signed() {
        low = -high;
    }
    events[0] += u64::from(value > high);
    events[1] += u64::from(value < low);
    if (low..=high).contains(&value) {
        return value;
    }
    match rule {
        Overflow::Wrap => {
            let modulus = 1_i128 << format.width();
            let rest = value.rem_euclid(modulus);
            if rest > i128::from(format.max()) { rest - modulus } else { rest }
        }
        Overflow::Saturate | Overflow::SaturateSymmetric => value.clamp(low, high),
    }
}

/// The word of an output after its last visit; events of the accumulator, its clamp and the memory.
fn word(program: &Program, m: usize, n: usize, events: &mut [[u64; 2]; 7]) -> i128 {
    let (design, shape) = (&program.design, program.shape);
    let number = |operand| i128::from(post::bind(operand, &program.parameters, n));
    let (a, w) = (design.activation.offset.map_or(0, number), design.weight.offset.map_or(0, number));
    let memory = design.memory.unwrap();
    let lanes = design.array.lanes;
    let beats = shape.k.div_ceil(lanes);
    let steps = match design.array.dataflow {
        Dataflow::WeightStationary | Dataflow::InputStationary => design.array.rows,
        _ => memory.tile_k.map_or(beats, |k| k / lanes),
    };
    let rule = match design.accumulator.overflow {
        AccumulatorOverflow::Wrap | AccumulatorOverflow::SaturateOutput => Overflow::Wrap,
        AccumulatorOverflow::Saturate => Overflow::Saturate,
        AccumulatorOverflow::SaturateSymmetric => Overflow::SaturateSymmetric,
    };
    let stepped = |steps: &[Step], mut x: i128, events: &mut [[u64; 2]]| {
        for (step, events) in steps.iter().zip(events) {
            let number = |operand| match operand {
                post::Operand::Exponent { .. } => unreachable!("no design here reads exponents"),
                post::Operand::Constant(value) => i128::from(value),
                post::Operand::Parameter(index) => {
                    let values = &program.parameters[index];
                    i128::from(if values.len() == 1 { values[0] } else { values[n] })
                }
            };
            x = match &step.op {
                Op::ShiftRight(count, mode, None) => {
                    let name: String = format!("{mode}");
                    oracle::round(x, number(*count) as u32, &name)
                }
                Op::Add(value) => x + number(*value),
                Op::Clamp { low, high } => x.min(number(*high)).max(number(*low)),
                Op::Fit => x,
                op => panic!("nothing here goes through {}", op.name()),
            };
            x = fitted(x, step.format.unwrap(), step.overflow, events);
        }
        x
    };
    let (mut word, mut first) = (0, 0);
    while first < beats {
        let mut acc = 0;
        for beat in first..beats.min(first + steps) {
            let mut terms: Vec<i128> = (0..lanes)
                .map(|lane| {
                    let k = program.k_of(beat, lane);
                    k.map_or(0, |k| {
                        (i128::from(program.activations[m * shape.k + k]) + a)
                            * (i128::from(program.weights[k * shape.n + n]) + w)
                    })
                })
                .collect();
            for level in &design.reduce {
                let sums = (0..level.outputs(terms.len())).map(|at| {
                    let exact = level.terms(at).filter_map(|input| terms.get(input)).sum();
                    fitted(exact, level.format, level.overflow, &mut [0; 2])
                });
                terms = sums.collect();
            }
            acc = fitted(acc + terms.iter().sum::<i128>(), design.accumulator.register, rule, &mut events[0]);
        }
        if design.accumulator.overflow == AccumulatorOverflow::SaturateOutput {
            acc = fitted(acc, design.accumulator.format, Overflow::Saturate, &mut events[1]);
        }
        let stored = stepped(&design.store_steps, acc, &mut events[3..5]);
        let loaded = if first == 0 { 0 } else { stepped(&design.load_steps, word, &mut events[5..7]) };
        word = fitted(loaded + stored, memory.format, memory.overflow, &mut events[2]);
        first += steps;
    }
    word
}

#[test]
fn parts_of_sums_meet_as_they_are_written() {
    let (mut hits, mut kinds) = ([[0; 2]; 7], BTreeMap::new());
    for seed in 0..2000 {
        let mut random = Random::new(70_000 + seed);
        let Some(program) = program(&mut random) else { continue };
        let (outcome, run) = both(&program, &format!("seed {seed}"));
        let mut events = [[0; 2]; 7];
        let exact = program.design.product_steps.is_empty();
        for ((m, n), found) in outcome.accumulators.indexed_iter().filter(|_| exact) {
            assert_eq!(i128::from(*found), word(&program, m, n, &mut events), "seed {seed} [{m}, {n}]");
        }
        for node in outcome.counts.as_ref().unwrap().nodes.iter().filter(|_| exact) {
            let at = match node.node.as_str() {
                "accumulator" => 0,
                "accumulator.output" => 1,
                "memory" => 2,
                "memory.store.0" => 3,
                "memory.store.1" => 4,
                "memory.load.0" => 5,
                "memory.load.1" => 6,
                _ => continue,
            };
            assert_eq!([node.high, node.low], events[at], "seed {seed} {}", node.node);
        }
        hits.iter_mut().zip(events).for_each(|(all, more)| *all = [all[0] + more[0], all[1] + more[1]]);
        *kinds.entry(format!("{:?}", program.design.array.dataflow)).or_insert(0) += program.map().visits - 1;
        let Shape { m, k, n } = Shape::of(&program);
        assert_eq!(u128::from(run.cycles), program.design.cycles(m, k, n).total, "seed {seed}");
        let gaps = Options { counts: true, gaps: Gaps::mixed(seed), ..Options::default() };
        let waited = simulate::run(&program, gaps, &mut []).unwrap();
        assert_eq!(waited.outcome, outcome, "seed {seed}");
        assert_eq!(waited.cycles, Timing::with(&program, Gaps::mixed(seed)).total_cycles(), "seed {seed}");
    }
    assert!(hits[..3].iter().flatten().all(|hits| *hits > 200), "{hits:?}");
    assert!(hits[3..].iter().flatten().all(|hits| *hits > 100), "{hits:?}");
    assert!(kinds.len() == 5 && kinds.values().all(|visits| *visits > 40), "{kinds:?}");
}

struct Shape {
    m: u64,
    k: u64,
    n: u64,
}

impl Shape {
    fn of(program: &Program) -> Shape {
        let [m, k, n] = [program.shape.m, program.shape.k, program.shape.n].map(|extent| extent as u64);
        Shape { m, k, n }
    }
}

/// A bundle holds every operand of every visit: its program comes back out of it.
#[test]
fn programs_come_back_out_of_their_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let mut read = 0;
    for seed in 0..60 {
        let mut random = Random::new(80_000 + seed);
        let Some(program) = program(&mut random) else { continue };
        let out = folder.path().join("bundle");
        let mut writer = BundleWriter::create(&out, program.clone()).unwrap();
        let options = Options { gaps: Gaps::mixed(seed), ..Options::default() };
        simulate::run(&program, options, &mut [&mut writer]).unwrap();
        writer.publish(&Provenance::default(), Found::default()).unwrap();
        let again = read_back::program(&out, &manifest::read(&out).unwrap(), &program.design)
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(functional::run(&again, true), functional::run(&program, true), "seed {seed}");
        read += 1;
    }
    assert!(read > 40, "{read}");
}
