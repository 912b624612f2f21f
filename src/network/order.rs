//! Evaluation order, and the checks that make evaluation safe: every tensor written once, before it is read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Network, Node};
use crate::error::{Error, Kind, Result};
use crate::limits::{bytes, check_room};

/// The most names that a node is given which is made of another: an integer layer's inputs and output, and its own twice.
const NAMES_OF_A_LAYER: u64 = 12;

impl Network {
    /// The same network with its nodes in an order in which each follows those it reads from; nodes that may run
    /// keep the file's order.
    ///
    /// # Errors
    /// A tensor written twice, a tensor nobody writes, a cycle: each names the node. Names so long that what is made of
    /// the layers has no room for them.
    pub fn sorted(mut self) -> Result<Network> {
        self.check_names()?;
        let mut known: BTreeSet<String> = self.constants.keys().cloned().collect();
        known.extend(self.inputs.iter().map(|i| i.name.clone()));
        let mut writers: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for output in node.outputs.iter().flatten() {
                if known.contains(output) || writers.insert(output, index).is_some() {
                    let message = format!("tensor {output:?} is written twice");
                    return Err(Error::new(Kind::Malformed, message).at(self.place(node)));
                }
            }
        }
        for node in &self.nodes {
            for input in node.inputs.iter().flatten() {
                if !known.contains(input) && !writers.contains_key(input.as_str()) {
                    let message = format!("tensor {input:?} is read but never written");
                    return Err(Error::new(Kind::Malformed, message).at(self.place(node)));
                }
            }
        }
        for output in &self.outputs {
            if !known.contains(output) && !writers.contains_key(output.as_str()) {
                let message = format!("output {output:?} is never written");
                return Err(Error::new(Kind::Malformed, message).in_file(&self.source));
            }
        }
        let order = self.order(&writers)?;
        let mut nodes: Vec<Option<Node>> = std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        self.nodes =
            order.into_iter().map(|index| nodes[index].take().expect("an order names each once")).collect();
        Ok(self)
    }

    /// What stands for a layer, or beside it, names the tensors that the layer reads through others: one name that many
    /// share is then there many times.
    fn check_names(&self) -> Result<()> {
        let is_made_of = |node: &&Node| node.operator.is_float_mac() || node.operator.moves_data();
        let count = self.nodes.iter().filter(is_made_of).count();
        let read =
            self.nodes.iter().flat_map(|node| node.inputs.iter().flatten().chain([&node.name, &node.kind]));
        let longest = read.map(String::len).max().unwrap_or_default();
        check_room(bytes(&[count, longest], NAMES_OF_A_LAYER), || {
            format!("{count} layers that read tensors with names of up to {longest} bytes")
        })
        .map_err(|e| e.in_file(&self.source))
    }

    /// Kahn's algorithm, smallest index first.
    fn order(&self, writers: &BTreeMap<&str, usize>) -> Result<Vec<usize>> {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut waiting = vec![0usize; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for writer in node.inputs.iter().flatten().filter_map(|i| writers.get(i.as_str())) {
                readers[*writer].push(index);
                waiting[index] += 1;
            }
        }
        let mut ready: BTreeSet<usize> = (0..waiting.len()).filter(|i| waiting[*i] == 0).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(index) = ready.pop_first() {
            order.push(index);
            for reader in &readers[index] {
                waiting[*reader] -= 1;
                if waiting[*reader] == 0 {
                    ready.insert(*reader);
                }
            }
        }
        match (0..waiting.len()).find(|i| waiting[*i] > 0) {
            None => Ok(order),
            Some(stuck) => Err(Error::new(Kind::Malformed, "the graph has a cycle through this node")
                .at(self.place(&self.nodes[stuck]))),
        }
    }
}
