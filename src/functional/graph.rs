//! A whole network by its framework's own rules: ONNX's text, as ONNX Runtime computes it with optimisations off.
//!
//! The integer layers go through a [`LayerRule`], so that a design can take their place; every other operator is the
//! framework's. Images are independent and run in parallel.

mod live;
mod run;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::{Axis, Slice};
use rayon::prelude::*;

use super::operators::{Call, LayerRule, evaluate, layer_of};
use crate::error::{Error, Kind, Result};
use crate::network::{Input, Layer, Network, Node, Operator, Tensor, map_tensor};
use live::{Keep, Live};
pub use run::run;

/// A tensor under its name in the network.
pub type Named = (String, Tensor);

/// Runs `network` on `x`, batch first, and returns every node output of integer type, in evaluation order.
///
/// A network whose own batch is fixed at n takes `x` n images at a time; with a symbolic batch it takes all of it.
///
/// # Errors
/// An input that does not fit, and whatever an operator cannot do: the place is the node.
pub fn infer(network: &Network, x: &Tensor, rule: &dyn LayerRule) -> Result<Vec<Named>> {
    infer_watched(network, x, rule, &|_, _| {})
}

/// [`infer`] for those who watch: `progress` is told of every node computed on one batch, and how many there will be.
///
/// # Errors
/// As [`infer`].
pub fn infer_watched(
    network: &Network,
    x: &Tensor,
    rule: &dyn LayerRule,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<Named>> {
    let input = only_input(network)?;
    let batch = batch(network, input, x)?;
    let parts = batches(x, batch);
    let done = AtomicU64::new(0);
    let all = (network.nodes.len() * parts.len()) as u64;
    let advance = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, all);
    let results: Result<Vec<Vec<Named>>> = parts
        .par_iter()
        .map(|part| {
            let known = values(network, &input.name, part, rule, Until::End(Keep::Integers), &advance)?;
            integers(network, known.tensors)
        })
        .collect();
    join(results?)
}

/// A network evaluated on one batch, every tensor kept, so that a change of one tensor costs only what it reaches.
pub struct Evaluation<'a> {
    network: &'a Network,
    known: Live,
}

impl<'a> Evaluation<'a> {
    /// Runs `network` on `x`, one of its [`parts`]; `advance` is told of every node.
    ///
    /// # Errors
    /// Whatever an operator cannot do: the place is the node.
    pub fn new(
        network: &'a Network,
        x: &Tensor,
        rule: &dyn LayerRule,
        advance: &dyn Fn(),
    ) -> Result<Evaluation<'a>> {
        let input = only_input(network)?;
        let known = values(network, &input.name, x, rule, Until::End(Keep::All), advance)?;
        Ok(Evaluation { network, known })
    }

    /// A tensor by name: of a node, the input, or a constant.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.known.tensors.get(name).or_else(|| self.network.constants.get(name))
    }

    /// The tensors that change when `tensor` takes the place of the one called `name`, itself included.
    ///
    /// # Errors
    /// As [`Evaluation::new`].
    pub fn changed(
        &self,
        name: &str,
        tensor: Tensor,
        rule: &dyn LayerRule,
    ) -> Result<BTreeMap<String, Tensor>> {
        let mut changed = BTreeMap::from([(name.to_owned(), tensor)]);
        for node in &self.network.nodes {
            // Sums that nobody reads change nothing.
            let reads = node.inputs.iter().flatten().any(|name| changed.contains_key(name));
            if !reads || node.is_products() {
                continue;
            }
            let find = |name: &String| changed.get(name).or_else(|| self.tensor(name));
            let inputs = node.inputs.iter().map(|name| name.as_ref().and_then(find)).collect();
            let outputs = evaluate(&Call { node, inputs, rule, constants: &self.network.constants })
                .map_err(|e| placed(self.network, node, e))?;
            for (name, tensor) in node.outputs.iter().zip(outputs) {
                // Where a change has died out, it reaches nothing further.
                if let Some(name) = name.as_ref().filter(|name| self.tensor(name) != Some(&tensor)) {
                    changed.insert(name.clone(), tensor);
                }
            }
        }
        Ok(changed)
    }
}

/// `x`, batch first, cut into what the network takes at once: its own fixed batch, else `images` at a time.
///
/// # Errors
/// An input that does not fit.
pub fn parts(network: &Network, x: &Tensor, images: usize) -> Result<Vec<Tensor>> {
    let fixed = batch(network, only_input(network)?, x)?;
    let Some(all) = x.shape().first() else { return Ok(vec![x.clone()]) };
    let size = fixed.unwrap_or(images.clamp(1, (*all).max(1)));
    let starts = (0..*all).step_by(size);
    Ok(starts.map(|start| slice(x, start, size.min(all - start))).collect())
}

