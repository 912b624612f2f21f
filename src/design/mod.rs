//! A datapath as its designer describes it: `design.toml` → [`Design`], bounded and without invalid states.
//!
//! `load` reads a file: text and `--set` become one tree with spans (`overrides`), a preset becomes its list of
//! steps (`expand`), what the vocabulary has and goldpath does not build is refused by name (`keys`), serde gives
//! the tree its shape (`file`), and `build` makes a design of it: limits, derived formats, contradictions. Every
//! error points at its line, or at the option. `canonical` writes a design out in full; its SHA-256, without the
//! names of Verilog parameters, is the design's identity. The rest answers questions about a design: `ranges`,
//! `depth`, `lints`, `timing`, `table`, `schematic`.

mod build;
mod canonical;
mod convert;
mod depth;
mod expand;
mod file;
mod keys;
mod level;
mod lints;
mod load;
mod names;
mod nodes;
mod overrides;
mod ranges;
mod schema;
mod schematic;
mod source;
mod steps;
mod synonyms;
mod table;
mod timing;
mod verilog;

pub use convert::overflow_name;
pub use depth::{largest_exact_float32_k, largest_safe_k, minimum_width, products, sums};
pub use lints::Lint;
pub use ranges::NodeRange;
pub use table::Row;
pub use timing::Cycles;

use std::collections::BTreeMap;

pub use nodes::Node;

use crate::num::{Format, Overflow, product_format};
use crate::post::{self, Parameter};

/// A complete, validated design. Every default has been made explicit.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    pub name: String,
    pub activation: Operand,
    pub weight: Operand,
    /// Registers in front of the multiplier, on both sides.
    pub operand_latency: u32,
    /// Registers behind the multiplier.
    pub product_latency: u32,
    /// Reduction over the lanes, level by level; never empty when `array.lanes > 1`.
    pub reduce: Vec<Level>,
    pub accumulator: Accumulator,
    pub array: Array,
    pub post: Vec<post::Step>,
    pub parameters: Vec<Parameter>,
    pub order: Order,
    /// Design key (`accumulator.width`) → Verilog parameter (`ACC_WIDTH`).
    pub twin: BTreeMap<String, String>,
    /// Values of the mapped keys, as overridden.
    pub twin_values: BTreeMap<String, i64>,
    /// SHA-256 of the canonical, expanded design, as overridden and without `[twin]`: lower-case hex.
    pub hash: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Of the code on the port.
    pub format: Format,
    /// Added before the multiply.
    pub offset: Option<post::Operand>,
    /// What the multiplier sees: `format`, or the stated wider format when there is an offset. The sum is exact.
    pub sum: Format,
    pub recode: Option<Recode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recode {
    /// u8 codes and zero point − 128: exact.
    Minus128,
}

impl Operand {
    /// Every value that the multiplier can see, given the parameters' limits.
    pub fn interval(&self, parameters: &[Parameter]) -> (i128, i128) {
        let (low, high) = match self.offset {
            Some(offset) => names::interval(offset, parameters),
            None => (0, 0),
        };
        (i128::from(self.format.min()) + low, i128::from(self.format.max()) + high)
    }
}

/// One level of the reduction: term k of a group is input `k + i·stride`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// `reduce.0`, …
    pub id: String,
    pub group: usize,
    pub stride: usize,
    /// A group is summed exactly, then fitted once into this.
    pub format: Format,
    pub overflow: Overflow,
    pub latency: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccumulatorOverflow {
    Wrap,
    Saturate,
    SaturateSymmetric,
    /// The register wraps at `register`; the finished value is clamped to `format`.
    SaturateOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A clear cycle sets the register to 0 before the first product.
    Zero,
    /// The first product is added to the fitted bias (R9); parameter `bias`.
    Bias,
    /// The first product replaces the register.
    Overwrite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accumulator {
    /// Of the finished value.
    pub format: Format,
    /// Of the register: `format`, except with `SaturateOutput`.
    pub register: Format,
    pub overflow: AccumulatorOverflow,
    pub start: Start,
    /// Index of parameter `bias` when `start = "bias"`.
    pub bias: Option<usize>,
}

impl Accumulator {
    /// The rule of every step of the register.
    pub fn step_rule(&self) -> Overflow {
        match self.overflow {
            AccumulatorOverflow::Wrap | AccumulatorOverflow::SaturateOutput => Overflow::Wrap,
            AccumulatorOverflow::Saturate => Overflow::Saturate,
            AccumulatorOverflow::SaturateSymmetric => Overflow::SaturateSymmetric,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataflow {
    /// One MAC; rows = columns = lanes = 1.
    Sequential,
    /// One dot product of `lanes` terms a beat; rows = columns = 1.
    Tree,
    OutputStationary,
}

/// Who delays lane n of a skewed array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// The stimulus is skewed.
    Host,
    /// Triangular registers inside the array.
    Internal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    pub dataflow: Dataflow,
    pub rows: usize,
    pub columns: usize,
    pub lanes: usize,
    /// Registers per column step of the activation. 0 = broadcast.
    pub hop_activation: u32,
    /// Registers per row step of the weight.
    pub hop_weight: u32,
    pub skew: Skew,
    /// Registers between the bottom of a column and its requantizer.
    pub drain_latency: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneMap {
    /// k = beat · lanes + lane
    Adjacent,
    /// k = lane · beats + beat
    Strided,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelAxis {
    Kh,
    Kw,
    Cin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Outermost first.
    pub kernel: [KernelAxis; 3],
    pub lane_map: LaneMap,
}

impl Design {
    /// Registers between the accepting port and the accumulator: `d0` of the timing laws.
    pub fn front_latency_cycles(&self) -> u32 {
        self.operand_latency + self.product_latency + self.reduce.iter().map(|l| l.latency).sum::<u32>()
    }

    /// Registers between the finished accumulator (or the drain's last stage) and the output.
    pub fn post_latency_cycles(&self) -> u32 {
        self.post.iter().map(|s| s.latency).sum()
    }

    /// R2: the format of the exact product of both sums; a design without one is not built.
    pub fn product_format(&self) -> Format {
        product_format(self.activation.sum, self.weight.sum).expect("checked when the design was built")
    }

    /// Format of the output: that of the last step, or the accumulator's when there is no post-processing.
    pub fn output(&self) -> Format {
        self.post.iter().rev().find_map(|s| s.format).unwrap_or(self.accumulator.format)
    }
}
