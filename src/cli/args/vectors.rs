//! The arguments of `goldpath vectors` as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{BiasIn, DesignArgs, QdqForm, Upstream, image_range, shape};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// Uniform operands
    Random,
    /// Corners: −128·−128, alternating signs
    Extreme,
    /// Operands that overflow the accumulator in both directions
    Saturating,
    /// Built backwards from what must be told apart: rails, ties, edges of the clamp, every shift; the smallest shape that
    /// reaches them, unless --shape limits it
    Directed,
    /// The same with one product an output: every beat starts and ends one, and the layer has other numbers
    Single,
    /// As directed, the layer's numbers others again: of the three, every bit of each is 0 in one and 1 in one
    Numbers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strength {
    /// Every neighbour is judged
    Neighbours,
    /// Nothing is judged or said
    None,
}

/// Idle cycles between beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Gaps {
    /// Beat follows on beat, as the schedule has it
    None,
    /// Every other tile waits now and then, up to 3 cycles in front of a beat, with its operands still on the ports: RTL
    /// that does not look at in.valid takes them twice
    Mixed,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["activations", "model", "case", "witness"]))]
#[command(group = clap::ArgGroup::new("fed").multiple(true).args(["input", "tensors"]).requires("model"))]
pub struct VectorsArgs {
    #[command(flatten)]
    pub design: DesignArgs,
    /// Activation codes, integer [M, K]
    #[arg(long, value_name = "A.npy", requires = "weights")]
    pub activations: Option<PathBuf>,
    /// Weight codes, integer [K, N]
    #[arg(long, value_name = "W.npy", requires = "activations")]
    pub weights: Option<PathBuf>,
    /// Bias, integer [N]; 0 when omitted
    #[arg(long, value_name = "B.npy", requires = "activations")]
    pub bias: Option<PathBuf>,
    /// Post-processing parameters, key = step id, shape [] or [N]
    #[arg(long, value_name = "P.npz", requires = "activations")]
    pub params: Option<PathBuf>,
    /// Take the operands from a layer of this model
    #[arg(long, value_name = "MODEL", requires = "layer", requires = "fed")]
    pub model: Option<PathBuf>,
    /// The layer: a node name. A batched product becomes one group per product
    #[arg(long, value_name = "NODE", requires = "model")]
    pub layer: Option<String>,
    /// The model's input tensor, batch first
    #[arg(long, value_name = "X.npy", requires = "model")]
    pub input: Option<PathBuf>,
    /// Tensors of the model under their names, captured from its own framework: nodes behind them read
    /// these, in place of what their own nodes compute. Inputs may stand among them
    #[arg(long, value_name = "T.npz", requires = "model")]
    pub tensors: Option<PathBuf>,
    /// Images of the input, first..end (end excluded)
    #[arg(long, value_name = "A..B", requires = "model", value_parser = image_range)]
    pub images: Option<std::ops::Range<usize>>,
    /// Whose values reach the layer: the framework's own, or what the layers before it do on the design
    #[arg(long, value_enum, default_value_t = Upstream::Exact, requires = "model")]
    pub upstream: Upstream,
    /// With --upstream exact, how Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear are computed in front
    /// of the layer: written when left out
    #[arg(long, value_enum, value_name = "FORM", requires = "model")]
    pub qdq: Option<QdqForm>,
    /// Where the bias goes, of a design whose accumulator has no place for it: a post step that takes parameter bias must add
    /// it, or it is left out on purpose. When left out, the design says, and a bias that it has no place for is refused
    #[arg(long, value_enum, value_name = "WHERE", conflicts_with_all = ["case", "witness"])]
    pub bias_in: Option<BiasIn>,
    /// Make the operands up
    #[arg(long, value_enum)]
    pub case: Option<Case>,
    /// Shape of a made-up case; directed, single and numbers choose their own without it
    #[arg(long, value_name = "M,K,N", requires = "case", value_parser = shape)]
    pub shape: Option<[usize; 3]>,
    /// Seed of what is made up: a case, the requantisation of a layer that has none, the places of gaps
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Idle cycles between beats; by default mixed for --case directed, single and numbers, none for all else. RTL without
    /// in.valid needs none
    #[arg(long, value_enum)]
    pub gaps: Option<Gaps>,
    /// Say, here and in the manifest, which neighbours of the design (each one plausible mistake away) the bundle tells apart
    #[arg(long, value_enum, default_value_t = Strength::Neighbours)]
    pub strength: Strength,
    /// Show one witness of `goldpath overflow`: its output alone, 1 × K × 1. Without --set, the design is overridden as
    /// it was there
    #[arg(long, value_name = "witness.json#ID", conflicts_with_all = ["weights", "bias", "params", "layer", "input", "tensors", "images", "shape", "seed"])]
    pub witness: Option<String>,
    /// Folder of the bundle: new, empty, or a bundle as it was written, which is replaced as a whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
