//! A layer on a design: as it is, or with the fewest overrides that let it run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ndarray::ArrayD;
use sha2::{Digest, Sha256};

use super::answer::Fit;
use crate::bounds::{Inputs, LayerBounds, Summary};
use crate::cli::advice::{
    Codes, MOST_STEPS, Settings, Tried, candidates, is_about_operands, wider_levels, wider_output,
    wider_parameter,
};
use crate::cli::args::Overrides;
use crate::cli::{cosim, design_file};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::lower::{Program, output_recoding};
use crate::network::{Computed, Layer};
use crate::num::Format;

/// A design and its variants, each read when it is first tried.
pub struct Sight<'a> {
    path: &'a Path,
    overrides: &'a Overrides,
    pub design: Arc<Design>,
    trials: Vec<Settings>,
    /// Verilog lies beside the design.
    has_twin: bool,
    built: Vec<OnceLock<Option<Arc<Design>>>>,
    /// What was found of a layer, by all that is asked of it: networks repeat layers.
    found: Mutex<BTreeMap<[u8; 32], Fit>>,
}

/// All of a layer that [`Sight::fit`] looks at, its names left out.
fn key(layer: &Layer, x: &ArrayD<i32>, computed: Computed) -> [u8; 32] {
    let Layer { geometry, input_carrier, weights, bias, output, low, high, .. } = layer;
    let mut hash = Sha256::new();
    let numbers = (&weights.scales, &weights.zero_points, bias, weights.codes.shape(), x.shape());
    hash.update(format!(
        "{:?}",
        (geometry, input_carrier, weights.dtype, output, low, high, computed, numbers)
    ));
    for code in weights.codes.iter().chain(x) {
        hash.update(code.to_le_bytes());
    }
    hash.finalize().into()
}

impl<'a> Sight<'a> {
    /// # Errors
    /// The design cannot be read.
    pub fn new(path: &'a Path, overrides: &'a Overrides) -> Result<Sight<'a>> {
        let design = Arc::new(design_file::load_path(path, overrides)?);
        let trials = candidates(&design);
        let built = trials.iter().map(|_| OnceLock::new()).collect();
        let folder = if path.is_dir() { Some(path) } else { path.parent() };
        let has_twin = folder.is_some_and(|folder| folder.join("rtl").join("files.f").is_file());
        Ok(Sight { path, overrides, design, trials, has_twin, built, found: Mutex::default() })
    }

    fn load(&self, settings: &Settings) -> Option<Arc<Design>> {
        let set = self.overrides.set.iter().chain(settings).cloned().collect();
        design_file::load_path(self.path, &Overrides { set }).ok().map(Arc::new)
    }

    /// The variant at `index`, with the settings that it really took.
    fn variant(&self, index: usize) -> Option<(Settings, Arc<Design>)> {
        let settings = &self.trials[index];
        let widened = || [settings.clone(), wider_levels(&self.design, settings)].concat();
        let plain = || self.load(settings);
        let design = self.built[index].get_or_init(|| plain().or_else(|| self.load(&widened()))).clone()?;
        let plain = settings.iter().all(|(key, _)| !key.starts_with("reduce."));
        let levels = plain && self.design.reduce != design.reduce;
        Some((if levels { widened() } else { settings.clone() }, design))
    }

    /// Tries the layer, unless its like was tried before.
    pub fn fit(&self, layer: &Layer, x: &ArrayD<i32>, computed: Computed) -> Fit {
        let key = key(layer, x, computed);
        let found = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = found().get(&key).cloned();
        known.unwrap_or_else(|| {
            let fit = self.tried(layer, x, computed);
            found().insert(key, fit.clone());
            fit
        })
    }

    fn tried(&self, layer: &Layer, x: &ArrayD<i32>, computed: Computed) -> Fit {
        let answer = |runs: bool,
                      set: Option<&Settings>,
                      on: Option<(&Arc<Design>, Option<u32>)>,
                      why: Option<String>| Fit {
            design: self.design.name.clone(),
            runs,
            set: set.map(|set| set.iter().map(option).collect()),
            own_rtl: set.map_or_else(Vec::new, |set| self.without_twin(set)),
            reason: why,
            proved_bits: on.and_then(|(_, bits)| bits),
            register: on.map(|(design, _)| design.accumulator.register.to_string()),
        };
        let why = match runs(&self.design, layer, x, computed) {
            Ok(bits) => return answer(true, None, Some((&self.design, bits)), None),
            Err(why) => why,
        };
        // The first variant whose operands take the layer, and what it lacks then.
        let mut nearest = String::new();
        // No override of operands or parameters mends anything else.
        let trials = if is_about_operands(&why) { self.trials.len() } else { 0 };
        for index in 0..trials {
            let Some((mut settings, mut design)) = self.variant(index) else { continue };
            // A parameter that is too narrow is widened until it holds what the layer brings.
            for _ in 0..MOST_STEPS {
                match runs(&design, layer, x, computed) {
                    Ok(bits) => {
                        return answer(false, Some(&settings), Some((&design, bits)), Some(told(&why)));
                    }
                    Err(narrow) => match self.wider(&design, &settings, layer, &narrow) {
                        Some(wider) => (settings, design) = wider,
                        None if nearest.is_empty() && is_about_a_parameter(&narrow) => {
                            nearest = format!("; with {}: {}", words(&settings), told(&narrow));
                            break;
                        }
                        None => break,
                    },
                }
            }
        }
        answer(false, None, None, Some(told(&why) + &nearest))
    }

    /// Keys that the twin beside the design has no Verilog parameter for; none without a twin.
    fn without_twin(&self, set: &Settings) -> Vec<String> {
        let keys = set.iter().map(|(key, _)| key).filter(|key| cosim::is_unmapped(&self.design, key));
        if self.has_twin { keys.cloned().collect() } else { Vec::new() }
    }

    /// The same with one parameter wide enough for the value that `narrow` names, or with the output that it asks for.
    fn wider(&self, design: &Design, settings: &Settings, layer: &Layer, narrow: &Error) -> Option<Tried> {
        let load = |settings: &Settings| self.load(settings);
        match output_format(design, layer) {
            Some(format) => wider_output(design, settings, format, &load),
            None => wider_parameter(design, settings, narrow, &load),
        }
    }
}