/// The integer layer of the node `name` and its input codes, as they are when `network` runs on `x`.
///
/// # Errors
/// No such node, or a node that is no integer layer: the message lists the layers there are. A layer whose weights or
/// zero points change from one batch to the next.
pub fn layer(network: &Network, name: &str, x: &Tensor, rule: &dyn LayerRule) -> Result<(Layer, Tensor)> {
    let node = network
        .nodes
        .iter()
        .find(|node| node.name == name && is_layer(&node.operator))
        .ok_or_else(|| no_such_layer(network, name))?;
    let input = only_input(network)?;
    let batch = batch(network, input, x)?;
    let mut found = Vec::new();
    for part in batches(x, batch) {
        let known = values(network, &input.name, &part, rule, Until::Node(name), &|| {})?;
        let inputs = lookup(network, node, &known.tensors);
        let call = Call { node, inputs, rule, constants: &network.constants };
        found.push(layer_of(&call).map_err(|e| placed(network, node, e))?);
    }
    let layer = found.first().map(|(layer, _)| layer.clone());
    let differs = |(other, _): &(Layer, Tensor)| {
        let first = layer.as_ref();
        first.is_some_and(|l| l.weights != other.weights || l.input_carrier != other.input_carrier)
    };
    if found.iter().any(differs) {
        let message = format!(
            "the network computes {} of this layer: they differ from one batch to the next",
            network.computed(node).words()
        );
        return Err(Error::new(Kind::Unsupported, message)
            .at(network.place(node))
            .help("take as many images as the model takes at a time"));
    }
    let codes: Vec<Vec<Named>> = found.into_iter().map(|(_, codes)| vec![(String::new(), codes)]).collect();
    let codes = join(codes)?.pop().map(|(_, codes)| codes);
    layer.zip(codes).ok_or_else(|| Error::new(Kind::Value, "the input holds no image"))
}

/// The outputs of one node on one batch, one tensor per output of its operator; `find` knows the tensors computed
/// before it.
///
/// # Errors
/// Whatever the operator cannot do: the place is the node.
pub fn node_outputs<'a>(
    network: &'a Network,
    node: &'a Node,
    find: &dyn Fn(&str) -> Option<&'a Tensor>,
    rule: &dyn LayerRule,
) -> Result<Vec<Tensor>> {
    let known = |name: &String| find(name).or_else(|| network.constants.get(name));
    let inputs = node.inputs.iter().map(|name| name.as_ref().and_then(known)).collect();
    evaluate(&Call { node, inputs, rule, constants: &network.constants })
        .map_err(|e| placed(network, node, e))
}

/// Why `name` is no integer layer of the network, and which there are.
pub fn no_such_layer(network: &Network, name: &str) -> Error {
    let why = network.macs().into_iter().find(|mac| mac.name == name).and_then(|mac| mac.reason);
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    Error::new(Kind::Value, format!("the model has no integer layer {name:?}{why}"))
        .in_file(&network.source)
        .help(format!("its layers: {}", layer_names(network).join(", ")))
}

/// Names of the integer layers, in evaluation order.
pub fn layer_names(network: &Network) -> Vec<String> {
    let layers = network.nodes.iter().filter(|node| is_layer(&node.operator));
    layers.map(|node| node.name.clone()).collect()
}

/// Whether a [`LayerRule`] computes it.
pub fn is_layer(operator: &Operator) -> bool {
    operator.is_integer_mac()
}

fn only_input(network: &Network) -> Result<&Input> {
    match network.inputs.as_slice() {
        [only] => Ok(only),
        many => {
            let names: Vec<_> = many.iter().map(|i| i.name.as_str()).collect();
            let message =
                format!("models with one input are supported, this one has {}: {names:?}", many.len());
            Err(Error::new(Kind::Unsupported, message).in_file(&network.source))
        }
    }
}

