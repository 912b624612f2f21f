//! The shape of post-processing steps and of presets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use super::{At, Format, Overflow, Value};

/// One step of the post-processing program.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::design) struct Step {
    pub step: At<StepKind>,
    /// The second operand: a constant or a parameter.
    pub value: Option<At<Value>>,
    /// What becomes of `value` before it is used: steps without registers. `add`, `subtract`, `multiply`, `max`, `min`.
    pub value_steps: Option<At<Vec<At<Step>>>>,
    /// The count of a shift; the same as `value`.
    pub shift: Option<At<Value>>,
    /// `clamp` only; `min` and `max` are the same keys.
    pub low: Option<At<Value>>,
    pub high: Option<At<Value>>,
    pub min: Option<At<Value>>,
    pub max: Option<At<Value>>,
    pub rounding: Option<At<Rounding>>,
    /// `float` only: in what every operation is rounded; absent = "f32".
    pub precision: Option<At<Precision>>,
    /// `float` only: what is done to x, in this order.
    pub ops: Option<At<Vec<At<FloatOp>>>>,
    /// `shift_right` only: the format in which x and the half are added, and wrap; absent = wide enough.
    pub adder: Option<At<Format>>,
    /// `lut`: the results of `first`, `first` + 1, …; `thresholds`: a list, or with `count` the name of a parameter of which
    /// there are so many.
    pub values: Option<At<Values>>,
    /// `lut` only: which x the first of `values` is for.
    pub first: Option<At<i64>>,
    /// `lut` only: the result for every smaller x. Needed unless none can come.
    pub below: Option<At<i64>>,
    /// `lut` only: the result for every larger x. Needed unless none can come.
    pub above: Option<At<i64>>,
    /// `thresholds` only: how many there are of the parameter.
    pub count: Option<At<i64>>,
    /// `thresholds` only: added to how many of them x reaches; absent = 0.
    pub offset: Option<At<Value>>,
    /// `branch` only: what becomes of x below 0. Steps without registers.
    pub negative: Option<At<Vec<At<Step>>>>,
    /// `branch` only: what becomes of any other x.
    pub otherwise: Option<At<Vec<At<Step>>>>,
    /// The step runs when this parameter is 1, or with `!` in front of its name, when it is 0; else x goes by.
    #[serde(rename = "if")]
    pub condition: Option<At<String>>,
    /// Beside `if`: what x goes by through.
    pub bypass: Option<At<Bypass>>,
    /// `fit` and `saturate` only, instead of `format`: bits of the result.
    pub width: Option<At<i64>>,
    /// Beside `width`; absent = as what enters the step.
    pub signed: Option<At<bool>>,
    /// Absent = exact.
    pub format: Option<At<Format>>,
    /// Needed unless the format provably holds every result.
    pub overflow: Option<At<Overflow>>,
    /// Registers behind the step.
    pub latency: Option<At<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum StepKind {
    /// x + value
    Add,
    /// x - value
    Subtract,
    /// x * value: a constant, or a parameter per layer or channel.
    Multiply,
    /// The larger of x and value.
    Max,
    /// The smaller of x and value.
    Min,
    /// `add` of parameter `bias`, unless `value` says which.
    Bias,
    /// `add` of parameter `zero_point`, unless `value` says which.
    ZeroPoint,
    /// `max` with 0.
    Relu,
    /// x * 2^shift
    ShiftLeft,
    /// x / 2^shift, rounded.
    ShiftRight,
    /// `shift_right`.
    RoundingShift,
    /// `min` with high, then `max` with low.
    Clamp,
    /// Only format and overflow.
    Fit,
    /// `fit` with overflow = "saturate".
    Saturate,
    /// x * value in float32 (its bits), rounded once.
    FloatScale,
    /// What `ops` make of x in floats, rounded once.
    Float,
    /// A table: one of `values`, by x - `first`.
    Lut,
    /// How many of `values` are at most x, and `offset`.
    Thresholds,
    /// Other steps for x below 0 than for the rest: prelu, leaky relu.
    Branch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum Precision {
    /// IEEE binary32.
    F32,
    /// IEEE binary64.
    F64,
}

/// One operation of a `float` step. Values are bits of a float, of `add_integer` and `clamp` integers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum FloatOp {
    Multiply(Value),
    Add(Value),
    /// Factor and term: rounded once.
    MultiplyAdd([Value; 2]),
    AddInteger(Value),
    /// The lower and the upper bound.
    Clamp([Value; 2]),
    /// A half with x's sign.
    AddHalf,
}

/// What x goes by through when its step does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum Bypass {
    /// The step's format and registers: the layer's bit moves no cycle.
    Register,
    /// The step's format alone, around its registers: values come earlier.
    Wire,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::design) enum Rounding {
    Floor,
    Ceil,
    Trunc,
    Away,
    HalfUp,
    HalfDown,
    HalfAway,
    HalfZero,
    HalfEven,
    HalfOdd,
}

/// A named requantisation scheme: a list of steps. What stands for its parameters has been taken out before this is read.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::design) struct Preset {
    pub preset: At<PresetName>,
    pub format: Option<At<Format>>,
    pub latency: Option<At<Vec<At<i64>>>>,
    pub rounding: Option<At<Rounding>>,
}

/// The same as a schema.
#[derive(JsonSchema)]
#[schemars(rename = "Preset")]
#[allow(dead_code, reason = "only its schema is used")]
struct Shape {
    preset: PresetName,
    /// Format of the output: "s8" when absent.
    format: Option<Format>,
    /// Registers behind each expanded step.
    latency: Option<Vec<i64>>,
    /// `shift` only, and required there.
    rounding: Option<Rounding>,
    /// What stands for one of its parameters: a constant, or another parameter.
    #[serde(flatten)]
    parameters: BTreeMap<String, Value>,
}

impl JsonSchema for Preset {
    fn schema_name() -> Cow<'static, str> {
        Shape::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Shape::json_schema(generator)
    }
}

/// One of [`crate::design::Preset::names`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub(in crate::design) struct PresetName(String);

impl Deref for PresetName {
    type Target = String;

    fn deref(&self) -> &String {
        &self.0
    }
}

impl JsonSchema for PresetName {
    fn schema_name() -> Cow<'static, str> {
        "PresetName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "enum": crate::design::Preset::names() })
    }
}

/// A list of constants and parameters, or the name of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[serde(untagged)]
pub(in crate::design) enum Values {
    List(Vec<Value>),
    Name(String),
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of integers and parameters, or the name of a parameter")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Values, E> {
        Ok(Values::Name(text.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Values, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Values::List(values))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}
