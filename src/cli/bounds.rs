//! What `goldpath check` proves with weights at hand: a matrix's, or those of a model's integer layers.

mod seen;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayD;
use serde::Serialize;

use super::args::BoundsArgs;
use super::feeds::Given;
use super::product::ProductFiles;
use super::{Console, feeds};
use crate::bounds::{Dead, Inputs, Kind as BoundKind, LayerBounds, Summary};
use crate::design::{Design, Lint};
use crate::error::{Error, Kind, Result};
use crate::functional::graph::{Reach, layer_names, no_such_layer, probe, survey};
use crate::functional::operators::{Framework, LayerRule};
use crate::limits::{bytes, check_room};
use crate::lower::{Program, recoding};
use crate::network::{Computed, Coverage, DType, Input, Layer, Mac, Network, Tensor, element_count};
use seen::{Found, Seen};

/// Bytes that an element of a made-up input takes before its first layer: itself twice, and the codes made of it.
const PER_INPUT: u64 = 20;

/// What is proved about each layer.
#[derive(Serialize)]
pub struct LayersProved {
    /// Over which activations.
    inputs: Over,
    layers: Vec<LayerProved>,
    skipped: Vec<Skipped>,
    /// How many of a model's multiply-accumulate operators `layers` are; none for a matrix.
    coverage: Option<Coverage>,
    /// Every multiply-accumulate operator of the model, each once, in evaluation order.
    macs: Vec<Mac>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Over {
    /// Every code of the operand's format.
    Format,
    /// The range that each scheduled element takes on given data.
    Calibrated,
}

#[derive(Serialize)]
struct LayerProved {
    /// Null for a matrix product.
    layer: Option<String>,
    /// Which of a layer's products, as `2 of 3`: with batch axes it has several, each with weights of its own; else null.
    product: Option<String>,
    /// Numbers of the layer that the model computes itself: the bounds then hold for all that they can be.
    computed: Option<String>,
    /// Codes of the layer's input that the design's operand does not take: nothing is said of sums of them.
    not_taken: Option<String>,
    /// Channels whose sums reach no output code, and the proved width without them; null for a matrix product.
    dead: Option<Dead>,
    #[serde(flatten)]
    summary: Summary,
}

/// A layer of which nothing can be said.
#[derive(Serialize)]
struct Skipped {
    layer: String,
    reason: String,
}

/// The bounds that were asked for, if any were.
pub fn prove(args: &BoundsArgs, design: &Arc<Design>, console: &Console) -> Result<Option<LayersProved>> {
    match (&args.weights, &args.model) {
        (Some(weights), _) => matrix(args, weights, design).map(Some),
        (None, Some(model)) => network(args, model, design, console).map(Some),
        (None, None) => Ok(None),
    }
}

fn matrix(args: &BoundsArgs, weights: &Path, design: &Arc<Design>) -> Result<LayersProved> {
    let activations = args.activations.as_deref();
    let (bias, params) = (args.bias.as_deref(), args.params.as_deref());
    let files = ProductFiles { activations: activations.unwrap_or(weights), weights, bias, params };
    let (program, inputs, over) = match activations {
        None => (files.weights_only(design)?, Inputs::Format, Over::Format),
        Some(_) => {
            let program = files.program(design)?;
            let seen = Inputs::seen(&program);
            (program, seen, Over::Calibrated)
        }
    };
    let summary = Summary::new(&LayerBounds::new(&program, &inputs));
    let layers = vec![LayerProved {
        layer: None,
        product: None,
        computed: None,
        not_taken: None,
        dead: None,
        summary,
    }];
    Ok(LayersProved { inputs: over, layers, skipped: vec![], coverage: None, macs: vec![] })
}

fn network(args: &BoundsArgs, model: &Path, design: &Arc<Design>, console: &Console) -> Result<LayersProved> {
    let given = Given { input: args.input.as_deref(), tensors: args.tensors.as_deref() };
    let form = super::model::form(args.qdq, given.is_nothing().then_some("nothing runs but the layers"))?;
    let network = super::model::read_followed(model, form)?.network;
    // By name, the layer's place in evaluation order; of two of one name, the first.
    let names = layer_names(&network).into_iter().enumerate().rev();
    let names: BTreeMap<String, usize> = names.map(|(at, name)| (name, at)).collect();
    if let Some(unknown) = args.layer.as_ref().filter(|layer| !names.contains_key(*layer)) {
        return Err(no_such_layer(&network, unknown));
    }
    let (x, over) = match given.is_nothing() {
        true => (feeds::zeros(&network)?, Over::Format),
        false => (given.read(&network, console)?, Over::Calibrated),
    };
    if over == Over::Calibrated {
        Reach::new(&network, &x).check(&network, &x, args.layer.as_slice())?;
    }
    let computed = network.computed_layers();
    let collect = Collect { design, computed, args, over, found: Mutex::default(), failed: Mutex::default() };
    let bar = console.progress(network.nodes.len() as u64, "nodes");
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let run = survey(&network, &x, &collect, &progress);
    bar.finish_and_clear();
    run?;
    collect.behind(&network);
    let Seen { mut found, .. } = collect.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|found| names.get(&found.layer.name).copied());
    let (mut layers, mut skipped) = (vec![], vec![]);
    for (layer, error) in collect.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        if args.layer.is_some() {
            return Err(error);
        }
        skipped.push(Skipped { layer, reason: error.message });
    }
    for Found { layer, known, .. } in found {
        match known {
            Ok(known) => layers.push(known.prove(layer, design)),
            Err(error) if args.layer.is_some() => return Err(error),
            Err(error) => skipped.push(Skipped { layer: layer.name, reason: error.message }),
        }
    }
    number_products(&mut layers);
    let mut macs = network.macs();
    let mut refused: BTreeMap<String, String> = BTreeMap::new();
    for Skipped { layer, reason } in &skipped {
        refused.entry(layer.clone()).or_insert_with(|| reason.clone());
    }
    for mac in &mut macs {
        if let Some(reason) = refused.get(&mac.name) {
            mac.refused(reason);
        }
    }
    let covered: BTreeSet<&str> = layers.iter().filter_map(|proved| proved.layer.as_deref()).collect();
    let coverage = Coverage::new(&macs, &|name| covered.contains(name));
    for mac in macs.iter().filter(|mac| !covered.contains(mac.name.as_str()) && args.layer.is_none()) {
        if let Some(reason) = mac.reason.clone().filter(|_| !refused.contains_key(&mac.name)) {
            refused.insert(mac.name.clone(), reason.clone());
            skipped.push(Skipped { layer: mac.name.clone(), reason });
        }
    }
    match layers.is_empty() {
        true => Err(nothing_proved(model, skipped.first(), coverage.text(&macs).trim_end())),
        false => Ok(LayersProved { inputs: over, layers, skipped, coverage: Some(coverage), macs }),
    }
}

