//! `goldpath check` with weights: the tables it shows, and what it refuses.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use goldpath::wave::npy_header;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Exit status, standard output, standard error.
fn check(design: &str, arguments: &[&str]) -> (i32, String, String) {
    let design = root().join("hw_models").join(design);
    let mut command = Command::new(env!("CARGO_BIN_EXE_goldpath"));
    let output = command.arg("check").arg(design).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn bounds(design: &str, arguments: &[&str]) -> Value {
    let (status, out, err) = check(design, &[arguments, &["--format", "json"]].concat());
    assert_eq!(status, 0, "{err}");
    serde_json::from_str::<Value>(&out).unwrap()["bounds"].clone()
}

/// Writes an int8 array and returns its path.
fn save(folder: &Path, name: &str, shape: &[usize], values: &[i8]) -> String {
    let codes: Vec<u8> = values.iter().map(|v| v.to_le_bytes()[0]).collect();
    let path = folder.join(name);
    std::fs::write(&path, [npy_header("|i1", shape), codes].concat()).unwrap();
    path.to_str().unwrap().to_string()
}

const NARROW: [&str; 4] = ["--set", "accumulator.width=4", "--set", "post=[]"];

#[test]
fn the_example_that_published_bounds_get_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let w = save(folder.path(), "w.npy", &[2, 1], &[4, -3]);
    let a = save(folder.path(), "a.npy", &[2, 2], &[2, 3, 3, 2]);
    let given = ["--weights", &w, "--activations", &a];
    let at = |overflow: &str| {
        let set = format!("accumulator.overflow=\"{overflow}\"");
        let answer = bounds("mac_s8_acc16sat", &[&given[..], &NARROW, &["--set", &set]].concat());
        assert_eq!(answer["inputs"], "calibrated");
        let layer = &answer["layers"][0];
        let widths: Vec<Value> = layer["bounds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bound| json!([bound["kind"], bound["width"], bound["proof"]]))
            .collect();
        assert_eq!(widths[3], json!(["prefix", 5, "every_prefix"]));
        assert_eq!(widths[4], json!(["final_sum", 4, "final_sum"]));
        assert_eq!(layer["zero_in_every_input"], false);
        (layer["proved_width"].clone(), layer["nodes"][1].clone())
    };
    let (width, node) = at("saturate");
    assert_eq!(width, 5);
    assert_eq!((&node["node"], &node["channels_high"]), (&json!("accumulator"), &json!(1)));
    // −1 to 12 in, as a register that stops at 7 makes it: 7 − 9 at least.
    assert_eq!((&node["low"], &node["high"]), (&json!(-2), &json!(12)));
    assert_eq!(at("wrap").0, 4);
    let (status, text, _) = check("mac_s8_acc16sat", &[&given[..], &NARROW].concat());
    assert_eq!(status, 0);
    for line in [
        "exact with 5 bits (it saturates at every step: prefixes decide), s4 has too few",
        "exact weights, every prefix  5     every prefix  0              -1      12       overflows",
        "exact weights, final sum     4     final sums    0              -1      6        overflows",
        "accumulator        s4      -2         12          reached   1              0",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_model_layer_by_layer() {
    let path = |name: &str| root().join("tests/models").join(name).to_str().unwrap().to_string();
    let (model, input) = (path("cnn_s8_qoperator.onnx"), path("cnn_inputs.npy"));
    let any = bounds("os8x8_s8_acc32", &["--model", &model]);
    let seen = bounds("os8x8_s8_acc32", &["--model", &model, "--input", &input]);
    assert_eq!((&any["inputs"], &seen["inputs"]), (&json!("format"), &json!("calibrated")));
    let widths = |answer: &Value, kind: usize| -> Vec<u64> {
        let layers = answer["layers"].as_array().unwrap();
        layers.iter().map(|layer| layer["bounds"][kind]["width"].as_u64().unwrap()).collect()
    };
    let (loose, tight) = (widths(&any, 3), widths(&seen, 3));
    assert_eq!(loose.len(), 4);
    assert!(tight.iter().zip(&loose).all(|(tight, loose)| tight <= loose) && tight != loose);
    assert_eq!(widths(&any, 0), [19, 19, 23, 21]);
    // One layer alone says the same.
    let name = any["layers"][2]["layer"].as_str().unwrap();
    let one = bounds("os8x8_s8_acc32", &["--model", &model, "--layer", name, "--input", &input]);
    assert_eq!(one["layers"], json!([seen["layers"][2]]));
}

#[test]
fn without_weights_nothing_changes() {
    assert_eq!(bounds("mac_s8_acc32", &[]), Value::Null);
    let (_, text, _) = check("mac_s8_acc32", &[]);
    assert!(!text.contains("bounds over"));
}

#[test]
fn what_it_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let w = save(folder.path(), "w.npy", &[2, 1], &[4, -3]);
    let flat = save(folder.path(), "flat.npy", &[2], &[4, -3]);
    let model: PathBuf = root().join("tests/models/cnn_s8_qoperator.onnx");
    let model = model.to_str().unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&["--weights", "nowhere.npy"], "nowhere.npy"),
        (&["--weights", &flat], "a matrix is needed"),
        (&["--weights", &w, "--activations", &flat], "flat.npy"),
        (&["--weights", &w, "--set", "operands.weight.width=2"], "outside s2"),
        (&["--model", model, "--weights", &w], "cannot be used with"),
        (&["--bias", &w], "--weights"),
        (&["--model", model, "--layer", "none"], "its layers: "),
    ];
    for (arguments, expected) in cases {
        let (status, out, err) = check("mac_s8_acc32", &[arguments, &["--set", "post=[]"]].concat());
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
    // A u8 network has no place in an s8 design without recoding.
    let u8_model = model.replace("cnn_s8", "cnn_u8");
    let (status, _, err) = check("os8x8_s8_acc32", &["--model", &u8_model]);
    assert_eq!(status, 2);
    assert!(err.contains("the design can run no layer"), "{err}");
}

/// Many layers have one number, before their tables.
#[test]
fn all_layers_together_have_one_number() {
    let model = root().join("tests/models/cnn_s8_qdq.onnx").display().to_string();
    let (status, text, err) = check("mac_s8_acc32", &["--model", &model]);
    assert_eq!(status, 0, "{err}");
    let layers = bounds("mac_s8_acc32", &["--model", &model])["layers"].as_array().unwrap().clone();
    let widths = layers.iter().map(|layer| layer["proved_width"].as_u64().unwrap());
    let most = widths.max().unwrap();
    let told = format!("{most} bits are proved exact in all {} of these (", layers.len());
    let (at, first) = (text.find(&told), text.find(": K = "));
    assert!(at.is_some() && at < first, "{told:?} is not before the tables in:\n{text}");
    assert!(text.contains(&format!("s32 has enough in {} of them", layers.len())), "{text}");
}
