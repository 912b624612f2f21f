//! The arguments as typed. What they mean is each command's matter.

mod cosim;
mod identify;
mod schemes;
mod strength;
mod vectors;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::design::Scheme;

/// Bit- and cycle-exact golden vectors for integer MAC datapaths running quantised neural networks.
///
/// Exit status: 0 done or same, 1 different or failed a stated check, 2 could not do it.
#[derive(Debug, Parser)]
#[command(name = "goldpath", version, arg_required_else_help = true)]
pub struct Arguments {
    /// How answers are written to standard output
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
    /// No progress bars, no notes; errors are still reported
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What large data (tensors, products, traces) may take at once; beyond it, a command ends with an error
    #[arg(long, global = true, value_name = "SIZE", default_value = "8G", value_parser = crate::limits::parse_size)]
    pub max_memory: u64,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a design and print it complete, every default spelt out
    Check(CheckArgs),
    /// Run one matrix product Y[M,N] = A[M,K] · W[K,N] through a design
    Run(RunArgs),
    /// Run a quantised model, optionally through a design
    Infer(InferArgs),
    /// Run a model's layers under every requantisation scheme, and say where their outputs differ
    CompareSchemes(CompareSchemesArgs),
    /// List a model's integer layers, what each needs of an accumulator, and which designs run it
    Layers(LayersArgs),
    /// Say where accumulators overflow in a network or a product, and whether it matters
    Overflow(OverflowArgs),
    /// Accumulator widths and overflow rules: what each does to a model, what it costs, and which are proved enough
    Sweep(SweepArgs),
    /// Write a golden bundle: stimulus, expected values, testbench
    Vectors(VectorsArgs),
    /// Run a bundle in RTL simulators and report the first difference
    Cosim(CosimArgs),
    /// Say how much bundles notice together: which neighbours of the design they tell apart and which bundles that takes; or
    /// of how many mutants of RTL none does, by file and line
    Strength(StrengthArgs),
    /// Say which requantisation schemes make these outputs of these accumulators, and what would tell them apart
    Identify(IdentifyArgs),
    /// Print a design's parameters as a Verilog header
    Params(ParamsArgs),
    /// Print the JSON Schema of a file: design.toml, a bundle's manifest.json, a report
    Schema(SchemaArgs),
    /// Explain a rule (R1..R12), a rounding mode, a preset or a trap
    Explain(ExplainArgs),
    /// Say which RTL simulators are installed, what to know about them, and what goldpath keeps
    Doctor(DoctorArgs),
    /// Print a shell completion script
    Completions(CompletionsArgs),
}

pub use super::sweep::args::SweepArgs;
pub use cosim::{Compare, CosimArgs, Simulator};
pub use identify::IdentifyArgs;
pub use schemes::CompareSchemesArgs;
pub use strength::{RtlArgs, StrengthArgs};
pub use vectors::{Case, Gaps, Strength, VectorsArgs};

