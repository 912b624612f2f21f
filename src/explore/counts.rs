//! How many outputs overflow at every width, from the prefix ranges alone: nothing is run again.
//!
//! Until its first overflow a sum is the exact prefix, moved by what the fit took from its start value (R9): by nothing,
//! where the start fits. So an output overflows exactly where its prefix range, moved, leaves the register.

use std::borrow::Cow;

use ndarray::Array2;
use rayon::prelude::*;

use super::needed::{NEVER, needed_bits, needed_width};
use crate::functional::Prefixes;
use crate::lower::Program;
use crate::num::{Format, Overflow, fit};

/// First width of the tables.
pub const FIRST_WIDTH: u32 = 8;
/// Last width of the tables, itself in them.
pub const LAST_WIDTH: u32 = 48;

/// Output rows that a thread counts at a time.
const ROWS: usize = 64;

/// How many outputs of each channel overflow in an accumulator of each width from 8 to 48 that does a rule at every
/// step: `[rule][channel][width − 8]`. The widths of the program's own accumulator and post steps have no part in it,
/// and a start value that does not fit is no overflow.
pub fn overflowing(program: &Program, prefixes: &Prefixes, rules: &[Overflow]) -> Vec<Vec<Vec<u64>>> {
    let signed = program.design.accumulator.register.is_signed();
    let channels = prefixes.sums.ncols();
    let starts: Vec<i64> = (0..channels).map(|n| program.bias(n)).collect();
    let moved: Vec<Moved> = rules.iter().map(|rule| Moved::new(&starts, signed, *rule)).collect();
    let zeros = || -> (Vec<Vec<u64>>, Vec<Vec<u64>>) {
        let of_rule = |moved: &Moved| vec![0; moved.rails.len()];
        (moved.iter().map(of_rule).collect(), rules.iter().map(|_| vec![0; channels * BITS]).collect())
    };
    let add = |mut a: (Vec<Vec<u64>>, Vec<Vec<u64>>), b: (Vec<Vec<u64>>, Vec<Vec<u64>>)| {
        let theirs = b.0.iter().chain(&b.1).flatten();
        a.0.iter_mut().chain(&mut a.1).flatten().zip(theirs).for_each(|(a, b)| *a += b);
        a
    };
    let rows = |mut sums: (Vec<Vec<u64>>, Vec<Vec<u64>>), (lows, highs): (&[i64], &[i64])| {
        for (low, high) in lows.chunks_exact(channels).zip(highs.chunks_exact(channels)) {
            moved.iter().zip(&mut sums.0).for_each(|(moved, counts)| moved.count(counts, low, high));
            for (index, rule) in rules.iter().enumerate() {
                // Rules with the same rails share what is counted for the first of them.
                if rules[..index].iter().all(|other| is_symmetric(*other) != is_symmetric(*rule)) {
                    count_needed(&mut sums.1[index], low, high, signed, *rule);
                }
            }
        }
        sums
    };
    let (low, high) = (flat(&prefixes.low), flat(&prefixes.high));
    let part = (channels * ROWS).max(1);
    let (left, needed) = low.par_chunks(part).zip(high.par_chunks(part)).fold(zeros, rows).reduce(zeros, add);
    let table = |(index, rule): (usize, &Overflow)| {
        let first = rules.iter().position(|other| is_symmetric(*other) == is_symmetric(*rule));
        moved[index].table(&left[index], &needed[first.unwrap_or(index)])
    };
    rules.iter().enumerate().map(table).collect()
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
        counts[needed_bits(*low, *high, signed, rule) as usize] += 1;
    }
}

/// Where exact prefixes leave registers whose start value was fitted.
struct Moved {
    /// First width that holds each channel's start.
    fits_at: Vec<u32>,
    /// Below and above which a prefix has left: `[width − 8][channel]`, for the widths that some start does not fit.
    rails: Vec<(i64, i64)>,
}

impl Moved {
    fn new(starts: &[i64], signed: bool, rule: Overflow) -> Moved {
        let width_of = |start: &i64| needed_width(i128::from(*start), i128::from(*start), signed, rule);
        let fits_at: Vec<u32> = starts.iter().map(width_of).collect();
        let end = fits_at.iter().copied().max().unwrap_or(FIRST_WIDTH).min(LAST_WIDTH + 1);
        let rails = (FIRST_WIDTH..end)
            .flat_map(|width| starts.iter().map(move |start| rails(*start, width, signed, rule)));
        Moved { rails: rails.collect(), fits_at }
    }

    /// `[width − 8][channel]`: one more output that leaves its register.
    fn count(&self, counts: &mut [u64], low: &[i64], high: &[i64]) {
        let channels = low.len().max(1);
        for (counts, rails) in counts.chunks_exact_mut(channels).zip(self.rails.chunks_exact(channels)) {
            for (((count, (least, most)), low), high) in counts.iter_mut().zip(rails).zip(low).zip(high) {
                *count += u64::from((low < least) | (high > most));
            }
        }
    }

    /// `[channel][width − 8]`: the moved counts where the start does not fit, and how many need more bits where it does.
    fn table(&self, left: &[u64], needed: &[u64]) -> Vec<Vec<u64>> {
        let channels = self.fits_at.len();
        let channel = |(n, fits_at): (usize, &u32)| {
            let count = |width: u32| match width < *fits_at {
                true => left[(width - FIRST_WIDTH) as usize * channels + n],
                false => needed[n * BITS + width as usize + 1..(n + 1) * BITS].iter().sum(),
            };
            (FIRST_WIDTH..=LAST_WIDTH).map(count).collect()
        };
        self.fits_at.iter().enumerate().map(channel).collect()
    }
}

/// The rails of a register, moved by what the fit took from the start.
fn rails(start: i64, width: u32, signed: bool, rule: Overflow) -> (i64, i64) {
    let register = Format::new(width, signed).expect("every width of the tables is a format");
    let start = i128::from(start);
    let moved = i128::from(fit(start, register, rule).value) - start;
    let (low, high) = rule.rails(register);
    match (i64::try_from(i128::from(low) - moved), i64::try_from(i128::from(high) - moved)) {
        (Ok(low), Ok(high)) => (low, high),
        // Further away than any prefix: left by all of them.
        _ => (i64::MAX, i64::MIN),
    }
}
