//! A requantisation scheme in the place of the framework's rescaling: every layer on a design of its own, made for its codes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Designed, LayerRule};
use crate::design::{Design, Scheme};
use crate::error::{Error, Kind, Place, Result};
use crate::network::{Layer, Tensor};

/// Every integer layer with one scheme.
pub struct Requantized {
    scheme: Scheme,
    /// By their text: layers of the same types share one.
    designs: Mutex<BTreeMap<String, Arc<Designed>>>,
}

impl Requantized {
    /// A rule that has not seen a layer yet.
    pub fn new(scheme: Scheme) -> Requantized {
        Requantized { scheme, designs: Mutex::default() }
    }

    /// The layer's own design.
    ///
    /// # Errors
    /// Codes that no operand holds.
    pub fn designed(&self, layer: &Layer) -> Result<Arc<Designed>> {
        let text = text(self.scheme, layer).ok_or_else(|| {
            Error::new(Kind::Unsupported, "is between tensors of which no design has the codes")
                .at(Place::Signal(layer.name.clone()))
        })?;
        let mut designs = self.designs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(designed) = designs.get(&text) {
            return Ok(Arc::clone(designed));
        }
        let design = Design::parse(&text, Path::new("design.toml"), &[])
            .map_err(|e| self.refused(layer, &e.message))?;
        let designed = Arc::new(Designed::new(Arc::new(design)));
        designs.insert(text, Arc::clone(&designed));
        Ok(designed)
    }

    fn refused(&self, layer: &Layer, why: &str) -> Error {
        Error::new(Kind::Unsupported, format!("{} cannot run it: {why}", self.scheme.name()))
            .at(Place::Signal(layer.name.clone()))
            .help(format!(
                "`goldpath explain {}` says what it takes; a design of your own, with --design, may bring it",
                self.scheme.preset.name
            ))
    }
}

impl LayerRule for Requantized {
    /// # Errors
    /// A layer without the numbers that the scheme takes.
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let designed = self.designed(layer)?;
        designed.run(layer, x).map_err(|e| self.refused(layer, &e.message))
    }
}

/// The design that a layer's codes need: operands as they are, an accumulator that wraps as the framework's, of 64 bits
/// where codes have 16, and the scheme behind it; nothing where the layer's result is the accumulator.
fn text(scheme: Scheme, layer: &Layer) -> Option<String> {
    let (x, w) = (layer.input_carrier.dtype.format()?, layer.weights.dtype.format()?);
    let post = match layer.output {
        None => String::new(),
        Some(output) => scheme.post(output.dtype.format()?),
    };
    let width = if layer.has_wide_codes() { 64 } else { 32 };
    // A weight less its zero point has one bit more, and a sign.
    let weight = match layer.weights.zero_points.iter().all(|zero| *zero == 0) {
        true => format!("{{ width = {}, signed = {} }}", w.width(), w.is_signed()),
        false => {
            format!("{{ width = {}, signed = true, recode = \"minus_zero_point\" }}", w.width() + 1)
        }
    };
    Some(format!(
        r#"schema = 1
name = "layer"
{post}[operands]
activation = {{ width = {}, signed = {} }}
weight = {weight}
[accumulator]
width = {width}
signed = true
overflow = "wrap"
start = "bias"
[array]
dataflow = "sequential"
[parameters]
bias = {{ format = "s{width}", per = "channel" }}
"#,
        x.width(),
        x.is_signed()
    ))
}
