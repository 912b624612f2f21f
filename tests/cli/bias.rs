//! `--bias-in`: a bias meets a design whose accumulator has no place for it.

use std::path::Path;

use goldpath::import::npy::read_npy;
use goldpath::wave::npy_int64;
use ndarray::{Array1, array};
use serde_json::Value;

use super::{goldpath, stderr, stdout};

/// A design that starts from zero; `post` is its list of steps.
fn design(folder: &Path, name: &str, start: &str, post: &str) -> String {
    let text = format!(
        "schema = 1\nname = {name:?}\npost = [{post}]\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         [accumulator]\nwidth = 32\nsigned = true\noverflow = \"wrap\"\nstart = {start:?}\n\
         [array]\ndataflow = \"sequential\"\n"
    );
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const CUT: &str =
    "{ step = \"shift_right\", shift = 9, rounding = \"floor\" }, { step = \"saturate\", format = \"s8\" }";

fn with_bias() -> String {
    format!("{{ step = \"bias\" }}, {CUT}")
}

fn write(folder: &Path, name: &str, bytes: Vec<u8>) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

fn output(folder: &str, name: &str) -> Vec<i64> {
    read_npy(&Path::new(folder).join(name)).unwrap().to_i64().unwrap().iter().copied().collect()
}

#[test]
fn a_products_bias_is_refused_left_out_or_added_behind() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (bare, behind) = (design(at, "bare", "zero", CUT), design(at, "behind", "overwrite", &with_bias()));
    let in_front = design(at, "in_front", "bias", CUT);
    let a = write(at, "a.npy", npy_int64(array![[100, 3], [-7, 5]].view().into_dyn()));
    let w = write(at, "w.npy", npy_int64(array![[90, 2], [11, -4]].view().into_dyn()));
    let b = write(at, "b.npy", npy_int64(Array1::from_vec(vec![20000, -3000]).view().into_dyn()));
    let run = |design: &str, more: &[&str], out: &str| {
        let out = at.join(out).display().to_string();
        let line = [&["run", design, "--activations", &a, "--weights", &w, "--out", &out], more].concat();
        (goldpath(&line), out)
    };
    let sums = [9033_i64, 188, -575, -34];
    let (refused, _) = run(&bare, &["--bias", &b], "refused");
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("no place for a bias") && stderr(&refused).contains("--bias-in none"));
    let (left_out, out) = run(&bare, &["--bias", &b, "--bias-in", "none"], "none");
    assert!(stdout(&left_out).contains("left out on purpose"), "{}", stderr(&left_out));
    assert_eq!(output(&out, "acc.npy"), sums);
    assert_eq!(output(&out, "out.npy"), sums.map(|sum| (sum >> 9).clamp(-128, 127)));
    let (added, out) = run(&behind, &["--bias", &b, "--bias-in", "post"], "post");
    assert!(stdout(&added).contains("added by post.0 (--bias-in post)"), "{}", stderr(&added));
    assert_eq!(output(&out, "acc.npy"), sums);
    let biases = [20000, -3000, 20000, -3000];
    let biased: Vec<i64> =
        sums.iter().zip(biases).map(|(sum, b)| ((sum + b) >> 9).clamp(-128, 127)).collect();
    assert_eq!(output(&out, "out.npy"), biased);
    let (dropped, out) = run(&behind, &["--bias", &b, "--bias-in", "none"], "dropped");
    assert_eq!(dropped.status.code(), Some(0));
    assert_eq!(output(&out, "out.npy"), sums.map(|sum| (sum >> 9).clamp(-128, 127)));
    // What cannot be is said, with what is missing.
    for (design, more, words) in [
        (
            &bare,
            &["--bias", &b, "--bias-in", "post"][..],
            "no post step of the design takes a parameter named bias",
        ),
        (&in_front, &["--bias", &b, "--bias-in", "post"], "accumulator.start is \"bias\""),
        (&bare, &["--bias-in", "none"], "there is no bias to leave out"),
    ] {
        let (refused, out) = run(design, more, "wrong");
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains(words), "{}", stderr(&refused));
        assert!(!Path::new(&out).exists());
    }
}

#[test]
fn a_layers_bias_is_refused_or_left_out_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let bare = design(folder.path(), "bare", "zero", CUT);
    let (model, input) = ("tests/models/cnn_s8_qoperator.onnx", "tests/models/cnn_inputs.npy");
    let out = |name: &str| folder.path().join(name).display().to_string();
    let layer =
        ["vectors", &bare, "--model", model, "--layer", "conv2_quant", "--input", input, "--images", "0..1"];
    let refused = goldpath(&[&layer[..], &["--out", &out("refused")]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--bias-in none"), "{}", stderr(&refused));
    let more = ["--bias-in", "none", "--strength", "none"];
    let bundle = goldpath(&[&layer[..], &more, &["--out", &out("bundle")]].concat());
    assert!(stdout(&bundle).contains("bias left out on purpose"), "{}", stderr(&bundle));
    let json = |path: &str| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let manifest = json(&(out("bundle") + "/manifest.json"));
    let said = serde_json::to_string(&manifest["source"]).unwrap();
    assert!(said.contains("--bias-in none"), "{said}");
    let network = ["--design", &bare, "--input", input, "--bias-in", "none"];
    let found = goldpath(
        &[&["overflow", model], &network[..], &["--decisive-cap", "0", "--out", &out("o")]].concat(),
    );
    assert!(stdout(&found).contains("biases: left out on purpose"), "{}", stderr(&found));
    let report = json(&(out("o") + "/report.json"));
    assert!(report["skipped"].as_array().unwrap().is_empty() && report["bias"].is_string());
    let more = ["--images", "0..2", "--widths", "20", "--modes", "wrap", "--out", &out("s")];
    let swept = goldpath(&[&["sweep", model], &network[..], &more].concat());
    assert!(stdout(&swept).contains("biases: left out on purpose"), "{}", stderr(&swept));
}
