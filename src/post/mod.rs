//! The post-processing program: what turns a finished accumulator into an output (R8, R9).
//!
//! A program is an ordered list of steps; each is fitted into its own format. Presets are named lists of
//! the same steps. The numbers (multipliers, shifts, zero points) are parameters: the layer brings them.

mod cases;
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
mod step;

pub use cases::spread;
pub use derive::{
    double_rounding, double_rounding_parameters, power_of_two_shift, quantize_multiplier, single_rounding,
    single_rounding_parameters,
};
pub use op::{MAX_LEFT_SHIFT, Op, Role, Rounded, Table};
pub use preset::{Choice, Preset};
pub use program::{Channel, Program};
pub use range::{NodeRange, Range, product_range};
pub use run::{Stepped, Tie, bind, float_scale, float_to_integer};
pub use step::{Step, When};

use crate::num::Format;

/// An operand of a step: wired into the hardware, or brought by the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A number of the design, the same for every layer.
    Constant(i64),
    /// Index into the design's parameter list.
    Parameter(usize),
    /// Of steps of a product: the exponent of the weight that is multiplied, in so many bits.
    Exponent {
        /// Of its field in the weight's code.
        bits: u32,
    },
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
    /// Whether a number travels with its beat; else it is a static register, constant over a run, and one for the layer.
    pub aligned: bool,
}
