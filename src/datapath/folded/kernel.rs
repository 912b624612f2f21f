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
