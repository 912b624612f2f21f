//! `explore` and `goldpath sweep` against brute force, separate runs, kills and shards.

mod command;
mod directed;
mod layers;
mod memory;
mod points;
mod reduces;
mod steps;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::error::Result;
use goldpath::explore::answer::Events;
use goldpath::import::npy::read_npy;
use goldpath::import::onnx;
use goldpath::lower::{Counts, Program};
use goldpath::network::{Network, Tensor};
use ndarray::{Axis, Slice};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn models() -> PathBuf {
    root().join("tests/models")
}

fn network(name: &str) -> Network {
    onnx::read(&models().join(format!("{name}.onnx"))).unwrap().fused()
}

/// The first images of the model's inputs, and their labels.
fn images(name: &str, count: usize) -> (Tensor, Vec<i64>) {
    let x = read_npy(&models().join(format!("{}_inputs.npy", &name[..3]))).unwrap();
    let labels = read_npy(&models().join("labels.npy")).unwrap().to_i64().unwrap();
    let Tensor::F32(x) = x else { panic!("float32 images") };
    let x = x.slice_axis(Axis(0), Slice::from(0..count)).to_owned();
    (Tensor::F32(x), labels.iter().copied().take(count).collect())
}

/// A committed design with overrides: `fixed`, then those it is asked for.
fn builder(design: &str, fixed: &[&str]) -> impl Fn(&[String]) -> Result<Design> + use<> {
    let path = root().join("hw_models").join(design).join("design.toml");
    let fixed: Vec<String> = fixed.iter().map(|f| (*f).to_owned()).collect();
    move |own| Design::load(&path, &[fixed.as_slice(), own].concat())
}

fn at(build: &dyn Fn(&[String]) -> Result<Design>, width: u32, mode: &str) -> Arc<Design> {
    let own = [format!("accumulator.width={width}"), format!("accumulator.overflow={mode}")];
    Arc::new(build(&own).unwrap_or_else(|e| panic!("{e}")))
}

/// The events at the accumulator and its start of a run of its own.
fn events_of(program: &Program, counts: &Counts) -> Events {
    let node = |id: &str| {
        let node = counts.nodes.iter().find(|n| n.node == id);
        node.map_or((0, 0), |node| (node.high, node.low))
    };
    let (sum, start) = (node("accumulator"), node("accumulator.start"));
    let any = |((_, n), count): ((usize, usize), &i64)| *count > 0 || program.start(n) != program.bias(n);
    Events {
        outputs: counts.accumulator.indexed_iter().filter(|at| any(*at)).count() as u64,
        high: sum.0,
        low: sum.1,
        start_high: start.0,
        start_low: start.1,
    }
}

/// Without latencies every width is built: products wider than 64 bits fuse with their shift.
const NO_LATENCY: &str = "post.latency=[0, 0, 0, 0]";
