//! 32-bit lanes: which of them stand where a block could leave the rails, and single steps.

use std::arch::x86_64::*;

use super::{load, unload, vectors};
use crate::functional::kernels::{Piece, Rows, Step32};

/// # Safety
/// AVX-512 F exists; `acc` holds a row of columns for every word of `flags`.
#[target_feature(enable = "avx512f")]
pub unsafe fn flag(acc: &[i32], [low, high]: [&[i32]; 2], flags: &mut [u64]) -> bool {
    let (columns, rows) = (low.len(), flags.len());
    let mut any = 0;
    for j in (0..columns).step_by(16) {
        // SAFETY: 16 columns from j on lie in all three, for every row.
        unsafe {
            let [low, high] = [low, high].map(|limit| limit.as_ptr().add(j));
            let (low, high) = (_mm512_loadu_si512(low.cast()), _mm512_loadu_si512(high.cast()));
            let (mut least, mut most) = (high, low);
            for r in 0..rows {
                let acc = _mm512_loadu_si512(acc.as_ptr().add(r * columns + j).cast());
                least = _mm512_min_epi32(least, acc);
                most = _mm512_max_epi32(most, acc);
            }
            // Where no value is safe, low lies above high.
            any |= _mm512_cmplt_epi32_mask(least, low) | _mm512_cmpgt_epi32_mask(most, high);
        }
    }
    if any == 0 {
        return false;
    }
    for (r, flags) in flags.iter_mut().enumerate() {
        *flags = 0;
        for j in (0..columns).step_by(16) {
            // SAFETY: 16 columns from j on lie in all three.
            let (acc, low, high) = unsafe {
                let acc = _mm512_loadu_si512(acc.as_ptr().add(r * columns + j).cast());
                let low = _mm512_loadu_si512(low.as_ptr().add(j).cast());
                (acc, low, _mm512_loadu_si512(high.as_ptr().add(j).cast()))
            };
            let outside = _mm512_cmplt_epi32_mask(acc, low) | _mm512_cmpgt_epi32_mask(acc, high);
            *flags |= u64::from(outside) << j;
        }
    }
    true
}

/// Sixteen prefixes at a time: four shifted additions, then the sum so far.
///
/// # Safety
/// The features exist; both slices have the same length.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn stays(codes: &[i32], weights: &[i16], [low, high]: [i32; 2]) -> bool {
    let (low, high) = (_mm512_set1_epi32(low), _mm512_set1_epi32(high));
    let (zero, last) = (_mm512_setzero_si512(), _mm512_set1_epi32(15));
    let mut before = zero;
    for at in (0..codes.len()).step_by(16) {
        let left = codes.len() - at;
        let live: __mmask16 = if left >= 16 { u16::MAX } else { (1 << left) - 1 };
        // SAFETY: lanes beyond the slices are masked away; their products are 0, so their prefixes are the last one.
        let (codes, weights) = unsafe {
            let codes = _mm512_maskz_loadu_epi32(live, codes.as_ptr().add(at));
            (codes, _mm256_maskz_loadu_epi16(live, weights.as_ptr().add(at)))
        };
        let mut sums = _mm512_mullo_epi32(codes, _mm512_cvtepi16_epi32(weights));
        sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<15>(sums, zero));
        sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<14>(sums, zero));
        sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<12>(sums, zero));
        sums = _mm512_add_epi32(sums, _mm512_alignr_epi32::<8>(sums, zero));
        sums = _mm512_add_epi32(sums, before);
        if (_mm512_cmplt_epi32_mask(sums, low) | _mm512_cmpgt_epi32_mask(sums, high)) != 0 {
            return false;
        }
        before = _mm512_permutexvar_epi32(last, sums);
    }
    true
}

