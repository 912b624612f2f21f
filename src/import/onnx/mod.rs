//! `.onnx` → [`Network`]: operators and opsets, initialisers, topological order.
//!
//! Nothing is silently skipped: an unknown operator, attribute, element type or external file is an error that names
//! the node. The file is read whole; every allocation is bounded by its size or by
//! [`MAX_ELEMENTS`](crate::network::MAX_ELEMENTS).

mod attributes;
mod operator;
mod proto;
mod tensor;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prost::Message;

use crate::error::{Error, Kind, Place, Result, spelt};
use crate::limits::{MAX_NODES, max_memory, read_all};
use crate::network::{DType, Input, Network, Node, Tensor};
pub use operator::supported;
use proto::{GraphProto, ModelProto, NodeProto, ValueInfoProto};

/// The opsets of ONNX's own domain whose operators mean what goldpath computes.
const OPSETS: std::ops::RangeInclusive<i64> = 10..=24;

/// Reads a model, as it is written: the QDQ form is not fused here (see [`Network::fused`]).
///
/// # Errors
/// Missing, truncated or foreign file; operators, attributes, element types and shapes that are not supported: the
/// place is the file and, where there is one, the node.
pub fn read(path: &Path) -> Result<Network> {
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read", e))?;
    // The file, and the tensors read from it, lie in memory together.
    let bytes = read_all(file, path, max_memory() / 3, "read").map_err(|e| match e.kind {
        Kind::Limit => e.help("give a larger --max-memory: a model takes three times its file"),
        _ => e,
    })?;
    parse(&bytes, path).map_err(|e| e.in_file(path))
}

/// Parses the bytes of a model; `source` is named in errors.
///
/// # Errors
/// As [`read`], but for the file itself.
pub fn parse(bytes: &[u8], source: &Path) -> Result<Network> {
    let model = ModelProto::decode(bytes).map_err(|e| {
        Error::new(Kind::Malformed, "not a whole ONNX model")
            .because(e)
            .help("the file is truncated or damaged")
    })?;
    let opset = opset(&model)?;
    let graph = model.graph.ok_or_else(|| {
        Error::new(Kind::Malformed, "not an ONNX model: it has no graph")
            .help("the file is empty or truncated")
    })?;
    let given = graph.node.iter().filter_map(|node| node.name.as_deref().map(spelt));
    let given = given.filter(|name| !name.is_empty()).collect();
    Builder { source, opset, given, names: BTreeSet::new(), numbers: BTreeMap::new() }.network(graph)
}

fn opset(model: &ModelProto) -> Result<i64> {
    let own = |d: &str| d.is_empty() || d == "ai.onnx";
    let found = model.opset_import.iter().find(|o| own(o.domain.as_deref().unwrap_or("")));
    let version = found.and_then(|o| o.version).ok_or_else(|| {
        Error::new(Kind::Malformed, "no opset of ONNX's own domain is named")
            .help("the file is no ONNX model, or truncated")
    })?;
    if OPSETS.contains(&version) {
        return Ok(version);
    }
    let help = format!("supported: opsets {} to {}", OPSETS.start(), OPSETS.end());
    Err(Error::new(Kind::Unsupported, format!("opset {version} is not supported")).help(help))
}

struct Builder<'a> {
    source: &'a Path,
    opset: i64,
    /// Every node name in the file: none is made up.
    given: BTreeSet<String>,
    /// Node names taken so far.
    names: BTreeSet<String>,
    /// The next number to try behind a name that is taken.
    numbers: BTreeMap<String, usize>,
}

