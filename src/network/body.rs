//! Bodies: the graphs inside If, and what is known of those inside Loop and Scan.
//!
//! An If whose condition is a constant is no choice: its body takes its place, and the other one is no part of the
//! network. Any other runs by the framework's rules, whatever stands in the bodies: their layers are no layers of the
//! network, and are listed so.

use std::collections::{BTreeMap, BTreeSet};

use super::{Network, Node, Operator, Tensor};

/// A graph inside a node. Its tensors have names that no other tensor of the network has, and its constants are the
/// network's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body {
    /// Every node comes after those it reads from.
    pub nodes: Vec<Node>,
    /// What it answers, in the order of the outputs of the node around it.
    pub outputs: Vec<String>,
}

/// A multiply-accumulate operator inside a body of which no more is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The node's name.
    pub name: String,
    /// The operator, as the model spells it.
    pub kind: String,
}

/// Whether an operator of that name multiplies and accumulates, whoever defines it.
pub(crate) fn multiplies(kind: &str) -> bool {
    const PARTS: [&str; 9] = ["Conv", "MatMul", "Gemm", "GEMM", "Einsum", "LSTM", "GRU", "RNN", "Attention"];
    let name = kind.rsplit('.').next().unwrap_or(kind);
    PARTS.iter().any(|part| name.contains(part))
}

impl Body {
    /// What it reads from around it: everything that it does not write.
    pub fn reads(&self) -> BTreeSet<&str> {
        let written: BTreeSet<&str> = self.nodes.iter().flat_map(Node::written).collect();
        let read = self.nodes.iter().flat_map(|node| node.inputs.iter().flatten());
        read.chain(&self.outputs).map(String::as_str).filter(|name| !written.contains(name)).collect()
    }

    fn renamed(&mut self, names: &BTreeMap<String, String>) {
        let rename = |name: &mut String| {
            if let Some(new) = names.get(name) {
                new.clone_into(name);
            }
        };
        self.outputs.iter_mut().for_each(rename);
        for node in &mut self.nodes {
            node.inputs.iter_mut().chain(&mut node.outputs).flatten().for_each(rename);
            if let Operator::If { then, otherwise } = &mut node.operator {
                then.renamed(names);
                otherwise.renamed(names);
            }
        }
    }

    /// The first node, however deep, that cannot be computed.
    fn opaque(&self) -> Option<(&Node, &str)> {
        self.nodes.iter().find_map(|node| match &node.operator {
            Operator::Opaque { reason, .. } => Some((node, reason.as_str())),
            _ => node.bodies().find_map(Body::opaque),
        })
    }
}

impl Node {
    /// The tensors that it writes.
    pub(super) fn written(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().flatten().map(String::as_str)
    }

    /// The graphs inside.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &Body> {
        let both = match &self.operator {
            Operator::If { then, otherwise } => vec![then, otherwise],
            _ => Vec::new(),
        };
        both.into_iter()
    }

    /// Every multiply-accumulate operator inside its bodies, however deep, with the node right around it.
    pub(super) fn inside(&self) -> Vec<(Inside, &Node)> {
        let mut found = Vec::new();
        let mut around = vec![self];
        while let Some(node) = around.pop() {
            if let Operator::Opaque { inside, .. } = &node.operator {
                found.extend(inside.iter().map(|mac| (mac.clone(), node)));
            }
            for inner in node.bodies().flat_map(|body| &body.nodes) {
                if multiplies(&inner.kind) {
                    found.push((Inside { name: inner.name.clone(), kind: inner.kind.clone() }, node));
                }
                around.push(inner);
            }
        }
        found
    }
}

impl Network {
    /// Puts in the place of every If whose condition is a constant the body that it chooses; whether there was one.
    pub(crate) fn decide(&mut self) -> bool {
        let chosen = |node: &Node| {
            let condition = self.constants.get(node.input(0)?)?;
            match (&node.operator, condition) {
                (Operator::If { then, otherwise }, Tensor::Bool(value)) if value.len() == 1 => {
                    Some(if value.first() == Some(&true) { then } else { otherwise }.clone())
                }
                _ => None,
            }
        };
        let bodies: Vec<Option<Body>> = self.nodes.iter().map(chosen).collect();
        if bodies.iter().all(Option::is_none) {
            return false;
        }
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (node, body) in std::mem::take(&mut self.nodes).into_iter().zip(bodies) {
            match body {
                None => nodes.push(node),
                Some(body) => nodes.extend(in_place(&node, body)),
            }
        }
        self.nodes = nodes;
        true
    }

    /// An If that cannot be computed, since a node of its bodies cannot, is opaque.
    pub(crate) fn settle(&mut self) {
        for node in &mut self.nodes {
            let Some((inner, why)) = node.bodies().find_map(Body::opaque) else { continue };
            let reason =
                format!("its body has {} {:?}, which cannot be computed: {why}", inner.kind, inner.name);
            let inside = node.inside().into_iter().map(|(mac, _)| mac).collect();
            node.operator = Operator::Opaque { reason, inside };
        }
    }
}

/// The nodes of a body, writing the outputs of the node around it.
fn in_place(node: &Node, mut body: Body) -> Vec<Node> {
    let written: BTreeSet<String> = body.nodes.iter().flat_map(Node::written).map(String::from).collect();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut copies = Vec::new();
    for (inner, outer) in body.outputs.iter().zip(&node.outputs) {
        let Some(outer) = outer else { continue };
        if written.contains(inner) && !names.contains_key(inner) {
            names.insert(inner.clone(), outer.clone());
            continue;
        }
        // A tensor from around the body, or one that is answered twice.
        copies.push(Node {
            name: format!("{} {outer}", node.name),
            kind: "Identity".to_owned(),
            operator: Operator::Identity,
            inputs: vec![Some(names.get(inner).unwrap_or(inner).clone())],
            outputs: vec![Some(outer.clone())],
            stands_for: None,
        });
    }
    body.renamed(&names);
    body.nodes.into_iter().chain(copies).collect()
}
