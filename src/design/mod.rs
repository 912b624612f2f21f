//! A datapath as its designer describes it: `design.toml` → [`Design`], bounded and without invalid states.
//!
//! `load` reads a file: text and `--set` become one tree with spans (`overrides`), a preset becomes its list of
//! steps (`expand`), what the vocabulary has and goldpath does not build is refused by name (`keys`), serde gives
//! the tree its shape (`file`), and `build` makes a design of it: limits, derived formats, contradictions. Every
//! error points at its line, or at the option. `canonical` writes a design out in full; its SHA-256, without the
//! names of Verilog parameters, is the design's identity. Who edits a design edits its [`Parts`], which become one again by
//! being written and read ([`Design::new`]). The rest answers questions about a design: `ranges`,
//! `depth`, `lints`, `timing`, `table`, `schematic`.

mod array;
mod bias;
mod build;
mod canonical;
mod context;
mod convert;
mod depth;
mod expand;
mod exponent;
mod file;
pub mod identifier;
mod keys;
mod level;
mod lints;
mod load;
mod memory;
mod names;
mod nodes;
mod operation;
mod overrides;
mod packing;
mod parts;
mod pes;
mod post_only;
mod preset;
mod product;
mod programs;
mod ranges;
mod reduce;
mod schema;
mod schematic;
mod scheme;
mod source;
mod steps;
mod synonyms;
mod table;
mod time;
mod timing;
mod verilog;

pub use array::{Array, Dataflow, Drain, DrainOrder, Load, LoadKind, Mirror, Skew, SumRegister, Switch};
pub use bias::BiasIn;
pub use convert::overflow_name;
pub use depth::{largest_exact_float32_k, largest_safe_k, minimum_width, products, sums};
pub use exponent::{Formed, of_weight};
pub use lints::Lint;
pub use memory::Memory;
pub use packing::{Correction, Dsp, Packing, Slice};
pub use parts::{Design, Parts};
pub use preset::Preset;
pub use scheme::Scheme;
pub use table::Row;
pub use time::Time;
pub use timing::Cycles;

pub use nodes::Node;

use crate::num::{Fit, Format, Overflow, power_of_two, power_of_two_code, product_format};
use crate::post::{self, Parameter};

/// One input of the multiplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Of the code on the port.
    pub format: Format,
    /// Added before the multiply.
    pub offset: Option<post::Operand>,
    /// What the multiplier sees: `format`, or the stated wider format when there is an offset. The sum is exact.
    pub sum: Format,
    /// What `lower` does to the codes of a tensor that has the other sign.
    pub recode: Option<Recode>,
    /// What a code stands for.
    pub coding: Coding,
}

/// What the codes of a weight stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Themselves.
    Integer,
    /// Powers of two, by sign and exponent: the multiplier is a shifter.
    PowerOfTwo,
}

/// How the codes of a tensor become codes of an operand with the other sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recode {
    /// u8 codes and zero point − 128: exact.
    Minus128,
    /// Weights less their zero point, whose own is then 0: exact, and done once, before they are loaded. Codes of n bits
    /// may need n + 1.
    MinusZeroPoint,
}

impl Recode {
    /// As the file spells it.
    pub fn name(self) -> &'static str {
        match self {
            Recode::Minus128 => "minus_128",
            Recode::MinusZeroPoint => "minus_zero_point",
        }
    }
}

impl Operand {
    /// What a code stands for, without the offset.
    #[inline]
    pub fn value(&self, code: i64) -> i64 {
        match self.coding {
            Coding::Integer => code,
            Coding::PowerOfTwo => power_of_two(code, self.format),
        }
    }

    /// The code that stands for a value, if there is one.
    pub fn code(&self, value: i64) -> Option<i64> {
        match self.coding {
            Coding::Integer => self.format.contains(i128::from(value)).then_some(value),
            Coding::PowerOfTwo => power_of_two_code(value, self.format),
        }
    }

    /// The smallest and the largest value that a code stands for.
    pub fn ends(&self) -> (i64, i64) {
        let (min, max) = (self.format.min(), self.format.max());
        match (self.coding, self.format.is_signed()) {
            (Coding::Integer, _) => (min, max),
            // Of all signs and exponents −1 and the largest code are the last.
            (Coding::PowerOfTwo, true) => (self.value(-1), self.value(max)),
            (Coding::PowerOfTwo, false) => (self.value(0), self.value(max)),
        }
    }

