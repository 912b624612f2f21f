//! What `goldpath layers` says of a layer is what other commands then do with it.

use std::path::Path;

use goldpath::functional::graph::{self, Feeds};
use goldpath::functional::operators::Framework;
use goldpath::network::Tensor;
use serde_json::Value as Json;

use super::lazy::{Chain, IMAGES};
use super::onnx::{Data, FLOAT, INT8, Model, Value};
use super::{Case, goldpath, json, stderr, stdout};

fn layers(model: &str, more: &[&str]) -> Json {
    json(&goldpath(&[&["layers", model, "--format", "json"], more].concat()))
}

#[test]
fn a_layers_facts_are_the_models() {
    let mut model = Model::default();
    model.input("x", INT8, &[1, 3]);
    let weights = model.constant(&[3, 2], Data::I8(vec![1, -2, 3, 4, -5, 6]));
    let (sx, zx) = (model.scalar(Data::F32(vec![0.25])), model.scalar(Data::I8(vec![-3])));
    let (sw, zw) =
        (model.constant(&[2], Data::F32(vec![0.5, 2.0])), model.constant(&[2], Data::I8(vec![1, 0])));
    let bias = model.constant(&[2], Data::I32(vec![-9, 100]));
    let inputs = ["x", &*sx, &zx, &weights, &sw, &zw, &bias, &sx, &zx];
    let y = model.node("com.microsoft.QGemm", "fc", &inputs, &[]);
    model.output(&y);
    let case = Case::of(&model.bytes(), "|i1", &[1, 3], vec![1, 2, 3]);
    let answer = layers(&case.path("m.onnx"), &["--design", &case.path("d.toml")]);
    let layer = &answer["layers"][0];
    assert_eq!((layer["name"].as_str(), layer["state"].as_str()), (Some("fc"), Some("integer")));
    assert_eq!(layer["input"]["shape"], serde_json::json!([1, 3]));
    assert_eq!(layer["input"]["zero_point"], serde_json::json!([-3, -3]));
    assert_eq!(layer["weights"]["scale"], serde_json::json!([0.5, 2.0]));
    assert_eq!(layer["weights"]["zero_point"], serde_json::json!([0, 1]));
    assert_eq!(layer["bias"], serde_json::json!([-9, 100]));
    assert_eq!(layer["macs_per_image"], 6);
    // x + 3 is -125..=130; channel 0 has weights 0, 2, -6, channel 1 has -2, 4, 6.
    let low = [-9 + 2 * -125 - 6 * 130, 100 - 2 * 130 - 10 * 125].into_iter().min().unwrap();
    let high = [-9 + 2 * 130 + 6 * 125, 100 + 2 * 125 + 10 * 130].into_iter().max().unwrap();
    assert_eq!((layer["low"].as_i64(), layer["high"].as_i64()), (Some(low), Some(high)), "{layer:#}");
    assert_eq!(layer["accumulator_bits"], 12);
    assert_eq!(layer["designs"][0]["runs"], true, "{layer:#}");
    assert_eq!(layer["designs"][0]["register"], "s32");
}

