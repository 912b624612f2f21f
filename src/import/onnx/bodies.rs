//! Graphs inside nodes: the bodies of If are read whole; of those of Loop, Scan and whatever else has one, only which
//! operators multiply and accumulate in them.
//!
//! A body sees the tensors around it by their names. Its own tensors get names that no other tensor of the file has, so
//! that it can be put in the place of its node.

use std::collections::{BTreeMap, BTreeSet};

use super::proto::{GraphProto, NodeProto};
use super::{Builder, kind, outputs};
use crate::error::{Error, Kind, Result};
use crate::network::{Body, DType, Input, Inside, Network, Operator, Tensor, multiplies};

impl Builder<'_> {
    /// The name of a tensor, as it is seen in the innermost body.
    pub(super) fn resolved(&self, name: &str) -> String {
        let renamed = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        renamed.map_or(name, String::as_str).to_owned()
    }

    /// Tensor names as they are seen in the innermost body; an empty one is left out.
    pub(super) fn names(&self, list: &[String]) -> Vec<Option<String>> {
        list.iter().map(|name| Some(self.resolved(name)).filter(|_| !name.is_empty())).collect()
    }

    /// Both bodies of an If, and what they read from around it.
    pub(super) fn branches(&mut self, proto: &NodeProto) -> Result<(Operator, Vec<Option<String>>)> {
        let unread = |what: String| Error::new(Kind::Unsupported, what);
        let graph = |name: &str| {
            let found = proto.attribute.iter().find(|a| a.name.as_deref() == Some(name));
            found.and_then(|a| a.g.as_deref()).ok_or_else(|| unread(format!("it has no {name}")))
        };
        let graphs = [graph("then_branch")?, graph("else_branch")?];
        if let Some(other) =
            proto.attribute.iter().find(|a| !matches!(a.name.as_deref(), Some("then_branch" | "else_branch")))
        {
            let name = other.name.as_deref().unwrap_or("");
            return Err(unread(format!("attribute {name:?} is not supported")));
        }
        for graph in graphs {
            if !graph.input.is_empty() || outputs(graph).count() != proto.output.len() {
                return Err(unread("its bodies do not have its outputs, and no inputs".to_owned()));
            }
        }
        let [condition] = proto.input.as_slice() else {
            return Err(unread(format!("it has {} inputs, not a condition alone", proto.input.len())));
        };
        let [then, otherwise] = [self.body(graphs[0])?, self.body(graphs[1])?];
        let reads: BTreeSet<&str> = then.reads().into_iter().chain(otherwise.reads()).collect();
        let mut inputs = self.names(std::slice::from_ref(condition));
        inputs.extend(reads.into_iter().map(|name| Some(name.to_owned())));
        Ok((Operator::If { then, otherwise }, inputs))
    }

    fn body(&mut self, graph: &GraphProto) -> Result<Body> {
        let mut scope = BTreeMap::new();
        for name in defined(graph) {
            let free = self.tensors.take(name);
            scope.insert(name.clone(), free);
        }
        self.scopes.push(scope);
        let body = self.body_in_scope(graph);
        self.scopes.pop();
        body
    }

    fn body_in_scope(&mut self, graph: &GraphProto) -> Result<Body> {
        let mut constants: BTreeMap<String, Tensor> = self.initialisers(graph)?;
        let nodes = self.nodes(graph, &mut constants, &BTreeSet::new())?;
        self.inner.extend(constants);
        let body = Body { nodes, outputs: outputs(graph).map(|name| self.resolved(name)).collect() };
        let around = |name: &str| Input { name: name.to_owned(), dtype: DType::F32, dims: None };
        let network = Network {
            source: self.source.to_path_buf(),
            inputs: body.reads().into_iter().map(around).collect(),
            outputs: body.outputs,
            constants: BTreeMap::new(),
            nodes: body.nodes,
        };
        let Network { nodes, outputs, .. } = network.sorted()?;
        Ok(Body { nodes, outputs })
    }

    /// The multiply-accumulate operators in the graphs of a node, however deep.
    pub(super) fn inside(&mut self, proto: &NodeProto) -> Vec<Inside> {
        let mut found = Vec::new();
        let mut around = vec![proto];
        while let Some(node) = around.pop() {
            let graphs = node.attribute.iter().flat_map(|a| a.g.as_deref().into_iter().chain(&a.graphs));
            for (index, inner) in graphs.flat_map(|graph| graph.node.iter().enumerate()) {
                let kind = kind(inner);
                if multiplies(&kind) {
                    found.push(Inside { name: self.unique_name(inner, index), kind });
                }
                around.push(inner);
            }
        }
        found
    }
}

/// The tensors that a graph brings or writes.
fn defined(graph: &GraphProto) -> BTreeSet<&String> {
    let sparse = graph.sparse_initializer.iter().filter_map(|sparse| sparse.values.as_ref());
    let held = graph.initializer.iter().chain(sparse).filter_map(|tensor| tensor.name.as_ref());
    let fed = graph.input.iter().filter_map(|input| input.name.as_ref());
    let written = graph.node.iter().flat_map(|node| &node.output);
    held.chain(fed).chain(written).filter(|name| !name.is_empty()).collect()
}

/// The names of the tensors of the outermost graph.
pub(super) fn taken(graph: &GraphProto) -> BTreeSet<String> {
    defined(graph).into_iter().cloned().collect()
}
