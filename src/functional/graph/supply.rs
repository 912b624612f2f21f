//! Tensors that are given in place of what the network computes: where one has another shape than the model's, the node that
//! meets it says which it was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::error::{Error, Kind, shown};
use crate::network::{Network, Node};

/// Tensors that an error names.
const NAMED: usize = 3;

/// What is fed, by name: its extents.
pub(super) type Shapes = BTreeMap<String, Vec<usize>>;

/// `error` of `node`, with the nearest tensors in front of it that were given and are no input of the model.
pub(super) fn blamed(network: &Network, node: &Node, fed: &Shapes, error: Error) -> Error {
    let is_input = |name: &str| network.inputs.iter().any(|input| input.name == name);
    if error.kind != Kind::Value || fed.keys().all(|name| is_input(name)) {
        return error;
    }
    let wires = network.wires();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut waiting: VecDeque<&str> = node.inputs.iter().flatten().map(String::as_str).collect();
    let mut found = Vec::new();
    while let Some(name) = waiting.pop_front().filter(|_| found.len() < NAMED) {
        if !seen.insert(name) {
            continue;
        }
        match (fed.get(name), wires.writer(name)) {
            (Some(shape), _) if !is_input(name) => found.push(format!("{} {shape:?}", shown(name))),
            (None, Some(writer)) => {
                waiting.extend(network.nodes[writer].inputs.iter().flatten().map(String::as_str));
            }
            _ => {}
        }
    }
    if found.is_empty() {
        return error;
    }
    let help = format!("given with --tensors in front of it: {}", found.join(", "));
    let help = error.help.as_ref().map_or_else(|| help.clone(), |own| format!("{own}; {help}"));
    error.help(help)
}
