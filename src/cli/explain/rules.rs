//! R1 to R12.

use super::Topic;
use crate::num::{Format, Overflow, Rounding, accumulate, fit, hex, product, product_format, shift_right};

fn s(width: u32) -> Format {
    Format::signed(width).expect("a width below 65")
}

fn topic(name: &'static str, summary: &'static str, text: &'static str, example: fn() -> String) -> Topic {
    Topic { name, kind: "rule", summary, text, example: Box::new(example) }
}

/// How 128 and −300 enter s8.
fn two_fits(overflow: Overflow) -> String {
    let [a, b] = [128, -300].map(|value| fit(value, s(8), overflow).value);
    format!("in s8, 128 becomes {a} and -300 becomes {b}")
}

#[rustfmt::skip]
pub fn topics() -> Vec<Topic> {
    vec![
        topic("R1", "a value is a mathematical integer inside its format",
            "min <= v <= max. Signed formats s1..s64, unsigned u1..u63. In post-processing alone a value may pass\n\
             through float32 (preset onnxruntime); the order of its operations is then stated.",
            || format!("s8 holds {}..{}, u8 holds 0..255", s(8).min(), s(8).max())),
        topic("R2", "a product is exact, as wide as both operands together, signed if either is",
            "p = a * b, width a + b. Nothing is lost and nothing overflows.",
            || format!("-128 * -128 = {} in {}", product(-128, -128), product_format(s(8), s(8)).expect("16 bits"))),
        topic("R3", "one operation at a time, in schedule order, fitted after each",
            "acc <- fit(acc + t). With a saturating rule another order gives another result: order is data.",
            || {
                let sum = |terms: [i128; 3]| accumulate(0, terms, s(8), Overflow::Saturate, |_, _| ());
                format!("in s8, saturating: 100 + 100 - 100 is {}, 100 - 100 + 100 is {}",
                    sum([100, 100, -100]), sum([100, -100, 100]))
            }),
        topic("R4", "wrap reduces modulo two to the width",
            "v mod 2^w, read in the format. What an adder without overflow logic does.",
            || two_fits(Overflow::Wrap)),
        topic("R5", "saturate clamps to the format's own, asymmetric range",
            "min(max(v, min), max). saturate_symmetric clamps to [-max, max], and only when the design says so.",
            || format!("{}; symmetric, -300 becomes {}", two_fits(Overflow::Saturate),
                fit(-300, s(8), Overflow::SaturateSymmetric).value)),
        topic("R6", "the flags high and low describe the unfitted value, in every overflow rule",
            "high = v > high rail, low = v < low rail. Wrapping sets them as saturating does; an accumulator stuck\n\
             at a rail sets them again at every step that pushes further.",
            || {
                let flags = fit(128, s(8), Overflow::Wrap).flags;
                format!("128 wrapped into s8: high = {}, low = {}", flags.high, flags.low)
            }),
        topic("R7", "a rounding shift divides by a power of two in one of ten modes; count 0 is the identity",
            "round(v / 2^s), counts 0..=127, mathematical at any count: floor of -1 stays -1. The half is compared,\n\
             never added at register width. A left shift is a step of its own.",
            || Rounding::ALL.map(|mode| format!("{mode:<10} -832 / 2^7 is {}", shift_right(-832, 7, mode))).join("\n")),
        topic("R8", "post-processing runs its steps in the order written, each fitted into its own format",
            "A step without a format is exact. A product wider than 64 bits must be followed by its shift, with\n\
             which it is fused; otherwise the design is refused.",
            String::new),
        topic("R9", "the bias enters in exactly one place, where the design says",
            "As the accumulator's start (start = \"bias\") it is fitted by the accumulator's own rule and is there\n\
             before the first product: a bias outside its format is an event of node accumulator.start, once for each\n\
             output. As a post step it is added to the finished accumulator.",
            || format!("bias 40000 into s16, saturating: the accumulator starts at {}",
                fit(40_000, s(16), Overflow::Saturate).value)),
        topic("R10", "a bit pattern is the value modulo two to the width, in ceil(w / 4) hex digits",
            "Two's complement, unused top bits zero, lower case, lane 0 in the least significant bits.",
            || format!("-1 in s9 is {}", hex(-1, s(9)))),
        topic("R11", "cycle n is the clock period that ends with rising edge n",
            "Inputs are driven at its falling edge; everything is sampled strictly before edge n. Inputs of cycle n\n\
             affect registers visible in cycle n + 1. In VCD cycle n is at time 10 n.",
            String::new),
        topic("R12", "reset values are part of the design; reset is synchronous, active high, held two edges",
            "Edge 0 is the first edge with reset inactive. Every register resets to 0.",
            String::new),
    ]
}
