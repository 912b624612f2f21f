//! AVX-512 F, BW, VL and VNNI: dot products, 32-bit lanes with their extremes and events, 16-bit lanes.
//!
//! Every pointer stays inside the slices whose extents `kernels` has checked: `r < rows.count`, `j < columns`, and
//! positions below those of the weights. Loads and stores are unaligned.

mod dot;
pub mod float;
mod lanes;
mod track;
mod wide;

pub use dot::{dot8, dot16};
pub use lanes::{counted_steps16, steps16};
pub use track::track16;
pub use wide::{flag, stays, steps32};

use std::arch::x86_64::*;

/// # Safety
/// R rows of C vectors lie behind `from`, `columns` apart.
#[target_feature(enable = "avx512f")]
unsafe fn load<const R: usize, const C: usize>(from: *const i32, columns: usize) -> [[__m512i; C]; R] {
    let mut rows = [[_mm512_setzero_si512(); C]; R];
    for (r, row) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's extents.
        *row = unsafe { vectors::<C>(from.add(r * columns).cast()) };
    }
    rows
}

/// C vectors, one behind the other. (`array::from_fn` is compiled without the features, and then calls.)
///
/// # Safety
/// 64 · C bytes lie behind `from`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn vectors<const C: usize>(from: *const u8) -> [__m512i; C] {
    let mut vectors = [_mm512_setzero_si512(); C];
    for (j, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's extents.
        *vector = unsafe { _mm512_loadu_si512(from.add(64 * j).cast()) };
    }
    vectors
}

/// # Safety
/// As [`load`].
#[target_feature(enable = "avx512f")]
unsafe fn unload<const R: usize, const C: usize>(to: *mut i32, columns: usize, values: &[[__m512i; C]; R]) {
    for (r, values) in values.iter().enumerate() {
        for (j, value) in values.iter().enumerate() {
            // SAFETY: the caller's extents.
            unsafe { _mm512_storeu_si512(to.add(r * columns + 16 * j).cast(), *value) };
        }
    }
}
