//! The loops that the fast engine spends its time in, for AVX-512 (BW, VNNI), AVX2 and any machine.
//!
//! The only unsafe code of goldpath. Each function here checks the extents of its slices and then calls the copy for
//! the instruction set; what an instruction set may assume is written beside each block. Every copy computes the same
//! integers: additions wrap modulo 2^32 (dot products) or follow R3 to R6 step by step (lanes); and the same float32
//! sums, in MLAS's order ([`float`]). `tests.rs` holds all of them equal to naive loops.
//!
//! Layouts. A *panel* is 16, 32 or 64 output channels (`columns`). A *position* is a scheduled element: beat · lanes +
//! lane. Positions beyond the last are there, with weight 0.
//!
//! | name | layout | element |
//! |---|---|---|
//! | rows of 8 bits | `[rows][stride]` | activation minus the smallest one, `u8` |
//! | rows of 16 bits | `[rows][stride]` | effective activation, `i16` |
//! | rows of twins | `[rows][stride]` | effective activation as `i16`, twice in a `u32`: a broadcast of 32 bits is a load |
//! | weights of 8 bits | `[quads][columns][4]` | effective weight, `i8` |
//! | weights of 16 bits | `[pairs][columns][2]` | effective weight, `i16` |
//! | weights of steps | `[positions][columns]` | effective weight, `i16` |

#![allow(unsafe_code, reason = "the one place for it; each block says why it is sound")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod codes;
pub mod float;
mod portable;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use rayon::prelude::*;

/// Which copy of the kernels runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernels {
    /// Safe Rust, for any machine.
    Portable,
    /// AVX2 and FMA: vpmaddwd, vpmullw, vpaddsw, vfmadd on 256 bits.
    Avx2,
    /// AVX-512 F, BW, VL and VNNI: vpdpbusd, vpdpwssd, vpmullw, vpaddsw, vfmadd on 512 bits.
    Avx512,
}

impl Kernels {
    /// Every copy this machine can run, slowest first.
    pub fn available() -> Vec<Kernels> {
        let mut all = vec![Kernels::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Kernels::Avx2);
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
                && all.contains(&Kernels::Avx2)
            {
                all.push(Kernels::Avx512);
            }
        }
        all
    }

    /// The fastest copy this machine can run.
    pub fn best() -> Kernels {
        Kernels::available().pop().unwrap_or(Kernels::Portable)
    }

    /// As options and reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Kernels::Portable => "portable",
            Kernels::Avx2 => "avx2",
            Kernels::Avx512 => "avx512",
        }
    }
}

/// A copy that has been seen to run on this machine: the proof that its instructions exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kernels);

impl Isa {
    /// `kernels`, where this machine has them, else the best it has.
    pub fn new(kernels: Kernels) -> Isa {
        Isa(if Kernels::available().contains(&kernels) { kernels } else { Kernels::best() })
    }

    /// Which copy it is.
    pub fn kernels(self) -> Kernels {
        self.0
    }
}

/// Rows of activations: element `p` of row `r` is `codes[r · stride + p]`.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// All rows.
    pub codes: &'a [T],
    /// Elements from one row to the next.
    pub stride: usize,
    /// How many rows.
    pub count: usize,
}

impl<'a, T> Rows<'a, T> {
    /// The rows from `first` on, `count` of them, starting at element `from`.
    pub fn part(&self, first: usize, count: usize, from: usize) -> Rows<'a, T> {
        Rows { codes: &self.codes[first * self.stride + from..], stride: self.stride, count }
    }

    /// Every row has `elements` from its start.
    fn hold(&self, elements: usize) {
        assert!(self.count > 0 && self.codes.len() >= (self.count - 1) * self.stride + elements);
    }
}

/// How a block of a dot product begins: every accumulator of column `j` is given `add[j]`.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// One number a column.
    pub add: &'a [i32],
    /// The accumulators hold nothing yet.
    pub first: bool,
}

/// So many zeros, written by all threads: a large block costs as much as computing what goes into it.
pub fn zeros<T: Copy + Default + Send + Sync>(count: usize) -> Vec<T> {
    /// Elements that are worth a thread's while.
    const PART: usize = 1 << 16;
    let mut all = Vec::with_capacity(count);
    let parts = all.spare_capacity_mut()[..count].par_chunks_mut(PART);
    parts.for_each(|part| part.fill(MaybeUninit::new(T::default())));
    // SAFETY: there is room for `count` elements, and each of them has just been written.
    unsafe { all.set_len(count) };
    all
}

/// `rule` of every part of `part` values (the last may be shorter), told its number; threads share them, `least` parts
/// at a time or more.
///
/// One form of each type of value: what the rule does stays in one call a part, and the many rules do not each bring
/// their own copy of how threads share.
pub fn parts<T: Send>(values: &mut [T], part: usize, least: usize, rule: &(dyn Fn(usize, &mut [T]) + Sync)) {
    parts_with(values, part, least, &|_: &mut (), index, part| rule(index, part));
}

