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

/// What sums that nothing has to be fitted in end as, row by row: onto each is added Σ of its row of `scalars` · `vectors`, which
/// are `vectors.len()` products.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
pub fn exact<L: Lane>(sums: &mut [[L; BLOCK]], scalars: &[L], vectors: &[[L; BLOCK]]) {
    // As many chains of additions as vector registers hold.
    const ROWS: usize = 4;
    let (rows, rest) = sums.as_chunks_mut::<ROWS>();
    let width = vectors.len();
    let (of_rows, of_rest) = scalars.split_at(rows.len() * ROWS * width);
    for (sums, scalars) in rows.iter_mut().zip(of_rows.chunks_exact(ROWS * width)) {
        let mut state = *sums;
        let (first, last) = scalars.split_at(2 * width);
        let ((a, b), (c, d)) = (first.split_at(width), last.split_at(width));
        for (at, vector) in vectors.iter().enumerate() {
            let scalars = [a[at], b[at], c[at], d[at]];
            for row in 0..ROWS {
                for column in 0..BLOCK {
                    let product = scalars[row].multiply(vector[column]);
                    state[row][column] = state[row][column].wrapping_add(product);
                }
            }
        }
        *sums = state;
    }
    for (sums, scalars) in rest.iter_mut().zip(of_rest.chunks_exact(width)) {
        let mut state = *sums;
        for (scalar, vector) in scalars.iter().zip(vectors) {
            for column in 0..BLOCK {
                state[column] = state[column].wrapping_add(scalar.multiply(vector[column]));
            }
        }
        *sums = state;
    }
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
