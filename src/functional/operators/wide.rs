//! Integer layers of 16-bit codes, or with sums that become such codes: byte by byte through the engine of 8-bit ones.

use std::borrow::Cow;

use ndarray::{ArrayD, IxDyn};

use super::direct::weights;
use super::engine::{AsWide, Elements, Job, Numbers, Pass};
use super::size::room;
use super::{isa, rails};
use crate::error::Result;
use crate::functional::kernels::Isa;
use crate::functional::kernels::codes::{self, Rescale};
use crate::network::{Carrier, DType, Geometry, Layer, Tensor};
use crate::post::onnx;

/// A layer of codes of up to 16 bits, whose sums int32 need not hold: a code is 256 times its upper byte and its lower one, and
/// so is its zero point, so that a sum is up to four sums of the engine's. None where one of these could wrap.
pub(super) fn wide(layer: &Layer, x: &Tensor, output: Carrier, shape: &[usize]) -> Result<Option<Tensor>> {
    by_bytes(layer, x, (output, shape), isa())
}

fn by_bytes(
    layer: &Layer,
    x: &Tensor,
    (output, shape): (Carrier, &[usize]),
    isa: Isa,
) -> Result<Option<Tensor>> {
    let is_wide = layer.has_wide_codes();
    let is_exact = layer.k() <= i32::MAX as usize / (255 * 255);
    if is_wide && !is_exact || room(shape)? == 0 || x.dtype() != layer.input_carrier.dtype {
        return Ok(None);
    }
    let Some(codes) = layer.weights.codes.as_slice() else { return Ok(None) };
    let weight_parts = parts_of(codes, layer.weights.dtype);
    let zero_points =
        |part: &Part| layer.weights.zero_points.iter().map(|zero| part.place.of(*zero)).collect::<Vec<_>>();
    let weight_zeros: Vec<Vec<i32>> = weight_parts.iter().map(zero_points).collect();
    // Sums of 8-bit codes wrap at int32 with their bias; the others begin with it where they are put together.
    let (inside, begin) = if is_wide { (None, layer.bias.as_deref()) } else { (layer.bias.as_deref(), None) };
    let (mut passes, mut counts) = (Vec::new(), Vec::new());
    for left in parts_of(&[], layer.input_carrier.dtype) {
        for (right, zero_points) in weight_parts.iter().zip(&weight_zeros) {
            let input_zero = left.place.of(layer.input_carrier.zero_point);
            passes.push(Pass {
                from: left.place.shift(),
                is_signed: left.dtype == DType::I8,
                weights: weights(layer, Elements::Wide(&right.codes, right.dtype)),
                numbers: Numbers { input_zero, zero_points, bias: inside },
            });
            counts.push(f64::from(1u32 << (left.place.shift() + right.place.shift())));
        }
    }
    let Some(job) = Job::new(&layer.geometry, passes, x.shape(), isa) else { return Ok(None) };
    let begin: Vec<f64> =
        (0..layer.channels()).map(|channel| begin.map_or(0.0, |bias| f64::from(bias[channel]))).collect();
    let (factors, how) = (factors(layer, output), rescale(layer, output)?);
    macro_rules! to {
        ($variant:ident, $kernel:ident) => {{
            let (weights, begin, factors) = (&counts, &begin, &factors);
            let finish = AsWide { weights, begin, factors, how, isa, rescale: codes::$kernel };
            let made = job.on(x, &finish);
            made.and_then(|made| ArrayD::from_shape_vec(IxDyn(shape), made).ok()).map(Tensor::$variant)
        }};
    }
    Ok(match output.dtype {
        DType::U4 => to!(U4, rescale_wide_u8),
        DType::I4 => to!(I4, rescale_wide_i8),
        DType::U8 => to!(U8, rescale_wide_u8),
        DType::I8 => to!(I8, rescale_wide_i8),
        DType::U16 => to!(U16, rescale_wide_u16),
        DType::I16 => to!(I16, rescale_wide_i16),
        _ => None,
    })
}

