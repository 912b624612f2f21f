//! One output through a design: R2, R3, R8 and R9 as they stand, one operation at a time, in schedule order.
//!
//! The definition of a value: whoever follows an output step by step folds it here, and says what to look at.

use std::ops::ControlFlow;

use crate::design::{Design, Formed, Level, Node};
use crate::num::{Fitted, Flags};
use crate::post;

/// What an output is made of, beside its products.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What forms it.
    pub design: &'a Design,
    /// What accumulators start from, as their own rule has fitted it (R9): one for all of the output's, or one each.
    pub starts: &'a [Fitted],
    /// Beats of the output.
    pub beats: usize,
    /// One entry per design parameter, of length 1 or one value per channel.
    pub parameters: &'a [Vec<i64>],
    /// Output channel, over all groups.
    pub channel: usize,
    /// Behind a level of those behind the last beat, so many low bits read 0: of hardware with that mistake.
    pub cut: Option<(usize, u32)>,
}

/// A value that enters a node, and what its format makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Which node.
    pub node: Node,
    /// In front of the accumulator and there; a start value belongs to the first.
    pub beat: Option<usize>,
    /// What comes to the node: to a step its x, to the register what it holds, anywhere else what enters the format.
    pub before: i128,
    /// Which accumulator of the output, or which sum of a level behind the last beat; 0 elsewhere.
    pub lane: usize,
    /// The exponent of the weight, at a step of products that are read one (see [`Design::formed`]); 0 elsewhere.
    pub exponent: u32,
    /// The exact value; a start's is what was fitted.
    pub entering: i128,
    /// Behind the node's rule. A step that is fused with the next (R8) fits nothing: its value is `entering`.
    pub value: i128,
    /// R6.
    pub flags: Flags,
}

/// How an output ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// After the last beat and any output clamp; with a memory, its word; of several accumulators, their sum.
    pub accumulator: i64,
    /// Behind the post steps.
    pub output: i64,
}

/// Who looks at values, and may break off.
pub type Visitor<'a> = dyn FnMut(Visit) -> ControlFlow<()> + 'a;

