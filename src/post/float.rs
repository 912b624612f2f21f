//! The float32 functions of ONNX Runtime's CPU operators, every operation rounded to float32.
//!
//! Two libraries compute them there. MLAS (logistic.cpp, tanh.cpp, erf.cpp, compute.cpp) uses one formula for every
//! element, with fused multiply-adds on any x86-64 that has them. Eigen, built without them, uses its own formula for
//! whole packets of four elements and the C library's function for up to three at the end of a tensor; where ONNX
//! Runtime cuts a large tensor into pieces for its threads, pieces other than the last are whole packets, too.
//! Compared with ONNX Runtime 1.32 on an x86-64 with AVX-512: no difference (`tests/operators`).

/// c0·xⁿ + c1·xⁿ⁻¹ + …, by fused multiply-adds.
#[inline]
fn fused(x: f32, coefficients: &[f32]) -> f32 {
    let (first, rest) = coefficients.split_first().unwrap_or((&0.0, &[]));
    rest.iter().fold(*first, |sum, c| sum.mul_add(x, *c))
}

/// As [`fused`], every product and every sum rounded.
fn plain(x: f32, coefficients: &[f32]) -> f32 {
    let (first, rest) = coefficients.split_first().unwrap_or((&0.0, &[]));
    rest.iter().fold(*first, |sum, c| sum * x + *c)
}

/// p · 2^m, rounded once.
#[inline]
fn scaled(p: f32, m: f32) -> f32 {
    (f64::from(p) * f64::from(m).exp2()) as f32
}

/// Between the bounds; NaN stays.
#[inline]
fn clamped(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// MLAS's logistic function: a quotient of polynomials, x clamped to ±18.
///
/// ```
/// use goldpath::post::float::sigmoid;
/// assert_eq!(sigmoid(0.0), 0.5);
/// assert_eq!(sigmoid(1e9), 1.0);
/// ```
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    let x = clamped(x, -18.0, 18.0);
    const P: [f32; 5] = [4.370_31e-11, 1.156_273_2e-7, 6.085_749e-5, 8.513_771e-3, 2.482_879_5e-1];
    const Q: [f32; 6] =
        [6.102_473_7e-13, 5.761_021_4e-9, 6.291_068e-6, 1.701_988_2e-3, 1.168_176_5e-1, 9.931_519e-1];
    let square = x * x;
    clamped(fused(square, &P) * x / fused(square, &Q) + 0.5, 0.0, 1.0)
}

/// MLAS's hyperbolic tangent: a quotient of polynomials, x clamped to ±9.
///
/// ```
/// assert_eq!(goldpath::post::float::tanh(0.0), 0.0);
/// ```
#[inline]
pub fn tanh(x: f32) -> f32 {
    let x = clamped(x, -9.0, 9.0);
    let square = x * x;
    fused(square, &TANH_P) * x / fused(square, &TANH_Q)
}

const TANH_P: [f32; 7] = [
    -2.760_768_4e-16,
    2.000_188e-13,
    -8.604_672e-11,
    5.122_297_3e-8,
    1.485_722_35e-5,
    6.372_619_3e-4,
    4.893_524_6e-3,
];
const TANH_Q: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_7e-3, 4.893_525e-3];

/// The quotient of [`tanh`], every operation rounded: what ONNX Runtime's GRU has in its own loops
/// (`rnn_helpers.cc`).
pub fn plain_tanh(x: f32) -> f32 {
    plain_quotient(clamped(x, -10.0, 10.0))
}

/// 2σ(2x) − 1, with σ by the C library's exponential function of what is not positive: ONNX Runtime's RNN
/// (`rnn_activation_functors.h`).
///
/// ```
/// use goldpath::post::float::logistic_tanh;
/// assert_eq!([0.0, 40.0, -40.0].map(logistic_tanh), [0.0, 1.0, -1.0]);
/// ```
pub fn logistic_tanh(x: f32) -> f32 {
    let x = 2.0 * x;
    let sigma = match x >= 0.0 {
        true => 1.0 / (1.0 + (-x).exp()),
        false => x.exp() / (1.0 + x.exp()),
    };
    2.0 * sigma - 1.0
}

/// 1/2 + tanh(x/2)/2, of the same loops.
pub fn plain_sigmoid(x: f32) -> f32 {
    0.5 * (1.0 + plain_quotient(0.5 * clamped(x, -20.0, 20.0)))
}

