//! Bad models and bad data: a clear error with its place, exit status 2, nothing half-written, never a panic.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use goldpath::functional::graph::infer;
use goldpath::functional::operators::Framework;
use goldpath::functional::{folded, followed};
use goldpath::import::npy::read_npz;
use goldpath::import::onnx;
use goldpath::network::Tensor;
use tempfile::TempDir;

use super::models;

/// Runs `goldpath infer`, expects exit status 2 and no output; returns what it said.
fn refused(model: &Path, input: &Path, extra: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let mut command = Command::cargo_bin("goldpath").unwrap();
    command.arg("infer").arg(model).arg("--input").arg(input).arg("--out").arg(&out).args(extra);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
    said
}

#[track_caller]
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

fn model() -> PathBuf {
    models().join("mlp_s8_qoperator.onnx")
}

fn inputs() -> PathBuf {
    models().join("mlp_inputs.npy")
}

/// The model with the first occurrence of `from` replaced, as a file of its own.
fn patched(folder: &TempDir, from: &[u8], to: &[u8]) -> PathBuf {
    let mut bytes = std::fs::read(model()).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the model holds it");
    bytes.splice(at..at + from.len(), to.iter().copied());
    let path = folder.path().join("patched.onnx");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A .npy file of one dtype and shape, all zero.
fn zeros(folder: &TempDir, descr: &str, shape: &str, bytes: usize) -> PathBuf {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let path = folder.path().join("x.npy");
    let content = [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), &vec![0; bytes]].concat();
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn missing_files() {
    says(&refused(Path::new("absent.onnx"), &inputs(), &[]), &["absent.onnx", "cannot read"]);
    says(&refused(&model(), Path::new("absent.npy"), &[]), &["absent.npy", "cannot read"]);
}

#[test]
fn truncated_and_foreign_models() {
    let folder = TempDir::new().unwrap();
    let whole = std::fs::read(model()).unwrap();
    let path = folder.path().join("cut.onnx");
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let what = if length == 0 { "an empty file" } else { "truncated" };
        says(&refused(&path, &inputs(), &[]), &["cut.onnx", what]);
    }
    says(
        &refused(&inputs(), &inputs(), &[]),
        &["mlp_inputs.npy", "not an ONNX model: it looks like a NumPy array"],
    );
}

#[test]
fn wrong_dtype() {
    let folder = TempDir::new().unwrap();
    let said = refused(&model(), &zeros(&folder, "<i8", "(1, 64)", 512), &[]);
    says(&said, &["mlp_s8_qoperator.onnx", "\"x\" is float32", "int64"]);
    says(&refused(&model(), &zeros(&folder, "<f8", "(1, 64)", 512), &[]), &["x.npy", "<f8", "float32"]);
}

#[test]
fn wrong_shape() {
    let folder = TempDir::new().unwrap();
    says(&refused(&model(), &zeros(&folder, "<f4", "(2, 63)", 504), &[]), &["[?, 64]", "[2, 63]", "\"x\""]);
    says(&refused(&model(), &zeros(&folder, "<f4", "(64,)", 256), &[]), &["[?, 64]", "[64]"]);
    says(&refused(&model(), &zeros(&folder, "<f4", "(0, 64)", 0), &[]), &["no image"]);
    says(
        &refused(&model(), &zeros(&folder, "<f4", "(2, 64)", 500), &[]),
        &["x.npy", "512 bytes", "truncated"],
    );
}

#[test]
fn unknown_operators_and_attributes() {
    let folder = TempDir::new().unwrap();
    let said = refused(&patched(&folder, b"QLinearAdd", b"QLinearSub"), &inputs(), &[]);
    says(
        &said,
        &[
            "node \"add2_quant\"",
            "\"QLinearSub\"",
            "com.microsoft.QLinearSub (1 node: add2_quant), which writes add2_quantized",
            "the layers behind: fc3_quant",
            "--tensors",
        ],
    );
    let said = refused(&patched(&folder, b"transB", b"transC"), &inputs(), &[]);
    says(&said, &["node \"fc1_quant\"", "transC", "the layers behind: fc2_quant, fc3_quant"]);
}

#[test]
fn scales_that_are_no_scales() {
    let folder = TempDir::new().unwrap();
    let network = onnx::read(&model()).unwrap();
    let Tensor::F32(scale) = &network.constants["fc2_scale"] else { panic!("a float32 scale") };
    let bytes = scale.first().unwrap().to_le_bytes();
    for bad in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
        let said = refused(&patched(&folder, &bytes, &bad.to_le_bytes()), &inputs(), &[]);
        says(&said, &["patched.onnx", "node \"fc2_quant\"", "scale", "positive, finite"]);
    }
}

#[test]
fn unreadable_graphs() {
    let folder = TempDir::new().unwrap();
    // Its writer calls it by another name: nobody writes what the last layer reads.
    let said = refused(&patched(&folder, b"add2_quantized", b"add9_quantized"), &inputs(), &[]);
    says(&said, &["node \"fc3_quant\"", "add2_quantized", "never written"]);
}

#[test]
fn unwritable_folders_and_usage() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    for out in [file.clone(), file.join("below")] {
        let mut command = Command::cargo_bin("goldpath").unwrap();
        command.arg("infer").arg(model()).arg("--input").arg(inputs()).arg("--out").arg(&out);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        says(&String::from_utf8(output.stderr).unwrap(), &["file"]);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    says(&refused(&model(), &inputs(), &["--set", "accumulator.width=8"]), &["--set", "--design"]);
    says(&refused(&model(), &inputs(), &["--design", "absent/design.toml"]), &["absent"]);
}

/// Reads and runs a damaged model on one image; whatever happens is an answer or an error.
fn attempt(bytes: &[u8], x: &Tensor) -> bool {
    let Ok(network) = onnx::parse(bytes, Path::new("damaged.onnx")) else { return false };
    let network = folded(network).0.fused();
    let answered = infer(&network, x, &Framework).is_ok();
    // Sums that nobody reads make no run fail.
    assert_eq!(infer(&followed(network.clone()), x, &Framework).is_ok(), answered);
    assert!(network.macs().iter().all(|mac| !mac.name.is_empty()));
    answered
}

#[test]
fn damaged_models_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut tried, mut survived) = (0, 0);
    for name in [
        "mlp_s8_qdq",
        "cnn_u8_qoperator",
        "operators/qdq_layers_u8",
        "operators/pool_s8",
        "operators/dynamic",
    ] {
        let whole = std::fs::read(models().join(format!("{name}.onnx"))).unwrap();
        let x = read_npz(&models().join(format!("{name}.npz"))).unwrap().remove("__input").unwrap();
        let first: Vec<usize> =
            x.shape().iter().enumerate().map(|(i, n)| if i == 0 { 1 } else { *n }).collect();
        let x = match x {
            Tensor::F32(a) => {
                Tensor::F32(ndarray::ArrayD::zeros(first).mapv(|v: f32| v + a[vec![0; a.ndim()].as_slice()]))
            }
            Tensor::U8(_) => Tensor::U8(ndarray::ArrayD::zeros(first)),
            _ => Tensor::I8(ndarray::ArrayD::zeros(first)),
        };
        assert!(attempt(&whole, &x), "{name}");
        for _ in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            survived += usize::from(attempt(&bytes, &x));
            let cut = random(whole.len());
            assert!(!attempt(&whole[..cut], &x), "{name} cut to {cut} bytes");
            tried += 2;
        }
    }
    println!("{tried} damaged models, {survived} still ran");
}
