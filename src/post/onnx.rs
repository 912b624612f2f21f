//! ONNX Runtime's arithmetic (CPU, MLAS): float32 rescaling, every operation rounded to float32, ties to even.
//!
//! Sources: the operators' ONNX texts; `MlasRequantizeOutput`, `MlasQuantizeLinear` (mlas/lib/quantize.cpp), `qladd.cpp`,
//! `qlmul.cpp`, `qlgavgpool.cpp`; each formula run against ONNX Runtime 1.31 with no difference (`tests/infer.rs`).
//! Zero points enter after the rounding, except where a function says otherwise.
//! In which order float32 products are added is said in [`sgemm`](super::sgemm) and [`softmax`](super::softmax).

/// Where codes live: the zero point, and the rails they are clamped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes {
    /// The code that stands for 0.
    pub zero_point: i32,
    /// Smallest code.
    pub low: i32,
    /// Largest code.
    pub high: i32,
}

impl Codes {
    /// Rounds a value that does not hold the zero point yet; NaN becomes `low`, infinities the rails.
    #[inline]
    fn round(self, value: f32) -> i32 {
        let low = (self.low - self.zero_point) as f32;
        let high = (self.high - self.zero_point) as f32;
        round(value, low, high) + self.zero_point
    }

    /// Rounds a value that holds the zero point already.
    #[inline]
    fn round_shifted(self, value: f32) -> i32 {
        round(value, self.low as f32, self.high as f32)
    }
}

/// Clamped first, then rounded to even. The comparisons send NaN to `low`, as SSE's max does.
#[inline]
fn round(value: f32, low: f32, high: f32) -> i32 {
    let value = if value > low { value } else { low };
    let value = if value < high { value } else { high };
    if low >= -EXACT && high <= EXACT {
        // A step of the sum is 1: its low bits are the whole number. Unlike the rounding itself, this vectorises anywhere.
        (value + ROUNDING).to_bits().cast_signed() - ROUNDING.to_bits().cast_signed()
    } else {
        value.round_ties_even() as i32
    }
}

/// 1.5 · 2^23.
const ROUNDING: f32 = 12_582_912.0;

/// Up to here, a sum with [`ROUNDING`] lies in 2^23..2^24.
const EXACT: f32 = 4_194_303.0;

/// QuantizeLinear: `round(x / scale) + zero_point`, a true division.
///
/// ```
/// use goldpath::post::onnx::{Codes, quantize};
/// let u8 = Codes { zero_point: 3, low: 0, high: 255 };
/// assert_eq!(quantize(0.5, 1.0, u8), 3); // a tie goes to even before the zero point is added
/// assert_eq!(quantize(1.5, 1.0, u8), 5);
/// assert_eq!(quantize(f32::NAN, 1.0, u8), 0);
/// ```
#[inline]
pub fn quantize(x: f32, scale: f32, codes: Codes) -> i32 {
    codes.round(x / scale)
}

/// A bias as the code of an int32 accumulator at `scale`, x.scale · w.scale: ties to even; none where int32 does not hold it.
///
/// ```
/// use goldpath::post::onnx::bias_code;
/// assert_eq!([bias_code(1.25, 0.5), bias_code(1e10, 1e-3), bias_code(1.0, f32::NAN)], [Some(2), None, None]);
/// ```
pub fn bias_code(bias: f32, scale: f32) -> Option<i32> {
    let inside = (bias / scale).abs() < 2f32.powi(31);
    inside.then(|| quantize(bias, scale, Codes { zero_point: 0, low: i32::MIN, high: i32::MAX }))
}

/// DequantizeLinear: `f32(code − zero_point) · scale`.
///
/// ```
/// assert_eq!(goldpath::post::onnx::dequantize(5, 3, 0.25), 0.5);
/// ```
#[inline]
pub fn dequantize(code: i32, zero_point: i32, scale: f32) -> f32 {
    code.wrapping_sub(zero_point) as f32 * scale
}

