//! The QDQ form: Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear are the integer layer they stand for.
//!
//! ```text
//! x ─ DQ ─┐                                         x ─────────┐
//! w ─ DQ ─┼─ Conv ─ (Relu | Clip)* ─ Q ─ y    ─►    w, b, … ───┴─ QLinearConv, clamped ─ y
//! b ─ DQ ─┘
//! ```
//!
//! ONNX Runtime's own graph optimiser does the same. A layer that is not exactly of this form stays float32.

use super::{Clamp, Network, Node, Operator, Tensor};

/// How far a bias's scale may lie from x.scale · w.scale, relatively: float32 rounding, no more.
const BIAS_SCALE_TOLERANCE: f32 = 1e-5;

impl Network {
    /// Replaces every fusable Conv, MatMul and Gemm by QLinearConv, QLinearMatMul and QGemm under the float node's
    /// name, and drops the DequantizeLinear nodes that nobody reads any more. No other node changes.
    pub fn fused(mut self) -> Network {
        for index in 0..self.nodes.len() {
            if let Some(fusion) = self.fusion(index) {
                // The layer moves to where its QuantizeLinear stood, so the order stays an order.
                let Fusion { node, quantize, between } = fusion;
                for gone in between.into_iter().chain([index]) {
                    self.nodes[gone] =
                        Node { outputs: Vec::new(), inputs: Vec::new(), ..self.nodes[gone].clone() };
                }
                self.nodes[quantize] = node;
            }
        }
        self.nodes.retain(|node| !node.outputs.is_empty());
        let idle = |network: &Network, node: &Node| {
            let output = node.outputs.first().cloned().flatten().unwrap_or_default();
            matches!(node.operator, Operator::DequantizeLinear { .. })
                && !network.outputs.contains(&output)
                && network.readers(&output).next().is_none()
        };
        let keep: Vec<Node> = self.nodes.iter().filter(|node| !idle(&self, node)).cloned().collect();
        self.nodes = keep;
        self
    }

    fn fusion(&self, index: usize) -> Option<Fusion> {
        let node = &self.nodes[index];
        let [x, w] = [self.dequantized(node, 0)?, self.dequantized(node, 1)?];
        let bias = match node.inputs.get(2) {
            Some(Some(_)) => Some(self.dequantized(node, 2)?),
            _ => None,
        };
        let (operator, channel_axis) = match &node.operator {
            Operator::Conv(conv) => (Operator::QLinearConv { conv: conv.clone(), clamp: Clamp::NONE }, 0),
            Operator::MatMul => (Operator::QLinearMatMul { clamp: Clamp::NONE }, 1),
            Operator::Gemm(gemm) => {
                let plain = gemm.alpha == 1.0 && !gemm.transpose_a && (gemm.beta == 1.0 || bias.is_none());
                let operator = Operator::QGemm { gemm: *gemm, clamp: Clamp::NONE };
                plain.then_some((operator, if gemm.transpose_b { 0 } else { 1 }))?
            }
            _ => return None,
        };
        if !self.per_tensor(&x) || !(self.per_tensor(&w) || self.axis(&w) == Some(channel_axis)) {
            return None;
        }
        if let Some(bias) = &bias
            && !self.bias_scale_agrees(&x, &w, bias)
        {
            return None;
        }
        let (between, clamp, quantize) = self.to_quantize(node)?;
        let ends = self.nodes[quantize].inputs.clone();
        let node = self.assemble(node, operator, clamp, [x, w], bias, &ends, quantize);
        Some(Fusion { node, quantize, between })
    }

    /// The inputs of the integer operator in its own order.
    #[allow(clippy::too_many_arguments)]
    fn assemble(
        &self,
        float: &Node,
        operator: Operator,
        clamp: Clamp,
        [x, w]: [Dequantized; 2],
        bias: Option<Dequantized>,
        ends: &[Option<String>],
        quantize: usize,
    ) -> Node {
        let scale_and_zero = [ends.get(1).cloned().flatten(), ends.get(2).cloned().flatten()];
        let bias = bias.map(|b| b.codes);
        let mut inputs = vec![Some(x.codes), Some(x.scale), x.zero, Some(w.codes), Some(w.scale), w.zero];
        let operator = match operator {
            Operator::QLinearConv { conv, .. } => {
                inputs.extend(scale_and_zero);
                inputs.extend(bias.map(Some));
                Operator::QLinearConv { conv, clamp }
            }
            Operator::QGemm { gemm, .. } => {
                inputs.push(bias);
                inputs.extend(scale_and_zero);
                Operator::QGemm { gemm, clamp }
            }
            _ => {
                inputs.extend(scale_and_zero);
                Operator::QLinearMatMul { clamp }
            }
        };
        let outputs = self.nodes[quantize].outputs.clone();
        Node { name: float.name.clone(), kind: float.kind.clone(), operator, inputs, outputs }
    }

