//! Named requantisation schemes: data, a file each under `presets`, in the language of designs. Whoever names, lists, explains
//! or expands a scheme reads this table; there is nothing else to say of one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::convert;
use super::file::{self, Value};
use crate::error::nearest;
use crate::num::{Format, Rounding};
use crate::post::{Factor, Number, Parameter, Per, Source};

/// Name and file of every scheme, in the order in which they are listed.
macro_rules! files {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("presets/", $name, ".toml")))),*] };
}
const FILES: &[(&str, &str)] = files! {
    "shift"
    "multiply_shift"
    "gemmlowp"
    "tflite_double"
    "tflite_single"
    "tflite_int16x8"
    "ruy_x86"
    "litert_fc_reference"
    "cmsis_nn"
    "cmsis_nn_s64"
    "onnxruntime"
    "onnx_reference"
    "xnnpack_fp32"
    "xnnpack_rndnu"
    "xnnpack_rndnu_neon"
    "xnnpack_rndnu16"
    "fbgemm"
    "qnnpack"
    "onednn"
    "mnn"
    "mnn_x86"
    "nvdla_sdp"
    "nvdla_cacc"
    "gemmini_shift"
    "gemmini_scale"
    "vta"
    "finn_threshold"
    "qonnx_quant"
    "dpu_round"
    "f8net"
    "ai8x"
    "pulp"
};

/// A requantisation scheme by name: steps that anyone may write, and what is known of them.
#[derive(Debug)]
pub struct Preset {
    /// The name used in designs.
    pub name: &'static str,
    text: Text,
}

/// What its file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    summary: String,
    formula: String,
    ties: String,
    about: String,
    source: String,
    #[serde(default)]
    traps: Vec<String>,
    rounding: Option<Chosen>,
    steps: Vec<toml::Table>,
    parameters: BTreeMap<String, Declared>,
}

/// What the design says instead of the scheme.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Chosen {
    Chosen,
}

/// What a parameter is while the design does not declare it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    /// "output" is that of the output, "input" that of x; absent = the narrowest that holds the limits.
    format: Option<String>,
    #[serde(default)]
    per: Often,
    min: Option<i64>,
    max: Option<Limit>,
    default: Option<Limit>,
    /// A [`Number`] by name; absent = none: whoever uses the scheme brings it.
    source: Option<String>,
    factor: Option<file::Factor>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Often {
    #[default]
    Layer,
    Channel,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Limit {
    Number(i64),
    Named(Named),
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Named {
    /// The least of its format.
    #[serde(rename = "min")]
    Least,
    #[serde(rename = "max")]
    Most,
    /// A shift by one more would leave only the sign.
    #[serde(rename = "input width - 1")]
    Widest,
}

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let read = |(name, text): &(&'static str, &str)| {
        let text = toml::from_str(text).unwrap_or_else(|e| panic!("preset {name}: {e}"));
        Preset { name, text }
    };
    FILES.iter().map(read).collect()
});

impl Preset {
    /// Every scheme, in the order in which they are listed.
    pub fn all() -> &'static [Preset] {
        &ALL
    }

    /// The scheme of that name, or what may be said instead.
    ///
    /// # Errors
    /// The name that lies nearest, if one does.
    pub fn named(name: &str) -> Result<&'static Preset, Option<&'static str>> {
        let found = ALL.iter().find(|preset| preset.name == name);
        found.ok_or_else(|| nearest(name, &Preset::names()))
    }

    /// All names.
    pub fn names() -> Vec<&'static str> {
        ALL.iter().map(|preset| preset.name).collect()
    }

    /// What it is, in one line.
    pub fn summary(&self) -> &str {
        &self.text.summary
    }

    /// What it computes of x.
    pub fn formula(&self) -> &str {
        &self.text.formula
    }

    /// What it makes of a value halfway between two results.
    pub fn ties(&self) -> &str {
        &self.text.ties
    }

    /// Where it is used, and what else is to be known.
    pub fn about(&self) -> &str {
        self.text.about.trim()
    }

    /// Where its definition stands.
    pub fn source(&self) -> &str {
        &self.text.source
    }

    /// What people take it for and it is not.
    pub fn traps(&self) -> &[String] {
        &self.text.traps
    }

    /// Whether a design that uses it says how it rounds.
    pub fn takes_rounding(&self) -> bool {
        self.text.rounding.is_some()
    }

    /// The parameters that its steps read, in the order of their first use.
    pub fn parameters(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut seen = |text: &str| {
            let known = self.text.parameters.keys().find(|name| *name == text);
            names.extend(known.filter(|name| !names.contains(&name.as_str())).map(String::as_str));
        };
        self.text.steps.iter().for_each(|step| words(step, &mut seen));
        names
    }
}

