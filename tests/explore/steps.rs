//! Products, sums on their way to a memory and accumulators of lanes that go through formats of their own: every width against
//! runs of its own. What a step rounds is arithmetic, which the exact network does too; what a format cuts, it does not.

use std::path::Path;

use goldpath::design::Design;
use goldpath::error::Result;
use goldpath::explore::answer::Outcome;
use goldpath::explore::{Candidates, Exact, layers, point};

use super::points::{separate, sha256, sweep_of};
use super::{at, images, network};

type Build = dyn Fn(&[String]) -> Result<Design>;

/// A design of which node `(id, format)` takes something from sums, beside `whole`, in which nothing does.
pub fn lossy(build: &Build, whole: &Build, (id, format): (&str, &str), widths: &[u32]) {
    let (network, (x, labels)) = (network("cnn_s8_qoperator"), images("cnn_s8_qoperator", 2));
    let candidates = Candidates::new(&["wrap", "saturate"], widths, build).unwrap();
    let exact = Exact::new(&network, &x, &candidates.reference).unwrap();
    let whole = separate(&network, &x, at(whole, 32, "wrap"));
    assert_eq!(exact.answers().iter().map(|a| *a as usize).collect::<Vec<_>>(), whole.answers);
    let all = layers(&exact, &candidates, Some(&labels)).unwrap();
    assert!(!all.exact_when_held && all.differing_when_held > 0, "{}", all.differing_when_held);
    let node = all.unvaried.iter().find(|node| node.node == id).unwrap();
    assert_eq!((node.format.as_str(), node.always_fits), (format, false));
    let events = all.layers.iter().flat_map(|layer| layer.levels.iter().filter(|events| events.node == id));
    let events: u64 = events.map(|e| e.high + e.low).sum();
    assert!(events > 100, "{events}");
    for layer in &all.layers {
        assert!(layer.minimal_proved_width.is_none_or(|proved| proved >= layer.minimal_observed_width));
    }
    let mut overflowing = 0;
    for (width, mode) in widths.iter().flat_map(|width| ["wrap", "saturate"].map(|mode| (*width, mode))) {
        let candidate = candidates.at(width, mode).unwrap();
        let Outcome::Done(found) = point(&exact, candidate, Some(&labels)).unwrap() else {
            panic!("{width} bits, {mode}")
        };
        let own = separate(&network, &x, at(build, width, mode));
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
    assert!(overflowing > 100, "{overflowing}");
}

/// Four lanes, `products` behind each multiplier, `reduce` behind the last beat, and `memory` where there is one.
fn builder(products: &str, reduce: &str, memory: &str) -> impl Fn(&[String]) -> Result<Design> + use<> {
    let text = format!(
        r#"schema = 1
name = "stepped"
post = [
  {{ step = "bias", format = "s32", overflow = "wrap" }},
  {{ step = "multiply", value = "multiplier" }},
  {{ step = "shift_right", value = "shift", rounding = "half_up", format = "s32", overflow = "wrap" }},
  {{ step = "zero_point" }},
  {{ step = "clamp", low = "low", high = "high", format = "s8", overflow = "saturate" }},
]
[operands]
activation = {{ width = 8, signed = true }}
weight = {{ width = 8, signed = true }}
[product]
steps = [{products}]
{reduce}
[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "zero"
[array]
dataflow = "tree"
lanes = 4
{memory}
[parameters]
bias = {{ format = "s32", per = "channel" }}
multiplier = {{ format = "s32", per = "channel", min = 0 }}
shift = {{ format = "u6", per = "channel", max = 62 }}
zero_point = {{ format = "s8" }}
low = {{ format = "s8" }}
high = {{ format = "s8" }}
"#
    );
    move |own| Design::parse(&text, Path::new("stepped.toml"), own)
}

/// Four accumulators of an output, added in twos by levels of `format`.
fn levels(format: &str) -> String {
    let level =
        format!("[[reduce]]\ngroup = 2\nwhen = \"last\"\nformat = \"{format}\"\noverflow = \"saturate\"\n");
    level.repeat(2)
}

const ROUNDED: &str = r#"{ step = "shift_right", value = 3, rounding = "half_even" }"#;

#[test]
fn rounded_products_equal_separate_runs() {
    let widths: Vec<u32> = (8..=24).step_by(2).collect();
    let hits = sweep_of("cnn_s8_qoperator", &builder(ROUNDED, "", ""), 2, &widths, &["wrap", "saturate"]);
    assert!(hits.high > 1000 && hits.low > 1000 && hits.replayed > 0, "{hits:?}");
}

#[test]
fn products_that_saturate_are_told_beside_every_width() {
    let cut = format!(r#"{ROUNDED}, {{ step = "saturate", width = 6 }}"#);
    let (own, whole) = (builder(&cut, "", ""), builder(ROUNDED, "", ""));
    lossy(&own, &whole, ("product.steps.1", "s6"), &[8, 10, 16]);
}

#[test]
fn accumulators_of_lanes_equal_separate_runs() {
    let widths: Vec<u32> = (8..=20).step_by(2).collect();
    let build = builder("", &levels("s36"), "");
    let hits = sweep_of("cnn_s8_qoperator", &build, 2, &widths, &["wrap", "saturate", "saturate_symmetric"]);
    assert!(hits.high > 1000 && hits.low > 1000 && hits.replayed > 0, "{hits:?}");
}

#[test]
fn levels_behind_the_last_beat_that_saturate_are_told_beside_every_width() {
    let (own, whole) = (builder("", &levels("s12"), ""), builder("", &levels("s36"), ""));
    lossy(&own, &whole, ("reduce.1", "s12"), &[9, 11, 16]);
}

/// Words in units of four, rounded on their way in, that are 3 more when they are read again.
fn memory(format: &str) -> String {
    format!(
        r#"[memory]
format = "{format}"
overflow = "saturate"
depth = 1
store = [{{ step = "shift_right", value = 2, rounding = "half_up" }}]
load = [{{ step = "add", value = 3 }}]
[order]
tile_k = 16
"#
    )
}

#[test]
fn sums_that_go_through_steps_to_their_words_equal_separate_runs() {
    let widths: Vec<u32> = (8..=20).step_by(2).collect();
    let hits =
        sweep_of("cnn_s8_qoperator", &builder("", "", &memory("s32")), 2, &widths, &["wrap", "saturate"]);
    assert!(hits.high > 1000 && hits.low > 1000, "{hits:?}");
}

#[test]
fn words_behind_steps_that_saturate_are_told_beside_every_width() {
    let (own, whole) = (builder("", "", &memory("s9")), builder("", "", &memory("s32")));
    lossy(&own, &whole, ("memory", "s9"), &[10, 12, 20]);
}
