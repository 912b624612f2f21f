//! AVX2: the same panels in 256-bit registers.
//!
//! Every pointer stays inside the slices whose extents `mod.rs` has checked: `r < rows.count`, `j < columns`, and
//! positions below those of the weights. Loads and stores are unaligned.

pub mod float;

use std::arch::x86_64::*;

use super::{Begin, Piece, Rows, Step16, Step32, Track, portable};

/// # Safety
/// AVX2 exists; `rows` hold `quads` · 4 positions, `acc` rows.count · columns, `begin.add` columns, `weights` quads ·
/// columns · 4.
#[target_feature(enable = "avx2")]
pub unsafe fn dot8(
    acc: &mut [i32],
    begin: Begin,
    rows: Rows<u8>,
    weights: &[i8],
    columns: usize,
    quads: usize,
) {
    let (to, from) = (acc.as_mut_ptr(), rows.codes.as_ptr());
    // SAFETY: columns c..c + 16 of row r lie inside all of the slices.
    unsafe {
        for c in (0..columns).step_by(16) {
            let (add, w) = (begin.add.as_ptr().add(c), weights.as_ptr().add(4 * c));
            let mut r = 0;
            while r < rows.count {
                let (to, row) = (to.add(r * columns + c), from.add(r * rows.stride));
                let extents = [columns, quads, rows.stride];
                if rows.count - r >= 4 {
                    tile8::<4>(to, add, begin.first, row, w, extents);
                    r += 4;
                } else {
                    tile8::<1>(to, add, begin.first, row, w, extents);
                    r += 1;
                }
            }
        }
    }
}

/// Even and odd bytes apart as 16-bit halves: vpmaddubsw would saturate the sum of a pair.
///
/// # Safety
/// R rows of 16 columns lie behind every pointer.
#[target_feature(enable = "avx2")]
unsafe fn tile8<const R: usize>(
    acc: *mut i32,
    add: *const i32,
    first: bool,
    rows: *const u8,
    weights: *const i8,
    [columns, quads, stride]: [usize; 3],
) {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = begin::<R>(acc, add, first, columns);
        for quad in 0..quads {
            for j in 0..2 {
                let w = _mm256_loadu_si256(weights.add(quad * 4 * columns + 32 * j).cast());
                let even = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8);
                let odd = _mm256_srai_epi16(w, 8);
                for (r, sums) in sums.iter_mut().enumerate() {
                    let code = rows.add(r * stride + quad * 4).cast::<u32>().read_unaligned();
                    let [low, high] = [code & 0x00ff_00ff, code >> 8 & 0x00ff_00ff];
                    let low = _mm256_madd_epi16(even, _mm256_set1_epi32(low.cast_signed()));
                    let high = _mm256_madd_epi16(odd, _mm256_set1_epi32(high.cast_signed()));
                    sums[j] = _mm256_add_epi32(sums[j], _mm256_add_epi32(low, high));
                }
            }
        }
        store::<R>(acc, &sums, columns);
    }
}

/// # Safety
/// As [`dot8`], with pairs of 16-bit elements.
#[target_feature(enable = "avx2")]
pub unsafe fn dot16(
    acc: &mut [i32],
    begin: Begin,
    rows: Rows<i16>,
    weights: &[i16],
    columns: usize,
    pairs: usize,
) {
    let (to, from) = (acc.as_mut_ptr(), rows.codes.as_ptr());
    // SAFETY: columns c..c + 16 of row r lie inside all of the slices.
    unsafe {
        for c in (0..columns).step_by(16) {
            let (add, w) = (begin.add.as_ptr().add(c), weights.as_ptr().add(2 * c));
            let mut r = 0;
            while r < rows.count {
                let (to, row) = (to.add(r * columns + c), from.add(r * rows.stride));
                let extents = [columns, pairs, rows.stride];
                if rows.count - r >= 4 {
                    tile16::<4>(to, add, begin.first, row, w, extents);
                    r += 4;
                } else {
                    tile16::<1>(to, add, begin.first, row, w, extents);
                    r += 1;
                }
            }
        }
    }
}

/// # Safety
/// R rows of 16 columns lie behind every pointer.
#[target_feature(enable = "avx2")]
unsafe fn tile16<const R: usize>(
    acc: *mut i32,
    add: *const i32,
    first: bool,
    rows: *const i16,
    weights: *const i16,
    [columns, pairs, stride]: [usize; 3],
) {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = begin::<R>(acc, add, first, columns);
        for pair in 0..pairs {
            for j in 0..2 {
                let w = _mm256_loadu_si256(weights.add(pair * 2 * columns + 16 * j).cast());
                for (r, sums) in sums.iter_mut().enumerate() {
                    let code = rows.add(r * stride + pair * 2).cast::<i32>().read_unaligned();
                    sums[j] = _mm256_add_epi32(sums[j], _mm256_madd_epi16(w, _mm256_set1_epi32(code)));
                }
            }
        }
        store::<R>(acc, &sums, columns);
    }
}