    /// Every value that the multiplier can see, given the parameters' limits.
    pub fn interval(&self, parameters: &[Parameter]) -> (i128, i128) {
        let (low, high) = match self.offset {
            Some(offset) => offset.range(parameters),
            None => (0, 0),
        };
        let (least, most) = self.ends();
        (i128::from(least) + low, i128::from(most) + high)
    }
}

/// One level of the reduction: term k of a group is input `k + i·stride`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// `reduce.0`, …
    pub id: String,
    /// Terms of one sum.
    pub group: usize,
    /// Inputs from one term of a sum to the next; 1 sums neighbours.
    pub stride: usize,
    /// A group is summed exactly, then fitted once into this.
    pub format: Format,
    /// How the exact sum enters `format`.
    pub overflow: Overflow,
    /// Registers behind the level.
    pub latency: u32,
}

/// How a sum enters the accumulator's register: R4 and R5, and where the clamp is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccumulatorOverflow {
    /// R4, at every step.
    Wrap,
    /// R5, at every step.
    Saturate,
    /// R5 with rails −max and max, at every step.
    SaturateSymmetric,
    /// The register wraps at `register`; the finished value is clamped to `format`.
    SaturateOutput,
}

/// What an output's accumulation starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A clear cycle sets the register to 0 before the first product.
    Zero,
    /// The first product is added to the fitted bias (R9); parameter `bias`.
    Bias,
    /// The first product replaces the register.
    Overwrite,
    /// What comes in, to which nothing is added: of a requantizer alone.
    Value,
}

/// The register that sums, one per PE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accumulator {
    /// Of the finished value.
    pub format: Format,
    /// Of the register: `format`, except with `SaturateOutput`.
    pub register: Format,
    /// How each sum enters the register.
    pub overflow: AccumulatorOverflow,
    /// What the first product meets there.
    pub start: Start,
    /// Index of parameter `bias` when `start = "bias"`; of a requantizer alone, of what comes in.
    pub bias: Option<usize>,
}

impl Accumulator {
    /// What every sum, and the start, goes through on its way into the register.
    #[inline]
    pub fn register_fit(&self) -> Fit {
        Fit { format: self.register, overflow: self.step_rule() }
    }

    /// The clamp that the finished value goes through, where there is one.
    pub fn output_fit(&self) -> Option<Fit> {
        let clamp = Fit { format: self.format, overflow: Overflow::Saturate };
        (self.overflow == AccumulatorOverflow::SaturateOutput).then_some(clamp)
    }

    /// As what is behind sees it: a register of the sum that a level makes of several of these.
    pub(crate) fn behind(self, level: &Level) -> Accumulator {
        let overflow = match level.overflow {
            Overflow::Wrap => AccumulatorOverflow::Wrap,
            Overflow::Saturate => AccumulatorOverflow::Saturate,
            Overflow::SaturateSymmetric => AccumulatorOverflow::SaturateSymmetric,
        };
        Accumulator { format: level.format, register: level.format, overflow, ..self }
    }

    /// Every value that a finished accumulator can have.
    pub fn range(&self) -> post::Range {
        let (low, high) = self.output_fit().unwrap_or_else(|| self.register_fit()).rails();
        (i128::from(low), i128::from(high))
    }

    /// The rule of every step of the register.
    pub fn step_rule(&self) -> Overflow {
        match self.overflow {
            AccumulatorOverflow::Wrap | AccumulatorOverflow::SaturateOutput => Overflow::Wrap,
            AccumulatorOverflow::Saturate => Overflow::Saturate,
            AccumulatorOverflow::SaturateSymmetric => Overflow::SaturateSymmetric,
        }
    }
}

/// Which product of an output is formed in which lane and beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneMap {
    /// k = beat · lanes + lane
    Adjacent,
    /// k = lane · beats + beat
    Strided,
}

impl LaneMap {
    /// Which product is formed in a beat and lane of `[beats, lanes]`.
    pub const fn k_of(self, beat: usize, lane: usize, [beats, lanes]: [usize; 2]) -> usize {
        match self {
            LaneMap::Adjacent => beat * lanes + lane,
            LaneMap::Strided => lane * beats + beat,
        }
    }
}

/// An axis along which the products of a convolution's output lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelAxis {
    /// Kernel height.
    Kh,
    /// Kernel width.
    Kw,
    /// Input channels of the group.
    Cin,
}

