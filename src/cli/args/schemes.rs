//! The arguments of `goldpath compare-schemes`.

use std::path::PathBuf;

use clap::Args;

use super::scheme;
use crate::design::Scheme;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("fed").required(true).multiple(true).args(["input", "tensors"]))]
pub struct CompareSchemesArgs {
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
    /// Schemes to run beside the framework's own rescaling; all presets when left out, half_up where one takes a rounding
    #[arg(long, value_name = "NAME[:ROUNDING]", num_args = 1.., value_parser = scheme)]
    pub scheme: Vec<Scheme>,
    /// Look at these layers only, by node name
    #[arg(long, value_name = "NODE", num_args = 1..)]
    pub layer: Vec<String>,
}
