//! LayerNormalization, InstanceNormalization, GroupNormalization and LogSoftmax, in float32.
//!
//! To the last bit on an x86-64 with AVX2, but for LogSoftmax: ONNX Runtime sums its exponentials in an order that depends
//! on the CPU, and a value is within 8 units in the last place of the tensor's largest value.

use ndarray::{ArrayD, Axis};

use super::{Call, axis_of};
use crate::error::{Error, Kind, Result};
use crate::network::{Normalization, Tensor};
use crate::post::float;

pub(super) fn normalize(call: &Call, rule: Normalization) -> Result<Vec<Tensor>> {
    let x = call.f32(0)?;
    match rule {
        Normalization::Layer { axis, epsilon } => layer(call, x, axis, epsilon),
        Normalization::OnePass { epsilon, simplified } => one_pass(call, x, epsilon, simplified),
        Normalization::Instance { epsilon } => {
            let channels = channels(x)?;
            per_channel(call, x, channels, |row, start, at| {
                let count = row.len() as f32;
                let mean = float::sum(row, start) / count;
                let squares: Vec<f32> = row.iter().map(|v| (v - mean) * (v - mean)).collect();
                let inverse = 1.0 / (float::sum(&squares, 0) / count + epsilon).sqrt();
                let scale = inverse * at.scale;
                let shift = at.bias - mean * scale;
                row.iter().map(|v| v * scale + shift).collect()
            })
        }
        Normalization::Group { groups, epsilon } => group(call, x, groups, epsilon),
        Normalization::LogSoftmax { axis, flatten } => log_softmax(x, axis, flatten),
    }
}

fn channels(x: &ArrayD<f32>) -> Result<usize> {
    match x.shape() {
        [_, channels, ..] if !x.is_empty() => Ok(*channels),
        shape => Err(Error::new(Kind::Value, format!("shape {shape:?} has no channels"))),
    }
}

fn row_of(call: &Call, index: usize, length: usize) -> Result<Vec<f32>> {
    let row = call.f32(index)?;
    if row.len() != length {
        let message = format!("input {index} holds {} numbers, {length} are needed", row.len());
        return Err(Error::new(Kind::Value, message));
    }
    Ok(row.iter().copied().collect())
}

/// What a channel is multiplied by, and what is added.
struct Affine {
    scale: f32,
    bias: f32,
}

/// Every image's every channel by itself: `rule` is given the row and its position in the tensor.
fn per_channel(
    call: &Call,
    x: &ArrayD<f32>,
    channels: usize,
    rule: impl Fn(&[f32], usize, Affine) -> Vec<f32>,
) -> Result<Vec<Tensor>> {
    let (scale, bias) = (row_of(call, 1, channels)?, row_of(call, 2, channels)?);
    let elements: Vec<f32> = x.iter().copied().collect();
    let plane: usize = x.shape()[2..].iter().product();
    let rows = elements.chunks_exact(plane).enumerate();
    let out: Vec<f32> = rows
        .flat_map(|(index, row)| {
            let channel = index % channels;
            rule(row, index * plane, Affine { scale: scale[channel], bias: bias[channel] })
        })
        .collect();
    Ok(vec![Tensor::F32(ArrayD::from_shape_vec(x.raw_dim(), out).expect("as many as before"))])
}

/// By the function that ONNX defines it by: mean and mean of squares of every group.
fn group(call: &Call, x: &ArrayD<f32>, groups: usize, epsilon: f32) -> Result<Vec<Tensor>> {
    let channels = channels(x)?;
    if groups == 0 || !channels.is_multiple_of(groups) {
        return Err(Error::new(Kind::Value, format!("{channels} channels in {groups} groups")));
    }
    let elements: Vec<f32> = x.iter().copied().collect();
    let size: usize = channels / groups * x.shape()[2..].iter().product::<usize>();
    let mut normalised = Vec::with_capacity(elements.len());
    for (index, row) in elements.chunks_exact(size).enumerate() {
        let squares: Vec<f32> = row.iter().map(|v| v * v).collect();
        let mean = float::sum(row, index * size) / size as f32;
        let square = float::sum(&squares, index * size) / size as f32;
        let deviation = (square - mean * mean + epsilon).sqrt();
        normalised.extend(row.iter().map(|v| (v - mean) / deviation));
    }
    let normalised = ArrayD::from_shape_vec(x.raw_dim(), normalised).expect("as many as before");
    per_channel(call, &normalised, channels, |row, _, at| {
        row.iter().map(|v| at.scale * v + at.bias).collect()
    })
}

