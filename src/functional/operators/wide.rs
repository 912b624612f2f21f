//! Integer layers of 16-bit codes, byte by byte through the engine of 8-bit ones.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::direct::weights;
use super::engine::{AsSums, Elements, Job, Numbers};
use super::pointwise::{PART, in_order, map};
use super::rails;
use super::size::room;
use crate::error::Result;
use crate::functional::kernels::zeros;
use crate::network::{Carrier, DType, Geometry, Layer, Tensor};
use crate::post::onnx::{self, Codes};

/// A layer of codes of up to 16 bits, whose sums int32 need not hold: a code is 256 times its upper byte and its lower one, and
/// so is its zero point, so that a sum is up to four sums of the engine's. None where one of these could wrap.
///
/// A few images at a time: their sums stay in the cache.
pub(super) fn wide(layer: &Layer, x: &Tensor, output: Carrier, shape: &[usize]) -> Result<Option<Tensor>> {
    /// Rows of a matrix.
    const ROWS: usize = 256;
    let is_exact = layer.k() <= i32::MAX as usize / (255 * 255);
    if layer.has_wide_codes() && !is_exact || room(shape)? == 0 {
        return Ok(None);
    }
    let Some(codes) = layer.weights.codes.as_slice() else { return Ok(None) };
    let weight_parts = parts_of(codes, layer.weights.dtype);
    let zero_points =
        |part: &Part| layer.weights.zero_points.iter().map(|zero| part.place.of(*zero)).collect::<Vec<_>>();
    let weight_zeros: Vec<Vec<i32>> = weight_parts.iter().map(zero_points).collect();
    let input_parts = parts_of(&[], layer.input_carrier.dtype);
    let mut jobs = Vec::new();
    for left in &input_parts {
        for (right, zero_points) in weight_parts.iter().zip(&weight_zeros) {
            let input_zero = left.place.of(layer.input_carrier.zero_point);
            let numbers = Numbers { input_zero, zero_points, bias: None };
            let weights = weights(layer, Elements::Wide(&right.codes, right.dtype));
            let is_signed = left.dtype == DType::I8;
            let Some(job) = Job::new(&layer.geometry, weights, numbers, x.shape(), is_signed) else {
                return Ok(None);
            };
            jobs.push((left, left.place.shift() + right.place.shift(), job));
        }
    }
    // Rows of a matrix, or images; and what one has of input and output.
    let (count, at_once) = match layer.geometry {
        Geometry::Matrix => (x.len() / layer.k(), ROWS),
        Geometry::Convolution { .. } => (x.shape()[0], rayon::current_num_threads()),
    };
    let (from, to) = (x.len() / count, shape.iter().product::<usize>() / count);
    let rule = Requantized::new(layer, layer.bias.as_deref(), output, shape)?;
    let mut out = Vec::with_capacity(count * to);
    for first in (0..count).step_by(at_once) {
        let last = (first + at_once).min(count);
        let mut sums: Vec<i64> = zeros((last - first) * to);
        for (part, shift, job) in &jobs {
            let bytes = part.bytes(x, first * from..last * from);
            let made = match part.dtype {
                DType::I8 => {
                    let codes: Vec<i8> = bytes.into_iter().map(u8::cast_signed).collect();
                    job.on(Elements::I8(&codes), &AsSums)
                }
                _ => job.on(Elements::U8(&bytes), &AsSums),
            };
            let Some(made) = made else { return Ok(None) };
            let pairs = sums.par_chunks_mut(PART).zip(made.par_chunks(PART));
            pairs.for_each(|(sums, made)| {
                sums.iter_mut().zip(made).for_each(|(sum, made)| *sum += i64::from(*made) << shift);
            });
        }
        out.extend(rule.codes(&sums));
    }
    Ok(Some(tensor(out, output.dtype, shape)))
}

/// The codes of a layer whose accumulators are `sums`, `[images][channels][positions]` or `[rows][channels]`.
///
/// # Errors
/// An output type of no codes.
pub(super) fn requantized(layer: &Layer, output: Carrier, sums: &ArrayD<i64>) -> Result<Tensor> {
    let codes = Requantized::new(layer, None, output, sums.shape())?.codes(&in_order(sums));
    Ok(tensor(codes, output.dtype, sums.shape()))
}

