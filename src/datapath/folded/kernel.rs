//! Sums of whole outputs, as vector instructions: [`BLOCK`] columns at once, which share a row's operand.
//!
//! As in the grid, each instruction set gets its own copy, and the block is worked on out of line.
//!
//! Rules: R3 to R6 through [`Adder`].

use multiversion::multiversion;

pub use crate::datapath::grid::{BLOCK, Block, MOST_EDGES};
use crate::num::adder::Adder;
use crate::num::lanes::Lane;

/// Every step of the sums of `ROWS` rows: step s adds Σ over the lanes of `scalars[row][s · lanes + lane] · vectors[s · lanes +
/// lane]`, which is exact. At most [`MOST_EDGES`] steps.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
pub fn fold<L: Lane, A: Adder<L>, const ROWS: usize>(
    adder: A,
    rows: &mut [Block<L>; ROWS],
    scalars: [&[L]; ROWS],
    vectors: &[[L; BLOCK]],
    lanes: usize,
) {
    // A copy, so that the state stays in registers from step to step.
    let mut state = *rows;
    if lanes == 1 {
        for (at, vector) in vectors.iter().enumerate() {
            for row in 0..ROWS {
                let scalar = scalars[row][at];
                let mut terms = [L::ZERO; BLOCK];
                for column in 0..BLOCK {
                    terms[column] = scalar.multiply(vector[column]);
                }
                step(adder, &mut state[row], &terms);
            }
        }
    } else {
        for (at, vectors) in vectors.chunks_exact(lanes).enumerate() {
            for row in 0..ROWS {
                let scalars = &scalars[row][at * lanes..][..lanes];
                let mut terms = [L::ZERO; BLOCK];
                for (scalar, vector) in scalars.iter().zip(vectors) {
                    for column in 0..BLOCK {
                        terms[column] = terms[column].wrapping_add(scalar.multiply(vector[column]));
                    }
                }
                step(adder, &mut state[row], &terms);
            }
        }
    }
    *rows = state;
}

#[inline(always)]
fn step<L: Lane, A: Adder<L>>(adder: A, state: &mut Block<L>, terms: &[L; BLOCK]) {
    for (column, term) in terms.iter().enumerate() {
        let (next, high, low) = adder.step(state.acc[column], *term);
        state.acc[column] = next;
        state.high[column] = state.high[column].wrapping_add(L::from_bool(high));
        state.low[column] = state.low[column].wrapping_add(L::from_bool(low));
    }
}

/// Where what rows end as belongs: row by row so many values apart, and so many columns of a block.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    pub stride: usize,
    pub columns: usize,
}

/// What sums that nothing has to be fitted in end as, row by row: what columns start from, and Σ of the row of `scalars` ·
/// `vectors`, which are `vectors.len()` products.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
pub fn exact<L: Lane>(
    values: &mut [i64],
    places: Places,
    starts: &[L; BLOCK],
    scalars: &[L],
    vectors: &[[L; BLOCK]],
) {
    // As many chains of additions as vector registers hold.
    const ROWS: usize = 4;
    let width = vectors.len();
    let rows = scalars.len() / width;
    let whole = rows / ROWS * ROWS;
    for first in (0..whole).step_by(ROWS) {
        let mut state = [*starts; ROWS];
        let (ab, cd) = scalars[first * width..(first + ROWS) * width].split_at(2 * width);
        let ((a, b), (c, d)) = (ab.split_at(width), cd.split_at(width));
        for (at, vector) in vectors.iter().enumerate() {
            let scalars = [a[at], b[at], c[at], d[at]];
            for row in 0..ROWS {
                for column in 0..BLOCK {
                    let product = scalars[row].multiply(vector[column]);
                    state[row][column] = state[row][column].wrapping_add(product);
                }
            }
        }
        for (row, state) in (first..).zip(&state) {
            end(&mut values[row * places.stride..], state, places.columns);
        }
    }
    for row in whole..rows {
        let mut state = *starts;
        for (scalar, vector) in scalars[row * width..].iter().zip(vectors) {
            for column in 0..BLOCK {
                state[column] = state[column].wrapping_add(scalar.multiply(vector[column]));
            }
        }
        end(&mut values[row * places.stride..], &state, places.columns);
    }
}

#[inline(always)]
fn end<L: Lane>(values: &mut [i64], state: &[L; BLOCK], columns: usize) {
    // A whole block is a few vectors.
    if let Some(values) = values.first_chunk_mut::<BLOCK>().filter(|_| columns == BLOCK) {
        for column in 0..BLOCK {
            values[column] = state[column].to_i64();
        }
        return;
    }
    for (value, acc) in values[..columns].iter_mut().zip(state) {
        *value = acc.to_i64();
    }
}

/// Whether all values lie inside the rails.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn inside(values: &[i64], (low, high): (i64, i64)) -> bool {
    !values.iter().fold(false, |outside, value| outside | (*value < low) | (*value > high))
}

/// The largest sum of squares of so many factors, which 64 bits hold.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn squares_of_rows<L: Lane>(factors: &[L], width: usize) -> u64 {
    let mut most = 0;
    for row in factors.chunks_exact(width) {
        let sum = row.iter().fold(0_i64, |sum, factor| {
            let factor = factor.to_i64();
            sum.wrapping_add(factor.wrapping_mul(factor))
        });
        most = most.max(sum.cast_unsigned());
    }
    most
}

/// The same of blocks of columns.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn squares_of_columns<L: Lane>(blocks: &[[L; BLOCK]], width: usize) -> u64 {
    let mut most = 0;
    for block in blocks.chunks_exact(width) {
        let mut sums = [0_i64; BLOCK];
        for vector in block {
            for (sum, factor) in sums.iter_mut().zip(vector) {
                let factor = factor.to_i64();
                *sum = sum.wrapping_add(factor.wrapping_mul(factor));
            }
        }
        most = sums.iter().fold(most, |most, sum| most.max(sum.cast_unsigned()));
    }
    most
}

/// One accumulator, and how often it overflowed.
#[derive(Debug, Clone, Copy)]
pub struct Thin<L> {
    pub acc: L,
    pub high: u32,
    pub low: u32,
}

/// [`fold`] of a single output.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
pub fn fold_thin<L: Lane, A: Adder<L>>(
    adder: A,
    one: &mut Thin<L>,
    scalars: &[L],
    vector: &[L],
    lanes: usize,
) {
    let mut state = *one;
    if lanes == 1 {
        for (scalar, factor) in scalars.iter().zip(vector) {
            step_thin(adder, &mut state, scalar.multiply(*factor));
        }
    } else {
        for (scalars, factors) in scalars.chunks_exact(lanes).zip(vector.chunks_exact(lanes)) {
            let mut term = L::ZERO;
            for (scalar, factor) in scalars.iter().zip(factors) {
                term = term.wrapping_add(scalar.multiply(*factor));
            }
            step_thin(adder, &mut state, term);
        }
    }
    *one = state;
}

#[inline(always)]
fn step_thin<L: Lane, A: Adder<L>>(adder: A, state: &mut Thin<L>, term: L) {
    let (next, high, low) = adder.step(state.acc, term);
    state.acc = next;
    state.high += u32::from(high);
    state.low += u32::from(low);
}
