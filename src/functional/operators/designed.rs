//! A design in the place of the framework's arithmetic, for Conv, MatMul and Gemm layers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ndarray::{Array2, ArrayD, IxDyn};

use super::{Framework, LayerRule, rails};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::functional::{Options, Prepared};
use crate::lower::{Outcome, Program, output_recoding};
use crate::network::{DType, Geometry, Layer, Tensor};

/// Every integer layer through one design: its accumulator, its post steps.
pub struct Designed {
    /// Its formats, overflow and post steps; its array and latencies have no part in an Outcome.
    pub design: Arc<Design>,
    /// Weights that have been analysed, by the layer's name: inputs come one after the other.
    analysed: Mutex<BTreeMap<String, Arc<Prepared>>>,
}

impl Designed {
    /// A rule that has not seen a layer yet.
    pub fn new(design: Arc<Design>) -> Designed {
        Designed { design, analysed: Mutex::default() }
    }

    /// The outcome of `program`, a layer of that name; its weights are analysed once, as long as they stay the same.
    pub fn outcome(&self, layer: &Layer, program: &Program, counts: bool) -> Outcome {
        let key = format!("{counts} {}", layer.name);
        let kept = self.analysed.lock().ok().and_then(|known| known.get(&key).cloned());
        let prepared = match kept {
            Some(prepared) if prepared.serves(program, counts) => prepared,
            _ => {
                let prepared = Arc::new(Prepared::new(program, Options::new(counts)));
                // A poisoned lock costs time, not values.
                if let Ok(mut known) = self.analysed.lock() {
                    known.insert(key, Arc::clone(&prepared));
                }
                prepared
            }
        };
        prepared.run(program)
    }

    /// The layer on the design, for input codes `x`.
    ///
    /// # Errors
    /// What the design has no place for (see [`Program::layer`]).
    pub fn program(&self, layer: &Layer, x: &Tensor) -> Result<Program> {
        Program::layer(Arc::clone(&self.design), layer, &x.to_i32()?)
    }

    /// An outcome of that program as the layer's output tensor; `input` is the shape of `x`.
    ///
    /// # Errors
    /// An output outside the tensor's type.
    pub fn tensor(&self, layer: &Layer, input: &[usize], outcome: &Outcome) -> Result<Tensor> {
        output_tensor(&self.design, layer, input, outcome)
    }
}

/// The tensor that `layer`, run through `design` on an input of shape `input`, writes: `outcome` in the layer's own
/// layout and type; an empty one when nobody reads it.
///
/// # Errors
/// An output outside the tensor's type.
pub fn output_tensor(design: &Design, layer: &Layer, input: &[usize], outcome: &Outcome) -> Result<Tensor> {
    if !layer.is_read() {
        return Ok(nothing());
    }
    let shape = output_shape(layer.channels(), &layer.geometry, input)?;
    match layer.output {
        Some(output) => {
            let recoding = i64::from(output_recoding(design, layer));
            let codes = rails(output.dtype, output.zero_point)?;
            let range = i64::from(codes.low)..=i64::from(codes.high);
            codes_of(layer, &outcome.outputs, &shape, output.dtype, recoding, &range)
        }
        None => {
            let range = i64::from(i32::MIN)..=i64::from(i32::MAX);
            codes_of(layer, &outcome.accumulators, &shape, DType::I32, 0, &range)
        }
    }
}

impl LayerRule for Designed {
    /// # Errors
    /// What the design has no place for (see [`Program::layer`]); an output outside the tensor's type.
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let program = self.program(layer, x)?;
        self.tensor(layer, x.shape(), &self.outcome(layer, &program, false))
    }
}

/// The design where it can run a layer, else the framework.
pub struct WherePossible<'a>(pub &'a Designed);

impl LayerRule for WherePossible<'_> {
    /// # Errors
    /// An output of the design outside the tensor's type; what the framework refuses.
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        match self.0.program(layer, x) {
            Ok(program) => self.0.tensor(layer, x.shape(), &self.0.outcome(layer, &program, false)),
            Err(_) => Framework.run(layer, x),
        }
    }
}

/// What stands for a tensor that nobody reads.
pub(super) fn nothing() -> Tensor {
    Tensor::I32(ArrayD::zeros(IxDyn(&[0])))
}

pub(super) fn output_shape(channels: usize, geometry: &Geometry, input: &[usize]) -> Result<Vec<usize>> {
    match (geometry, input) {
        (Geometry::Convolution { window, .. }, &[images, _, height, width]) => {
            let placed = window.place([height, width]);
            let placed =
                placed.ok_or_else(|| Error::new(Kind::Value, "the window does not fit the image"))?;
            Ok(vec![images, channels, placed.output[0], placed.output[1]])
        }
        (_, [rows @ .., _]) => Ok([rows, &[channels]].concat()),
        (_, []) => Err(Error::new(Kind::Value, "a layer's input needs an axis")),
    }
}

/// `[rows, channels]`, rows = image · m + position, into the layer's own layout and type.
fn codes_of(
    layer: &Layer,
    values: &Array2<i64>,
    shape: &[usize],
    dtype: DType,
    recoding: i64,
    range: &std::ops::RangeInclusive<i64>,
) -> Result<Tensor> {
    let m: usize = match layer.geometry {
        Geometry::Matrix => 1,
        Geometry::Convolution { .. } => shape[2..].iter().product(),
    };
    let channels = layer.channels();
    let mut codes = Vec::with_capacity(values.len());
    for index in 0..values.len() {
        let (image, channel, position) = (index / (channels * m), index / m % channels, index % m);
        let value = values[[image * m + position, channel]] + recoding;
        if !range.contains(&value) {
            let message = format!("the design computes {value}, which no {dtype} tensor holds");
            return Err(Error::new(Kind::Value, message).at(Place::Signal(layer.name.clone())).help(
                "clamp the design's output to the tensor's type; recode = \"minus_128\" serves u8 tensors",
            ));
        }
        // Inside the type's range, and no type is wider than 32 bits.
        codes.push(value as i32);
    }
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes).expect("one value per output");
    Ok(Tensor::from_codes(codes, dtype))
}
