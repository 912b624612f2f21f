//! Every accumulator width in one pass: the exact sum of each output, and the smallest and largest value that enters
//! the accumulator while nothing has overflowed.
//!
//! Before its first overflow a sum does not depend on the accumulator's width, so an output overflows at a width
//! exactly when its prefix range leaves that format.

use ndarray::Array2;
use rayon::prelude::*;

use crate::lower::Program;
use crate::post::{self, bind};

/// Per output, `[rows, channels]`, of an accumulator wide enough for everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// The start value, unfitted, plus every beat.
    pub sums: Array2<i64>,
    /// Smallest value entering the accumulator over all beats; the start itself does not count.
    pub low: Array2<i64>,
    /// Largest value entering the accumulator over all beats.
    pub high: Array2<i64>,
}

/// Prefix ranges of every output of a program. Reduction levels act as the design says; the accumulator's own format
/// and overflow have no part in it.
pub fn prefixes(program: &Program) -> Prefixes {
    let (rows, channels) = (program.shape.rows(), program.shape.channels());
    let values: Vec<[i64; 3]> =
        (0..rows * channels).into_par_iter().map(|i| plain(program, i / channels, i % channels)).collect();
    let table = |at: usize| Array2::from_shape_fn((rows, channels), |(m, n)| values[m * channels + n][at]);
    Prefixes { sums: table(0), low: table(1), high: table(2) }
}

/// [sum, low, high] of one output. No sum of at most 2^31 terms of 33 bits leaves 64 bits.
fn plain(program: &Program, m: usize, n: usize) -> [i64; 3] {
    let bias = program.design.accumulator.bias;
    let mut sum =
        bias.map_or(0, |index| i128::from(bind(post::Operand::Parameter(index), &program.parameters, n)));
    let (mut low, mut high) = (i128::MAX, i128::MIN);
    for beat in 0..program.beats() {
        sum += super::plain::reduced(program, m, n, beat, &mut |_, _| {});
        (low, high) = (low.min(sum), high.max(sum));
    }
    [sum, low, high].map(|v| v as i64)
}