/// The format that the design's output has to have for the layer's codes, where its own does not hold them.
fn output_format(design: &Design, layer: &Layer) -> Option<Format> {
    let output = layer.output.filter(|_| layer.is_read())?;
    let recoding = i128::from(output_recoding(design, layer));
    let holds = |code: i32| design.output().contains(i128::from(code) - recoding);
    if holds(layer.low) && holds(layer.high) { None } else { output.dtype.format() }
}

/// The layer with the ends of their type among weights that the network computes, and as their zero points: they may be
/// any code.
fn with_any_weights(layer: &Layer, computed: Computed) -> std::borrow::Cow<'_, Layer> {
    let ends = layer.weights.dtype.format().map(|all| [all.min(), all.max()]);
    let ends = ends.and_then(|[low, high]| Some([i32::try_from(low).ok()?, i32::try_from(high).ok()?]));
    let is_computed = computed.weights || computed.weight_zero_points;
    let Some([low, high]) = ends.filter(|_| is_computed) else { return std::borrow::Cow::Borrowed(layer) };
    let mut layer = layer.clone();
    if computed.weights {
        layer.weights.codes.iter_mut().zip([low, high]).for_each(|(code, end)| *code = end);
    }
    if computed.weight_zero_points {
        layer.weights.zero_points.fill(high);
    }
    std::borrow::Cow::Owned(layer)
}

/// The bits that are proved enough for the layer on a design that can run it, with every code of its input's type.
///
/// # Errors
/// What the design has no place for: codes, zero points, parameters or outputs.
fn runs(design: &Arc<Design>, layer: &Layer, x: &ArrayD<i32>, computed: Computed) -> Result<Option<u32>> {
    let layer = &*with_any_weights(layer, computed);
    // One element takes one end of its type at a time.
    let mut ends = vec![Codes::OfTheirType.of(layer, x).into_owned()];
    if x.len() == 1 {
        let high = layer.input_carrier.dtype.format().and_then(|format| i32::try_from(format.max()).ok());
        ends.extend(high.map(|high| x.mapv(|_| high)));
    }
    for x in &ends[1..] {
        Program::layer(Arc::clone(design), layer, x)?;
    }
    let program = Program::layer(Arc::clone(design), layer, &ends[0])?;
    if let Some(format) = output_format(design, layer) {
        let message = format!(
            "its outputs are {format} ({}..{}), outside the design's output {}",
            layer.low,
            layer.high,
            design.output()
        );
        return Err(Error::new(Kind::Value, message));
    }
    if computed.any() {
        return Ok(Summary::of_computed(&program, layer, computed)?.proved_width);
    }
    let bounds = LayerBounds::new(&program, &Inputs::Format);
    Ok(bounds.width(bounds.licence()))
}

/// A setting as `--set` takes it.
fn option((key, value): &(String, String)) -> String {
    format!("{key}={value}")
}

fn words(settings: &Settings) -> String {
    settings.iter().map(option).collect::<Vec<_>>().join(", ")
}

/// Operands take the layer, and a parameter is what does not fit.
fn is_about_a_parameter(narrow: &Error) -> bool {
    narrow.message.contains(", which the design limits to ")
}

/// What and where inside the layer, which is named beside it.
fn told(error: &Error) -> String {
    match &error.place {
        Place::Signal(name) => match name.split_once(": ") {
            Some((_, what)) => format!("{what}: {}", error.message),
            None => error.message.clone(),
        },
        _ => error.message.clone(),
    }
}
