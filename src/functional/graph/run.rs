//! A network of any inputs and outputs, run once on feeds under their names.

use super::live::{Keep, Live};
use super::{Named, node_outputs};
use crate::error::{Error, Kind, Result};
use crate::functional::operators::LayerRule;
use crate::network::{Input, Network, Tensor};

/// Runs `network` once on `feeds`, one for each of its inputs, and returns its outputs, of any type, in its order.
///
/// # Errors
/// A feed that is missing, has another type or shape than the input, or no input; whatever an operator cannot do: the
/// place is the node. An output that nothing computes.
pub fn run(network: &Network, feeds: &[Named], rule: &dyn LayerRule) -> Result<Vec<Named>> {
    let mut known = Live::new(network, Keep::All);
    for (name, _) in feeds {
        if network.inputs.iter().all(|input| input.name != *name) {
            let names: Vec<&str> = network.inputs.iter().map(|input| input.name.as_str()).collect();
            let error = Error::new(Kind::Value, format!("the model has no input {name:?}"));
            return Err(error.in_file(&network.source).help(format!("its inputs: {}", names.join(", "))));
        }
    }
    for input in &network.inputs {
        let fed = feeds.iter().find(|(name, _)| *name == input.name).map(|(_, tensor)| tensor);
        let fed = fed.ok_or_else(|| Error::new(Kind::Value, format!("input {:?} is not fed", input.name)));
        let fed = fed.and_then(|tensor| fits(input, tensor)).map_err(|e| e.in_file(&network.source))?;
        known.insert(&input.name, fed.clone())?;
    }
    for node in &network.nodes {
        let outputs = {
            let find = |name: &str| known.get(name);
            node_outputs(network, node, &find, rule)?
        };
        for (name, tensor) in node.outputs.iter().zip(outputs) {
            if let Some(name) = name {
                known.insert(name, tensor).map_err(|e| e.at(network.place(node)))?;
            }
        }
    }
    let value = |name: &String| {
        let value = known.get(name).or_else(|| network.constants.get(name));
        let missing = || Error::new(Kind::Malformed, format!("nothing writes the output {name:?}"));
        value.map(|value| (name.clone(), value.clone())).ok_or_else(|| missing().in_file(&network.source))
    };
    network.outputs.iter().map(value).collect()
}

/// The feed, if it has the type and the shape of the input.
fn fits<'a>(input: &Input, tensor: &'a Tensor) -> Result<&'a Tensor> {
    let wrong = |message: String| Err(Error::new(Kind::Value, message));
    if tensor.dtype() != input.dtype {
        return wrong(format!("input {:?} is {}, the data is {}", input.name, input.dtype, tensor.dtype()));
    }
    let Some(dims) = &input.dims else { return Ok(tensor) };
    let same = dims.len() == tensor.shape().len()
        && dims.iter().zip(tensor.shape()).all(|(dim, extent)| dim.is_none_or(|dim| dim == *extent));
    if !same {
        let shown: Vec<String> = dims.iter().map(|d| d.map_or("?".to_owned(), |d| d.to_string())).collect();
        return wrong(format!(
            "input {:?} has shape [{}], the data {:?}",
            input.name,
            shown.join(", "),
            tensor.shape()
        ));
    }
    Ok(tensor)
}
