//! One meaning for each step.

use super::{MAX_LEFT_SHIFT, Op, Operand, Rounded, Step};
use crate::num::{Fit, Fitted, Flags, MAX_SHIFT, Rounding, shift_right, shift_right_in};

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
        Operand::Exponent { .. } => unreachable!("steps of a weight have its exponent in this place"),
    }
}

impl Op {
    /// The exact result for `x`; `get` is asked for the numbers of the operands by their place in [`Op::roles`].
    #[inline]
    pub(super) fn exact(&self, x: i128, get: impl Fn(usize, Operand) -> i128) -> i128 {
        match self {
            Op::Add(v) => x + get(0, *v),
            Op::Subtract(v) => x - get(0, *v),
            Op::Multiply(v) => x * get(0, *v),
            Op::Max(v) => x.max(get(0, *v)),
            Op::Min(v) => x.min(get(0, *v)),
            Op::ShiftLeft(v) => x << count(get(0, *v)).min(MAX_LEFT_SHIFT),
            Op::ShiftRight(v, rounding, None) => shift_right(x, count(get(0, *v)), *rounding),
            Op::ShiftRight(v, rounding, Some(adder)) => {
                shift_right_in(x, count(get(0, *v)), *rounding, *adder)
            }
            Op::Clamp { low, high } => x.min(get(1, *high)).max(get(0, *low)),
            Op::Fit => x,
            Op::Float(float, rounding) => float.exact(x, *rounding, get),
            Op::Lut(table) => table.at(x).into(),
            Op::Thresholds { values, offset } => {
                let reached = values.iter().enumerate().filter(|(place, value)| get(*place, **value) <= x);
                reached.count() as i128 + get(values.len(), *offset)
            }
            Op::Branch { negative, otherwise } => {
                let steps = if x < 0 { negative } else { otherwise };
                steps.iter().fold(x, |x, step| step.applied(x, &|operand| get(0, operand)).value)
            }
        }
    }
}

fn count(number: i128) -> u32 {
    u32::try_from(number).unwrap_or(MAX_SHIFT).min(MAX_SHIFT)
}

/// A value halfway between two integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    /// It is below 0.
    pub negative: bool,
    /// The integer below it is odd.
    pub odd: bool,
}

impl Rounded<'_> {
    /// The tie that rounding `x` meets, if it is one.
    pub fn tie(self, x: i128, get: impl Fn(Operand) -> i128) -> Option<Tie> {
        match self {
            Rounded::Shift(operand) => {
                let count = count(get(operand)).min(MAX_SHIFT - 1);
                let is_tie = count > 0 && x.rem_euclid(1 << count) == 1 << (count - 1);
                is_tie.then(|| Tie { negative: x < 0, odd: (x >> count) & 1 == 1 })
            }
            Rounded::Float(float) => float.tie(x, |_, operand| get(operand)),
        }
    }
}

impl Step {
    /// What its exact result goes through; `None` when it is fused with the next step (R8).
    #[inline]
    pub fn fit(&self) -> Option<Fit> {
        self.format.map(|format| Fit { format, overflow: self.overflow })
    }

    /// Applies the step to `x` for one output channel: the exact result, then the step's own format.
    pub fn apply(&self, x: i128, parameters: &[Vec<i64>], channel: usize) -> Stepped {
        let get = |operand| i128::from(bind(operand, parameters, channel));
        if self.is_plain() {
            self.fitted(self.op.exact(x, |_, operand| get(operand)))
        } else {
            self.applied(x, &get)
        }
    }

    /// Whether it runs, for one output channel.
    pub fn runs(&self, parameters: &[Vec<i64>], channel: usize) -> bool {
        self.when.is_none_or(|when| (bind(when.bit, parameters, channel) == 1) == when.is)
    }

    /// Registers behind it with these numbers of the layer: none where its value goes around them.
    pub fn registers(&self, parameters: &[Vec<i64>]) -> u32 {
        if self.wire().is_some() && !self.runs(parameters, 0) { 0 } else { self.latency }
    }

    /// The same, of the numbers that `get` says.
    pub(super) fn applied(&self, x: i128, get: &dyn Fn(Operand) -> i128) -> Stepped {
        let runs = self.when.is_none_or(|when| (get(when.bit) == 1) == when.is);
        self.fitted(if runs { self.op.exact(x, |_, operand| self.value_of(operand, get)) } else { x })
    }

    /// The number that one of the operation's operands is when it is used: behind its own steps.
    pub fn value(&self, operand: Operand, parameters: &[Vec<i64>], channel: usize) -> i128 {
        self.value_of(operand, &|operand| i128::from(bind(operand, parameters, channel)))
    }

    fn value_of(&self, operand: Operand, get: &dyn Fn(Operand) -> i128) -> i128 {
        self.value_steps.iter().fold(get(operand), |value, step| step.applied(value, get).value)
    }

    fn fitted(&self, exact: i128) -> Stepped {
        match self.fit() {
            None => Stepped { exact, value: exact, flags: Flags::NONE },
            Some(fit) => {
                let Fitted { value, flags } = fit.of(exact);
                Stepped { exact, value: i128::from(value), flags }
            }
        }
    }
}

/// `round(f32(x) · scale)`: int → float32 to nearest even, one float32 product, one rounding to integer.
///
/// Source: XNNPACK fp32 and ONNX Runtime's MlasRequantizeOutput. Infinity becomes a value outside every format.
pub fn float_scale(x: i128, scale_bits: u32, rounding: Rounding) -> i128 {
    float_to_integer(x as f32 * f32::from_bits(scale_bits), rounding)
}

/// Rounds a float32 to an integer, exactly; NaN is 0, infinity ±2^100.
pub fn float_to_integer(value: f32, rounding: Rounding) -> i128 {
    // Every float32 is a float64.
    double_to_integer(value.into(), rounding)
}

/// Rounds a float64 to an integer, exactly; NaN is 0, infinity ±2^100.
pub fn double_to_integer(value: f64, rounding: Rounding) -> i128 {
    if value.is_nan() {
        return 0;
    }
    if value.is_infinite() || value.abs() >= 1e30 {
        return if value > 0.0 { 1 << 100 } else { -(1 << 100) };
    }
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = i128::from(bits & ((1 << 52) - 1));
    let (mantissa, power) =
        if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let signed = if value.is_sign_negative() { -mantissa } else { mantissa };
    if power >= 0 {
        signed << power
    } else {
        // The mantissa has 53 bits, so every count from 55 on gives the same answer.
        shift_right(signed, power.unsigned_abs().min(MAX_SHIFT), rounding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::Float;

    #[test]
    fn only_halves_are_ties_of_a_float_product() {
        // The distance of -0.49999997 from -1 is rounded to a half.
        let almost = 0.5_f32.next_down();
        for (x, scale, tie) in [
            (-1, almost, None),
            (1, almost, None),
            (-1, 0.5, Some(Tie { negative: true, odd: true })),
            (-3, 0.5, Some(Tie { negative: true, odd: false })),
            (1, 0.5, Some(Tie { negative: false, odd: false })),
            (3, 0.5, Some(Tie { negative: false, odd: true })),
            (0, 0.5, None),
            (-1, 1e-30, None),
        ] {
            let float = Float::scale(Operand::Parameter(0));
            let met = Rounded::Float(&float).tie(x, |_| scale.to_bits().into());
            assert_eq!(met, tie, "{x} * {scale}");
        }
    }
}
