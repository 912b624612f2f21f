//! The ten rounding modes and the overflow rules of a design file.

use super::Topic;
use crate::num::{Format, Overflow, Rounding, fit, shift_right};

fn rounding(name: &'static str, summary: &'static str, text: &'static str, example: fn() -> String) -> Topic {
    Topic { name, kind: "rounding mode", summary, text, example: Box::new(example) }
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
        rounding("floor", "toward minus infinity",
            "The arithmetic right shift. ap_fixed TRN.", || row(Rounding::Floor)),
        rounding("ceil", "toward plus infinity", "", || row(Rounding::Ceil)),
        rounding("trunc", "toward zero",
            "C division; ap_fixed TRN_ZERO; MATLAB Fix. QONNX calls it DOWN.", || row(Rounding::Trunc)),
        rounding("away", "away from zero", "QONNX calls it UP.", || row(Rounding::Away)),
        rounding("half_up", "to nearest, ties toward plus infinity",
            "(v + 2^(s-1)) >> s. ap_fixed RND; MATLAB Nearest; NEON vrshl; Vitis DPU_ROUND; TFLite with a single\n\
             rounding. Not what QONNX calls HALF_UP, and not half_away: they differ on negative ties.",
            || row(Rounding::HalfUp)),
        rounding("half_down", "to nearest, ties toward minus infinity",
            "ap_fixed RND_MIN_INF. Not what QONNX calls HALF_DOWN.", || row(Rounding::HalfDown)),
        rounding("half_away", "to nearest, ties away from zero",
            "C round(); gemmlowp RoundingDivideByPOT; ap_fixed RND_INF; MATLAB Round; NVDLA. QONNX calls it HALF_UP.",
            || row(Rounding::HalfAway)),
        rounding("half_zero", "to nearest, ties toward zero",
            "ap_fixed RND_ZERO. QONNX calls it HALF_DOWN.", || row(Rounding::HalfZero)),
        rounding("half_even", "to nearest, ties to even",
            "RNE; IEEE 754; ap_fixed RND_CONV; MATLAB Convergent; ONNX Runtime; XNNPACK fp32; Gemmini.",
            || row(Rounding::HalfEven)),
        rounding("half_odd", "to nearest, ties to odd", "", || row(Rounding::HalfOdd)),
    ]
}

fn overflow(name: &'static str, summary: &'static str, text: &'static str, example: fn() -> String) -> Topic {
    Topic { name, kind: "overflow rule", summary, text, example: Box::new(example) }
}

fn rail_row(rule: Overflow) -> String {
    let s8 = Format::signed(8).expect("8 bits");
    let of = |value| fit(value, s8, rule).value;
    format!("in s8: 127 -> {}, 128 -> {}, -128 -> {}, -129 -> {}", of(127), of(128), of(-128), of(-129))
}

#[rustfmt::skip]
fn overflows() -> Vec<Topic> {
    vec![
        overflow("wrap", "R4: reduction modulo two to the width", "", || rail_row(Overflow::Wrap)),
        overflow("saturate", "R5: clamp to the format's range at every step",
            "The order of the products matters: see `goldpath explain order`.", || rail_row(Overflow::Saturate)),
        overflow("saturate_symmetric", "R5: clamp to [-max, max] at every step",
            "The most negative code never occurs; it is flagged low when it would.",
            || rail_row(Overflow::SaturateSymmetric)),
        overflow("saturate_output", "the register wraps, the finished value is clamped",
            "accumulator.register_width is the width of the register, which wraps at every step (R4); after the last\n\
             beat the value is clamped to accumulator.width. Events of the clamp are node accumulator.output's.",
            String::new),
    ]
}

pub fn topics() -> Vec<Topic> {
    [roundings(), overflows()].into_iter().flatten().collect()
}
