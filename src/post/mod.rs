//! The post-processing program: what turns a finished accumulator into an output (R8, R9).
//!
//! A program is an ordered list of steps; each is fitted into its own format. Presets are named lists of
//! the same steps. The numbers (multipliers, shifts, zero points) are parameters: the layer brings them.

mod cases;
mod derive;
pub mod float;
mod floating;
pub mod lanes;
pub mod onnx;
mod op;
mod program;
mod range;
mod run;
pub mod sgemm;
pub mod softmax;
mod source;
mod step;

pub use cases::spread;
pub use derive::{
    double_rounding, double_rounding_parameters, power_of_two_shift, quantize_multiplier, single_rounding,
    single_rounding_parameters,
};
pub use floating::{Float, FloatOp, Precision};
pub use op::{MAX_LEFT_SHIFT, Op, Role, Rounded, Table};
pub use program::{Channel, Program};
pub use range::{NodeRange, Range, product_range};
pub use run::{Stepped, Tie, bind, float_scale, float_to_integer};
pub use source::{Factor, Number, Source};
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

/// A number that the layer supplies. What has a source, and well-known names, are filled from a network's layer by `lower`:
/// `bias`, `activation_offset` and `weight_offset`, and those of [`Source::by_name`].
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
    /// What a network's layer fills it with; `None`: what its name says ([`Source::by_name`]).
    pub source: Option<Source>,
}

impl Parameter {
    /// One that is anything its format holds, travels with its beat, and has to be brought.
    pub fn new(name: impl Into<String>, format: Format, per: Per) -> Parameter {
        let (min, max) = (format.min(), format.max());
        Parameter { name: name.into(), format, per, min, max, default: None, aligned: true, source: None }
    }

    /// The same between these limits.
    pub fn within(self, min: i64, max: i64) -> Parameter {
        Parameter { min, max, ..self }
    }

    /// The same with what it is where nobody brings one.
    pub fn or(self, default: i64) -> Parameter {
        Parameter { default: Some(default), ..self }
    }
}
