//! From a layer's real scale to the integers of a requantisation scheme.
//!
//! Source: TFLite's `QuantizeMultiplier` (`tensorflow/lite/kernels/internal/quantization_util.cc`).

use crate::error::{Error, Kind, Result};

/// `(m, s)` with scale ≈ m · 2^(s − 31) and m in {0} ∪ 2^30..2^31, bit for bit TFLite's `QuantizeMultiplier`.
///
/// Scales below 2^−32 give (0, 0). In the TFLite build with two roundings s is not limited above.
///
/// ```
/// use goldpath::post::quantize_multiplier;
/// assert_eq!(quantize_multiplier(0.25).unwrap(), (1 << 30, -1));
/// assert_eq!(quantize_multiplier(0.0).unwrap(), (0, 0));
/// ```
///
/// # Errors
/// The scale is negative or not finite.
pub fn quantize_multiplier(scale: f64) -> Result<(i32, i32)> {
    if !scale.is_finite() || scale < 0.0 {
        return Err(Error::new(Kind::Value, format!("a scale of {scale} has no multiplier"))
            .help("a scale is finite and not negative"));
    }
    if scale == 0.0 {
        return Ok((0, 0));
    }
    let (fraction, mut exponent) = frexp(scale);
    // Exact: the product of a double with a power of two. `round` takes ties away from zero, as C does.
    let rounded = (fraction * f64::from(1u32 << 31)).round() as i64;
    let multiplier = match i32::try_from(rounded) {
        Ok(multiplier) => multiplier,
        Err(_) => {
            exponent += 1;
            1 << 30
        }
    };
    Ok(if exponent < -31 { (0, 0) } else { (multiplier, exponent) })
}

/// `(multiplier, right shift)` of the scheme with one rounding (TFLITE_SINGLE_ROUNDING; preset `multiply_shift`):
/// the layer's float32 scale, widened, through [`quantize_multiplier`]; the shift is 31 − s, in 1..=62.
///
/// Scales of 2^30 and more saturate to s = 30, m = 2^31 − 1, as that build does.
///
/// # Errors
/// The scale is negative or not finite.
pub fn single_rounding_parameters(scale: f32) -> Result<(i64, i64)> {
    single_rounding(f64::from(scale))
}

/// [`single_rounding_parameters`] of a scale that is not a float32.
///
/// # Errors
/// The scale is negative or not finite.
pub fn single_rounding(scale: f64) -> Result<(i64, i64)> {
    let (multiplier, exponent) = match quantize_multiplier(scale)? {
        (_, exponent) if exponent > 30 => (i32::MAX, 30),
        other => other,
    };
    Ok((i64::from(multiplier), i64::from(31 - exponent)))
}

/// `(multiplier, left shift, right shift)` of the scheme with two roundings (preset `tflite_double`): one of the
/// shifts is 0.
///
/// # Errors
/// The scale is negative or not finite.
pub fn double_rounding_parameters(scale: f32) -> Result<(i64, i64, i64)> {
    double_rounding(f64::from(scale))
}

/// [`double_rounding_parameters`] of a scale that is not a float32.
///
/// # Errors
/// The scale is negative or not finite.
pub fn double_rounding(scale: f64) -> Result<(i64, i64, i64)> {
    let (multiplier, exponent) = quantize_multiplier(scale)?;
    Ok((i64::from(multiplier), i64::from(exponent.max(0)), i64::from((-exponent).max(0))))
}

/// The right shift whose 2^−shift lies nearest to the scale (preset `shift`); halfway takes the smaller shift.
///
/// ```
/// use goldpath::post::power_of_two_shift;
/// assert_eq!(power_of_two_shift(0.25).unwrap(), 2);
/// assert_eq!(power_of_two_shift(0.37).unwrap(), 2);
/// assert_eq!(power_of_two_shift(0.375).unwrap(), 1);
/// ```
///
/// # Errors
/// The scale is not positive and finite, or its nearest power of two is above 1 (a left shift) or below 2^−127.
pub fn power_of_two_shift(scale: f32) -> Result<i64> {
    let wrong = |why: &str| {
        Err(Error::new(Kind::Value, format!("a scale of {scale} is no right shift: {why}"))
            .help("the `shift` preset needs scales from 2^-127 to 1; use `multiply_shift`"))
    };
    if !scale.is_finite() || scale <= 0.0 {
        return wrong("it is not a positive number");
    }
    let (fraction, exponent) = frexp(f64::from(scale));
    let shift = if fraction >= 0.75 { -exponent } else { 1 - exponent };
    match shift {
        ..0 => wrong("its nearest power of two is above 1"),
        0..=127 => Ok(i64::from(shift)),
        _ => wrong("its nearest power of two is below 2^-127"),
    }
}

/// C's `frexp` for a positive finite value: value = fraction · 2^exponent, fraction in 0.5..1.
fn frexp(value: f64) -> (f64, i32) {
    const FRACTION_BITS: u64 = (1 << 52) - 1;
    let biased = |bits: u64| i32::try_from(bits >> 52 & 0x7ff).expect("11 bits");
    // A subnormal is scaled up, exactly, before its exponent is read.
    let (bits, correction) = match biased(value.to_bits()) {
        0 => ((value * f64::from(1u32 << 31) * f64::from(1u32 << 31)).to_bits(), 62),
        _ => (value.to_bits(), 0),
    };
    (f64::from_bits(bits & FRACTION_BITS | 1022 << 52), biased(bits) - 1022 - correction)
}
