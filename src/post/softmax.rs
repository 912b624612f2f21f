//! Softmax as ONNX Runtime (CPU, MLAS) computes it in float32.
//!
//! ONNX fixes neither the exponential nor the order of the sum. Sources: mlas/lib/compute.cpp and the x86-64 kernel for
//! AVX-512, run against ONNX Runtime 1.32 without a difference (`tests/operators`). On CPUs without AVX-512 ONNX Runtime
//! adds eight interleaved sums instead of sixteen, and takes exponents below −88.4 for −88.4: its last bits differ.

/// Sums that are added side by side.
const LANES: usize = 16;

/// Where the exponential is 0 in float32.
const LOWEST: f32 = -103.972_084;

/// 1.5 · 2^23: a float32 around it is a whole number.
const ROUNDER: f32 = 12_582_912.0;

const LN2_HIGH: f32 = -6.931_457_5e-1;
const LN2_LOW: f32 = -1.428_606_8e-6;

/// Coefficients of exp around 0, from x^6 down: 0x1.694p-10, 0x1.125edcp-7, 0x1.555b5ap-5, 0x1.55545p-3, 0x1.fffff6p-2.
const POLYNOMIAL: [u32; 5] = [0x3ab4_a000, 0x3c09_2f6e, 0x3d2a_adad, 0x3e2a_aa28, 0x3eff_fffb];

/// e^x for x ≤ 0: m = x / ln 2 rounded, a polynomial of what is left, times 2^m.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = if LOWEST > x { LOWEST } else { x };
    let m = x.mul_add(std::f32::consts::LOG2_E, ROUNDER) - ROUNDER;
    let x = m.mul_add(LN2_LOW, m.mul_add(LN2_HIGH, x));
    let [first, rest @ ..] = POLYNOMIAL.map(f32::from_bits);
    let p = rest.into_iter().chain([1.0, 1.0]).fold(first, |p, c| p.mul_add(x, c));
    // In two exact powers, so that a result below 2^-126 is rounded once.
    let upper = if m < -126.0 { m + 100.0 } else { m };
    let lower = if m < -126.0 { f32::from_bits(27 << 23) } else { 1.0 };
    p * power(upper) * lower
}

/// 2^m, m whole within −126..=127.
#[inline(always)]
fn power(m: f32) -> f32 {
    // The last bits of 1.5 · 2^23 + m are those of m.
    f32::from_bits((m + (ROUNDER + 127.0)).to_bits() << 23)
}

/// exp(x − max) / Σ exp(x − max), in place.
///
/// ```
/// let mut row = [1.0, 1.0];
/// goldpath::post::softmax::softmax(&mut row);
/// assert_eq!(row, [0.5, 0.5]);
/// ```
#[inline(always)]
pub fn softmax(row: &mut [f32]) {
    let top = row.iter().fold(f32::MIN, |top, x| if top > *x { top } else { *x });
    let mut sums = [0.0f32; LANES];
    for part in row.chunks_mut(LANES) {
        for (x, sum) in part.iter_mut().zip(&mut sums) {
            *x = exp(*x - top);
            *sum += *x;
        }
    }
    let [a, b, c, d, e, f, g, h]: [f32; 8] = std::array::from_fn(|lane| sums[lane] + sums[lane + 8]);
    let factor = 1.0 / (((a + b) + (c + d)) + ((e + f) + (g + h)));
    row.iter_mut().for_each(|x| *x *= factor);
}
