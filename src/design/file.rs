//! The shape of `design.toml`: what serde reads and what the JSON Schema says. Nothing here is checked yet.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use toml::Spanned;

mod array;
mod steps;

use super::packing::Correction;
pub(super) use array::{Array, Dataflow, DrainExit, DrainOrder, Skew};
pub(super) use steps::{Bypass, FloatOp, Precision, Preset, Rounding, Step, StepKind, Values};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T>(Spanned<T>);

impl<T> At<T> {
    pub fn new(span: Range<usize>, value: T) -> Self {
        At(Spanned::new(span, value))
    }

    pub fn span(&self) -> Range<usize> {
        self.0.span()
    }

    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.get_ref()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(At)
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A MAC datapath as its designer describes it.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "goldpath design", rename = "Design")]
pub(super) struct File {
    /// Version of this vocabulary: 1.
    pub schema: At<i64>,
    /// Name of the design and of its RTL twin's top module.
    pub name: At<String>,
    /// Without it and `array`: a requantizer alone, which is completed before this is read.
    #[schemars(with = "Option<Operands>")]
    pub operands: Operands,
    #[serde(default)]
    pub product: Product,
    /// Reduction over the lanes, level by level. Absent: one exact adder over all lanes.
    #[serde(default)]
    pub reduce: Vec<At<Reduce>>,
    pub accumulator: At<Accumulator>,
    #[schemars(with = "Option<Array>")]
    pub array: At<Array>,
    /// Partial sums between tiles of K.
    pub memory: Option<At<Memory>>,
    /// The post-processing program. A preset has been expanded before this is read.
    #[serde(default)]
    #[schemars(with = "Post")]
    pub post: Vec<At<Step>>,
    /// Which of `programs` runs; absent = `post`. It has taken the place of `post` before this is read.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    #[allow(dead_code, reason = "only its schema is used")]
    program: Option<de::IgnoredAny>,
    /// Alternatives to `post`, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Post>")]
    #[allow(dead_code, reason = "only its schema is used")]
    programs: Option<de::IgnoredAny>,
    /// The programs that do not run.
    #[serde(skip)]
    pub others: Vec<super::programs::Other>,
    /// Numbers that the layer brings.
    #[serde(default)]
    pub parameters: BTreeMap<String, At<Parameter>>,
    #[serde(default)]
    pub order: Order,
    #[serde(default)]
    pub twin: Twin,
}

/// A list of steps, or a named preset that expands to one.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "only its schema is used")]
pub(super) enum Post {
    Steps(Vec<Step>),
    Preset(Preset),
}

#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Operands {
    pub activation: At<Operand>,
    pub weight: At<Operand>,
    /// Registers in front of the multiplier, on both sides.
    #[serde(default)]
    pub latency: Option<At<i64>>,
}

#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Operand {
    /// Bits of the code: 1 to 16.
    pub width: At<i64>,
    pub signed: bool,
    /// Added before the multiply.
    pub offset: Option<At<Value>>,
    /// Format of code + offset; required with `offset`.
    pub format: Option<At<Format>>,
    pub recode: Option<At<Recode>>,
    /// `weight` only: what a code stands for; absent = "integer".
    pub coding: Option<At<Coding>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Coding {
    /// Itself.
    Integer,
    /// A power of two: the top bit is its sign, where it is signed, and the others are its exponent.
    PowerOfTwo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Multiplier {
    Integer,
    /// The activation shifted by the weight's exponent, negated by its sign.
    Shift,
    /// A slice of 25 × 18 bits, and 48 of a sum.
    Dsp48e1,
    /// 27 × 18 bits, and 48 of a sum.
    Dsp48e2,
    /// 27 × 24 bits, and 58 of a sum.
    Dsp58,
}

/// Two products side by side in one word: `[accumulator]` is what each is read as.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Packing {
    /// How many: 2.
    pub products: At<i64>,
    /// Bit of the word at which the second one begins.
    pub offset: At<i64>,
    /// The operand that both have.
    pub share: At<Share>,
    /// What makes up for the first one's sign in the second; absent = "none".
    pub correction: Option<At<Correction>>,
    /// With `carry_count`: the counter's format.
    pub carry: Option<At<Format>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Share {
    Activation,
    Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Recode {
    /// u8 codes and zero point − 128: exact.
    #[serde(rename = "minus_128")]
    Minus128,
    /// Weights less their zero point, whose own is then 0: exact, and done once, before they are loaded.
    MinusZeroPoint,
}

#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Product {
    /// What multiplies: absent = "integer".
    pub multiplier: Option<At<Multiplier>>,
    /// Two products of one DSP multiplier.
    pub packing: Option<At<Packing>>,
    /// Registers behind the multiplier and its steps.
    pub latency: Option<At<i64>>,
    /// What a product goes through before it is added: steps without registers, of which a product of 0 stays 0.
    #[serde(default)]
    pub steps: Vec<At<Step>>,
}

/// One level: a group is summed exactly, then fitted once.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reduce {
    /// Terms per group.
    pub group: At<i64>,
    /// Distance between the terms of a group: 1 = adjacent.
    pub stride: Option<At<i64>>,
    /// Absent = exact.
    pub format: Option<At<Format>>,
    /// Needed unless the format provably holds every sum.
    pub overflow: Option<At<Overflow>>,
    pub latency: Option<At<i64>>,
    /// "beat" unless said otherwise.
    pub when: Option<At<When>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    /// Of every beat, in front of the accumulator.
    Beat,
    /// Of the accumulators of the groups that are left, once, behind the last beat.
    Last,
}

