//! Edges of one row of accumulators, as vector instructions.
//!
//! A row is cut into blocks of [`BLOCK`] columns. Column order is reversed inside a grid: PE(i, C-1) comes
//! first, because its operand is the oldest, so that a row's travelling activations are `BLOCK` consecutive
//! elements of the stream and the next edge's are those one element on.
//!
//! Each instruction set gets its own copy, chosen when first called. The block has a constant size and is
//! worked on out of line: inlined into a loop over rows, LLVM vectorises across rows with gathers instead.
//!
//! Rules: R3 to R6 through [`Adder`].

use multiversion::multiversion;

use crate::num::adder::Adder;
use crate::num::lanes::Lane;

/// Columns worked on at once.
pub const BLOCK: usize = 16;

/// Edges that counters of 16 bits survive.
pub const MOST_EDGES: usize = i16::MAX as usize;

/// One block's accumulators, and how often each overflowed since the counters were last emptied.
#[repr(align(64))]
#[derive(Debug, Clone, Copy)]
pub struct Block<L> {
    pub acc: [L; BLOCK],
    pub high: [L; BLOCK],
    pub low: [L; BLOCK],
}

impl<L: Lane> Block<L> {
    pub const ZERO: Self = Block { acc: [L::ZERO; BLOCK], high: [L::ZERO; BLOCK], low: [L::ZERO; BLOCK] };
}

/// What a row is fed: an edge multiplies `activations[e · step ..]` by `weights[e · stride ..]`.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a, L> {
    pub activations: &'a [L],
    /// 1 when activations travel, `stride` when each edge has its own.
    pub step: usize,
    pub weights: &'a [L],
    pub stride: usize,
}

/// As many edges as the feed has weights for, at most [`MOST_EDGES`].
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
pub fn edges<L: Lane, A: Adder<L>>(adder: A, block: &mut Block<L>, feed: Feed<'_, L>) {
    // A copy, so that the state stays in registers from edge to edge.
    let mut state = *block;
    if feed.step == 1 && feed.stride == BLOCK {
        let weights = feed.weights.as_chunks::<BLOCK>().0;
        for (activations, weights) in feed.activations.windows(BLOCK).zip(weights) {
            edge(adder, &mut state, activations, weights);
        }
    } else {
        let weights = feed.weights.chunks(feed.stride).map(|w| &w[..BLOCK]);
        for (activations, weights) in feed.activations.windows(BLOCK).step_by(feed.step).zip(weights) {
            edge(adder, &mut state, activations, weights);
        }
    }
    *block = state;
}

#[inline(always)]
fn edge<L: Lane, A: Adder<L>>(adder: A, state: &mut Block<L>, activations: &[L], weights: &[L]) {
    for column in 0..BLOCK {
        let product = activations[column].multiply(weights[column]);
        let (next, high, low) = adder.step(state.acc[column], product);
        state.acc[column] = next;
        state.high[column] = state.high[column].wrapping_add(L::from_bool(high));
        state.low[column] = state.low[column].wrapping_add(L::from_bool(low));
    }
}
