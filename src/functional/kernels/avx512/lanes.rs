//! 16-bit lanes: a product, a fitted sum and, where events are counted, one masked add.

use std::arch::x86_64::*;

use crate::functional::kernels::{Rows, Step16};

/// A [`Step16`] in registers.
#[derive(Clone, Copy)]
struct Fit {
    low: __m512i,
    high: __m512i,
    unused: __m128i,
}

/// The four forms of a step: whether it saturates, and whether its rails are the lane's own.
const FULL_SATURATE: usize = 0;
const CLAMP: usize = 1;
const FULL_WRAP: usize = 2;
const WRAP: usize = 3;

#[target_feature(enable = "avx512f,avx512bw")]
fn prepared(step: Step16) -> (usize, Fit) {
    let (low, high) = step.rails();
    let (form, unused) = match step {
        Step16::Saturate { low: i16::MIN, high: i16::MAX } => (FULL_SATURATE, 0),
        Step16::Saturate { .. } => (CLAMP, 0),
        Step16::Wrap { width: 16 } => (FULL_WRAP, 0),
        Step16::Wrap { width } => (WRAP, 16 - width),
    };
    let unused = _mm_cvtsi32_si128(unused.cast_signed());
    (form, Fit { low: _mm512_set1_epi16(low), high: _mm512_set1_epi16(high), unused })
}

/// The fitted sum, and what differs from the wrapped sum exactly when the exact one lies outside the rails: a sum
/// beyond 16 bits comes out clamped on one side and wrapped on the other.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn fitted<const FORM: usize>(fit: Fit, acc: __m512i, product: __m512i) -> (__m512i, __m512i, __m512i) {
    let wrapped = _mm512_add_epi16(acc, product);
    let mut clamped = _mm512_adds_epi16(acc, product);
    if FORM == CLAMP || FORM == WRAP {
        clamped = _mm512_min_epi16(_mm512_max_epi16(clamped, fit.low), fit.high);
    }
    let value = match FORM {
        FULL_WRAP => wrapped,
        WRAP => _mm512_sra_epi16(_mm512_sll_epi16(wrapped, fit.unused), fit.unused),
        _ => clamped,
    };
    (value, clamped, wrapped)
}

/// # Safety
/// The features exist; `rows` hold `positions`, `acc` rows.count · columns, `weights` positions · columns.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn steps16(
    acc: &mut [i16],
    step: Step16,
    rows: Rows<u32>,
    weights: &[i16],
    [columns, positions]: [usize; 2],
) {
    let (form, fit) = prepared(step);
    let extents = [columns, positions, rows.stride];
    let mut counts = [0_i16; 0];
    // SAFETY: the extents of the caller; without counts no mark is read.
    unsafe {
        let lanes = Lanes { acc: acc.as_mut_ptr(), counts: counts.as_mut_ptr(), rows: rows.codes.as_ptr() };
        let (w, m) = (weights.as_ptr(), weights.as_ptr());
        match form {
            FULL_SATURATE => walk16::<FULL_SATURATE, false>(lanes, rows.count, fit, [w, m], extents),
            CLAMP => walk16::<CLAMP, false>(lanes, rows.count, fit, [w, m], extents),
            FULL_WRAP => walk16::<FULL_WRAP, false>(lanes, rows.count, fit, [w, m], extents),
            _ => walk16::<WRAP, false>(lanes, rows.count, fit, [w, m], extents),
        }
    }
}

