//! The kernels in safe Rust: for machines without the instructions, and for whoever wants to read what they do. Those that
//! are always inlined are compiled once more for AVX2.

use super::{Begin, Piece, Rows, Step16, Step32, Track};

pub fn dot8(acc: &mut [i32], begin: Begin, rows: Rows<u8>, weights: &[i8], columns: usize, quads: usize) {
    for (r, acc) in acc.chunks_exact_mut(columns).take(rows.count).enumerate() {
        start(acc, begin);
        let row = &rows.codes[r * rows.stride..];
        quads8(acc, &row[..quads * 4], weights);
    }
}

/// Quads of one row.
fn quads8(acc: &mut [i32], row: &[u8], weights: &[i8]) {
    let columns = acc.len();
    for (codes, weights) in row.as_chunks::<4>().0.iter().zip(weights.chunks_exact(4 * columns)) {
        let codes = codes.map(i32::from);
        for (acc, w) in acc.iter_mut().zip(weights.as_chunks::<4>().0) {
            let sum: i32 = codes.iter().zip(w).map(|(a, w)| a * i32::from(*w)).sum();
            *acc = acc.wrapping_add(sum);
        }
    }
}

pub fn dot16(acc: &mut [i32], begin: Begin, rows: Rows<i16>, weights: &[i16], columns: usize, pairs: usize) {
    for (r, acc) in acc.chunks_exact_mut(columns).take(rows.count).enumerate() {
        start(acc, begin);
        let row = &rows.codes[r * rows.stride..][..pairs * 2];
        for (codes, weights) in row.as_chunks::<2>().0.iter().zip(weights.chunks_exact(2 * columns)) {
            pair(acc, codes.map(i32::from), weights);
        }
    }
}

#[inline(always)]
fn pair(acc: &mut [i32], codes: [i32; 2], weights: &[i16]) {
    for (acc, w) in acc.iter_mut().zip(weights.as_chunks::<2>().0) {
        let [x, y] = [codes[0] * i32::from(w[0]), codes[1] * i32::from(w[1])];
        *acc = acc.wrapping_add(x.wrapping_add(y));
    }
}

fn start(acc: &mut [i32], begin: Begin) {
    for (acc, add) in acc.iter_mut().zip(begin.add) {
        *acc = if begin.first { *add } else { acc.wrapping_add(*add) };
    }
}

#[inline(always)]
pub fn flag(acc: &[i32], [low, high]: [&[i32]; 2], flags: &mut [u64]) -> bool {
    let mut any = 0;
    for (acc, flags) in acc.chunks_exact(low.len()).zip(flags) {
        *flags = 0;
        for (j, ((acc, low), high)) in acc.iter().zip(low).zip(high).enumerate() {
            *flags |= u64::from((acc < low) | (acc > high)) << j;
        }
        any |= *flags;
    }
    any != 0
}

#[inline(always)]
pub fn stays(codes: &[i32], weights: &[i16], [low, high]: [i32; 2]) -> bool {
    let mut sum = 0;
    codes.iter().zip(weights).all(|(code, w)| {
        sum += code * i32::from(*w);
        (low..=high).contains(&sum)
    })
}

#[inline(always)]
pub fn steps32(
    acc: &mut [i32],
    [highs, lows]: [&mut [u32]; 2],
    step: Step32,
    pieces: &[Piece],
    rows: Rows<u32>,
    weights: &[i16],
    columns: usize,
) {
    for r in 0..rows.count {
        let at = r * columns..(r + 1) * columns;
        let acc = &mut acc[at.clone()];
        let mut counts = (!highs.is_empty()).then(|| (&mut highs[at.clone()], &mut lows[at]));
        for (piece, codes) in pieces.iter().zip(&rows.codes[r * rows.stride..]) {
            let codes = [*codes as i16, (*codes >> 16) as i16].map(i32::from);
            pair(acc, codes, &weights[piece.pair as usize * 2 * columns..][..2 * columns]);
            if !piece.ends_beat {
                continue;
            }
            if let Some((highs, lows)) = &mut counts {
                for ((acc, high), low) in acc.iter().zip(highs.iter_mut()).zip(lows.iter_mut()) {
                    *high += u32::from(*acc > step.high);
                    *low += u32::from(*acc < step.low);
                }
            }
            for acc in acc.iter_mut() {
                *acc = match step.wrap {
                    Some(width) => *acc << (32 - width) >> (32 - width),
                    None => (*acc).max(step.low).min(step.high),
                };
            }
        }
    }
}

#[inline(always)]
fn extremes(acc: &[i32], low: &mut [i32], high: &mut [i32]) {
    for ((acc, low), high) in acc.iter().zip(low).zip(high) {
        (*low, *high) = ((*low).min(*acc), (*high).max(*acc));
    }
}

#[inline(always)]
pub fn track16(
    acc: &mut [i32],
    track: Track,
    pieces: &[Piece],
    rows: Rows<u32>,
    weights: &[i16],
    columns: usize,
) {
    for r in 0..rows.count {
        let at = r * columns..(r + 1) * columns;
        for (piece, codes) in pieces.iter().zip(&rows.codes[r * rows.stride..]) {
            let codes = [*codes as i16, (*codes >> 16) as i16].map(i32::from);
            pair(&mut acc[at.clone()], codes, &weights[piece.pair as usize * 2 * columns..][..2 * columns]);
            if piece.ends_beat {
                extremes(&acc[at.clone()], &mut track.low[at.clone()], &mut track.high[at.clone()]);
            }
        }
    }
}

/// R4 or R5 on a sum; the second is what it would be without an overflow, when there is none.
#[inline(always)]
fn fit(step: Step16, acc: i16, product: i16) -> (i16, bool) {
    let (low, high) = step.rails();
    let sum = acc.wrapping_add(product);
    let clamped = acc.saturating_add(product).max(low).min(high);
    let value = match step {
        Step16::Saturate { .. } => clamped,
        Step16::Wrap { width } => sum << (16 - width) >> (16 - width),
    };
    (value, clamped != sum)
}

pub fn steps16(
    acc: &mut [i16],
    step: Step16,
    rows: Rows<u32>,
    weights: &[i16],
    [columns, positions]: [usize; 2],
) {
    for (r, acc) in acc.chunks_exact_mut(columns).take(rows.count).enumerate() {
        let row = &rows.codes[r * rows.stride..][..positions];
        for (code, weights) in row.iter().zip(weights.chunks_exact(columns)) {
            for (acc, w) in acc.iter_mut().zip(weights) {
                *acc = fit(step, *acc, (*code as i16).wrapping_mul(*w)).0;
            }
        }
    }
}

pub fn counted_steps16(
    [acc, counts]: [&mut [i16]; 2],
    step: Step16,
    rows: Rows<u32>,
    [weights, marks]: [&[i16]; 2],
    [columns, positions]: [usize; 2],
) {
    let states = acc.chunks_exact_mut(columns).zip(counts.chunks_exact_mut(columns));
    for (r, (acc, counts)) in states.take(rows.count).enumerate() {
        let row = &rows.codes[r * rows.stride..][..positions];
        for (position, (code, weights)) in row.iter().zip(weights.chunks_exact(columns)).enumerate() {
            let code = *code as i16;
            let marks = &marks[(2 * position + usize::from(code < 0)) * columns..][..columns];
            for (((acc, count), w), mark) in acc.iter_mut().zip(counts.iter_mut()).zip(weights).zip(marks) {
                let (value, outside) = fit(step, *acc, code.wrapping_mul(*w));
                *acc = value;
                *count = count.wrapping_add(if outside { *mark } else { 0 });
            }
        }
    }
}
