//! Outputs that overflow, again: one walk over the terms serves every width and mode at which they do.

use crate::functional::{self, walk};
use crate::lower::Program;
use crate::num::lanes::Rule;
use crate::num::{Fitted, Flags, Format, Overflow, fit};
use crate::post::{self, bind};

/// One accumulator among those that an output is replayed in.
#[derive(Debug, Clone, Copy)]
pub struct Lane {
    pub register: Format,
    pub rule: Overflow,
    /// R9: fitted by the accumulator's rule.
    start: Fitted,
}

impl Lane {
    pub fn new(register: Format, rule: Overflow, start: i64) -> Lane {
        Lane { register, rule, start: fit(i128::from(start), register, rule) }
    }
}

/// What became of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// With a memory, its word; of several accumulators, what their levels make of them.
    pub accumulator: i64,
    pub high: u64,
    pub low: u64,
    /// On which side of the register the start lay.
    pub start: Flags,
}

/// The terms of one row's outputs, channel by channel: what enters their accumulators, beat by beat.
pub struct Terms<'a> {
    program: &'a Program,
    m: usize,
    /// Scheduled elements of each beat, one beat after the other; `None` where a step or a reduction level may change
    /// what is added, or an output has several accumulators, which is the walk's matter.
    beats: Option<Vec<Vec<usize>>>,
    /// The group whose activations, offset included, are at hand.
    group: Option<usize>,
    activations: Vec<i64>,
}

impl<'a> Terms<'a> {
    pub fn of_row(program: &'a Program, m: usize) -> Terms<'a> {
        let design = &program.design;
        let is_plain =
            design.product_steps.is_empty() && design.after.is_empty() && design.has_exact_levels();
        let beats = is_plain.then(|| match design.array.lanes {
            1 => Vec::new(),
            lanes => (0..program.beats())
                .map(|beat| (0..lanes).filter_map(|lane| program.k_of(beat, lane)).collect())
                .collect(),
        });
        Terms { program, m, beats, group: None, activations: Vec::new() }
    }

    /// What is added in the accumulator of channel `n` (counted over all groups); of several, in each of them, beat by beat.
    pub fn of(&mut self, n: usize) -> Vec<i64> {
        let (program, shape) = (self.program, self.program.shape);
        let Some(beats) = &self.beats else {
            // A term is as wide as what the prefixes hold: 64 bits.
            return walk(program, self.m, n).steps.into_iter().map(|step| step.term as i64).collect();
        };
        let offset = |o: Option<post::Operand>| o.map_or(0, |o| bind(o, &program.parameters, n));
        let (group, channel) = (n / shape.n, n % shape.n);
        if self.group != Some(group) {
            let (image, position) = (self.m / shape.m, self.m % shape.m);
            let add = offset(program.design.activation.offset);
            let code = |k| i64::from(program.activation(image, group, position, k)) + add;
            self.activations = (0..shape.k).map(code).collect();
            self.group = Some(group);
        }
        let add = offset(program.design.weight.offset);
        let weight = |k| program.design.weight.value(i64::from(program.weight(group, k, channel)));
        let product = |k: usize| self.activations[k] * (weight(k) + add);
        match beats.is_empty() {
            true => (0..shape.k).map(product).collect(),
            false => beats.iter().map(|ks| ks.iter().map(|k| product(*k)).sum()).collect(),
        }
    }
}

/// R3: one term at a time, each sum fitted; those of visits meet in the memory's word, those of several accumulators behind
/// the last beat. `terms` are those of channel `n`, as [`Terms::of`] has them.
pub fn replay(program: &Program, n: usize, terms: &[i64], lane: Lane) -> Replayed {
    let design = &program.design;
    if !design.after.is_empty() {
        return lanes(program, n, terms, lane);
    }
    let Some(memory) = design.memory else { return visit(terms.iter().copied(), lane) };
    let [store, load] = [design.store_program(), design.load_program()]
        .map(|steps| (steps.channel(&program.parameters, n), steps.steps.len()));
    let mut all = Replayed { accumulator: 0, high: 0, low: 0, start: lane.start.flags };
    let steps = design.visit_steps().unwrap_or_else(|| program.beats()).max(1);
    for (index, terms) in terms.chunks(steps).enumerate() {
        let visit = visit(terms.iter().copied(), lane);
        let before = match index {
            0 => 0,
            _ => load.0.through(0..load.1, i128::from(all.accumulator)),
        };
        let word = before + store.0.through(0..store.1, i128::from(visit.accumulator));
        all = Replayed {
            accumulator: memory.fit().of(word).value,
            high: all.high + visit.high,
            low: all.low + visit.low,
            ..all
        };
    }
    all
}

/// Of several accumulators, each by itself.
fn lanes(program: &Program, n: usize, terms: &[i64], lane: Lane) -> Replayed {
    let count = program.design.partial_sums();
    let of_one = |index: usize| visit(terms.iter().skip(index).step_by(count).copied(), lane);
    let all: Vec<Replayed> = (0..count).map(of_one).collect();
    let sums: Vec<i64> = all.iter().map(|one| one.accumulator).collect();
    Replayed {
        accumulator: functional::added(program, n, &sums),
        high: all.iter().map(|one| one.high).sum(),
        low: all.iter().map(|one| one.low).sum(),
        start: lane.start.flags,
    }
}

fn visit(terms: impl Iterator<Item = i64>, lane: Lane) -> Replayed {
    match Rule::<i64>::new(lane.register, lane.rule) {
        Some(rule) => steps(terms, lane.start, |value, term| rule.add(value, term)),
        None => steps(terms, lane.start, |value, term| {
            fit(i128::from(value) + i128::from(term), lane.register, lane.rule)
        }),
    }
}

#[inline(always)]
fn steps(terms: impl Iterator<Item = i64>, start: Fitted, add: impl Fn(i64, i64) -> Fitted) -> Replayed {
    let mut replayed = Replayed { accumulator: start.value, high: 0, low: 0, start: start.flags };
    for term in terms {
        let Fitted { value, flags } = add(replayed.accumulator, term);
        replayed.accumulator = value;
        replayed.high += u64::from(flags.high);
        replayed.low += u64::from(flags.low);
    }
    replayed
}
