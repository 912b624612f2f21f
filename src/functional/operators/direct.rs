//! Integer layers by the engine: straight from a node's own tensors, or from a layer.

use super::designed::output_shape;
use super::engine::{self, Elements, Numbers, Output};
use super::layer::{INTEGER, QGEMM, QLINEAR, Terms, convolution_geometry, output_name};
use super::wide::wide;
use super::{Call, rails};
use crate::error::Result;
use crate::functional::kernels::codes::Rescale;
use crate::network::{Carrier, DType, Geometry, Layer, Operator, Tensor, per_channel};
use crate::post::onnx;

/// A layer's output, where the engine is for it.
pub(super) fn of_layer(layer: &Layer, x: &Tensor) -> Result<Option<Tensor>> {
    let Ok(shape) = output_shape(layer.channels(), &layer.geometry, x.shape()) else { return Ok(None) };
    let finish = match layer.output {
        None => Some(Output::Sums),
        Some(output) => {
            let limits = [layer.low, layer.high];
            rescaled(layer.input_carrier.scale, &layer.weights.scales, layer.channels(), output, limits)?
        }
    };
    match (finish, layer.output) {
        (Some(finish), _) if !layer.has_wide_codes() => {
            let Some(codes) = layer.weights.codes.as_slice() else { return Ok(None) };
            let codes = Elements::Wide(codes, layer.weights.dtype);
            let numbers = Numbers {
                input_zero: layer.input_carrier.zero_point,
                zero_points: &layer.weights.zero_points,
                bias: layer.bias.as_deref(),
            };
            let input = (x, x.shape());
            Ok(engine::run(&layer.geometry, weights(layer, codes), numbers, input, &shape, &finish))
        }
        (_, Some(output)) => wide(layer, x, output, &shape),
        _ => Ok(None),
    }
}

pub(super) fn weights<'a>(layer: &Layer, codes: Elements<'a>) -> engine::Weights<'a> {
    let (channels, k) = (layer.channels(), layer.k());
    let step = match layer.geometry {
        Geometry::Matrix => [channels, 1],
        Geometry::Convolution { .. } => [1, k],
    };
    engine::Weights { codes, step, channels, k }
}

/// How sums become codes; none where these are not of 8 bits.
fn rescaled(
    input_scale: f32,
    scales: &[f32],
    channels: usize,
    output: Carrier,
    limits: [i32; 2],
) -> Result<Option<Output>> {
    let codes = rails(output.dtype, output.zero_point)?;
    let factor = |channel| onnx::factor(input_scale, per_channel(scales, channel), output.scale);
    let finish =
        || Output::Codes(output.dtype, (0..channels).map(factor).collect(), Rescale { codes, limits });
    Ok(matches!(output.dtype, DType::U8 | DType::I8).then(finish))
}

/// The node's output straight from its tensors, where the engine is for it.
pub(super) fn of_node(call: &Call) -> Result<Option<Tensor>> {
    let x = call.tensor(0)?;
    let (at, conv) = match &call.node.operator {
        Operator::QLinearConv { conv, .. } => (&QLINEAR, Some(conv)),
        Operator::ConvInteger(conv) => (&INTEGER, Some(conv)),
        Operator::QGemm { .. } => (&QGEMM, None),
        Operator::QLinearMatMul { .. } => (&QLINEAR, None),
        _ => (&INTEGER, None),
    };
    let tensor = call.tensor(at.weights)?;
    let Some(codes) = Elements::of(tensor) else { return Ok(None) };
    let (geometry, step, channels, k) = match conv {
        Some(conv) => {
            let (geometry, [channels, cin, down, across]) =
                convolution_geometry(tensor.shape(), conv, x.shape().len())?;
            let k = cin * down * across;
            (geometry, [1, k], channels, k)
        }
        None => {
            let is_transposed =
                matches!(&call.node.operator, Operator::QGemm { gemm, .. } if gemm.transpose_b);
            let &[rows, columns] = tensor.shape() else { return Ok(None) };
            match is_transposed {
                true => (Geometry::Matrix, [1, columns], rows, columns),
                false => (Geometry::Matrix, [columns, 1], columns, rows),
            }
        }
    };
    if tensor.is_empty() || call.node.operator.is_integer_mac() && output_name(call.node).is_empty() {
        return Ok(None);
    }
    let terms = Terms::new(call, at, channels)?;
    let lifted = match (conv, x.shape()) {
        (Some(_), &[images, channels, width]) => vec![images, channels, 1, width],
        (_, shape) => shape.to_vec(),
    };
    let Ok(mut shape) = output_shape(channels, &geometry, &lifted) else { return Ok(None) };
    let finish = match terms.output {
        None => Some(Output::Sums),
        Some(output) => {
            let limits = [terms.low, terms.high];
            rescaled(terms.input_carrier.scale, &terms.scales, channels, output, limits)?
        }
    };
    let Some(finish) = finish else { return Ok(None) };
    let numbers = Numbers {
        input_zero: terms.input_carrier.zero_point,
        zero_points: &terms.zero_points,
        bias: terms.bias.as_deref(),
    };
    if conv.is_some() && x.shape().len() == 3 {
        shape.remove(2);
    }
    let weights = engine::Weights { codes, step, channels, k };
    Ok(engine::run(&geometry, weights, numbers, (x, &lifted), &shape, &finish))
}
