//! Functions of the model's own file: a node that calls one is read as the nodes of the function.

use std::collections::{BTreeMap, BTreeSet};

use super::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};
use super::{Builder, bodies, own_opset};
use crate::error::{Error, Kind, Result};
use crate::limits::MAX_NODES;
use crate::network::Node;

/// How deep calls may lie inside one another.
const DEEPEST: usize = 32;

impl Builder<'_> {
    /// The nodes of the function that a node calls; none when it calls none.
    ///
    /// # Errors
    /// Calls that are too deep or too many.
    pub(super) fn called(&mut self, proto: &NodeProto) -> Result<Option<Vec<Node>>> {
        let key = |domain: &Option<String>, name: &Option<String>| {
            (domain.clone().unwrap_or_default(), name.clone().unwrap_or_default())
        };
        let wanted = key(&proto.domain, &proto.op_type);
        let functions = std::rc::Rc::clone(&self.functions);
        let function = functions.iter().find(|function| key(&function.domain, &function.name) == wanted);
        let Some(function) = function else { return Ok(None) };
        self.calls += function.node.len();
        if self.depth >= DEEPEST || self.calls > MAX_NODES {
            let message = "its function calls functions too deep, or too many nodes".to_owned();
            return Err(Error::new(Kind::Unsupported, message));
        }
        let node = function.node.iter().map(|node| given(node, function, proto)).collect();
        let graph = GraphProto { node, ..GraphProto::default() };
        let mut scope = BTreeMap::new();
        for (formal, actual) in [(&function.input, &proto.input), (&function.output, &proto.output)] {
            for (index, name) in formal.iter().enumerate() {
                let actual = actual.get(index).filter(|actual| !actual.is_empty());
                // An output that nobody asked for is a tensor all the same, an input that is left out is none.
                let actual = match actual {
                    Some(actual) => self.resolved(actual),
                    None if std::ptr::eq(formal, &function.output) => self.tensors.take(name),
                    None => String::new(),
                };
                scope.insert(name.clone(), actual);
            }
        }
        for name in bodies::taken(&graph) {
            let tensors = &mut self.tensors;
            scope.entry(name).or_insert_with_key(|name| tensors.take(name));
        }
        let opset = own_opset(&function.opset_import).unwrap_or(self.opset);
        let outer = std::mem::replace(&mut self.opset, opset);
        self.scopes.push(scope);
        self.depth += 1;
        let mut constants = BTreeMap::new();
        let nodes = self.nodes(&graph, &mut constants, &BTreeSet::new());
        self.depth -= 1;
        self.scopes.pop();
        self.opset = outer;
        self.inner.extend(constants);
        nodes.map(Some)
    }
}

/// A node of a function with the attributes that the call gives it.
fn given(node: &NodeProto, function: &FunctionProto, call: &NodeProto) -> NodeProto {
    let named = |list: &[AttributeProto], name: &str| {
        list.iter().find(|attribute| attribute.name.as_deref() == Some(name)).cloned()
    };
    let attribute = |attribute: &AttributeProto| {
        let Some(outer) = attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) else {
            return Some(attribute.clone());
        };
        let value = named(&call.attribute, outer).or_else(|| named(&function.attribute_proto, outer))?;
        Some(AttributeProto { name: attribute.name.clone(), ..value })
    };
    NodeProto { attribute: node.attribute.iter().filter_map(attribute).collect(), ..node.clone() }
}