/// Keys of a step that hold operands, in the order in which the loader reads them.
const OPERANDS: [&str; 12] = [
    "value",
    "shift",
    "low",
    "high",
    "values",
    "offset",
    "if",
    "multiply",
    "add",
    "multiply_add",
    "add_integer",
    "clamp",
];

/// What stands where a step has operands, those of steps inside it too.
fn words<'t>(step: &'t toml::Table, seen: &mut dyn FnMut(&'t str)) {
    for key in OPERANDS {
        match step.get(key) {
            Some(toml::Value::String(word)) => seen(word.trim_start_matches('!')),
            Some(toml::Value::Array(list)) => {
                list.iter().filter_map(toml::Value::as_str).for_each(&mut *seen);
            }
            _ => {}
        }
    }
    for inner in step.values().filter_map(toml::Value::as_array).flatten() {
        inner.as_table().into_iter().for_each(|step| words(step, seen));
    }
}

/// A scheme, and what a design chooses beside it.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub preset: &'static Preset,
    /// Of the output.
    pub output: Format,
    /// Of a scheme that leaves it open.
    pub rounding: Option<Rounding>,
    /// Registers behind each step; missing ones are 0.
    pub latency: Vec<u32>,
}

impl Choice {
    /// The steps as one TOML value; `given` says what stands in the place of some parameters.
    pub fn steps(&self, given: &[(String, Value)]) -> String {
        let latency = self.latency.iter().copied().chain(std::iter::repeat(0));
        let step = |(step, latency): (&toml::Table, u32)| {
            let mut step = step.clone();
            self.complete(&mut step, given);
            step.insert("latency".to_owned(), toml::Value::Integer(latency.into()));
            toml::Value::Table(step).to_string()
        };
        let steps: Vec<String> = self.preset.text.steps.iter().zip(latency).map(step).collect();
        format!("[{}]", steps.join(", "))
    }

    /// How many steps it has.
    pub fn step_count(&self) -> usize {
        self.preset.text.steps.len()
    }

    /// Puts what is chosen and given into a step, and into those inside it.
    fn complete(&self, step: &mut toml::Table, given: &[(String, Value)]) {
        for (key, value) in step.iter_mut() {
            match value {
                toml::Value::String(word) if key == "format" && word == "output" => {
                    *word = self.output.to_string();
                }
                toml::Value::String(word) if key == "rounding" && word == "chosen" => {
                    *word = self.rounding.expect("it has been asked for").to_string();
                }
                toml::Value::Array(list) => list.iter_mut().for_each(|item| match item {
                    toml::Value::Table(inner) => self.complete(inner, given),
                    other => put(other, given),
                }),
                other if OPERANDS.contains(&key.as_str()) => put(other, given),
                _ => {}
            }
        }
    }

    /// What a parameter is when the design does not declare it; `input` is the accumulator's format.
    pub fn parameter(&self, name: &str, input: Format) -> Option<Parameter> {
        let declared = self.preset.text.parameters.get(name)?;
        let stated = declared.format.as_deref().map(|format| match format {
            "output" => self.output,
            "input" => input,
            format => format.parse().expect("a format"),
        });
        let number = |limit: Option<Limit>, format: Option<Format>| match limit? {
            Limit::Number(number) => Some(number),
            Limit::Named(Named::Widest) => Some(i64::from(input.width()) - 1),
            Limit::Named(Named::Least) => format.map(Format::min),
            Limit::Named(Named::Most) => format.map(Format::max),
        };
        let [min, max] = [declared.min, number(declared.max, stated)];
        let narrowest = || Format::holding(min.unwrap_or(0).into(), max.unwrap_or(0).into());
        let format = stated.or_else(narrowest).expect("a format that holds the limits");
        Some(Parameter {
            name: name.to_owned(),
            format,
            per: match declared.per {
                Often::Layer => Per::Layer,
                Often::Channel => Per::Channel,
            },
            min: min.unwrap_or(format.min()),
            max: max.unwrap_or(format.max()),
            default: number(declared.default, Some(format)),
            aligned: true,
            source: declared.source.as_deref().map(|name| Source {
                number: Number::named(name).expect("a number of a layer"),
                factor: declared.factor.map_or(Factor::Float32, convert::factor),
            }),
        })
    }
}

/// What is given for the parameter that stands here.
fn put(value: &mut toml::Value, given: &[(String, Value)]) {
    let Some(word) = value.as_str() else { return };
    if let Some((_, other)) = given.iter().find(|(name, _)| name == word) {
        *value = match other {
            Value::Constant(number) => toml::Value::Integer(*number),
            Value::Name(name) => toml::Value::String(name.clone()),
        };
    }
}
