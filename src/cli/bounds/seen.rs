//! The layers that were met while a network ran: each product once, however many there are.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use super::Known;
use crate::bounds::Inputs;
use crate::error::Result;
use crate::limits::Charge;
use crate::lower::Program;
use crate::network::{Computed, Layer};

/// A layer, and its program with the inputs it has had so far, or why there is none.
pub struct Found {
    pub layer: Layer,
    pub known: Result<Known>,
    _held: Charge,
}

/// Every layer that was met, and where to look for one.
#[derive(Default)]
pub struct Seen {
    pub found: Vec<Found>,
    /// Indices in `found` by name, and by a hash of the weights: a product with batch axes is several layers of one name.
    places: BTreeMap<String, BTreeMap<u64, Vec<usize>>>,
    /// By name, the first of which nothing can be said: it stands for all of them.
    refused: BTreeMap<String, usize>,
}

impl Seen {
    /// Adds what is known of `layer` with one input, to what is known of it already.
    ///
    /// # Errors
    /// There is no room for another layer.
    pub fn add(&mut self, layer: &Layer, computed: Computed, known: Result<Known>) -> Result<()> {
        let weights = if computed.weights { 0 } else { hash(layer) };
        let alike = self.places.get(&layer.name).and_then(|places| places.get(&weights));
        let alike = alike.into_iter().flatten().chain(self.refused.get(&layer.name)).copied();
        let same = alike.filter(|at| self.found[*at].is_of(layer)).min();
        match (same.map(|at| (at, &mut self.found[at])), known) {
            (Some((_, Found { known: Ok(Known::Constant(before)), .. })), Ok(Known::Constant(more))) => {
                before.1 = std::mem::replace(&mut before.1, Inputs::Format).merged(more.1);
            }
            (Some((at, before)), Err(error)) => {
                before.known = Err(error);
                let first = self.refused.entry(layer.name.clone()).or_insert(at);
                *first = at.min(*first);
            }
            (Some(_), Ok(_)) => {}
            (None, known) => {
                let at = self.found.len();
                let held = held(layer, &known)?;
                if known.is_err() {
                    self.refused.entry(layer.name.clone()).or_insert(at);
                }
                self.places.entry(layer.name.clone()).or_default().entry(weights).or_default().push(at);
                self.found.push(Found { layer: layer.clone(), known, _held: held });
            }
        }
        Ok(())
    }
}

impl Found {
    /// Whether `layer`, of this one's name, is the same product.
    fn is_of(&self, layer: &Layer) -> bool {
        match &self.known {
            Ok(Known::Constant(_)) => self.layer.weights == layer.weights,
            // Weights that are computed may be any.
            Ok(Known::Computed(computed, _)) => {
                computed.weights || self.layer.weights.codes == layer.weights.codes
            }
            Err(_) => true,
        }
    }
}

fn hash(layer: &Layer) -> u64 {
    let mut hasher = DefaultHasher::new();
    layer.weights.codes.hash(&mut hasher);
    hasher.finish()
}

/// Charges what is kept of a layer until all have run.
fn held(layer: &Layer, known: &Result<Known>) -> Result<Charge> {
    let numbers = |lists: &[usize]| lists.iter().sum::<usize>() as u64 * 4;
    let weights = &layer.weights;
    let bias = layer.bias.as_ref().map_or(0, Vec::len);
    let mut size = numbers(&[weights.codes.len(), weights.scales.len(), weights.zero_points.len(), bias]);
    if let Ok(Known::Constant(known)) = known {
        let Program { activations, weights, parameters, .. } = &known.0;
        let parameters: usize = parameters.iter().map(|list| 2 * list.len()).sum();
        size += numbers(&[activations.len(), weights.len(), parameters]);
    }
    Charge::new(size, || format!("what is kept of layer {:?}, besides the others before it,", layer.name))
}
