//! A whole network by its framework's own rules: ONNX's text, as ONNX Runtime computes it with optimisations off.
//!
//! The integer layers go through a [`LayerRule`], so that a design can take their place; every other operator is the
//! framework's. Images are independent and run in parallel. Only what is asked for runs (`demand`), and a tensor that is
//! fed (`feeds`) takes the place of the node that writes it.

mod demand;
mod feeds;
mod live;
mod probe;
mod run;
mod supply;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::operators::{Call, LayerRule, evaluate, layer_of};
use crate::error::{Error, Kind, Result, near_names};
use crate::network::{Layer, Network, Node, Operator, Tensor};
use demand::{Demand, Goal};
use feeds::Batches;
pub use feeds::{Fed, Feeds, images, only_input, parts, take_images};
pub use live::Held;
use live::{Keep, Live};
pub use probe::probe;
pub use run::run;
use supply::Shapes;

/// A tensor under its name in the network.
pub type Named = (String, Tensor);

/// Runs `network` on `x`, batch first, and returns every integer output of a node that runs, in evaluation order.
///
/// A network whose own batch is fixed at n takes `x` n images at a time; with a symbolic batch it takes all of it.
///
/// # Errors
/// An input that does not fit, a node that is opaque, and whatever an operator cannot do: the place is the node.
pub fn infer(network: &Network, x: &impl Fed, rule: &dyn LayerRule) -> Result<Vec<Named>> {
    let parts = Batches::new(network, x, Goal::Whole)?.cut(network, usize::MAX)?;
    integer_tensors(network, parts, rule, Goal::Whole, &|_, _| {})
}

/// As [`infer`], of what can be computed: every integer layer that nothing opaque lies in front of. `progress` is told of
/// every node computed on one batch, and how many there will be.
///
/// # Errors
/// As [`infer`], but for opaque nodes.
pub fn survey(
    network: &Network,
    x: &impl Fed,
    rule: &dyn LayerRule,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<Named>> {
    let parts = Batches::new(network, x, Goal::Reachable)?.cut(network, usize::MAX)?;
    integer_tensors(network, parts, rule, Goal::Reachable, progress)
}

/// As [`infer`], and hands every tensor to `write` when it is computed: none is kept for longer than somebody reads
/// it, but for a network that takes fewer images at a time than there are.
///
/// # Errors
/// As [`infer`]; what `write` refuses.
pub fn infer_written(
    network: &Network,
    x: &impl Fed,
    rule: &dyn LayerRule,
    progress: &(dyn Fn(u64, u64) + Sync),
    write: &mut dyn FnMut(&str, &Arc<Held>) -> Result<()>,
) -> Result<()> {
    let mut parts = Batches::new(network, x, Goal::Whole)?.cut(network, usize::MAX)?;
    if parts.len() != 1 {
        let all = integer_tensors(network, parts, rule, Goal::Whole, progress)?;
        return all.into_iter().try_for_each(|(name, tensor)| write(&name, &Held::uncounted(tensor)));
    }
    let (part, all) = (parts.remove(0), network.nodes.len() as u64);
    let done = AtomicU64::new(0);
    let advance = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, all);
    values(network, part, rule, (Goal::Whole, Keep::Nothing), &advance, write).map(drop)
}

/// Of every batch, side by side, and joined.
fn integer_tensors(
    network: &Network,
    parts: Vec<Feeds>,
    rule: &dyn LayerRule,
    goal: Goal<'_>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<Named>> {
    let done = AtomicU64::new(0);
    let all = (network.nodes.len() * parts.len()) as u64;
    let advance = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, all);
    let results: Result<Vec<Vec<Named>>> = parts
        .into_par_iter()
        .map(|part| {
            let fed: BTreeSet<String> = part.keys().cloned().collect();
            let (known, beside) =
                values(network, part, rule, (goal, Keep::Integers), &advance, &mut unwatched)?;
            let mut tensors = known.tensors;
            tensors.retain(|name, _| !fed.contains(name));
            tensors.extend(beside);
            integers(network, tensors)
        })
        .collect();
    join(results?)
}

