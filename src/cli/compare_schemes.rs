//! `goldpath compare-schemes`: which requantisation schemes give a model's layers other outputs, and for which accumulator.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ndarray::Array2;
use rayon::prelude::*;
use serde::Serialize;

use super::args::CompareSchemesArgs;
use super::feeds::Given;
use super::model::{self, Model};
use super::{Console, Status};
use crate::design::Scheme;
use crate::error::{Error, Kind, Place, Result};
use crate::functional::graph::{self, infer_written};
use crate::functional::operators::{Framework, LayerRule, Requantized};
use crate::lower::output_recoding;
use crate::network::{Layer, Qdq, Tensor};

/// The format of the JSON answer.
const SCHEMA: u32 = 1;

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    /// What every scheme is held against.
    reference: &'static str,
    layers: Vec<LayerSeen>,
}

/// A layer, and what every scheme makes of its accumulators.
#[derive(Debug, Serialize)]
struct LayerSeen {
    layer: String,
    /// Outputs of all inputs.
    outputs: u64,
    schemes: Vec<Seen>,
}

#[derive(Debug, Clone, Serialize)]
struct Seen {
    scheme: String,
    /// Outputs that are not the framework's; null where the scheme cannot run the layer.
    differ: Option<u64>,
    /// The largest difference, in codes.
    largest: u64,
    /// The first output that differs.
    witness: Option<Witness>,
    /// Why it cannot; null where it can.
    reason: Option<String>,
}

/// An accumulator that tells a scheme from the framework.
#[derive(Debug, Clone, Serialize)]
struct Witness {
    /// Row of the outcome: image and position.
    m: usize,
    channel: usize,
    accumulator: i64,
    scheme: i64,
    framework: i64,
}

pub fn run(args: &CompareSchemesArgs, console: &Console) -> Result<Status> {
    let Model { network, .. } = model::read(&args.model, Qdq::Fused)?;
    let given = Given { input: args.input.as_deref(), tensors: args.tensors.as_deref() };
    let x = given.read(&network, console)?;
    let names = graph::layer_names(&network);
    if let Some(unknown) = args.layer.iter().find(|name| !names.contains(name)) {
        return Err(Error::new(Kind::Value, format!("the model has no integer layer {unknown:?}"))
            .at(Place::Option("--layer".to_owned()))
            .help(format!("it has {}", names.join(", "))));
    }
    if names.is_empty() {
        return Err(Error::new(Kind::Unsupported, "the model has no integer layer: nothing is rescaled")
            .in_file(&args.model)
            .help("`goldpath layers` says what its operators are"));
    }
    let schemes = if args.scheme.is_empty() { Scheme::all().collect() } else { args.scheme.clone() };
    let rule = Schemes {
        only: args.layer.clone(),
        rules: schemes.into_iter().map(|scheme| (scheme.name(), Requantized::new(scheme))).collect(),
        found: Mutex::default(),
    };
    let bar = console.progress(network.nodes.len() as u64, "nodes");
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let ran = infer_written(&network, &x, &rule, &progress, &mut |_, _| Ok(()));
    bar.finish_and_clear();
    ran?;
    let mut found = rule.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let layers = names.into_iter().filter_map(|name| {
        let (outputs, schemes) = found.remove(&name)?;
        Some(LayerSeen { layer: name, outputs, schemes })
    });
    let answer = Answer { schema: SCHEMA, reference: "the framework: onnxruntime", layers: layers.collect() };
    match console.is_json() {
        true => console.answer_json(&answer)?,
        false => console.answer(&text(&answer))?,
    }
    Ok(Status::Done)
}

/// The framework's rule; every scheme runs beside it, on the same input.
struct Schemes {
    /// Layers that are looked at; empty: all.
    only: Vec<String>,
    rules: Vec<(String, Requantized)>,
    /// By layer: outputs, and what each scheme made of them.
    found: Mutex<BTreeMap<String, (u64, Vec<Seen>)>>,
}

