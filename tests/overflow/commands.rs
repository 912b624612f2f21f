//! `goldpath overflow` as typed: its files, its words, its errors.

use std::fs;
use std::path::Path;

use assert_cmd::assert::Assert;
use assert_cmd::cargo::cargo_bin_cmd;
use goldpath::wave::npy_int64;
use ndarray::{Array1, Array2};
use serde_json::Value;

const CNN: &str = "overflow tests/models/cnn_s8_qoperator.onnx --input tests/models/cnn_inputs.npy";
const MAC: &str = "--design hw_models/mac_s8_acc16sat";

fn goldpath(line: &str) -> Assert {
    cargo_bin_cmd!("goldpath").args(line.split(' ')).assert()
}

fn said(assert: &Assert) -> String {
    let output = assert.get_output();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn write(path: &Path, rows: &[&[i64]]) -> String {
    let flat = rows.iter().flat_map(|row| row.iter().copied()).collect();
    let matrix = Array2::from_shape_vec((rows.len(), rows[0].len()), flat).unwrap();
    fs::write(path, npy_int64(matrix.view().into_dyn())).unwrap();
    path.display().to_string()
}

/// A product that overflows both ways on 16 bits: 127·127 five times, then back.
fn small(folder: &Path) -> String {
    let a = write(&folder.join("a.npy"), &[&[127, 127, 127, -128, -128, -128], &[1, 2, 3, 4, 5, 6]]);
    let w = write(
        &folder.join("w.npy"),
        &[&[127, -128], &[127, -128], &[127, -128], &[127, -1], &[1, 2], &[127, 3]],
    );
    let shift = npy_int64(Array1::from_vec(vec![7, 8]).view().into_dyn());
    let params = folder.join("p.npz");
    let mut zip = zip::ZipWriter::new(fs::File::create(&params).unwrap());
    zip.start_file("shift.npy", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, &shift).unwrap();
    zip.finish().unwrap();
    format!(
        "overflow hw_models/mac_s8_acc16sat --activations {a} --weights {w} --params {}",
        params.display()
    )
}

#[test]
fn a_small_product_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let line = format!("{} --out {}", small(folder.path()), out.display());
    let text = said(&goldpath(&line).success());
    // Behind the report, the answer in a sentence and the place of its page.
    let (text, answer) = text.split_once("\nanswer: ").unwrap();
    assert_eq!(text, fs::read_to_string(out.join("report.txt")).unwrap());
    assert!(answer.ends_with(&format!("\npage: {}\n", out.join("report.html").display())), "{answer}");
    assert!(answer.contains("of 4 outputs overflow"), "{answer}");
    insta::assert_snapshot!("small", text);
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    let expected =
        ["events_0.npy", "goldpath.json", "report.html", "report.json", "report.txt", "witness.json"];
    assert_eq!(names, expected);
}

#[test]
fn files_are_as_their_schemas_say_and_the_same_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen: Vec<Vec<(String, Vec<u8>)>> = Vec::new();
    for threads in ["1", "2", "7"] {
        let out = folder.path().join(threads);
        let line =
            format!("--format json {CNN} --labels tests/models/labels.npy {MAC} --out {}", out.display());
        let mut command = cargo_bin_cmd!("goldpath");
        let result = command.env("RAYON_NUM_THREADS", threads).args(line.split(' ')).assert().success();
        assert_eq!(result.get_output().stdout, fs::read(out.join("report.json")).unwrap());
        let mut files: Vec<_> = fs::read_dir(&out)
            .unwrap()
            .map(|e| e.unwrap().path())
            .map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&p).unwrap()))
            .collect();
        files.sort();
        seen.push(files);
    }
    assert!(seen[0] == seen[1] && seen[0] == seen[2]);
    let json = |name: &str| -> Value {
        let file = seen[0].iter().find(|(file, _)| file == name).unwrap();
        serde_json::from_slice(&file.1).unwrap()
    };
    for (file, schema) in [("report.json", "overflow"), ("witness.json", "witness")] {
        let schema = said(&goldpath(&format!("schema {schema}")).success());
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let checked = follows(&schema, &schema, &json(file), file);
        println!("{file}: {checked} values");
        assert!(checked > 1000);
    }
    let report = json("report.json");
    let classes =
        |value: &Value| -> u64 { value.as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum() };
    assert_eq!(classes(&report["total"]["classes"]), report["total"]["outputs_with_events"]);
    assert!(report["answer"]["correct"].as_u64().is_some());
}

