//! The integer layers: QLinearConv, QLinearMatMul, QGemm, ConvInteger, MatMulInteger, and what the QDQ form fuses into them.
//!
//! Whatever the operator, the node becomes a [`Layer`], and a [`LayerRule`] computes it.

use ndarray::{ArrayD, Axis, IxDyn};

use super::accumulate::accumulate;
use super::designed::nothing;
use super::direct;
use super::size::room;
use super::{Call, rails, wide};
use crate::error::{Error, Kind, Result};
use crate::network::{
    Carrier, Clamp, Conv, DType, Gemm, Geometry, Layer, Node, Operator, Tensor, Weights, Window,
};
use crate::post::onnx;

/// How an integer layer is computed: by the framework, or by a design.
pub trait LayerRule: Sync {
    /// `x` holds the codes of `layer.input_carrier`, and its shape fits the layer's geometry. The result has the
    /// layer's output type: codes, or int32 where the layer has no output carrier.
    ///
    /// # Errors
    /// The rule cannot compute this layer, or not on this input.
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor>;

    /// Told of the sums inside a float layer that cannot be formed on this input: the float layer runs all the same.
    fn not_followed(&self, _layer: &str, _why: Error) {}

    /// Told of an integer layer beside the float operators that it stands for: its tensor, and theirs.
    ///
    /// # Errors
    /// Two tensors that cannot be compared.
    fn beside(&self, _layer: &str, _integer: &Tensor, _written: &Tensor) -> Result<()> {
        Ok(())
    }

    /// Whether every integer layer is computed as [`Framework`] does it: from the tensors as they lie, then, and
    /// [`run`](LayerRule::run) is asked for the rest only.
    fn is_framework(&self) -> bool {
        false
    }

    /// Whether layers that stand beside others are to be run at all.
    fn looks_beside(&self) -> bool {
        true
    }

    /// Told of a node that cannot be computed: whether what does not read its outputs may go on.
    ///
    /// # Errors
    /// `why`, unless it may.
    fn stopped(&self, why: Error) -> Result<()> {
        Err(why)
    }
}

/// ONNX Runtime's own arithmetic: an int32 accumulator that wraps, then float32 rescaling.
pub struct Framework;

impl LayerRule for Framework {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        if !layer.is_read() {
            return Ok(nothing());
        }
        if let Some(tensor) = direct::of_layer(layer, x)? {
            return Ok(tensor);
        }
        let Some(output) = layer.output else {
            return Ok(Tensor::I32(accumulate(layer, &x.to_i32()?)?));
        };
        let x = x.to_i32()?;
        // No framework has an integer layer of 16-bit codes: its sum is as wide as it must be.
        let sums: ArrayD<i64> = match layer.has_wide_codes() {
            true => accumulate(layer, &x)?,
            false => accumulate::<i32>(layer, &x)?.mapv(i64::from),
        };
        wide::requantized(layer, output, &sums)
    }

    fn is_framework(&self) -> bool {
        true
    }

    fn looks_beside(&self) -> bool {
        false
    }
}

/// Computes the node's layer, by the design where there is one.
pub(super) fn evaluate(call: &Call) -> Result<Tensor> {
    let x = call.tensor(0)?;
    if call.rule.is_framework()
        && let Some(tensor) = direct::of_node(call)?
    {
        return Ok(tensor);
    }
    match &call.node.operator {
        Operator::QLinearConv { conv, .. } | Operator::ConvInteger(conv) => convolution(call, conv),
        _ => {
            let layer = matrix_layer(call)?;
            // Rows of the input times columns of the weights bound the result, whatever the batch axes.
            let k = x.shape().last().copied().unwrap_or(1).max(1);
            room(&[x.len() / k, layer.weights.codes.len() / k])?;
            let y = match layer.weights.codes.ndim() {
                2 => call.rule.run(&layer, x),
                _ => batched(call, &layer, x),
            }?;
            // Of a vector no axis stays; what nobody reads has none at all.
            match y.shape().split_last() {
                Some((1, rest)) if has_vector(call)? => y.reshaped(rest),
                _ => Ok(y),
            }
        }
    }
}

/// The node's layer and its input codes as the rule will see them.
pub(in crate::functional) fn layer_of(call: &Call) -> Result<(Layer, Tensor)> {
    let x = call.tensor(0)?;
    match &call.node.operator {
        Operator::QLinearConv { conv, .. } | Operator::ConvInteger(conv) => {
            Ok((convolution_layer(call, conv, x.shape().len())?, lifted(x)?))
        }
        _ => match matrix_layer(call)? {
            layer if layer.weights.codes.ndim() > 2 => side_by_side(&layer, x),
            layer => Ok((layer, x.clone())),
        },
    }
}

