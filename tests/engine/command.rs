//! `goldpath run`, as typed.

use std::path::Path;

use assert_cmd::Command;
use goldpath::import::npy::read_npy;
use goldpath::wave::{npy_header, npy_int64};
use ndarray::{Array1, Array2, ArrayD};

use super::work::Random;

fn goldpath(arguments: &[&str], folder: &Path) -> std::process::Output {
    let mut command = Command::cargo_bin("goldpath").unwrap();
    command.args(arguments).current_dir(folder).output().unwrap()
}

fn design(name: &str) -> String {
    format!("{}/hw_models/{name}/design.toml", env!("CARGO_MANIFEST_DIR"))
}

fn write(folder: &Path, name: &str, values: ArrayD<i64>) {
    std::fs::write(folder.join(name), npy_int64(values.view())).unwrap();
}

fn write_npz(folder: &Path, name: &str, arrays: &[(&str, ArrayD<i64>)]) {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.join(name)).unwrap());
    for (name, values) in arrays {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(&npy_int64(values.view())).unwrap();
    }
    archive.finish().unwrap();
}

/// A folder with a.npy [5, 7], w.npy [7, 3], b.npy [3] and p.npz with a shift.
fn inputs() -> (tempfile::TempDir, Array2<i64>, Array2<i64>, Array1<i64>) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(3);
    let s8 = "s8".parse().unwrap();
    let (a, w) = (random.matrix([5, 7], s8, false), random.matrix([7, 3], s8, false));
    let b = Array1::from_vec(vec![100, -200, 300]);
    write(folder.path(), "a.npy", a.clone().into_dyn());
    write(folder.path(), "w.npy", w.clone().into_dyn());
    write(folder.path(), "b.npy", b.clone().into_dyn());
    write_npz(folder.path(), "p.npz", &[("post.0", ndarray::arr0(7).into_dyn())]);
    (folder, a, w, b)
}

#[test]
fn run_writes_what_section_6_says() {
    let (folder, a, w, b) = inputs();
    let design = design("os16x16_s8_acc16sat");
    for engine in ["cycle", "functional"] {
        let arguments = ["run", &design, "--activations", "a.npy", "--weights", "w.npy", "--bias", "b.npy"];
        let more = ["--params", "p.npz", "--engine", engine, "--out", engine];
        let output = goldpath(&[&arguments[..], &more[..]].concat(), folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read = |name: &str| read_npy(&folder.path().join(engine).join(name)).unwrap();
        // Nothing saturates here: the plain sum is the answer.
        let expected = a.dot(&w) + &b;
        assert_eq!(read("acc.npy").to_i64().unwrap(), expected.clone().into_dyn());
        let half_up = expected.mapv(|v| ((v + 64) >> 7).clamp(-128, 127));
        let out = read("out.npy");
        assert_eq!(out.dtype().name(), "int8");
        assert_eq!(out.to_i64().unwrap(), half_up.into_dyn());
        assert_eq!(read("overflow.npy").to_i64().unwrap(), ArrayD::<i64>::zeros(vec![5, 3]));
        let table = std::fs::read_to_string(folder.path().join(engine).join("overflow.json")).unwrap();
        let table: serde_json::Value = serde_json::from_str(&table).unwrap();
        assert_eq!(table["accumulator"], serde_json::json!({ "high": 0, "low": 0 }));
        assert!(table["post.2"]["high"].is_u64());
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 6, "no temporary folder is left: {left:?}");
}

#[test]
fn run_refuses_with_place_and_leaves_nothing() {
    let (folder, ..) = inputs();
    let wide = ArrayD::from_shape_fn(vec![5, 7], |i| if i[0] == 2 && i[1] == 4 { 128 } else { 0 });
    write(folder.path(), "wide.npy", wide);
    write(folder.path(), "k0.npy", ArrayD::zeros(vec![5, 0]));
    write(folder.path(), "w0.npy", ArrayD::zeros(vec![0, 3]));
    let unsigned = [npy_header("<u8", &[1, 2]), vec![0; 8], vec![255; 8]].concat();
    std::fs::write(folder.path().join("u64.npy"), unsigned).unwrap();
    write(folder.path(), "b2.npy", ArrayD::zeros(vec![2]));
    write(folder.path(), "cube.npy", ArrayD::zeros(vec![1, 5, 7]));
    write_npz(folder.path(), "unknown.npz", &[("post.9", ndarray::arr0(7).into_dyn())]);
    write_npz(folder.path(), "large.npz", &[("post.0", ndarray::arr1(&[1, 16, 2]).into_dyn())]);
    let mut float = npy_header("<f4", &[1, 1]);
    float.extend([0; 4]);
    std::fs::write(folder.path().join("float.npy"), float).unwrap();
    let cases = [
        ("wide.npy", "w.npy", "b.npy", "p.npz", "wide.npy: element [2, 4] is 128, outside s8"),
        ("none.npy", "w.npy", "b.npy", "p.npz", "none.npy: cannot read"),
        ("k0.npy", "w0.npy", "b.npy", "p.npz", "k0.npy: K = 0"),
        (
            "u64.npy",
            "w.npy",
            "b.npy",
            "p.npz",
            "u64.npy: element [0, 1] is 18446744073709551615, outside int64",
        ),
        ("w.npy", "w.npy", "b.npy", "p.npz", "w.npy: has 7 rows, but the activations have 3 columns"),
        ("a.npy", "w.npy", "b2.npy", "p.npz", "b2.npy: a bias of shape [3] is needed, not [2]"),
        (
            "cube.npy",
            "w.npy",
            "b.npy",
            "p.npz",
            "cube.npy: a matrix is needed, not an array of shape [1, 5, 7]",
        ),
        ("float.npy", "w.npy", "b.npy", "p.npz", "float.npy: integer elements are needed"),
        ("a.npy", "w.npy", "b.npy", "unknown.npz", "unknown.npz: node post.9: design has no such"),
        (
            "a.npy",
            "w.npy",
            "b.npy",
            "large.npz",
            "large.npz: node post.0: shift (post.0) of channel 1 is 16, which the design limits to 0..15",
        ),
    ];
    let design = design("os16x16_s8_acc16sat");
    for (a, w, b, p, message) in cases {
        let arguments = ["run", &design, "--activations", a, "--weights", w, "--bias", b, "--params", p];
        let output = goldpath(&[&arguments[..], &["--out", "out"]].concat(), folder.path());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}: {stderr}");
        assert!(stderr.contains(message), "{message}: {stderr}");
        assert!(!folder.path().join("out").exists(), "{message}");
    }
}

