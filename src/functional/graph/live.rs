//! The tensors of a network while it runs: charged when they are made, dropped when nobody reads them any more.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

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

/// A tensor, counted for as long as somebody holds it.
pub struct Held {
    tensor: Tensor,
    _charge: Option<Charge>,
}

impl Held {
    /// # Errors
    /// With it, more memory would be held than is allowed.
    pub(super) fn new(name: &str, tensor: Tensor) -> Result<Arc<Held>> {
        let size = bytes(&[tensor.len()], tensor.dtype().size_bytes() as u64);
        let charge =
            Charge::new(size, || format!("the network's tensors with {name:?}, {:?},", tensor.shape()))?;
        Ok(Arc::new(Held { tensor, _charge: Some(charge) }))
    }

    /// Counted elsewhere.
    pub fn uncounted(tensor: Tensor) -> Arc<Held> {
        Arc::new(Held { tensor, _charge: None })
    }

    /// The tensor itself, no longer counted.
    pub(super) fn take(held: Arc<Held>) -> Tensor {
        Arc::try_unwrap(held).map_or_else(|held| held.tensor.clone(), |held| held.tensor)
    }
}

impl Deref for Held {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.tensor
    }
}

/// Tensors by name.
pub(super) struct Live {
    pub tensors: BTreeMap<String, Arc<Held>>,
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
        Live { tensors: BTreeMap::new(), keep, last }
    }

    /// The tensor of that name, if it is still there.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name).map(|held| &***held)
    }

    /// # Errors
    /// With it, more memory would be held than is allowed.
    pub fn insert(&mut self, name: &str, tensor: Tensor) -> Result<()> {
        self.tensors.insert(name.to_owned(), Held::new(name, tensor)?);
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
            }
        }
    }
}

fn looked_at(node: &Node) -> impl Iterator<Item = &String> {
    node.inputs.iter().flatten().chain(&node.stands_for)
}