/// # Safety
/// `acc` holds R rows of 16 columns, `columns` apart; `add` holds 16.
#[target_feature(enable = "avx2")]
unsafe fn begin<const R: usize>(
    acc: *const i32,
    add: *const i32,
    first: bool,
    columns: usize,
) -> [[__m256i; 2]; R] {
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    for (r, sums) in sums.iter_mut().enumerate() {
        for (j, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's extents.
            unsafe {
                *sum = _mm256_loadu_si256(add.add(8 * j).cast());
                if !first {
                    let held = _mm256_loadu_si256(acc.add(r * columns + 8 * j).cast());
                    *sum = _mm256_add_epi32(*sum, held);
                }
            }
        }
    }
    sums
}

/// # Safety
/// As [`begin`].
#[target_feature(enable = "avx2")]
unsafe fn store<const R: usize>(to: *mut i32, values: &[[__m256i; 2]; R], columns: usize) {
    for (r, values) in values.iter().enumerate() {
        for (j, value) in values.iter().enumerate() {
            // SAFETY: the caller's extents.
            unsafe { _mm256_storeu_si256(to.add(r * columns + 8 * j).cast(), *value) };
        }
    }
}

/// A [`Step16`] in registers.
#[derive(Clone, Copy)]
struct Fit {
    low: __m256i,
    high: __m256i,
    unused: __m128i,
}

#[target_feature(enable = "avx2")]
fn prepared(step: Step16) -> Fit {
    let (low, high) = step.rails();
    let unused = match step {
        Step16::Saturate { .. } => 0,
        Step16::Wrap { width } => 16 - width,
    };
    let unused = _mm_cvtsi32_si128(unused.cast_signed());
    Fit { low: _mm256_set1_epi16(low), high: _mm256_set1_epi16(high), unused }
}

/// # Safety
/// AVX2 exists; `rows` hold `positions`, `acc` rows.count · columns, `weights` positions · columns.
#[target_feature(enable = "avx2")]
pub unsafe fn steps16(
    acc: &mut [i16],
    step: Step16,
    rows: Rows<u32>,
    weights: &[i16],
    [columns, positions]: [usize; 2],
) {
    let mut none = [0_i16; 0];
    let lanes = Lanes { acc: acc.as_mut_ptr(), counts: none.as_mut_ptr(), rows: rows.codes.as_ptr() };
    let wm = [weights.as_ptr(), weights.as_ptr()];
    let extents = [columns, positions, rows.stride];
    let fit = prepared(step);
    // SAFETY: the extents of the caller; without counts no mark is read.
    unsafe {
        match step {
            Step16::Saturate { .. } => walk16::<false, false>(lanes, rows.count, fit, wm, extents),
            Step16::Wrap { .. } => walk16::<true, false>(lanes, rows.count, fit, wm, extents),
        }
    }
}

/// # Safety
/// As [`steps16`]; `counts` hold as much as `acc`, `marks` positions · 2 · columns.
#[target_feature(enable = "avx2")]
pub unsafe fn counted_steps16(
    [acc, counts]: [&mut [i16]; 2],
    step: Step16,
    rows: Rows<u32>,
    [weights, marks]: [&[i16]; 2],
    [columns, positions]: [usize; 2],
) {
    let lanes = Lanes { acc: acc.as_mut_ptr(), counts: counts.as_mut_ptr(), rows: rows.codes.as_ptr() };
    let wm = [weights.as_ptr(), marks.as_ptr()];
    let extents = [columns, positions, rows.stride];
    let fit = prepared(step);
    // SAFETY: the extents of the caller.
    unsafe {
        match step {
            Step16::Saturate { .. } => walk16::<false, true>(lanes, rows.count, fit, wm, extents),
            Step16::Wrap { .. } => walk16::<true, true>(lanes, rows.count, fit, wm, extents),
        }
    }
}

#[derive(Clone, Copy)]
struct Lanes {
    acc: *mut i16,
    counts: *mut i16,
    rows: *const u32,
}

