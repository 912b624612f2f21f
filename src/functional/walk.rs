//! One output, step by step: what forensics, witnesses and replays look at.

use std::ops::ControlFlow;

use super::fold::{Ended, Visit};
use crate::design::Node;
use crate::lower::Program;
use crate::num::Flags;

/// One beat of one accumulator of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which beat.
    pub beat: usize,
    /// Which accumulator; 0 where the output has one.
    pub lane: usize,
    /// The lanes' products, reduced: what is added.
    pub term: i128,
    /// What enters the accumulator: its value before, plus the term.
    pub entering: i128,
    /// What it holds afterwards.
    pub value: i64,
    /// On which side `entering` lay outside.
    pub flags: Flags,
    /// The unfitted start plus every product up to this beat, behind its steps: no format has fitted any of them. Of
    /// one of several accumulators, its own.
    pub exact: i128,
}

/// An output's whole accumulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The start as it is brought: the bias, or 0.
    pub bias: i64,
    /// The fitted start value.
    pub start: i64,
    /// One entry per beat, or where an output has several accumulators, per beat and accumulator.
    pub steps: Vec<Step>,
    /// After the last beat and any output clamp; of several accumulators, their sum.
    pub accumulator: i64,
    /// The unfitted start plus every product, behind its steps and never fitted from there on: the exact sum.
    pub exact: i128,
    /// Behind the post steps.
    pub output: i64,
}

/// Walks output (`m`, `n`) of the outcome, R3 as it stands.
pub fn walk(program: &Program, m: usize, n: usize) -> Walk {
    let (bias, start) = (program.bias(n), program.start(n));
    let accumulators = program.design.partial_sums();
    let (mut before, mut exact) = (vec![start; accumulators], vec![i128::from(bias); accumulators]);
    let lanes: Vec<Vec<usize>> = (0..accumulators).map(|lane| program.design.lanes_of(lane)).collect();
    let mut steps = Vec::with_capacity(program.beats() * accumulators);
    let ended = super::plain::follow(program, m, n, &mut |visit| {
        if visit.node == Node::Memory {
            // The next visit begins at 0.
            before.fill(0);
        }
        if let (Node::Accumulator, Some(beat)) = (visit.node, visit.beat) {
            let Visit { entering, flags, lane, .. } = visit;
            let products = lanes[lane].iter().filter_map(|lane| program.k_of(beat, *lane));
            exact[lane] += products.map(|k| program.exact_term(m, n, k)).sum::<i128>();
            let (term, value) = (entering - i128::from(before[lane]), visit.value as i64);
            before[lane] = value;
            steps.push(Step { beat, lane, term, entering, value, flags, exact: exact[lane] });
        }
        ControlFlow::Continue(())
    });
    let Ended { accumulator, output } = ended.continue_value().expect("the visitor goes on");
    Walk { bias, start, steps, accumulator, exact: program.exact_sum(m, n), output }
}
