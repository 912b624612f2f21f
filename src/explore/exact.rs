//! The network in which no accumulator overflows, and the exact network beside it.
//!
//! The two differ where the format of a reduction level, of a memory or of a step in front of them takes something from a sum:
//! the one has the design's own, around accumulators that hold everything; it is what every width shares. The other has formats
//! that hold everything at every node in front of the post steps, and is what every width is compared with. What a step rounds is
//! rounded in both: it is arithmetic, and no overflow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{Array2, ArrayD};
use rayon::prelude::*;

use super::needed::needed_width;
use super::variant::words;
use crate::design::{self, Design};
use crate::error::{Error, Kind, Place, Result};
use crate::functional::graph::{Fed, Feeds, Reach, images, is_layer, node_outputs, parts};
use crate::functional::operators::{Designed, LayerRule};
use crate::functional::{self, Prefixes};
use crate::lower::{NodeEvents, Outcome, Program, no_events};
use crate::network::{Coverage, Layer, Network, Node, Tensor};
use crate::num::{Format, Overflow};

/// A network's values on one input when no accumulator overflows, what it takes to know them at every width, and the
/// exact network's.
pub struct Exact<'a> {
    pub(super) network: &'a Network,
    /// What runs of it, and where its answer is.
    pub(super) reach: Reach,
    /// Tensors that are given: no node writes them.
    pub(super) fed: BTreeSet<String>,
    /// The widest design of the variant.
    pub(super) reference: Arc<Design>,
    /// Batches that the network takes one at a time.
    pub(super) parts: Vec<Part>,
    /// What it answers when no accumulator overflows, image by image.
    pub(super) without_overflow: Vec<u32>,
    /// The exact network's tensors, batch by batch; none where they are those of `parts`.
    pub(super) exact: Option<Vec<BTreeMap<String, Tensor>>>,
    /// What the exact network answers, image by image.
    pub(super) answers: Vec<u32>,
    /// Sums inside float layers that could not be followed, and why.
    pub(super) not_followed: BTreeMap<String, String>,
    /// Images of a batch, where the answer's tensor need not say.
    pub(super) images: Option<usize>,
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
    /// Sums in an accumulator that holds everything, and what entered it on the way.
    pub prefixes: Prefixes,
    /// Those sums behind the post steps: `[rows, channels]`.
    pub outputs: Array2<i64>,
    /// Where something in front of the post steps took something from a sum: exact sums, and what they become.
    pub exact: Option<Unreduced>,
    /// Everything in front of the post steps but the accumulator, with its events.
    pub levels: Vec<NodeEvents>,
    /// What each channel's sum starts from, before it is fitted.
    pub starts: Vec<i64>,
    /// Smallest and largest of all prefixes and starts.
    pub range: (i64, i64),
}

/// A layer's sums and outputs as they are without formats in front of the post steps: `[rows, channels]` each.
pub(super) struct Unreduced {
    pub sums: Array2<i64>,
    pub outputs: Array2<i64>,
}

