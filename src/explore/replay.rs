//! Outputs that overflow, again: one walk over the terms serves every width and mode at which they do.

use crate::functional::walk;
use crate::lower::Program;
use crate::num::{Fitted, Format, Overflow, fit};

/// One accumulator among those that an output is replayed in.
#[derive(Debug, Clone, Copy)]
pub struct Lane {
    pub register: Format,
    pub rule: Overflow,
    /// R9: fitted by the accumulator's rule; it is no event.
    start: i64,
}

impl Lane {
    pub fn new(register: Format, rule: Overflow, start: i64) -> Lane {
        Lane { register, rule, start: fit(i128::from(start), register, rule).value }
    }
}

/// What became of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    pub accumulator: i64,
    pub high: u64,
    pub low: u64,
}

/// What enters the accumulator of output (`m`, `n`), beat by beat.
pub fn terms(program: &Program, m: usize, n: usize) -> Vec<i128> {
    walk(program, m, n).steps.into_iter().map(|step| step.term).collect()
}

/// R3: one term at a time, each sum fitted.
pub fn replay(terms: &[i128], lane: Lane) -> Replayed {
    let mut replayed = Replayed { accumulator: lane.start, high: 0, low: 0 };
    for term in terms {
        let Fitted { value, flags } = fit(i128::from(replayed.accumulator) + term, lane.register, lane.rule);
        replayed.accumulator = value;
        replayed.high += u64::from(flags.high);
        replayed.low += u64::from(flags.low);
    }
    replayed
}