fn plain_quotient(x: f32) -> f32 {
    let square = x * x;
    x * plain(square, &TANH_P) / plain(square, &TANH_Q)
}

/// Splits x into m · ln 2 + r with an integer m; `magic` rounds by its size.
#[inline]
fn reduced(x: f32, magic: f32) -> (f32, f32) {
    let m = x.mul_add(std::f32::consts::LOG2_E, magic) - magic;
    let r = m.mul_add(-6.931_457_5e-1, x);
    (m, m.mul_add(-1.428_606_8e-6, r))
}

/// MLAS's error function: one polynomial up to 0.921875, 1 − e^−polynomial beyond.
///
/// ```
/// use goldpath::post::float::erf;
/// assert_eq!(erf(-0.0).to_bits(), (-0.0f32).to_bits());
/// assert_eq!(erf(9.0), 1.0);
/// ```
#[inline]
pub fn erf(x: f32) -> f32 {
    const SMALL: [f32; 6] =
        [-5.991_049_7e-4, 4.993_396e-3, -2.676_673_4e-2, 1.128_180_25e-1, -3.761_248_6e-1, 1.283_791_5e-1];
    const LARGE: [f32; 7] = [
        1.729_489_3e-5,
        -3.832_086_8e-4,
        3.883_934_4e-3,
        -2.425_456e-2,
        1.067_778_5e-1,
        6.348_467e-1,
        1.287_175_1e-1,
    ];
    const EXP: [f32; 7] =
        [1.383_198_1e-3, 8.375_5e-3, 4.166_895e-2, 1.666_644_7e-1, 4.999_998_5e-1, 1.0, 1.0];
    let size = clamped(x.abs(), 0.0, 3.925);
    let value = if size > 0.921_875 {
        let power = -fused(size, &LARGE).mul_add(size, size);
        let (m, r) = reduced(power, 12_582_912.0);
        1.0 - scaled(fused(r, &EXP), m)
    } else {
        fused(size * size, &SMALL).mul_add(size, size)
    };
    value.copysign(x)
}

/// MLAS's exponential function, with the last factor as AVX-512 scales it: rounded once, even where it is subnormal.
///
/// ```
/// use goldpath::post::float::exp;
/// assert_eq!(exp(0.0), 1.0);
/// assert_eq!(exp(100.0), f32::INFINITY);
/// ```
#[inline]
pub fn exp(x: f32) -> f32 {
    const P: [f32; 7] = [
        f32::from_bits(0x3ab4_a000),
        f32::from_bits(0x3c09_2f6e),
        f32::from_bits(0x3d2a_adad),
        f32::from_bits(0x3e2a_aa28),
        f32::from_bits(0x3eff_fffb),
        1.0,
        1.0,
    ];
    let (m, r) = reduced(clamped(x, -103.972_084, 88.776_26), 12_582_912.0);
    scaled(fused(r, &P), m)
}

/// Eigen's exponential function of an element of a packet.
fn packet_exp(x: f32) -> f32 {
    if x.is_nan() {
        return x;
    }
    if x < -104.0 {
        return 0.0;
    }
    let clipped = x.min(88.723);
    let m = (clipped * std::f32::consts::LOG2_E + 0.5).floor();
    let r = m * -0.693_359_4 + clipped;
    let r = m * 2.121_944_4e-4 + r;
    let square = r * r;
    let even = plain(square, &[1.374_496_4e-3, 4.166_965_2e-2, 0.499_999_88]);
    let odd = plain(square, &[8.368_945e-3, 0.166_665_18]);
    scaled(square * (r * odd + even) + (r + 1.0), m).max(x)
}

/// Eigen's natural logarithm of an element of a packet.
fn packet_log(x: f32) -> f32 {
    if x.is_nan() || x < 0.0 {
        return f32::NAN;
    }
    if x == 0.0 {
        return f32::NEG_INFINITY;
    }
    if x == f32::INFINITY {
        return x;
    }
    let (mut fraction, mut exponent) = split(x);
    if fraction < std::f32::consts::FRAC_1_SQRT_2 {
        exponent -= 1.0;
        fraction = (fraction - 1.0) + fraction;
    } else {
        fraction -= 1.0;
    }
    let p = fraction * plain(fraction, &[0.182_562_96, 1.0, 1.0]);
    let q = plain(fraction, &[0.049_616_248, 0.599_232_5, 1.5, 1.0]);
    exponent * std::f32::consts::LN_2 + p / q
}

