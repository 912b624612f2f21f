//! What stands between a float layer and its QuantizeLinear and multiplies and shifts each output channel:
//! BatchNormalization, and Mul, Div, Add and Sub of constants. Training that is aware of quantisation leaves them there.
//!
//! An integer layer takes them into its scales and its bias: factor · (acc · x.scale · w.scale + bias) + offset is
//! acc · x.scale · (w.scale · factor) + (bias · factor + offset). The codes of the weights stay as they are, so that the
//! factor has to be positive.

use super::trace::Dequantized;
use super::wires::Wires;
use super::{Binary, Node, Operator};

/// How many tensors behind one another are asked for their rank.
const FURTHEST: usize = 64;

/// Per output channel: factor · y + offset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affine {
    pub factor: Vec<f32>,
    pub offset: Vec<f32>,
    /// The last node of it, in words.
    pub by: String,
}

impl Affine {
    /// This, and then `factor` and `offset`.
    fn then(mut self, factor: &[f32], offset: &[f32], by: String) -> Affine {
        for (channel, (own_factor, own_offset)) in self.factor.iter_mut().zip(&mut self.offset).enumerate() {
            *own_factor *= factor[channel];
            *own_offset = *own_offset * factor[channel] + offset[channel];
        }
        Affine { by, ..self }
    }

    /// The scales of the weights with the factors in them.
    ///
    /// # Errors
    /// A factor, or what becomes of a scale, that is no positive number; in words.
    pub fn scales(&self, of: &dyn Fn(usize) -> f32) -> Result<Vec<f32>, String> {
        let each = self.factor.iter().enumerate();
        each.map(|(channel, factor)| {
            let scale = of(channel) * factor;
            if *factor > 0.0 && scale.is_normal() {
                return Ok(scale);
            }
            let by = &self.by;
            Err(format!("{by} multiplies channel {channel} by {factor}, which no positive scale takes in"))
        })
        .collect()
    }
}

impl Wires<'_> {
    /// `before`, and then what the node `next` makes of the layer's output `output`; none where that is nothing per
    /// channel.
    pub(super) fn affine(
        &self,
        layer: &Node,
        w: &Dequantized,
        next: &Node,
        output: &str,
        before: Option<Affine>,
    ) -> Option<Affine> {
        let channels = self.layer_channels(layer, w)?;
        let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
        let by = format!("{} {:?}", next.kind, next.name);
        let start = before.unwrap_or_else(|| Affine {
            factor: ones.clone(),
            offset: zeros.clone(),
            by: String::new(),
        });
        if let Operator::BatchNormalization { epsilon } = next.operator {
            let is_one = next.outputs.iter().skip(1).all(Option::is_none) && next.input(0) == Some(output);
            let row = |index: usize| self.floats(next.input(index)?).filter(|row| row.len() == channels);
            let (scale, bias, mean, variance) = (row(1)?, row(2)?, row(3)?, row(4)?);
            if !is_one || !self.has_channels_second(layer) {
                return None;
            }
            let factor: Vec<f32> =
                (0..channels).map(|c| 1.0 / (variance[c] + epsilon).sqrt() * scale[c]).collect();
            let offset: Vec<f32> = (0..channels).map(|c| bias[c] - mean[c] * factor[c]).collect();
            return Some(start.then(&factor, &offset, by));
        }
        let [first, second] = [next.input(0)?, next.input(1)?];
        let (other, is_first) = if first == output { (second, true) } else { (first, false) };
        if other == output {
            return None;
        }
        let values = self.per_channel(layer, other, channels)?;
        let mapped = |rule: fn(f32) -> f32| values.iter().map(|v| rule(*v)).collect::<Vec<f32>>();
        Some(match next.operator {
            Operator::Mul => start.then(&values, &zeros, by),
            Operator::Binary(Binary::Div) if is_first => start.then(&mapped(|v| 1.0 / v), &zeros, by),
            Operator::Add => start.then(&ones, &values, by),
            Operator::Binary(Binary::Sub) if is_first => start.then(&ones, &mapped(|v| -v), by),
            _ => return None,
        })
    }

    /// A constant that meets every output channel with one number.
    fn per_channel(&self, layer: &Node, name: &str, channels: usize) -> Option<Vec<f32>> {
        let values = self.constant_floats(name)?;
        let shape = values.shape();
        // Where the channels are, from the back.
        let at = match &layer.operator {
            Operator::Conv(_) => {
                let rank = self.constants.get(&self.traced(layer.input(1)?)?.codes)?.shape().len();
                if shape.len() > rank {
                    return None;
                }
                rank.checked_sub(2)?
            }
            _ => 0,
        };
        let fits = |(axis, extent): (usize, &usize)| *extent == 1 || (axis == at && *extent == channels);
        if !shape.iter().rev().enumerate().all(fits) {
            return None;
        }
        let values: Vec<f32> = values.iter().copied().collect();
        match values.len() {
            1 => Some(vec![values[0]; channels]),
            _ => Some(values),
        }
    }

    /// Whether the output channels of a layer are the second axis, as BatchNormalization takes them.
    fn has_channels_second(&self, layer: &Node) -> bool {
        match layer.operator {
            Operator::MatMul => layer.input(0).is_some_and(|x| self.rank(x) == Some(2)),
            _ => true,
        }
    }

    /// How many axes a tensor has, where that is seen without computing it.
    fn rank(&self, name: &str) -> Option<usize> {
        let mut name = name;
        for _ in 0..FURTHEST {
            if let Some(constant) = self.constants.get(name) {
                return Some(constant.shape().len());
            }
            if let Some(input) = self.inputs.iter().find(|input| input.name == name) {
                return input.dims.as_ref().map(Vec::len);
            }
            let writer = &self.nodes[self.writer(name)?];
            match &writer.operator {
                Operator::Flatten { .. } | Operator::Gemm(_) | Operator::QGemm { .. } => return Some(2),
                Operator::Reshape { .. } => {
                    return self.constants.get(writer.input(1)?).map(super::Tensor::len);
                }
                Operator::QuantizeLinear { .. }
                | Operator::DequantizeLinear { .. }
                | Operator::BatchNormalization { .. }
                | Operator::Relu
                | Operator::Clip { .. }
                | Operator::Identity
                | Operator::Transpose { .. }
                | Operator::MatMul
                | Operator::Unary(_) => name = writer.input(0)?,
                _ => return None,
            }
        }
        None
    }
}
