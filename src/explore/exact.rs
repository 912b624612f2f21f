//! The exact network: the design's arithmetic with accumulators in which nothing overflows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{Array2, ArrayD};
use rayon::prelude::*;

use super::needed::needed_width;
use super::variant::words;
use crate::design::{AccumulatorOverflow, Design};
use crate::error::{Error, Kind, Place, Result};
use crate::functional::graph::{is_layer, node_outputs, parts};
use crate::functional::operators::{Designed, LayerRule};
use crate::functional::{self, Prefixes};
use crate::lower::{Outcome, Program};
use crate::network::{Coverage, Layer, Network, Node, Tensor};
use crate::num::Overflow;
use crate::post;

/// A network's values on one input when no accumulator overflows, and what it takes to know them at every width.
pub struct Exact<'a> {
    pub(super) network: &'a Network,
    /// The widest design of the variant.
    pub(super) reference: Arc<Design>,
    /// Batches that the network takes one at a time.
    pub(super) parts: Vec<Part>,
    /// What it answers, image by image.
    pub(super) answers: Vec<u32>,
    /// Sums inside float layers that could not be followed, and why.
    pub(super) not_followed: BTreeMap<String, String>,
}

/// One batch.
pub(super) struct Part {
    /// Every tensor, by name.
    pub values: BTreeMap<String, Tensor>,
    /// By node: one entry per product of an integer layer, which is one unless its weights have batch axes.
    pub passes: Vec<Vec<Pass>>,
    /// Sums inside float layers that the design has no place for.
    pub not_followed: Vec<(String, Error)>,
}

/// One layer on one batch.
pub(super) struct Pass {
    pub layer: Layer,
    /// Codes, as the layer met them.
    pub input: ArrayD<i32>,
    /// On the widest design.
    pub program: Program,
    /// Exact sums, and what entered the accumulator on the way.
    pub prefixes: Prefixes,
    /// Behind the post steps: `[rows, channels]`.
    pub outputs: Array2<i64>,
    /// What each channel's sum starts from, before it is fitted.
    pub starts: Vec<i64>,
    /// Smallest and largest of all prefixes and starts.
    pub range: (i64, i64),
}

impl<'a> Exact<'a> {
    /// Runs `network` on `x`, batch first, in one pass over every layer.
    ///
    /// # Errors
    /// A network without an integer layer, an input that does not fit, a layer that the design has no place for, and a sum that leaves the widest
    /// accumulator that the design builds.
    pub fn new(network: &'a Network, x: &Tensor, reference: &Arc<Design>) -> Result<Exact<'a>> {
        if !network.nodes.iter().any(|node| is_layer(&node.operator)) {
            return Err(no_layer(network));
        }
        let runs: Result<Vec<Part>> =
            parts(network, x, usize::MAX)?.into_par_iter().map(|x| part(network, x, reference)).collect();
        let mut parts = runs?;
        let mut answers = Vec::new();
        for part in &parts {
            answers.extend(answers_of(network, answer(network, &part.values)?)?);
        }
        let refused = parts.iter().flat_map(|part| &part.not_followed);
        let not_followed: BTreeMap<String, String> =
            refused.map(|(name, why)| (name.clone(), words(why))).collect();
        // What one batch refuses is not known of the others either.
        for part in &mut parts {
            for (node, passes) in network.nodes.iter().zip(&mut part.passes) {
                if not_followed.contains_key(&node.name) {
                    passes.clear();
                }
            }
        }
        if parts.iter().all(|part| part.passes.iter().all(Vec::is_empty)) {
            let why = parts.into_iter().flat_map(|part| part.not_followed).next();
            return Err(why.map_or_else(|| no_layer(network), |(_, why)| why));
        }
        Ok(Exact { network, reference: Arc::clone(reference), parts, answers, not_followed })
    }

    /// What the network answers, image by image: the index of its largest output, the first of equal ones.
    pub fn answers(&self) -> &[u32] {
        &self.answers
    }

    /// Images that are labelled as `labels` says.
    ///
    /// # Errors
    /// Another number of labels than of images.
    pub fn correct(&self, labels: &[i64]) -> Result<u64> {
        correct(&self.answers, labels)
    }

    /// The network's nodes that are integer layers, by index.
    pub(super) fn layer_nodes(&self) -> impl Iterator<Item = (usize, &'a Node)> + use<'a> {
        self.network.nodes.iter().enumerate().filter(|(_, node)| is_layer(&node.operator))
    }
}

fn no_layer(network: &Network) -> Error {
    let macs = network.macs();
    let told = Coverage::new(&macs, &|_| false).text(&macs);
    let error = Error::new(Kind::Value, "the network has no integer layer").in_file(&network.source);
    if told.is_empty() { error } else { error.help(told.trim_end()) }
}

/// Images whose answer is their label.
pub(super) fn correct(answers: &[u32], labels: &[i64]) -> Result<u64> {
    if answers.len() != labels.len() {
        let message = format!("{} labels for {} images", labels.len(), answers.len());
        return Err(Error::new(Kind::Value, message));
    }
    Ok(answers.iter().zip(labels).filter(|(a, l)| i64::from(**a) == **l).count() as u64)
}

/// The tensor that holds a network's answer: its first output.
pub(super) fn answer<'v>(network: &Network, values: &'v BTreeMap<String, Tensor>) -> Result<&'v Tensor> {
    let name = network.outputs.first();
    name.and_then(|name| values.get(name)).ok_or_else(|| {
        Error::new(Kind::Unsupported, "no node computes the model's first output").in_file(&network.source)
    })
}

