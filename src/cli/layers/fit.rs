//! A layer on a design: as it is, or with the fewest overrides that let it run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ndarray::ArrayD;
use sha2::{Digest, Sha256};

use super::answer::Fit;
use crate::bounds::{Inputs, LayerBounds, Summary};
use crate::cli::advice::{Codes, Settings, candidates, is_about_operands, wider_levels};
use crate::cli::args::Overrides;
use crate::cli::design_file;
use crate::design::Design;
use crate::error::{Error, Place, Result};
use crate::lower::Program;
use crate::network::{Computed, Layer};

/// The widest format that a parameter is given.
const WIDEST_PARAMETER: u32 = 32;

/// A design and its variants, each read when it is first tried.
pub struct Sight<'a> {
    path: &'a Path,
    overrides: &'a Overrides,
    pub design: Arc<Design>,
    trials: Vec<Settings>,
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
        Ok(Sight { path, overrides, design, trials, built, found: Mutex::default() })
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
                      why: Option<&Error>| Fit {
            design: self.design.name.clone(),
            runs,
            set: set.map(|set| set.iter().map(|(key, value)| format!("{key}={value}")).collect()),
            reason: why.map(told),
            proved_bits: on.and_then(|(_, bits)| bits),
            register: on.map(|(design, _)| design.accumulator.register.to_string()),
        };
        let why = match runs(&self.design, layer, x, computed) {
            Ok(bits) => return answer(true, None, Some((&self.design, bits)), None),
            Err(why) => why,
        };
        // No override of operands or parameters mends anything else.
        let trials = if is_about_operands(&why) { self.trials.len() } else { 0 };
        for index in 0..trials {
            let Some((mut settings, mut design)) = self.variant(index) else { continue };
            // A parameter that is too narrow is widened until it holds what the layer brings.
            for _ in 0..self.design.parameters.len().min(8) + 1 {
                match runs(&design, layer, x, computed) {
                    Ok(bits) => return answer(false, Some(&settings), Some((&design, bits)), Some(&why)),
                    Err(narrow) => match self.wider(&design, &settings, &narrow) {
                        Some(wider) => (settings, design) = wider,
                        None => break,
                    },
                }
            }
        }
        answer(false, None, None, Some(&why))
    }

    /// The same with one parameter wide enough for the value that `narrow` names.
    fn wider(&self, design: &Design, settings: &Settings, narrow: &Error) -> Option<(Settings, Arc<Design>)> {
        let (before, _) = narrow.message.split_once(", which the design limits to ")?;
        let value: i64 = before.rsplit_once(" is ")?.1.parse().ok()?;
        let name = before.split([' ', '(']).next()?;
        let parameter = design.parameters.iter().find(|parameter| parameter.name == name)?;
        let signed = parameter.format.is_signed() || value < 0;
        let holds = |width: u32| {
            crate::num::Format::new(width, signed).is_some_and(|f| (f.min()..=f.max()).contains(&value))
        };
        let width = (parameter.format.width()..=WIDEST_PARAMETER).find(|width| holds(*width))?;
        let format = format!("\"{}{width}\"", if signed { 's' } else { 'u' });
        let per = format!("{:?}", parameter.per).to_lowercase();
        let whole = format!("{{ format = {format}, per = \"{per}\" }}");
        let tries = [
            vec![(format!("parameters.{name}.format"), format.clone())],
            vec![(format!("parameters.{name}"), whole)],
        ];
        tries.into_iter().find_map(|more| {
            if settings.iter().any(|(key, _)| more.iter().any(|(other, _)| key == other)) {
                return None;
            }
            let settings = [settings.clone(), more].concat();
            Some((settings.clone(), self.load(&settings)?))
        })
    }
}

/// The bits that are proved enough for the layer on a design that can run it, with every code of its input's type.
fn runs(design: &Arc<Design>, layer: &Layer, x: &ArrayD<i32>, computed: Computed) -> Result<Option<u32>> {
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
    if computed.any() {
        return Ok(Summary::of_computed(&program, layer, computed)?.proved_width);
    }
    let bounds = LayerBounds::new(&program, &Inputs::Format);
    Ok(bounds.width(bounds.licence()))
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
