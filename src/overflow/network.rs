//! A network through a design, layer by layer, with the inputs that the design itself produces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::ArrayD;
use rayon::prelude::*;

use super::inspect::{Inspected, Judged, inspect, int32};
use super::layer::{LayerState, Run};
use super::tally::Output;
use super::{Class, Findings, NetworkAnswer, Options, Skipped, Upstream};
use crate::bounds::{Range, entering_ranges_of};
use crate::error::{Error, Kind, Place, Result};
use crate::functional::graph::{Evaluation, Fed, Feeds, Reach, images, layer_names, no_such_layer, parts};
use crate::functional::operators::{Designed, Framework, LayerRule, WherePossible};
use crate::lower::{Program, output_recoding};
use crate::network::{Computed, Coverage, Geometry, Layer, Mac, Network, Tensor};

/// What one call of a layer left behind.
struct Looked {
    program: Program,
    inspected: Inspected,
    judged: Judged,
    layer: LayerFacts,
    /// What the design makes of it, where the framework's values go on instead.
    own: Option<ArrayD<i32>>,
    /// What is proved when the network computes numbers of the layer, and which these are.
    computed: Option<(String, Result<Vec<Range>, String>)>,
}

/// What is needed of a layer to correct one of its outputs.
struct LayerFacts {
    name: String,
    tensor: String,
    /// Output positions that lie side by side in the tensor: 1 for a matrix product.
    positions: usize,
    recoding: i32,
    /// What the tensor's type holds.
    codes: (i64, i64),
}

/// The design in the framework's place, looking over its own shoulder.
struct Watch<'a> {
    /// By layer.
    computed: BTreeMap<&'a str, Computed>,
    designed: &'a Designed,
    options: &'a Options,
    looked: Mutex<Vec<Looked>>,
    skipped: Mutex<BTreeMap<String, Error>>,
}

impl LayerRule for Watch<'_> {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let program = match self.designed.program(layer, x) {
            Ok(program) => program,
            Err(error) => {
                self.not_followed(&layer.name, error);
                return Framework.run(layer, x);
            }
        };
        let wanted = self.options.layers.is_empty() || self.options.layers.contains(&layer.name);
        let outcome = self.designed.outcome(layer, &program, wanted);
        let tensor = self.designed.tensor(layer, x.shape(), &outcome)?;
        if wanted {
            let judged = if layer.output.is_some() { Judged::Requantised } else { Judged::Accumulator };
            // One more than is tried: an example of what was not.
            let inspected = inspect(&program, &outcome, judged, self.options.decisive_cap.saturating_add(1));
            let format = tensor.dtype().format();
            let facts = LayerFacts {
                name: layer.name.clone(),
                tensor: layer.output_name.clone(),
                positions: match layer.geometry {
                    Geometry::Matrix => 1,
                    Geometry::Convolution { .. } => program.shape.m,
                },
                recoding: output_recoding(&self.designed.design, layer),
                codes: format.map_or((0, 0), |f| (f.min(), f.max())),
            };
            let computed = self.computed.get(layer.name.as_str()).copied().unwrap_or_default();
            let proved = |c: Computed| entering_ranges_of(&program, layer, c).map_err(|e| e.message);
            let computed = computed.any().then(|| (computed.words(), proved(computed)));
            let own = (self.options.upstream == Upstream::Exact).then(|| tensor.to_i32()).transpose()?;
            let mut looked = self.looked.lock().unwrap_or_else(|e| e.into_inner());
            looked.push(Looked { program, inspected, judged, layer: facts, own, computed });
        }
        match self.options.upstream {
            Upstream::Design => Ok(tensor),
            Upstream::Exact => Framework.run(layer, x),
        }
    }

    fn not_followed(&self, layer: &str, why: Error) {
        let mut skipped = self.skipped.lock().unwrap_or_else(|e| e.into_inner());
        skipped.entry(layer.to_owned()).or_insert(why);
    }
}

/// Products of one run of a layer.
fn macs(one: &Looked) -> u64 {
    let shape = one.program.shape;
    let extents = [shape.images, shape.groups, shape.m, shape.k, shape.n];
    extents.iter().map(|extent| *extent as u64).fold(1, u64::saturating_mul)
}

