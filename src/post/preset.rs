//! Named requantisation schemes: each is a list of the same steps anyone may write.

use super::{Op, Operand, Parameter, Per, Step};
use crate::num::{Format, Overflow, Rounding};

/// A requantisation scheme by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// One rounding right shift, zero point, clamp.
    Shift,
    /// Multiplier and one rounding shift (half up): TFLite with TFLITE_SINGLE_ROUNDING.
    MultiplyShift,
    /// TFLite's MultiplyByQuantizedMultiplier with two roundings (gemmlowp).
    TfliteDouble,
    /// ONNX Runtime: float32 scale, ties to even, zero point after rounding.
    Onnxruntime,
}

/// What a preset's user may choose.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Which scheme.
    pub preset: Preset,
    /// Of the output.
    pub output: Format,
    /// Of the `shift` preset's shift.
    pub rounding: Rounding,
    /// Registers behind each step; missing ones are 0.
    pub latency: Vec<u32>,
}

impl Preset {
    /// Every preset, for tests and tables.
    pub const ALL: [Preset; 4] =
        [Preset::Shift, Preset::MultiplyShift, Preset::TfliteDouble, Preset::Onnxruntime];

    /// The name used in designs.
    pub const fn name(self) -> &'static str {
        match self {
            Preset::Shift => "shift",
            Preset::MultiplyShift => "multiply_shift",
            Preset::TfliteDouble => "tflite_double",
            Preset::Onnxruntime => "onnxruntime",
        }
    }

    /// The parameters that its steps read, in the order of their first use.
    pub const fn parameters(self) -> &'static [&'static str] {
        match self {
            Preset::Shift => &["shift", "zero_point", "low", "high"],
            Preset::MultiplyShift => &["multiplier", "shift", "zero_point", "low", "high"],
            Preset::TfliteDouble => &["left_shift", "multiplier", "right_shift", "zero_point", "low", "high"],
            Preset::Onnxruntime => &["scale", "zero_point", "low", "high"],
        }
    }
}

impl Choice {
    /// The steps; `operands` stands for [`Preset::parameters`], one by one. A format of `None` is the exact one.
    ///
    /// # Panics
    /// When `operands` has another length than the preset has parameters.
    pub fn steps(&self, operands: &[Operand]) -> Vec<Step> {
        assert_eq!(operands.len(), self.preset.parameters().len());
        let s32 = Format::signed(32);
        let (work, [zero_point, low, high]) = split_tail(operands);
        let mut steps = match self.preset {
            Preset::Shift => vec![(Op::ShiftRight(work[0], self.rounding, None), None, Overflow::Wrap)],
            Preset::MultiplyShift => vec![
                (Op::Multiply(work[0]), None, Overflow::Wrap),
                (Op::ShiftRight(work[1], Rounding::HalfUp, None), s32, Overflow::Wrap),
            ],
            // Steps 1 and 2 are SRDHM: (a·b + 2^30) >> 31, saturated at its one corner −2^31 · −2^31.
            Preset::TfliteDouble => vec![
                (Op::ShiftLeft(work[0]), s32, Overflow::Wrap),
                (Op::Multiply(work[1]), Format::signed(64), Overflow::Wrap),
                (Op::ShiftRight(Operand::Constant(31), Rounding::HalfUp, None), s32, Overflow::Saturate),
                (Op::ShiftRight(work[2], Rounding::HalfAway, None), None, Overflow::Wrap),
            ],
            // Clamping an integer after rounding equals clamping the float between integers before it.
            Preset::Onnxruntime => {
                vec![(Op::FloatScale(work[0], Rounding::HalfEven), s32, Overflow::Saturate)]
            }
        };
        steps.push((Op::Add(zero_point), None, Overflow::Wrap));
        steps.push((Op::Clamp { low, high }, Some(self.output), Overflow::Wrap));
        let latency = self.latency.iter().copied().chain(std::iter::repeat(0));
        steps
            .into_iter()
            .zip(latency)
            .enumerate()
            .map(|(n, ((op, format, overflow), latency))| {
                Step::new(&format!("post.{n}"), op, format, overflow, latency)
            })
            .collect()
    }

    /// How many steps it has.
    pub fn step_count(&self) -> usize {
        self.steps(&vec![Operand::Constant(0); self.preset.parameters().len()]).len()
    }

    /// What a parameter is when the design does not declare it; `input` is the accumulator's format.
    pub fn parameter(&self, name: &str, input: Format) -> Option<Parameter> {
        let signed = |width| Format::signed(width).expect("a width below 65");
        let unsigned = |width| Format::unsigned(width).expect("a width below 64");
        let (format, per, min, max, default) = match name {
            "multiplier" => (signed(32), Per::Channel, 0, signed(32).max(), None),
            "shift" if self.preset == Preset::MultiplyShift => (unsigned(6), Per::Channel, 0, 62, None),
            // One more would leave only the sign.
            "shift" => {
                let max = i64::from(input.width()) - 1;
                let format = Format::holding(0, i128::from(max)).expect("63 has a format");
                (format, Per::Channel, 0, max, None)
            }
            "left_shift" | "right_shift" => (unsigned(5), Per::Channel, 0, 31, None),
            // Bit pattern of a finite float32 that is not negative.
            "scale" => (signed(32), Per::Channel, 0, i64::from(f32::MAX.to_bits()), None),
            "zero_point" => (self.output, Per::Layer, self.output.min(), self.output.max(), Some(0)),
            "low" => (self.output, Per::Layer, self.output.min(), self.output.max(), Some(self.output.min())),
            "high" => {
                (self.output, Per::Layer, self.output.min(), self.output.max(), Some(self.output.max()))
            }
            _ => return None,
        };
        Some(Parameter { name: name.to_string(), format, per, min, max, default, aligned: true })
    }
}

fn split_tail(operands: &[Operand]) -> (&[Operand], [Operand; 3]) {
    let (work, tail) = operands.split_at(operands.len() - 3);
    (work, [tail[0], tail[1], tail[2]])
}
