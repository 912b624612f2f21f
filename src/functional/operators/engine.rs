//! The framework's integer layers by the fast engine: ONNX Runtime's accumulator is a design like any other, 32 bits that
//! wrap. [`accumulate`](super::accumulate) stays the definition.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use multiversion::multiversion;
use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::size::room;
use crate::design::Design;
use crate::functional::{Options, Prepared};
use crate::lower::Program;
use crate::network::{DType, Geometry, Layer, Tensor};
use crate::post::onnx::{self, Codes};

/// Fewer channels in a group, or fewer products of an output, fill no panel: plain loops are as fast.
const FEWEST: usize = 8;

/// Channels that are requantised side by side.
const CHANNELS: usize = 16;

/// Operands of 8 bits, their zero points subtracted in front of the multiplier, an int32 accumulator that wraps.
fn design(activation: DType, weight: DType) -> Option<Arc<Design>> {
    static DESIGNS: [OnceLock<Option<Arc<Design>>>; 4] = [const { OnceLock::new() }; 4];
    let signed = |dtype: DType| match dtype {
        DType::I8 | DType::I4 => Some(true),
        DType::U8 | DType::U4 => Some(false),
        _ => None,
    };
    let (a, w) = (signed(activation)?, signed(weight)?);
    let text = || {
        format!(
            "schema = 1\nname = \"framework\"\npost = []\n\
             [operands]\n\
             activation = {{ width = 8, signed = {a}, offset = \"za\", format = \"s10\" }}\n\
             weight = {{ width = 8, signed = {w}, offset = \"zw\", format = \"s10\" }}\n\
             [accumulator]\nwidth = 32\nsigned = true\noverflow = \"wrap\"\nstart = \"bias\"\n\
             [array]\ndataflow = \"sequential\"\n\
             [parameters]\nbias = {{ format = \"s32\", per = \"channel\" }}\n\
             za = {{ format = \"s9\", per = \"layer\" }}\nzw = {{ format = \"s9\", per = \"channel\" }}\n"
        )
    };
    let made = || Design::parse(&text(), Path::new("framework.toml"), &[]).ok().map(Arc::new);
    DESIGNS[usize::from(a) * 2 + usize::from(w)].get_or_init(made).clone()
}

/// The accumulators of a layer, and where they lie.
pub(super) struct Sums {
    /// `[rows][channels]`
    values: Vec<i32>,
    /// Output positions of an image that lie side by side in the tensor: 1 for a matrix product.
    positions: usize,
    channels: usize,
    shape: Vec<usize>,
}

/// None where plain loops are to do it.
pub(super) fn sums(layer: &Layer, x: &ArrayD<i32>) -> Option<Sums> {
    let groups = match &layer.geometry {
        Geometry::Matrix => 1,
        Geometry::Convolution { groups, .. } => *groups,
    };
    let channels = layer.channels();
    if layer.k() < FEWEST || channels / groups.max(1) < FEWEST {
        return None;
    }
    let shape = super::designed::output_shape(layer, x.shape()).ok()?;
    // An error is for the plain loops to tell.
    if room(&shape).ok()? == 0 {
        return None;
    }
    let design = design(layer.input_carrier.dtype, layer.weights.dtype)?;
    // Only the accumulator is asked for.
    let bare = Layer { output: None, ..layer.clone() };
    let program = Program::layer(design, &bare, x).ok()?;
    let values = Prepared::new(&program, Options::new(false)).sums(&program)?;
    let positions = match &layer.geometry {
        Geometry::Matrix => 1,
        Geometry::Convolution { .. } => program.shape.m,
    };
    Some(Sums { values, positions, channels, shape })
}

impl Sums {
    /// As they are, in the layer's own layout.
    pub(super) fn accumulators(&self) -> Tensor {
        let elements = self.finish(|_, sums: &[i32], out: &mut [i32]| out.copy_from_slice(sums));
        Tensor::I32(ArrayD::from_shape_vec(IxDyn(&self.shape), elements).expect("one sum per output"))
    }

    /// As codes, clamped to `low..=high`; none for a type that is not 8 bits wide.
    pub(super) fn requantised(
        &self,
        dtype: DType,
        factor: &dyn Fn(usize) -> f32,
        codes: Codes,
        limits: [i32; 2],
    ) -> Option<Tensor> {
        let factors: Vec<f32> = (0..self.channels).map(factor).collect();
        let factors = |first: usize, count: usize| &factors[first..first + count];
        let shape = IxDyn(&self.shape);
        // Inside the type's range by then.
        match dtype {
            DType::U8 => {
                let elements = self.finish(|first, sums: &[i32], out: &mut [u8]| {
                    requantise(sums, factors(first, sums.len()), codes, limits, out, |code| code as u8);
                });
                Some(Tensor::U8(ArrayD::from_shape_vec(shape, elements).expect("one code per output")))
            }
            DType::I8 => {
                let elements = self.finish(|first, sums: &[i32], out: &mut [i8]| {
                    requantise(sums, factors(first, sums.len()), codes, limits, out, |code| code as i8);
                });
                Some(Tensor::I8(ArrayD::from_shape_vec(shape, elements).expect("one code per output")))
            }
            _ => None,
        }
    }

