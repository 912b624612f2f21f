//! What is said of whole networks: every MAC is listed, nothing is called proved that an input can break, names name
//! one thing, and constants are constants.

mod affine;
mod batches;
mod bodies;
mod claims;
mod climb;
mod computed;
mod constants;
mod empty;
mod four_bits;
mod fused;
mod given;
mod layers;
mod lazy;
mod listed;
mod moved;
mod names;
mod onnx;
mod quantiser;
mod settings;
mod twins;
mod unscaled;

use std::path::Path;
use std::process::Output;

use goldpath::functional::{folded, followed};
use goldpath::network::Network;
use serde_json::Value;
use tempfile::TempDir;

/// u8 and s8 codes of any zero point, in front of an accumulator that saturates at every step.
const FLEXIBLE: &str = r#"
schema = 1
name = "flexible"
post = { preset = "multiply_shift" }

[operands]
activation = { width = 8, signed = true, recode = "minus_128", offset = "za", format = "s9" }
weight = { width = 8, signed = true, recode = "minus_128", offset = "zw", format = "s9" }

[accumulator]
width = 32
signed = true
overflow = "saturate"
start = "bias"

[array]
dataflow = "output_stationary"
rows = 4
columns = 4
lanes = 1

[parameters]
bias = { format = "s32", per = "channel" }
za = { format = "s9", per = "layer", min = -127, max = 128 }
zw = { format = "s9", per = "channel", min = -127, max = 128 }
"#;

fn goldpath(arguments: &[&str]) -> Output {
    assert_cmd::Command::cargo_bin("goldpath").expect("the binary is built").args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A network as commands see it, the sums inside float layers beside them.
fn as_read(model: &[u8]) -> Network {
    let network =
        goldpath::import::onnx::parse(model, Path::new("made.onnx")).unwrap_or_else(|e| panic!("{e}"));
    followed(folded(network).0.fused())
}

/// A folder with a model, an input and the flexible design.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new(model: &[u8], shape: &[usize], values: &[f32]) -> Case {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Case::of(model, "<f4", shape, bytes)
    }

    fn of(model: &[u8], element: &str, shape: &[usize], bytes: Vec<u8>) -> Case {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m.onnx"), model).unwrap();
        std::fs::write(folder.path().join("d.toml"), FLEXIBLE).unwrap();
        let npy = [goldpath::wave::npy_header(element, shape), bytes].concat();
        std::fs::write(folder.path().join("x.npy"), npy).unwrap();
        Case { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn check(&self, more: &[&str]) -> Output {
        goldpath(&[&["check", &self.path("d.toml"), "--model", &self.path("m.onnx")], more].concat())
    }

    fn overflow(&self, more: &[&str]) -> Output {
        let (model, design, x, out) =
            (self.path("m.onnx"), self.path("d.toml"), self.path("x.npy"), self.path("o"));
        let all = ["overflow", &model, "--design", &design, "--input", &x, "--out", &out];
        goldpath(&[&all[..], more].concat())
    }

    fn sweep(&self, more: &[&str]) -> Output {
        let (model, design, x, out) =
            (self.path("m.onnx"), self.path("d.toml"), self.path("x.npy"), self.path("s"));
        let all = ["sweep", &model, "--design", &design, "--input", &x, "--out", &out];
        goldpath(&[&all[..], &["--widths", "32..32", "--modes", "saturate"], more].concat())
    }

    fn infer(&self, more: &[&str]) -> Output {
        let (model, x, out) = (self.path("m.onnx"), self.path("x.npy"), self.path("i"));
        goldpath(&[&["infer", &model, "--input", &x, "--out", &out], more].concat())
    }
}
