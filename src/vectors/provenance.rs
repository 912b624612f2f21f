//! Where a bundle's numbers came from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a bundle's numbers came from; everything here is the same on any machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// `random`, `extreme`, `saturating`, `directed`, `single`, `numbers`, `matrices`, `layer` or `witness`.
    pub source: String,
    /// Seed of the made-up numbers; none when they came from files.
    pub seed: Option<u64>,
    /// File name and SHA-256 of each input.
    #[serde(default)]
    pub inputs: BTreeMap<String, InputFile>,
    /// Node of the model that was run.
    pub layer: Option<String>,
    /// Images taken, first and one past the last.
    pub images: Option<[usize; 2]>,
    /// Whose values reached the layer: `exact`, the framework's own, or `design`, what the layers before it do on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// What Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear computed in front of the layer: `written`,
    /// one float32 operator after the other, or `fused`, the integer layer they stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qdq: Option<String>,
    /// Whose numbers the post steps have, when they are not the layer's: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requantization: Option<String>,
    /// What became of the bias, where `--bias-in` said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<String>,
    /// `--set` keys that changed the design, with their values.
    #[serde(default)]
    pub overrides: BTreeMap<String, String>,
    /// What the bundle shows, when it was made of a witness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}

/// A file that numbers were taken from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// Its name without the folder.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}