/// Clip: NaN stays NaN, a NaN bound bounds nothing, and where the bounds are crossed the upper one wins.
///
/// ```
/// use goldpath::post::onnx::clip;
/// assert!(clip(f32::NAN, -1.0, 1.0).is_nan());
/// assert_eq!(clip(7.0, f32::NAN, 1.0), 1.0);
/// assert_eq!([clip(0, 1, -1), clip(-5, 1, -1)], [-1, -1]);
/// ```
pub fn clip<T: PartialOrd + Copy>(value: T, low: T, high: T) -> T {
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

/// Cast of a float32 to int32 as x86-64 does it: towards zero; NaN and whatever int32 does not hold is −2^31. int8, uint8,
/// int16 and uint16 are its low bits.
///
/// ```
/// use goldpath::post::onnx::cast_i32;
/// assert_eq!([cast_i32(-1.9), cast_i32(3e9), cast_i32(f32::NAN)], [-1, i32::MIN, i32::MIN]);
/// assert_eq!([cast_i32(300.0) as u8, cast_i32(3e9) as u8], [44, 0]);
/// ```
pub fn cast_i32(value: f32) -> i32 {
    // −2^31 and 2^31 are float32 numbers.
    if (-2147483648.0..2147483648.0).contains(&value) { value as i32 } else { i32::MIN }
}

/// As [`cast_i32`], to int64. Its low bits are the cast to uint32; ONNX Runtime's vector code, which takes long tensors
/// on some CPUs, gives other bits for what neither type holds.
pub fn cast_i64(value: f32) -> i64 {
    const LIMIT: f32 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// As [`cast_i32`], to uint64: below 2^63 as int64, from there on the excess.
///
/// ```
/// use goldpath::post::onnx::cast_u64;
/// assert_eq!([cast_u64(-1.0), cast_u64(1e19), cast_u64(1e20)], [u64::MAX, 9_999_999_980_506_447_872, 0]);
/// ```
pub fn cast_u64(value: f32) -> u64 {
    const LIMIT: f32 = 9_223_372_036_854_775_808.0;
    match value >= LIMIT {
        true => (cast_i64(value - LIMIT) as u64) ^ (1 << 63),
        false => cast_i64(value) as u64,
    }
}

/// DynamicQuantizeLinear: scale and uint8 zero point for values in `low..=high`; 0 is always representable.
///
/// ```
/// use goldpath::post::onnx::dynamic_parameters;
/// assert_eq!(dynamic_parameters(-1.5, 253.5), (1.0, 2)); // the tie 1.5 goes to even
/// assert_eq!(dynamic_parameters(3.0, 255.0), (1.0, 0));
/// assert_eq!(dynamic_parameters(0.0, 0.0), (1.0, 0));
/// ```
pub fn dynamic_parameters(low: f32, high: f32) -> (f32, i32) {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let scale = if low == high { 1.0 } else { (high - low) / 255.0 };
    (scale, round(0.0 - low / scale, 0.0, 255.0))
}

/// The factor of QLinearConv, QLinearMatMul and QGemm: `f32(f32(sx · sw) / sy)`.
///
/// ```
/// assert_eq!(goldpath::post::onnx::factor(0.5, 0.25, 2.0), 0.0625);
/// ```
pub fn factor(input_scale: f32, weight_scale: f32, output_scale: f32) -> f32 {
    input_scale * weight_scale / output_scale
}

/// The factor of QLinearGlobalAveragePool over `count` positions: `f32(sx / f32(sy · count))`.
pub fn global_average_factor(input_scale: f32, output_scale: f32, count: usize) -> f32 {
    input_scale / (output_scale * count as f32)
}

/// An int32 accumulator to a code: `round(f32(f32(accumulator) · factor)) + zero_point`.
///
/// ```
/// use goldpath::post::onnx::{Codes, requantize};
/// let s8 = Codes { zero_point: 1, low: -128, high: 127 };
/// assert_eq!(requantize(2, 0.25, s8), 1); // the tie 0.5 goes to 0; onnx's ReferenceEvaluator says 2
/// assert_eq!(requantize(6, 0.25, s8), 3);
/// ```
#[inline]
pub fn requantize(accumulator: i32, factor: f32, codes: Codes) -> i32 {
    codes.round(accumulator as f32 * factor)
}

/// As [`requantize`], of a sum that int32 does not hold: 16-bit codes, whose integer layer no framework has.
pub fn requantize_wide(accumulator: i64, factor: f32, codes: Codes) -> i32 {
    codes.round(accumulator as f32 * factor)
}

/// As [`requantize_wide`], of a whole number that float64 holds: rounded once to float32, either way.
///
/// ```
/// use goldpath::post::onnx::{Codes, requantize_exact, requantize_wide};
/// let u16 = Codes { zero_point: 9, low: 0, high: 65535 };
/// let sum = (1i64 << 40) + (1 << 16) + 1; // just above a tie
/// let factor = (2f32).powi(-26);
/// assert_eq!(requantize_exact(sum as f64, factor, u16), requantize_wide(sum, factor, u16));
/// ```
#[inline]
pub fn requantize_exact(accumulator: f64, factor: f32, codes: Codes) -> i32 {
    codes.round(accumulator as f32 * factor)
}

/// QLinearAveragePool: `round(f32(mean / scale) + zero_point)`, the zero point before the rounding.
///
/// ```
/// use goldpath::post::onnx::{Codes, quantize_average};
/// let s8 = Codes { zero_point: 1, low: -128, high: 127 };
/// assert_eq!(quantize_average(0.5, 1.0, s8), 2);
/// ```
pub fn quantize_average(mean: f32, scale: f32, codes: Codes) -> i32 {
    codes.round_shifted(mean / scale + codes.zero_point as f32)
}

/// QLinearAdd: `round(fma(a, ra, fma(b, rb, fixed)))` with `ra = sa/sy`, `rb = sb/sy`,
/// `fixed = zy − fma(ra, za, rb·zb)`; the zero point is in before the rounding.
///
/// Where `a` alone is broadcast along the innermost axis, ONNX Runtime lets the operands change places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sum {
    ratio_a: f32,
    ratio_b: f32,
    fixed: f32,
    codes: Codes,
}

impl Sum {
    /// `a` and `b`: scale and zero point of the operands.
    pub fn new(a: (f32, i32), b: (f32, i32), scale: f32, codes: Codes) -> Sum {
        let (ratio_a, ratio_b) = (a.0 / scale, b.0 / scale);
        let fixed = codes.zero_point as f32 - ratio_a.mul_add(a.1 as f32, ratio_b * b.1 as f32);
        Sum { ratio_a, ratio_b, fixed, codes }
    }

    /// ```
    /// use goldpath::post::onnx::{Codes, Sum};
    /// let s8 = Codes { zero_point: 1, low: -128, high: 127 };
    /// let sum = Sum::new((0.5, 0), (0.5, 0), 1.0, s8);
    /// assert_eq!(sum.apply(2, 1), 2); // 1 + 0.5 + 1 = 2.5
    /// ```
    #[inline]
    pub fn apply(&self, a: i32, b: i32) -> i32 {
        let b = (b as f32).mul_add(self.ratio_b, self.fixed);
        self.codes.round_shifted((a as f32).mul_add(self.ratio_a, b))
    }
}

/// QLinearMul: `round(f32(product · factor) + zero_point)`, product = (a − za)(b − zb) exact; the zero point before the
/// rounding, no fused multiply-add.
///
/// ```
/// use goldpath::post::onnx::{Codes, requantize_product};
/// let s8 = Codes { zero_point: 1, low: -128, high: 127 };
/// assert_eq!(requantize_product(2, 0.25, s8), 2); // 0.5 + 1 = 1.5
/// ```
pub fn requantize_product(product: i32, factor: f32, codes: Codes) -> i32 {
    codes.round_shifted(product as f32 * factor + codes.zero_point as f32)
}

/// In which order the float32 terms of a mean are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summation {
    /// From the first to the last, row by row.
    Rows,
    /// Every column from the top, then the columns from the left.
    Columns,
    /// Four interleaved sums s0..s3, then (s0 + s2) + (s1 + s3), then what is left over.
    Lanes,
}