/// Sums over the batches of images that were run so far.
struct Survey<'a> {
    network: &'a Network,
    designed: &'a Designed,
    options: &'a Options,
    labels: Option<&'a [i64]>,
    /// The network's first output.
    answer: String,
    layers: Vec<(String, LayerState)>,
    /// Where in `layers` a layer is.
    places: BTreeMap<String, usize>,
    /// Harmful outputs that were tried, by layer.
    tried: BTreeMap<String, usize>,
    /// Layers whose corrections cost too much for the cap, and how many were allowed.
    cut_short: BTreeMap<String, usize>,
    predictions: Vec<usize>,
    mended: u64,
    spoiled: u64,
    skipped: BTreeMap<String, Error>,
    reach: Reach,
}

/// Looks at every integer layer of `network` that the design can run, on every image of `x`.
///
/// `progress` is told of every node computed on one batch of images, and how many there will be.
///
/// # Errors
/// An input or labels that do not fit, a layer that is not there, a network of which the design can run nothing, and
/// whatever an operator cannot do.
pub fn network(
    network: &Network,
    x: &impl Fed,
    labels: Option<&[i64]>,
    designed: &Designed,
    options: &Options,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Findings> {
    let names: BTreeSet<String> = layer_names(network).into_iter().collect();
    if let Some(unknown) = options.layers.iter().find(|layer| !names.contains(*layer)) {
        return Err(no_such_layer(network, unknown));
    }
    let parts = parts(network, x, options.batch)?;
    let images = images(network, x)?;
    let extents =
        |part: Option<&Feeds>| part.map(|part| part.values().map(|t| t.shape().to_vec()).collect::<Vec<_>>());
    if extents(parts.first()) != extents(parts.last()) {
        let message = format!("{images} images are not a multiple of {}", options.batch);
        return Err(Error::new(Kind::Value, message).at(Place::Option("--batch".to_string())));
    }
    if let Some(labels) = labels.filter(|labels| labels.len() != images) {
        let message = format!("{} labels for {images} images", labels.len());
        return Err(Error::new(Kind::Value, message).at(Place::Option("--labels".to_string())));
    }
    let feeds = x.feeds(network)?;
    let reach = Reach::new(network, &feeds);
    reach.check(network, &feeds, &options.layers)?;
    let batch = images.div_ceil(parts.len().max(1));
    let answer = reach.answer.clone().unwrap_or_default();
    let mut survey = Survey {
        network,
        designed,
        options,
        labels,
        answer,
        layers: Vec::new(),
        places: BTreeMap::new(),
        tried: BTreeMap::new(),
        cut_short: BTreeMap::new(),
        predictions: Vec::new(),
        mended: 0,
        spoiled: 0,
        skipped: BTreeMap::new(),
        reach,
    };
    let all = (network.nodes.len() * parts.len()) as u64;
    let done = AtomicU64::new(0);
    let advance = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, all);
    for part in &parts {
        survey.part(part, batch, &advance)?;
    }
    survey.finish(batch)
}