/// A positive, finite number as fraction · 2^exponent with a fraction in [1/2, 1).
fn split(x: f32) -> (f32, f32) {
    const TWO_24: f32 = 16_777_216.0;
    let (bits, bias) =
        if x < f32::MIN_POSITIVE { ((x * TWO_24).to_bits(), 150.0) } else { (x.to_bits(), 126.0) };
    let exponent = (bits >> 23) as f32 - bias;
    (f32::from_bits((bits & 0x007f_ffff) | 0x3f00_0000), exponent)
}

/// Eigen's ln(1 + x) of an element of a packet.
fn packet_log1p(x: f32) -> f32 {
    let sum = x + 1.0;
    let log = packet_log(sum);
    if sum == 1.0 || sum == log { x } else { x * (log / (sum - 1.0)) }
}

/// Computes whole packets by one function, and up to three elements behind them by another.
fn packets(values: &mut [f32], packet: impl Fn(f32) -> f32, rest: impl Fn(f32) -> f32) {
    let whole = values.len() / 4 * 4;
    let (head, tail) = values.split_at_mut(whole);
    head.iter_mut().for_each(|v| *v = packet(*v));
    tail.iter_mut().for_each(|v| *v = rest(*v));
}

/// Natural logarithms, as Eigen computes them for a whole tensor.
pub fn log(values: &mut [f32]) {
    packets(values, packet_log, f32::ln);
}

/// ln(1 + e^x), as Eigen computes it for a whole tensor.
pub fn softplus(values: &mut [f32]) {
    let rule = |x: f32, log1p: fn(f32) -> f32, exp: fn(f32) -> f32| {
        if x > 0.0 { x + log1p(exp(-x)) } else { log1p(exp(x)) }
    };
    packets(values, |x| rule(x, packet_log1p, packet_exp), |x| rule(x, f32::ln_1p, f32::exp));
}

/// x where it is not negative, else alpha · (e^x − 1), as Eigen computes it for a whole tensor.
pub fn elu(values: &mut [f32], alpha: f32) {
    let rule = |x: f32, exp: fn(f32) -> f32| if x >= 0.0 { x } else { alpha * (exp(x) - 1.0) };
    packets(values, |x| rule(x, packet_exp), |x| rule(x, f32::exp));
}

/// gamma · x where it is positive, else (gamma · alpha) · (e^x − 1), as Eigen computes it for a whole tensor.
pub fn selu(values: &mut [f32], alpha: f32, gamma: f32) {
    let rule =
        |x: f32, exp: fn(f32) -> f32| if x > 0.0 { gamma * x } else { (gamma * alpha) * (exp(x) - 1.0) };
    packets(values, |x| rule(x, packet_exp), |x| rule(x, f32::exp));
}

/// x · Φ(x) by the error function.
#[inline]
pub fn gelu(x: f32) -> f32 {
    0.5 * x * (erf(x * std::f32::consts::FRAC_1_SQRT_2) + 1.0)
}

/// x · Φ(x) by the hyperbolic tangent.
#[inline]
pub fn gelu_tanh(x: f32) -> f32 {
    const FACTOR: f32 = 0.797_884_6;
    const CUBIC: f32 = 0.035_677_407;
    0.5 * x * (tanh(x * (CUBIC * x * x + FACTOR)) + 1.0)
}

/// The sum of a row as Eigen adds it: packets of four from the first address that is a multiple of 16 bytes, two sums
/// of them in turn, then (s0 + s2) + (s1 + s3), then what is in front, then what is behind. `start` is the row's
/// position in a tensor that begins at such an address.
///
/// ```
/// use goldpath::post::float::sum;
/// assert_eq!(sum(&[1.0, 2.0, 3.0, 4.0, 5.0], 0), 15.0);
/// assert_eq!(sum(&[1e8, 1.0, -1e8, 1.0], 0), 2.0); // (1e8 − 1e8) + (1 + 1)
/// assert_eq!(sum(&[1e8, 1.0, -1e8, 1.0], 1), 1.0); // one at a time
/// assert_eq!(sum(&[], 0), 0.0);
/// ```
pub fn sum(row: &[f32], start: usize) -> f32 {
    in_packets(row, start, 0.0, |sum, v| sum + v)
}

/// As [`sum`] of a whole tensor, multiplied.
pub fn product(all: &[f32]) -> f32 {
    in_packets(all, 0, 1.0, |product, v| product * v)
}