/// For who looks at the tensors afterwards.
fn unwatched(_: &str, _: &Arc<Held>) -> Result<()> {
    Ok(())
}

/// Which nodes can run, and where the answer is then.
#[derive(Debug, Clone)]
pub struct Reach {
    runs: Vec<bool>,
    /// The tensor that holds the answer: the network's first output where it can be computed, else what the last integer
    /// layer writes that can.
    pub answer: Option<String>,
    /// Why the answer is not the network's own, in words.
    pub cut: Option<String>,
}

impl Reach {
    /// What runs of `network` when it is fed `feeds`.
    pub fn new(network: &Network, feeds: &Feeds) -> Reach {
        let is_fed = |name: &str| feeds.contains_key(name);
        let demand = Demand::new(network, &is_fed, Goal::Reachable);
        let runs = demand.map_or_else(|_| vec![false; network.nodes.len()], |demand| demand.runs);
        let own = network.outputs.first();
        let has = |name: &&String| {
            let writes =
                |(node, runs): (&Node, &bool)| *runs && node.outputs.iter().flatten().any(|o| o == *name);
            is_fed(name)
                || network.constants.contains_key(*name)
                || network.nodes.iter().zip(&runs).any(writes)
        };
        if own.is_none_or(|own| has(&own)) {
            return Reach { answer: own.cloned(), runs, cut: None };
        }
        let ran = network.nodes.iter().zip(&runs).filter(|(_, runs)| **runs).map(|(node, _)| node);
        let written = |node: &Node| node.outputs.first().cloned().flatten();
        let layers = ran.clone().filter(|node| is_layer(&node.operator));
        let answer = layers.filter_map(written).next_back().or_else(|| ran.filter_map(written).next_back());
        let cut = demand::opaque_words(network, &is_fed);
        Reach { runs, answer, cut: Some(cut) }
    }

    /// # Errors
    /// One of `layers` cannot be computed; with none named, no integer layer can.
    pub fn check(&self, network: &Network, feeds: &Feeds, layers: &[String]) -> Result<()> {
        let runs = |name: &String| {
            let is = |node: &Node| node.name == *name && is_layer(&node.operator);
            network.nodes.iter().zip(&self.runs).any(|(node, runs)| *runs && is(node))
        };
        let all = layer_names(network);
        let refused = match layers {
            [] if all.iter().any(runs) => None,
            [] => all.first(),
            named => named.iter().find(|name| !runs(name)),
        };
        let Some(name) = refused else { return Ok(()) };
        Demand::new(network, &|name| feeds.contains_key(name), Goal::Inputs(name)).map(drop)
    }

    /// Whether the node at `index` runs.
    pub fn runs(&self, index: usize) -> bool {
        self.runs.get(index).copied().unwrap_or(false)
    }
}

/// What follows from a change of one tensor.
pub struct Changes {
    /// The tensors that are others, the changed one included.
    pub tensors: BTreeMap<String, Tensor>,
    /// They reach a node that does not run: what follows behind it is not known.
    pub is_cut: bool,
}

