//! A strip is two registers wide; up to twelve rows at a time: 24 sums in registers.

use std::arch::x86_64::*;

use crate::functional::kernels::Rows;
use crate::functional::kernels::float::{STRIP, Strip, Tile};

/// # Safety
/// AVX-512 F exists; `rows.count` ≤ TILE_ROWS, `rows` hold `strip.depth`, and so does `strip`.
#[target_feature(enable = "avx512f")]
pub unsafe fn fused(tile: &mut Tile, rows: Rows<f32>, strip: Strip) {
    let (to, from) = (tile.as_mut_ptr(), rows.codes.as_ptr());
    let mut r = 0;
    while r < rows.count {
        // SAFETY: rows r.. of the tile and of `rows`; the block is no higher than what is left.
        unsafe {
            let (to, from) = (to.add(r * STRIP), from.add(r * rows.stride));
            r += match rows.count - r {
                12.. => block::<12>(to, from, rows.stride, strip),
                8.. => block::<8>(to, from, rows.stride, strip),
                4.. => block::<4>(to, from, rows.stride, strip),
                2.. => block::<2>(to, from, rows.stride, strip),
                _ => block::<1>(to, from, rows.stride, strip),
            };
        }
    }
}

/// How many rows it took.
///
/// # Safety
/// R rows lie behind `to` and `from`; the strip holds its depth.
#[target_feature(enable = "avx512f")]
unsafe fn block<const R: usize>(to: *mut f32, from: *const f32, stride: usize, strip: Strip) -> usize {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 2]; R];
        for k in 0..strip.depth {
            let b = strip.values.as_ptr().add(k * strip.stride);
            let b = [_mm512_loadu_ps(b), _mm512_loadu_ps(b.add(16))];
            for (r, sums) in sums.iter_mut().enumerate() {
                let a = _mm512_set1_ps(*from.add(r * stride + k));
                sums[0] = _mm512_fmadd_ps(a, b[0], sums[0]);
                sums[1] = _mm512_fmadd_ps(a, b[1], sums[1]);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            _mm512_storeu_ps(to.add(r * STRIP), sums[0]);
            _mm512_storeu_ps(to.add(r * STRIP + 16), sums[1]);
        }
    }
    R
}
