//! `.onnx` → [`Network`]: operators and opsets, initialisers, topological order.
//!
//! Nothing is silently skipped: a node with an operator or attribute that is not known, and a tensor of an element type
//! that goldpath does not carry, become nodes with [`Operator::Opaque`], which says why. Who must evaluate one is
//! refused; the others read on. The file is read whole; every allocation is bounded by its size, by that of the files of
//! external data beside it, or by [`MAX_ELEMENTS`](crate::network::MAX_ELEMENTS).

mod attributes;
mod bodies;
mod constant;
mod expand;
mod external;
mod functions;
mod operator;
mod proto;
mod tensor;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use prost::Message;

use crate::error::{Error, Kind, Place, Result, spelt};
use crate::import::foreign::looks_like;
use crate::limits::{Charge, MAX_NODES, max_memory, read_all};
use crate::network::{DType, FreeNames, Input, Network, Node, Operator, Tensor};
use external::External;
pub use operator::supported;
use proto::{FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto};

/// The first opset of ONNX's own domain whose operators mean what goldpath computes: before it, they broadcast by
/// attributes. Of later ones than are known, operators are taken as they are known.
const FIRST_OPSET: i64 = 7;

/// The first one of which ONNX has operators at all.
const LEAST_OPSET: i64 = 1;

/// Reads a model, as it is written: the QDQ form is not fused here (see [`Network::fused`]).
///
/// # Errors
/// Missing, truncated or foreign file; graphs, attributes, shapes and data that are not what their format says: the place
/// is the file and, where there is one, the node.
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
    let other = |error: Error| match looks_like(bytes) {
        Some(what) => Error::new(Kind::Malformed, format!("not an ONNX model: it looks like {what}"))
            .help("a quantised model in ONNX's binary form (.onnx) is expected here"),
        None => error,
    };
    let asked = wire::asked(bytes);
    if asked.nodes > MAX_NODES {
        let message = format!("{} nodes; a network may have {MAX_NODES}", asked.nodes);
        return Err(Error::new(Kind::Unsupported, message));
    }
    // Lists grow by doubling.
    let _held = Charge::new(asked.bytes.saturating_mul(2).min(u64::MAX / 4), || {
        format!("what is read of a model of {} bytes", bytes.len())
    })?;
    let model = ModelProto::decode(bytes).map_err(|e| {
        let error = Error::new(Kind::Malformed, "not a whole ONNX model").because(e);
        other(error.help("the file is truncated or damaged"))
    })?;
    if model.graph.is_none() {
        let error = Error::new(Kind::Malformed, "not an ONNX model: it has no graph");
        return Err(other(error.help("the file is empty or truncated")));
    }
    let opset = opset(&model)?;
    let graph = model.graph.unwrap_or_default();
    let given = graph.node.iter().filter_map(|node| node.name.as_deref().map(spelt));
    let given = given.filter(|name| !name.is_empty()).collect();
    let external = External::new(source, bytes.len() as u64);
    let (names, numbers) = (BTreeSet::new(), BTreeMap::new());
    Builder {
        source,
        opset,
        given,
        names,
        numbers,
        external,
        unread: Vec::new(),
        tensors: FreeNames::behind(bodies::taken(&graph)),
        scopes: Vec::new(),
        inner: BTreeMap::new(),
        functions: Rc::new(model.functions),
        calls: 0,
        depth: 0,
    }
    .network(graph)
}

/// The version of ONNX's own domain.
fn own_opset(imports: &[OperatorSetIdProto]) -> Option<i64> {
    let own = |d: &str| d.is_empty() || d == "ai.onnx";
    imports.iter().find(|o| own(o.domain.as_deref().unwrap_or(""))).and_then(|o| o.version)
}

fn opset(model: &ModelProto) -> Result<i64> {
    let version = own_opset(&model.opset_import).ok_or_else(|| {
        Error::new(Kind::Malformed, "no opset of ONNX's own domain is named")
            .help("the file is no ONNX model, or truncated")
    })?;
    if version >= LEAST_OPSET {
        return Ok(version);
    }
    Err(Error::new(Kind::Malformed, format!("there is no opset {version}")).help("the file is damaged"))
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
    external: External,
    /// Tensors of the file that goldpath does not carry, as nodes that write them.
    unread: Vec<Node>,
    /// Names of all tensors met so far, those of bodies made unique.
    tensors: FreeNames,
    /// Around the node that is read, the outermost body first: the file's names of their tensors, and the unique ones.
    scopes: Vec<BTreeMap<String, String>>,
    /// Constants of bodies.
    inner: BTreeMap<String, Tensor>,
    /// Those of the file, the nodes read from them so far, and how many calls are around the node that is read.
    functions: Rc<Vec<FunctionProto>>,
    calls: usize,
    depth: usize,
}