fn in_packets(row: &[f32], start: usize, nothing: f32, rule: impl Fn(f32, f32) -> f32) -> f32 {
    let in_front = (start.wrapping_neg() % 4).min(row.len());
    let (front, rest) = row.split_at(in_front);
    let (fours, behind) = rest.as_chunks::<4>();
    let Some(first) = fours.first() else {
        return row.iter().copied().reduce(&rule).unwrap_or(nothing);
    };
    let join = |sum: &mut [f32; 4], four: &[f32; 4]| {
        sum.iter_mut().zip(four).for_each(|(s, v)| *s = rule(*s, *v));
    };
    let mut sums = *first;
    if let Some(second) = fours.get(1) {
        let mut others = *second;
        let (pairs, last) = fours[2..].as_chunks::<2>();
        for [a, b] in pairs {
            join(&mut sums, a);
            join(&mut others, b);
        }
        join(&mut sums, &others);
        last.iter().for_each(|four| join(&mut sums, four));
    }
    let whole = rule(rule(sums[0], sums[2]), rule(sums[1], sums[3]));
    front.iter().chain(behind).fold(whole, |sum, v| rule(sum, *v))
}

/// The sum of a column as MlasSgemm multiplies it with ones: four terms at a time, then two, then one; each such part
/// is added up first.
///
/// ```
/// use goldpath::post::float::sum_of_ones;
/// assert_eq!(sum_of_ones(&[1.0, 2.0, 3.0, 4.0, 1e8, -1e8]), 10.0);
/// assert_eq!(sum_of_ones(&[]), 0.0);
/// ```
pub fn sum_of_ones(terms: &[f32]) -> f32 {
    let part = |terms: &[f32]| terms.iter().copied().reduce(|sum, v| sum + v);
    let (fours, rest) = terms.as_chunks::<4>();
    let (two, one) = rest.split_at(rest.len() / 2 * 2);
    let parts = fours.iter().filter_map(|four| part(four)).chain(part(two)).chain(part(one));
    parts.reduce(|sum, v| sum + v).unwrap_or(0.0)
}

/// Mean and spread of a row, as LayerNormalization has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Sum over count.
    pub mean: f32,
    /// 1 / √(variance + epsilon).
    pub inverse: f32,
    /// Its denominator, for rows of fewer than eight, which are divided by it.
    pub deviation: Option<f32>,
}

/// Mean, and sum of squares of what lies off it, by Welford's recurrence.
///
/// ```
/// assert_eq!(goldpath::post::float::recurrence(&[1.0, 3.0, 5.0]), (3.0, 8.0));
/// ```
pub fn recurrence(row: &[f32]) -> (f32, f32) {
    row.iter().enumerate().fold((0.0, 0.0), |(mean, squares), (at, v)| {
        let off = v - mean;
        let mean = mean + off / (at + 1) as f32;
        (mean, squares + off * (v - mean))
    })
}

/// Rows of fewer than eight by Welford's recurrence; longer ones in two passes: a float64 mean, then eight sums of squares
/// side by side by fused multiply-adds, then what is behind the eights, four of it without them.
///
/// By comparison with ONNX Runtime 1.32 on an x86-64 with AVX2.
///
/// ```
/// let moments = goldpath::post::float::moments(&[1.0, 3.0], 0.0);
/// assert_eq!((moments.mean, moments.inverse), (2.0, 1.0));
/// ```
pub fn moments(row: &[f32], epsilon: f32) -> Moments {
    let count = row.len() as f32;
    if row.len() < 8 {
        let (mean, squares) = recurrence(row);
        let deviation = (squares / count + epsilon).sqrt();
        return Moments { mean, inverse: 1.0 / deviation, deviation: Some(deviation) };
    }
    let mean = (row.iter().map(|v| f64::from(*v)).sum::<f64>() / row.len() as f64) as f32;
    let (eights, behind) = row.as_chunks::<8>();
    let mut s = [0.0f32; 8];
    for eight in eights {
        s.iter_mut().zip(eight).for_each(|(s, v)| *s = (v - mean).mul_add(v - mean, *s));
    }
    let whole = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
    let (four, rest) = behind.split_at(behind.len() / 4 * 4);
    let whole = four.iter().fold(whole, |sum, v| sum + (v - mean) * (v - mean));
    let squares = rest.iter().fold(whole, |sum, v| (v - mean).mul_add(v - mean, sum));
    Moments { mean, inverse: 1.0 / (squares / count + epsilon).sqrt(), deviation: None }
}
