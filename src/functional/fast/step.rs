//! Single steps of 32-bit accumulators: the walks inside blocks, and the looks ahead that spare most of them.

use multiversion::multiversion;

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
pub fn walk(
    register: &Register,
    start: i32,
    codes: &[i32],
    weights: impl Iterator<Item = i16>,
    lanes: usize,
) -> Walked {
    with_adder!(register, |adder| walk_with(adder, start, codes, weights, lanes))
}

fn walk_with<A: Adder<i32>>(
    adder: A,
    start: i32,
    codes: &[i32],
    weights: impl Iterator<Item = i16>,
    lanes: usize,
) -> Walked {
    let mut walked = Walked { value: start, high: 0, low: 0 };
    let mut products = codes.iter().zip(weights).map(|(a, w)| a * i32::from(w));
    for _ in 0..codes.len() / lanes {
        let term = products.by_ref().take(lanes).sum();
        let (value, high, low) = adder.step(walked.value, term);
        walked.value = value;
        walked.high += u32::from(high);
        walked.low += u32::from(low);
    }
    walked
}

/// Every column of a row through the beats of a block; `weights` are `[positions][columns]`. Returns whether anything
/// overflowed.
pub fn row(
    register: &Register,
    acc: &mut [i32],
    [high, low]: [&mut [u32]; 2],
    codes: &[i32],
    weights: &[i16],
    lanes: usize,
) -> bool {
    let mut any = false;
    with_adder!(register, |adder| {
        for c in (0..acc.len()).step_by(16) {
            let mut state = Sixteen { acc: [0; 16], high: [0; 16], low: [0; 16] };
            state.acc.copy_from_slice(&acc[c..c + 16]);
            sixteen(adder, &mut state, codes, &weights[c..], [acc.len(), lanes]);
            acc[c..c + 16].copy_from_slice(&state.acc);
            for j in 0..16 {
                high[c + j] += state.high[j];
                low[c + j] += state.low[j];
                any |= state.high[j] + state.low[j] > 0;
            }
        }
    });
    any
}

struct Sixteen {
    acc: [i32; 16],
    high: [u32; 16],
    low: [u32; 16],
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
fn sixteen<A: Adder<i32>>(
    adder: A,
    state: &mut Sixteen,
    codes: &[i32],
    weights: &[i16],
    [columns, lanes]: [usize; 2],
) {
    // Copies, so that the state stays in registers from beat to beat.
    let (mut acc, mut highs, mut lows) = (state.acc, state.high, state.low);
    let rows = weights.chunks(columns);
    if lanes == 1 {
        for (code, weights) in codes.iter().zip(rows) {
            let Some(weights) = weights.first_chunk::<16>() else { return };
            for j in 0..16 {
                let (value, high, low) = adder.step(acc[j], code * i32::from(weights[j]));
                acc[j] = value;
                highs[j] += u32::from(high);
                lows[j] += u32::from(low);
            }
        }
    } else {
        let mut rows = rows;
        for codes in codes.chunks_exact(lanes) {
            let mut terms = [0_i32; 16];
            for (code, weights) in codes.iter().zip(rows.by_ref()) {
                let Some(weights) = weights.first_chunk::<16>() else { return };
                for j in 0..16 {
                    terms[j] += code * i32::from(weights[j]);
                }
            }
            for j in 0..16 {
                let (value, high, low) = adder.step(acc[j], terms[j]);
                acc[j] = value;
                highs[j] += u32::from(high);
                lows[j] += u32::from(low);
            }
        }
    }
    (state.acc, state.high, state.low) = (acc, highs, lows);
}