/// A design file and the fields overridden for this invocation.
#[derive(Debug, Clone, Args)]
pub struct DesignArgs {
    /// The design: a design.toml, or the folder that holds one
    #[arg(value_name = "DESIGN")]
    pub design: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `--set KEY=VALUE`, repeatable.
#[derive(Debug, Clone, Default, Args)]
pub struct Overrides {
    /// Override one field of the design: a dotted path, list indices allowed, and a TOML value
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub design: DesignArgs,
    /// Treat lints as failures: exit status 1
    #[arg(long)]
    pub deny_lints: bool,
    /// Also count the cycles of a product of this shape, and lint the accumulator for its K
    #[arg(long, value_name = "M,K,N", value_parser = shape)]
    pub shape: Option<[usize; 3]>,
    /// Lint the accumulator for this many products per output
    #[arg(long, value_name = "K", conflicts_with = "shape", value_parser = clap::value_parser!(u64).range(1..))]
    pub k: Option<u64>,
    #[command(flatten)]
    pub bounds: BoundsArgs,
}

/// The weights whose bounds `check` shows.
#[derive(Debug, Args)]
pub struct BoundsArgs {
    /// Prove what the accumulator and every node can hold with these weights, integer [K, N]
    #[arg(long, value_name = "W.npy", conflicts_with = "model")]
    pub weights: Option<PathBuf>,
    /// Bias, integer [N]; 0 when omitted
    #[arg(long, value_name = "B.npy", requires = "weights")]
    pub bias: Option<PathBuf>,
    /// Post-processing parameters, key = step id, shape [] or [N]
    #[arg(long, value_name = "P.npz", requires = "weights")]
    pub params: Option<PathBuf>,
    /// Activation codes, integer [M, K]: bounds over the range that each column takes, instead of over every code
    #[arg(long, value_name = "A.npy", requires = "weights")]
    pub activations: Option<PathBuf>,
    /// Prove the same of this model's integer layers, and of the integer sums inside float layers that codes feed; every
    /// MAC is listed
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Only this layer: a node name
    #[arg(long, value_name = "NODE", requires = "model")]
    pub layer: Option<String>,
    /// The model's input tensor, batch first: bounds over the range that each input of a layer takes on it, instead of
    /// over every code
    #[arg(long, value_name = "X.npy", requires = "model")]
    pub input: Option<PathBuf>,
    /// With --input, how Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear are computed: written when left
    /// out
    #[arg(long, value_enum, value_name = "FORM", requires = "input")]
    pub qdq: Option<QdqForm>,
    /// Tensors of the model under their names, captured from its own framework: nodes behind them read
    /// these, in place of what their own nodes compute. Inputs may stand among them
    #[arg(long, value_name = "T.npz", requires = "model")]
    pub tensors: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Clock by clock, every register
    Cycle,
    /// Values and events only, no cycles
    Functional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KernelSet {
    /// Any machine
    Portable,
    /// 256-bit vectors
    Avx2,
    /// 512-bit vectors with BW, VL and VNNI
    Avx512,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CountMode {
    Exact,
    None,
}

/// Where a bias goes that the accumulator has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BiasIn {
    /// Added by a post step that takes parameter bias
    Post,
    /// Left out on purpose
    None,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub design: DesignArgs,
    /// Activation codes, integer [M, K]
    #[arg(long, value_name = "A.npy")]
    pub activations: PathBuf,
    /// Weight codes, integer [K, N]
    #[arg(long, value_name = "W.npy")]
    pub weights: PathBuf,
    /// Bias, integer [N]; 0 when omitted
    #[arg(long, value_name = "B.npy")]
    pub bias: Option<PathBuf>,
    /// Post-processing parameters, key = step id, shape [] or [N]
    #[arg(long, value_name = "P.npz")]
    pub params: Option<PathBuf>,
    /// Where the bias goes, of a design whose accumulator has no place for it: a post step that takes parameter bias must add
    /// it, or it is left out on purpose. When left out, the design says, and a bias that it has no place for is refused
    #[arg(long, value_enum, value_name = "WHERE")]
    pub bias_in: Option<BiasIn>,
    #[arg(long, value_enum, default_value_t = Engine::Cycle)]
    pub engine: Engine,
    /// The functional engine's instruction set; every one gives the same bytes. The machine's best when left out
    #[arg(long, value_enum, value_name = "SET")]
    pub kernels: Option<KernelSet>,
    /// Count overflows per output and per node
    #[arg(long, value_enum, default_value_t = CountMode::Exact)]
    pub counts: CountMode,
    /// Write every register, every cycle; the extension is the format: .vcd, .npz, .txt. It appears only together with
    /// the results
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Folder for acc.npy, out.npy, overflow.npy and overflow.json: new, empty, or what an earlier run wrote, which is
    /// replaced as a whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QdqForm {
    /// Each operator in float32, as the model says and ONNX Runtime computes it with optimisations off
    Written,
    /// The integer layer that they stand for, as hardware computes it
    Fused,
}

/// Whose values reach a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Upstream {
    /// The framework's own, as if the layers before it were exact
    Exact,
    /// The design's, with what it did in the layers before it; the framework's where it cannot run one
    Design,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("fed").required(true).multiple(true).args(["input", "tensors"]))]
pub struct InferArgs {
    /// The quantised model, .onnx
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Input tensor, batch first
    #[arg(long, value_name = "X.npy")]
    pub input: Option<PathBuf>,
    /// Tensors of the model under their names, captured from its own framework: nodes behind them read
    /// these, in place of what their own nodes compute. Inputs may stand among them
    #[arg(long, value_name = "T.npz")]
    pub tensors: Option<PathBuf>,
    /// Run the integer Conv, MatMul and Gemm layers through this design, and say which layers these are; a model without
    /// one is an error
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Rescale every integer layer as this preset does it, in place of the framework's way: `goldpath explain presets`
    #[arg(long, value_name = "NAME[:ROUNDING]", value_parser = scheme, conflicts_with = "design")]
    pub requant: Option<Scheme>,
    /// How Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear are computed: written when left out, fused
    /// with --design or --requant. As written, the integer layer runs beside it, and the answer says where the two differ
    #[arg(long, value_enum, value_name = "FORM")]
    pub qdq: Option<QdqForm>,
    /// Folder for the tensors and tensors.json: new, empty, or what an earlier one wrote, which is replaced as a whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct LayersArgs {
    /// The quantised model, .onnx
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    /// Try these designs, each a design.toml or the folder that holds one; by default every design in $GOLDPATH_HW_MODELS,
    /// else in hw_models of the current folder or one above it
    #[arg(long, value_name = "DESIGN", num_args = 1..)]
    pub design: Vec<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("operands").required(true).multiple(true).args(["input", "tensors", "activations"]))]