fn nothing_proved(model: &Path, skipped: Option<&Skipped>, told: &str) -> Error {
    let message = match skipped {
        Some(Skipped { layer, reason }) => format!("the design can run no layer; {layer}: {reason}"),
        None => "the model has no integer layer".to_string(),
    };
    let error = Error::new(Kind::Value, message).in_file(model);
    if told.is_empty() { error } else { error.help(told) }
}

/// Tells the products of one layer apart.
fn number_products(layers: &mut [LayerProved]) {
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    let mut at = Vec::with_capacity(layers.len());
    for layer in layers.iter() {
        let count = all.entry(layer.layer.clone().unwrap_or_default()).or_default();
        *count += 1;
        at.push(*count);
    }
    for (layer, at) in layers.iter_mut().zip(at) {
        let of = layer.layer.as_ref().and_then(|name| all.get(name)).copied().unwrap_or(1);
        layer.product = (of > 1).then(|| format!("{at} of {of}"));
    }
}

/// Zeros in the shape of an input, one image; none where the model does not say the shape.
///
/// # Errors
/// It is too large.
pub(super) fn zeros_of(network: &Network, input: &Input) -> Result<Option<Tensor>> {
    let extent = |(axis, extent): (usize, &Option<usize>)| extent.or((axis == 0).then_some(1));
    let shape =
        input.dims.as_ref().and_then(|dims| dims.iter().enumerate().map(extent).collect::<Option<Vec<_>>>());
    let Some(shape) = shape else { return Ok(None) };
    let each = |e: Error| e.in_file(&network.source).help("give an input that is smaller with --input");
    element_count(&shape).map_err(each)?;
    check_room(bytes(&shape, PER_INPUT), || {
        format!("an input of shape {shape:?}, as the model declares it,")
    })
    .map_err(each)?;
    Ok(Some(match input.dtype {
        DType::F32 => Tensor::F32(ArrayD::zeros(shape)),
        DType::U64 => Tensor::U64(ArrayD::zeros(shape)),
        dtype => Tensor::from_codes(ArrayD::zeros(shape), dtype),
    }))
}

/// What the bounds are computed from.
enum Known {
    Constant(Box<(Program, Inputs)>),
    /// The network computes some numbers of the layer itself.
    Computed(Computed, Box<Summary>),
}

impl Known {
    fn prove(self, layer: Layer, design: &Design) -> LayerProved {
        let (computed, mut summary) = match self {
            Known::Constant(known) => (None, Summary::new(&LayerBounds::new(&known.0, &known.1))),
            Known::Computed(computed, summary) => (Some(computed.words()), *summary),
        };
        // The result is the sum itself: the design's post steps do not see it.
        if layer.output.is_none() {
            summary.nodes.retain(|node| !node.node.starts_with("post."));
        }
        LayerProved {
            not_taken: not_taken(design, &layer),
            dead: Some(dead(&layer, &summary)),
            layer: Some(layer.name),
            product: None,
            computed,
            summary,
        }
    }
}

/// Judged by what holds every prefix; where the network computes some numbers, the one bound does.
fn dead(layer: &Layer, summary: &Summary) -> Dead {
    let widths = |kind| summary.bound(kind).or(summary.bounds.first()).map_or(&[][..], |b| &b.widths);
    Dead::new(layer, widths(BoundKind::Prefix), widths(summary.licence))
}

