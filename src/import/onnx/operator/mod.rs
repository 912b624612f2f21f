//! A node's operator type and attributes → [`Operator`].
//!
//! Every family has a table of names and how their attributes are read; what is supported is what the tables hold.

mod activation;
mod layer;
mod layout;
mod microsoft;
mod recurrent;
mod resampling;
mod statistics;

use super::attributes::Attributes;
use super::expand;
use super::proto::NodeProto;
use crate::error::{Error, Kind, Result};
use crate::network::Operator;
pub(super) use layer::{conv, gemm};

/// How an operator is read from its attributes and the version of ONNX's own domain.
type Read = fn(&Attributes, i64) -> Result<Operator>;

/// An operator's name and how it is read.
type Entry = (&'static str, Read);

/// What goldpath knows of ONNX's own domain.
const STANDARD: [&[Entry]; 6] = [
    layer::ENTRIES,
    activation::ENTRIES,
    layout::ENTRIES,
    statistics::ENTRIES,
    resampling::ENTRIES,
    recurrent::ENTRIES,
];

/// What goldpath knows of com.microsoft.
const MICROSOFT: [&[Entry]; 1] = [microsoft::ENTRIES];

/// Names of the supported operators in alphabetical order: of ONNX's own domain, and of com.microsoft.
pub fn supported() -> [Vec<&'static str>; 2] {
    let names = |families: &[&[Entry]]| {
        let mut names: Vec<&str> =
            families.iter().flat_map(|family| family.iter().map(|(n, _)| *n)).collect();
        names.sort_unstable();
        names
    };
    let mut standard = names(&STANDARD);
    // The builder makes a constant of it.
    standard.insert(standard.partition_point(|name| *name < "Constant"), "Constant");
    let mut microsoft = names(&MICROSOFT);
    microsoft.extend(expand::names());
    microsoft.sort_unstable();
    [standard, microsoft]
}

/// Reads one node's operator; `opset` is the version of ONNX's own domain.
pub(super) fn operator(node: &NodeProto, opset: i64) -> Result<Operator> {
    let attributes = Attributes::new(node);
    let kind = node.op_type.as_deref().unwrap_or("");
    let families: &[&[Entry]] = match node.domain.as_deref().unwrap_or("") {
        "" | "ai.onnx" => &STANDARD,
        "com.microsoft" => &MICROSOFT,
        _ => &[],
    };
    let entry = families.iter().flat_map(|family| family.iter()).find(|(name, _)| *name == kind);
    let operator = entry.ok_or_else(|| unsupported(node))?.1(&attributes, opset)?;
    attributes.finish()?;
    Ok(operator)
}

fn unsupported(node: &NodeProto) -> Error {
    let domain = node.domain.as_deref().filter(|d| !d.is_empty()).unwrap_or("ai.onnx");
    let kind = node.op_type.as_deref().unwrap_or("");
    let [standard, microsoft] = supported();
    Error::new(Kind::Unsupported, format!("operator {kind:?} of domain {domain} is not supported"))
        .help(format!("supported: {}; com.microsoft: {}", standard.join(", "), microsoft.join(", ")))
}

fn required(a: &Attributes, name: &str) -> Result<i64> {
    a.int(name)?.ok_or_else(|| Error::new(Kind::Malformed, format!("attribute {name} is missing")))
}
