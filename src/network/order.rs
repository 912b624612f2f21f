//! Evaluation order, and the checks that make evaluation safe: every tensor written once, before it is read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Network, Node};
use crate::error::{Error, Kind, Result};

impl Network {
    /// The same network with its nodes in an order in which each follows those it reads from; nodes that may run
    /// keep the file's order.
    ///
    /// # Errors
    /// A tensor written twice, a tensor nobody writes, a cycle: each names the node.
    pub fn sorted(mut self) -> Result<Network> {
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
