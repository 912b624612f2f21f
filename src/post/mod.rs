//! The post-processing program: what turns a finished accumulator into an output (R8, R9).
//!
//! A program is an ordered list of steps; each is fitted into its own format. Presets are named lists of
//! the same steps. The numbers (multipliers, shifts, zero points) are parameters: the layer brings them.

mod derive;
pub mod float;
pub mod lanes;
pub mod onnx;
mod op;
mod preset;
mod program;
mod range;
mod run;
pub mod sgemm;
pub mod softmax;

pub use derive::{
    double_rounding, double_rounding_parameters, power_of_two_shift, quantize_multiplier, single_rounding,
    single_rounding_parameters,
};
pub use op::{MAX_LEFT_SHIFT, Op, Role, Rounded};
pub use preset::{Choice, Preset};
pub use program::{Channel, Program};
pub use range::{NodeRange, Range, product_range};
pub use run::{Stepped, Tie, bind, float_scale, float_to_integer};

use crate::num::{Format, Overflow};

/// An operand of a step: wired into the hardware, or brought by the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A number of the design, the same for every layer.
    Constant(i64),
    /// Index into the design's parameter list.
    Parameter(usize),
}

/// How often a parameter changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// One number for the whole layer.
    Layer,
    /// One number per output channel.
    Channel,
}

/// A number that the layer supplies. Well-known names are filled from a network's layer by `lower`: `bias`,
/// `multiplier`, `shift`, `left_shift`, `right_shift`, `scale` (float32 bits), `zero_point`, `low`, `high`,
/// `activation_offset`, `weight_offset`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// What steps, `--post` files and ports (`param.<name>`) call it.
    pub name: String,
    /// Format of its port.
    pub format: Format,
    /// Whether channels differ.
    pub per: Per,
    /// Inclusive limits, inside the format.
    pub min: i64,
    /// Largest legal value; what the licences of faster paths rest on.
    pub max: i64,
    /// Used when the layer or command line brings none; without it the parameter is required.
    pub default: Option<i64>,
}

/// One node `post.N`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// `post.0`, `post.1`, …
    pub id: String,
    /// What it does, exactly, before its format.
    pub op: Op,
    /// Format after the step. `None`: the exact product is wider than 64 bits and is fused with the
    /// shift that follows (R8); such a step has latency 0.
    pub format: Option<Format>,
    /// How the exact result enters `format` (R4, R5); of no matter while that is `None`.
    pub overflow: Overflow,
    /// Registers behind the step.
    pub latency: u32,
}
