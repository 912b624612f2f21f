//! One output, step by step: what forensics, witnesses and replays look at.

use crate::design::AccumulatorOverflow;
use crate::lower::Program;
use crate::num::{Fitted, Flags, Overflow, fit};
use crate::post::{self, bind};

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
}

/// An output's whole accumulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The fitted start value.
    pub start: i64,
    /// One entry per beat.
    pub steps: Vec<Step>,
    /// After the last beat and any output clamp.
    pub accumulator: i64,
    /// Fitted start plus every term, never fitted on the way: the exact sum.
    pub exact: i128,
    /// Behind the post steps.
    pub output: i64,
}

impl Program {
    /// What the accumulator of channel `n` (counted over all groups) starts from: the bias, fitted by the
    /// accumulator's own rule, or 0 (R9).
    pub fn start(&self, n: usize) -> i64 {
        let accumulator = &self.design.accumulator;
        match accumulator.bias {
            Some(bias) => {
                let value = bind(post::Operand::Parameter(bias), &self.parameters, n);
                fit(i128::from(value), accumulator.register, accumulator.step_rule()).value
            }
            None => 0,
        }
    }

    /// The exact product of scheduled element `k` for output row `m` and channel `n`, offsets included.
    pub fn product(&self, m: usize, n: usize, k: usize) -> i128 {
        let shape = self.shape;
        let (group, channel) = (n / shape.n, n % shape.n);
        let a = self.activation(m / shape.m, group, m % shape.m, k);
        let w = self.weight(group, k, channel);
        let offset = |o: Option<post::Operand>| o.map_or(0, |o| i128::from(bind(o, &self.parameters, n)));
        (i128::from(a) + offset(self.design.activation.offset))
            * (i128::from(w) + offset(self.design.weight.offset))
    }
}

/// Walks output (`m`, `n`) of the outcome, R3 as it stands.
pub fn walk(program: &Program, m: usize, n: usize) -> Walk {
    let design = &program.design;
    let accumulator = &design.accumulator;
    let start = program.start(n);
    let (mut value, mut exact) = (start, i128::from(start));
    let mut steps = Vec::with_capacity(program.beats());
    for beat in 0..program.beats() {
        let term = super::plain::reduced(program, m, n, beat, &mut |_, _| {});
        let entering = i128::from(value) + term;
        let fitted: Fitted = fit(entering, accumulator.register, accumulator.step_rule());
        value = fitted.value;
        exact += term;
        steps.push(Step { term, entering, value, flags: fitted.flags });
    }
    if accumulator.overflow == AccumulatorOverflow::SaturateOutput {
        value = fit(i128::from(value), accumulator.format, Overflow::Saturate).value;
    }
    let output = post::run(&design.post, value, &program.parameters, n, |_, _| {});
    Walk { start, steps, accumulator: value, exact, output }
}
