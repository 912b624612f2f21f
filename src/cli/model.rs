//! A model as every command takes it: read, its constants folded, its QDQ layers as they are asked for.

use std::path::Path;

use super::args::QdqForm;
use crate::error::{Error, Kind, Place, Result};
use crate::functional;
use crate::import;
use crate::network::{Network, Qdq, Tensor};

/// A model, and what is known of it before it runs.
pub struct Model {
    pub network: Network,
    /// Integer tensors that nodes of the file make of its constants alone, in evaluation order.
    pub folded: Vec<(String, Tensor)>,
    /// What its Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear compute; none when it has no such
    /// integer layer.
    pub qdq: Option<Qdq>,
}

/// Reads a model for its values.
pub fn read(path: &Path, qdq: Qdq) -> Result<Model> {
    let (network, names) = functional::folded(import::read(path)?);
    let layers = |network: &Network| network.nodes.iter().filter(|n| n.operator.is_integer_mac()).count();
    let explicit = layers(&network);
    let network = network.with_layers(qdq);
    let qdq = (layers(&network) > explicit).then_some(qdq);
    let constant = |name: String| network.constants.get(&name).cloned().map(|tensor| (name, tensor));
    let folded = names.into_iter().filter_map(constant).filter(|(_, tensor)| tensor.dtype().is_integer());
    Ok(Model { folded: folded.collect(), qdq, network })
}

/// Reads a model for its accumulators: the integer sums inside float layers stand beside them.
pub fn read_followed(path: &Path, qdq: Qdq) -> Result<Model> {
    let model = read(path, qdq)?;
    Ok(Model { network: functional::followed(model.network), ..model })
}

/// What `--qdq` asks for: by default as written, unless layers run through a design, which computes integer layers.
///
/// # Errors
/// Layers that run through a design, and are asked for as float32 operators.
pub fn form(asked: Option<QdqForm>, through_design: Option<&str>) -> Result<Qdq> {
    match (asked, through_design) {
        (Some(QdqForm::Written), Some(why)) => {
            Err(Error::new(Kind::Usage, format!("{why}, which computes integer layers"))
                .at(Place::Option("--qdq written".to_owned()))
                .help("leave --qdq out, or give --qdq fused"))
        }
        (Some(QdqForm::Fused), _) | (None, Some(_)) => Ok(Qdq::Fused),
        (Some(QdqForm::Written) | None, None) => Ok(Qdq::Written),
    }
}