impl<'a> Exact<'a> {
    /// Runs `network` on `x`, batch first, in one pass over every layer.
    ///
    /// # Errors
    /// A network without an integer layer, an input that does not fit, a layer that the design has no place for, and a sum that leaves the widest
    /// accumulator that the design builds.
    pub fn new(network: &'a Network, x: &impl Fed, reference: &Arc<Design>) -> Result<Exact<'a>> {
        if !network.nodes.iter().any(|node| is_layer(&node.operator)) {
            return Err(no_layer(network));
        }
        let feeds = x.feeds(network)?;
        let reach = Reach::new(network, &feeds);
        reach.check(network, &feeds, &[])?;
        let batches = parts(network, x, usize::MAX)?;
        let fed: BTreeSet<String> = batches.iter().take(1).flat_map(|part| part.keys().cloned()).collect();
        let of_part = |x, design| part(network, (&reach, &fed), x, design);
        let batch = images(network, x)?.div_ceil(batches.len().max(1));
        let runs: Result<Vec<Part>> = batches.into_par_iter().map(|x| of_part(x, reference)).collect();
        let mut parts = runs?;
        let not_followed = drop_not_followed(network, &mut parts)?;
        let answers = |tensors: &mut dyn Iterator<Item = &BTreeMap<String, Tensor>>| -> Result<Vec<u32>> {
            let mut answers = Vec::new();
            for values in tensors {
                let found = answer(network, &reach, values)?;
                let images = if reach.cut.is_some() { Some(batch) } else { None };
                answers.extend(answers_of(network, found, images)?);
            }
            Ok(answers)
        };
        let without_overflow = answers(&mut parts.iter().map(|part| &part.values))?;
        let mut exact = None;
        let mut exact_answers = without_overflow.clone();
        if parts.iter().flat_map(|part| part.passes.iter().flatten()).any(|pass| pass.exact.is_some()) {
            let design = unfitted(reference);
            let runs = self::parts(network, x, usize::MAX)?.into_par_iter();
            let runs: Result<Vec<_>> = runs.map(|x| Ok(of_part(x, &design)?.values)).collect();
            let runs = runs?;
            exact_answers = answers(&mut runs.iter())?;
            exact = Some(runs);
        }
        Ok(Exact {
            network,
            reference: Arc::clone(reference),
            parts,
            without_overflow,
            exact,
            answers: exact_answers,
            not_followed,
            images: reach.cut.is_some().then_some(batch),
            reach,
            fed,
        })
    }

    /// What the exact network answers, image by image: the index of its largest output, as [`Tensor::answers`] has it.
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

    /// Outputs of a node that are not the exact network's, over all batches: `own` has those of a run where they are not
    /// those without overflow.
    pub(super) fn differing<'t>(&'t self, node: &Node, own: &dyn Fn(usize) -> Option<&'t Tensor>) -> u64 {
        let Some(name) = node.outputs.first().and_then(Option::as_ref) else { return 0 };
        let of_part = |(index, part): (usize, &'t Part)| {
            let exact = self.exact.as_ref().map_or(&part.values, |exact| &exact[index]).get(name)?;
            let found = own(index).or_else(|| part.values.get(name))?;
            Some(if std::ptr::eq(exact, found) { 0 } else { differing(exact, found) })
        };
        self.parts.iter().enumerate().filter_map(of_part).sum()
    }

    /// The network's nodes that are integer layers, by index.
    pub(super) fn layer_nodes(&self) -> impl Iterator<Item = (usize, &'a Node)> + use<'a> {
        self.network.nodes.iter().enumerate().filter(|(_, node)| is_layer(&node.operator))
    }
}

/// Sums that the design has no place for, and why: what one batch refuses is not known of the others either.
fn drop_not_followed(network: &Network, parts: &mut [Part]) -> Result<BTreeMap<String, String>> {
    let refused = parts.iter().flat_map(|part| &part.not_followed);
    let not_followed: BTreeMap<String, String> =
        refused.map(|(name, why)| (name.clone(), words(why))).collect();
    for part in parts.iter_mut() {
        for (node, passes) in network.nodes.iter().zip(&mut part.passes) {
            if not_followed.contains_key(&node.name) {
                passes.clear();
            }
        }
    }
    if parts.iter().any(|part| part.passes.iter().any(|passes| !passes.is_empty())) {
        return Ok(not_followed);
    }
    let why = parts.iter_mut().flat_map(|part| part.not_followed.drain(..)).next();
    Err(why.map_or_else(|| no_layer(network), |(_, why)| why))
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

/// The tensor that holds a network's answer: its first output, where that can be computed.
pub(super) fn answer<'v>(
    network: &Network,
    reach: &Reach,
    values: &'v BTreeMap<String, Tensor>,
) -> Result<&'v Tensor> {
    reach.answer.as_ref().and_then(|name| values.get(name)).ok_or_else(|| {
        Error::new(Kind::Unsupported, "no node computes the model's first output").in_file(&network.source)
    })
}