/// # Safety
/// As [`counted_steps16`].
#[target_feature(enable = "avx2")]
unsafe fn walk16<const WRAP: bool, const COUNT: bool>(
    lanes: Lanes,
    count: usize,
    fit: Fit,
    [weights, marks]: [*const i16; 2],
    extents: [usize; 3],
) {
    let [columns, _, stride] = extents;
    // SAFETY: columns c..c + 16 of row r lie inside the slices.
    unsafe {
        for c in (0..columns).step_by(16) {
            let wm = [weights.add(c), marks.add(if COUNT { c } else { 0 })];
            let mut r = 0;
            while r < count {
                let lanes = Lanes {
                    acc: lanes.acc.add(r * columns + c),
                    counts: if COUNT { lanes.counts.add(r * columns + c) } else { lanes.counts },
                    rows: lanes.rows.add(r * stride),
                };
                if count - r >= 4 {
                    lanes16::<4, WRAP, COUNT>(lanes, fit, wm, extents);
                    r += 4;
                } else {
                    lanes16::<1, WRAP, COUNT>(lanes, fit, wm, extents);
                    r += 1;
                }
            }
        }
    }
}

/// # Safety
/// R rows of 16 columns lie behind the pointers of `lanes`.
#[target_feature(enable = "avx2")]
unsafe fn lanes16<const R: usize, const WRAP: bool, const COUNT: bool>(
    lanes: Lanes,
    fit: Fit,
    [weights, marks]: [*const i16; 2],
    [columns, positions, stride]: [usize; 3],
) {
    // SAFETY: the caller's extents.
    unsafe {
        let mut acc = [_mm256_setzero_si256(); R];
        let mut counts = acc;
        for r in 0..R {
            acc[r] = _mm256_loadu_si256(lanes.acc.add(r * columns).cast());
            if COUNT {
                counts[r] = _mm256_loadu_si256(lanes.counts.add(r * columns).cast());
            }
        }
        for position in 0..positions {
            let w = _mm256_loadu_si256(weights.add(position * columns).cast());
            for r in 0..R {
                let code = *lanes.rows.add(r * stride + position);
                let product = _mm256_mullo_epi16(_mm256_set1_epi32(code.cast_signed()), w);
                let wrapped = _mm256_add_epi16(acc[r], product);
                let clamped = _mm256_adds_epi16(acc[r], product);
                let clamped = _mm256_min_epi16(_mm256_max_epi16(clamped, fit.low), fit.high);
                if COUNT {
                    let mark = marks.add((2 * position + (code >> 31) as usize) * columns);
                    let mark = _mm256_loadu_si256(mark.cast());
                    let inside = _mm256_cmpeq_epi16(clamped, wrapped);
                    counts[r] = _mm256_add_epi16(counts[r], _mm256_andnot_si256(inside, mark));
                }
                acc[r] = if WRAP {
                    _mm256_sra_epi16(_mm256_sll_epi16(wrapped, fit.unused), fit.unused)
                } else {
                    clamped
                };
            }
        }
        for r in 0..R {
            _mm256_storeu_si256(lanes.acc.add(r * columns).cast(), acc[r]);
            if COUNT {
                _mm256_storeu_si256(lanes.counts.add(r * columns).cast(), counts[r]);
            }
        }
    }
}

/// What the compiler makes of the safe form with 256-bit registers.
///
/// # Safety
/// AVX2 exists.
#[target_feature(enable = "avx2")]
pub unsafe fn flag(acc: &[i32], limits: [&[i32]; 2], flags: &mut [u64]) -> bool {
    portable::flag(acc, limits, flags)
}

/// As [`flag`].
///
/// # Safety
/// AVX2 exists.
#[target_feature(enable = "avx2")]
pub unsafe fn stays(codes: &[i32], weights: &[i16], limits: [i32; 2]) -> bool {
    portable::stays(codes, weights, limits)
}

/// As [`flag`].
///
/// # Safety
/// AVX2 exists.
#[target_feature(enable = "avx2")]
pub unsafe fn steps32(
    acc: &mut [i32],
    counts: [&mut [u32]; 2],
    step: Step32,
    pieces: &[Piece],
    rows: Rows<u32>,
    weights: &[i16],
    columns: usize,
) {
    portable::steps32(acc, counts, step, pieces, rows, weights, columns);
}

/// As [`flag`].
///
/// # Safety
/// AVX2 exists.
#[target_feature(enable = "avx2")]
pub unsafe fn track16(
    acc: &mut [i32],
    track: Track,
    pieces: &[Piece],
    rows: Rows<u32>,
    weights: &[i16],
    columns: usize,
) {
    portable::track16(acc, track, pieces, rows, weights, columns);
}
