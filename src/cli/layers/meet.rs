//! A model's layers, met without running one: on small zeros for what designs make of them, and on zeros of the model's
//! own shape for what the shapes are.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayD, IxDyn};

use crate::cli::feeds;
use crate::error::{Error, Kind, Result};
use crate::functional::graph::{probe, survey};
use crate::functional::operators::{Framework, LayerRule};
use crate::network::{DType, Geometry, Layer, Network, Placed, Tensor, element_count};

/// A layer, and codes that it can be tried on.
pub struct Met {
    pub layer: Layer,
    pub x: ArrayD<i32>,
    /// What is known of its shapes, where the model says them.
    pub shapes: Option<Shapes>,
}

/// A layer on the model's own input.
#[derive(Clone)]
pub struct Shapes {
    pub input: Vec<usize>,
    pub output: Vec<usize>,
    /// Multiply-accumulates, over all products of the layer.
    pub macs: u64,
}

/// Every layer by name, in evaluation order, and why there is nothing to be said of a name.
///
/// # Errors
/// An input that is too large.
pub fn meet(network: &Network) -> Result<(BTreeMap<String, Met>, BTreeMap<String, Error>)> {
    let small = Rule { shapes_only: false, ..Rule::default() };
    let refused: BTreeMap<String, Error> = probe(network, &|_| true, &small).into_iter().collect();
    let own = Rule { shapes_only: true, ..Rule::default() };
    survey(network, &feeds::zeros(network)?, &own, &|_, _| {})?;
    let mut met = small.met.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (name, found) in own.met.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match met.get_mut(&name) {
            Some(known) => known.shapes = found.shapes,
            // The network computes some of its numbers: these are what zeros make of them.
            None => drop(met.insert(name, found)),
        }
    }
    let refused = refused.into_iter().filter(|(name, _)| !met.contains_key(name)).collect();
    Ok((met, refused))
}

#[derive(Default)]
struct Rule {
    /// Nothing is multiplied: only the shapes go on.
    shapes_only: bool,
    met: Mutex<BTreeMap<String, Met>>,
}

impl LayerRule for Rule {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let (output, macs) = result(layer, x.shape())?;
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let shapes = Shapes { input: x.shape().to_vec(), output: output.clone(), macs };
        match met.get_mut(&layer.name) {
            // Further products of the same layer.
            Some(before) => {
                if let Some(shapes) = &mut before.shapes {
                    shapes.macs = shapes.macs.saturating_add(macs);
                }
            }
            None => {
                let shapes = self.shapes_only.then_some(shapes);
                met.insert(layer.name.clone(), Met { layer: layer.clone(), x: x.to_i32()?, shapes });
            }
        }
        drop(met);
        if !layer.is_read() {
            return Framework.run(layer, x);
        }
        element_count(&output)?;
        let dtype = layer.output.map_or(DType::I32, |output| output.dtype);
        Ok(Tensor::from_codes(ArrayD::zeros(IxDyn(&output)), dtype))
    }

    fn not_followed(&self, _: &str, _: Error) {}

    fn stopped(&self, why: Error) -> Result<()> {
        if why.kind == Kind::Limit { Err(why) } else { Ok(()) }
    }
}

/// The shape of a layer's result, and how many products it takes.
fn result(layer: &Layer, x: &[usize]) -> Result<(Vec<usize>, u64)> {
    let (channels, k) = (layer.channels(), layer.k());
    let wrong = || Error::new(Kind::Value, format!("an input of shape {x:?} does not fit the layer"));
    let shape = match layer.geometry {
        Geometry::Matrix => match x.split_last() {
            Some((last, rows)) if *last == k => [rows, &[channels]].concat(),
            _ => return Err(wrong()),
        },
        Geometry::Convolution { window, .. } => {
            let &[images, _, height, width] = x else { return Err(wrong()) };
            let Placed { output: [h, w], .. } = window.place([height, width]).ok_or_else(wrong)?;
            vec![images, channels, h, w]
        }
    };
    let macs = shape.iter().chain([&k]).fold(1u64, |all, extent| all.saturating_mul(*extent as u64));
    Ok((shape, macs))
}
