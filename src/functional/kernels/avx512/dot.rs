//! Dot products: tiles of up to six rows and four vectors of accumulators that stay in registers.

use std::arch::x86_64::*;

use super::vectors;
use crate::functional::kernels::{Begin, Rows};

/// Calls `$f::<R, C>` for groups of six, three and one rows and for the panel's vectors.
macro_rules! by_tile {
    ($rows:expr, $vectors:expr, |$r:ident| $f:ident ( $($arg:expr),* $(,)? )) => {{
        let mut $r = 0;
        while $r < $rows {
            let left = $rows - $r;
            match ($vectors, left) {
                (1, 6..) => { $f::<6, 1>($($arg),*); $r += 6 }
                (2, 6..) => { $f::<6, 2>($($arg),*); $r += 6 }
                (_, 6..) => { $f::<6, 4>($($arg),*); $r += 6 }
                (1, 3..) => { $f::<3, 1>($($arg),*); $r += 3 }
                (2, 3..) => { $f::<3, 2>($($arg),*); $r += 3 }
                (_, 3..) => { $f::<3, 4>($($arg),*); $r += 3 }
                (1, _) => { $f::<1, 1>($($arg),*); $r += 1 }
                (2, _) => { $f::<1, 2>($($arg),*); $r += 1 }
                (_, _) => { $f::<1, 4>($($arg),*); $r += 1 }
            }
        }
    }};
}

/// # Safety
/// The features exist; `rows` hold `quads` · 4 positions, `acc` rows.count · columns, `begin.add` columns, `weights`
/// quads · columns · 4.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn dot8(
    acc: &mut [i32],
    begin: Begin,
    rows: Rows<u8>,
    weights: &[i8],
    columns: usize,
    quads: usize,
) {
    let (to, from, w, add) = (acc.as_mut_ptr(), rows.codes.as_ptr(), weights.as_ptr(), begin.add.as_ptr());
    // SAFETY: row r of R rows lies inside acc and rows.
    unsafe {
        by_tile!(rows.count, columns / 16, |r| tile8(
            to.add(r * columns),
            add,
            begin.first,
            from.add(r * rows.stride),
            rows.stride,
            w,
            quads,
        ));
    }
}

/// # Safety
/// R rows and C vectors of 16 columns lie behind every pointer.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile8<const R: usize, const C: usize>(
    acc: *mut i32,
    add: *const i32,
    first: bool,
    rows: *const u8,
    stride: usize,
    weights: *const i8,
    quads: usize,
) {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = begin::<R, C>(acc, add, first);
        for quad in 0..quads {
            let w = weights.add(quad * 64 * C);
            let w = vectors::<C>(w.cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let code = rows.add(r * stride + quad * 4).cast::<i32>().read_unaligned();
                let code = _mm512_set1_epi32(code);
                for j in 0..C {
                    sums[j] = _mm512_dpbusd_epi32(sums[j], code, w[j]);
                }
            }
        }
        store::<R, C>(acc, &sums);
    }
}

/// # Safety
/// As [`dot8`], with pairs of 16-bit elements.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn dot16(
    acc: &mut [i32],
    begin: Begin,
    rows: Rows<i16>,
    weights: &[i16],
    columns: usize,
    pairs: usize,
) {
    let (to, from, w, add) = (acc.as_mut_ptr(), rows.codes.as_ptr(), weights.as_ptr(), begin.add.as_ptr());
    // SAFETY: row r of R rows lies inside acc and rows.
    unsafe {
        by_tile!(rows.count, columns / 16, |r| tile16(
            to.add(r * columns),
            add,
            begin.first,
            from.add(r * rows.stride),
            rows.stride,
            w,
            pairs,
        ));
    }
}

/// # Safety
/// R rows and C vectors of 16 columns lie behind every pointer.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tile16<const R: usize, const C: usize>(
    acc: *mut i32,
    add: *const i32,
    first: bool,
    rows: *const i16,
    stride: usize,
    weights: *const i16,
    pairs: usize,
) {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = begin::<R, C>(acc, add, first);
        for pair in 0..pairs {
            let w = weights.add(pair * 32 * C);
            let w = vectors::<C>(w.cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let code = rows.add(r * stride + pair * 2).cast::<i32>().read_unaligned();
                let code = _mm512_set1_epi32(code);
                for j in 0..C {
                    sums[j] = _mm512_dpwssd_epi32(sums[j], code, w[j]);
                }
            }
        }
        store::<R, C>(acc, &sums);
    }
}

/// # Safety
/// `acc` holds R · 16 · C, `add` 16 · C.
#[target_feature(enable = "avx512f")]
unsafe fn begin<const R: usize, const C: usize>(
    acc: *const i32,
    add: *const i32,
    first: bool,
) -> [[__m512i; C]; R] {
    // SAFETY: the caller's extents.
    unsafe {
        let mut sums = [[_mm512_setzero_si512(); C]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_loadu_si512(add.add(16 * j).cast());
                if !first {
                    let held = _mm512_loadu_si512(acc.add((r * C + j) * 16).cast());
                    *sum = _mm512_add_epi32(*sum, held);
                }
            }
        }
        sums
    }
}

/// # Safety
/// `to` holds R · 16 · C.
#[target_feature(enable = "avx512f")]
unsafe fn store<const R: usize, const C: usize>(to: *mut i32, values: &[[__m512i; C]; R]) {
    for (r, values) in values.iter().enumerate() {
        for (j, value) in values.iter().enumerate() {
            // SAFETY: the caller's extents.
            unsafe { _mm512_storeu_si512(to.add((r * C + j) * 16).cast(), *value) };
        }
    }
}
