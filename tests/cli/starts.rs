//! A bias that the accumulator does not hold, as every command says it: an event of node `accumulator.start`.
//!
//! `tests/data/bias`: the bias 60000 into s16, then four products of −35 in each of two outputs. 32767 − 140 = 32627 is
//! what the accumulator ends with, 59860 what the sum is.

use std::path::Path;

use serde_json::{Value, json};

use super::{goldpath, stderr, stdout};

const DESIGN: &str = "hw_models/mac_s8_acc16sat";
const PRODUCT: [&str; 6] = [
    "--activations",
    "tests/data/bias/A.npy",
    "--weights",
    "tests/data/bias/W.npy",
    "--bias",
    "tests/data/bias/B.npy",
];

fn done(arguments: &[&str]) -> String {
    let output = goldpath(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

fn answer(arguments: &[&str]) -> Value {
    serde_json::from_str(&done(arguments)).unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn run_counts_it_in_both_engines_and_overflow_npy_does_not() {
    let folder = tempfile::tempdir().unwrap();
    for engine in ["cycle", "functional"] {
        for rule in ["saturate", "wrap"] {
            let out = folder.path().join(format!("{engine} {rule}"));
            let set = format!("accumulator.overflow=\"{rule}\"");
            let more = ["--params", "tests/data/bias/P.npz", "--set", &set, "--engine", engine];
            let line = [&["run", DESIGN][..], &PRODUCT, &more, &["--out", out.to_str().unwrap()]].concat();
            let text = done(&line);
            assert!(text.contains("overflow at accumulator.start: 2 high, 0 low\n"), "{text}");
            assert!(text.contains("first: high at accumulator.start, output [0, 0], beat 0"), "{text}");
            let nodes = read(&out.join("overflow.json"));
            assert_eq!(nodes["accumulator.start"], json!({ "high": 2, "low": 0 }), "{engine} {rule}");
            // Wrapped to −5536, the sum stays inside.
            assert_eq!(nodes["accumulator"], json!({ "high": 0, "low": 0 }), "{engine} {rule}");
            let counts = goldpath::import::npy::read_npy(&out.join("overflow.npy")).unwrap();
            assert_eq!(counts.to_i64().unwrap().into_raw_vec_and_offset().0, [0, 0]);
            let sums = goldpath::import::npy::read_npy(&out.join("acc.npy")).unwrap().to_i64().unwrap();
            let end = if rule == "wrap" { 60_000 - 140 - 65_536 } else { 32_627 };
            assert_eq!(sums.into_raw_vec_and_offset().0, [end, end]);
        }
    }
}

#[test]
fn overflow_names_node_operands_and_class() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("found");
    let more = ["--params", "tests/data/bias/P.npz", "--out", out.to_str().unwrap()];
    let text = done(&[&["overflow", DESIGN][..], &PRODUCT, &more].concat());
    assert!(text.contains("accumulator.start (s16, saturate): 2 high, 0 low"), "{text}");
    assert!(text.contains("60000, 27233 outside -32768..32767, becomes 32767"), "{text}");
    assert!(text.contains("2 of 2 outputs overflow"), "{text}");
    let (report, _) = text.split_once("\nanswer: ").unwrap();
    assert_eq!(report, std::fs::read_to_string(out.join("report.txt")).unwrap());
    let report = read(&out.join("report.json"));
    let layer = &report["layers"][0];
    let node = layer["nodes"].as_array().unwrap().iter().find(|n| n["node"] == "accumulator.start").unwrap();
    assert_eq!((&node["high"], &node["low"], &node["outputs"]), (&json!(2), &json!(0), &json!(2)));
    assert_eq!(node["largest"]["excess"], json!(27_233));
    assert_eq!((&layer["outputs_with_events"], &report["total"]["high"]), (&json!(2), &json!(2)));
    // 59860 / 512 is 117, 32627 / 512 is 64.
    assert_eq!(layer["classes"]["unevaluated"], json!(2));
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("2 events at accumulator.start"), "the page names the node");
    let witnesses = read(&out.join("witness.json"));
    let first = &witnesses["witnesses"][0];
    assert_eq!(
        (&first["expected"]["exact"], &first["expected"]["accumulator"]),
        (&json!(59_860), &json!(32_627))
    );
    assert_eq!(first["event"]["node"], "accumulator.start");
}

#[test]
fn a_witness_of_it_becomes_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (found, bundle) = (folder.path().join("found"), folder.path().join("bundle"));
    let more = ["--params", "tests/data/bias/P.npz", "--out", found.to_str().unwrap()];
    done(&[&["overflow", DESIGN][..], &PRODUCT, &more].concat());
    let witness = format!("{}#product/first", found.join("witness.json").display());
    let text = done(&["vectors", DESIGN, "--witness", &witness, "--out", bundle.to_str().unwrap()]);
    assert!(text.contains("accumulator.start: 1 high, 0 low"), "{text}");
    let manifest = read(&bundle.join("manifest.json"));
    assert_eq!(manifest["events"]["accumulator.start"], json!({ "high": 1, "low": 0 }));
}

#[test]
fn check_says_it_of_the_layer_and_as_a_lint() {
    let more = [
        "--weights",
        "tests/data/bias/W.npy",
        "--bias",
        "tests/data/bias/B.npy",
        "--params",
        "tests/data/bias/P.npz",
    ];
    let line = [&["check", DESIGN][..], &more].concat();
    let text = done(&line);
    assert!(text.contains("warning[bias-overflow] accumulator.start"), "{text}");
    assert!(text.contains("the bias (60000..60000) does not fit s16 in 1 of 1 channels"), "{text}");
    assert!(text.contains("17 bits hold every bias"), "{text}");
    let found = answer(&[&line[..], &["--format", "json"]].concat());
    let nodes = found["bounds"]["layers"][0]["nodes"].as_array().unwrap();
    let start = nodes.iter().find(|n| n["node"] == "accumulator.start").unwrap();
    assert_eq!((&start["high"], &start["channels_high"]), (&json!(60_000), &json!(1)));
    assert_eq!(found["lints"][0]["name"], "bias-overflow");
    assert_eq!(goldpath(&[&line[..], &["--deny-lints"]].concat()).status.code(), Some(1));
    let wide = done(&[&line[..], &["--set", "accumulator.width=17"]].concat());
    assert!(wide.contains("lints: 0"), "{wide}");
}

/// Overrides that the witness brings and the named design does not take were typed by nobody here: that is said.
#[test]
fn a_witness_says_which_overrides_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (found, bundle) = (folder.path().join("found"), folder.path().join("bundle"));
    let more = ["--params", "tests/data/bias/P.npz", "--out", found.to_str().unwrap()];
    let set = ["--set", "post.0.rounding=\"floor\""];
    done(&[&["overflow", DESIGN][..], &PRODUCT, &more, &set].concat());
    let witness = format!("{}#product/first", found.join("witness.json").display());
    let other = "hw_models/tree8_s8_acc24";
    let refused = goldpath(&["vectors", other, "--witness", &witness, "--out", bundle.to_str().unwrap()]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("its witnesses are of design mac_s8_acc16sat with --set post.0.rounding="),
        "{said}"
    );
    assert!(said.contains("name the design that `overflow` ran on"), "{said}");
    done(&["vectors", DESIGN, "--witness", &witness, "--out", bundle.to_str().unwrap()]);
}