/// Image by image, the index of the largest value of an answer's tensor; the first of equal ones. Of a network's own
/// output, the first extent is the number of images.
pub(super) fn answers_of(network: &Network, tensor: &Tensor, images: Option<usize>) -> Result<Vec<u32>> {
    let images = images.or(tensor.shape().first().copied()).unwrap_or(0);
    if images == 0 || tensor.is_empty() {
        let message = format!("an answer of shape {:?} has no label to each image", tensor.shape());
        return Err(Error::new(Kind::Unsupported, message).in_file(&network.source));
    }
    let answers = tensor.answers(images).map_err(|e| e.in_file(&network.source))?;
    Ok(answers.into_iter().map(|answer| u32::try_from(answer).unwrap_or(u32::MAX)).collect())
}

/// Elements that are not equal; every one where type or shape is another.
fn differing(a: &Tensor, b: &Tensor) -> u64 {
    let count = |differs: usize| differs as u64;
    match (a, b, a.to_i64(), b.to_i64()) {
        _ if a.dtype() != b.dtype() || a.shape() != b.shape() => count(a.len()),
        (Tensor::F32(a), Tensor::F32(b), ..) => {
            count(a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits()).count())
        }
        (_, _, Ok(a), Ok(b)) => count(a.iter().zip(&b).filter(|(a, b)| a != b).count()),
        // No layer has uint64 outputs.
        _ => {
            if a == b {
                0
            } else {
                count(a.len())
            }
        }
    }
}

