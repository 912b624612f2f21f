//! Keys of a design whose values differ in more than their names.

use std::path::Path;

use super::Topic;
use crate::design::Design;

#[rustfmt::skip]
pub fn topics() -> Vec<Topic> {
    vec![Topic {
        name: "accumulator.start",
        kind: "key",
        summary: "what the accumulator holds before the first product of an output",
        text: "zero       a cycle of its own in front of every tile (one output per PE) clears the register: in.first is\n\
               \x20          1 in it while in.valid is 0, and the sum starts from 0\n\
               overwrite  the first product replaces whatever the register holds, as if it were added to 0: the same\n\
               \x20          values as zero, one cycle less a tile\n\
               bias       the first product is added to the bias, fitted into the register by its own rule (R9); no\n\
               \x20          cycle of its own either. The other two need the bias as a post step, or have none\n\
               \n\
               zero and overwrite differ in time only. Choose zero where the hardware has a clear input that takes\n\
               a cycle, overwrite where a multiplexer in front of the adder selects 0 for the first product.",
        example,
    }]
}

fn example() -> String {
    let lines = ["zero", "overwrite", "bias"].map(|start| {
        let cycles = design(start).cycles(4, 9, 2).total;
        format!("start = {start:?}: one MAC takes {cycles} cycles for 4 x 2 outputs of 9 products")
    });
    lines.join("\n")
}

fn design(start: &str) -> Design {
    let text = format!(
        "schema = 1\nname = \"example\"\npost = [{{ step = \"saturate\", width = 8 }}]\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         [accumulator]\nwidth = 32\nsigned = true\noverflow = \"wrap\"\nstart = {start:?}\n\
         [array]\ndataflow = \"sequential\"\n"
    );
    Design::parse(&text, Path::new("example"), &[]).expect("a sound design")
}
