//! The tensors of a network while it runs: charged when they are made, dropped when nobody reads them any more.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::limits::{Charge, bytes};
use crate::network::{Network, Node, Tensor};

/// What is kept to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Every tensor.
    All,
    /// Tensors of integers; floats go with their last reader.
    Integers,
    /// Nothing: every tensor goes with its last reader.
    Nothing,
}

/// Tensors by name, each with its charge.
pub(super) struct Live {
    pub tensors: BTreeMap<String, Tensor>,
    charges: BTreeMap<String, Charge>,
    keep: Keep,
    /// Index of the last node that reads a tensor, or stands beside its writers; empty when everything is kept.
    last: BTreeMap<String, usize>,
}

impl Live {
    pub fn new(network: &Network, keep: Keep) -> Live {
        let mut last = BTreeMap::new();
        if keep != Keep::All {
            for (index, node) in network.nodes.iter().enumerate() {
                last.extend(looked_at(node).map(|name| (name.clone(), index)));
            }
        }
        Live { tensors: BTreeMap::new(), charges: BTreeMap::new(), keep, last }
    }

    /// # Errors
    /// With it, more memory would be held than is allowed.
    pub fn insert(&mut self, name: &str, tensor: Tensor) -> Result<()> {
        let size = bytes(&[tensor.len()], tensor.dtype().size_bytes() as u64);
        let charge =
            Charge::new(size, || format!("the network's tensors with {name:?}, {:?},", tensor.shape()))?;
        self.charges.insert(name.to_owned(), charge);
        self.tensors.insert(name.to_owned(), tensor);
        Ok(())
    }

    /// The node `index` has run: what it was the last to read is gone, unless it is kept.
    pub fn after(&mut self, index: usize, node: &Node) {
        if self.keep == Keep::All {
            return;
        }
        let done = looked_at(node).filter(|name| self.last.get(*name) == Some(&index));
        let unread = node.outputs.iter().flatten().filter(|name| !self.last.contains_key(*name));
        for name in done.chain(unread) {
            let is_float = || self.tensors.get(name).is_some_and(|tensor| !tensor.dtype().is_integer());
            if self.keep == Keep::Nothing || is_float() {
                self.tensors.remove(name);
                self.charges.remove(name);
            }
        }
    }
}

fn looked_at(node: &Node) -> impl Iterator<Item = &String> {
    node.inputs.iter().flatten().chain(&node.stands_for)
}