/// A network evaluated on one batch, every tensor kept, so that a change of one tensor costs only what it reaches.
pub struct Evaluation<'a> {
    network: &'a Network,
    known: Live,
    reach: Reach,
    fed: BTreeSet<String>,
    /// Indices of the nodes that read a tensor.
    readers: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Evaluation<'a> {
    /// Runs what can run of `network` on `x`, one of its [`parts`]; `advance` is told of every node.
    ///
    /// # Errors
    /// Whatever an operator cannot do: the place is the node.
    pub fn new(
        network: &'a Network,
        x: &Feeds,
        rule: &dyn LayerRule,
        advance: &dyn Fn(),
    ) -> Result<Evaluation<'a>> {
        let (known, _) =
            values(network, x.clone(), rule, (Goal::Reachable, Keep::All), advance, &mut unwatched)?;
        let (reach, fed) = (Reach::new(network, x), x.keys().cloned().collect());
        Ok(Evaluation { network, known, reach, fed, readers: network.readers() })
    }

    /// A tensor by name: of a node, the input, or a constant.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.known.get(name).or_else(|| self.network.constants.get(name))
    }

    /// What follows when `tensor` takes the place of the one called `name`.
    ///
    /// # Errors
    /// As [`Evaluation::new`].
    pub fn changed(&self, name: &str, tensor: Tensor, rule: &dyn LayerRule) -> Result<Changes> {
        let readers = |name: &str| self.readers.get(name).into_iter().flatten().copied();
        // Only what reads a changed tensor is run, in evaluation order: a reader stands behind the writer.
        let mut waiting: BTreeSet<usize> = readers(name).collect();
        let mut changed = BTreeMap::from([(name.to_owned(), tensor)]);
        let mut is_cut = false;
        while let Some(index) = waiting.pop_first() {
            let node = &self.network.nodes[index];
            // A layer that stands beside others changes nothing.
            if node.is_beside() {
                continue;
            }
            let mut outputs = node.outputs.iter().flatten();
            if !self.reach.runs(index) || outputs.any(|name| self.fed.contains(name)) {
                is_cut = true;
                continue;
            }
            let find = |name: &String| changed.get(name).or_else(|| self.tensor(name));
            let inputs = node.inputs.iter().map(|name| name.as_ref().and_then(find)).collect();
            let outputs = evaluate(&Call { node, inputs, rule, constants: &self.network.constants })
                .map_err(|e| placed(self.network, node, e))?;
            for (name, tensor) in node.outputs.iter().zip(outputs) {
                // Where a change has died out, it reaches nothing further.
                if let Some(name) = name.as_ref().filter(|name| self.tensor(name) != Some(&tensor)) {
                    waiting.extend(readers(name));
                    changed.insert(name.clone(), tensor);
                }
            }
        }
        Ok(Changes { tensors: changed, is_cut })
    }
}

/// The integer layer of the node `name` and its input codes, as they are when `network` runs on `x`.
///
/// # Errors
/// No such node, or a node that is no integer layer: the message lists the layers there are. A layer whose weights or
/// zero points change from one batch to the next, and one that something opaque lies in front of.
pub fn layer(network: &Network, name: &str, x: &impl Fed, rule: &dyn LayerRule) -> Result<(Layer, Tensor)> {
    let node = network
        .nodes
        .iter()
        .find(|node| node.name == name && is_layer(&node.operator))
        .ok_or_else(|| no_such_layer(network, name))?;
    let goal = Goal::Inputs(name);
    let mut found = Vec::new();
    for part in Batches::new(network, x, goal)?.cut(network, usize::MAX)? {
        let (known, _) = values(network, part, rule, (goal, Keep::All), &|| {}, &mut unwatched)?;
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
        .help(layers_near(network, name))
}

/// Which layers could have been meant, and all that there are; or why there is none.
fn layers_near(network: &Network, name: &str) -> String {
    let layers = layer_names(network);
    if layers.is_empty() {
        let macs = network.macs();
        let reason = macs.iter().find_map(|mac| Some(format!("{}: {}", mac.name, mac.reason.as_ref()?)));
        return match reason {
            None => "it has no integer layer: no Conv, MatMul or Gemm is in it".to_owned(),
            Some(reason) => format!(
                "it has no integer layer: none of its {} MACs runs on integers ({reason}); quantise it first",
                macs.len()
            ),
        };
    }
    let near = near_names(name, &layers.iter().map(String::as_str).collect::<Vec<_>>());
    let near = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) };
    format!("{near}its layers: {}", layers.join(", "))
}

/// Names of the nodes that run on `x`: nothing opaque, and no input that is not fed, lies in front of them.
pub fn reached<'a>(network: &'a Network, x: &Feeds) -> BTreeSet<&'a str> {
    demand::reached(network, &|name| x.contains_key(name))
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

