//! Every key of a design has edits, or a reason why not.

use std::collections::BTreeSet;
use std::path::Path;

use goldpath::design::Design;
use goldpath::neighbours::{self, Hardware, KEYS, Key};
use serde_json::Value;

use crate::{DESIGNS, OTHERS, design};

/// Every leaf of the schema, with `*` for an index or a name.
fn leaves(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    let of_memory = path.starts_with("memory.store") || path.starts_with("memory.load");
    if of_memory || path.split('.').any(|part| INSIDE.contains(&part)) {
        // Steps elsewhere have the keys of a step.
        found.insert(path.trim_end_matches(".*").to_owned());
        return;
    }

    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let name = target.rsplit('/').next().unwrap();
        // Values, not tables of keys.
        if ["Value", "Values", "Format", "FormatTable"].contains(&name) {
            found.insert(path.to_owned());
            return;
        }
        return leaves(root, root.pointer(target.trim_start_matches('#')).unwrap(), path, found);
    }
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let mut is_leaf = true;
    for way in ["anyOf", "oneOf"] {
        for inner in schema.get(way).and_then(Value::as_array).into_iter().flatten() {
            if inner.get("type").and_then(Value::as_str) != Some("null") && inner.get("const").is_none() {
                is_leaf = false;
                leaves(root, inner, path, found);
            }
        }
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        is_leaf = false;
        for (key, inner) in properties {
            leaves(root, inner, &join(key), found);
        }
    }
    if let Some(items) = schema.get("items") {
        is_leaf = false;
        leaves(root, items, &join("*"), found);
    }
    if let Some(rest) = schema.get("additionalProperties").filter(|rest| rest.is_object()) {
        is_leaf = false;
        leaves(root, rest, &join("*"), found);
    }
    if is_leaf {
        found.insert(path.to_owned());
    }
}

/// Keys of a step that hold steps.
const INSIDE: [&str; 6] = ["value_steps", "negative", "otherwise", "programs", "steps", "ops"];

fn matches(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), key.split('.').collect());
    pattern.len() == key.len() && pattern.iter().zip(&key).all(|(p, k)| *p == "*" || *k == "*" || p == k)
}

#[test]
fn every_key_has_edits_or_a_reason() {
    let schema = Design::json_schema();
    let mut keys = BTreeSet::new();
    leaves(&schema, &schema, "", &mut keys);
    assert!(keys.len() > 40, "{keys:?}");
    let unknown: Vec<&String> =
        keys.iter().filter(|key| !KEYS.iter().any(|(pattern, _)| matches(pattern, key))).collect();
    assert!(unknown.is_empty(), "keys without edits and without a reason: {unknown:?}");
    let stale: Vec<&str> = KEYS
        .iter()
        .map(|(pattern, _)| *pattern)
        .filter(|pattern| !keys.iter().any(|key| matches(pattern, key)))
        .collect();
    assert!(stale.is_empty(), "no such key: {stale:?}");
}

/// A design with everything that the committed ones lack.
const REST: &str = r#"
schema = 1
name = "rest"
post = [
  { step = "subtract", value = 3, format = "s34", latency = 0 },
  { step = "max", value = 0 },
  { step = "min", value = 100 },
  { step = "shift_right", value = 1, rounding = "half_up", adder = "s6", if = "halved", bypass = "register", latency = 1 },
  { step = "add", value = 1, value_steps = [{ step = "shift_left", value = 1 }] },
  { step = "thresholds", values = [-1, 3], offset = -1 },
  { step = "lut", first = 0, values = [4, -3], below = 7, above = -1 },
  { step = "branch", negative = [{ step = "shift_left", value = 1 }], otherwise = [{ step = "add", value = 1 }] },
  { step = "float", ops = [{ multiply = 1065353216 }, { add_integer = 1 }], rounding = "half_even", format = "s9", overflow = "saturate" },
  { step = "fit", format = "s8", overflow = "saturate" },
]
[product]
steps = [{ step = "shift_right", value = 2, rounding = "half_even", format = "s12", overflow = "saturate" }]
[operands]
activation = { width = 8, signed = false, offset = -128, format = "s9" }
weight = { width = 8, signed = true }
[accumulator]
width = 20
signed = true
overflow = "saturate_output"
register_width = 32
start = "overwrite"
[array]
dataflow = "output_stationary"
rows = 2
columns = 2
lanes = 1
hop = { activation = 1, weight = 1 }
skew = "host"
drain = { order = "rows", latency = 1 }
"#;

/// Sums that are rounded on their way to a memory, words that are clamped, weights that are powers of two.
const WORDS: &str = r#"
schema = 1
name = "words"
[operands]
activation = { width = 8, signed = true }
weight = { width = 4, signed = true, coding = "power_of_two" }
[product]
multiplier = "shift"
[accumulator]
width = 24
signed = true
overflow = "wrap"
start = "overwrite"
[array]
dataflow = "weight_stationary"
rows = 2
columns = 2
hop = { activation = 1 }
skew = "internal"
load = { kind = "shift", buffers = 2, switch = "wave" }
[memory]
format = "s16"
overflow = "saturate"
depth = 8
store = [{ step = "shift_right", value = 4, rounding = "half_even" }]
load = [{ step = "clamp", low = -9000, high = 9000 }]
"#;

/// Two products of one slice.
const PACKED: &str = r#"
schema = 1
name = "pair"
operands = { activation = { width = 8, signed = true }, weight = { width = 8, signed = true } }
product = { multiplier = "dsp48e2", packing = { products = 2, offset = 18, share = "activation", correction = "borrow" } }
accumulator = { width = 18, signed = true, overflow = "wrap", start = "overwrite" }
array = { dataflow = "tree", columns = 2, lanes = 1 }
order = { max_k = 7 }
"#;

#[test]
fn a_key_that_is_said_to_be_edited_is() {
    let mut edited: BTreeSet<&str> = BTreeSet::new();
    let rest = Design::parse(REST, Path::new("rest.toml"), &[]).unwrap();
    let all = DESIGNS
        .iter()
        .chain(&OTHERS)
        .chain(&["ws8x8_bcast_s8_acc24_mem32"])
        .map(|name| (*design(name)).clone())
        .chain([rest, Design::parse(WORDS, Path::new("words.toml"), &[]).unwrap()])
        .chain([Design::parse(PACKED, Path::new("packed.toml"), &[]).unwrap()]);
    for design in all {
        for neighbour in neighbours::of(&Hardware::of(&design)) {
            edited.insert(neighbour.key);
        }
    }
    let said: BTreeSet<&str> =
        KEYS.iter().filter(|(_, key)| *key == Key::Edited).map(|(pattern, _)| *pattern).collect();
    let silent: Vec<&&str> = said.difference(&edited).collect();
    assert!(silent.is_empty(), "nothing edits {silent:?}");
    let unknown: Vec<&&str> = edited.difference(&said).filter(|key| **key != "product").collect();
    assert!(unknown.is_empty(), "edits of {unknown:?} stand in no table");
}
