//! A requantisation scheme by name in the place of the framework's rescaling, and where schemes part.

use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;
use goldpath::design::Scheme;
use goldpath::functional::graph::{Feeds, infer};
use goldpath::functional::operators::{Framework, Requantized};
use goldpath::import::npy::read_npy;
use goldpath::import::onnx;
use goldpath::network::{Network, Tensor};
use serde_json::Value;

use super::models;

const MODELS: [&str; 8] = [
    "mlp_s8_qoperator",
    "mlp_s8_qdq",
    "mlp_u8_qoperator",
    "mlp_u8_qdq",
    "cnn_s8_qoperator",
    "cnn_s8_qdq",
    "cnn_u8_qoperator",
    "cnn_u8_qdq",
];

fn network(name: &str) -> Network {
    onnx::read(&models().join(format!("{name}.onnx"))).unwrap().fused()
}

fn input(name: &str) -> Tensor {
    read_npy(&models().join(format!("{}_inputs.npy", &name[..3]))).unwrap()
}

fn rule(name: &str) -> Requantized {
    Requantized::new(Scheme::parse(name).unwrap_or_else(|e| panic!("{e}")))
}

/// Signed and unsigned codes, per tensor and per channel, each layer on a design made for it.
#[test]
fn onnx_runtimes_scheme_is_onnx_runtime_on_every_model() {
    for name in MODELS {
        let (network, x) = (network(name), input(name));
        let expected = infer(&network, &x, &Framework).unwrap();
        let found = infer(&network, &x, &rule("onnxruntime")).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(found == expected, "{name}");
    }
}

/// Whatever needs nothing but scales and zero points runs every model, and most of them are not ONNX Runtime.
#[test]
fn schemes_that_scales_are_enough_for_run_every_model() {
    let (mut ran, mut apart) = (0, 0);
    for name in ["mlp_s8_qoperator", "cnn_u8_qdq"] {
        let (network, x) = (network(name), input(name));
        let expected = infer(&network, &x, &Framework).unwrap();
        for scheme in Scheme::all() {
            let Ok(found) = infer(&network, &x, &Requantized::new(scheme)) else {
                println!("{name}: {} does not run", scheme.name());
                continue;
            };
            (ran, apart) = (ran + 1, apart + usize::from(found != expected));
        }
    }
    assert!(ran >= 48 && apart >= 24, "{ran} ran, {apart} differ");
}

fn goldpath(folder: &Path, arguments: &[&str]) -> Output {
    Command::cargo_bin("goldpath").unwrap().args(arguments).current_dir(folder).output().unwrap()
}

fn path(file: &str) -> String {
    models().join(file).to_str().unwrap().to_owned()
}

/// `compare-schemes` counts what two runs of `infer` leave different behind the first layer, whose inputs are the same.
#[test]
fn what_is_said_to_differ_is_what_two_runs_leave_different() {
    let folder = tempfile::tempdir().unwrap();
    let (model, x) = (path("cnn_s8_qoperator.onnx"), path("cnn_inputs.npy"));
    let asked = ["compare-schemes", &model, "--input", &x, "--format", "json", "--quiet"];
    let output = goldpath(folder.path(), &asked);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let layers = answer["layers"].as_array().unwrap();
    assert_eq!(
        layers.len(),
        goldpath::functional::graph::layer_names(&network("cnn_s8_qoperator")).len(),
        "every layer that is rescaled"
    );
    let first = &layers[0];
    let (name, schemes) = (first["layer"].as_str().unwrap(), first["schemes"].as_array().unwrap());
    let of = |tensors: &Feeds| {
        let network = network("cnn_s8_qoperator");
        let node = network.nodes.iter().find(|node| node.name == name).unwrap();
        tensors[node.outputs[0].as_ref().unwrap()].to_i32().unwrap()
    };
    let run = |rule: &dyn goldpath::functional::operators::LayerRule| {
        let all = infer(&network("cnn_s8_qoperator"), &input("cnn_s8"), rule).unwrap();
        of(&all.into_iter().collect())
    };
    let framework = run(&Framework);
    let mut told = 0;
    for seen in schemes {
        let name = seen["scheme"].as_str().unwrap();
        let Some(differ) = seen["differ"].as_u64() else {
            assert!(seen["reason"].is_string(), "{seen}");
            continue;
        };
        let other = run(&rule(name));
        let expected = framework.iter().zip(&other).filter(|(a, b)| a != b).count() as u64;
        assert_eq!(differ, expected, "{name}");
        assert_eq!(seen["witness"].is_null(), differ == 0, "{seen}");
        told += u64::from(differ > 0);
        if differ > 0 {
            let witness = &seen["witness"];
            assert_ne!(witness["scheme"], witness["framework"], "{seen}");
        }
    }
    assert!(told >= 10, "{told}");
    let same = schemes.iter().find(|seen| seen["scheme"] == "onnxruntime").unwrap();
    assert_eq!(same["differ"], 0);
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (model, x) = (path("mlp_s8_qoperator.onnx"), path("mlp_inputs.npy"));
    let infer = ["infer", &model, "--input", &x, "--out", "out"];
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--requant", "tflite_dubble"], &["tflite_dubble", "tflite_double"]),
        (&["--requant", "shift"], &["shift", "shift:half_up"]),
        (&["--requant", "shift:half_upp"], &["half_upp", "half_up"]),
        (&["--requant", "gemmlowp:floor"], &["gemmlowp", "leave the rounding out"]),
        (&["--requant", "finn_threshold"], &["finn_threshold", "goldpath explain finn_threshold"]),
        (&["--requant", "gemmlowp", "--design", "d.toml"], &["--design", "--requant"]),
    ];
    for (more, words) in cases {
        let output = goldpath(folder.path(), &[&infer[..], more].concat());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{more:?}: {text}");
        assert!(!folder.path().join("out").exists(), "{more:?}");
    }
    let compared = goldpath(folder.path(), &["compare-schemes", &model, "--input", &x, "--layer", "nowhere"]);
    assert_eq!(compared.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&compared.stderr).contains("nowhere"));
    let float = goldpath(folder.path(), &["compare-schemes", &path("mlp.onnx"), "--input", &x]);
    assert_eq!(float.status.code(), Some(2));
    let written = ["--requant", "gemmlowp", "--qdq", "written"];
    assert_eq!(goldpath(folder.path(), &[&infer[..], &written].concat()).status.code(), Some(2));
}