#[command(group = clap::ArgGroup::new("fed").multiple(true).args(["input", "tensors"]).conflicts_with("activations"))]
pub struct OverflowArgs {
    /// The quantised model, .onnx, with --design and --input; or the design, with --activations and --weights
    #[arg(value_name = "MODEL|DESIGN")]
    pub subject: PathBuf,
    /// Run the model's Conv, MatMul and Gemm layers through this design
    #[arg(long, value_name = "DESIGN", requires = "fed")]
    pub design: Option<PathBuf>,
    /// The model's input tensor, batch first
    #[arg(long, value_name = "X.npy", requires = "design")]
    pub input: Option<PathBuf>,
    /// Tensors of the model under their names, captured from its own framework: nodes behind them read
    /// these, in place of what their own nodes compute. Inputs may stand among them
    #[arg(long, value_name = "T.npz", requires = "design")]
    pub tensors: Option<PathBuf>,
    /// True labels, integer [images]
    #[arg(long, value_name = "Y.npy", requires = "fed")]
    pub labels: Option<PathBuf>,
    /// Look at these layers only, by node name; all run through the design
    #[arg(long, value_name = "NODE", num_args = 1.., requires = "fed")]
    pub layer: Vec<String>,
    /// Whose values reach a layer: what the layers before it do on the design, or the framework's own
    #[arg(long, value_enum, default_value_t = Upstream::Design, requires = "fed")]
    pub upstream: Upstream,
    /// With --upstream exact, how Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear are computed: written
    /// when left out
    #[arg(long, value_enum, value_name = "FORM", requires = "fed")]
    pub qdq: Option<QdqForm>,
    /// Harmful outputs of each layer that are corrected, one at a time, to see whether the answer changes. By default 16,
    /// and fewer in layers in front of so much of the network that it would take more than seconds
    #[arg(long, value_name = "N", requires = "fed")]
    pub decisive_cap: Option<usize>,
    /// Images run together, where the model leaves its batch open
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fed", value_parser = positive)]
    pub batch: usize,
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
    #[command(flatten)]
    pub overrides: Overrides,
    /// Where the bias goes, of a design whose accumulator has no place for it: a post step that takes parameter bias must add
    /// it, or it is left out on purpose. When left out, the design says, and a bias that it has no place for is refused
    #[arg(long, value_enum, value_name = "WHERE")]
    pub bias_in: Option<BiasIn>,
    /// Folder for report.json, report.txt, report.html, witness.json and the tables of events per output: new, empty, or
    /// what an earlier one wrote, which is replaced as a whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct ParamsArgs {
    #[command(flatten)]
    pub design: DesignArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// design.toml
    Design,
    /// A bundle's manifest.json
    Manifest,
    /// The report.json of `goldpath overflow`
    Overflow,
    /// Its witness.json
    Witness,
    /// A sweep's report.json
    Sweep,
    /// The answer of `goldpath layers --format json`
    Layers,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which file's schema
    #[arg(value_enum, value_name = "FILE", default_value_t = SchemaOf::Design)]
    pub of: SchemaOf,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// R1..R12, a rounding mode (or what ap_fixed, ac_fixed, MATLAB, apytypes or QONNX call it), a preset, a trap or a key
    /// (accumulator.start); without it, the list of topics
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Remove the built simulations that `cosim` keeps, but for those being run, and what killed processes left in the
    /// cache and in the folder for temporary files
    #[arg(long)]
    pub clear_cache: bool,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

pub(super) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().into(), value.trim().into())),
        _ => Err("expected KEY=VALUE".into()),
    }
}

fn scheme(text: &str) -> Result<Scheme, String> {
    Scheme::parse(text)
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a positive number".into())
}

fn shape(text: &str) -> Result<[usize; 3], String> {
    let extents: Option<Vec<usize>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    extents
        .filter(|extents| extents.iter().all(|extent| *extent > 0))
        .and_then(|extents| extents.try_into().ok())
        .ok_or_else(|| "expected three positive numbers, M,K,N".into())
}

pub(super) fn image_range(text: &str) -> Result<std::ops::Range<usize>, String> {
    text.split_once("..")
        .and_then(|(first, end)| Some(first.trim().parse().ok()?..end.trim().parse().ok()?))
        .filter(|range| !range.is_empty())
        .ok_or_else(|| "expected FIRST..END with FIRST < END, for example 0..10".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn typed_values_are_read_or_refused() {
        assert_eq!(shape("4, 9,16"), Ok([4, 9, 16]));
        assert!(shape("4,0,16").is_err() && shape("4,9").is_err() && shape("4,9,16,2").is_err());
        assert_eq!(image_range("0..10"), Ok(0..10));
        assert!(image_range("3..3").is_err() && image_range("3").is_err());
        assert_eq!(key_value("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
        assert!(key_value("=1").is_err() && key_value("a").is_err());
    }
}
