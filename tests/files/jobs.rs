//! The commands that write folders, each with two different inputs, small enough to run hundreds of times.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::{Yard, tree};

/// A command with two inputs: what it writes into `out`, and `t.vcd` beside it where it traces.
pub struct Job {
    pub name: &'static str,
    pub lines: [String; 2],
}

const MODEL: &str = "@/tests/models/mlp_s8_qoperator.onnx";
const DESIGN: &str = "@/hw_models/mac_s8_acc16sat";

/// What a job leaves: the folder's files, and the trace beside it.
pub type Left = BTreeMap<PathBuf, Vec<u8>>;

pub fn all() -> Vec<Job> {
    let two = |name, line: &str, inputs: [&str; 2]| Job {
        name,
        lines: inputs.map(|input| format!("{} --out out", line.replace("INPUT", input))),
    };
    vec![
        two("vectors", &format!("vectors {DESIGN} --case random --shape INPUT"), ["20,40,8", "12,50,12"]),
        two(
            "run",
            &format!("run {DESIGN} --activations INPUT --weights w.npy --params p.npz"),
            ["a.npy", "b.npy"],
        ),
        traced(),
        two("infer", &format!("infer {MODEL} --input INPUT"), ["x.npy", "y.npy"]),
        two("overflow", &format!("overflow {MODEL} --design {DESIGN} --input INPUT"), ["x.npy", "y.npy"]),
    ]
}

/// With a trace elsewhere.
pub fn traced() -> Job {
    let line = |input: &str| {
        format!("run {DESIGN} --activations {input} --weights w.npy --params p.npz --out out --trace t.vcd")
    };
    Job { name: "run --trace", lines: ["a.npy", "b.npy"].map(line) }
}

/// Resumable: its second line is the first again, on top of what is there.
pub fn sweep() -> Job {
    let line =
        format!("sweep {MODEL} --input x.npy --design {DESIGN} --widths 14..20 --modes wrap --out out");
    Job { name: "sweep", lines: [line.clone(), line] }
}

/// A yard with the inputs of every job.
pub fn yard() -> Yard {
    let yard = Yard::new();
    yard.operands("a.npy", "w.npy", 2, [40, 60, 8]);
    yard.operands("b.npy", "w.npy", 3, [40, 60, 8]);
    yard.parameters("p.npz");
    let images = goldpath::import::npy::read_npy("tests/models/mlp_inputs.npy".as_ref()).unwrap();
    let goldpath::network::Tensor::F32(images) = images else { panic!("inputs are floats") };
    for (name, image) in [("x.npy", 0), ("y.npy", 1)] {
        let one = images.slice_axis(ndarray::Axis(0), (image..=image).into());
        ndarray_npy::write_npy(yard.path(name), &one.to_owned()).unwrap();
    }
    yard
}

impl Yard {
    /// What is at the targets of a job.
    pub fn left(&self) -> Left {
        let mut left = tree(&self.path("out"));
        left.extend(fs::read(self.path("t.vcd")).ok().map(|trace| (PathBuf::from("../t.vcd"), trace)));
        left
    }

    pub fn clear(&self) {
        let _ = fs::remove_dir_all(self.path("out"));
        let _ = fs::remove_file(self.path("t.vcd"));
    }

    /// The two outcomes of a job that is left alone.
    pub fn outcomes(&self, job: &Job) -> [Left; 2] {
        let outcomes = [0, 1].map(|which| {
            self.clear();
            self.done(&job.lines[which]);
            self.left()
        });
        self.clear();
        outcomes
    }
}