/// Three outputs: the normalised values, the means, and the inverse deviations.
fn layer(call: &Call, x: &ArrayD<f32>, axis: i64, epsilon: f32) -> Result<Vec<Tensor>> {
    let axis = axis_of(axis, x.ndim())?;
    let size: usize = x.shape()[axis..].iter().product();
    let scale = row_of(call, 1, size)?;
    let bias = call.optional(2).map(|_| row_of(call, 2, size)).transpose()?;
    let elements: Vec<f32> = x.iter().copied().collect();
    let (mut out, mut means, mut inverses) = (Vec::with_capacity(elements.len()), Vec::new(), Vec::new());
    for row in elements.chunks_exact(size.max(1)) {
        let float::Moments { mean, inverse, deviation } = float::moments(row, epsilon);
        out.extend(row.iter().enumerate().map(|(at, v)| {
            let (scale, bias) = (scale[at], bias.as_ref().map(|bias| bias[at]));
            match (deviation, bias) {
                (Some(deviation), bias) => (v - mean) / deviation * scale + bias.unwrap_or(-0.0),
                (None, None) => (v - mean) * inverse * scale,
                (None, Some(bias)) => ((v - mean) * inverse).mul_add(scale, bias),
            }
        }));
        means.push(mean);
        inverses.push(inverse);
    }
    let mut shape = x.shape().to_vec();
    shape[axis..].fill(1);
    let tensor = |shape: &[usize], values: Vec<f32>| {
        let array = ArrayD::from_shape_vec(ndarray::IxDyn(shape), values);
        array.map(Tensor::F32).map_err(|e| Error::new(Kind::Value, "rows of no elements").because(e))
    };
    Ok(vec![tensor(x.shape(), out)?, tensor(&shape, means)?, tensor(&shape, inverses)?])
}

/// Element by element, in one order on every machine.
fn one_pass(call: &Call, x: &ArrayD<f32>, epsilon: f32, simplified: bool) -> Result<Vec<Tensor>> {
    let size = x.shape().last().copied().unwrap_or_default();
    let scale = row_of(call, 1, size)?;
    let bias = call.optional(2).map(|_| row_of(call, 2, size)).transpose()?;
    let elements: Vec<f32> = x.iter().copied().collect();
    let mut out = Vec::with_capacity(elements.len());
    for row in elements.chunks_exact(size.max(1)) {
        let (mean, squares) = match simplified {
            true => (0.0, row.iter().fold(0.0f32, |sum, v| sum + v * v)),
            false => float::recurrence(row),
        };
        let deviation = (squares / size as f32 + epsilon).sqrt();
        out.extend(row.iter().enumerate().map(|(at, v)| {
            let v = (v - mean) / deviation * scale[at];
            bias.as_ref().map_or(v, |bias| v + bias[at])
        }));
    }
    let out = ArrayD::from_shape_vec(x.raw_dim(), out);
    Ok(vec![Tensor::F32(out.map_err(|e| Error::new(Kind::Value, "rows of no elements").because(e))?)])
}

fn log_softmax(x: &ArrayD<f32>, axis: i64, flatten: bool) -> Result<Vec<Tensor>> {
    let axis = axis_of(axis, x.ndim())?;
    let normalise = |mut lane: ndarray::ArrayViewMut1<f32>| {
        let top = lane.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = lane.iter().map(|v| float::exp(v - top)).sum();
        lane.mapv_inplace(|v| (v - top) - sum.ln());
    };
    let mut out = x.as_standard_layout().into_owned();
    if !flatten {
        out.lanes_mut(Axis(axis)).into_iter().for_each(normalise);
        return Ok(vec![Tensor::F32(out)]);
    }
    let rows: usize = x.shape()[..axis].iter().product();
    let rest: usize = x.shape()[axis..].iter().product();
    let Tensor::F32(mut flat) = Tensor::F32(out).reshaped(&[rows, rest])? else {
        return Err(Error::new(Kind::Value, "float32 is needed"));
    };
    flat.lanes_mut(Axis(1)).into_iter().for_each(normalise);
    Ok(vec![Tensor::F32(flat).reshaped(x.shape())?])
}