/// u8 codes above 127 on an s8 operand: a layer may do without them, as reduced ranges do, and cannot run with them.
fn not_taken(design: &Design, layer: &Layer) -> Option<String> {
    let (operand, dtype) = (&design.activation, layer.input_carrier.dtype);
    let (all, shift) = (dtype.format()?, i64::from(recoding(operand, dtype)));
    let (low, high) = (all.min() - shift, all.max() - shift);
    let fits = low >= operand.format.min() && high <= operand.format.max();
    let recoded = if shift == 0 { String::new() } else { format!(" - {shift}") };
    (!fits).then(|| {
        format!(
            "its activations are {dtype} ({}..{}){recoded}, of which the design's {} operand takes {}..{} alone",
            all.min(),
            all.max(),
            operand.format,
            operand.format.min(),
            operand.format.max()
        )
    })
}

/// Runs the network by its framework's rules and looks at the layers on the way.
struct Collect<'a> {
    design: &'a Arc<Design>,
    /// By layer.
    computed: BTreeMap<&'a str, Computed>,
    args: &'a BoundsArgs,
    over: Over,
    found: Mutex<Seen>,
    /// Sums inside float layers that could not be formed.
    failed: Mutex<Vec<(String, Error)>>,
}

impl LayerRule for Collect<'_> {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        if self.args.layer.as_ref().is_none_or(|wanted| *wanted == layer.name) {
            let computed = self.computed.get(layer.name.as_str()).copied().unwrap_or_default();
            let known = self.look(layer, x, computed);
            self.found.lock().unwrap_or_else(PoisonError::into_inner).add(layer, computed, known)?;
        }
        Framework.run(layer, x)
    }

    fn not_followed(&self, layer: &str, why: Error) {
        if self.args.layer.as_ref().is_none_or(|wanted| wanted == layer) {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.push((layer.to_owned(), why));
        }
    }

    /// A made-up input proves nothing wrong with the model.
    fn stopped(&self, why: Error) -> Result<()> {
        if self.over == Over::Format && why.kind != Kind::Limit { Ok(()) } else { Err(why) }
    }
}

impl Collect<'_> {
    /// Looks at the layers that the run did not reach: what holds for every code needs none of what is in front of them.
    fn behind(&self, network: &Network) {
        let reached: BTreeSet<String> = {
            let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            let found = found.found.iter().map(|found| &found.layer.name);
            found.chain(failed.iter().map(|(name, _)| name)).cloned().collect()
        };
        let wanted = |name: &str| {
            !reached.contains(name) && self.args.layer.as_deref().is_none_or(|layer| layer == name)
        };
        let refused = match self.over {
            Over::Format => probe(network, &wanted, self),
            Over::Calibrated => {
                let why = || {
                    Error::new(
                        Kind::Unsupported,
                        "it did not run: it lies behind what goldpath cannot compute",
                    )
                    .help("give what feeds it with --tensors")
                };
                let missing = layer_names(network).into_iter().filter(|name| wanted(name));
                missing.map(|name| (name, why())).collect()
            }
        };
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).extend(refused);
    }

    fn look(&self, layer: &Layer, x: &Tensor, computed: Computed) -> Result<Known> {
        let program = Program::layer(Arc::clone(self.design), layer, &x.to_i32()?)?;
        if computed.any() {
            let summary = Summary::of_computed(&program, layer, computed)?;
            return Ok(Known::Computed(computed, Box::new(summary)));
        }
        let inputs = match self.over {
            Over::Format => Inputs::Format,
            Over::Calibrated => Inputs::seen(&program),
        };
        Ok(Known::Constant(Box::new((program, inputs))))
    }
}

impl LayersProved {
    /// Layers whose bias the accumulator's register does not hold.
    pub fn lints(&self, design: &Design) -> Vec<Lint> {
        let lint = |layer: &LayerProved| {
            let start = layer.summary.nodes.iter().find(|node| node.node == "accumulator.start")?;
            let (low, high) = (start.low.0, start.high.0);
            let fit = design.accumulator.register_fit();
            let register = fit.format;
            let channels = start.channels_high.max(start.channels_low);
            // Only where the network computes numbers of the bias is a channel's start more than one value.
            let channels = if start.achieved { start.channels_high + start.channels_low } else { channels };
            if channels == 0 {
                return None;
            }
            let place = layer.layer.as_ref().map_or(String::new(), |name| format!("{name}: "));
            let product = layer.product.as_ref().map_or(String::new(), |p| format!("product {p}: "));
            let fits = if start.achieved { "does" } else { "need" };
            let width = match fit.narrowest((low, high)) {
                Some(format) => format!("{} bits hold every bias", format.width()),
                None => "no width holds every bias".to_string(),
            };
            Some(Lint {
                name: "bias-overflow",
                key: "accumulator.start".into(),
                message: format!(
                    "{place}{product}the bias ({low}..{high}) {fits} not fit {register} in {channels} of {} channels: \
                     every output of these is an overflow before its first product",
                    layer.summary.channels
                ),
                help: format!("{width}; a bias that is added in a post step meets the finished sum instead"),
            })
        };
        self.layers.iter().filter_map(lint).collect()
    }
}