/// [`parts`] with something that a thread keeps from one part to the next.
pub fn parts_with<T: Send, S: Default>(
    values: &mut [T],
    part: usize,
    least: usize,
    rule: &(dyn Fn(&mut S, usize, &mut [T]) + Sync),
) {
    let parts = values.par_chunks_mut(part.max(1)).with_min_len(least.max(1)).enumerate();
    parts.for_each_init(S::default, |kept, (index, part)| rule(kept, index, part));
}

/// `rule` of every number below `count`, in order, with something that a thread keeps.
pub fn numbered<U: Send, S: Default>(
    count: usize,
    least: usize,
    rule: &(dyn Fn(&mut S, usize) -> U + Sync),
) -> Vec<U> {
    let numbers = (0..count).into_par_iter().with_min_len(least.max(1));
    numbers.map_init(S::default, |kept, index| rule(kept, index)).collect()
}

fn panel(columns: usize) {
    assert!(matches!(columns, 16 | 32 | 64), "a panel has 16, 32 or 64 columns");
}

/// `acc[r][j] ← (0 or acc[r][j]) + add[j] + Σ rows[r][p] · weights[p][j]` modulo 2^32, over `quads` · 4 positions.
///
/// `acc` is `[rows][columns]`, rows of 8 bits, weights of 8 bits.
pub fn dot8(isa: Isa, acc: &mut [i32], begin: Begin, rows: Rows<u8>, weights: &[i8], columns: usize) {
    let quads = weights.len() / (4 * columns);
    panel(columns);
    rows.hold(quads * 4);
    assert!(acc.len() >= rows.count * columns && begin.add.len() >= columns);
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents were just checked.
        Kernels::Avx512 => unsafe { avx512::dot8(acc, begin, rows, weights, columns, quads) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::dot8(acc, begin, rows, weights, columns, quads) },
        _ => portable::dot8(acc, begin, rows, weights, columns, quads),
    }
}

/// [`dot8`] for rows and weights of 16 bits.
pub fn dot16(isa: Isa, acc: &mut [i32], begin: Begin, rows: Rows<i16>, weights: &[i16], columns: usize) {
    let pairs = weights.len() / (2 * columns);
    panel(columns);
    rows.hold(pairs * 2);
    assert!(acc.len() >= rows.count * columns && begin.add.len() >= columns);
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents were just checked.
        Kernels::Avx512 => unsafe { avx512::dot16(acc, begin, rows, weights, columns, pairs) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::dot16(acc, begin, rows, weights, columns, pairs) },
        _ => portable::dot16(acc, begin, rows, weights, columns, pairs),
    }
}

/// Sets a bit for every accumulator below `low[j]` or above `high[j]`: one word a row, `acc` is `[rows][columns]`.
/// Returns whether there is any; if not, the words are left as they are.
pub fn flag(isa: Isa, acc: &[i32], [low, high]: [&[i32]; 2], flags: &mut [u64]) -> bool {
    let columns = low.len();
    panel(columns);
    assert!(high.len() == columns && acc.len() == flags.len() * columns);
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents were just checked.
        Kernels::Avx512 => unsafe { avx512::flag(acc, [low, high], flags) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::flag(acc, [low, high], flags) },
        _ => portable::flag(acc, [low, high], flags),
    }
}

/// Extremes of the accumulators while they run.
#[derive(Debug)]
pub struct Track<'a> {
    /// Smallest, `[rows][columns]`: lowered where an accumulator is smaller.
    pub low: &'a mut [i32],
    /// Largest, raised likewise.
    pub high: &'a mut [i32],
}

/// One dword of a row's stream: which pair of weights it meets, and whether a beat ends behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Index of the pair in the weights of 16 bits.
    pub pair: u32,
    /// The extremes are taken here.
    pub ends_beat: bool,
}

/// Sums of `rows` (two 16-bit activations a dword, the ones outside a piece 0) times weights of 16 bits, modulo 2^32,
/// with the extremes at every piece that ends a beat.
pub fn track16(
    isa: Isa,
    acc: &mut [i32],
    track: Track,
    pieces: &[Piece],
    rows: Rows<u32>,
    weights: &[i16],
    columns: usize,
) {
    panel(columns);
    rows.hold(pieces.len());
    let values = rows.count * columns;
    assert!(acc.len() >= values && track.low.len() >= values && track.high.len() >= values);
    let pairs = weights.len() / (2 * columns);
    assert!(pieces.iter().all(|piece| (piece.pair as usize) < pairs));
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents and pairs were just checked.
        Kernels::Avx512 => unsafe { avx512::track16(acc, track, pieces, rows, weights, columns) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::track16(acc, track, pieces, rows, weights, columns) },
        _ => portable::track16(acc, track, pieces, rows, weights, columns),
    }
}