/// A model in ONNX Runtime's default form, and one of signed codes, on every committed design: where `layers` says that
/// it runs it does, with the options that it names, and where it says that it does not, it does not.
#[test]
fn what_it_says_of_designs_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let (mut ran, mut with, mut refused) = (0, 0, 0);
    for name in ["cnn_u8_qdq", "cnn_s8_qoperator"] {
        let file = |end: &str| root.join("tests/models").join(end).display().to_string();
        let (model, x) = (file(&format!("{name}.onnx")), file("cnn_inputs.npy"));
        let answer = layers(&model, &[]);
        assert_eq!(answer["designs"].as_array().unwrap().len(), 12, "{answer:#}");
        for layer in answer["layers"].as_array().unwrap() {
            assert!(layer["macs_per_image"].as_u64().unwrap() > 0);
            for (fit, design) in
                layer["designs"].as_array().unwrap().iter().zip(answer["designs"].as_array().unwrap())
            {
                let out = folder.path().join("o").display().to_string();
                let mut typed: Vec<String> =
                    ["vectors", design["path"].as_str().unwrap(), "--model", &model, "--layer"]
                        .map(String::from)
                        .into();
                typed.extend(
                    [layer["name"].as_str().unwrap(), "--input", &x, "--images", "0..1"].map(String::from),
                );
                typed.extend(["--out".to_owned(), out.clone()]);
                let vectors = |set: &[Json]| {
                    let set =
                        set.iter().flat_map(|one| ["--set".to_owned(), one.as_str().unwrap().to_owned()]);
                    let typed: Vec<String> = typed.iter().cloned().chain(set).collect();
                    goldpath(&typed.iter().map(String::as_str).collect::<Vec<_>>())
                };
                match (fit["runs"].as_bool().unwrap(), fit["set"].as_array()) {
                    (true, set) => {
                        assert!(set.is_none() && fit["reason"].is_null());
                        let output = vectors(&[]);
                        assert_eq!(output.status.code(), Some(0), "{fit:#}: {}", stderr(&output));
                        ran += 1;
                    }
                    (false, Some(set)) => {
                        let output = vectors(set);
                        assert_eq!(output.status.code(), Some(0), "{fit:#}: {}", stderr(&output));
                        assert!(fit["proved_bits"].as_u64().is_some() && !fit["reason"].is_null());
                        with += 1;
                    }
                    (false, None) => {
                        assert_eq!(vectors(&[]).status.code(), Some(2), "{fit:#}");
                        assert!(!fit["reason"].as_str().unwrap().is_empty());
                        refused += 1;
                    }
                }
            }
        }
    }
    println!("{ran} run, {with} run with --set, {refused} do not");
    assert!(ran > 0 && with > 0);
}

#[test]
fn what_is_no_layer_is_listed_with_its_reason() {
    let mut chain = Chain::new();
    let read = chain.middle.clone();
    chain.model.node_to("org.acme.Foo", "mid", &[&read], &["f"], &[]);
    let weights = chain.model.constant(&[4, 4], Data::F32(vec![0.5; 16]));
    chain.model.node_to("MatMul", "float", &["f", &weights], &["m"], &[]);
    let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
    let (m, d) = (case.path("m.onnx"), case.path("d.toml"));
    let answer = layers(&m, &["--design", &d]);
    let names: Vec<_> =
        answer["layers"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["first", "second"]);
    // What lies behind an unknown operator has no shape, and bounds all the same.
    assert_eq!(answer["layers"][0]["macs_per_image"], 16);
    assert!(answer["layers"][1]["macs_per_image"].is_null());
    assert_eq!(answer["layers"][1]["accumulator_bits"], answer["layers"][0]["accumulator_bits"]);
    assert_eq!(answer["opaque"][0]["kind"], "org.acme.Foo");
    assert_eq!(answer["behind_opaque"], serde_json::json!(["float", "second"]));
    let text = stdout(&goldpath(&["layers", &m, "--design", &d]));
    for words in [
        "2 integer layers",
        "float (MatMul): ",
        "org.acme.Foo (1: mid)",
        "runs 2 of 2 layers",
        "float, second",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn the_schema_names_what_the_answer_has() {
    let case = Case::new(&Chain::new().end("h"), &[2, 4], &IMAGES);
    let answer = layers(&case.path("m.onnx"), &["--design", &case.path("d.toml")]);
    let schema = json(&goldpath(&["schema", "layers"]));
    let keys = |value: &Json| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&schema["properties"]), keys(&answer));
    for (name, value) in [
        ("LayerSeen", &answer["layers"][0]),
        ("Fit", &answer["layers"][0]["designs"][0]),
        ("DesignSeen", &answer["designs"][0]),
    ] {
        assert_eq!(keys(&schema["$defs"][name]["properties"]), keys(value), "{name}");
    }
}

