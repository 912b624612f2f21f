//! The ten rounding modes and the overflow rules of a design file.

use super::{Topic, aliases};
use crate::num::{Format, Meaning, Overflow, Rounding, fit, shift_right};

fn rounding(mode: Rounding, summary: &'static str, text: &'static str) -> Topic {
    let example = move || format!("{}\n{}", row(mode), aliases::of(Meaning::Rounding(mode)));
    Topic { name: mode.name(), kind: "rounding mode", summary, text, example: Box::new(example) }
}

/// One row of the rounding table.
fn row(mode: Rounding) -> String {
    let mut values = String::from("v         ");
    let mut rounded = format!("{mode:<10}");
    for quarter in [-10, -6, -5, -3, -2, -1, 1, 2, 3, 5, 6, 10] {
        values += &format!("{:>6}", f64::from(quarter) / 4.0);
        rounded += &format!("{:>6}", shift_right(i128::from(quarter), 2, mode));
    }
    format!("{values}\n{rounded}\n-832 / 2^7 is {}", shift_right(-832, 7, mode))
}

#[rustfmt::skip]
fn roundings() -> Vec<Topic> {
    vec![
        rounding(Rounding::Floor, "toward minus infinity",
            "v >> s\n\
             The arithmetic right shift, and what leaving out low bits of two's complement does.\n\
             trap: truncation (TRN) of ap_fixed, ac_fixed and apytypes is this, of C and Verilog's / it is trunc"),
        rounding(Rounding::Ceil, "toward plus infinity",
            "-((-v) >> s)\n\
             trap: apytypes calls it TRN_INF, which is not away from zero"),
        rounding(Rounding::Trunc, "toward zero",
            "sign(v) * (|v| >> s)\n\
             C division, and Verilog's /.\n\
             trap: floor plus the sign bit (TRN_MAG of apytypes) is not this for exact negative values"),
        rounding(Rounding::Away, "away from zero",
            "sign(v) * ((|v| + 2^s - 1) >> s)"),
        rounding(Rounding::HalfUp, "to nearest, ties toward plus infinity",
            "(v + 2^(s-1)) >> s\n\
             NEON vrshl; Vitis DPU_ROUND; TFLite with a single rounding.\n\
             trap: not half_away, they differ on negative ties"),
        rounding(Rounding::HalfDown, "to nearest, ties toward minus infinity",
            "-((-v + 2^(s-1)) >> s)"),
        rounding(Rounding::HalfAway, "to nearest, ties away from zero",
            "sign(v) * ((|v| + 2^(s-1)) >> s)\n\
             C round(); gemmlowp RoundingDivideByPOT; NVDLA.\n\
             trap: RND_INF rounds to nearest, only its ties go away from zero"),
        rounding(Rounding::HalfZero, "to nearest, ties toward zero",
            "sign(v) * ((|v| + 2^(s-1) - 1) >> s)"),
        rounding(Rounding::HalfEven, "to nearest, ties to even",
            "(v + 2^(s-1) - 1 + ((v >> s) & 1)) >> s\n\
             RNE; IEEE 754; NumPy round; ONNX Runtime; XNNPACK fp32; Gemmini.\n\
             trap: round() is this in NumPy and PyTorch, half_away in C and MATLAB"),
        rounding(Rounding::HalfOdd, "to nearest, ties to odd",
            "(v + 2^(s-1) - ((v >> s) & 1)) >> s"),
    ]
}

fn overflow(rule: Overflow, summary: &'static str, text: &'static str) -> Topic {
    let example = move || format!("{}\n{}", rail_row(rule), aliases::of(Meaning::Overflow(rule)));
    Topic { name: rule.name(), kind: "overflow rule", summary, text, example: Box::new(example) }
}

fn rail_row(rule: Overflow) -> String {
    let s8 = Format::signed(8).expect("8 bits");
    let of = |value| fit(value, s8, rule).value;
    format!("in s8: 127 -> {}, 128 -> {}, -128 -> {}, -129 -> {}", of(127), of(128), of(-128), of(-129))
}

#[rustfmt::skip]
fn overflows() -> Vec<Topic> {
    vec![
        overflow(Overflow::Wrap, "R4: reduction modulo two to the width",
            "v mod 2^w, read in the format\n\
             trap: AP_WRAP with N > 0 keeps bits of the sign, and is another rule"),
        overflow(Overflow::Saturate, "R5: clamp to the format's range at every step",
            "min(max(v, low), high)\n\
             trap: the order of the products matters: see `goldpath explain order`"),
        overflow(Overflow::SaturateSymmetric, "R5: clamp to [-max, max] at every step",
            "min(max(v, -high), high); unsigned, it is saturate\n\
             The most negative code never occurs; it is flagged low when it would."),
        Topic {
            name: "saturate_output",
            kind: "overflow rule",
            summary: "the register wraps, the finished value is clamped",
            text: "accumulator.register_width is the width of the register, which wraps at every step (R4); after the last\n\
                   beat the value is clamped to accumulator.width. Events of the clamp are node accumulator.output's.",
            example: Box::new(String::new),
        },
    ]
}

pub fn topics() -> Vec<Topic> {
    [roundings(), overflows()].into_iter().flatten().collect()
}