    /// `make` of the sums of channels `first..` at one position, from `[rows][channels]` to
    /// `[images][channels][positions]`.
    fn finish<T: Copy + Default + Send>(&self, make: impl Fn(usize, &[i32], &mut [T]) + Sync) -> Vec<T> {
        let (channels, positions) = (self.channels, self.positions);
        let mut out = vec![T::default(); self.values.len()];
        if positions == 1 {
            let rows = out.par_chunks_mut(channels).zip(self.values.par_chunks(channels));
            rows.for_each(|(out, sums)| make(0, sums, out));
            return out;
        }
        let image = channels * positions;
        out.par_chunks_mut(image).zip(self.values.par_chunks(image)).for_each(|(out, sums)| {
            out.par_chunks_mut(CHANNELS * positions).enumerate().for_each(|(block, out)| {
                let (first, count) = (block * CHANNELS, out.len() / positions);
                let mut made = [T::default(); CHANNELS];
                for position in 0..positions {
                    make(first, &sums[position * channels + first..][..count], &mut made[..count]);
                    for (offset, value) in made[..count].iter().enumerate() {
                        out[offset * positions + position] = *value;
                    }
                }
            });
        });
        out
    }
}

/// [`onnx::requantize`], and the clamp of a fused Relu or Clip.
fn requantise<T>(
    sums: &[i32],
    factors: &[f32],
    codes: Codes,
    limits: [i32; 2],
    out: &mut [T],
    narrow: impl Fn(i32) -> T,
) {
    let mut block = [0; CHANNELS];
    let parts = sums.chunks(CHANNELS).zip(factors.chunks(CHANNELS)).zip(out.chunks_mut(CHANNELS));
    for ((sums, factors), out) in parts {
        requantise_block(sums, factors, codes, limits, &mut block);
        for (out, code) in out.iter_mut().zip(block) {
            *out = narrow(code);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn requantise_block(
    sums: &[i32],
    factors: &[f32],
    codes: Codes,
    [low, high]: [i32; 2],
    out: &mut [i32; CHANNELS],
) {
    for ((sum, factor), out) in sums.iter().zip(factors).zip(out) {
        *out = onnx::requantize(*sum, *factor, codes).max(low).min(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functional::operators::accumulate::accumulate;
    use crate::network::{Carrier, Padding, Weights, Window};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    fn codes(random: &mut ChaCha8Rng, dtype: DType, shape: &[usize]) -> ArrayD<i32> {
        let low = if dtype == DType::I8 { -128 } else { 0 };
        // Often at the ends of the type.
        ArrayD::from_shape_fn(IxDyn(shape), |_| match random.next_u32() % 4 {
            0 => low,
            1 => low + 255,
            _ => low + (random.next_u32() % 256) as i32,
        })
    }

    /// Plain loops and the engine agree on every form of layer, wrapping included.
    #[test]
    fn the_engine_is_the_plain_loops() {
        let mut random = ChaCha8Rng::seed_from_u64(8);
        let (mut wrapped, mut compared) = (0, 0);
        for round in 0..120 {
            let pick = |random: &mut ChaCha8Rng, from: usize, to: usize| {
                from + random.next_u32() as usize % (to - from + 1)
            };
            let type_of = |bit: usize| if bit & 1 == 0 { DType::U8 } else { DType::I8 };
            let (a, w) = (type_of(round), type_of(round / 2));
            let low = |dtype: DType| if dtype == DType::I8 { -128 } else { 0 };
            let zero = |random: &mut ChaCha8Rng, dtype: DType| low(dtype) + (random.next_u32() % 256) as i32;
            let groups = pick(&mut random, 1, 2);
            let (channels, cin) = (pick(&mut random, FEWEST, 40), pick(&mut random, 1, 12));
            let kernel = [pick(&mut random, 1, 3), pick(&mut random, 1, 3)];
            let is_matrix = round % 3 == 0;
            let (geometry, weights, input) = if is_matrix {
                let k = pick(&mut random, FEWEST, 90);
                (Geometry::Matrix, vec![k, channels], vec![pick(&mut random, 1, 70), k])
            } else {
                let window = Window {
                    kernel,
                    stride: [pick(&mut random, 1, 2), pick(&mut random, 1, 2)],
                    dilation: [1, pick(&mut random, 1, 2)],
                    padding: Padding::Explicit([1, 0, 0, 2]),
                    ceil: false,
                };
                let geometry = Geometry::Convolution { groups, window };
                let extents = [pick(&mut random, 5, 14), pick(&mut random, 5, 14)];
                let input = vec![pick(&mut random, 1, 3), groups * cin, extents[0], extents[1]];
                (geometry, vec![groups * channels, cin, kernel[0], kernel[1]], input)
            };
            let all = if is_matrix { channels } else { groups * channels };
            // A bias near the rail makes int32 wrap.
            let bias = (0..all).map(|_| i32::MAX - (random.next_u32() % 4096) as i32).collect();
            let layer = Layer {
                name: "layer".to_owned(),
                input: "x".to_owned(),
                output_name: "y".to_owned(),
                geometry,
                input_carrier: Carrier { dtype: a, scale: 1.0, zero_point: zero(&mut random, a) },
                weights: Weights {
                    codes: codes(&mut random, w, &weights),
                    dtype: w,
                    scales: vec![1.0],
                    zero_points: match round % 2 {
                        0 => vec![0],
                        _ => (0..all).map(|_| zero(&mut random, w)).collect(),
                    },
                },
                bias: (round % 4 > 0).then_some(bias),
                output: None,
                low: i32::MIN,
                high: i32::MAX,
            };
            let x = codes(&mut random, a, &input);
            let plain: ArrayD<i32> = accumulate(&layer, &x).unwrap();
            let exact: ArrayD<i64> = accumulate(&layer, &x).unwrap();
            wrapped += plain.iter().zip(&exact).filter(|(p, e)| i64::from(**p) != **e).count();
            if let Some(sums) = sums(&layer, &x) {
                assert_eq!(sums.accumulators(), Tensor::I32(plain), "round {round}: {layer:?}");
                compared += 1;
            }
        }
        assert!(compared > 80 && wrapped > 1000, "{compared} layers, {wrapped} sums wrapped");
    }
}