/// Image by image, the index of the largest value of an answer's tensor; the first of equal ones.
pub(super) fn answers_of(network: &Network, tensor: &Tensor) -> Result<Vec<u32>> {
    let images = tensor.shape().first().copied().unwrap_or(0);
    if images == 0 || tensor.is_empty() {
        let message = format!("an answer of shape {:?} has no label to each image", tensor.shape());
        return Err(Error::new(Kind::Unsupported, message).in_file(&network.source));
    }
    let each = tensor.len() / images;
    let first_largest = |values: &[f64]| {
        let mut best = 0;
        for (index, value) in values.iter().enumerate() {
            if *value > values[best] || values[best].is_nan() && !value.is_nan() {
                best = index;
            }
        }
        u32::try_from(best).unwrap_or(u32::MAX)
    };
    // Codes have at most 32 bits and scores are float32: an f64 holds both.
    let values: Vec<f64> = match tensor {
        Tensor::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
        codes => codes.to_i64()?.iter().map(|v| *v as f64).collect(),
    };
    Ok(values.chunks_exact(each).map(first_largest).collect())
}

fn part(network: &Network, x: Tensor, reference: &Arc<Design>) -> Result<Part> {
    let input = network.inputs.first().map(|i| i.name.clone()).unwrap_or_default();
    let mut values = BTreeMap::from([(input, x)]);
    let mut passes = Vec::with_capacity(network.nodes.len());
    let mut not_followed = Vec::new();
    for node in &network.nodes {
        let rule = Recorder { reference, passes: Mutex::new(Vec::new()) };
        let find = |name: &str| values.get(name);
        let outputs = match node_outputs(network, node, &find, &rule) {
            Err(why) if node.is_products() => {
                not_followed.push((node.name.clone(), why));
                passes.push(Vec::new());
                continue;
            }
            outputs => outputs?,
        };
        for (name, tensor) in node.outputs.iter().zip(outputs) {
            if let Some(name) = name {
                values.insert(name.clone(), tensor);
            }
        }
        passes.push(rule.passes.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    Ok(Part { values, passes, not_followed })
}

/// Computes layers exactly, and keeps what it took.
struct Recorder<'a> {
    reference: &'a Arc<Design>,
    passes: Mutex<Vec<Pass>>,
}

impl LayerRule for Recorder<'_> {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let pass = Pass::new(self.reference, layer, x.to_i32()?)?;
        let outcome =
            Outcome { accumulators: pass.prefixes.sums.clone(), outputs: pass.outputs.clone(), counts: None };
        let tensor = Designed::new(Arc::clone(self.reference)).tensor(layer, x.shape(), &outcome)?;
        self.passes.lock().unwrap_or_else(PoisonError::into_inner).push(pass);
        Ok(tensor)
    }
}

impl Pass {
    /// # Errors
    /// The design has no place for the layer, or the sums leave its register.
    pub fn new(reference: &Arc<Design>, layer: &Layer, input: ArrayD<i32>) -> Result<Pass> {
        let program = Program::layer(Arc::clone(reference), layer, &input)?;
        let prefixes = functional::prefixes(&program);
        let starts: Vec<i64> = (0..program.shape.channels()).map(|n| program.bias(n)).collect();
        let least = |values: &Array2<i64>| values.iter().copied().min().unwrap_or(0);
        let most = |values: &Array2<i64>| values.iter().copied().max().unwrap_or(0);
        let low = starts.iter().copied().fold(least(&prefixes.low), i64::min);
        let high = starts.iter().copied().fold(most(&prefixes.high), i64::max);
        let register = reference.accumulator.register;
        let needed =
            needed_width(i128::from(low), i128::from(high), register.is_signed(), Overflow::Saturate);
        if needed > register.width() || reference.accumulator.overflow == AccumulatorOverflow::SaturateOutput
        {
            let message = format!(
                "sums from {low} to {high} leave the widest accumulator that the design builds, {register}"
            );
            return Err(Error::new(Kind::Value, message)
                .at(Place::Signal(layer.name.clone()))
                .help("wider ones are refused by the post steps: relax their formats and latencies"));
        }
        let finish = |(index, sum): (usize, &i64)| {
            let n = index % program.shape.channels();
            post::run(&program.design.post, *sum, &program.parameters, n, |_, _| {})
        };
        let sums = prefixes.sums.as_standard_layout();
        let sums: Vec<i64> = sums.iter().copied().collect();
        let outputs: Vec<i64> = sums.par_iter().enumerate().map(finish).collect();
        let outputs = Array2::from_shape_vec(prefixes.sums.raw_dim(), outputs).expect("one output per sum");
        Ok(Pass { layer: layer.clone(), input, program, prefixes, outputs, starts, range: (low, high) })
    }

    /// Rows and channels of the outcome.
    pub fn extents(&self) -> (usize, usize) {
        (self.program.shape.rows(), self.program.shape.channels())
    }
}