/// The products of a batch as one layer: a convolution in as many groups, of one tap each, over an image of one row.
fn side_by_side(layer: &Layer, x: &Tensor) -> Result<(Layer, Tensor)> {
    let Batch { count, m, k, n, activations, weights, .. } = Batch::new(layer, x)?;
    let columns =
        |array: &ArrayD<i32>| array.view().permuted_axes(IxDyn(&[0, 2, 1])).as_standard_layout().into_owned();
    let shaped = |array: ArrayD<i32>, shape: [usize; 4]| {
        array.into_shape_with_order(IxDyn(&shape)).expect("the same elements, split or joined axes")
    };
    room(&[count, m.max(n), k])?;
    let window = Window {
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padding: crate::network::Padding::Explicit([0; 4]),
        ceil: false,
    };
    // Channel numbers run over the groups: per-channel numbers are those of the product's own channels again.
    fn again<T: Copy>(values: &[T], count: usize) -> Vec<T> {
        if values.len() == 1 { values.to_vec() } else { values.repeat(count) }
    }
    let weights = Weights {
        codes: shaped(columns(&weights), [count * n, k, 1, 1]),
        dtype: layer.weights.dtype,
        scales: again(&layer.weights.scales, count),
        zero_points: again(&layer.weights.zero_points, count),
    };
    let bias = layer.bias.as_ref().map(|bias| bias.repeat(count));
    let geometry = Geometry::Convolution { groups: count, window };
    let codes = shaped(columns(&activations), [1, count * k, 1, m]);
    Ok((Layer { geometry, weights, bias, ..layer.clone() }, Tensor::from_codes(codes, x.dtype())))
}

/// `[images, channels, width]` as an image of height 1.
fn lifted(x: &Tensor) -> Result<Tensor> {
    match *x.shape() {
        [images, channels, width] => x.reshaped(&[images, channels, 1, width]),
        _ => Ok(x.clone()),
    }
}

/// Operands with batch axes, broadcast as numpy's matmul does: one product per batch.
struct Batch {
    /// Extents of the batch axes.
    lead: Vec<usize>,
    /// Their product.
    count: usize,
    m: usize,
    k: usize,
    n: usize,
    /// `[count, m, k]`.
    activations: ArrayD<i32>,
    /// `[count, k, n]`.
    weights: ArrayD<i32>,
}

impl Batch {
    fn new(layer: &Layer, x: &Tensor) -> Result<Batch> {
        let (xs, ws) = (x.shape(), layer.weights.codes.shape());
        if xs.len() < 2 || ws.len() < 2 {
            return Err(Error::new(
                Kind::Unsupported,
                format!("a product of shapes {xs:?} and {ws:?} is not supported"),
            ));
        }
        let (x_batch, w_batch) = (&xs[..xs.len() - 2], &ws[..ws.len() - 2]);
        let lead = super::pointwise::broadcast_shape(x_batch, w_batch)?;
        let (m, k, n) = (xs[xs.len() - 2], xs[xs.len() - 1], ws[ws.len() - 1]);
        let count = room(&lead)?;
        let full = |a: usize, b: usize| [&lead[..], &[a, b]].concat();
        let missing = || Error::new(Kind::Value, "shapes do not broadcast");
        let codes = x.to_i32()?;
        room(&full(m, k))?;
        room(&full(k, n))?;
        let xs = codes.broadcast(IxDyn(&full(m, k))).ok_or_else(missing)?;
        let ws = layer.weights.codes.broadcast(IxDyn(&full(k, n))).ok_or_else(missing)?;
        let flat = |a: ndarray::ArrayViewD<i32>, shape: [usize; 3]| {
            ArrayD::from_shape_vec(IxDyn(&shape), a.iter().copied().collect()).expect("same element count")
        };
        let (activations, weights) = (flat(xs, [count, m, k]), flat(ws, [count, k, n]));
        Ok(Batch { lead, count, m, k, n, activations, weights })
    }
}