/// Codes from their low 16 bits.
fn tensor(codes: Vec<u16>, dtype: DType, shape: &[usize]) -> Tensor {
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes).expect("one code per output");
    match dtype {
        DType::U16 => Tensor::U16(codes),
        DType::I16 => Tensor::I16(map(&codes, u16::cast_signed)),
        DType::I8 => Tensor::I8(map(&codes, |code| code as i8)),
        DType::U8 => Tensor::U8(map(&codes, |code| code as u8)),
        other => Tensor::from_codes(map(&codes, |code| i32::from(code.cast_signed())), other),
    }
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

impl Part<'_> {
    /// Of some of a tensor's codes, as bits.
    fn bytes(&self, x: &Tensor, range: Range<usize>) -> Vec<u8> {
        fn bits<T: Copy + Sync>(
            codes: &ArrayD<T>,
            range: Range<usize>,
            of: impl Fn(T) -> i32 + Sync,
        ) -> Vec<u8> {
            let codes = in_order(codes);
            let mut out = zeros(range.len());
            let pairs = out.par_chunks_mut(PART).zip(codes[range].par_chunks(PART));
            // Its low bits are the byte.
            pairs.for_each(|(out, codes)| {
                out.iter_mut().zip(codes).for_each(|(out, code)| *out = of(*code) as u8);
            });
            out
        }
        let shift = self.place.shift();
        match x {
            Tensor::U16(codes) => bits(codes, range, |code| i32::from(code) >> shift),
            Tensor::I16(codes) => bits(codes, range, |code| i32::from(code) >> shift),
            Tensor::I8(codes) => bits(codes, range, i32::from),
            Tensor::U8(codes) => bits(codes, range, i32::from),
            _ => Vec::new(),
        }
    }
}

/// [`onnx::requantize_wide`] of every sum and its bias, clamped; sums of 8-bit codes wrap at int32 first.
struct Requantized<'a> {
    layer: &'a Layer,
    /// What the sums lack.
    bias: Option<&'a [i32]>,
    codes: Codes,
    factors: Vec<f32>,
    wraps: bool,
    /// Sums of one channel that lie side by side.
    run: usize,
}

impl<'a> Requantized<'a> {
    fn new(
        layer: &'a Layer,
        bias: Option<&'a [i32]>,
        output: Carrier,
        shape: &[usize],
    ) -> Result<Requantized<'a>> {
        let factor =
            |channel| onnx::factor(layer.input_carrier.scale, layer.weight_scale(channel), output.scale);
        Ok(Requantized {
            layer,
            bias,
            codes: rails(output.dtype, output.zero_point)?,
            factors: (0..layer.channels()).map(factor).collect(),
            wraps: !layer.has_wide_codes(),
            run: match layer.geometry {
                Geometry::Matrix => 1,
                Geometry::Convolution { .. } => shape[2..].iter().product(),
            },
        })
    }

    /// The low 16 bits of each code.
    fn codes(&self, sums: &[i64]) -> Vec<u16> {
        let mut out = zeros(sums.len());
        let parts = out.par_chunks_mut(self.run).zip(sums.par_chunks(self.run)).enumerate();
        parts.with_min_len(PART.div_ceil(self.run)).for_each(|(index, (out, sums))| {
            let channel = index % self.factors.len();
            let bias = self.bias.map_or(0, |bias| i64::from(bias[channel]));
            for (out, sum) in out.iter_mut().zip(sums) {
                let sum = sum + bias;
                // The rule of an int32 accumulator: modulo 2^32.
                let sum = if self.wraps { i64::from(sum as i32) } else { sum };
                let code = onnx::requantize_wide(sum, self.factors[channel], self.codes);
                *out = code.max(self.layer.low).min(self.layer.high) as u16;
            }
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    /// Codes of 16 bits taken apart give the sums of the plain loops, and those leave int32.
    #[test]
    fn wide_codes_are_the_plain_loops() {
        const TYPES: [DType; 4] = [DType::U8, DType::I8, DType::U16, DType::I16];
        const OUTPUTS: [DType; 6] = [DType::U8, DType::I8, DType::U16, DType::I16, DType::U4, DType::I4];
        let mut random = ChaCha8Rng::seed_from_u64(16);
        let (mut beyond, mut compared) = (0, 0);
        for round in 0..192 {
            let (a, w, y) = (TYPES[round % 4], TYPES[round / 4 % 4], OUTPUTS[round / 16 % 6]);
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
        assert!(beyond > 500 && compared == 192, "{beyond} sums beyond int32");
    }
}
