//! Sums whose parts meet in a memory: every accumulator width against runs of their own, words that hold everything and words
//! that do not.

use std::path::Path;

use goldpath::design::Design;
use goldpath::error::Result;

use super::points::sweep_of;
use super::steps::lossy;

/// K in visits of `tile_k` products, whose sums meet in words of `format`.
fn text(format: &str, overflow: &str, tile_k: usize) -> String {
    format!(
        r#"schema = 1
name = "words"
post = [
  {{ step = "bias" }},
  {{ step = "multiply", value = "multiplier" }},
  {{ step = "shift_right", value = "shift", rounding = "half_up", format = "s32", overflow = "wrap" }},
  {{ step = "zero_point" }},
  {{ step = "clamp", low = "low", high = "high", format = "s8", overflow = "saturate" }},
]
[operands]
activation = {{ width = 8, signed = true }}
weight = {{ width = 8, signed = true }}
[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "zero"
[array]
dataflow = "output_stationary"
rows = 4
columns = 4
hop = {{ activation = 1, weight = 1 }}
skew = "internal"
[memory]
format = "{format}"
overflow = "{overflow}"
depth = 4
[order]
tile_k = {tile_k}
[parameters]
multiplier = {{ format = "s32", per = "channel", min = 0 }}
shift = {{ format = "u6", per = "channel", max = 62 }}
zero_point = {{ format = "s8" }}
low = {{ format = "s8" }}
high = {{ format = "s8" }}
"#
    )
}

fn builder(format: &str, overflow: &str, tile_k: usize) -> impl Fn(&[String]) -> Result<Design> + use<> {
    let text = text(format, overflow, tile_k);
    move |own| Design::parse(&text, Path::new("words.toml"), own)
}

#[test]
fn widths_beside_a_memory_that_holds_everything_equal_separate_runs() {
    let widths: Vec<u32> = (8..=24).collect();
    let few = sweep_of("cnn_s8_qoperator", &builder("s32", "wrap", 8), 2, &widths, &["wrap", "saturate"]);
    let many = sweep_of("cnn_s8_qoperator", &builder("s32", "wrap", 48), 2, &widths, &["saturate"]);
    println!("{few:?}; {many:?}");
    assert!(few.high > 1000 && few.low > 1000 && few.replayed > 0, "{few:?}");
    assert!(many.high > 1000 && many.low > 1000, "{many:?}");
}

/// The exact network has words that hold everything; what the design's own take from sums, no accumulator brings back.
#[test]
fn a_memory_that_loses_a_part_of_sums_is_said_to() {
    lossy(&builder("s11", "saturate", 16), &builder("s32", "wrap", 16), ("memory", "s11"), &[10, 12, 20]);
}