/// One product after the other.
fn batched(call: &Call, layer: &Layer, x: &Tensor) -> Result<Tensor> {
    let Batch { lead, count, m, n, activations: xs, weights: ws, .. } = Batch::new(layer, x)?;
    let mut parts = Vec::with_capacity(count);
    for index in 0..count {
        let weights = Weights { codes: ws.index_axis(Axis(0), index).to_owned(), ..layer.weights.clone() };
        let one = Layer { weights, ..layer.clone() };
        let part = Tensor::from_codes(xs.index_axis(Axis(0), index).to_owned(), x.dtype());
        parts.push(call.rule.run(&one, &part)?.to_i32()?);
    }
    if !layer.is_read() {
        return Ok(nothing());
    }
    let dtype = layer.output.map_or(DType::I32, |o| o.dtype);
    let elements: Vec<i32> = parts.iter().flat_map(|p| p.iter().copied()).collect();
    let out = ArrayD::from_shape_vec(IxDyn(&[&lead[..], &[m, n]].concat()), elements);
    Ok(Tensor::from_codes(out.expect("m · n elements per batch"), dtype))
}

/// Input positions of an operator: weights, their scale and zero point, the output's scale and zero point, the bias.
pub(super) struct Positions {
    pub weights: usize,
    pub input: Option<(usize, usize)>,
    pub weight_scale: Option<usize>,
    pub weight_zero: usize,
    pub output: Option<(usize, usize)>,
    pub bias: Option<usize>,
}

pub(super) const QLINEAR: Positions = Positions {
    weights: 3,
    input: Some((1, 2)),
    weight_scale: Some(4),
    weight_zero: 5,
    output: Some((6, 7)),
    bias: Some(8),
};
pub(super) const QGEMM: Positions = Positions { output: Some((7, 8)), bias: Some(6), ..QLINEAR };
/// Input 4 is goldpath's own: the bias of the sums inside a float layer.
pub(super) const INTEGER: Positions =
    Positions { weights: 1, input: None, weight_scale: None, weight_zero: 3, output: None, bias: Some(4) };

/// Everything of a layer but its geometry and the weights' codes.
pub(super) struct Terms {
    pub input_carrier: Carrier,
    pub weight_dtype: DType,
    pub scales: Vec<f32>,
    pub zero_points: Vec<i32>,
    pub bias: Option<Vec<i32>>,
    pub output: Option<Carrier>,
    pub low: i32,
    pub high: i32,
}

impl Terms {
    pub fn new(call: &Call, at: &Positions, channels: usize) -> Result<Terms> {
        let input_dtype = call.tensor(0)?.dtype();
        let weight_dtype = call.tensor(at.weights)?.dtype();
        let mut input_carrier = match at.input {
            Some((scale, zero)) => call.carrier(0, scale, zero)?,
            None => Carrier { dtype: input_dtype, scale: 1.0, zero_point: call.zero_point(2, input_dtype)? },
        };
        // The factor is alpha · x.scale · w.scale / y.scale, from the left.
        if let Operator::QGemm { gemm, .. } = &call.node.operator {
            input_carrier.scale *= gemm.alpha;
        }
        let scales = at.weight_scale.map_or_else(|| Ok(vec![1.0]), |i| call.scales(i))?;
        let zero_points = call.zero_points(at.weight_zero, weight_dtype)?;
        let bias = match at.bias.and_then(|i| call.optional(i)) {
            None => None,
            Some(Tensor::I32(values)) => Some(values.iter().copied().collect::<Vec<i32>>()),
            Some(other) => {
                return Err(Error::new(
                    Kind::Value,
                    format!("the bias must be int32, not {}", other.dtype()),
                ));
            }
        };
        let per_channel = [scales.len(), zero_points.len(), bias.as_ref().map_or(channels, Vec::len)];
        if let Some(bad) =
            per_channel.iter().zip([1, 1, channels]).find(|(n, one)| **n != channels && **n != *one)
        {
            let message = format!("{} scales, zero points or biases for {channels} output channels", bad.0);
            return Err(Error::new(Kind::Value, message));
        }
        let output = match at.output {
            Some((scale, zero)) => Some(call.output_carrier(scale, zero, input_dtype)?),
            None => None,
        };
        let (low, high) = match (&output, clamp(&call.node.operator)) {
            (None, _) => (i32::MIN, i32::MAX),
            (Some(out), clamp) => {
                let codes = rails(out.dtype, out.zero_point)?;
                (onnx::quantize(clamp.low, out.scale, codes), onnx::quantize(clamp.high, out.scale, codes))
            }
        };
        Ok(Terms { input_carrier, weight_dtype, scales, zero_points, bias, output, low, high })
    }
}