impl Builder<'_> {
    fn network(mut self, graph: GraphProto) -> Result<Network> {
        let mut constants = self.initialisers(&graph)?;
        let inputs = self.inputs(&graph, &constants)?;
        let fed: BTreeSet<&str> = graph.input.iter().filter_map(|input| input.name.as_deref()).collect();
        let mut nodes = self.nodes(&graph, &mut constants, &fed)?;
        constants.append(&mut self.inner);
        let read: BTreeSet<&String> = nodes
            .iter()
            .flat_map(|node: &Node| node.inputs.iter().flatten())
            .chain(outputs(&graph))
            .collect();
        self.unread.retain(|node| node.outputs.iter().flatten().any(|name| read.contains(name)));
        nodes.splice(0..0, std::mem::take(&mut self.unread));
        let outputs = graph.output.into_iter().filter_map(|o| o.name).collect();
        let network = Network { source: self.source.to_path_buf(), inputs, outputs, constants, nodes };
        network.sorted()
    }

    /// The nodes of a graph, in the file's order; what Constant nodes hold is put into `constants`.
    fn nodes(
        &mut self,
        graph: &GraphProto,
        constants: &mut BTreeMap<String, Tensor>,
        fed: &BTreeSet<&str>,
    ) -> Result<Vec<Node>> {
        let mut nodes = Vec::new();
        for (index, proto) in graph.node.iter().enumerate() {
            let name = self.unique_name(proto, index);
            let kind = kind(proto);
            let place = format!("{name:?} ({kind})");
            if kind == "Constant" {
                let value = match constant::value(proto, &self.external) {
                    Err(unknown) if unknown.kind == Kind::Unsupported => {
                        nodes.push(self.opaque(name, kind, unknown.message, proto));
                        continue;
                    }
                    value => value.map_err(|e| self.at(&place, e))?,
                };
                let output = self.resolved(proto.output.first().map_or("", String::as_str));
                if fed.contains(output.as_str()) || constants.insert(output.clone(), value).is_some() {
                    return Err(self.at(&place, twice(&format!("tensor {output:?} is written twice"))));
                }
                continue;
            }
            if let Some(wrong) = miscounted(proto) {
                return Err(self.at(&place, Error::new(Kind::Malformed, wrong)));
            }
            let several = match self.called(proto) {
                Ok(None) => self.expanded(&name, proto),
                called => called,
            };
            match several {
                Ok(None) => {}
                Ok(Some(several)) => {
                    nodes.extend(several);
                    continue;
                }
                Err(unknown) if unknown.kind == Kind::Unsupported => {
                    nodes.push(self.opaque(name, kind, unknown.message, proto));
                    continue;
                }
                Err(error) => return Err(self.at(&place, error)),
            }
            let read = match kind.as_str() {
                "If" => self.branches(proto),
                _ => self.operator(proto).map(|operator| (operator, self.names(&proto.input))),
            };
            nodes.push(match read {
                Ok((operator, inputs)) => {
                    let outputs = self.names(&proto.output);
                    Node { name, kind, operator, inputs, outputs, stands_for: None }
                }
                Err(unknown) if unknown.kind == Kind::Unsupported => {
                    self.opaque(name, kind, unknown.message, proto)
                }
                Err(error) => return Err(self.at(&place, error)),
            });
        }
        Ok(nodes)
    }

    /// A node that is not known, with what is known of it.
    fn opaque(&mut self, name: String, kind: String, reason: String, proto: &NodeProto) -> Node {
        let [inputs, outputs] = [&proto.input, &proto.output].map(|list| self.names(list));
        let operator = Operator::Opaque { reason, inside: self.inside(proto) };
        Node { name, kind, operator, inputs, outputs, stands_for: None }
    }

    /// What a node computes; opaque nodes are decided on by its [`Kind::Unsupported`].
    fn operator(&self, proto: &NodeProto) -> Result<Operator> {
        let own = matches!(proto.domain.as_deref().unwrap_or(""), "" | "ai.onnx");
        if own && self.opset < FIRST_OPSET {
            let message =
                format!("operators of opset {} are not known: {FIRST_OPSET} is the first", self.opset);
            return Err(Error::new(Kind::Unsupported, message));
        }
        operator::operator(proto, self.opset)
    }

    /// Constants by name; those of element types that are not carried are put down as `unread`.
    fn initialisers(&mut self, graph: &GraphProto) -> Result<BTreeMap<String, Tensor>> {
        let (mut constants, mut names) = (BTreeMap::new(), BTreeSet::new());
        let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
        let dense = graph.initializer.iter().map(|proto| (proto, tensor::tensor(proto, &self.external)));
        let refused = || Error::new(Kind::Unsupported, "sparse initialisers are not read");
        let all: Vec<_> = dense.chain(sparse.map(|proto| (proto, Err(refused())))).collect();
        for (proto, value) in all {
            let name = proto.name.clone().unwrap_or_default();
            let place = format!("initialiser {name:?}");
            if !names.insert(name.clone()) {
                return Err(self.at(&place, twice("is in the file twice")));
            }
            let name = self.resolved(&name);
            match value {
                Err(unknown) if unknown.kind == Kind::Unsupported => {
                    self.cannot_carry("initialiser", name, unknown.message);
                }
                value => {
                    constants.insert(name, value.map_err(|e| self.at(&place, e))?);
                }
            }
        }
        Ok(constants)
    }

    /// Makes a tensor that the file holds or asks for the output of an opaque node.
    fn cannot_carry(&mut self, what: &str, tensor: String, reason: String) {
        let name = self.free_name(spelt(&tensor));
        let (kind, operator) = (what.to_owned(), Operator::Opaque { reason, inside: Vec::new() });
        self.unread.push(Node {
            name,
            kind,
            operator,
            inputs: Vec::new(),
            outputs: vec![Some(tensor)],
            stands_for: None,
        });
    }

    fn at(&self, node: &str, error: Error) -> Error {
        error.at(Place::Node { path: self.source.to_path_buf(), node: node.to_owned() })
    }

    /// What the network must be fed. An input with an initialiser of its name has a value already.
    fn inputs(&mut self, graph: &GraphProto, constants: &BTreeMap<String, Tensor>) -> Result<Vec<Input>> {
        let (mut inputs, mut names) = (Vec::new(), BTreeSet::new());
        for info in &graph.input {
            let name = info.name.clone().unwrap_or_default();
            let place = format!("input {name:?}");
            if !names.insert(name.clone()) {
                return Err(self.at(&place, twice("is in the file twice")));
            }
            let is_unread = |node: &Node| node.outputs.first().is_some_and(|n| n.as_ref() == Some(&name));
            if constants.contains_key(&name) || self.unread.iter().any(is_unread) {
                continue;
            }
            match input(info) {
                Ok(input) => inputs.push(input),
                Err(unknown) if unknown.kind == Kind::Unsupported => {
                    self.cannot_carry("input", name, unknown.message);
                }
                Err(error) => return Err(self.at(&place, error)),
            }
        }
        Ok(inputs)
    }

    /// The model's name of a node. Unnamed ones get their operator and position, repeated ones a number behind the
    /// name; neither is a name that any node of the file has.
    fn unique_name(&mut self, proto: &NodeProto, index: usize) -> String {
        // A name is for people and for --layer: what a terminal would obey is spelt out.
        let given = proto.name.as_deref().map(spelt).filter(|name| !name.is_empty());
        match given {
            Some(name) if self.names.insert(name.clone()) => name,
            Some(name) => self.free_name(name),
            None => self.free_name(spelt(&format!("{}_{index}", proto.op_type.as_deref().unwrap_or("node")))),
        }
    }

    /// `stem`, or `stem` with a number: a name that no node of the file has.
    fn free_name(&mut self, stem: String) -> String {
        let number = self.numbers.entry(stem.clone()).or_insert(1);
        loop {
            let name = if *number == 1 { stem.clone() } else { format!("{stem}_{number}") };
            *number += 1;
            if !self.given.contains(&name) && self.names.insert(name.clone()) {
                return name;
            }
        }
    }
}

fn twice(what: &str) -> Error {
    Error::new(Kind::Malformed, what.to_owned()).help("ONNX lets every tensor be written once")
}

fn outputs(graph: &GraphProto) -> impl Iterator<Item = &String> {
    graph.output.iter().filter_map(|output| output.name.as_ref())
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
