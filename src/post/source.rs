//! Where a layer's number comes from: which real factor, formed in which precision, and which number of it.

use super::{double_rounding, power_of_two_shift, quantize_multiplier, single_rounding};
use crate::error::{Error, Kind, Result};

/// How sx · sw / sy is formed of three float32 scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// (sx · sw) / sy, each rounded to float32: ONNX Runtime, XNNPACK.
    Float32,
    /// The same in float64: TFLite with a scale for every channel, or with a bias.
    Float64,
    /// TFLite: float64, but of a layer with one weight scale and no bias the product is rounded to float32.
    Tflite,
}

/// Which number of a layer, or of its factor, a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// The output's zero point.
    ZeroPoint,
    /// The least code of the output.
    Low,
    /// The largest code of the output.
    High,
    /// The factor's bits as a float32.
    Float32,
    /// The factor's bits as a float64.
    Float64,
    /// The shift whose power of two lies nearest.
    PowerOfTwo,
    /// One more than that: of sums in halves.
    PowerOfTwoOfHalves,
    /// That shift to the left, where it is read as a signed number of five bits; 0 below 16.
    SignedLeft,
    /// That shift to the right, where it is below 16.
    SignedRight,
    /// TFLite's QuantizeMultiplier, with two roundings.
    DoubleMultiplier,
    /// Its shift to the left.
    DoubleLeft,
    /// Its shift to the right.
    DoubleRight,
    /// The same multiplier, with one rounding.
    SingleMultiplier,
    /// Its shift.
    SingleShift,
    /// The multiplier in 16 bits (TFLite's int16 layers).
    ShortMultiplier,
    /// Its shift.
    ShortShift,
    /// One less: a bit is left for the rounding behind it (CMSIS-NN).
    ShortShiftOfHalves,
    /// The 24 bits of the float32 (XNNPACK rndnu).
    RndnuMultiplier,
    /// Their shift.
    RndnuShift,
    /// 15 bits of the float32 (XNNPACK rndnu16).
    Rndnu16Multiplier,
    /// Their shift to the left, in front.
    Rndnu16Left,
    /// Their shift to the right, in front.
    Rndnu16Right,
}

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// Which number.
    pub number: Number,
    /// Of which factor; of no matter for what is none of it.
    pub factor: Factor,
}

impl Factor {
    /// Every one.
    pub const ALL: [Factor; 3] = [Factor::Float32, Factor::Float64, Factor::Tflite];

    /// The name used in designs.
    pub const fn name(self) -> &'static str {
        match self {
            Factor::Float32 => "float32",
            Factor::Float64 => "float64",
            Factor::Tflite => "tflite",
        }
    }

    /// The factor of one channel, times 2^`moved`; `is_plain`: one weight scale, and no bias.
    pub fn of(self, [input, weight, output]: [f32; 3], moved: i32, is_plain: bool) -> f64 {
        let double = || f64::from(input) * f64::from(weight) / f64::from(output);
        match self {
            Factor::Float32 => f64::from(input * weight / output * 2_f32.powi(moved)),
            Factor::Tflite if is_plain => f64::from(input * weight) / f64::from(output) * 2_f64.powi(moved),
            Factor::Float64 | Factor::Tflite => double() * 2_f64.powi(moved),
        }
    }
}

impl Number {
    /// Every one, with the name used in designs.
    pub const NAMES: [(Number, &'static str); 22] = [
        (Number::ZeroPoint, "zero_point"),
        (Number::Low, "low"),
        (Number::High, "high"),
        (Number::Float32, "float32"),
        (Number::Float64, "float64"),
        (Number::PowerOfTwo, "power_of_two"),
        (Number::PowerOfTwoOfHalves, "power_of_two_of_halves"),
        (Number::SignedLeft, "signed_left"),
        (Number::SignedRight, "signed_right"),
        (Number::DoubleMultiplier, "double_multiplier"),
        (Number::DoubleLeft, "double_left"),
        (Number::DoubleRight, "double_right"),
        (Number::SingleMultiplier, "single_multiplier"),
        (Number::SingleShift, "single_shift"),
        (Number::ShortMultiplier, "short_multiplier"),
        (Number::ShortShift, "short_shift"),
        (Number::ShortShiftOfHalves, "short_shift_of_halves"),
        (Number::RndnuMultiplier, "rndnu_multiplier"),
        (Number::RndnuShift, "rndnu_shift"),
        (Number::Rndnu16Multiplier, "rndnu16_multiplier"),
        (Number::Rndnu16Left, "rndnu16_left"),
        (Number::Rndnu16Right, "rndnu16_right"),
    ];

    /// The name used in designs.
    pub fn name(self) -> &'static str {
        Number::NAMES.into_iter().find(|(number, _)| *number == self).map_or("", |(_, name)| name)
    }

    /// Of that name.
    pub fn named(name: &str) -> Option<Number> {
        Number::NAMES.into_iter().find(|(_, other)| *other == name).map(|(number, _)| number)
    }

