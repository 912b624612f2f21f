//! How many outputs overflow at every width, from the prefix ranges alone: nothing is run again.
//!
//! Until its first overflow a sum is the exact prefix, moved by what the fit took from its start value (R9): by nothing,
//! where the start fits. So an output overflows exactly where its prefix range, moved, leaves the register.

use ndarray::Array2;
use rayon::prelude::*;

use super::needed::needed_width;
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
    let (rows, channels) = prefixes.sums.dim();
    let narrow: Vec<Vec<Rails>> =
        (0..channels).map(|n| moved_rails(unfitted_start(program, n), signed, rule)).collect();
    let zeros = || Array2::<u64>::zeros((channels, WIDTHS));
    let add = |mut a: Array2<u64>, b: Array2<u64>| {
        a += &b;
        a
    };
    // Until the end, the entry of a width that the start fits says how many outputs need just one bit more.
    let row = |mut counts: Array2<u64>, m: usize| {
        for (n, narrow) in narrow.iter().enumerate() {
            let (low, high) = (prefixes.low[[m, n]], prefixes.high[[m, n]]);
            for (width, rails) in narrow.iter().enumerate() {
                counts[[n, width]] += u64::from(rails.are_left_by(low, high));
            }
            let needed = needed_width(i128::from(low), i128::from(high), signed, rule).min(LAST_WIDTH + 1);
            if needed as usize > FIRST_WIDTH as usize + narrow.len() {
                counts[[n, (needed - FIRST_WIDTH) as usize - 1]] += 1;
            }
        }
        counts
    };
    let counts = (0..rows).into_par_iter().fold(zeros, row).reduce(zeros, add);
    let summed = |(channel, narrow): (ndarray::ArrayView1<'_, u64>, &Vec<Rails>)| {
        let mut channel = channel.to_vec();
        for width in (narrow.len()..WIDTHS.saturating_sub(1)).rev() {
            channel[width] += channel[width + 1];
        }
        channel
    };
    counts.rows().into_iter().zip(&narrow).map(summed).collect()
}

/// R9, before the fit: what the sums of channel `n` start from.
pub fn unfitted_start(program: &Program, n: usize) -> i64 {
    let bias = program.design.accumulator.bias;
    bias.map_or(0, |index| bind(post::Operand::Parameter(index), &program.parameters, n))
}

/// Where exact prefixes leave a register whose start value was fitted.
struct Rails {
    low: i128,
    high: i128,
}

impl Rails {
    fn are_left_by(&self, low: i64, high: i64) -> bool {
        i128::from(low) < self.low || i128::from(high) > self.high
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
        Rails { low: i128::from(low) - moved, high: i128::from(high) - moved }
    };
    (FIRST_WIDTH..fits_at.min(LAST_WIDTH + 1)).map(rails).collect()
}