/// Holds a value against a schema: required keys, known keys, types. How many values were seen.
fn follows(root: &Value, schema: &Value, value: &Value, at: &str) -> usize {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return follows(root, root.pointer(target.trim_start_matches('#')).unwrap(), value, at);
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let null = any.iter().any(|s| s["type"] == "null");
        assert!(null || any.len() == 1, "{at}: only optional values are unions");
        return if value.is_null() { 1 } else { follows(root, &any[0], value, at) };
    }
    if let Some(known) = schema.get("enum").or(schema.get("oneOf")).and_then(Value::as_array) {
        assert!(known.iter().any(|k| k == value || k.get("const") == Some(value)), "{at}: {value}");
        return 1;
    }
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = &schema["type"];
    assert!(types == name || types.as_array().is_some_and(|t| t.iter().any(|t| t == name)), "{at}: {name}");
    let mut seen = 1;
    for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        assert!(value.get(key.as_str().unwrap()).is_some(), "{at}: {key} is missing");
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let properties = schema["properties"].get(key);
        let rule = properties.or(schema.get("additionalProperties"));
        seen += follows(root, rule.unwrap_or_else(|| panic!("{at}: {key} is not in the schema")), inner, key);
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        let rule = schema.get("prefixItems").and_then(|items| items.get(index)).unwrap_or(&schema["items"]);
        seen += follows(root, rule, inner, at);
    }
    seen
}

#[test]
fn nothing_that_overflows_is_an_answer_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let line = format!("{CNN} --design hw_models/mac_s8_acc32 --out {}", out.display());
    let text = said(&goldpath(&line).success());
    assert!(text.contains("0 of 164480 outputs overflow"), "{text}");
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["layers"].as_array().unwrap().len(), 4);
    assert!(!out.join("events_0.npy").exists());
    let witnesses: Value = serde_json::from_slice(&fs::read(out.join("witness.json")).unwrap()).unwrap();
    assert_eq!(witnesses["witnesses"].as_array().unwrap().len(), 0);
    // A second answer in the same folder takes the place of the first, tables included.
    goldpath(&format!("{CNN} {MAC} --out {}", out.display())).success();
    assert!(out.join("events_3.npy").exists());
    goldpath(&line).success();
    assert!(!out.join("events_3.npy").exists());
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let two = write(&folder.path().join("two.npy"), &[&[1, 2]]);
    let nan: Vec<u8> = {
        let header = fs::read("tests/models/cnn_inputs.npy").unwrap();
        let mut bytes = header;
        let end = bytes.len() - 4;
        bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
        bytes
    };
    fs::write(folder.path().join("nan.npy"), nan).unwrap();
    let labels = npy_int64(Array1::from_vec(vec![1, 2, 3]).view().into_dyn());
    fs::write(folder.path().join("labels.npy"), labels).unwrap();
    let model = "overflow tests/models/cnn_s8_qoperator.onnx";
    let input = "--input tests/models/cnn_inputs.npy";
    let product = small(folder.path());
    for (line, reason) in [
        (format!("{model} {MAC} --input {}", path("absent.npy")), "absent.npy"),
        (format!("overflow {} {MAC} {input}", path("absent.onnx")), "absent.onnx"),
        (format!("{model} --design {} {input}", path("absent")), "absent"),
        (format!("{model} {MAC} --input {two}"), "input"),
        (format!("{model} {MAC} {input} --labels {}", path("labels.npy")), "3 labels for 64 images"),
        (format!("{model} {MAC} {input} --labels {two}"), "labels of shape [images]"),
        (format!("{model} {MAC} {input} --layer pool"), "no integer layer \"pool\""),
        (format!("{model} {MAC} {input} --batch 0"), "positive"),
        (format!("{model} {MAC} {input} --batch 7"), "multiple of 7"),
        (format!("{model} {MAC} {input} --set accumulator.width=0"), "width"),
        (format!("{model} {MAC} {input} --set accumulator.width=65"), "width"),
        (format!("{model} {MAC}"), "--input"),
        (format!("{model} {input}"), "--design"),
        (model.to_string(), "--activations"),
        (format!("overflow hw_models/mac_s8_acc16sat --activations {two}"), "--weights"),
        (format!("overflow hw_models/mac_s8_acc16sat --activations {two} --weights {two}"), "rows"),
        (format!("{product} --set accumulator.width=0"), "width"),
        ("vectors hw_models/mac_s8_acc16sat --witness w.json#a --weights w.npy".to_string(), "--weights"),
        ("vectors hw_models/mac_s8_acc16sat --witness w.json#a --seed 5".to_string(), "--seed"),
        (
            format!("overflow tests/models/mlp_u8_qoperator.onnx {MAC} --input tests/models/mlp_inputs.npy"),
            "operand",
        ),
    ] {
        let text = said(&goldpath(&format!("{line} --out {}", out.display())).code(2));
        assert!(text.contains(reason), "{line}: {text}");
        assert!(text.starts_with("error: ") && !out.exists(), "{line}: {text}");
    }
    // A NaN is what the model's QuantizeLinear makes of it; the answer is the same as `infer`'s.
    let line = format!("{MAC} --input {} --out {}", path("nan.npy"), out.display());
    let infer =
        goldpath(&format!("infer tests/models/cnn_s8_qoperator.onnx {line}i")).get_output().status.code();
    assert_eq!(goldpath(&format!("{model} {line}")).get_output().status.code(), infer);
}