/// The codes of a layer whose accumulators are `sums`, `[images][channels][positions]` or `[rows][channels]`.
///
/// # Errors
/// An output type of no codes.
pub(super) fn requantized(layer: &Layer, output: Carrier, sums: &ArrayD<i64>) -> Result<Tensor> {
    let (factors, Rescale { codes, limits: [low, high] }) = (factors(layer, output), rescale(layer, output)?);
    // Sums of one channel that lie side by side.
    let run = match layer.geometry {
        Geometry::Matrix => 1,
        Geometry::Convolution { .. } => sums.shape()[2..].iter().product(),
    };
    let code = |(index, sum): (usize, &i64)| {
        let channel = index / run % factors.len();
        onnx::requantize_wide(*sum, factors[channel], codes).max(low).min(high)
    };
    let made = ArrayD::from_shape_vec(sums.raw_dim(), sums.iter().enumerate().map(code).collect());
    Ok(Tensor::from_codes(made.expect("one code per sum"), output.dtype))
}

/// By channel.
fn factors(layer: &Layer, output: Carrier) -> Vec<f32> {
    let factor = |channel| onnx::factor(layer.input_carrier.scale, layer.weight_scale(channel), output.scale);
    (0..layer.channels()).map(factor).collect()
}

fn rescale(layer: &Layer, output: Carrier) -> Result<Rescale> {
    Ok(Rescale { codes: rails(output.dtype, output.zero_point)?, limits: [layer.low, layer.high] })
}

/// A byte of a code.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// All of one of 8 bits.
    Whole,
    Upper,
    Lower,
}

/// One byte of every code.
struct Part<'a> {
    dtype: DType,
    place: Place,
    codes: Cow<'a, [i32]>,
}

fn parts_of(codes: &[i32], dtype: DType) -> Vec<Part<'_>> {
    let part = |dtype, place: Place| Part {
        dtype,
        place,
        codes: codes.iter().map(|code| place.of(*code)).collect(),
    };
    match dtype {
        DType::U16 => vec![part(DType::U8, Place::Upper), part(DType::U8, Place::Lower)],
        DType::I16 => vec![part(DType::I8, Place::Upper), part(DType::U8, Place::Lower)],
        _ => vec![Part { dtype, place: Place::Whole, codes: Cow::Borrowed(codes) }],
    }
}

impl Place {
    fn shift(self) -> u32 {
        if self == Place::Upper { 8 } else { 0 }
    }

