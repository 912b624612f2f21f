//! Integer layers by the engine: from a node's own tensors, from a layer, and from codes of 16 bits taken apart.

use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::designed::output_shape;
use super::engine::{self, Elements, Numbers, Output};
use super::layer::{INTEGER, QGEMM, QLINEAR, Terms, convolution_geometry, output_name};
use super::pointwise::{PART, map};
use super::size::room;
use super::{Call, rails};
use crate::error::Result;
use crate::functional::kernels::codes::Rescale;
use crate::network::{Carrier, DType, Geometry, Layer, Operator, Tensor};
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
        (_, Some(output)) => match wide_sums(layer, x, &shape) {
            Some(sums) => requantized(layer, &sums, output, &shape).map(Some),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

fn weights<'a>(layer: &Layer, codes: Elements<'a>) -> engine::Weights<'a> {
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
    let scale = |channel: usize| if scales.len() == 1 { scales[0] } else { scales[channel] };
    let factor = |channel| onnx::factor(input_scale, scale(channel), output.scale);
    let finish =
        || Output::Codes(output.dtype, (0..channels).map(factor).collect(), Rescale { codes, limits });
    Ok((output.dtype.size_bytes() == 1).then(finish))
}

/// The sums of codes of up to 16 bits, which int32 need not hold: a code is 256 times its upper byte and its lower one, and so
/// is its zero point, so that a sum is up to four sums of the engine's. None where one of these could wrap.
fn wide_sums(layer: &Layer, x: &Tensor, shape: &[usize]) -> Option<Vec<i64>> {
    let is_exact = layer.k() <= i32::MAX as usize / (255 * 255);
    if layer.has_wide_codes() && !is_exact {
        return None;
    }
    let (low, high) = (|code: i32| code & 255, |code: i32| code >> 8);
    let upper = |dtype: DType| if matches!(dtype, DType::I16) { DType::I8 } else { DType::U8 };
    let mut inputs = vec![];
    match x {
        Tensor::U16(codes) => {
            inputs.push((8, Tensor::U8(map(codes, |code| (code >> 8) as u8)), true));
            inputs.push((0, Tensor::U8(map(codes, |code| code as u8)), false));
        }
        Tensor::I16(codes) => {
            inputs.push((8, Tensor::I8(map(codes, |code| (code >> 8) as i8)), true));
            inputs.push((0, Tensor::U8(map(codes, |code| code as u8)), false));
        }
        _ => inputs.push((0, x.clone(), false)),
    }
    let codes = layer.weights.codes.as_slice()?;
    let zeros = &layer.weights.zero_points;
    let part = |of: &dyn Fn(i32) -> i32, dtype| {
        let codes: Vec<i32> = codes.iter().map(|code| of(*code)).collect();
        (codes, dtype, zeros.iter().map(|zero| of(*zero)).collect::<Vec<i32>>())
    };
    let is_wide = |dtype: DType| dtype.size_bytes() > 1;
    let weight_parts = match layer.weights.dtype {
        wide if is_wide(wide) => vec![(8, part(&high, upper(wide))), (0, part(&low, DType::U8))],
        narrow => vec![(0, part(&|code| code, narrow))],
    };
    let mut sums = vec![0i64; room(shape).ok()?];
    for (left, x, is_upper) in &inputs {
        let zero = layer.input_carrier.zero_point;
        let input_zero = match (is_wide(layer.input_carrier.dtype), is_upper) {
            (true, true) => high(zero),
            (true, false) => low(zero),
            (false, _) => zero,
        };
        for (right, (codes, dtype, zero_points)) in &weight_parts {
            let numbers = Numbers { input_zero, zero_points, bias: None };
            let weights = weights(layer, Elements::Wide(codes, *dtype));
            let input = (x, x.shape());
            let Some(Tensor::I32(part)) =
                engine::run(&layer.geometry, weights, numbers, input, shape, &Output::Sums)
            else {
                return None;
            };
            let shift = left + right;
            let pairs = sums.par_chunks_mut(PART).zip(part.as_slice()?.par_chunks(PART));
            pairs.for_each(|(sums, part)| {
                sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += i64::from(*part) << shift);
            });
        }
    }
    Some(sums)
}