/// # Safety
/// As [`steps16`]; `counts` hold as much as `acc`, `marks` positions · 2 · columns.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn counted_steps16(
    [acc, counts]: [&mut [i16]; 2],
    step: Step16,
    rows: Rows<u32>,
    [weights, marks]: [&[i16]; 2],
    [columns, positions]: [usize; 2],
) {
    let (form, fit) = prepared(step);
    let extents = [columns, positions, rows.stride];
    // SAFETY: the extents of the caller.
    unsafe {
        let lanes = Lanes { acc: acc.as_mut_ptr(), counts: counts.as_mut_ptr(), rows: rows.codes.as_ptr() };
        let wm = [weights.as_ptr(), marks.as_ptr()];
        match form {
            FULL_SATURATE => walk16::<FULL_SATURATE, true>(lanes, rows.count, fit, wm, extents),
            CLAMP => walk16::<CLAMP, true>(lanes, rows.count, fit, wm, extents),
            FULL_WRAP => walk16::<FULL_WRAP, true>(lanes, rows.count, fit, wm, extents),
            _ => walk16::<WRAP, true>(lanes, rows.count, fit, wm, extents),
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
/// As [`counted_steps16`]; panels of 16 columns are 16 lanes of a vector whose rest is masked away.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn walk16<const FORM: usize, const COUNT: bool>(
    lanes: Lanes,
    count: usize,
    fit: Fit,
    wm: [*const i16; 2],
    extents: [usize; 3],
) {
    let [columns, _, stride] = extents;
    let mut r = 0;
    // SAFETY: row r of `count` lies inside the slices.
    unsafe {
        while r < count {
            let lanes = Lanes {
                acc: lanes.acc.add(r * columns),
                counts: if COUNT { lanes.counts.add(r * columns) } else { lanes.counts },
                rows: lanes.rows.add(r * stride),
            };
            match (columns, count - r) {
                (64, 4..) => lanes16::<4, 2, FORM, COUNT, false>(lanes, fit, wm, extents),
                (64, _) => lanes16::<1, 2, FORM, COUNT, false>(lanes, fit, wm, extents),
                (32, 4..) => lanes16::<4, 1, FORM, COUNT, false>(lanes, fit, wm, extents),
                (32, _) => lanes16::<1, 1, FORM, COUNT, false>(lanes, fit, wm, extents),
                (_, 4..) => lanes16::<4, 1, FORM, COUNT, true>(lanes, fit, wm, extents),
                (_, _) => lanes16::<1, 1, FORM, COUNT, true>(lanes, fit, wm, extents),
            }
            r += if count - r >= 4 { 4 } else { 1 };
        }
    }
}

/// # Safety
/// 32 · C elements lie behind `from`, those that `live` masks away excepted.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn masked<const C: usize>(live: __mmask32, from: *const i16) -> [__m512i; C] {
    let mut vectors = [_mm512_setzero_si512(); C];
    for (j, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the caller's extents.
        *vector = unsafe { _mm512_maskz_loadu_epi16(live, from.add(32 * j)) };
    }
    vectors
}

/// # Safety
/// R rows lie behind the pointers of `lanes`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn lanes16<
    const R: usize,
    const C: usize,
    const FORM: usize,
    const COUNT: bool,
    const NARROW: bool,
>(
    lanes: Lanes,
    fit: Fit,
    [weights, marks]: [*const i16; 2],
    [columns, positions, stride]: [usize; 3],
) {
    // All lanes of a vector, but for a panel of 16.
    let live: __mmask32 = if NARROW { 0xffff } else { u32::MAX };
    // SAFETY: the caller's extents; masked lanes are not touched.
    unsafe {
        let mut acc = [[_mm512_setzero_si512(); C]; R];
        let mut counts = acc;
        for r in 0..R {
            acc[r] = masked::<C>(live, lanes.acc.add(r * columns));
            if COUNT {
                counts[r] = masked::<C>(live, lanes.counts.add(r * columns));
            }
        }
        for position in 0..positions {
            let w = weights.add(position * columns);
            let w = masked::<C>(live, w);
            for r in 0..R {
                let code = *lanes.rows.add(r * stride + position);
                let codes = _mm512_set1_epi32(code.cast_signed());
                for j in 0..C {
                    let product = _mm512_mullo_epi16(codes, w[j]);
                    let (value, clamped, wrapped) = fitted::<FORM>(fit, acc[r][j], product);
                    if COUNT {
                        let outside = _mm512_cmpneq_epi16_mask(clamped, wrapped);
                        let mark = marks.add((2 * position + (code >> 31) as usize) * columns + 32 * j);
                        let mark = _mm512_maskz_loadu_epi16(live, mark);
                        counts[r][j] = _mm512_mask_add_epi16(counts[r][j], outside, counts[r][j], mark);
                    }
                    acc[r][j] = value;
                }
            }
        }
        for r in 0..R {
            for j in 0..C {
                _mm512_mask_storeu_epi16(lanes.acc.add(r * columns + 32 * j), live, acc[r][j]);
                if COUNT {
                    _mm512_mask_storeu_epi16(lanes.counts.add(r * columns + 32 * j), live, counts[r][j]);
                }
            }
        }
    }
}
