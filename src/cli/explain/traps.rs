//! What went wrong for others, with a number each.

use super::Topic;
use crate::num::{Format, Overflow, Rounding, accumulate, fit, product, shift_right};

fn s(width: u32) -> Format {
    Format::signed(width).expect("a width below 65")
}

fn topic(name: &'static str, summary: &'static str, text: &'static str, example: fn() -> String) -> Topic {
    Topic { name, kind: "trap", summary, text, example: Box::new(example) }
}

#[rustfmt::skip]
fn arithmetic() -> Vec<Topic> {
    vec![
        topic("half_up_is_not_half_away", "they differ on every negative tie",
            "gemmlowp's header says half up, its code is half away. QONNX's HALF_UP is half_away.",
            || format!("-832 / 2^7 = -6.5: half_up {}, half_away {}",
                shift_right(-832, 7, Rounding::HalfUp), shift_right(-832, 7, Rounding::HalfAway))),
        topic("double_rounding", "two roundings in a row are not one",
            "TFLite's default rounds in the high multiply and again in the shift; TFLITE_SINGLE_ROUNDING, ARM NEON\n\
             and the float paths round once. One .tflite file has several right answers (tensorflow #25087).",
            || {
                let p = product(7984, 1_583_594_044);
                let twice = shift_right(shift_right(p, 31, Rounding::HalfUp), 9, Rounding::HalfAway);
                format!("7984 * 1583594044 / 2^40: rounded twice {twice}, once {}", shift_right(p, 40, Rounding::HalfUp))
            }),
        topic("added_half_overflows", "the half that is added for rounding can overflow the register",
            "Compare the fraction with the half, or add in a wider type.",
            || {
                let wrapped = fit(32_767 + 8, s(16), Overflow::Wrap).value;
                format!("s16: (32767 + 8) >> 4 is {} if the sum wraps, {} if it does not",
                    shift_right(i128::from(wrapped), 4, Rounding::Floor), shift_right(32_767, 4, Rounding::HalfUp))
            }),
        topic("shift_counts", "count 0 and counts beyond the width need a stated answer",
            "Here: 0 is the identity, and any count up to 127 is a division. Hosts mask the count instead.",
            || format!("-1 / 2^100: floor {}, half_up {}",
                shift_right(-1, 100, Rounding::Floor), shift_right(-1, 100, Rounding::HalfUp))),
        topic("clamp_then_add", "clamp first, add the zero point then, and the sum leaves the format again",
            "Add, then clamp.",
            || format!("200 clamped to 127, plus zero point 10, wraps to {} in s8",
                fit(i128::from(fit(200, s(8), Overflow::Saturate).value) + 10, s(8), Overflow::Wrap).value)),
        topic("minus_128_squared", "-128 * -128 = 2^14 is the corner that narrow-range tools miss",
            "A pair of such products needs 17 bits, four need 18. Weights kept at -127 and above avoid it.",
            || format!("-128*-128 + -128*-128 in s16, wrapping: {}", fit(2 * product(-128, -128), s(16), Overflow::Wrap).value)),
        topic("order", "a saturating sum depends on the order of its terms",
            "Random INT8, K = 64, 16-bit: reversing the order changes 87 % of the results; summing exactly and\n\
             clamping once is wrong for 69 %.",
            || {
                let sum = |terms: [i128; 3]| accumulate(0, terms, s(8), Overflow::Saturate, |_, _| ());
                format!("s8: 100 + 100 - 100 is {}, 100 - 100 + 100 is {}", sum([100, 100, -100]), sum([100, -100, 100]))
            }),
        topic("zero_point_bit", "a zero point subtracted before the multiply makes the operand one bit wider",
            "s8 - zero point is s9. Folding sum(w) * zero point into the bias keeps 8 bits, but changes every partial\n\
             sum, and so every overflow on the way.",
            || format!("-128 - 127 = -255 needs {}", Format::holding(-255, 255).expect("9 bits"))),
        topic("bias_last", "a bias added last can need a bit more than one preloaded",
            "The sum of products in [0, 120] with bias -60: preloaded, the accumulator moves in [-60, 60]; added\n\
             last, it has to hold 120 first.",
            || format!("preloaded {}, added last {}", Format::holding(-60, 60).expect("7 bits"),
                Format::holding(-60, 120).expect("8 bits"))),
        topic("final_sum_bounds", "a bound on the final sum does not bound a saturating accumulator",
            "It is enough for wrap. For saturation at every step it is enough only if 0 lies in every input's range.\n\
             w = (4, -3), x in [2, 3]: the final sum fits 4 bits, and yet x = (3, 2) is 6 with wrap, 1 with saturation.",
            || {
                let sum = |rule| accumulate(0, [12, -6], s(4), rule, |_, _| ());
                format!("s4: 12 - 6 is {} wrapping, {} saturating", sum(Overflow::Wrap), sum(Overflow::Saturate))
            }),
        topic("pair_saturation", "x86 vpmaddubsw saturates the sum of two products to 16 bits",
            "u8 * s8 pairs of adjacent k; FBGEMM, oneDNN and ONNX Runtime on machines without VNNI, whose answers goldpath,\n\
             exact everywhere, does not give (`goldpath doctor` says whether this is one). reduce_range keeps clear of it;\n\
             u8 weights with zero point 128 (w + 128) take another kernel, which is exact. designs/x86_vpmaddubsw.toml is\n\
             that kernel as a design.",
            || {
                let pair = |a: i128, b: i128| i128::from(fit(a + b, s(16), Overflow::Saturate).value);
                let (first, second) = ((255 * 113, 255 * 113), (-255 * 113, -255 * 113 + 98));
                format!("211*71 + 171*107 = {} becomes {}\n255*113 + 255*113 - 255*113 - (255*113 - 98) = {} becomes {}",
                    211 * 71 + 171 * 107, pair(211 * 71, 171 * 107),
                    first.0 + first.1 + second.0 + second.1, pair(first.0, first.1) + pair(second.0, second.1))
            }),
    ]
}