/// Checks `x` against the model's input; how many images the model takes at once (`None`: all).
fn batch(network: &Network, input: &Input, x: &Tensor) -> Result<Option<usize>> {
    let wrong = |message: String| Err(Error::new(Kind::Value, message).in_file(&network.source));
    if x.dtype() != input.dtype {
        return wrong(format!("input {:?} is {}, the data is {}", input.name, input.dtype, x.dtype()));
    }
    let Some(dims) = &input.dims else { return Ok(None) };
    let Some((first, rest)) = dims.split_first() else { return Ok(None) };
    let shown: Vec<String> = dims.iter().map(|d| d.map_or("?".to_owned(), |d| d.to_string())).collect();
    let fits = x.shape().len() == dims.len()
        && rest.iter().zip(&x.shape()[1..]).all(|(d, n)| d.is_none_or(|d| d == *n));
    if !fits {
        return wrong(format!(
            "input {:?} has shape [{}], the data {:?} (batch first)",
            input.name,
            shown.join(", "),
            x.shape()
        ));
    }
    match first {
        Some(n) if !x.shape()[0].is_multiple_of(*n) => {
            wrong(format!("the model takes {n} images at a time, the data has {}", x.shape()[0]))
        }
        _ if x.is_empty() => wrong("the data holds no image".to_owned()),
        fixed => Ok(*fixed),
    }
}

fn batches(x: &Tensor, batch: Option<usize>) -> Vec<Tensor> {
    let Some(size) = batch else { return vec![x.clone()] };
    (0..x.shape()[0]).step_by(size).map(|start| slice(x, start, size)).collect()
}

fn slice(x: &Tensor, start: usize, size: usize) -> Tensor {
    map_tensor!(x, a => a.slice_axis(Axis(0), Slice::from(start..start + size)).to_owned())
}

/// How far a network is run, and what is kept.
#[derive(Clone, Copy)]
enum Until<'a> {
    End(Keep),
    /// Only what the node of that name needs to have before it.
    Node(&'a str),
}

/// The tensors the network computes; their memory is charged before it is taken.
fn values(
    network: &Network,
    input: &str,
    x: &Tensor,
    rule: &dyn LayerRule,
    until: Until<'_>,
    advance: &dyn Fn(),
) -> Result<Live> {
    let keep = match until {
        Until::End(keep) => keep,
        Until::Node(_) => Keep::All,
    };
    let mut known = Live::new(network, keep);
    known.insert(input, x.clone())?;
    for (index, node) in network.nodes.iter().enumerate() {
        if matches!(until, Until::Node(name) if name == node.name) {
            break;
        }
        let inputs = lookup(network, node, &known.tensors);
        let outputs = match evaluate(&Call { node, inputs, rule, constants: &network.constants }) {
            Err(error) if node.is_products() => {
                rule.not_followed(&node.name, error);
                Vec::new()
            }
            outputs => outputs.map_err(|e| placed(network, node, e))?,
        };
        for (name, tensor) in node.outputs.iter().zip(outputs) {
            if let Some(name) = name {
                known.insert(name, tensor).map_err(|e| placed(network, node, e))?;
            }
        }
        known.after(index, node);
        advance();
    }
    Ok(known)
}

fn lookup<'a>(
    network: &'a Network,
    node: &Node,
    known: &'a BTreeMap<String, Tensor>,
) -> Vec<Option<&'a Tensor>> {
    let find = |name: &String| known.get(name).or_else(|| network.constants.get(name));
    node.inputs.iter().map(|name| name.as_ref().and_then(find)).collect()
}

fn placed(network: &Network, node: &Node, error: Error) -> Error {
    if error.place == crate::error::Place::Nowhere { error.at(network.place(node)) } else { error }
}

/// The integer outputs of nodes, in evaluation order.
fn integers(network: &Network, mut known: BTreeMap<String, Tensor>) -> Result<Vec<Named>> {
    let names = network.nodes.iter().flat_map(|node| node.outputs.iter().flatten());
    let taken = names.filter_map(|name| known.remove(name).map(|tensor| (name.clone(), tensor)));
    Ok(taken.filter(|(_, tensor)| tensor.dtype().is_integer()).collect())
}

/// Joins the batches along axis 0; scalars are stacked into one axis.
fn join(parts: Vec<Vec<Named>>) -> Result<Vec<Named>> {
    if parts.len() == 1 {
        return Ok(parts.into_iter().next().unwrap_or_default());
    }
    let names: Vec<String> = parts.iter().take(1).flatten().map(|(name, _)| name.clone()).collect();
    let mut joined = Vec::with_capacity(names.len());
    for (index, name) in names.into_iter().enumerate() {
        let pieces: Result<Vec<Tensor>> = parts
            .iter()
            .map(|part| match &part[index].1 {
                scalar if scalar.shape().is_empty() => scalar.reshaped(&[1]),
                tensor => Ok(tensor.clone()),
            })
            .collect();
        let pieces = pieces?;
        joined.push((name, super::operators::concat(&pieces.iter().collect::<Vec<_>>(), 0)?));
    }
    Ok(joined)
}
