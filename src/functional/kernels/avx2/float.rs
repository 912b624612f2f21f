//! A strip's two halves of 16 columns, up to six rows at a time: twelve sums in registers.

use std::arch::x86_64::*;

use crate::functional::kernels::Rows;
use crate::functional::kernels::float::{STRIP, Strip, Tile};

/// # Safety
/// AVX2 and FMA exist; `rows.count` ≤ TILE_ROWS, `rows` hold `strip.depth`, and so does `strip`.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn fused(tile: &mut Tile, rows: Rows<f32>, strip: Strip) {
    let (to, from) = (tile.as_mut_ptr(), rows.codes.as_ptr());
    let mut r = 0;
    while r < rows.count {
        let left = rows.count - r;
        for half in [0, STRIP / 2] {
            // SAFETY: rows r.. of the tile and of `rows`, columns half..half + 16 of the strip.
            unsafe {
                let (to, from) = (to.add(r * STRIP + half), from.add(r * rows.stride));
                let b = strip.values.as_ptr().add(half);
                match left {
                    6.. => block::<6>(to, from, rows.stride, b, strip),
                    4.. => block::<4>(to, from, rows.stride, b, strip),
                    2.. => block::<2>(to, from, rows.stride, b, strip),
                    _ => block::<1>(to, from, rows.stride, b, strip),
                }
            }
        }
        r += match left {
            6.. => 6,
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
    }
}

/// # Safety
/// R rows lie behind `to` and `from`, 16 columns of `strip.depth` rows behind `b`.
#[target_feature(enable = "avx2,fma")]
unsafe fn block<const R: usize>(to: *mut f32, from: *const f32, stride: usize, b: *const f32, strip: Strip) {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        for k in 0..strip.depth {
            let b = b.add(k * strip.stride);
            let b = [_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8))];
            for (r, sums) in sums.iter_mut().enumerate() {
                let a = _mm256_set1_ps(*from.add(r * stride + k));
                sums[0] = _mm256_fmadd_ps(a, b[0], sums[0]);
                sums[1] = _mm256_fmadd_ps(a, b[1], sums[1]);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            _mm256_storeu_ps(to.add(r * STRIP), sums[0]);
            _mm256_storeu_ps(to.add(r * STRIP + 8), sums[1]);
        }
    }
}