    /// The number, of a factor. What is none of a factor (a zero point, a bound) is 0.
    ///
    /// # Errors
    /// A factor that has no such number: negative, not finite, or beyond what the scheme can say.
    pub fn of(self, factor: f64) -> Result<i64> {
        let single = factor as f32;
        let signed = || {
            let shift = power_of_two_shift(single)?;
            Ok(if shift < 16 { (0, shift) } else { ((32 - shift).max(0), 0) })
        };
        match self {
            Number::ZeroPoint | Number::Low | Number::High => Ok(0),
            Number::Float32 => Ok(i64::from(single.to_bits())),
            Number::Float64 => Ok(factor.to_bits().cast_signed()),
            Number::PowerOfTwo => power_of_two_shift(single),
            Number::PowerOfTwoOfHalves => Ok(power_of_two_shift(single)? + 1),
            Number::SignedLeft => signed().map(|(left, _)| left),
            Number::SignedRight => signed().map(|(_, right)| right),
            Number::DoubleMultiplier => Ok(double_rounding(factor)?.0),
            Number::DoubleLeft => Ok(double_rounding(factor)?.1),
            Number::DoubleRight => Ok(double_rounding(factor)?.2),
            Number::SingleMultiplier => Ok(single_rounding(factor)?.0),
            Number::SingleShift => Ok(single_rounding(factor)?.1),
            Number::ShortMultiplier => Ok(short(factor)?.0),
            Number::ShortShift => Ok(short(factor)?.1),
            Number::ShortShiftOfHalves => Ok(short(factor)?.1 - 1),
            Number::RndnuMultiplier => Ok(rndnu(single)?.0),
            Number::RndnuShift => Ok(rndnu(single)?.1),
            Number::Rndnu16Multiplier => Ok(rndnu16(single)?.0),
            Number::Rndnu16Left => Ok(rndnu16(single)?.1.max(0)),
            Number::Rndnu16Right => Ok((-rndnu16(single)?.1).max(0)),
        }
    }
}

/// TFLite's int16 layers: `(m, shift)` with factor ≈ m · 2^−shift, m rounded to 15 bits.
///
/// Source: MultiplyByQuantizedMultiplier of an int64 (`tensorflow/lite/kernels/internal/common.cc`).
fn short(factor: f64) -> Result<(i64, i64)> {
    let (multiplier, exponent) = quantize_multiplier(factor)?;
    let multiplier =
        if multiplier < 0x7fff_0000 { (i64::from(multiplier) + (1 << 15)) >> 16 } else { 0x7fff };
    if exponent > 7 {
        return Err(out_of_range(factor, "2^7, the largest that 16 bits can say"));
    }
    Ok((multiplier, i64::from(15 - exponent)))
}

/// XNNPACK's rndnu: the 24 bits of a float32 and their shift.
///
/// Source: `src/xnnpack/requantization.h`, `src/microparams-init.c`.
fn rndnu(scale: f32) -> Result<(i64, i64)> {
    let bits = i64::from(checked(scale)?.to_bits());
    Ok(((bits & 0x7f_ffff) | 0x80_0000, 150 - (bits >> 23)))
}

/// XNNPACK's rndnu16: 15 bits of a float32, and the power of two in front.
fn rndnu16(scale: f32) -> Result<(i64, i64)> {
    let bits = i64::from(checked(scale)?.to_bits());
    let (multiplier, exponent) = ((((bits & 0x7f_ffff) | 0x80_0000) + (1 << 8)) >> 9, (bits >> 23) - 127);
    Ok(if multiplier == 1 << 15 { (1 << 14, exponent + 2) } else { (multiplier, exponent + 1) })
}

/// XNNPACK asserts these limits.
fn checked(scale: f32) -> Result<f32> {
    match (2_f32.powi(-32)..256.0).contains(&scale) {
        true => Ok(scale),
        false => Err(out_of_range(scale.into(), "2^-32 or above 256, which XNNPACK refuses")),
    }
}

fn out_of_range(factor: f64, limit: &str) -> Error {
    Error::new(Kind::Value, format!("a scale of {factor} lies beyond {limit}"))
        .help("choose a preset with a wider multiplier, or bring the numbers yourself (--params)")
}

impl Source {
    /// What a number is that a design says no source of: by its name, beside those of the others.
    pub fn by_name(name: &str, has: impl Fn(&str) -> bool) -> Option<Source> {
        let number = match name {
            "zero_point" => Number::ZeroPoint,
            "low" => Number::Low,
            "high" => Number::High,
            "scale" => Number::Float32,
            "left_shift" => Number::DoubleLeft,
            "right_shift" => Number::DoubleRight,
            "multiplier" if has("right_shift") => Number::DoubleMultiplier,
            "multiplier" => Number::SingleMultiplier,
            "shift" if has("multiplier") => Number::SingleShift,
            "shift" => Number::PowerOfTwo,
            _ => return None,
        };
        Some(Source { number, factor: Factor::Float32 })
    }
}