/// The float32 mean of `values`, rows of `columns`: summed in the stated order, then divided by `count`.
///
/// Source: `MlasPool` (mlas/lib/pooling.cpp) for columns and lanes. Only float32 averaging needs the order.
///
/// ```
/// use goldpath::post::onnx::{Summation, mean};
/// let values = [1e8, 1.0, -1e8, 1.0];
/// assert_eq!(mean(&values, 2, 4, Summation::Rows), 0.25);
/// assert_eq!(mean(&values, 2, 4, Summation::Columns), 0.5);
/// ```
pub fn mean(values: &[f32], columns: usize, count: usize, order: Summation) -> f32 {
    let sum = match order {
        Summation::Rows => values.iter().fold(0.0, |sum, v| sum + v),
        Summation::Columns => {
            let column = |c: usize| values.iter().skip(c).step_by(columns).fold(0.0f32, |sum, v| sum + v);
            (0..columns).fold(0.0, |sum, c| sum + column(c))
        }
        Summation::Lanes => {
            let (fours, rest) = values.as_chunks::<4>();
            let mut lanes = [0.0f32; 4];
            for four in fours {
                lanes.iter_mut().zip(four).for_each(|(lane, v)| *lane += v);
            }
            let whole = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
            rest.iter().fold(whole, |sum, v| sum + v)
        }
    };
    sum / count as f32
}

/// QLinearSoftmax: the exponentials of code differences −255 to 0, for sums of `length` terms.
///
/// Source: contrib_ops/cpu/quantization/qlinear_softmax.cc.
pub fn softmax_table(scale: f32, length: usize) -> Vec<f32> {
    let room = f64::from((f32::MAX / length as f32).ln());
    let shift = (room - 5.0).max(0.0) / f64::from(scale);
    (0..256u32).map(|code| ((f64::from(code) - 255.0 + shift) * f64::from(scale)).exp() as f32).collect()
}

/// QLinearSoftmax: a quotient to a code, the zero point after the rounding.
///
/// ```
/// use goldpath::post::onnx::{Codes, softmax_code};
/// let u8 = Codes { zero_point: 0, low: 0, high: 255 };
/// assert_eq!(softmax_code(256.0, u8), 255);
/// assert_eq!(softmax_code(2.5, u8), 2);
/// ```
pub fn softmax_code(quotient: f32, codes: Codes) -> i32 {
    (quotient.round_ties_even() as i32).saturating_add(codes.zero_point).clamp(codes.low, codes.high)
}
