//! Sums with their extremes: four rows of two vectors, each with both extremes, are 24 registers.

use std::arch::x86_64::*;

use super::{load, unload, vectors};
use crate::functional::kernels::{Piece, Rows, Track};

#[target_feature(enable = "avx512f")]
fn extremes<const R: usize, const C: usize>(
    sums: &[[__m512i; C]; R],
    low: &mut [[__m512i; C]; R],
    high: &mut [[__m512i; C]; R],
) {
    for r in 0..R {
        for j in 0..C {
            low[r][j] = _mm512_min_epi32(low[r][j], sums[r][j]);
            high[r][j] = _mm512_max_epi32(high[r][j], sums[r][j]);
        }
    }
}

/// # Safety
/// The features exist; `rows` hold a dword a piece, every piece's pair lies inside `weights`, `track` holds as much
/// as `acc`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn track16(
    acc: &mut [i32],
    track: Track,
    pieces: &[Piece],
    rows: Rows<u32>,
    weights: &[i16],
    columns: usize,
) {
    let (to, from) = (acc.as_mut_ptr(), rows.codes.as_ptr());
    let (low, high) = (track.low.as_mut_ptr(), track.high.as_mut_ptr());
    let width = columns.min(32);
    // SAFETY: row r and columns c.. lie inside all of the slices.
    unsafe {
        for c in (0..columns).step_by(width) {
            let w = weights.as_ptr().add(2 * c);
            let mut r = 0;
            while r < rows.count {
                let at = r * columns + c;
                let state = [to.add(at), low.add(at), high.add(at)];
                let row = from.add(r * rows.stride);
                let extents = [rows.stride, columns];
                match (width, rows.count - r) {
                    (16, 4..) => tracked16::<4, 1>(state, pieces, row, w, extents),
                    (_, 4..) => tracked16::<4, 2>(state, pieces, row, w, extents),
                    (16, _) => tracked16::<1, 1>(state, pieces, row, w, extents),
                    (_, _) => tracked16::<1, 2>(state, pieces, row, w, extents),
                }
                r += if rows.count - r >= 4 { 4 } else { 1 };
            }
        }
    }
}

/// # Safety
/// R rows of `stride` dwords lie behind `rows`, one a piece; R rows and C vectors of 16 columns behind every pointer of
/// `state`, `columns` apart; every piece's pair of C vectors behind `weights`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tracked16<const R: usize, const C: usize>(
    state: [*mut i32; 3],
    pieces: &[Piece],
    rows: *const u32,
    weights: *const i16,
    [stride, columns]: [usize; 2],
) {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = load::<R, C>(state[0], columns);
        let mut low = load::<R, C>(state[1], columns);
        let mut high = load::<R, C>(state[2], columns);
        for (at, piece) in pieces.iter().enumerate() {
            let w = weights.add(piece.pair as usize * 2 * columns);
            let w = vectors::<C>(w.cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let code = _mm512_set1_epi32((*rows.add(r * stride + at)).cast_signed());
                for j in 0..C {
                    sums[j] = _mm512_dpwssd_epi32(sums[j], code, w[j]);
                }
            }
            if piece.ends_beat {
                extremes(&sums, &mut low, &mut high);
            }
        }
        for (to, values) in state.into_iter().zip([sums, low, high]) {
            unload::<R, C>(to, columns, &values);
        }
    }
}