/// [`onnx::requantize_wide`] of every sum and its bias, clamped; sums of 8-bit codes wrap at int32 first.
fn requantized(layer: &Layer, sums: &[i64], output: Carrier, shape: &[usize]) -> Result<Tensor> {
    let codes = rails(output.dtype, output.zero_point)?;
    let wraps = !layer.has_wide_codes();
    let finish = |channel: usize, sum: i64| {
        let bias = layer.bias.as_ref().map_or(0, |bias| i64::from(bias[channel]));
        let sum = sum + bias;
        // The rule of an int32 accumulator: modulo 2^32.
        let sum = if wraps { i64::from(sum as i32) } else { sum };
        let factor = onnx::factor(layer.input_carrier.scale, layer.weight_scale(channel), output.scale);
        onnx::requantize_wide(sum, factor, codes).max(layer.low).min(layer.high)
    };
    let channels = layer.channels();
    // Sums of one channel that lie side by side.
    let run = match layer.geometry {
        Geometry::Matrix => 1,
        Geometry::Convolution { .. } => shape[2..].iter().product(),
    };
    let mut out = vec![0; sums.len()];
    let parts = out.par_chunks_mut(run).zip(sums.par_chunks(run)).enumerate();
    parts.with_min_len(PART.div_ceil(run)).for_each(|(index, (out, sums))| {
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = finish(index % channels, *sum));
    });
    let out = ArrayD::from_shape_vec(IxDyn(shape), out).expect("one code per sum");
    Ok(Tensor::from_codes(out, output.dtype))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functional::operators::accumulate::accumulate;
    use crate::network::{Padding, Weights, Window};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn code(random: &mut ChaCha8Rng, dtype: DType) -> i32 {
        let (low, high) = match dtype {
            DType::U8 => (0, 255),
            DType::I8 => (-128, 127),
            DType::U16 => (0, 65535),
            _ => (-32768, 32767),
        };
        match random.next_u32() % 4 {
            0 => low,
            1 => high,
            _ => low + (random.next_u32() % ((high - low) as u32 + 1)) as i32,
        }
    }

    /// Codes of 16 bits taken apart give the sums of the plain loops, and those leave int32.
    #[test]
    fn wide_codes_are_the_plain_loops() {
        const TYPES: [DType; 4] = [DType::U8, DType::I8, DType::U16, DType::I16];
        let mut random = ChaCha8Rng::seed_from_u64(16);
        let (mut beyond, mut compared) = (0, 0);
        for round in 0..128 {
            let (a, w, y) = (TYPES[round % 4], TYPES[round / 4 % 4], TYPES[round / 16 % 4]);
            let window = Window {
                kernel: [2, 3],
                stride: [1, 2],
                dilation: [1, 1],
                padding: Padding::Explicit([1, 0, 1, 2]),
                ceil: false,
            };
            let (geometry, weights, input) = match round % 3 {
                0 => (Geometry::Matrix, vec![37, 5], vec![9, 37]),
                1 => (Geometry::Convolution { groups: 1, window }, vec![6, 5, 2, 3], vec![2, 5, 6, 7]),
                _ => (Geometry::Convolution { groups: 4, window }, vec![4, 1, 2, 3], vec![1, 4, 6, 7]),
            };
            let channels = if geometry == Geometry::Matrix { 5 } else { weights[0] };
            let codes = |random: &mut ChaCha8Rng, dtype: DType, shape: &[usize]| {
                ArrayD::from_shape_fn(IxDyn(shape), |_| code(random, dtype))
            };
            let x = codes(&mut random, a, &input);
            let output = Carrier { dtype: y, scale: 3e6, zero_point: code(&mut random, y) };
            let rule = rails(y, output.zero_point).unwrap();
            let layer = Layer {
                name: "layer".to_owned(),
                input: "x".to_owned(),
                output_name: "y".to_owned(),
                geometry,
                input_carrier: Carrier { dtype: a, scale: 1.0, zero_point: code(&mut random, a) },
                weights: Weights {
                    codes: codes(&mut random, w, &weights),
                    dtype: w,
                    scales: (0..channels).map(|c| 1.0 + c as f32).collect(),
                    zero_points: (0..channels).map(|_| code(&mut random, w)).collect(),
                },
                bias: (round % 2 == 0).then(|| (0..channels).map(|_| random.next_u32() as i32).collect()),
                output: Some(output),
                low: rule.low,
                high: rule.high,
            };
            let sums: ArrayD<i64> = match layer.has_wide_codes() {
                true => accumulate(&layer, &x).unwrap(),
                false => accumulate::<i32>(&layer, &x).unwrap().mapv(i64::from),
            };
            beyond += sums.iter().filter(|sum| i32::try_from(**sum).is_err()).count();
            let channel_axis = if layer.geometry == Geometry::Matrix { sums.ndim() - 1 } else { 1 };
            let expected = ArrayD::from_shape_fn(sums.raw_dim(), |at| {
                let factor = onnx::factor(1.0, layer.weight_scale(at[channel_axis]), output.scale);
                onnx::requantize_wide(sums[&at], factor, rule)
            });
            let found = of_layer(&layer, &Tensor::from_codes(x, a)).unwrap();
            assert_eq!(found, Some(Tensor::from_codes(expected, y)), "round {round}: {layer:?}");
            compared += 1;
        }
        assert!(beyond > 500 && compared == 128, "{beyond} sums beyond int32");
    }
}