/// Whether every prefix of Σ codes[p] · weights[p] lies in `low..=high`. All of them must fit 32 bits.
pub fn stays(isa: Isa, codes: &[i32], weights: &[i16], [low, high]: [i32; 2]) -> bool {
    assert_eq!(codes.len(), weights.len());
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; the slices are of one length.
        Kernels::Avx512 => unsafe { avx512::stays(codes, weights, [low, high]) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::stays(codes, weights, [low, high]) },
        _ => portable::stays(codes, weights, [low, high]),
    }
}

/// What a 32-bit lane does with a sum that fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step32 {
    /// Lower rail.
    pub low: i32,
    /// Upper rail.
    pub high: i32,
    /// R4 between the rails of a signed format of so many bits, instead of R5.
    pub wrap: Option<u32>,
}

/// One step a beat on 32-bit accumulators `[rows][columns]` inside the rails; the sum of any of them and any beat must
/// fit 32 bits. `counts` of sums above and below are `[rows][columns]` each, or empty when nobody counts.
pub fn steps32(
    isa: Isa,
    acc: &mut [i32],
    counts: [&mut [u32]; 2],
    step: Step32,
    pieces: &[Piece],
    rows: Rows<u32>,
    (weights, columns): (&[i16], usize),
) {
    panel(columns);
    rows.hold(pieces.len());
    let values = rows.count * columns;
    assert!(acc.len() >= values);
    assert!(counts.iter().all(|c| c.is_empty()) || counts.iter().all(|c| c.len() >= values));
    let pairs = weights.len() / (2 * columns);
    assert!(pieces.iter().all(|piece| (piece.pair as usize) < pairs));
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents and pairs were just checked.
        Kernels::Avx512 => unsafe { avx512::steps32(acc, counts, step, pieces, rows, weights, columns) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::steps32(acc, counts, step, pieces, rows, weights, columns) },
        _ => portable::steps32(acc, counts, step, pieces, rows, weights, columns),
    }
}

/// What a 16-bit lane does with a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step16 {
    /// R5 between two rails inside 16 bits.
    Saturate {
        /// Lower rail.
        low: i16,
        /// Upper rail.
        high: i16,
    },
    /// R4 to `width` bits, 1..=16, signed.
    Wrap {
        /// Bits that are kept.
        width: u32,
    },
}

impl Step16 {
    fn rails(self) -> (i16, i16) {
        match self {
            Step16::Saturate { low, high } => (low, high),
            Step16::Wrap { width } => (i16::MIN >> (16 - width), i16::MAX >> (16 - width)),
        }
    }
}

/// Most steps that a byte counts.
pub const MOST_STEPS: usize = 255;

/// One step a position on 16-bit accumulators `[rows][columns]` inside the rails; products must fit 16 bits.
pub fn steps16(isa: Isa, acc: &mut [i16], step: Step16, rows: Rows<u32>, weights: &[i16], columns: usize) {
    let positions = weights.len() / columns;
    panel(columns);
    rows.hold(positions);
    assert!(acc.len() >= rows.count * columns);
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents were just checked.
        Kernels::Avx512 => unsafe { avx512::steps16(acc, step, rows, weights, [columns, positions]) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe { avx2::steps16(acc, step, rows, weights, [columns, positions]) },
        _ => portable::steps16(acc, step, rows, weights, [columns, positions]),
    }
}

/// [`steps16`] with events: the low byte of `counts` is raised by every sum above the rails, the high byte by every
/// one below. At most [`MOST_STEPS`] positions.
///
/// `marks` are `[positions][2][columns]`: what an event adds where the activation is not negative, then where it is:
/// 1 where the product is positive, 256 where it is negative. A sum of a value inside the rails leaves them on the
/// side of the product's sign, so the sign need not be looked at.
pub fn counted_steps16(
    isa: Isa,
    [acc, counts]: [&mut [i16]; 2],
    step: Step16,
    rows: Rows<u32>,
    [weights, marks]: [&[i16]; 2],
    columns: usize,
) {
    let positions = weights.len() / columns;
    panel(columns);
    rows.hold(positions);
    assert!(positions <= MOST_STEPS && marks.len() >= positions * 2 * columns);
    assert!(acc.len() >= rows.count * columns && counts.len() >= rows.count * columns);
    match isa.0 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: Isa::new has seen the features; extents were just checked.
        Kernels::Avx512 => unsafe {
            avx512::counted_steps16([acc, counts], step, rows, [weights, marks], [columns, positions]);
        },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Kernels::Avx2 => unsafe {
            avx2::counted_steps16([acc, counts], step, rows, [weights, marks], [columns, positions]);
        },
        _ => portable::counted_steps16([acc, counts], step, rows, [weights, marks], [columns, positions]),
    }
}