/// The tensors that `goal` asks for; their memory is charged before it is taken. Who reads a tensor that is fed reads
/// that; what its node makes of it, where it can, stands in the second answer. `write` is told of every integer tensor
/// that a node makes.
fn values(
    network: &Network,
    feeds: Feeds,
    rule: &dyn LayerRule,
    (goal, keep): (Goal<'_>, Keep),
    advance: &dyn Fn(),
    write: &mut dyn FnMut(&str, &Arc<Held>) -> Result<()>,
) -> Result<(Live, BTreeMap<String, Arc<Held>>)> {
    let Demand { runs, may, read } = Demand::new(network, &|name| feeds.contains_key(name), goal)?;
    let (mut known, mut beside) = (Live::new(network, keep), Live::new(network, keep));
    let fed: Shapes = feeds.iter().map(|(name, tensor)| (name.clone(), tensor.shape().to_vec())).collect();
    for (name, tensor) in feeds.into_iter().filter(|(name, _)| read.contains(name)) {
        known.insert(&name, tensor)?;
    }
    for (index, node) in network.nodes.iter().enumerate() {
        let inputs = lookup(network, node, &known.tensors);
        let has_all =
            || node.inputs.iter().zip(&inputs).all(|(name, tensor)| name.is_none() || tensor.is_some());
        let is_looked_at = !node.is_beside() || rule.looks_beside();
        if (runs[index] || may[index]) && is_looked_at && has_all() {
            let call = Call { node, inputs, rule, constants: &network.constants };
            let outputs = match evaluate(&call) {
                Err(error) if node.is_beside() => {
                    rule.not_followed(&node.name, error);
                    Vec::new()
                }
                Err(_) if !runs[index] => Vec::new(),
                Err(error) => {
                    rule.stopped(supply::blamed(network, node, &fed, placed(network, node, error)))?;
                    Vec::new()
                }
                Ok(outputs) => outputs,
            };
            let written = node.stands_for.as_ref().filter(|_| node.is_beside());
            let written = written.and_then(|name| known.get(name));
            if let (Some(written), Some(integer)) = (written, outputs.first()) {
                rule.beside(&node.name, integer, written).map_err(|e| placed(network, node, e))?;
            }
            for (name, tensor) in node.outputs.iter().zip(outputs) {
                let Some(name) = name else { continue };
                let tensor = Held::new(name, tensor).map_err(|e| placed(network, node, e))?;
                // A move that is repeated on codes writes no tensor of the model.
                if tensor.dtype().is_integer() && node.stands_for.is_none() {
                    write(name, &tensor)?;
                }
                let place = match fed.contains_key(name) {
                    true if !tensor.dtype().is_integer() || keep == Keep::Nothing => continue,
                    true => &mut beside,
                    false => &mut known,
                };
                place.tensors.insert(name.clone(), tensor);
            }
        }
        known.after(index, node);
        advance();
    }
    Ok((known, beside.tensors))
}

fn lookup<'a>(
    network: &'a Network,
    node: &Node,
    known: &'a BTreeMap<String, Arc<Held>>,
) -> Vec<Option<&'a Tensor>> {
    let find = |name: &String| known.get(name).map(|held| &***held).or_else(|| network.constants.get(name));
    node.inputs.iter().map(|name| name.as_ref().and_then(find)).collect()
}

fn placed(network: &Network, node: &Node, error: Error) -> Error {
    if error.place == crate::error::Place::Nowhere { error.at(network.place(node)) } else { error }
}

/// The integer outputs of nodes that ran, in evaluation order.
fn integers(network: &Network, mut known: BTreeMap<String, Arc<Held>>) -> Result<Vec<Named>> {
    let own = network.nodes.iter().filter(|node| node.stands_for.is_none());
    let names = own.flat_map(|node| node.outputs.iter().flatten());
    let taken = names.filter_map(|name| known.remove(name).map(|tensor| (name.clone(), Held::take(tensor))));
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
