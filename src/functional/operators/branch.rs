//! If: the body that a truth value chooses, node by node, by the framework's rules.

use std::collections::BTreeMap;

use super::{Call, Framework, evaluate};
use crate::error::{Error, Kind, Result};
use crate::limits::{Charge, bytes};
use crate::network::{Body, Tensor};

/// `bodies`: where input 0 is true, and where it is not.
pub(super) fn branch(call: &Call, [then, otherwise]: [&Body; 2]) -> Result<Vec<Tensor>> {
    let body = match call.tensor(0)? {
        Tensor::Bool(value) if value.len() == 1 => {
            if value.first() == Some(&true) {
                then
            } else {
                otherwise
            }
        }
        other => {
            let message =
                format!("a condition is one truth value, not {} {:?}", other.dtype(), other.shape());
            return Err(Error::new(Kind::Value, message));
        }
    };
    let around = call.node.inputs.iter().zip(&call.inputs).skip(1);
    let around: BTreeMap<&str, &Tensor> =
        around.filter_map(|(name, tensor)| Some((name.as_deref()?, (*tensor)?))).collect();
    let mut made: BTreeMap<&str, (Tensor, Charge)> = BTreeMap::new();
    for node in &body.nodes {
        let find = |name: &String| {
            let made = made.get(name.as_str()).map(|(tensor, _)| tensor);
            made.or_else(|| around.get(name.as_str()).copied()).or_else(|| call.constants.get(name))
        };
        let inputs = node.inputs.iter().map(|name| name.as_ref().and_then(find)).collect();
        let outputs = evaluate(&Call { node, inputs, rule: &Framework, constants: call.constants }).map_err(
            |mut error| {
                error.message =
                    format!("in its body, node {:?} ({}): {}", node.name, node.kind, error.message);
                error
            },
        )?;
        for (name, tensor) in node.outputs.iter().zip(outputs) {
            let Some(name) = name else { continue };
            let size = bytes(&[tensor.len()], tensor.dtype().size_bytes() as u64);
            let charge = Charge::new(size, || format!("the tensors of a body with {name:?}"))?;
            made.insert(name, (tensor, charge));
        }
    }
    let answer = |name: &String| {
        let made = made.get(name.as_str()).map(|(tensor, _)| tensor);
        let found = made.or_else(|| around.get(name.as_str()).copied()).or_else(|| call.constants.get(name));
        found.cloned().ok_or_else(|| Error::new(Kind::Value, format!("its body does not write {name:?}")))
    };
    body.outputs.iter().map(answer).collect()
}