#[rustfmt::skip]
fn verification() -> Vec<Topic> {
    vec![
        topic("dropped_bits_are_floor", "leaving out low bits of two's complement rounds to minus infinity, not to zero",
            "x[15:2] of a signed x is floor; trunc, C's division and Verilog's / round toward zero. They differ on every\n\
             negative value that is not exact.",
            || format!("-5 / 2^2: floor {}, trunc {}",
                shift_right(-5, 2, Rounding::Floor), shift_right(-5, 2, Rounding::Trunc))),
        topic("small_operands", "uniform random small operands prove nothing about overflow",
            "Assert that the overflow was hit, in both directions. `goldpath vectors --case saturating` does.",
            String::new),
        topic("events_not_outputs", "count overflows per event and per node, not per output",
            "An output can be right after two overflows that cancel, and one output can hide hundreds of events.",
            String::new),
        topic("missing_vectors", "$readmemh of a missing file passes silently, in both simulators",
            "So a bundle has a header with a magic number, counts and sums, which the testbench recomputes before it\n\
             starts: vectors-not-loaded is a failure of its own.",
            String::new),
        topic("exit_codes", "a simulator's exit status alone says nothing",
            "$error: Icarus 0, Verilator aborts with 134. $stop: Icarus 0. A pass here is exit status 0 and exactly\n\
             one line RESULT PASS n=<the expected count>.",
            String::new),
        topic("nonblocking_in_initial", "Verilator before 5.050 makes `<=` blocking inside `initial`",
            "The textbook loop `a <= x; @(posedge clk)` gives another sum than in Icarus (verilator #5210). Drive at\n\
             the falling edge with blocking assignments, sample before the rising edge.",
            String::new),
        topic("two_state", "Verilator is two-state: a check for X is always clean there",
            "Before reset it shows 0 where Icarus shows x. Compare from the first cycle after reset.",
            String::new),
        topic("signedness", "one unsigned operand makes the whole Verilog expression unsigned",
            "A part-select is unsigned, and >>> on unsigned is logical. Cast explicitly.",
            String::new),
    ]
}

pub fn topics() -> Vec<Topic> {
    [arithmetic(), verification()].into_iter().flatten().collect()
}
