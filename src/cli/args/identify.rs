//! The arguments of `goldpath identify` as typed.

use std::path::PathBuf;

use clap::Args;

use super::QdqForm;
use crate::num::Format;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("sums").required(true).args(["acc", "model"]))]
#[command(group = clap::ArgGroup::new("fed").multiple(true).args(["input", "tensors"]))]
#[command(
    after_help = "Tried are the schemes of `goldpath explain presets`, `shift` with every rounding. Numbers that are \
not given are searched: every shift, and for each the multipliers, or float scales, by bisection, so that none is left out \
(but where 32 bits wrap). What no scale says (a float bias, an offset, a term) is at its default. Exit status 1: no scheme explains all samples."
)]
pub struct IdentifyArgs {
    /// Accumulators in front of the requantisation, bias included: integers of any shape
    #[arg(long, value_name = "ACC.npy", requires = "out")]
    pub acc: Option<PathBuf>,
    /// What came out of each: integers of the same shape, read and not written. Their type is the scheme's output
    #[arg(long, value_name = "OUT.npy")]
    pub out: PathBuf,
    /// Or compute the accumulators of a layer of this model, and take its scales, zero point and clamp
    #[arg(long, value_name = "MODEL", requires = "layer", requires = "fed",
        conflicts_with_all = ["scale", "multiplier", "shift", "zero_point", "low", "high", "acc_format", "out_format", "per_channel", "channel_axis"])]
    pub model: Option<PathBuf>,
    /// The layer: a node name
    #[arg(long, value_name = "NODE", requires = "model")]
    pub layer: Option<String>,
    /// The model's input tensor, batch first
    #[arg(long, value_name = "X.npy", requires = "model")]
    pub input: Option<PathBuf>,
    /// Tensors of the model under their names, captured from its own framework: nodes behind them read
    /// these, in place of what their own nodes compute. Inputs may stand among them
    #[arg(long, value_name = "T.npz", requires = "model")]
    pub tensors: Option<PathBuf>,
    /// Images of the input, first..end (end excluded): the outputs are of these
    #[arg(long, value_name = "A..B", requires = "model", value_parser = super::image_range)]
    pub images: Option<std::ops::Range<usize>>,
    /// How Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear are computed in front of the layer: written
    /// when left out
    #[arg(long, value_enum, value_name = "FORM", requires = "model")]
    pub qdq: Option<QdqForm>,
    /// The real factor of which schemes form their numbers, each as it does: a number, a list 0.1,0.2 with one for each
    /// channel, or a .npy of float32. Searched when left out
    #[arg(long, value_name = "S", conflicts_with_all = ["multiplier", "shift"])]
    pub scale: Option<String>,
    /// The product is x · M / 2^N, M as it is given: an integer, or a list with one for each channel. Searched when left out
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub multiplier: Option<String>,
    /// All bits by which x · M is shifted to the right: of two roundings, both counts together (TFLite's exponent s is
    /// N = 31 - s). An integer, or a list. Searched when left out
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub shift: Option<String>,
    /// The output's zero point. Searched when left out
    #[arg(long, value_name = "Z", allow_hyphen_values = true)]
    pub zero_point: Option<i64>,
    /// Least output of the clamp (a Relu's is the zero point); the least of the output's type when left out
    #[arg(long, value_name = "Y", allow_hyphen_values = true)]
    pub low: Option<i64>,
    /// Largest output of the clamp
    #[arg(long, value_name = "Y", allow_hyphen_values = true)]
    pub high: Option<i64>,
    /// Format of the accumulators: s32 when left out and where they fit it, else s48 or s64
    #[arg(long, value_name = "FORMAT")]
    pub acc_format: Option<Format>,
    /// Format of the outputs, where their file's type is a wider one
    #[arg(long, value_name = "FORMAT")]
    pub out_format: Option<Format>,
    /// Search numbers for every channel, not one for all; so it is where a list gives some for each
    #[arg(long)]
    pub per_channel: bool,
    /// Which axis is that of the channels; the last when left out
    #[arg(long, value_name = "AXIS")]
    pub channel_axis: Option<usize>,
}
