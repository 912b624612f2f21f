//! The steps of a post-processing program, on one page.

use std::path::Path;

use super::Topic;
use crate::design::Design;

/// Steps and what they are used on in the example.
const EXAMPLES: [(&str, i64); 11] = [
    ("step = \"relu\"", -5),
    ("step = \"multiply\", value = 3", 7),
    ("step = \"rounding_shift\", shift = 2, rounding = \"half_up\"", -6),
    ("step = \"zero_point\", value = -128", 200),
    ("step = \"clamp\", min = -100, max = 100", 130),
    ("step = \"add\", value = 5, value_steps = [{ step = \"shift_left\", shift = 3 }]", 1),
    ("step = \"lut\", first = -1, values = [7, 0, 3], below = 9, above = 4", 1),
    ("step = \"thresholds\", values = [-4, 0, 6], offset = -1", 5),
    ("step = \"branch\", negative = [{ step = \"shift_right\", shift = 3, rounding = \"floor\" }]", -20),
    ("step = \"saturate\", width = 8", 130),
    ("step = \"fit\", format = \"s8\", overflow = \"wrap\"", 130),
];

/// What steps are called, but for those that have a page of their own.
pub const WORDS: [&str; 20] = [
    "add",
    "subtract",
    "multiply",
    "max",
    "min",
    "bias",
    "zero_point",
    "relu",
    "shift_left",
    "shift_right",
    "rounding_shift",
    "clamp",
    "fit",
    "saturate",
    "float_scale",
    "float",
    "lut",
    "thresholds",
    "branch",
    "value_steps",
];

#[rustfmt::skip]
pub fn topics() -> Vec<Topic> {
    vec![Topic {
        name: "steps",
        kind: "post step",
        summary: "what [[post]] can do to a finished accumulator",
        text: "add, subtract, multiply, max, min   x op value: a constant or a parameter per layer or channel\n\
               bias, zero_point                    add of the parameter of that name, unless value is given\n\
               relu                                max with 0\n\
               shift_left                          x * 2^shift\n\
               shift_right, rounding_shift         x / 2^shift, rounded: one of the ten modes, always written\n\
               clamp                               low and high (or min and max): min with high, then max with low\n\
               fit                                 only format and overflow\n\
               saturate                            fit with overflow = \"saturate\"; format, or width, and signed (or as x)\n\
               float_scale, float                  x * a float32, or ops in f32 or f64 (precision); rounded once, fitted\n\
               lut                                 a table: values[x - first], below and above beyond it\n\
               thresholds                          how many of values are <= x, and offset; values is a list, or the name of\n\
               \x20                                   a parameter of which there are count (name_0, name_1, ...)\n\
               branch                              steps for x < 0 (negative) and for the rest (otherwise): prelu, leaky\n\
               \n\
               Steps run in the order written, each fitted into its own format (R8); without a format the result\n\
               is exact. overflow must be written unless the format provably holds every result. latency counts\n\
               the registers behind a step. `goldpath check` prints what each step became.\n\
               \n\
               value_steps are what the second operand of add, subtract, multiply, max and min goes through first. adder\n\
               is the format in which a shift_right adds its half, and wraps. With if = \"name\" (\"!name\") a step runs\n\
               when that bit of the layer is 1 (0); else x goes by through its format and registers (bypass = \"register\"), or\n\
               through its format around its registers, so that outputs come earlier (bypass = \"wire\").\n\
               Steps inside a step have no registers, and their events are not counted apart.",
        example: Box::new(example),
    }]
}

fn example() -> String {
    let lines: Vec<String> =
        EXAMPLES.iter().map(|(step, x)| format!("{step}: {x} becomes {}", apply(step, *x))).collect();
    lines.join("\n")
}

/// One step behind a 32-bit accumulator that holds `x`.
fn apply(step: &str, x: i64) -> i64 {
    let text = format!(
        "schema = 1\nname = \"example\"\npost = [{{ {step} }}]\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         [accumulator]\nwidth = 32\nsigned = true\noverflow = \"wrap\"\nstart = \"zero\"\n\
         [array]\ndataflow = \"sequential\"\n"
    );
    let design = Design::parse(&text, Path::new("example"), &[]).expect("a sound design");
    design.post_program().channel(&[], 0).output(x)
}
