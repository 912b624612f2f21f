//! One meaning for each step.

use super::{Op, Operand, Step};
use crate::num::{Fitted, Flags, MAX_SHIFT, Rounding, fit, shift_right};

/// A value between two steps: fitted unless the step is fused with the next one (R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stepped {
    /// What the step makes of its input, before its format.
    pub exact: i128,
    /// Inside the step's format, or exact when the step has none.
    pub value: i128,
    /// R6: on which side the exact result lay outside; none when the step has no format.
    pub flags: Flags,
}

/// The number an operand stands for, for one output channel.
///
/// `parameters` has one entry per design parameter, of length 1 or one value per channel.
pub fn bind(operand: Operand, parameters: &[Vec<i64>], channel: usize) -> i64 {
    match operand {
        Operand::Constant(value) => value,
        Operand::Parameter(index) => match parameters[index].as_slice() {
            [only] => *only,
            many => many[channel],
        },
    }
}

impl Step {
    /// Applies the step to `x` for one output channel: the exact result, then the step's own format.
    pub fn apply(&self, x: i128, parameters: &[Vec<i64>], channel: usize) -> Stepped {
        let get = |operand| i128::from(bind(operand, parameters, channel));
        let count =
            |operand| u32::try_from(bind(operand, parameters, channel)).unwrap_or(MAX_SHIFT).min(MAX_SHIFT);
        let exact = match self.op {
            Op::Add(v) => x + get(v),
            Op::Subtract(v) => x - get(v),
            Op::Multiply(v) => x * get(v),
            Op::Max(v) => x.max(get(v)),
            Op::Min(v) => x.min(get(v)),
            Op::ShiftLeft(v) => x << count(v).min(63),
            Op::ShiftRight(v, rounding) => shift_right(x, count(v), rounding),
            Op::Clamp { low, high } => x.min(get(high)).max(get(low)),
            Op::Fit => x,
            Op::FloatScale(scale, rounding) => float_scale(x, get(scale) as u32, rounding),
        };
        match self.format {
            None => Stepped { exact, value: exact, flags: Flags::NONE },
            Some(format) => {
                let Fitted { value, flags } = fit(exact, format, self.overflow);
                Stepped { exact, value: i128::from(value), flags }
            }
        }
    }
}

/// Runs a whole program on one finished accumulator.
///
/// `event` is called with the index of every step whose exact result lay outside its format (R6).
pub fn run(
    steps: &[Step],
    accumulator: i64,
    parameters: &[Vec<i64>],
    channel: usize,
    mut event: impl FnMut(usize, Flags),
) -> i64 {
    let mut x = i128::from(accumulator);
    for (index, step) in steps.iter().enumerate() {
        let stepped = step.apply(x, parameters, channel);
        if stepped.flags.any() {
            event(index, stepped.flags);
        }
        x = stepped.value;
    }
    x as i64
}

/// `round(f32(x) · scale)`: int → float32 to nearest even, one float32 product, one rounding to integer.
///
/// Source: XNNPACK fp32 and ONNX Runtime's MlasRequantizeOutput. Infinity becomes a value outside every format.
pub fn float_scale(x: i128, scale_bits: u32, rounding: Rounding) -> i128 {
    float_to_integer(x as f32 * f32::from_bits(scale_bits), rounding)
}

/// Rounds a float32 to an integer, exactly; NaN is 0, infinity ±2^100.
pub fn float_to_integer(value: f32, rounding: Rounding) -> i128 {
    if value.is_nan() {
        return 0;
    }
    if value.is_infinite() || value.abs() >= 1e30 {
        return if value > 0.0 { 1 << 100 } else { -(1 << 100) };
    }
    let bits = value.to_bits();
    let exponent = ((bits >> 23) & 0xff) as i32;
    let fraction = i128::from(bits & 0x7f_ffff);
    let (mantissa, power) =
        if exponent == 0 { (fraction, -149) } else { (fraction | 0x80_0000, exponent - 150) };
    let signed = if value.is_sign_negative() { -mantissa } else { mantissa };
    if power >= 0 {
        signed << power
    } else {
        // The mantissa has 24 bits, so every count from 26 on gives the same answer.
        shift_right(signed, power.unsigned_abs().min(MAX_SHIFT), rounding)
    }
}
