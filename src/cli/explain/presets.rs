//! The named requantisation schemes: the steps are printed from what the preset really expands to.

use super::Topic;
use crate::num::{Format, Rounding};
use crate::post::{Choice, Op, Operand, Preset};

fn topic(preset: Preset, summary: &'static str, text: &'static str, example: fn() -> String) -> Topic {
    Topic { name: preset.name(), kind: "preset", summary, text, example }
}

/// The steps for an s8 output.
fn steps(preset: Preset) -> String {
    let output = Format::signed(8).expect("8 bits");
    let choice = Choice { preset, output, rounding: Rounding::HalfUp, latency: vec![] };
    let operands: Vec<Operand> = (0..preset.parameters().len()).map(Operand::Parameter).collect();
    let mut text =
        format!("expands, for an s8 output{}, to", if preset == Preset::Shift { " and half_up" } else { "" });
    for step in choice.steps(&operands) {
        let format = match step.format {
            Some(format) => format!("into {format}"),
            None => "exact".to_string(),
        };
        text += &format!("\n  {}  {} {format}", step.id, operation(&step.op, preset.parameters()));
    }
    text
}

fn operation(op: &Op, parameters: &[&str]) -> String {
    let of = |operand: Operand| match operand {
        Operand::Constant(value) => value.to_string(),
        Operand::Parameter(index) => parameters[index].to_string(),
        Operand::Exponent { .. } => "exponent".to_owned(),
    };
    op.instruction(&of)
}

#[rustfmt::skip]
pub fn topics() -> Vec<Topic> {
    vec![
        topic(Preset::Shift, "one rounding right shift, zero point, clamp",
            "For power-of-two scales. The rounding is the design's choice.", || steps(Preset::Shift)),
        topic(Preset::MultiplyShift, "an integer multiplier and one rounding shift (half_up), zero point, clamp",
            "Multiplier and shift come from the layer's float32 scale, widened to double, by TFLite's\n\
             QuantizeMultiplier. The same as TFLite built with TFLITE_SINGLE_ROUNDING.",
            || steps(Preset::MultiplyShift)),
        topic(Preset::TfliteDouble, "TFLite's MultiplyByQuantizedMultiplier with two roundings (gemmlowp)",
            "Saturating rounding doubling high multiply (half_up), then a rounding divide by a power of two\n\
             (half_away). Not every TFLite kernel does this: see `goldpath explain double_rounding`.",
            || steps(Preset::TfliteDouble)),
        topic(Preset::Onnxruntime, "float32 scale, ties to even, zero point after rounding",
            "round(f32(acc) * scale) in float32. ONNX Runtime's CPU provider (MLAS) and XNNPACK fp32. It has no\n\
             integer twin: no RTL comes with it.",
            || steps(Preset::Onnxruntime)),
    ]
}
