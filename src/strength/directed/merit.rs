//! What each candidate is good for.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::compare::{Decides, decides};
use crate::design::Design;
use crate::lower::{Outcome, Program};
use crate::neighbours::{self, Class, Hardware, Neighbour};
use crate::num::{Overflow, fit};
use crate::post::{Operand, Step, bind};
use crate::strength::Judge;
use crate::strength::goals::{What, goals};
use crate::strength::observed::observed_of;
use crate::strength::stages::{Mattering, Rounds, stages};

/// Something that a channel may tell or reach, by its place in the list of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Merit {
    Neighbour(usize),
    /// A goal that is counted at a node.
    Event(usize),
    /// A bit of an output that no bound cuts, and what it is: a narrower or otherwise signed range is not seen at its rails
    /// alone.
    OutputBit(u32, bool),
    /// A goal: a bit of a parameter matters.
    ParameterBit(usize),
    /// A bit of a stage matters while it is this.
    StageBit(usize, usize, bool),
    /// A rounding matters.
    Rounding(usize, u32, Rounds),
    /// A bit of what is compared with a bound.
    Decides(Decides),
    /// A bit of a bias, and what it is, that alone puts it outside the register: its comparator looks at all of them.
    BiasBit(u32, bool),
}

impl Merit {
    /// By how many channels it should be told, where there are as many.
    pub fn times(self) -> usize {
        match self {
            Merit::Neighbour(_) | Merit::Event(_) | Merit::OutputBit(..) => 2,
            Merit::ParameterBit(_) | Merit::StageBit(..) | Merit::Rounding(..) => 1,
            Merit::Decides(_) | Merit::BiasBit(..) => 1,
        }
    }
}

/// Adds what channels tell, each by its number: `names[n]` is the number of channel `n` of the program.
pub(super) fn add(by: &mut BTreeMap<Merit, Vec<usize>>, program: &Program, names: &[usize]) {
    let judge = Judge::new(program);
    let mut put = |told: Merit, n: usize| by.entry(told).or_default().push(names[n]);
    let hardware = Hardware::of(&program.design);
    // Which beats an output has shows by its own weights; records and cycles are the matter of all channels together.
    let all: Vec<Neighbour> = neighbours::of(&hardware).collect();
    let is_own = |neighbour: &Neighbour| matches!(neighbour.class, Class::Value | Class::Order);
    let goals = goals(&program.design);
    let stuck =
        goals.iter().map(|goal| goal.what.hardware(&program.design).filter(|_| goal.impossible.is_none()));
    let stuck: Vec<Option<Hardware>> = stuck.collect();
    let others = all.iter().map(|neighbour| is_own(neighbour).then_some(&neighbour.hardware));
    let judged: Vec<Option<&Hardware>> = others.chain(stuck.iter().map(Option::as_ref)).collect();
    let channels: Vec<Vec<usize>> = judged
        .par_iter()
        .map(|hardware| hardware.map_or_else(Vec::new, |other| judge.channels(other)))
        .collect();
    for (index, channels) in channels.into_iter().enumerate() {
        let told = match index.checked_sub(all.len()) {
            None => Merit::Neighbour(index),
            Some(goal) => Merit::ParameterBit(goal),
        };
        channels.into_iter().for_each(|n| put(told, n));
    }
    let stages = stages(&program.design);
    let of_channel = |n: usize| {
        let mut mattering = Mattering::nothing(&stages);
        let mut decided = BTreeSet::new();
        for accumulator in judge.outcome().accumulators.column(n) {
            decided.extend(decides(&program.design, &program.parameters, n, i128::from(*accumulator)));
            mattering.look(&program.design, &stages, (&program.parameters, n), *accumulator);
        }
        let seen = observed_of(program, n);
        let events = goals.iter().enumerate().filter(|(_, goal)| match goal.what {
            What::Event(node, event) => event.times(&seen[node]) > 0,
            _ => false,
        });
        let events = events.map(|(index, _)| Merit::Event(index));
        let bits =
            bits(program, judge.outcome(), n).into_iter().map(|(bit, is_set)| Merit::OutputBit(bit, is_set));
        let rounds = mattering.rounds.iter().map(|(step, count, to)| Merit::Rounding(*step, *count, *to));
        let of_stages = mattering.bits.iter().enumerate().flat_map(|(stage, bits)| {
            let values = bits
                .iter()
                .enumerate()
                .flat_map(|(bit, values)| [(bit, false, values[0]), (bit, true, values[1])]);
            values
                .filter(|(_, _, known)| *known)
                .map(move |(bit, is_set, _)| Merit::StageBit(stage, bit, is_set))
        });
        let decided = decided.into_iter().map(Merit::Decides);
        let of_bias = bits_of_bias(program, judge.outcome(), n);
        let of_bias = of_bias.into_iter().map(|(bit, is_set)| Merit::BiasBit(bit, is_set));
        let all = events.chain(bits).chain(rounds).chain(of_stages).chain(decided).chain(of_bias);
        all.collect::<Vec<Merit>>()
    };
    let channels: Vec<Vec<Merit>> = (0..program.shape.channels()).into_par_iter().map(of_channel).collect();
    for (n, told) in channels.into_iter().enumerate() {
        told.into_iter().for_each(|told| put(told, n));
    }
}

/// Bits of a channel's bias that alone put it outside the register, and what they are, where an output shows it.
fn bits_of_bias(program: &Program, outcome: &Outcome, n: usize) -> BTreeSet<(u32, bool)> {
    let design = &*program.design;
    let Some(bias) = design.accumulator.bias else { return BTreeSet::new() };
    let (format, register) = (design.parameters[bias].format, design.accumulator.register_fit());
    let bias = bind(Operand::Parameter(bias), &program.parameters, n);
    let (start, sums) = (register.of(bias.into()), outcome.accumulators.column(n));
    let post = design.post_program().channel(&program.parameters, n);
    let shown = |sum: i128| fit(post.from(0, sum), design.output(), Overflow::Wrap).value;
    let alone = |bit: &u32| {
        let other = register.of(i128::from(bias ^ (1 << bit)));
        let moves = i128::from(other.value) - i128::from(start.value);
        // As if no step on the way were fitted.
        let differs = |sum: &i64| shown((*sum).into()) != shown(i128::from(*sum) + moves);
        start.flags.any() && !other.flags.any() && sums.iter().any(differs)
    };
    let bits = (0..format.width()).filter(alone);
    bits.map(|bit| (bit, (bias >> bit) & 1 == 1)).collect()
}

/// Bits of a channel's outputs, where no bound may have cut them, and what they are.
fn bits(program: &Program, outcome: &Outcome, n: usize) -> BTreeSet<(u32, bool)> {
    let design = &*program.design;
    let cut = bounds(design, &program.parameters, n);
    let free = outcome.outputs.column(n).into_iter().copied().filter(|value| !cut.contains(value));
    free.flat_map(|value| (0..design.output().width()).map(move |bit| (bit, (value >> bit) & 1 == 1)))
        .collect()
}

/// Where outputs of a channel may have been cut.
fn bounds(design: &Design, parameters: &[Vec<i64>], n: usize) -> Vec<i64> {
    let number = |step: &Step, bound| i64::try_from(step.value(bound, parameters, n)).ok();
    let bounds = design
        .post
        .iter()
        .flat_map(|step| step.op.bounds().into_iter().flatten().filter_map(move |bound| number(step, bound)));
    let format = design.output();
    let rails = [format.min(), format.max()];
    bounds.chain(rails).collect()
}