    fn of(self, code: i32) -> i32 {
        match self {
            Place::Whole => code,
            Place::Upper => code >> 8,
            Place::Lower => code & 255,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functional::kernels::Kernels;
    use crate::functional::operators::accumulate::accumulate;
    use crate::functional::operators::direct::of_layer;
    use crate::network::{Padding, Weights, Window};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn code(random: &mut ChaCha8Rng, dtype: DType) -> i32 {
        let (low, high) = match dtype {
            DType::U8 => (0, 255),
            DType::I8 => (-128, 127),
            DType::U16 => (0, 65535),
            DType::U4 => (0, 15),
            DType::I4 => (-8, 7),
            _ => (-32768, 32767),
        };
        match random.next_u32() % 4 {
            0 => low,
            1 => high,
            _ => low + (random.next_u32() % ((high - low) as u32 + 1)) as i32,
        }
    }

    /// A layer's shape: geometry, weights, input.
    fn form(round: usize) -> (Geometry, Vec<usize>, Vec<usize>) {
        let window = |kernel, stride, dilation, padding| Window {
            kernel,
            stride,
            dilation,
            padding: Padding::Explicit(padding),
            ceil: false,
        };
        let uneven = window([2, 3], [1, 2], [1, 1], [1, 0, 1, 2]);
        let pointwise = window([1, 1], [2, 1], [1, 1], [0; 4]);
        let spread = window([3, 2], [2, 3], [1, 2], [2, 1, 0, 1]);
        let conv = |groups, window| Geometry::Convolution { groups, window };
        match round {
            0 => (Geometry::Matrix, vec![37, 5], vec![9, 37]),
            // Panels share few rows, and rows share panels.
            1 => (Geometry::Matrix, vec![19, 150], vec![3, 19]),
            2 => (Geometry::Matrix, vec![19, 70], vec![2, 51, 19]),
            3 => (conv(1, uneven), vec![6, 5, 2, 3], vec![2, 5, 6, 7]),
            4 => (conv(1, pointwise), vec![70, 9, 1, 1], vec![1, 9, 5, 11]),
            5 => (conv(3, spread), vec![33, 3, 3, 2], vec![2, 9, 8, 9]),
            // One channel to one, and two to three; more outputs than are rescaled at a time.
            6 => (conv(4, uneven), vec![4, 1, 2, 3], vec![1, 4, 6, 7]),
            7 => (conv(5, spread), vec![15, 2, 3, 2], vec![2, 10, 19, 31]),
            _ => (conv(7, pointwise), vec![7, 1, 1, 1], vec![3, 7, 17, 9]),
        }
    }

    /// Codes of 16 bits taken apart give the sums of the plain loops, and those leave int32.
    #[test]
    fn wide_codes_are_the_plain_loops() {
        const TYPES: [DType; 4] = [DType::U8, DType::I8, DType::U16, DType::I16];
        const OUTPUTS: [DType; 6] = [DType::U8, DType::I8, DType::U16, DType::I16, DType::U4, DType::I4];
        let mut random = ChaCha8Rng::seed_from_u64(16);
        let (mut beyond, mut compared, mut inside) = (0, 0, 0);
        for round in 0..864 {
            let (a, w, y) = (TYPES[round % 4], TYPES[round / 4 % 4], OUTPUTS[round / 16 % 6]);
            let (geometry, weights, input) = form(round / 96);
            let channels = if geometry == Geometry::Matrix { weights[1] } else { weights[0] };
            let codes = |random: &mut ChaCha8Rng, dtype: DType, shape: &[usize]| {
                ArrayD::from_shape_fn(IxDyn(shape), |_| code(random, dtype))
            };
            let x = codes(&mut random, a, &input);
            let scale = [3e6, 2e9, 5e3][random.next_u32() as usize % 3];
            let output = Carrier { dtype: y, scale, zero_point: code(&mut random, y) };
            let rule = rails(y, output.zero_point).unwrap();
            let is_clamped = i32::from(random.next_u32() % 3 == 0);
            let bias = |random: &mut ChaCha8Rng| (0..channels).map(|_| random.next_u32() as i32).collect();
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
                bias: (random.next_u32() % 2 == 0).then(|| bias(&mut random)),
                output: Some(output),
                low: rule.low + 2 * is_clamped,
                high: rule.high - 3 * is_clamped,
            };
            let sums: ArrayD<i64> = match layer.has_wide_codes() {
                true => accumulate(&layer, &x).unwrap(),
                false => accumulate::<i32>(&layer, &x).unwrap().mapv(i64::from),
            };
            beyond += sums.iter().filter(|sum| i32::try_from(**sum).is_err()).count();
            let channel_axis = if layer.geometry == Geometry::Matrix { sums.ndim() - 1 } else { 1 };
            let expected = ArrayD::from_shape_fn(sums.raw_dim(), |at| {
                let factor = onnx::factor(1.0, layer.weight_scale(at[channel_axis]), output.scale);
                onnx::requantize_wide(sums[&at], factor, rule).max(layer.low).min(layer.high)
            });
            inside += expected.iter().filter(|code| (layer.low + 1..layer.high).contains(code)).count();
            let (x, expected) = (Tensor::from_codes(x, a), Tensor::from_codes(expected, y));
            assert_eq!(of_layer(&layer, &x).unwrap(), Some(expected.clone()), "round {round}: {layer:?}");
            assert_eq!(requantized(&layer, output, &sums).unwrap(), expected, "round {round}: {layer:?}");
            for isa in Kernels::available().into_iter().map(Isa::new) {
                let found = by_bytes(&layer, &x, (output, sums.shape()), isa).unwrap();
                assert_eq!(found.as_ref(), Some(&expected), "{isa:?}, round {round}: {layer:?}");
                compared += 1;
            }
        }
        assert!(
            beyond > 50_000 && inside > 50_000,
            "{beyond} sums beyond int32, {inside} codes off the rails"
        );
        assert_eq!(compared, 864 * Kernels::available().len());
    }
}