impl Builder<'_> {
    fn network(mut self, graph: GraphProto) -> Result<Network> {
        if !graph.sparse_initializer.is_empty() {
            return Err(Error::new(Kind::Unsupported, "sparse initialisers are not supported"));
        }
        let mut constants = BTreeMap::new();
        for proto in &graph.initializer {
            let name = proto.name.clone().unwrap_or_default();
            let place = format!("initialiser {name:?}");
            let value = tensor::tensor(proto).map_err(|e| self.at(&place, e))?;
            if constants.insert(name, value).is_some() {
                return Err(self.at(&place, twice("is in the file twice")));
            }
        }
        if graph.node.len() > MAX_NODES {
            let message = format!("{} nodes; a network may have {MAX_NODES}", graph.node.len());
            return Err(Error::new(Kind::Unsupported, message));
        }
        let inputs = self.inputs(&graph, &constants)?;
        let mut nodes = Vec::new();
        for (index, proto) in graph.node.iter().enumerate() {
            let name = self.unique_name(proto, index);
            let kind = kind(proto);
            let place = format!("{name:?} ({kind})");
            if kind == "Constant" {
                let value = self.constant_node(proto).map_err(|e| self.at(&place, e))?;
                let output = proto.output.first().cloned().unwrap_or_default();
                let is_input = graph.input.iter().any(|i| i.name.as_deref() == Some(output.as_str()));
                if is_input || constants.insert(output.clone(), value).is_some() {
                    return Err(self.at(&place, twice(&format!("tensor {output:?} is written twice"))));
                }
                continue;
            }
            if let Some(wrong) = miscounted(proto) {
                return Err(self.at(&place, Error::new(Kind::Malformed, wrong)));
            }
            let operator = operator::operator(proto, self.opset).map_err(|e| self.at(&place, e))?;
            let optional =
                |list: &[String]| list.iter().map(|n| Some(n.clone()).filter(|n| !n.is_empty())).collect();
            nodes.push(Node {
                name,
                kind,
                operator,
                inputs: optional(&proto.input),
                outputs: optional(&proto.output),
            });
        }
        let outputs = graph.output.into_iter().filter_map(|o| o.name).collect();
        let network = Network { source: self.source.to_path_buf(), inputs, outputs, constants, nodes };
        network.sorted()
    }

    fn at(&self, node: &str, error: Error) -> Error {
        error.at(Place::Node { path: self.source.to_path_buf(), node: node.to_owned() })
    }

    /// What the network must be fed. An input with an initialiser of its name has a value already.
    fn inputs(&self, graph: &GraphProto, constants: &BTreeMap<String, Tensor>) -> Result<Vec<Input>> {
        let (mut inputs, mut names) = (Vec::new(), BTreeSet::new());
        for info in &graph.input {
            let name = info.name.clone().unwrap_or_default();
            let place = format!("input {name:?}");
            if !names.insert(name.clone()) {
                return Err(self.at(&place, twice("is in the file twice")));
            }
            if !constants.contains_key(&name) {
                inputs.push(input(info).map_err(|e| self.at(&place, e))?);
            }
        }
        Ok(inputs)
    }

    /// A tensor, or a number or list of numbers (`value_float`, `value_ints`, …).
    fn constant_node(&self, proto: &NodeProto) -> Result<Tensor> {
        use ndarray::{arr0, arr1};
        let [value] = proto.attribute.as_slice() else {
            let message = format!("a Constant has one attribute, not {}", proto.attribute.len());
            return Err(Error::new(Kind::Malformed, message));
        };
        let missing = || Error::new(Kind::Malformed, "the Constant's attribute holds no value");
        match value.name.as_deref().unwrap_or("") {
            "value" => tensor::tensor(value.t.as_ref().ok_or_else(missing)?),
            "value_float" => Ok(Tensor::F32(arr0(value.f.ok_or_else(missing)?).into_dyn())),
            "value_floats" => Ok(Tensor::F32(arr1(&value.floats).into_dyn())),
            "value_int" => Ok(Tensor::I64(arr0(value.i.ok_or_else(missing)?).into_dyn())),
            "value_ints" => Ok(Tensor::I64(arr1(&value.ints).into_dyn())),
            other => {
                let message = format!("a Constant's attribute {other:?} is not supported");
                Err(Error::new(Kind::Unsupported, message)
                    .help("supported: value, value_float, value_floats, value_int and value_ints"))
            }
        }
    }

    /// The model's name of a node. Unnamed ones get their operator and position, repeated ones a number behind the
    /// name; neither is a name that any node of the file has.
    fn unique_name(&mut self, proto: &NodeProto, index: usize) -> String {
        // A name is for people and for --layer: what a terminal would obey is spelt out.
        let given = proto.name.as_deref().map(spelt).filter(|name| !name.is_empty());
        let name = match given {
            Some(name) if !self.names.contains(&name) => name,
            given => {
                let (stem, first) = match given {
                    Some(name) => (name, 2),
                    None => (spelt(&format!("{}_{index}", proto.op_type.as_deref().unwrap_or("node"))), 1),
                };
                let number = self.numbers.entry(stem.clone()).or_insert(first);
                loop {
                    let name = if *number == 1 { stem.clone() } else { format!("{stem}_{number}") };
                    *number += 1;
                    if !self.given.contains(&name) && !self.names.contains(&name) {
                        break name;
                    }
                }
            }
        };
        self.names.insert(name.clone());
        name
    }
}

fn twice(what: &str) -> Error {
    Error::new(Kind::Malformed, what.to_owned()).help("ONNX lets every tensor be written once")
}

/// Inputs and outputs that the operator cannot have.
fn miscounted(proto: &NodeProto) -> Option<String> {
    let at_most = match proto.op_type.as_deref() {
        Some("ConvInteger" | "MatMulInteger") => 4,
        _ => usize::MAX,
    };
    if proto.output.is_empty() {
        return Some("the node writes no tensor".to_owned());
    }
    (proto.input.len() > at_most)
        .then(|| format!("{} inputs, at most {at_most} are defined", proto.input.len()))
}

/// The operator with its domain, unless that is ONNX's own.
fn kind(proto: &NodeProto) -> String {
    let name = proto.op_type.as_deref().unwrap_or("");
    match proto.domain.as_deref().unwrap_or("") {
        "" | "ai.onnx" => name.to_owned(),
        domain => format!("{domain}.{name}"),
    }
}

fn input(info: &ValueInfoProto) -> Result<Input> {
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor =
        tensor.ok_or_else(|| Error::new(Kind::Unsupported, "only tensors are supported as inputs"))?;
    let dtype: DType = tensor::element_type(tensor.elem_type.unwrap_or(0))?;
    let dims = tensor.shape.as_ref().map(|shape| {
        shape
            .dim
            .iter()
            .map(|d| d.dim_value.and_then(|v| usize::try_from(v).ok()).filter(|v| *v > 0))
            .collect()
    });
    Ok(Input { name: info.name.clone().unwrap_or_default(), dtype, dims })
}