    /// Input `position` of `node`, when a DequantizeLinear writes it.
    fn dequantized(&self, node: &Node, position: usize) -> Option<Dequantized> {
        let name = node.inputs.get(position)?.as_ref()?;
        let writer = &self.nodes[self.writer(name)?];
        let Operator::DequantizeLinear { axis } = writer.operator else { return None };
        let input = |i: usize| writer.inputs.get(i).cloned().flatten();
        Some(Dequantized { codes: input(0)?, scale: input(1)?, zero: input(2), axis })
    }

    /// Its scale is a single, constant number.
    fn per_tensor(&self, tensor: &Dequantized) -> bool {
        self.constants.get(&tensor.scale).is_some_and(|s| s.len() == 1)
    }

    /// The axis of per-channel constants, counted from the front.
    fn axis(&self, tensor: &Dequantized) -> Option<i64> {
        let rank = i64::try_from(self.constants.get(&tensor.codes)?.shape().len()).ok()?;
        Some(if tensor.axis < 0 { tensor.axis + rank } else { tensor.axis })
    }

    /// The bias is int32 at scale x.scale · w.scale, as the integer layer takes it.
    fn bias_scale_agrees(&self, x: &Dequantized, w: &Dequantized, bias: &Dequantized) -> bool {
        let floats = |name: &str| match self.constants.get(name) {
            Some(Tensor::F32(values)) => Some(values.iter().copied().collect::<Vec<f32>>()),
            _ => None,
        };
        let int32 = matches!(self.constants.get(&bias.codes), Some(Tensor::I32(_)));
        let zero = bias.zero.as_ref().and_then(|name| self.constants.get(name));
        let centred = zero.is_none_or(|z| z.to_i64().is_ok_and(|z| z.iter().all(|v| *v == 0)));
        let (Some(x), Some(w), Some(b)) = (floats(&x.scale), floats(&w.scale), floats(&bias.scale)) else {
            return false;
        };
        let (true, true, [x]) = (int32, centred, x.as_slice()) else { return false };
        let channels = w.len().max(b.len());
        let one = |list: &[f32], c: usize| *list.get(c).or(list.first()).unwrap_or(&f32::NAN);
        (0..channels).all(|c| {
            let expected = x * one(&w, c);
            (one(&b, c) - expected).abs() <= expected.abs() * BIAS_SCALE_TOLERANCE
        })
    }

    /// Follows the only reader of `node` over Relu and Clip to a per-tensor QuantizeLinear.
    fn to_quantize(&self, node: &Node) -> Option<(Vec<usize>, Clamp, usize)> {
        let mut between = Vec::new();
        let mut clamp = Clamp::NONE;
        let mut output = node.outputs.first()?.clone()?;
        loop {
            let readers: Vec<usize> = self.readers(&output).take(2).collect();
            let [reader] = readers[..] else { return None };
            let next = &self.nodes[reader];
            if self.outputs.contains(&output) || next.inputs.first()?.as_ref() != Some(&output) {
                return None;
            }
            match &next.operator {
                Operator::QuantizeLinear { .. } => {
                    let scale = self.constants.get(next.inputs.get(1)?.as_ref()?)?;
                    return (scale.len() == 1).then_some((between, clamp, reader));
                }
                Operator::Relu => clamp = clamp.then(0.0, f32::INFINITY),
                Operator::Clip { low, high } => {
                    let low = self.bound(next, 1, *low, f32::NEG_INFINITY)?;
                    clamp = clamp.then(low, self.bound(next, 2, *high, f32::INFINITY)?);
                }
                _ => return None,
            }
            between.push(reader);
            output = next.outputs.first()?.clone()?;
        }
    }

    /// A Clip's bound: an input since opset 11, an attribute before; `None` when it is not constant.
    fn bound(&self, clip: &Node, input: usize, attribute: Option<f32>, absent: f32) -> Option<f32> {
        match clip.inputs.get(input).and_then(Option::as_ref) {
            None => Some(attribute.unwrap_or(absent)),
            Some(name) => match self.constants.get(name) {
                Some(Tensor::F32(value)) if value.len() == 1 => {
                    value.first().copied().filter(|v| !v.is_nan())
                }
                _ => None,
            },
        }
    }
}

struct Fusion {
    node: Node,
    /// The QuantizeLinear it replaces, and the Relu and Clip nodes it swallows.
    quantize: usize,
    between: Vec<usize>,
}

struct Dequantized {
    codes: String,
    scale: String,
    zero: Option<String>,
    axis: i64,
}
