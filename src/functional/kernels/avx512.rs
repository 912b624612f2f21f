//! AVX-512 F, BW, VL and VNNI.
//!
//! Every pointer stays inside the slices whose extents `mod.rs` has checked: `r < rows.count`, `j < columns`, and
//! positions below those of the weights. Loads and stores are unaligned.

use std::arch::x86_64::*;

use super::{Begin, Piece, Rows, Step16, Step32, Track};

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
/// As [`tracked16`]; without COUNT only the first pointer of `state` is used.
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
            for r in 0..R {
                let code = _mm512_set1_epi32((*rows.add(r * stride + at)).cast_signed());
                for j in 0..C {
                    sums[r][j] = _mm512_dpwssd_epi32(sums[r][j], code, w[j]);
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

/// # Safety
/// As [`dot8`]; `adds` hold a row of columns for every `every` quads, `track` as much as `acc`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub unsafe fn track8(
    acc: &mut [i32],
    track: Track,
    adds: &[i32],
    rows: Rows<u8>,
    weights: &[i8],
    [columns, every, quads]: [usize; 3],
) {
    let (to, from) = (acc.as_mut_ptr(), rows.codes.as_ptr());
    let (low, high) = (track.low.as_mut_ptr(), track.high.as_mut_ptr());
    // Four rows of two vectors, with both extremes, are 24 registers: a wide panel is done half by half.
    let width = columns.min(32);
    // SAFETY: row r and columns c.. lie inside all of the slices.
    unsafe {
        for c in (0..columns).step_by(width) {
            let spans = Spans { adds: adds.as_ptr().add(c), columns, every, quads };
            let w = weights.as_ptr().add(4 * c);
            let mut r = 0;
            while r < rows.count {
                let at = r * columns + c;
                let state = [to.add(at), low.add(at), high.add(at)];
                let row = from.add(r * rows.stride);
                match (width, rows.count - r) {
                    (16, 4..) => tracked8::<4, 1>(state, spans, row, rows.stride, w),
                    (_, 4..) => tracked8::<4, 2>(state, spans, row, rows.stride, w),
                    (16, _) => tracked8::<1, 1>(state, spans, row, rows.stride, w),
                    (_, _) => tracked8::<1, 2>(state, spans, row, rows.stride, w),
                }
                r += if rows.count - r >= 4 { 4 } else { 1 };
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Spans {
    adds: *const i32,
    columns: usize,
    every: usize,
    quads: usize,
}

/// # Safety
/// R rows and C vectors of 16 columns lie behind every pointer, rows of state `spans.columns` apart.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn tracked8<const R: usize, const C: usize>(
    state: [*mut i32; 3],
    spans: Spans,
    rows: *const u8,
    stride: usize,
    weights: *const i8,
) {
    let Spans { adds, columns, every, quads } = spans;
    // SAFETY: the caller's extents; `quad` stays below `quads`.
    unsafe {
        let mut sums = load::<R, C>(state[0], columns);
        let mut low = load::<R, C>(state[1], columns);
        let mut high = load::<R, C>(state[2], columns);
        let mut quad = 0;
        while quad < quads {
            let end = (quad + every).min(quads);
            let add = adds.add(quad / every * columns);
            let add = vectors::<C>(add.cast());
            for sums in &mut sums {
                for j in 0..C {
                    sums[j] = _mm512_add_epi32(sums[j], add[j]);
                }
            }
            while quad < end {
                let w = weights.add(quad * 4 * columns);
                let w = vectors::<C>(w.cast());
                for (r, sums) in sums.iter_mut().enumerate() {
                    let code = rows.add(r * stride + quad * 4).cast::<i32>().read_unaligned();
                    for j in 0..C {
                        sums[j] = _mm512_dpbusd_epi32(sums[j], _mm512_set1_epi32(code), w[j]);
                    }
                }
                quad += 1;
            }
            extremes(&sums, &mut low, &mut high);
        }
        for (to, values) in state.into_iter().zip([sums, low, high]) {
            unload::<R, C>(to, columns, &values);
        }
    }
}

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
/// As [`tracked8`], with a dword a piece.
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
                let mark = marks.add((2 * position + (code >> 31) as usize) * columns);
                for j in 0..C {
                    let product = _mm512_mullo_epi16(codes, w[j]);
                    let (value, clamped, wrapped) = fitted::<FORM>(fit, acc[r][j], product);
                    if COUNT {
                        let outside = _mm512_cmpneq_epi16_mask(clamped, wrapped);
                        let mark = _mm512_maskz_loadu_epi16(live, mark.add(32 * j));
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
