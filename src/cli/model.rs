//! A model as every command takes it: read, its constants folded, its QDQ layers fused.

use std::path::Path;

use crate::error::Result;
use crate::functional;
use crate::import::onnx;
use crate::network::{Network, Tensor};

/// A model, and what is known of it before it runs.
pub struct Model {
    pub network: Network,
    /// Integer tensors that nodes of the file make of its constants alone, in evaluation order.
    pub folded: Vec<(String, Tensor)>,
}

/// Reads a model for its values.
pub fn read(path: &Path) -> Result<Model> {
    let (network, names) = functional::folded(onnx::read(path)?);
    let network = network.fused();
    let constant = |name: String| network.constants.get(&name).cloned().map(|tensor| (name, tensor));
    let folded = names.into_iter().filter_map(constant).filter(|(_, tensor)| tensor.dtype().is_integer());
    Ok(Model { folded: folded.collect(), network })
}

/// Reads a model for its accumulators: the integer sums inside float layers stand beside them.
pub fn read_followed(path: &Path) -> Result<Network> {
    Ok(functional::followed(read(path)?.network))
}
