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

/// The same edges of four rows, which at one row time all meet the same weights: four independent chains of
/// additions keep the machine busy, and a vector of weights is loaded once. Travelling activations only.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
pub fn edges_of_four<L: Lane, A: Adder<L>>(
    adder: A,
    blocks: &mut [Block<L>; 4],
    activations: [&[L]; 4],
    weights: &[L],
) {
    // Two rows side by side fill the widest vectors there are.
    let mut pairs = [Pair::of(&blocks[0], &blocks[1]), Pair::of(&blocks[2], &blocks[3])];
    // Written out: `array::map` would be a call into code for the oldest processor.
    let [a, b, c, d] = activations;
    let ab = a.windows(BLOCK).zip(b.windows(BLOCK));
    let cd = c.windows(BLOCK).zip(d.windows(BLOCK));
    for (((a, b), (c, d)), weights) in ab.zip(cd).zip(weights.as_chunks::<BLOCK>().0) {
        let weights = side_by_side(weights, weights);
        for (pair, activations) in pairs.iter_mut().zip([side_by_side(a, b), side_by_side(c, d)]) {
            pair.edge(adder, &activations, &weights);
        }
    }
    let [ab, cd] = pairs;
    let [a, b, c, d] = blocks;
    ab.part(a, b);
    cd.part(c, d);
}

/// Two blocks as one.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Pair<L> {
    acc: [L; 2 * BLOCK],
    high: [L; 2 * BLOCK],
    low: [L; 2 * BLOCK],
}

#[inline(always)]
fn side_by_side<L: Lane>(left: &[L], right: &[L]) -> [L; 2 * BLOCK] {
    let mut both = [L::ZERO; 2 * BLOCK];
    both[..BLOCK].copy_from_slice(&left[..BLOCK]);
    both[BLOCK..].copy_from_slice(&right[..BLOCK]);
    both
}

impl<L: Lane> Pair<L> {
    #[inline(always)]
    fn of(a: &Block<L>, b: &Block<L>) -> Self {
        Pair {
            acc: side_by_side(&a.acc, &b.acc),
            high: side_by_side(&a.high, &b.high),
            low: side_by_side(&a.low, &b.low),
        }
    }

    #[inline(always)]
    fn edge<A: Adder<L>>(&mut self, adder: A, activations: &[L; 2 * BLOCK], weights: &[L; 2 * BLOCK]) {
        for column in 0..2 * BLOCK {
            let product = activations[column].multiply(weights[column]);
            let (next, high, low) = adder.step(self.acc[column], product);
            self.acc[column] = next;
            self.high[column] = self.high[column].wrapping_add(L::from_bool(high));
            self.low[column] = self.low[column].wrapping_add(L::from_bool(low));
        }
    }

    #[inline(always)]
    fn part(&self, a: &mut Block<L>, b: &mut Block<L>) {
        for (whole, left, right) in [
            (&self.acc, &mut a.acc, &mut b.acc),
            (&self.high, &mut a.high, &mut b.high),
            (&self.low, &mut a.low, &mut b.low),
        ] {
            left.copy_from_slice(&whole[..BLOCK]);
            right.copy_from_slice(&whole[BLOCK..]);
        }
    }
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

/// Empties the counters of every row into `high` and `low`, `[rows][padded]` in the order of the columns, and sets
/// `any` for rows with events.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn take_counts<L: Lane>(blocks: &mut [Block<L>], any: &mut [bool], high: &mut [u32], low: &mut [u32]) {
    let across = blocks.len() / any.len();
    let places = high.as_chunks_mut::<BLOCK>().0.chunks_mut(across);
    let places = places.zip(low.as_chunks_mut::<BLOCK>().0.chunks_mut(across));
    for ((row, any), (high, low)) in blocks.chunks_mut(across).zip(any).zip(places) {
        // Reversed columns: the last block comes first.
        *any = false;
        for (block, (high, low)) in row.iter_mut().rev().zip(high.iter_mut().zip(low)) {
            *any |= block.high.iter().chain(&block.low).fold(false, |any, count| any | (*count != L::ZERO));
            for place in 0..BLOCK {
                high[BLOCK - 1 - place] = block.high[place].to_count();
                low[BLOCK - 1 - place] = block.low[place].to_count();
            }
            (block.high, block.low) = ([L::ZERO; BLOCK], [L::ZERO; BLOCK]);
        }
    }
}

/// Accumulators of whole rows, `[rows][columns]` in the order of the columns, the last row first.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn show_rows<L: Lane>(blocks: &[Block<L>], across: usize, columns: usize, values: &mut [i64]) {
    for (values, row) in values.chunks_exact_mut(columns).zip(blocks.chunks_exact(across).rev()) {
        for (values, block) in values.chunks_mut(BLOCK).zip(row.iter().rev()) {
            for (value, acc) in values.iter_mut().zip(block.acc.iter().rev()) {
                *value = acc.to_i64();
            }
        }
    }
}

/// Takes codes with their offset into a stream.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn fill<L: Lane>(stream: &mut [L], codes: &[i32], offset: i32) {
    for (to, code) in stream.iter_mut().zip(codes) {
        *to = L::from_i32(code.wrapping_add(offset));
    }
}

/// Takes `[beats][columns]` codes with their offsets into skewed vectors of `padded` elements: column j is `j · hop`
/// vectors late and j places from the end. `skewed` starts at the first beat's vector.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn fill_skewed<L: Lane>(skewed: &mut [L], padded: usize, hop: usize, codes: &[i32], offsets: &[i32]) {
    if let (BLOCK, 1, Ok(offsets)) = (padded, hop, <&[i32; BLOCK]>::try_from(offsets)) {
        for (beat, codes) in codes.as_chunks::<BLOCK>().0.iter().enumerate() {
            let vectors = &mut skewed[beat * BLOCK..][..BLOCK * BLOCK];
            for column in 0..BLOCK {
                let code = codes[column].wrapping_add(offsets[column]);
                vectors[column * BLOCK + BLOCK - 1 - column] = L::from_i32(code);
            }
        }
        return;
    }
    for (beat, codes) in codes.chunks_exact(offsets.len()).enumerate() {
        for (column, (code, offset)) in codes.iter().zip(offsets).enumerate() {
            let place = (beat + column * hop) * padded + padded - 1 - column;
            skewed[place] = L::from_i32(code.wrapping_add(*offset));
        }
    }
}