#[test]
fn bad_questions_are_refused() {
    let case = Case::new(&Chain::new().end("h"), &[2, 4], &IMAGES);
    let m = case.path("m.onnx");
    for typed in [
        &["layers", "absent.onnx"][..],
        &["layers", &m, "--design", "absent"],
        &["layers", &m, "--design", &m],
        &["layers", &case.path("x.npy")],
    ] {
        let output = goldpath(typed);
        assert_eq!(output.status.code(), Some(2), "{typed:?}");
        assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    }
    // A model without a layer has an answer, too.
    let mut model = Model::default();
    model.input("x", INT8, &[1, 3]);
    let y = model.node("Identity", "", &["x"], &[]);
    model.output(&y);
    let case = Case::of(&model.bytes(), "|i1", &[1, 3], vec![1, 2, 3]);
    assert_eq!(layers(&case.path("m.onnx"), &[])["layers"].as_array().unwrap().len(), 0);
}

/// What stands in front of a layer is not run where it cannot be: its zero point may be any, and so it is proved.
#[test]
fn a_zero_point_that_nothing_computes_may_be_any() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let weights = model.constant(&[4, 1], Data::I8(vec![127; 4]));
    let unknown = model.node("org.acme.Foo", "", &["x"], &[]);
    model.node_to("DynamicQuantizeLinear", "", &[&unknown], &["codes", "scale", "zero"], &[]);
    model.node_to("MatMulInteger", "sum", &["codes", &weights, "zero"], &["y"], &[]);
    model.output("y");
    let case = Case::new(&model.bytes(), &[1, 4], &[1.0; 4]);
    let checked = json(&case.check(&["--format", "json"]))["bounds"].clone();
    assert_eq!(checked["layers"][0]["proved_width"], 18, "{checked:#}");
    assert!(checked["layers"][0]["computed"].to_string().contains("zero point"), "{checked:#}");
    let listed = layers(&case.path("m.onnx"), &["--design", &case.path("d.toml")]);
    let layer = &listed["layers"][0];
    assert_eq!((layer["name"].as_str(), layer["input"]["zero_point"].is_null()), (Some("sum"), true));
    assert_eq!(layer["designs"][0]["proved_bits"], 18, "{listed:#}");
    // Weights that are no numbers make no layer, and no panic.
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let weights = model.constant(&[4, 1], Data::F32(vec![127.0; 4]));
    let unknown = model.node("org.acme.Foo", "", &["x"], &[]);
    model.node_to("DynamicQuantizeLinear", "", &[&unknown], &["codes", "scale", "zero"], &[]);
    model.node_to("MatMulInteger", "sum", &["codes", &weights, "zero", "zero"], &["y"], &[]);
    model.output("y");
    let case = Case::new(&model.bytes(), &[1, 4], &[1.0; 4]);
    let said = stderr(&case.check(&[]));
    assert!(!said.contains("panicked"), "{said}");
}

/// A recurrent network's state is fed once, layers first, beside inputs whose batch is open: all of it runs at once.
#[test]
fn a_fixed_extent_that_is_there_once_is_no_batch() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 0, 4]);
    model.input("state", FLOAT, &[3, 0, 4]);
    let all = model.node("Concat", "", &["x", "state"], &[("axis", Value::Int(0))]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let codes = model.node("QuantizeLinear", "", &[&all, &scale, &zero], &[]);
    model.output(&codes);
    let network = goldpath::import::onnx::parse(&model.bytes(), Path::new("made.onnx")).unwrap();
    let run = |x: usize, state: usize| {
        let ones = |n: usize| Tensor::F32(ndarray::ArrayD::ones(vec![n, 1, 4]));
        let feeds = Feeds::from([("x".to_owned(), ones(x)), ("state".to_owned(), ones(state))]);
        graph::infer(&network, &feeds, &Framework).map(|found| found[0].1.shape().to_vec())
    };
    // One image beside three layers of state; as many; more.
    for images in [1, 3, 5] {
        assert_eq!(run(images, 3).unwrap(), [images + 3, 1, 4]);
    }
    // Twice the state is two runs, of half the images each.
    assert_eq!(run(6, 6).unwrap(), [12, 1, 4]);
    let refused = run(5, 6).unwrap_err().to_string();
    assert!(refused.contains("batch of 5 images"), "{refused}");
}
