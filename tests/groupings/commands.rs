//! The same designs as arguments: `check`, `overflow`, `vectors`.

use std::fs;
use std::path::Path;

use goldpath::wave::npy_int64;
use ndarray::{Array1, Array2};
use serde_json::Value;

use super::kernels::Log;
use super::work::Random;
use super::{DESIGNS, load, numbers, path, products};

/// What a command answers in JSON.
fn answer(arguments: &[&str]) -> Value {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("goldpath");
    let output = command.args(arguments).args(["--format", "json"]).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn matrix(folder: &Path, name: &str, values: &Array2<i64>) -> String {
    let file = folder.join(name);
    fs::write(&file, npy_int64(values.view().into_dyn())).unwrap();
    file.display().to_string()
}

/// The design's parameters but for the bias, as `--params` takes them.
fn parameters(folder: &Path, name: &str) -> String {
    let file = folder.join("parameters.npz");
    let mut zip = zip::ZipWriter::new(fs::File::create(&file).unwrap());
    for (name, values) in numbers(&load(&path(name), &[]), &[0]) {
        if name != "bias" {
            zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
            let bytes = npy_int64(Array1::from_vec(values).view().into_dyn());
            std::io::Write::write_all(&mut zip, &bytes).unwrap();
        }
    }
    zip.finish().unwrap();
    file.display().to_string()
}

fn count(events: &Value) -> (u64, u64) {
    (events["high"].as_u64().unwrap(), events["low"].as_u64().unwrap())
}

#[test]
fn commands_count_what_the_instructions_do() {
    for (seed, (name, kernel)) in DESIGNS.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let file = path(name).display().to_string();
        let out = |of: &str| folder.path().join(of).display().to_string();
        answer(&["check", &file, "--shape", "3,300,5"]);

        let design = load(&path(name), &[]);
        let mut random = Random::new(100 + seed as u64);
        let a = random.matrix([3, 300], design.activation.format, true);
        let w = random.matrix([300, 5], design.weight.format, true);
        let mut log = Log::default();
        for (m, n) in (0..3).flat_map(|m| (0..5).map(move |n| (m, n))) {
            kernel(&products(&a, &w, [m, n]), 0, 256, &mut log);
        }
        let expected = |node: &str| log.0.get(node).copied().unwrap_or_default();
        let (a, w) = (matrix(folder.path(), "a.npy", &a), matrix(folder.path(), "w.npy", &w));
        let given = parameters(folder.path(), name);
        let given = ["--activations", &a, "--weights", &w, "--params", &given];

        let report = answer(&[&["overflow", &file], &given[..], &["--out", &out("overflow")]].concat());
        let mut nodes = 0;
        for node in report["layers"][0]["nodes"].as_array().unwrap() {
            let id = node["node"].as_str().unwrap();
            if !id.starts_with("post") {
                assert_eq!(count(node), expected(id), "{name}: {id}");
                nodes += 1;
            }
        }
        assert!(nodes > 0 && log.0.values().any(|(high, low)| high + low > 0), "{name} never overflowed");

        let plain = ["--out", &out("vectors"), "--strength", "none"];
        let vectors = answer(&[&["vectors", &file], &given[..], &plain].concat());
        for (id, events) in vectors["events"].as_object().unwrap() {
            if !id.starts_with("post") {
                assert_eq!(count(events), expected(id), "{name}: {id}");
            }
        }
    }
}

#[test]
fn directed_vectors_overflow_where_the_kernel_does() {
    for (name, _) in DESIGNS {
        let folder = tempfile::tempdir().unwrap();
        let file = path(name).display().to_string();
        let out = folder.path().join("directed").display().to_string();
        let shape = ["--shape", "8,64,8", "--strength", "none"];
        let vectors =
            answer(&[&["vectors", &file, "--case", "directed", "--out", &out], &shape[..]].concat());
        let narrow = if name == "mnn_fast_s8" { "accumulator" } else { "reduce.0" };
        let (high, low) = count(&vectors["events"][narrow]);
        // Two products of s8 codes never reach below 16 bits.
        assert!(high > 0 && (low > 0 || name == "neon_mlal_s8"), "{name}: {high} high, {low} low");
    }
}

/// Which weights keep every pair and every quad inside, for all activations.
#[test]
fn bounds_say_which_weights_are_safe() {
    let cases: [(&str, [i64; 2], [i64; 2]); 3] = [
        ("x86_vpmaddubsw", [64, -64], [65, -65]),
        ("neon_mlal_s8", [127, -127], [-128, -128]),
        ("quad16_wrap", [63, 64], [65, -65]),
    ];
    for (name, safe, beyond) in cases {
        let folder = tempfile::tempdir().unwrap();
        let file = path(name).display().to_string();
        let given = parameters(folder.path(), name);
        for (weights, is_safe) in [(safe, true), (beyond, false)] {
            let w = matrix(folder.path(), "w.npy", &Array2::from_shape_fn((64, 2), |(_, n)| weights[n]));
            let bounds = &answer(&["check", &file, "--weights", &w, "--params", &given])["bounds"];
            let nodes = bounds["layers"][0]["nodes"].as_array().unwrap();
            let node = nodes.iter().find(|node| node["node"] == "reduce.0").unwrap();
            let channels = ["channels_high", "channels_low"].map(|key| node[key].as_u64().unwrap());
            assert_eq!(channels == [0, 0], is_safe, "{name} {weights:?}: {node}");
        }
    }
}
