//! One integer layer, as an array sees it: codes in, weights, and the numbers that finish an accumulator.

use ndarray::ArrayD;

use super::{DType, Window};

/// What the codes of a tensor stand for: real = scale · (code − zero_point).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Carrier {
    /// Type of the codes.
    pub dtype: DType,
    /// Real value of one code step.
    pub scale: f32,
    /// Inside `dtype`.
    pub zero_point: i32,
}

/// The weights of a layer; the per-channel lists have length 1 (per tensor) or one entry per output channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Matrix: `[k, n]` (a transposition asked for by the model is done). Convolution: `[groups · n, cin, kh, kw]`.
    pub codes: ArrayD<i32>,
    /// Type of the codes in the model.
    pub dtype: DType,
    /// Real value of one code step.
    pub scales: Vec<f32>,
    /// Codes that stand for 0; one entry when all channels share it.
    pub zero_points: Vec<i32>,
}

/// How the products of a layer are addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Geometry {
    /// Input `[…, k]`; rows are all leading axes flattened.
    Matrix,
    /// Input `[images, groups · cin, height, width]`, output `[images, groups · n, height, width]`; a tap outside
    /// the image is the input's zero point.
    Convolution {
        /// Channels are split into so many independent convolutions.
        groups: usize,
        /// Taps, stride, dilation and padding.
        window: Window,
    },
}

/// A Conv, MatMul or Gemm between integer tensors, whatever operators the model spells it with.
///
/// accumulator(c) = Σ (x − x.zero_point) · (w − w.zero_point(c)) + bias(c), then, where `output` is given, rescaled by
/// x.scale · w.scale(c) / output.scale into output codes and clamped to `low..=high`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The model's name of the node.
    pub name: String,
    /// Names of the tensors it reads and writes.
    pub input: String,
    /// Name of the tensor it writes; empty when nobody reads its sums.
    pub output_name: String,
    /// Which activation meets which weight.
    pub geometry: Geometry,
    /// What the input's codes stand for.
    pub input_carrier: Carrier,
    /// Codes, scales and zero points of the weights.
    pub weights: Weights,
    /// One entry per output channel, at scale x.scale · w.scale, zero point 0.
    pub bias: Option<Vec<i32>>,
    /// `None` when the layer's result is the int32 accumulator itself (MatMulInteger, ConvInteger).
    pub output: Option<Carrier>,
    /// Output codes are clamped to this: the dtype's range narrowed by a fused Relu or Clip.
    pub low: i32,
    /// Upper end of that range, itself allowed.
    pub high: i32,
}

impl Layer {
    /// Whether it writes a tensor. The sums inside a float layer are only looked at.
    pub fn is_read(&self) -> bool {
        !self.output_name.is_empty()
    }

    /// Whether codes of 16 bits are multiplied.
    pub fn has_wide_codes(&self) -> bool {
        self.input_carrier.dtype.size_bytes() > 1 || self.weights.dtype.size_bytes() > 1
    }

    /// Output channels over all groups.
    pub fn channels(&self) -> usize {
        match self.geometry {
            Geometry::Matrix => self.weights.codes.shape()[1],
            Geometry::Convolution { .. } => self.weights.codes.shape()[0],
        }
    }

    /// Products per output.
    pub fn k(&self) -> usize {
        match self.geometry {
            Geometry::Matrix => self.weights.codes.shape()[0],
            Geometry::Convolution { .. } => self.weights.codes.shape()[1..].iter().product(),
        }
    }

    /// The weight scale of one output channel.
    pub fn weight_scale(&self, channel: usize) -> f32 {
        per_channel(&self.weights.scales, channel)
    }

    /// The weight zero point of one output channel.
    pub fn weight_zero_point(&self, channel: usize) -> i32 {
        per_channel(&self.weights.zero_points, channel)
    }
}

/// The entry of a list that has one entry, or one for each channel.
pub fn per_channel<T: Copy>(values: &[T], channel: usize) -> T {
    match values {
        [only] => *only,
        many => many[channel],
    }
}