#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Accumulator {
    /// Bits: 1 to 64.
    pub width: At<i64>,
    pub signed: bool,
    /// Needed where something is summed.
    #[schemars(with = "Option<AccumulatorOverflow>")]
    pub overflow: At<AccumulatorOverflow>,
    /// Bits of the register that wraps behind `saturate_output`.
    pub register_width: Option<At<i64>>,
    /// Needed where something is summed.
    #[schemars(with = "Option<Start>")]
    pub start: At<Start>,
    /// With start = "zero": when the clear reaches the accumulator.
    pub clear: Option<At<Clear>>,
    /// Accumulators of a MAC, which its beats use in turn, an output each: 1 unless said otherwise.
    pub banks: Option<At<i64>>,
    /// Registers in the loop of an accumulator: 1 unless said otherwise.
    pub latency: Option<At<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clear {
    /// Beside the products, in its turn.
    Aligned,
    /// From the port, at once.
    Immediate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AccumulatorOverflow {
    Wrap,
    Saturate,
    SaturateSymmetric,
    SaturateOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Start {
    Zero,
    Bias,
    Overwrite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Overflow {
    Wrap,
    Saturate,
    SaturateSymmetric,
}

/// A number that the layer brings.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    pub format: Option<At<Format>>,
    pub per: Option<At<Per>>,
    pub min: Option<At<i64>>,
    pub max: Option<At<i64>>,
    /// False: a static register, constant over a run; `per` is then "layer". True, or absent: a number travels with its beat.
    pub aligned: Option<At<bool>>,
    /// Used when the layer brings none.
    pub default: Option<At<i64>>,
    /// Which number of a network's layer it is; absent = as its name says.
    pub source: Option<At<String>>,
    /// How the layer's real factor is formed, of which `source` is a number; absent = "float32".
    pub factor: Option<At<Factor>>,
}

/// sx * sw / sy, of three float32 scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Factor {
    /// Each operation rounded to float32.
    Float32,
    /// Each rounded to float64.
    Float64,
    /// float64, but of one weight scale and no bias the product is rounded to float32.
    Tflite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Per {
    Layer,
    Channel,
    /// Of a requantizer alone: with every value.
    Beat,
    /// The exponent of a weight that is a power of two: a field of its code.
    Weight,
}

/// Where the partial sums of an output meet.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    pub format: At<Format>,
    pub overflow: At<Overflow>,
    /// Words of a column.
    pub depth: At<i64>,
    /// What a visit's sum goes through on its way to its word: steps without registers.
    #[serde(default)]
    pub store: Vec<At<Step>>,
    /// What a word goes through before a later visit's sum is added to it: steps without registers.
    #[serde(default)]
    pub load: Vec<At<Step>>,
    /// Registers between an address and what is read there: 0 unless said otherwise.
    pub read_latency: Option<At<i64>>,
    /// Cycles from one visit of a word until the next may come: one more than read_latency unless said otherwise.
    pub write_latency: Option<At<i64>>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Order of k in a convolution, outermost first: a permutation of kh, kw, cin.
    pub kernel: Option<At<Vec<KernelAxis>>>,
    /// How k meets the lanes.
    pub lane_map: Option<At<LaneMap>>,
    /// Loops over tiles, outermost first: m, n, k or n, m, k.
    pub loops: Option<At<Vec<Loop>>>,
    /// The most products of an output that there may be; absent: no limit.
    pub max_k: Option<At<i64>>,
    /// Products between two visits of the memory.
    pub tile_k: Option<At<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum KernelAxis {
    Kh,
    Kw,
    Cin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Loop {
    /// Output positions.
    M,
    /// Output channels.
    N,
    /// Products of an output.
    K,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LaneMap {
    /// k = beat · lanes + lane
    Adjacent,
    /// k = lane · beats + beat
    Strided,
}

#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Twin {
    /// Design key → Verilog parameter.
    #[serde(default)]
    pub parameters: BTreeMap<String, At<String>>,
}

/// A constant, or the name of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(untagged)]
pub(super) enum Value {
    Constant(i64),
    Name(String),
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer or the name of a parameter")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Constant(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Name(value.to_string()))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// `"s8"`, or `{ width = 8, signed = true }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format(pub crate::num::Format);

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FormatTable")]
struct FormatTable {
    width: u32,
    signed: bool,
}

struct FormatVisitor;

impl<'de> Visitor<'de> for FormatVisitor {
    type Value = Format;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a format like \"s8\", \"u16\" or { width = 8, signed = true }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Format, E> {
        text.parse().map(Format).map_err(E::custom)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Format, M::Error> {
        let table = FormatTable::deserialize(de::value::MapAccessDeserializer::new(map))?;
        crate::num::Format::new(table.width, table.signed)
            .map(Format)
            .ok_or_else(|| de::Error::custom(format!("{} bits is not a format", table.width)))
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormatVisitor)
    }
}

impl JsonSchema for Format {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Format".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = FormatTable::json_schema(generator);
        schemars::json_schema!({
            "description": "\"s8\", \"u16\", or { width, signed }: signed 1..64 bits, unsigned 1..63",
            "anyOf": [{ "type": "string", "pattern": "^(s([1-9]|[1-5][0-9]|6[0-4])|u([1-9]|[1-5][0-9]|6[0-3]))$" }, table]
        })
    }
}
