//! How many outputs overflow at every width, from the prefix ranges alone: nothing is run again.
//!
//! Until its first overflow a sum is the exact prefix, moved by what the fit took from its start value (R9): by nothing,
//! where the start fits. So an output overflows exactly where its prefix range, moved, leaves the register.

use ndarray::{ArrayView1, Axis};
use rayon::prelude::*;

use super::needed::{needed_bits, needed_width};
use crate::functional::Prefixes;
use crate::lower::Program;
use crate::num::{Format, Overflow, fit};
use crate::post::{self, bind};

/// First width of the tables.
pub const FIRST_WIDTH: u32 = 8;
/// Last width of the tables, itself in them.
pub const LAST_WIDTH: u32 = 48;
/// Widths of the tables.
const WIDTHS: usize = (LAST_WIDTH - FIRST_WIDTH + 1) as usize;

/// How many outputs of each channel overflow in an accumulator of each width from 8 to 48 that does `rule` at every
/// step: `[channel][width − 8]`. The widths of the program's own accumulator and post steps have no part in it, and a
/// start value that does not fit is no overflow.
pub fn overflowing(program: &Program, prefixes: &Prefixes, rule: Overflow) -> Vec<Vec<u64>> {
    let signed = program.design.accumulator.register.is_signed();
    let channels = prefixes.sums.ncols();
    let narrow: Vec<Vec<Rails>> =
        (0..channels).map(|n| moved_rails(unfitted_start(program, n), signed, rule)).collect();
    let zeros = || vec![[0u64; WIDTHS]; channels];
    let add = |mut a: Vec<[u64; WIDTHS]>, b: Vec<[u64; WIDTHS]>| {
        for (a, b) in a.iter_mut().flatten().zip(b.iter().flatten()) {
            *a += b;
        }
        a
    };
    // Until the end, the entry of a width that the start fits says how many outputs need just one bit more.
    let row = |mut counts: Vec<[u64; WIDTHS]>, (low, high): (ArrayView1<'_, i64>, ArrayView1<'_, i64>)| {
        for (((counts, narrow), low), high) in counts.iter_mut().zip(&narrow).zip(low).zip(high) {
            for (count, rails) in counts.iter_mut().zip(narrow) {
                *count += u64::from(rails.are_left_by(*low, *high));
            }
            let needed = needed_bits(*low, *high, signed, rule).min(LAST_WIDTH + 1);
            if needed as usize > FIRST_WIDTH as usize + narrow.len() {
                counts[(needed - FIRST_WIDTH) as usize - 1] += 1;
            }
        }
        counts
    };
    let rows: Vec<_> = prefixes.low.axis_iter(Axis(0)).zip(prefixes.high.axis_iter(Axis(0))).collect();
    let counts = rows.into_par_iter().fold(zeros, row).reduce(zeros, add);
    let summed = |(channel, narrow): ([u64; WIDTHS], &Vec<Rails>)| {
        let mut channel = channel.to_vec();
        for width in (narrow.len()..WIDTHS - 1).rev() {
            channel[width] += channel[width + 1];
        }
        channel
    };
    counts.into_iter().zip(&narrow).map(summed).collect()
}

/// R9, before the fit: what the sums of channel `n` start from.
pub fn unfitted_start(program: &Program, n: usize) -> i64 {
    let bias = program.design.accumulator.bias;
    bias.map_or(0, |index| bind(post::Operand::Parameter(index), &program.parameters, n))
}

/// Where exact prefixes leave a register whose start value was fitted.
#[derive(Clone, Copy)]
struct Rails {
    low: i64,
    high: i64,
}

impl Rails {
    fn are_left_by(self, low: i64, high: i64) -> bool {
        (low < self.low) | (high > self.high)
    }
}

/// One entry for every width of the tables that the start does not fit: from the first width on, without a gap.
fn moved_rails(start: i64, signed: bool, rule: Overflow) -> Vec<Rails> {
    let start = i128::from(start);
    let fits_at = needed_width(start, start, signed, rule);
    let rails = |width| {
        let register = Format::new(width, signed).expect("every width of the tables is a format");
        let moved = i128::from(fit(start, register, rule).value) - start;
        let (low, high) = rule.rails(register);
        match (i64::try_from(i128::from(low) - moved), i64::try_from(i128::from(high) - moved)) {
            (Ok(low), Ok(high)) => Rails { low, high },
            // Further away than any prefix: left by all of them.
            _ => Rails { low: i64::MAX, high: i64::MIN },
        }
    };
    (FIRST_WIDTH..fits_at.min(LAST_WIDTH + 1)).map(rails).collect()
}