/// A visitor that looks at nothing.
pub fn nobody(_: Visit) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Folds one output. `sum(beat, visit, into)` appends what enters each accumulator in a beat (see [`entering`]); `visit` is told
/// of every value at every node, in order.
pub fn fold(
    source: Source<'_>,
    mut sum: impl FnMut(usize, &mut Visitor<'_>, &mut Vec<i128>) -> ControlFlow<()>,
    visit: &mut Visitor<'_>,
) -> ControlFlow<(), Ended> {
    let Source { design, starts, beats, parameters, channel, .. } = source;
    let accumulator = &design.accumulator;
    let register = accumulator.register_fit();
    let start = |lane: usize| starts.get(lane).unwrap_or(&starts[0]);
    let mut accs: Vec<i64> = (0..design.partial_sums()).map(|lane| start(lane).value).collect();
    let (mut acc, mut word) = (accs[0], 0);
    visit(told(Node::AccumulatorStart, Some(0), i128::from(acc), i128::from(acc), *start(0)))?;
    let mut terms = Vec::with_capacity(accs.len());
    // Visits of the memory, one of all steps where there is none.
    let steps = design.visit_steps().unwrap_or(beats).max(1);
    for first in (0..beats.max(1)).step_by(steps) {
        if first > 0 {
            accs.fill(0);
        }
        let last = beats.min(first + steps);
        for beat in first..last {
            terms.clear();
            sum(beat, visit, &mut terms)?;
            for (lane, (acc, term)) in accs.iter_mut().zip(&terms).enumerate() {
                let before = i128::from(*acc);
                let fitted = register.of(before + term);
                *acc = fitted.value;
                visit(Visit { lane, ..told(Node::Accumulator, Some(beat), before, before + term, fitted) })?;
            }
        }
        acc = accs[0];
        if let Some(clamp) = accumulator.output_fit() {
            let fitted = clamp.of(i128::from(acc));
            visit(told(Node::AccumulatorOutput, None, i128::from(acc), i128::from(acc), fitted))?;
            acc = fitted.value;
        }
        if let Some(memory) = design.memory {
            let beat = last.checked_sub(1);
            let store = design.store_program().channel(parameters, channel);
            let load = design.load_program().channel(parameters, channel);
            let stored = through(store, (Node::Store, beat), i128::from(acc), visit)?;
            // The first visit's word is new.
            let loaded = match first {
                0 => 0,
                _ => through(load, (Node::Load, beat), word, visit)?,
            };
            let entering = loaded + stored;
            let fitted = memory.fit().of(entering);
            visit(told(Node::Memory, beat, entering, entering, fitted))?;
            (acc, word) = (fitted.value, i128::from(fitted.value));
        }
    }
    if !design.after.is_empty() {
        acc = added(source, &accs, visit)?;
    }
    let post = design.post_program().channel(parameters, channel);
    let output = through(post, (Node::Post, None), i128::from(acc), visit)?;
    // Every program ends in a format.
    ControlFlow::Continue(Ended { accumulator: acc, output: output as i64 })
}

/// A value through steps, each of them told.
fn through(
    steps: post::Channel<'_>,
    (node, beat): (fn(usize) -> Node, Option<usize>),
    mut x: i128,
    visit: &mut Visitor<'_>,
) -> ControlFlow<(), i128> {
    for (index, (before, post::Stepped { exact, value, flags })) in steps.walk(x).enumerate() {
        let exponent = 0;
        visit(Visit { node: node(index), beat, before, lane: 0, exponent, entering: exact, value, flags })?;
        x = value;
    }
    ControlFlow::Continue(x)
}

fn told(node: Node, beat: Option<usize>, before: i128, entering: i128, fitted: Fitted) -> Visit {
    let Fitted { value, flags } = fitted;
    Visit { node, beat, before, lane: 0, exponent: 0, entering, value: value.into(), flags }
}

/// The accumulators of an output behind its last beat, added level by level.
pub(super) fn added(source: Source<'_>, accs: &[i64], visit: &mut Visitor<'_>) -> ControlFlow<(), i64> {
    let mut terms: Vec<i128> = accs.iter().map(|acc| i128::from(*acc)).collect();
    for (index, level) in source.design.after.iter().enumerate() {
        let bits = source.cut.filter(|(cut, _)| *cut == index).map_or(0, |(_, bits)| bits);
        let mut sums = Vec::with_capacity(level.outputs(terms.len()));
        for (lane, (entering, fitted)) in groups(level, &terms).enumerate() {
            visit(Visit { lane, ..told(Node::After(index), None, entering, entering, fitted) })?;
            sums.push(i128::from(fitted.value) >> bits << bits);
        }
        terms = sums;
    }
    // The last level leaves one, which its format holds.
    ControlFlow::Continue(terms.iter().sum::<i128>() as i64)
}

/// What enters the accumulators of an output, of what the levels of a beat leave: each term one, or all of them the only one.
pub fn entering(design: &Design, terms: &[i128], into: &mut Vec<i128>) {
    match design.after.is_empty() {
        true => into.push(terms.iter().sum()),
        false => into.extend_from_slice(terms),
    }
}

/// What the lanes of one beat form, in their order, through the product's steps: what is added. Every value is told, step by
/// step. A lane without a product has one of 0, of which nothing is told that is outside a format.
pub fn stepped(
    formed: Vec<Formed<'_>>,
    (numbers, channel): (&[Vec<i64>], usize),
    beat: usize,
    visit: &mut Visitor<'_>,
) -> ControlFlow<(), Vec<i128>> {
    let count = formed.first().map_or(0, |lane| lane.steps.len());
    let mut values: Vec<i128> = formed.iter().map(|lane| lane.value).collect();
    for index in 0..count {
        for (lane, value) in formed.iter().zip(&mut values) {
            let steps = post::Channel { steps: &lane.steps, numbers, channel };
            let post::Stepped { exact, value: after, flags } = steps.apply(index, *value);
            let (node, beat, exponent) = (Node::Product(index), Some(beat), lane.exponent);
            let before = *value;
            visit(Visit { node, beat, before, lane: 0, exponent, entering: exact, value: after, flags })?;
            *value = after;
        }
    }
    ControlFlow::Continue(formed.iter().zip(values).map(|(lane, value)| lane.signed(value)).collect())
}

/// The products of one beat, `terms` in the order of the lanes, reduced level by level, and what is left; every group that a
/// level fits is told.
pub fn reduced(
    levels: &[Level],
    mut terms: Vec<i128>,
    beat: usize,
    visit: &mut Visitor<'_>,
) -> ControlFlow<(), Vec<i128>> {
    for (index, level) in levels.iter().enumerate() {
        let mut sums = Vec::with_capacity(level.outputs(terms.len()));
        for (entering, fitted) in groups(level, &terms) {
            visit(told(Node::Reduce(index), Some(beat), entering, entering, fitted))?;
            sums.push(i128::from(fitted.value));
        }
        terms = sums;
    }
    ControlFlow::Continue(terms)
}

/// The groups of one level: the exact sum of each, and what its format makes of it.
pub fn groups<'a>(level: &'a Level, terms: &'a [i128]) -> impl Iterator<Item = (i128, Fitted)> + 'a {
    (0..level.outputs(terms.len())).map(move |output| {
        let entering = level.terms(output).filter_map(|input| terms.get(input)).sum();
        (entering, level.fit().of(entering))
    })
}