/// # Safety
/// The features exist; `rows` hold a dword a piece, every piece's pair lies inside `weights`, `counts` are empty or
/// hold as much as `acc`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn steps32(
    acc: &mut [i32],
    [highs, lows]: [&mut [u32]; 2],
    step: Step32,
    pieces: &[Piece],
    rows: Rows<u32>,
    weights: &[i16],
    columns: usize,
) {
    let count = !highs.is_empty();
    let width = columns.min(32);
    // SAFETY: row r and columns c.. lie inside all of the slices.
    unsafe {
        for c in (0..columns).step_by(width) {
            let w = weights.as_ptr().add(2 * c);
            let mut r = 0;
            while r < rows.count {
                let at = r * columns + c;
                let counts = if count { at } else { 0 };
                let state = [
                    acc.as_mut_ptr().add(at),
                    highs.as_mut_ptr().add(counts).cast(),
                    lows.as_mut_ptr().add(counts).cast(),
                ];
                let row = rows.codes.as_ptr().add(r * rows.stride);
                let extents = [rows.stride, columns];
                let tall = rows.count - r >= 4;
                match (width, tall, count) {
                    (16, true, true) => stepped32::<4, 1, true>(state, step, pieces, row, w, extents),
                    (16, true, false) => stepped32::<4, 1, false>(state, step, pieces, row, w, extents),
                    (16, false, true) => stepped32::<1, 1, true>(state, step, pieces, row, w, extents),
                    (16, false, false) => stepped32::<1, 1, false>(state, step, pieces, row, w, extents),
                    (_, true, true) => stepped32::<4, 2, true>(state, step, pieces, row, w, extents),
                    (_, true, false) => stepped32::<4, 2, false>(state, step, pieces, row, w, extents),
                    (_, false, true) => stepped32::<1, 2, true>(state, step, pieces, row, w, extents),
                    (_, false, false) => stepped32::<1, 2, false>(state, step, pieces, row, w, extents),
                }
                r += if tall { 4 } else { 1 };
            }
        }
    }
}

/// # Safety
/// R rows of `stride` dwords lie behind `rows`, one a piece; R rows and C vectors of 16 columns behind every pointer of
/// `state`, `columns` apart, but without COUNT only behind the first; every piece's pair of C vectors behind `weights`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn stepped32<const R: usize, const C: usize, const COUNT: bool>(
    state: [*mut i32; 3],
    step: Step32,
    pieces: &[Piece],
    rows: *const u32,
    weights: *const i16,
    [stride, columns]: [usize; 2],
) {
    let (low, high) = (_mm512_set1_epi32(step.low), _mm512_set1_epi32(step.high));
    let unused = _mm_cvtsi32_si128((32 - step.wrap.unwrap_or(32)).cast_signed());
    let one = _mm512_set1_epi32(1);
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = load::<R, C>(state[0], columns);
        let mut highs = [[_mm512_setzero_si512(); C]; R];
        let mut lows = highs;
        if COUNT {
            highs = load::<R, C>(state[1], columns);
            lows = load::<R, C>(state[2], columns);
        }
        for (at, piece) in pieces.iter().enumerate() {
            let w = weights.add(piece.pair as usize * 2 * columns);
            let w = vectors::<C>(w.cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let code = _mm512_set1_epi32((*rows.add(r * stride + at)).cast_signed());
                for j in 0..C {
                    sums[j] = _mm512_dpwssd_epi32(sums[j], code, w[j]);
                }
            }
            if !piece.ends_beat {
                continue;
            }
            for r in 0..R {
                for j in 0..C {
                    let sum = sums[r][j];
                    if COUNT {
                        let above = _mm512_cmpgt_epi32_mask(sum, high);
                        let below = _mm512_cmplt_epi32_mask(sum, low);
                        highs[r][j] = _mm512_mask_add_epi32(highs[r][j], above, highs[r][j], one);
                        lows[r][j] = _mm512_mask_add_epi32(lows[r][j], below, lows[r][j], one);
                    }
                    sums[r][j] = if step.wrap.is_some() {
                        _mm512_sra_epi32(_mm512_sll_epi32(sum, unused), unused)
                    } else {
                        _mm512_min_epi32(_mm512_max_epi32(sum, low), high)
                    };
                }
            }
        }
        unload::<R, C>(state[0], columns, &sums);
        if COUNT {
            unload::<R, C>(state[1], columns, &highs);
            unload::<R, C>(state[2], columns, &lows);
        }
    }
}
