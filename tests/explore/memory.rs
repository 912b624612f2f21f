//! Sums whose parts meet in a memory: every accumulator width against runs of their own, words that hold everything and words
//! that do not.

use std::path::Path;

use goldpath::design::Design;
use goldpath::error::Result;
use goldpath::explore::answer::Outcome;
use goldpath::explore::{Candidates, Exact, layers, point};

use super::points::{separate, sha256, sweep_of};
use super::{at, images, network};

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
    let build = builder("s11", "saturate", 16);
    let (network, (x, labels)) = (network("cnn_s8_qoperator"), images("cnn_s8_qoperator", 2));
    let candidates = Candidates::new(&["wrap", "saturate"], &[10, 12, 20], &build).unwrap();
    let exact = Exact::new(&network, &x, &candidates.reference).unwrap();
    let whole = separate(&network, &x, at(&builder("s32", "wrap", 16), 32, "wrap"));
    assert_eq!(exact.answers().iter().map(|a| *a as usize).collect::<Vec<_>>(), whole.answers);
    let all = layers(&exact, &candidates, Some(&labels)).unwrap();
    assert!(!all.exact_when_held && all.differing_when_held > 0, "{}", all.differing_when_held);
    let node = all.unvaried.iter().find(|node| node.node == "memory").unwrap();
    assert_eq!((node.format.as_str(), node.overflow.as_str(), node.always_fits), ("s11", "saturate", false));
    let events: u64 = all.layers.iter().flat_map(|layer| &layer.levels).map(|e| e.high + e.low).sum();
    assert!(events > 100, "{events}");
    for layer in &all.layers {
        assert!(layer.minimal_proved_width.is_none_or(|proved| proved >= layer.minimal_observed_width));
    }
    let mut overflowing = 0;
    for width in [10, 12, 20] {
        for mode in ["wrap", "saturate"] {
            let Outcome::Done(found) =
                point(&exact, candidates.at(width, mode).unwrap(), Some(&labels)).unwrap()
            else {
                panic!("{width} bits, {mode}")
            };
            let own = separate(&network, &x, at(&build, width, mode));
            let mut differing = 0;
            for layer in &found.layers {
                assert_eq!(layer.overflow, own.seen[&layer.name].1, "{} at {width} {mode}", layer.name);
                let node = network.nodes.iter().find(|n| n.name == layer.name).unwrap();
                let name = node.outputs[0].as_ref().unwrap();
                assert_eq!(layer.sha256, sha256(&own.tensors[name]), "{} at {width} {mode}", layer.name);
                let [a, b] = [&own.tensors[name], &whole.tensors[name]].map(|t| t.to_i64().unwrap());
                differing += a.iter().zip(&b).filter(|(a, b)| a != b).count() as u64;
                overflowing += layer.overflow.outputs;
            }
            assert_eq!(found.differing, differing, "{width} {mode}");
        }
    }
    assert!(overflowing > 100, "{overflowing}");
}

/// What steps take from a sum on its way to a word is no overflow.
#[test]
fn steps_on_the_way_to_a_word_are_refused() {
    let text = text("s32", "wrap", 16).replace(
        "depth = 4",
        "depth = 4\nstore = [{ step = \"shift_right\", value = 2, rounding = \"floor\" }]",
    );
    let design = Design::parse(&text, Path::new("words.toml"), &[]).unwrap();
    let (network, (x, _)) = (network("cnn_s8_qoperator"), images("cnn_s8_qoperator", 1));
    let error = Exact::new(&network, &x, &design.into()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("steps on their way to a memory"), "{error}");
}