impl Survey<'_> {
    /// One batch of images: run it, try the corrections, add up.
    fn part(&mut self, part: &Feeds, images: usize, advance: &dyn Fn()) -> Result<()> {
        let first_image = self.predictions.len();
        let watch = Watch {
            computed: self.network.computed_layers(),
            designed: self.designed,
            options: self.options,
            looked: Mutex::default(),
            skipped: Mutex::default(),
        };
        let evaluation = Evaluation::new(self.network, part, &watch, advance)?;
        for (layer, error) in watch.skipped.into_inner().unwrap_or_else(|e| e.into_inner()) {
            self.skipped.entry(layer).or_insert(error);
        }
        let predictions = match evaluation.tensor(&self.answer) {
            Some(tensor) => tensor.answers(images)?,
            // Nothing of it is reached.
            None if self.reach.cut.is_some() => vec![0; images],
            None => return Err(Error::new(Kind::Malformed, "the network has no output")),
        };
        self.predictions.extend(&predictions);
        let looked = watch.looked.into_inner().unwrap_or_else(|e| e.into_inner());
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        looked.iter().for_each(|l| *calls.entry(l.layer.name.clone()).or_default() += 1);
        let runs: Vec<Run> = (looked.iter())
            .map(|one| {
                let product = seen.entry(one.layer.name.clone()).or_default();
                *product += 1;
                let products = calls[&one.layer.name];
                Run { first_image, images, product: *product - 1, products, judged: one.judged }
            })
            .collect();
        let all_verdicts = self.try_corrections(&evaluation, &looked, &runs)?;
        for ((one, run), verdicts) in looked.into_iter().zip(runs).zip(all_verdicts) {
            let at = *self.places.entry(one.layer.name.clone()).or_insert_with(|| {
                let state = LayerState::new(&one.layer.name, &one.program);
                self.layers.push((one.layer.name.clone(), state));
                self.layers.len() - 1
            });
            let state = &mut self.layers[at].1;
            let proved = one.computed.as_ref().map(|(words, proved)| {
                state.computed.get_or_insert_with(|| words.clone());
                proved
            });
            state.add(&one.program, run, one.inspected, &verdicts, proved)?;
        }
        Ok(())
    }

    /// How many wrong outputs of each are corrected: as the cap allows, and what the network behind a layer costs.
    fn allowed(&mut self, evaluation: &Evaluation, looked: &[Looked]) -> Vec<usize> {
        let shared = looked.iter().map(|one| one.layer.name.as_str()).collect::<BTreeSet<_>>().len() as u64;
        let share = self.options.decisive_macs.map(|macs| macs / shared.max(1));
        // Everything from a layer on may have to run again.
        let mut behind: u64 = looked.iter().map(macs).fold(0, u64::saturating_add);
        let mut allowed = Vec::with_capacity(looked.len());
        for one in looked {
            let (name, wrong) = (&one.layer.name, one.inspected.tally.wrong.len());
            let paid = share.map_or(usize::MAX, |share| {
                usize::try_from(share / behind.max(1)).unwrap_or(usize::MAX).max(1)
            });
            behind -= macs(one).min(behind);
            let tried = self.tried.entry(name.clone()).or_default();
            // Of sums that nobody reads there is nothing to correct.
            let is_read = evaluation.tensor(&one.layer.tensor).is_some();
            let most = |cap: usize| if is_read { cap.saturating_sub(*tried).min(wrong) } else { 0 };
            let (count, uncut) = (most(self.options.decisive_cap.min(paid)), most(self.options.decisive_cap));
            if count < uncut {
                self.cut_short.insert(name.clone(), paid);
            }
            *tried += count;
            allowed.push(count);
        }
        allowed
    }

    /// The classes of the first outputs that differ, by layer: corrected side by side, each from its layer on.
    fn try_corrections(
        &mut self,
        evaluation: &Evaluation,
        looked: &[Looked],
        runs: &[Run],
    ) -> Result<Vec<Vec<Class>>> {
        let allowed = self.allowed(evaluation, looked);
        let codes =
            looked.iter().zip(&allowed).map(|(one, count)| match evaluation.tensor(&one.layer.tensor) {
                Some(tensor) if *count > 0 => tensor.to_i32().map(Some),
                _ => Ok(None),
            });
        let codes: Vec<Option<ArrayD<i32>>> = codes.collect::<Result<_>>()?;
        let tasks: Vec<(usize, &Output)> = (looked.iter().zip(&allowed).enumerate())
            .flat_map(|(at, (one, count))| one.inspected.tally.wrong[..*count].iter().map(move |o| (at, o)))
            .collect();
        let corrected = |(at, output): &(usize, &Output)| match &codes[*at] {
            Some(codes) => self.corrected(evaluation, &looked[*at], runs[*at], codes, output),
            None => Ok(None),
        };
        let answers: Vec<Option<Vec<usize>>> = tasks.par_iter().map(corrected).collect::<Result<_>>()?;
        let mut verdicts: Vec<Vec<Class>> = looked.iter().map(|_| Vec::new()).collect();
        for ((at, _), answer) in tasks.iter().zip(answers) {
            let before = &self.predictions[runs[*at].first_image..];
            verdicts[*at].push(match &answer {
                None => Class::Unevaluated,
                Some(after) if after == before => Class::Harmful,
                Some(_) => Class::Decisive,
            });
            let labels = self.labels.map(|labels| &labels[runs[*at].first_image..]);
            for ((label, before), after) in
                labels.into_iter().flatten().zip(before).zip(answer.iter().flatten())
            {
                let right = |prediction: usize| i64::try_from(prediction).is_ok_and(|p| p == *label);
                // With exact values upstream, the overflow is what was put in.
                let (with, without) = match self.options.upstream {
                    Upstream::Design => (before, after),
                    Upstream::Exact => (after, before),
                };
                self.mended += u64::from(!right(*with) && right(*without));
                self.spoiled += u64::from(right(*with) && !right(*without));
            }
        }
        Ok(verdicts)
    }

    /// The network's answers with one output corrected; none when the tensor's type does not hold the correction.
    fn corrected(
        &self,
        evaluation: &Evaluation,
        one: &Looked,
        run: Run,
        codes: &ArrayD<i32>,
        output: &Output,
    ) -> Result<Option<Vec<usize>>> {
        let (layer, shape) = (&one.layer, one.program.shape);
        let (image, position) = (output.m / layer.positions, output.m % layer.positions);
        let at = (image * shape.channels() + output.n) * layer.positions + position;
        let own = one.own.as_ref().and_then(|own| own.iter().nth(at).copied());
        let code = match one.judged {
            // Everything is exact: what the design makes of this one output is put in.
            _ if own.is_some() => own.unwrap_or_default(),
            Judged::Accumulator => int32(output.exact),
            Judged::Requantised => {
                let code = output.corrected + i128::from(layer.recoding);
                match i32::try_from(code) {
                    Ok(code) if (layer.codes.0..=layer.codes.1).contains(&i64::from(code)) => code,
                    _ => return Ok(None),
                }
            }
        };
        let mut codes = codes.clone();
        if let Some(element) = codes.iter_mut().nth(run.product * shape.rows() * shape.channels() + at) {
            *element = code;
        }
        let dtype = evaluation.tensor(&layer.tensor).map(Tensor::dtype);
        let Some(dtype) = dtype else { return Ok(None) };
        let patched = Tensor::from_codes(codes, dtype);
        let changed = match self.options.upstream {
            Upstream::Design => evaluation.changed(&layer.tensor, patched, &WherePossible(self.designed))?,
            Upstream::Exact => evaluation.changed(&layer.tensor, patched, &Framework)?,
        };
        match changed.tensors.get(&self.answer) {
            Some(tensor) => Ok(Some(tensor.answers(run.images)?)),
            // It may change the answer somewhere behind what is not computed here.
            None if changed.is_cut => Ok(None),
            None => Ok(Some(self.predictions[run.first_image..].to_vec())),
        }
    }

    fn finish(self, batch: usize) -> Result<Findings> {
        if self.layers.is_empty() {
            let macs = self.network.macs();
            let told = Coverage::new(&macs, &|_| false).text(&macs);
            return Err(self.skipped.into_values().next().unwrap_or_else(|| {
                let error = Error::new(Kind::Value, "the network has no integer layer");
                let error = error.in_file(&self.network.source);
                if told.is_empty() { error } else { error.help(told.trim_end()) }
            }));
        }
        let right = |labels: &[i64]| {
            let right = |(label, p): &(&i64, &usize)| i64::try_from(**p).is_ok_and(|p| p == **label);
            labels.iter().zip(&self.predictions).filter(right).count()
        };
        let answer = NetworkAnswer {
            tensor: self.answer,
            images: self.predictions.len(),
            batch,
            labels: self.labels.map(<[i64]>::to_vec),
            correct: self.labels.map(right),
            mended: self.labels.map(|_| self.mended),
            spoiled: self.labels.map(|_| self.spoiled),
            predictions: self.predictions,
        };
        let mut macs = self.network.macs();
        for mac in &mut macs {
            if let Some(why) = self.skipped.get(&mac.name) {
                mac.refused(&why.message);
            }
        }
        let looked = |name: &str| self.places.contains_key(name);
        let wanted = |name: &String| self.options.layers.is_empty() || self.options.layers.contains(name);
        let why = |mac: &Mac| match (self.skipped.get(&mac.name), &mac.reason) {
            (Some(refused), _) => Some(refused.to_string()),
            (None, Some(reason)) => Some(reason.clone()),
            (None, None) if !wanted(&mac.name) => None,
            (None, None) if self.reach.cut.is_some() => Some(format!(
                "it lies behind what goldpath cannot compute: {}",
                self.network
                    .opaque(&|_| false)
                    .iter()
                    .map(|o| o.kind.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
            (None, None) => Some("it did not run".to_owned()),
        };
        let skipped = macs
            .iter()
            .filter(|mac| !looked(&mac.name))
            .filter_map(|mac| why(mac).map(|reason| Skipped { layer: mac.name.clone(), reason }));
        let skipped = skipped.collect();
        let states = self.layers.into_iter().map(|(_, state)| state).collect();
        let findings =
            Findings::new(&self.designed.design, self.options, Some(answer), states, skipped, macs);
        Ok(Findings { cut_short: self.cut_short, ..findings })
    }
}
