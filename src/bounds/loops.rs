//! The loops over channels, in 64 bits: what takes the time of an analysis, as vector instructions.

use multiversion::multiversion;

/// `low += min(a·w, b·w)`, `high += max(a·w, b·w)` for effective activations a and b and each channel's w.
///
/// Factors of 32 bits make the product one instruction; wider ones are rare.
pub(super) fn add_products(
    ends: (i64, i64),
    weights: &[i32],
    offsets: &[i64],
    low: &mut [i64],
    high: &mut [i64],
) {
    // A weight code has at most 16 bits.
    let small = |value: i64| i32::try_from(value).ok().filter(|v| v.unsigned_abs() < 1 << 30);
    let narrow = small(ends.0).zip(small(ends.1));
    match narrow.filter(|_| offsets.iter().all(|offset| small(*offset).is_some())) {
        Some(ends) => narrow_products(ends, weights, offsets, low, high),
        None => wide_products(ends, weights, offsets, low, high),
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn narrow_products(ends: (i32, i32), weights: &[i32], offsets: &[i64], low: &mut [i64], high: &mut [i64]) {
    let (a, b) = (i64::from(ends.0), i64::from(ends.1));
    for ((l, h), (w, offset)) in low.iter_mut().zip(high).zip(weights.iter().zip(offsets)) {
        let w = i64::from(*w + *offset as i32);
        let (x, y) = (a * w, b * w);
        *l += x.min(y);
        *h += x.max(y);
    }
}

fn wide_products(ends: (i64, i64), weights: &[i32], offsets: &[i64], low: &mut [i64], high: &mut [i64]) {
    for ((l, h), (w, offset)) in low.iter_mut().zip(high).zip(weights.iter().zip(offsets)) {
        let w = i64::from(*w) + offset;
        let (x, y) = (ends.0 * w, ends.1 * w);
        *l += x.min(y);
        *h += x.max(y);
    }
}

/// `into += terms`, channel by channel.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub(super) fn add_all(into: &mut [i64], terms: &[i64]) {
    into.iter_mut().zip(terms).for_each(|(a, b)| *a += b);
}

/// The smaller ones, channel by channel.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub(super) fn min_all(into: &mut [i64], others: &[i64]) {
    into.iter_mut().zip(others).for_each(|(a, b)| *a = (*a).min(*b));
}

/// The larger ones, channel by channel.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub(super) fn max_all(into: &mut [i64], others: &[i64]) {
    into.iter_mut().zip(others).for_each(|(a, b)| *a = (*a).max(*b));
}