#[test]
fn run_refuses_a_bias_without_a_place_and_a_trace_without_cycles() {
    let (folder, ..) = inputs();
    let design = design("os16x16_s8_acc16sat");
    let arguments = ["run", &design, "--activations", "a.npy", "--weights", "w.npy", "--params", "p.npz"];
    let zero = ["--set", "accumulator.start=\"zero\"", "--bias", "b.npy", "--out", "out"];
    let output = goldpath(&[&arguments[..], &zero[..]].concat(), folder.path());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("b.npy: design has no place for a bias"), "{stderr}");
    let trace = ["--engine", "functional", "--trace", "t.vcd", "--out", "out"];
    let output = goldpath(&[&arguments[..], &trace[..]].concat(), folder.path());
    assert_eq!(output.status.code(), Some(2));
    let trace = ["--trace", "t.wlf", "--out", "out"];
    let output = goldpath(&[&arguments[..], &trace[..]].concat(), folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.path().join("out").exists());
}

#[test]
fn run_traces_answers_in_json_and_takes_overrides() {
    let (folder, ..) = inputs();
    let design = design("os16x16_s8_acc16sat");
    let arguments = ["run", &design, "--activations", "a.npy", "--weights", "w.npy", "--params", "p.npz"];
    for trace in ["t.npz", "t.vcd", "t.txt"] {
        let more = ["--trace", trace, "--format", "json", "--set", "accumulator.width=12", "--out", "out"];
        let output = goldpath(&[&arguments[..], &more[..]].concat(), folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        // One tile: 7 beats, one operand register, 15 + 15 hops, 16 rows of drain, one post register, one idle cycle.
        assert_eq!(answer["cycles"], 7 + 1 + 30 + 16 + 1 + 1);
        assert!(answer["overflow"]["accumulator"]["high"].as_u64() > Some(0));
        assert_eq!(answer["first"]["node"], "accumulator");
        assert!(answer["first"]["cycle"].is_u64());
    }
    let trace = goldpath::import::npy::read_npz(&folder.path().join("t.npz")).unwrap();
    assert_eq!(trace["pe.acc"].shape(), [56, 16, 16]);
    assert_eq!(trace["pe.a"].shape(), [56, 16, 16]);
    assert_eq!(trace["post.2"].shape(), [56, 16]);
    // Without counts, the results of the run before do not stay behind.
    let more = ["--counts", "none", "--out", "out"];
    assert!(goldpath(&[&arguments[..], &more[..]].concat(), folder.path()).status.success());
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path().join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["acc.npy", "goldpath.json", "out.npy"]);
}

/// The output folder does not exist before the run; a trace may still be asked for inside it.
#[test]
fn a_trace_may_lie_in_the_output_folder() {
    let (folder, ..) = inputs();
    let design = design("os16x16_s8_acc16sat");
    let arguments = ["run", &design, "--activations", "a.npy", "--weights", "w.npy", "--params", "p.npz"];
    for trace in ["out/t.npz", "./out/t.vcd"] {
        let more = ["--out", "out/", "--trace", trace];
        let output = goldpath(&[&arguments[..], &more[..]].concat(), folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(folder.path().join(trace).is_file() && folder.path().join("out/acc.npy").is_file());
    }
}
