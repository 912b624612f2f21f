//! How many outputs overflow at every width, from the prefix ranges alone: nothing is run again.
//!
//! Until its first overflow a sum is the exact prefix. So an output overflows exactly where its start value (R9) or its
//! prefix range leaves the register.

use std::borrow::Cow;

use ndarray::Array2;
use rayon::prelude::*;

use super::needed::{NEVER, needed_width};
use crate::functional::Prefixes;
use crate::lower::Program;
use crate::num::{Overflow, needed_bits_64};

/// First width of the tables.
pub const FIRST_WIDTH: u32 = 8;
/// Last width of the tables, itself in them.
pub const LAST_WIDTH: u32 = 48;

/// Output rows that a thread counts at a time.
const ROWS: usize = 64;

/// How many outputs of each channel overflow in an accumulator of each width from 8 to 48 that does a rule at every
/// step: `[rule][channel][width − 8]`. The widths of the program's own accumulator and post steps have no part in it. A
/// start value that does not fit is an overflow of each of its channel's outputs.
pub fn overflowing(program: &Program, prefixes: &Prefixes, rules: &[Overflow]) -> Vec<Vec<Vec<u64>>> {
    let signed = program.design.accumulator.register.is_signed();
    let channels = prefixes.sums.ncols();
    let zeros = || -> Vec<Vec<u64>> { rules.iter().map(|_| vec![0; channels * BITS]).collect() };
    let add = |mut a: Vec<Vec<u64>>, b: Vec<Vec<u64>>| {
        a.iter_mut().flatten().zip(b.iter().flatten()).for_each(|(a, b)| *a += b);
        a
    };
    let rows = |mut sums: Vec<Vec<u64>>, (lows, highs): (&[i64], &[i64])| {
        for (low, high) in lows.chunks_exact(channels).zip(highs.chunks_exact(channels)) {
            for (index, rule) in rules.iter().enumerate() {
                // Rules with the same rails share what is counted for the first of them.
                if rules[..index].iter().all(|other| is_symmetric(*other) != is_symmetric(*rule)) {
                    count_needed(&mut sums[index], low, high, signed, *rule);
                }
            }
        }
        sums
    };
    let (low, high) = (flat(&prefixes.low), flat(&prefixes.high));
    let part = (channels * ROWS).max(1);
    let needed = low.par_chunks(part).zip(high.par_chunks(part)).fold(zeros, rows).reduce(zeros, add);
    let outputs = prefixes.sums.nrows() as u64;
    let table = |rule: &Overflow| {
        let first = rules.iter().position(|other| is_symmetric(*other) == is_symmetric(*rule));
        let needed = &needed[first.unwrap_or_default()];
        let channel = |n: usize| {
            let start = i128::from(program.bias(n));
            let fits_at = needed_width(start, start, signed, *rule);
            let count = |width: u32| match width < fits_at {
                true => outputs,
                false => needed[n * BITS + width as usize + 1..(n + 1) * BITS].iter().sum(),
            };
            (FIRST_WIDTH..=LAST_WIDTH).map(count).collect()
        };
        (0..channels).map(channel).collect()
    };
    rules.iter().map(table).collect()
}

/// Widths that an output can need, from 0 to [`NEVER`].
const BITS: usize = NEVER as usize + 1;

/// Row by row.
fn flat(values: &Array2<i64>) -> Cow<'_, [i64]> {
    values.as_slice().map_or_else(|| values.iter().copied().collect(), Cow::Borrowed)
}

fn is_symmetric(rule: Overflow) -> bool {
    rule == Overflow::SaturateSymmetric
}

/// `[channel][bits]`: one more output that needs so many.
fn count_needed(counts: &mut [u64], low: &[i64], high: &[i64], signed: bool, rule: Overflow) {
    for ((counts, low), high) in counts.chunks_exact_mut(BITS).zip(low).zip(high) {
        counts[needed_bits_64(*low, *high, signed, rule) as usize] += 1;
    }
}
