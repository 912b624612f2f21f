//! Walks of one output through a block: 32-bit accumulators, step by step.

use super::panel::Register;
use crate::num::adder::{Adder, FullSaturate, FullWrap, RoomySaturate, RoomyWrap, is_full};
use crate::num::lanes::Rule;
use crate::num::{Format, Overflow};

/// One output behind a block.
pub struct Walked {
    pub value: i32,
    pub high: u32,
    pub low: u32,
}

/// Terms of a beat stay below 2^30 in magnitude: the licence of the blocks.
const TERMS: (i64, i64) = (-(1 << 30), 1 << 30);

/// Calls with the adder that the register's format licenses.
macro_rules! with_adder {
    ($register:expr, |$adder:ident| $body:expr) => {{
        let register: &Register = $register;
        let format = Format::new(register.width, register.signed).expect("the design's own format");
        let symmetric = register.low != format.min();
        let overflow = if symmetric { Overflow::SaturateSymmetric } else { Overflow::Saturate };
        if register.wraps && is_full::<i32>(format) {
            let $adder = FullWrap;
            $body
        } else if register.wraps {
            match RoomyWrap::<i32>::new(format, TERMS) {
                Some($adder) => $body,
                None => {
                    let $adder = Checked::new(format, Overflow::Wrap);
                    $body
                }
            }
        } else if is_full::<i32>(format) && !symmetric {
            let $adder = FullSaturate;
            $body
        } else {
            match RoomySaturate::<i32>::new(format, overflow, TERMS) {
                Some($adder) => $body,
                None => {
                    let $adder = Checked::new(format, overflow);
                    $body
                }
            }
        }
    }};
}

/// Any rule whose rails fit 32 bits, by its general form.
#[derive(Debug, Clone, Copy)]
struct Checked(Rule<i32>);

impl Checked {
    fn new(format: Format, overflow: Overflow) -> Checked {
        Checked(Rule::new(format, overflow).expect("the licence of the blocks: rails inside 32 bits"))
    }
}

impl Adder<i32> for Checked {
    #[inline(always)]
    fn step(self, accumulator: i32, term: i32) -> (i32, bool, bool) {
        let (high, low) = (self.0.is_high(accumulator, term), self.0.is_low(accumulator, term));
        let value = match self.0.overflow() {
            Overflow::Wrap => self.0.wrap(accumulator, term),
            _ => self.0.saturate(accumulator, term),
        };
        (value, high, low)
    }
}

/// One output through the beats of a block.
pub fn walk(register: &Register, start: i32, codes: &[i32], weights: &[i16], lanes: usize) -> Walked {
    with_adder!(register, |adder| walk_with(adder, start, codes, weights, lanes))
}

fn walk_with<A: Adder<i32>>(adder: A, start: i32, codes: &[i32], weights: &[i16], lanes: usize) -> Walked {
    let mut walked = Walked { value: start, high: 0, low: 0 };
    for (codes, weights) in codes.chunks_exact(lanes).zip(weights.chunks_exact(lanes)) {
        let term = codes.iter().zip(weights).map(|(a, w)| a * i32::from(*w)).sum();
        let (value, high, low) = adder.step(walked.value, term);
        walked.value = value;
        walked.high += u32::from(high);
        walked.low += u32::from(low);
    }
    walked
}
