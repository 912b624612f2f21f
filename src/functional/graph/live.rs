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
}

/// Tensors by name, each with its charge.
pub(super) struct Live {
    pub tensors: BTreeMap<String, Tensor>,
    charges: BTreeMap<String, Charge>,
    /// Index of the last node that reads a tensor; empty when everything is kept.
    last: BTreeMap<String, usize>,
}

impl Live {
    pub fn new(network: &Network, keep: Keep) -> Live {
        let mut last = BTreeMap::new();
        if keep == Keep::Integers {
            for (index, node) in network.nodes.iter().enumerate() {
                last.extend(node.inputs.iter().flatten().map(|name| (name.clone(), index)));
            }
        }
        Live { tensors: BTreeMap::new(), charges: BTreeMap::new(), last }
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

    /// The node `index` has run: floats that it was the last to read are gone.
    pub fn after(&mut self, index: usize, node: &Node) {
        for name in node.inputs.iter().flatten() {
            let is_float = self.tensors.get(name).is_some_and(|tensor| !tensor.dtype().is_integer());
            if is_float && self.last.get(name) == Some(&index) {
                self.tensors.remove(name);
                self.charges.remove(name);
            }
        }
    }
}
