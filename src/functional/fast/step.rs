//! Single steps of 32-bit accumulators: the walks inside blocks, and the looks ahead that spare most of them.

use multiversion::multiversion;

use super::panel::{Limits, Register};
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

/// Every column of a row through the beats of a block; `weights` are `[positions][columns]`.
pub fn row(
    register: &Register,
    acc: &mut [i32],
    [high, low]: [&mut [u32]; 2],
    codes: &[i32],
    weights: &[i16],
    lanes: usize,
) {
    with_adder!(register, |adder| {
        for c in (0..acc.len()).step_by(16) {
            let part = |s: &'_ mut [u32]| -> [u32; 16] { std::array::from_fn(|j| s[c + j]) };
            let mut state = Sixteen { acc: [0; 16], high: part(high), low: part(low) };
            state.acc.copy_from_slice(&acc[c..c + 16]);
            sixteen(adder, &mut state, codes, &weights[c..], [acc.len(), lanes]);
            acc[c..c + 16].copy_from_slice(&state.acc);
            high[c..c + 16].copy_from_slice(&state.high);
            low[c..c + 16].copy_from_slice(&state.low);
        }
    });
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
    let mut position = 0;
    while position < codes.len() {
        let mut terms = [0_i32; 16];
        for code in &codes[position..position + lanes] {
            let weights = &weights[position * columns..position * columns + 16];
            for j in 0..16 {
                terms[j] += code * i32::from(weights[j]);
            }
            position += 1;
        }
        for j in 0..16 {
            let (value, high, low) = adder.step(state.acc[j], terms[j]);
            state.acc[j] = value;
            state.high[j] += u32::from(high);
            state.low[j] += u32::from(low);
        }
    }
}

/// One bit a column for every accumulator outside the limits, one word a row.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn flag(acc: &[i32], limits: &Limits, flags: &mut [u64]) {
    let columns = limits.low.len();
    for (acc, flags) in acc.chunks_exact(columns).zip(flags) {
        for (at, ((acc, low), high)) in acc
            .as_chunks::<16>()
            .0
            .iter()
            .zip(limits.low.as_chunks::<16>().0)
            .zip(limits.high.as_chunks::<16>().0)
            .enumerate()
        {
            let mut any = false;
            for j in 0..16 {
                any |= (acc[j] < low[j]) | (acc[j] > high[j]);
            }
            if any {
                let outside = |j: usize| u64::from((acc[j] < low[j]) | (acc[j] > high[j])) << j;
                *flags |= (0..16).map(outside).fold(0, |word, bit| word | bit) << (16 * at);
            }
        }
    }
}

/// R4 on finished sums.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn wrap(values: &mut [i64], format: Format) {
    let Some(rule) = Rule::<i64>::new(format, Overflow::Wrap) else { return };
    for value in values {
        *value = rule.wrap(0, *value);
    }
}