fn layer(
    call: &Call,
    at: &Positions,
    geometry: Geometry,
    codes: ArrayD<i32>,
    channels: usize,
) -> Result<Layer> {
    let node = call.node;
    if codes.is_empty() {
        let message = format!("weights of shape {:?} make no product", codes.shape());
        return Err(Error::new(Kind::Value, message));
    }
    let terms = Terms::new(call, at, channels)?;
    Ok(Layer {
        name: node.name.clone(),
        input: first(&node.inputs),
        output_name: output_name(node),
        geometry,
        input_carrier: terms.input_carrier,
        weights: Weights {
            codes,
            dtype: terms.weight_dtype,
            scales: terms.scales,
            zero_points: terms.zero_points,
        },
        bias: terms.bias,
        output: terms.output,
        low: terms.low,
        high: terms.high,
    })
}

fn first(names: &[Option<String>]) -> String {
    names.first().cloned().flatten().unwrap_or_default()
}

/// Empty where nobody reads what the node writes.
pub(super) fn output_name(node: &Node) -> String {
    node.stands_for.clone().unwrap_or_else(|| first(&node.outputs))
}

fn clamp(operator: &Operator) -> Clamp {
    match operator {
        Operator::QLinearConv { clamp, .. }
        | Operator::QLinearMatMul { clamp }
        | Operator::QGemm { clamp, .. } => *clamp,
        _ => Clamp::NONE,
    }
}

/// The weights are one column, given as a vector.
fn has_vector(call: &Call) -> Result<bool> {
    let at = match &call.node.operator {
        Operator::QLinearMatMul { .. } => &QLINEAR,
        Operator::MatMulInteger => &INTEGER,
        _ => return Ok(false),
    };
    Ok(call.tensor(at.weights)?.shape().len() == 1)
}

fn matrix_layer(call: &Call) -> Result<Layer> {
    let (at, gemm): (&Positions, Option<&Gemm>) = match &call.node.operator {
        Operator::QGemm { gemm, .. } => (&QGEMM, Some(gemm)),
        Operator::QLinearMatMul { .. } => (&QLINEAR, None),
        _ => (&INTEGER, None),
    };
    let weights = call.codes(at.weights)?;
    let transposed = gemm.is_some_and(|g| g.transpose_b) && weights.ndim() == 2;
    let weights =
        if transposed { weights.reversed_axes().as_standard_layout().into_owned() } else { weights };
    let weights = if has_vector(call)? { weights.insert_axis(Axis(1)) } else { weights };
    let (x, w) = (call.tensor(0)?.shape(), weights.shape());
    if w.len() < 2 || x.is_empty() || x[x.len() - 1] != w[w.len() - 2] {
        return Err(Error::new(Kind::Value, format!("a product of shapes {x:?} and {w:?} is not defined")));
    }
    let channels = w[w.len() - 1];
    layer(call, at, Geometry::Matrix, weights, channels)
}

/// A layer over `[images, channels, (height,) width]`; a 1-D one is computed as a row of height 1.
fn convolution_layer(call: &Call, conv: &Conv, rank: usize) -> Result<Layer> {
    let at = if matches!(call.node.operator, Operator::ConvInteger(_)) { &INTEGER } else { &QLINEAR };
    let codes = call.codes(at.weights)?;
    let (geometry, lifted) = convolution_geometry(codes.shape(), conv, rank)?;
    let codes = codes.into_shape_with_order(IxDyn(&lifted)).expect("a kernel axis of extent 1 is put in");
    layer(call, at, geometry, codes, lifted[0])
}

/// For weights of shape `shape`, which is then [groups · n, cin, kernel height, kernel width].
pub(super) fn convolution_geometry(
    shape: &[usize],
    conv: &Conv,
    rank: usize,
) -> Result<(Geometry, [usize; 4])> {
    if shape.len() != rank || rank < 3 {
        let message = format!("weights of shape {shape:?} for an input of rank {rank}");
        return Err(Error::new(Kind::Value, message));
    }
    let window = conv.sliding.window(rank - 2, Some(&shape[2..]))?;
    if !shape[0].is_multiple_of(conv.groups) {
        let message = format!("{} output channels in {} groups", shape[0], conv.groups);
        return Err(Error::new(Kind::Value, message));
    }
    let lifted = [shape[0], shape[1], window.kernel[0], window.kernel[1]];
    Ok((Geometry::Convolution { groups: conv.groups, window }, lifted))
}

fn convolution(call: &Call, conv: &Conv) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let layer = convolution_layer(call, conv, x.shape().len())?;
    if x.shape().len() == 4 {
        return call.rule.run(&layer, x);
    }
    let out = call.rule.run(&layer, &lifted(x)?)?;
    match *out.shape() {
        [images, channels, _, width] => out.reshaped(&[images, channels, width]),
        // What nobody reads is no image.
        _ => Ok(out),
    }
}