impl LayerRule for Schemes {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let framework = Framework.run(layer, x)?;
        let is_asked = self.only.is_empty() || self.only.contains(&layer.name);
        if layer.output.is_some() && layer.is_read() && is_asked {
            let codes = framework.to_i32()?;
            let seen: Vec<Seen> =
                self.rules.par_iter().map(|(name, rule)| seen(name, rule, layer, x, &codes)).collect();
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            let (outputs, all) = found.entry(layer.name.clone()).or_default();
            *outputs += codes.len() as u64;
            if all.is_empty() {
                *all = seen;
            } else {
                all.iter_mut().zip(seen).for_each(|(all, seen)| all.add(seen));
            }
        }
        Ok(framework)
    }

    fn looks_beside(&self) -> bool {
        false
    }
}

impl Seen {
    /// Adds what was seen of further inputs.
    fn add(&mut self, other: Seen) {
        self.differ = self.differ.zip(other.differ).map(|(a, b)| a + b);
        self.largest = self.largest.max(other.largest);
        self.witness = self.witness.take().or(other.witness);
        self.reason = self.reason.take().or(other.reason);
    }
}

/// One scheme's outputs against the framework's codes, which are in the layer's own layout.
fn seen(name: &str, rule: &Requantized, layer: &Layer, x: &Tensor, codes: &ndarray::ArrayD<i32>) -> Seen {
    let ran = || {
        let designed = rule.designed(layer)?;
        let program = designed.program(layer, x)?;
        let outcome = designed.outcome(layer, &program, false);
        let recoding = i64::from(output_recoding(&designed.design, layer));
        Ok::<_, Error>((outcome.accumulators, outcome.outputs.mapv(|value| value + recoding)))
    };
    let mut seen = Seen { scheme: name.to_owned(), differ: Some(0), largest: 0, witness: None, reason: None };
    match ran() {
        Ok((accumulators, outputs)) => seen.hold(layer, (&accumulators, &outputs), codes),
        Err(error) => (seen.differ, seen.reason) = (None, Some(error.message)),
    }
    seen
}

impl Seen {
    fn hold(
        &mut self,
        layer: &Layer,
        (accumulators, outputs): (&Array2<i64>, &Array2<i64>),
        codes: &ndarray::ArrayD<i32>,
    ) {
        let channels = layer.channels();
        // [rows, channels], or [images, channels, positions] of a convolution.
        let images = codes.shape().first().copied().unwrap_or(1).max(1);
        let positions = match layer.geometry {
            crate::network::Geometry::Matrix => 1,
            crate::network::Geometry::Convolution { .. } => (outputs.nrows() / images).max(1),
        };
        let mut differ = 0;
        for (index, code) in codes.iter().enumerate() {
            let (image, channel, position) =
                (index / (channels * positions), index / positions % channels, index % positions);
            let m = image * positions + position;
            let (scheme, framework) = (outputs[[m, channel]], i64::from(*code));
            if scheme == framework {
                continue;
            }
            differ += 1;
            self.largest = self.largest.max(scheme.abs_diff(framework));
            let accumulator = accumulators[[m, channel]];
            self.witness.get_or_insert(Witness { m, channel, accumulator, scheme, framework });
        }
        self.differ = Some(differ);
    }
}

/// Layer by layer: who does as the framework, who does not and for which accumulator, and who cannot.
fn text(answer: &Answer) -> String {
    let mut text = format!("each scheme on the framework's own inputs, held against {}\n", answer.reference);
    for layer in &answer.layers {
        text.push_str(&format!("{}: {} outputs\n", layer.layer, layer.outputs));
        let same: Vec<&str> =
            layer.schemes.iter().filter(|s| s.differ == Some(0)).map(|s| s.scheme.as_str()).collect();
        if !same.is_empty() {
            text.push_str(&format!("  the same: {}\n", same.join(", ")));
        }
        for seen in layer.schemes.iter().filter(|seen| seen.differ != Some(0)) {
            let line = match (&seen.witness, seen.differ) {
                (Some(w), Some(differ)) => format!(
                    "{differ} differ, by at most {}; accumulator {} of channel {} (row {}) gives {}, the framework {}",
                    seen.largest, w.accumulator, w.channel, w.m, w.scheme, w.framework
                ),
                _ => format!("cannot run it: {}", seen.reason.as_deref().unwrap_or_default()),
            };
            text.push_str(&format!("  {:<22} {line}\n", seen.scheme));
        }
    }
    text
}
