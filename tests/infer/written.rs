//! The QDQ form as written and as integer layers: each right by its own rule, and the difference told.

use std::path::Path;

use goldpath::functional::folded;
use goldpath::functional::graph::infer;
use goldpath::functional::operators::Framework;
use goldpath::import::npy::read_npy;
use goldpath::import::onnx;
use goldpath::network::{Qdq, Tensor};
use serde_json::Value;

use super::models;

fn answer(name: &str, qdq: Qdq) -> Tensor {
    let stem = models().join("cases").join(name);
    let network = folded(onnx::read(&stem.with_extension("onnx")).unwrap()).0.with_layers(qdq);
    let x = read_npy(&stem.with_extension("npy")).unwrap();
    let output = network.outputs[0].clone();
    let found = infer(&network, &x, &Framework).unwrap();
    found.into_iter().find(|(name, _)| *name == output).unwrap().1
}

fn onnx_runtime(name: &str) -> Tensor {
    read_npy(&models().join("cases").join(format!("{name}.ort.npy"))).unwrap()
}

/// Small models that stand for a kind of fault each; the answers are ONNX Runtime's with optimisations off.
#[test]
fn as_written_equals_onnx_runtime_on_every_case() {
    let mut names: Vec<String> = std::fs::read_dir(models().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    let wrong: Vec<&String> =
        names.iter().filter(|name| answer(name, Qdq::Written) != onnx_runtime(name)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// As float32, a sum of 512 products of 16-bit codes is far from what an int32 that wraps would hold.
#[test]
fn an_integer_layer_of_16_bit_codes_does_not_wrap() {
    let (fused, written) = (answer("u16_s8_k512", Qdq::Fused), answer("u16_s8_k512", Qdq::Written));
    let exact = written.to_i64().unwrap();
    assert!(exact.iter().all(|code| *code > 0), "{exact:?}");
    for (fused, written) in fused.to_i64().unwrap().iter().zip(&exact) {
        assert!(fused.abs_diff(*written) <= 1, "{fused} {written}");
    }
}

/// A QuantizeLinear without zero point writes uint8, whatever its layer reads.
#[test]
fn a_zero_point_left_out_is_the_quantisers_not_the_inputs() {
    assert_eq!(answer("q_no_zero_point", Qdq::Fused), onnx_runtime("q_no_zero_point"));
}

/// The rows of this model are ties: float32 between the operators takes one side, the integer layer the other.
#[test]
fn infer_says_where_the_integer_layer_differs() {
    let folder = tempfile::tempdir().unwrap();
    let run = |out: &Path, extra: &[&str]| -> Value {
        let stem = models().join("cases/qdq_tie");
        let (model, input) = (stem.with_extension("onnx"), stem.with_extension("npy"));
        let mut command = assert_cmd::Command::cargo_bin("goldpath").unwrap();
        command.args(["infer", "--format", "json", "--input"]).arg(input).arg("--out").arg(out).arg(model);
        let output = command.args(extra).assert().code(0).get_output().stdout.clone();
        serde_json::from_slice(&output).unwrap()
    };
    let written = run(&folder.path().join("written"), &[]);
    let layers = written["integer_layers"].as_array().unwrap();
    assert_eq!((written["qdq"].as_str(), layers.len()), (Some("written"), 1), "{written}");
    let fused = run(&folder.path().join("fused"), &["--qdq", "fused"]);
    assert_eq!(
        (fused["qdq"].as_str(), fused["integer_layers"].as_array().map(Vec::len)),
        (Some("fused"), Some(0))
    );
    let (a, b) = (answer("qdq_tie", Qdq::Written), answer("qdq_tie", Qdq::Fused));
    let differences: Vec<u64> =
        a.to_i64().unwrap().iter().zip(&b.to_i64().unwrap()).map(|(a, b)| a.abs_diff(*b)).collect();
    let differ = differences.iter().filter(|d| **d > 0).count() as u64;
    assert!(differ > 0, "the case is a tie");
    assert_eq!(layers[0]["differ"], differ);
    assert_eq!(layers[0]["largest"], *differences.iter().max().unwrap());
    assert_eq!(layers[0]["values"], 4);
}

/// A design computes integer layers: nothing else can be asked of it.
#[test]
fn a_design_takes_no_layers_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let stem = models().join("cases/qdq_tie");
    let output = assert_cmd::Command::cargo_bin("goldpath")
        .unwrap()
        .args(["infer", "--qdq", "written", "--design", "hw_models/os8x8_s8_acc32", "--input"])
        .arg(stem.with_extension("npy"))
        .arg("--out")
        .arg(folder.path().join("out"))
        .arg(stem.with_extension("onnx"))
        .assert()
        .code(2)
        .get_output()
        .stderr
        .clone();
    assert!(String::from_utf8_lossy(&output).contains("--qdq fused"));
}

/// The same layer, fed by the framework and by what a narrow accumulator makes of the layer before it.
#[test]
fn upstream_is_chosen_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let model = models().join("cnn_s8_qdq.onnx");
    let input = models().join("cnn_inputs.npy");
    let run = |command: &str, upstream: &str, extra: &[&str]| -> Value {
        let out = folder.path().join(format!("{command}_{upstream}_{}", extra.len()));
        let mut call = assert_cmd::Command::cargo_bin("goldpath").unwrap();
        call.args([command, "--format", "json", "--upstream", upstream]).arg("--input").arg(&input);
        let design = "hw_models/mac_s8_acc16sat";
        match command {
            "vectors" => call.arg(design).args(["--images", "0..2"]).arg("--model").arg(&model),
            _ => call.arg(&model).args(["--design", design, "--decisive-cap", "2"]),
        };
        let output = call.arg("--layer").arg("conv2").args(extra).arg("--out").arg(&out).assert().code(0);
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    };
    let narrow = ["--set", "accumulator.width=12"];
    let [exact, design] = ["exact", "design"].map(|upstream| run("vectors", upstream, &narrow));
    assert_eq!((&exact["upstream"], &exact["qdq"]), (&"exact".into(), &"written".into()));
    assert_eq!((&design["upstream"], &design["qdq"]), (&"design".into(), &"fused".into()));
    assert_ne!(exact["overflow"], design["overflow"]);
    let [exact, design] = ["exact", "design"].map(|upstream| run("overflow", upstream, &narrow));
    assert_eq!((&exact["upstream"], &exact["qdq"]), (&"exact".into(), &"written".into()));
    assert_eq!((&design["upstream"], &design["qdq"]), (&"design".into(), &"fused".into()));
    let events = |report: &Value| report["total"]["high"].as_u64().unwrap();
    assert!(events(&exact) > 0 && events(&design) > 0);
    assert_ne!(events(&exact), events(&design));
}
