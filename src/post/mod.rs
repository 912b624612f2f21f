//! The post-processing program: what turns a finished accumulator into an output (R8, R9).
//!
//! A program is an ordered list of steps; each is fitted into its own format. Presets are named lists of
//! the same steps. The numbers (multipliers, shifts, zero points) are parameters: the layer brings them.

mod derive;
pub mod float;
pub mod lanes;
pub mod onnx;
mod preset;
mod run;
pub mod sgemm;
pub mod softmax;

pub use derive::{
    double_rounding, double_rounding_parameters, power_of_two_shift, quantize_multiplier, single_rounding,
    single_rounding_parameters,
};
pub use preset::{Choice, Preset};
pub use run::{Stepped, bind, float_scale, float_to_integer, run};

use crate::num::{Format, Overflow, Rounding};

/// An operand of a step: wired into the hardware, or brought by the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A number of the design, the same for every layer.
    Constant(i64),
    /// Index into the design's parameter list.
    Parameter(usize),
}

impl Operand {
    /// The least and the largest value that it can have, given the parameters' limits.
    pub fn range(self, parameters: &[Parameter]) -> (i128, i128) {
        match self {
            Operand::Constant(value) => (i128::from(value), i128::from(value)),
            Operand::Parameter(index) => parameters[index].range(),
        }
    }
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

impl Parameter {
    /// Its limits.
    pub fn range(&self) -> (i128, i128) {
        (i128::from(self.min), i128::from(self.max))
    }
}

/// What a step does to `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `x + v`
    Add(Operand),
    /// `x − v`
    Subtract(Operand),
    /// `x · v`, exact (R2).
    Multiply(Operand),
    /// The larger of `x` and `v`: a Relu when v is the zero point.
    Max(Operand),
    /// The smaller of `x` and `v`.
    Min(Operand),
    /// `x · 2^v`, v in 0..=63.
    ShiftLeft(Operand),
    /// R7: `x / 2^v`, rounded as stated.
    ShiftRight(Operand, Rounding),
    /// `min(x, high)`, then the larger of that and `low`.
    Clamp {
        /// Lower bound; it wins where the bounds cross.
        low: Operand,
        /// Upper bound.
        high: Operand,
    },
    /// Only format and overflow.
    Fit,
    /// `round(f32(x) * scale)`, the scale given as float32 bits; one rounding to integer, saturating.
    FloatScale(Operand, Rounding),
}

impl Op {
    /// The step's word in a design.
    pub const fn name(self) -> &'static str {
        match self {
            Op::Add(_) => "add",
            Op::Subtract(_) => "subtract",
            Op::Multiply(_) => "multiply",
            Op::Max(_) => "max",
            Op::Min(_) => "min",
            Op::ShiftLeft(_) => "shift_left",
            Op::ShiftRight(..) => "shift_right",
            Op::Clamp { .. } => "clamp",
            Op::Fit => "fit",
            Op::FloatScale(..) => "float_scale",
        }
    }

    /// What it takes beside `x`: nothing, one operand, or a clamp's low and high bound.
    pub fn operands(mut self) -> Vec<Operand> {
        self.operands_mut().map(|operand| *operand).collect()
    }

    /// The same, to be changed.
    pub fn operands_mut(&mut self) -> impl Iterator<Item = &mut Operand> {
        let [first, second] = match self {
            Op::Add(v) | Op::Subtract(v) | Op::Multiply(v) | Op::Max(v) | Op::Min(v) => [Some(v), None],
            Op::ShiftLeft(v) | Op::ShiftRight(v, _) | Op::FloatScale(v, _) => [Some(v), None],
            Op::Clamp { low, high } => [Some(low), Some(high)],
            Op::Fit => [None, None],
        };
        first.into_iter().chain(second)
    }
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
