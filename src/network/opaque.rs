//! What goldpath cannot compute in a network, and which layers lie behind it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Network, Operator};

/// The nodes of one operator that cannot be computed, all for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpaqueOperator {
    /// The operator, with its domain unless that is ONNX's own; `initialiser` or `input` for a tensor of the file.
    pub kind: String,
    /// Why it cannot be computed.
    pub reason: String,
    /// Names of the nodes, in evaluation order.
    pub nodes: Vec<String>,
    /// The tensors that they write.
    pub tensors: Vec<String>,
}

impl Network {
    /// Every operator that cannot be computed, those left out of which `is_fed` holds for all outputs.
    pub fn opaque(&self, is_fed: &dyn Fn(&str) -> bool) -> Vec<OpaqueOperator> {
        let mut found: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut operators: Vec<OpaqueOperator> = Vec::new();
        for node in &self.nodes {
            let Operator::Opaque { reason, .. } = &node.operator else { continue };
            let mut tensors = node.outputs.iter().flatten().filter(|name| !is_fed(name)).peekable();
            if tensors.peek().is_none() {
                continue;
            }
            let at = *found.entry((&node.kind, reason)).or_insert(operators.len());
            if at == operators.len() {
                let (kind, reason) = (node.kind.clone(), reason.clone());
                operators.push(OpaqueOperator { kind, reason, nodes: vec![], tensors: vec![] });
            }
            operators[at].nodes.push(node.name.clone());
            operators[at].tensors.extend(tensors.cloned());
        }
        operators
    }

    /// Names of the Conv, MatMul and Gemm layers that something opaque feeds, in evaluation order; `is_fed` tensors are
    /// known.
    pub fn behind_opaque(&self, is_fed: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut unknown: BTreeSet<&str> = BTreeSet::new();
        let (mut behind, mut named): (Vec<String>, BTreeSet<&str>) = Default::default();
        for node in &self.nodes {
            let reads = node.inputs.iter().flatten().any(|name| unknown.contains(name.as_str()));
            if reads
                && (node.operator.is_float_mac() || node.operator.is_integer_mac())
                && !node.is_products()
            {
                // An integer layer may stand beside the float one of its name.
                if named.insert(&node.name) {
                    behind.push(node.name.clone());
                }
            }
            if reads || matches!(node.operator, Operator::Opaque { .. }) {
                unknown
                    .extend(node.outputs.iter().flatten().map(String::as_str).filter(|name| !is_fed(name)));
            }
        }
        behind
    }
}
