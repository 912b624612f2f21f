//! The bias of an integer layer: int32 codes at scale x.scale · w.scale, zero point 0.
//!
//! Quantisers write it so. Training that is aware of quantisation leaves it float32, and others give it a scale of its own:
//! then it is rounded to x.scale · w.scale, ties to even, as a quantiser would have done it.

use ndarray::Array1;

use super::affine::Affine;
use super::trace::Dequantized;
use super::wires::Wires;
use super::{Node, Operator, Tensor};
use crate::post::onnx;

/// How far a bias's scale may lie from x.scale · w.scale, relatively: float32 rounding, no more.
const SCALE_TOLERANCE: f32 = 1e-5;

/// Where the codes of a bias are.
pub(super) enum Bias {
    /// In the tensor of that name.
    Codes(String),
    /// Nowhere yet.
    Rounded(Tensor),
}

impl Wires<'_> {
    /// The bias `name` of the float layer `node`, as the integer layer takes it.
    pub(super) fn layer_bias(
        &self,
        node: &Node,
        [x, w]: [&Dequantized; 2],
        name: &str,
    ) -> Result<Bias, String> {
        let (Some(xs), Some(ws)) = (self.floats(&x.scale), self.floats(&w.scale)) else {
            return Err("the scale of its bias is computed by the network".to_owned());
        };
        let [x] = xs.as_slice() else { return Err("its input has more than one scale".to_owned()) };
        let scale = |channel: usize| x * of(&ws, channel);
        if let Some(codes) = self.codes_at(name, ws.len(), &scale) {
            return Ok(Bias::Codes(codes));
        }
        let bias = self.real_bias(node, w, name)?;
        Ok(Bias::Rounded(rounded(&bias, &scale)?))
    }

    /// The bias of a layer that takes in what stands behind it, and the scales of its weights.
    pub(super) fn affine_bias(
        &self,
        node: &Node,
        [x, w]: [&Dequantized; 2],
        name: Option<&str>,
        affine: &Affine,
    ) -> Result<(Bias, Tensor), String> {
        let (Some(xs), Some(ws)) = (self.floats(&x.scale), self.floats(&w.scale)) else {
            return Err("its scales are computed by the network".to_owned());
        };
        let [x] = xs.as_slice() else { return Err("its input has more than one scale".to_owned()) };
        let scales = affine.scales(&|channel| of(&ws, channel))?;
        let own = match name {
            Some(name) => self.real_bias(node, w, name)?,
            None => vec![0.0; scales.len()],
        };
        let each = own.iter().zip(&affine.factor).zip(&affine.offset);
        let bias: Vec<f32> = each.map(|((own, factor), offset)| own * factor + offset).collect();
        let bias = rounded(&bias, &|channel| x * scales[channel])?;
        Ok((Bias::Rounded(bias), Tensor::F32(Array1::from(scales).into_dyn())))
    }

    /// The constant bias `name` as real numbers, one per output channel.
    fn real_bias(&self, node: &Node, w: &Dequantized, name: &str) -> Result<Vec<f32>, String> {
        let bias = self.constant_floats(name).ok_or("its bias is computed by the network")?;
        let channels = self.layer_channels(node, w).ok_or("its weights are computed by the network")?;
        if bias.len() != 1 && bias.shape().last() != Some(&channels) || bias.len() > channels {
            return Err("its bias is not one number per output channel".to_owned());
        }
        let bias: Vec<f32> = bias.iter().copied().collect();
        Ok((0..channels).map(|channel| of(&bias, channel)).collect())
    }

    /// The int32 codes that `name` is dequantised from, when their scale is the layer's and their zero point 0.
    fn codes_at(&self, name: &str, scales: usize, scale: &dyn Fn(usize) -> f32) -> Option<String> {
        let bias = self.dequantized(name)?;
        let Some(Tensor::I32(codes)) = self.constants.get(&bias.codes) else { return None };
        let zeros = match &bias.zero {
            None => Vec::new(),
            Some(zero) => self.constants.get(zero)?.to_i64().ok()?.iter().copied().collect(),
        };
        let own = self.floats(&bias.scale)?;
        // A NaN is never within the tolerance.
        let agrees = |channel: usize| {
            let wanted = scale(channel);
            (of(&own, channel) - wanted).abs() <= wanted.abs() * SCALE_TOLERANCE
        };
        let is_one_per_channel = codes.ndim() == 1;
        let is_it = is_one_per_channel
            && zeros.iter().all(|zero| *zero == 0)
            && (0..scales.max(own.len())).all(agrees);
        is_it.then_some(bias.codes)
    }

    /// A constant float32 tensor, or what a DequantizeLinear of constants with one scale, or one per element, makes.
    pub(super) fn constant_floats(&self, name: &str) -> Option<ndarray::ArrayD<f32>> {
        if let Some(Tensor::F32(values)) = self.constants.get(name) {
            return Some(values.clone());
        }
        let found = self.dequantized(name)?;
        let codes = self.constants.get(&found.codes)?.to_i32().ok()?;
        let scales = self.floats(&found.scale)?;
        let zeros: Vec<i32> = match &found.zero {
            None => vec![0],
            Some(zero) => self.constants.get(zero)?.to_i32().ok()?.iter().copied().collect(),
        };
        let fits = |count: usize| count == 1 || (codes.ndim() == 1 && count == codes.len());
        if !fits(scales.len()) || !fits(zeros.len()) {
            return None;
        }
        let mut index = 0;
        Some(codes.mapv(|code| {
            let at = index;
            index += 1;
            onnx::dequantize(code, of(&zeros, at), of(&scales, at))
        }))
    }

    /// Output channels of a float layer whose weight codes are constant.
    pub(super) fn layer_channels(&self, node: &Node, w: &Dequantized) -> Option<usize> {
        let shape = self.constants.get(&w.codes)?.shape();
        match &node.operator {
            Operator::Conv(_) => shape.first().copied(),
            Operator::Gemm(gemm) if gemm.transpose_b => shape.first().copied(),
            _ => shape.last().copied(),
        }
    }
}

/// One int32 per channel.
///
/// # Errors
/// A number that int32 does not hold at its scale; in words.
fn rounded(bias: &[f32], scale: &dyn Fn(usize) -> f32) -> Result<Tensor, String> {
    let code = |(channel, bias): (usize, &f32)| {
        let why = || {
            let scale = scale(channel);
            format!("its bias of channel {channel}, {bias}, is no int32 at x.scale · w.scale, {scale}")
        };
        onnx::bias_code(*bias, scale(channel)).ok_or_else(why)
    };
    let codes: Vec<i32> = bias.iter().enumerate().map(code).collect::<Result<_, _>>()?;
    Ok(Tensor::I32(Array1::from(codes).into_dyn()))
}

/// One for all, or one each; the type's zero when there is none.
fn of<T: Copy + Default>(list: &[T], index: usize) -> T {
    list.get(index).or(list.first()).copied().unwrap_or_default()
}
