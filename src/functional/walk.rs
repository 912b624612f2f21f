//! One output, step by step: what forensics, witnesses and replays look at.

use crate::design::AccumulatorOverflow;
use crate::lower::Program;
use crate::num::{Fitted, Flags, Overflow, fit};
use crate::post;

/// One beat of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The lanes' products, reduced: what is added.
    pub term: i128,
    /// What enters the accumulator: its value before, plus the term.
    pub entering: i128,
    /// What it holds afterwards.
    pub value: i64,
    /// On which side `entering` lay outside.
    pub flags: Flags,
    /// The unfitted start plus every exact product up to this beat: no reduction level has fitted any of them.
    pub exact: i128,
}

/// An output's whole accumulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The start as it is brought: the bias, or 0.
    pub bias: i64,
    /// The fitted start value.
    pub start: i64,
    /// One entry per beat.
    pub steps: Vec<Step>,
    /// After the last beat and any output clamp.
    pub accumulator: i64,
    /// The unfitted start plus every exact product, never fitted on the way: the exact sum.
    pub exact: i128,
    /// Behind the post steps.
    pub output: i64,
}

/// Walks output (`m`, `n`) of the outcome, R3 as it stands.
pub fn walk(program: &Program, m: usize, n: usize) -> Walk {
    let design = &program.design;
    let accumulator = &design.accumulator;
    let (bias, start) = (program.bias(n), program.start(n));
    let (mut value, mut exact) = (start, i128::from(bias));
    let mut steps = Vec::with_capacity(program.beats());
    for beat in 0..program.beats() {
        let term = super::plain::reduced(program, m, n, beat, &mut |_, _| {});
        let entering = i128::from(value) + term;
        let fitted: Fitted = fit(entering, accumulator.register, accumulator.step_rule());
        value = fitted.value;
        let products = (0..design.array.lanes).filter_map(|lane| program.k_of(beat, lane));
        exact += products.map(|k| program.product(m, n, k)).sum::<i128>();
        steps.push(Step { term, entering, value, flags: fitted.flags, exact });
    }
    if accumulator.overflow == AccumulatorOverflow::SaturateOutput {
        value = fit(i128::from(value), accumulator.format, Overflow::Saturate).value;
    }
    let output = post::run(&design.post, value, &program.parameters, n, |_, _| {});
    Walk { bias, start, steps, accumulator: value, exact, output }
}