fn part(
    network: &Network,
    (reach, fed): (&Reach, &BTreeSet<String>),
    x: Feeds,
    reference: &Arc<Design>,
) -> Result<Part> {
    let mut values = x;
    let mut passes = Vec::with_capacity(network.nodes.len());
    let mut not_followed = Vec::new();
    for (index, node) in network.nodes.iter().enumerate() {
        if !reach.runs(index) {
            passes.push(Vec::new());
            continue;
        }
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
            if let Some(name) = name.as_ref().filter(|name| !fed.contains(*name)) {
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
        let mut prefixes = functional::prefixes(&program);
        let starts: Vec<i64> = (0..program.shape.channels()).map(|n| program.bias(n)).collect();
        let least = |values: &Array2<i64>| values.iter().copied().min().unwrap_or(0);
        let most = |values: &Array2<i64>| values.iter().copied().max().unwrap_or(0);
        let low = starts.iter().copied().fold(least(&prefixes.low), i64::min);
        let high = starts.iter().copied().fold(most(&prefixes.high), i64::max);
        check_held(reference, layer, low, high)?;
        if !reference.after.is_empty() {
            // Their levels fit the sum of accumulators that hold everything.
            prefixes.sums = functional::run(&program, false).accumulators;
        }
        let outputs = finished(&program, &prefixes.sums);
        let (exact, levels) = levels(&program, layer, &input, &prefixes.sums)?;
        let range = (low, high);
        Ok(Pass { layer: layer.clone(), input, program, prefixes, outputs, exact, levels, starts, range })
    }

    /// Exact sums, and what the widest design's post steps make of them.
    pub fn exact(&self) -> (&Array2<i64>, &Array2<i64>) {
        match &self.exact {
            Some(exact) => (&exact.sums, &exact.outputs),
            None => (&self.prefixes.sums, &self.outputs),
        }
    }

    /// Rows and channels of the outcome.
    pub fn extents(&self) -> (usize, usize) {
        (self.program.shape.rows(), self.program.shape.channels())
    }
}

/// # Errors
/// The register does not hold every sum.
fn check_held(reference: &Design, layer: &Layer, low: i64, high: i64) -> Result<()> {
    let register = reference.accumulator.register;
    let needed = needed_width(i128::from(low), i128::from(high), register.is_signed(), Overflow::Saturate);
    if needed <= register.width() && reference.accumulator.output_fit().is_none() {
        return Ok(());
    }
    let message =
        format!("sums from {low} to {high} leave the widest accumulator that the design builds, {register}");
    Err(Error::new(Kind::Value, message)
        .at(Place::Signal(layer.name.clone()))
        .help("`goldpath check --set accumulator.width=64` says what refuses wider ones"))
}

/// Sums behind the program's post steps.
fn finished(program: &Program, sums: &Array2<i64>) -> Array2<i64> {
    let finish = |(index, sum): (usize, &i64)| program.post(index % program.shape.channels()).output(*sum);
    let flat: Vec<i64> = sums.as_standard_layout().iter().copied().collect();
    let outputs: Vec<i64> = flat.par_iter().enumerate().map(finish).collect();
    Array2::from_shape_vec(sums.raw_dim(), outputs).expect("one output per sum")
}

/// The same design with formats in front of the post steps that hold everything: what steps round stays rounded.
fn unfitted(design: &Design) -> Arc<Design> {
    let (format, overflow) = (Format::signed(64).expect("the widest format"), Overflow::Wrap);
    let mut wide = design.clone();
    if let Some(memory) = &mut wide.parts.memory {
        (memory.format, memory.overflow) = (format, overflow);
    }
    for level in wide.parts.reduce.iter_mut().chain(&mut wide.parts.after) {
        (level.format, level.overflow) = (format, overflow);
    }
    let lists = [&mut wide.parts.product_steps, &mut wide.parts.store_steps, &mut wide.parts.load_steps];
    for step in lists.into_iter().flatten().filter(|step| step.format.is_some()) {
        (step.format, step.overflow) = (Some(format), overflow);
    }
    Arc::new(wide)
}

/// Whether a node stands in front of the post steps, and is no accumulator.
pub(super) fn is_unvaried(node: design::Node) -> bool {
    use design::Node::{Accumulator, AccumulatorOutput, AccumulatorStart};
    use design::Node::{After, Load, Memory, Post, Product, Reduce, Store};
    match node {
        Product(_) | Reduce(_) | After(_) | Store(_) | Load(_) | Memory => true,
        AccumulatorStart | Accumulator | AccumulatorOutput | Post(_) => false,
    }
}

/// What stands in front of the post steps, the accumulators themselves left out, did to `sums`: exact sums where it took
/// something away, and its events.
fn levels(
    program: &Program,
    layer: &Layer,
    input: &ArrayD<i32>,
    sums: &Array2<i64>,
) -> Result<(Option<Unreduced>, Vec<NodeEvents>)> {
    let (design, nodes) = (&program.design, program.design.fitting_nodes());
    let of = |events: Vec<NodeEvents>| {
        let both = nodes.iter().zip(events).filter(|((node, _), _)| is_unvaried(*node));
        both.map(|(_, events)| events).collect::<Vec<_>>()
    };
    let mut events = of(no_events(design));
    let is_plain = design.product_steps.is_empty() && design.after.is_empty() && design.memory.is_none();
    if design.has_exact_levels() && is_plain {
        return Ok((None, events));
    }
    if let Some(counts) = functional::run(program, true).counts {
        events = of(counts.nodes);
    }
    let wide = Program::layer(unfitted(&program.design), layer, input)?;
    let exact = functional::prefixes(&wide).sums;
    if exact == *sums {
        return Ok((None, events));
    }
    // Elsewhere it is a word or a level that holds the whole sum.
    if design.memory.is_none() && design.after.is_empty() {
        let (low, high) = exact.iter().fold((0, 0), |(low, high), sum| (low.min(*sum), high.max(*sum)));
        check_held(design, layer, low, high)?;
    }
    let outputs = finished(program, &exact);
    Ok((Some(Unreduced { sums: exact, outputs }), events))
}