/// The order of the products; it changes a value only where a sum is fitted on the way (R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Outermost first.
    pub kernel: [KernelAxis; 3],
    /// How the ordered products spread over the lanes.
    pub lane_map: LaneMap,
    /// Tiles down are walked inside tiles across; otherwise tiles across are walked first.
    pub down_first: bool,
    /// The most products of an output that the design's host counts.
    pub max_k: Option<usize>,
}

impl Design {
    /// R2: the format of the exact product of both sums; a design without one is not built.
    pub fn product_format(&self) -> Format {
        product_format(self.activation.sum, self.weight.sum).expect("checked when the design was built")
    }

    /// What an exact product goes through before it is added, or an activation where the steps read the weight's exponent.
    pub fn product_program(&self) -> post::Program<'_> {
        let (parameters, steps) = (&self.parameters, &self.product_steps);
        let input = if self.exponent.is_some() { self.activation.sum } else { self.product_format() };
        post::Program { input, parameters, steps }
    }

    /// By how many bits the steps of products, and of sums on their way to a memory or out of a grid, move them right, less those to the
    /// left: one of a finished sum stands for so many powers of two. `None`: the layer's numbers say, or words are moved
    /// against what is added to them.
    pub fn sums_shift(&self) -> Option<i32> {
        let loaded = shift_of(&self.load_steps)?;
        let left = shift_of(&self.post[..self.drained.min(self.post.len())])?;
        let all = shift_of(&self.product_steps)? + shift_of(&self.store_steps)? + left;
        (loaded == 0).then_some(all)
    }

    /// The same of what stands in front of the place where a layer's bias is added: an accumulator that starts from it stands
    /// in front of what its sums go through on their way out.
    pub fn bias_shift(&self) -> Option<i32> {
        if self.accumulator.start == Start::Bias {
            return shift_of(&self.product_steps);
        }
        let bias = self.parameters.iter().position(|parameter| parameter.name == "bias");
        let reads = |step: &post::Step| {
            step.operands().iter().any(|o| matches!(o, post::Operand::Parameter(at) if Some(*at) == bias))
        };
        let drained = &self.post[..self.drained.min(self.post.len())];
        let behind = drained.iter().position(reads).map_or(&[][..], |at| &drained[at..]);
        Some(self.sums_shift()? - shift_of(behind)?)
    }

    /// Format of what is added: behind the steps of the product.
    pub fn term_format(&self) -> Format {
        let (low, high) = self.term_interval();
        let signed = self.exponent.and_then(|_| Format::holding(low, high));
        signed.unwrap_or_else(|| self.product_program().output())
    }

    /// What a visit's sum goes through on its way to its word.
    pub fn store_program(&self) -> post::Program<'_> {
        let (parameters, steps) = (&self.parameters, &self.store_steps);
        post::Program { input: self.accumulator.format, parameters, steps }
    }

    /// What a word goes through before a later visit's sum is added to it.
    pub fn load_program(&self) -> post::Program<'_> {
        let input = self.memory.map_or(self.accumulator.format, |memory| memory.format);
        post::Program { input, parameters: &self.parameters, steps: &self.load_steps }
    }

    /// What a parameter is to the first step that reads it, in the order of the datapath.
    pub fn role(&self, parameter: usize) -> Option<post::Role> {
        let programs =
            [self.product_program(), self.store_program(), self.load_program(), self.post_program()];
        programs.into_iter().find_map(|program| program.role(parameter))
    }

    /// What a finished accumulator goes through.
    pub fn post_program(&self) -> post::Program<'_> {
        post::Program { input: self.finished().format, parameters: &self.parameters, steps: &self.post }
    }

    /// Format of the output: that of the last step, or the accumulator's when there is no post-processing.
    pub fn output(&self) -> Format {
        self.post_program().output()
    }
}

/// By how many bits steps move a value right, less those to the left; `None`: the layer's numbers say.
fn shift_of(steps: &[post::Step]) -> Option<i32> {
    steps.iter().try_fold(0_i32, |all, step| {
        let by = match step.op.operand(post::Role::Count) {
            None => 0,
            Some(post::Operand::Constant(count)) => i32::try_from(count).ok()?,
            Some(post::Operand::Parameter(_) | post::Operand::Exponent { .. }) => return None,
        };
        Some(if step.op.rounds().is_some() { all + by } else { all - by })
    })
}
