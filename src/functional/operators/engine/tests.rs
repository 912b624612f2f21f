use ndarray::{ArrayD, IxDyn};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Elements, Numbers, Output, Weights, planes, run};
use crate::functional::kernels::codes::Rescale;
use crate::functional::operators::accumulate::accumulate;
use crate::functional::operators::designed::output_shape;
use crate::network::{Carrier, DType, Geometry, Layer, Padding, Tensor, Window};
use crate::post::onnx::{self, Codes};

fn pick(random: &mut ChaCha8Rng, from: usize, to: usize) -> usize {
    from + random.next_u32() as usize % (to - from + 1)
}

fn low(dtype: DType) -> i32 {
    if dtype == DType::I8 { -128 } else { 0 }
}

fn code(random: &mut ChaCha8Rng, dtype: DType) -> i32 {
    low(dtype) + (random.next_u32() % 256) as i32
}

/// Often at the ends of the type.
fn codes(random: &mut ChaCha8Rng, dtype: DType, shape: &[usize]) -> ArrayD<i32> {
    ArrayD::from_shape_fn(IxDyn(shape), |_| match random.next_u32() % 4 {
        0 => low(dtype),
        1 => low(dtype) + 255,
        _ => code(random, dtype),
    })
}

/// A layer of any form, and its input.
fn layer(random: &mut ChaCha8Rng, round: usize) -> (Layer, ArrayD<i32>) {
    let type_of = |bit: usize| if bit & 1 == 0 { DType::U8 } else { DType::I8 };
    let (a, w) = (type_of(round), type_of(round / 2));
    let (groups, channels, cin) = match round % 5 {
        0 => (pick(random, 2, 20), pick(random, 1, 2), pick(random, 1, 2)),
        1 => (pick(random, 1, 3), pick(random, 1, 150), pick(random, 1, 40)),
        _ => (1, pick(random, 1, 80), pick(random, 1, 20)),
    };
    let is_matrix = round % 5 == 4;
    let (geometry, weights, input) = if is_matrix {
        let k = pick(random, 1, 90);
        (Geometry::Matrix, vec![k, channels], vec![pick(random, 1, 3), pick(random, 1, 60), k])
    } else {
        let kernel = [pick(random, 1, 3), pick(random, 1, 3)];
        let padding = Padding::Explicit(std::array::from_fn(|_| pick(random, 0, 2)));
        let (stride, dilation) =
            ([pick(random, 1, 3), pick(random, 1, 3)], [pick(random, 1, 2), pick(random, 1, 3)]);
        let window = Window { kernel, stride, dilation, padding, ceil: false };
        let geometry = Geometry::Convolution { groups, window };
        let extents = [pick(random, 5, 14), pick(random, 7, if round % 7 == 0 { 120 } else { 20 })];
        let input = vec![pick(random, 1, 3), groups * cin, extents[0], extents[1]];
        (geometry, vec![groups * channels, cin, kernel[0], kernel[1]], input)
    };
    let all = if is_matrix { channels } else { groups * channels };
    // A bias near the rail makes int32 wrap.
    let bias = (0..all).map(|_| i32::MAX - (random.next_u32() % 4096) as i32).collect();
    let zero_points = match round % 3 {
        0 => vec![0],
        1 => vec![code(random, w)],
        _ => (0..all).map(|_| code(random, w)).collect(),
    };
    let layer = Layer {
        name: "layer".to_owned(),
        input: "x".to_owned(),
        output_name: "y".to_owned(),
        geometry,
        input_carrier: Carrier { dtype: a, scale: 1.0, zero_point: code(random, a) },
        weights: crate::network::Weights {
            codes: codes(random, w, &weights),
            dtype: w,
            scales: vec![1.0],
            zero_points,
        },
        bias: (round % 4 > 0).then_some(bias),
        output: None,
        low: i32::MIN,
        high: i32::MAX,
    };
    let x = codes(random, a, &input);
    (layer, x)
}

/// Plain loops and the engine agree on every form of layer, wrapping included; on codes as they lie and widened.
#[test]
fn the_engine_is_the_plain_loops() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let (mut wrapped, mut by_planes, mut tilted) = (0, 0, 0);
    for round in 0..240 {
        let (layer, x) = layer(&mut random, round);
        let plain: ArrayD<i32> = accumulate(&layer, &x).unwrap();
        let exact: ArrayD<i64> = accumulate(&layer, &x).unwrap();
        wrapped += plain.iter().zip(&exact).filter(|(p, e)| i64::from(**p) != **e).count();
        let shape = output_shape(layer.channels(), &layer.geometry, x.shape()).unwrap();
        let numbers = Numbers {
            input_zero: layer.input_carrier.zero_point,
            zero_points: &layer.weights.zero_points,
            bias: layer.bias.as_deref(),
        };
        let step = match layer.geometry {
            Geometry::Matrix => [layer.channels(), 1],
            Geometry::Convolution { groups, .. } => {
                let cin = layer.weights.codes.shape()[1];
                by_planes += u32::from(planes::are_better(layer.channels() / groups, cin));
                [1, layer.k()]
            }
        };
        let narrow = Tensor::from_codes(layer.weights.codes.clone(), layer.weights.dtype);
        let wide = Elements::Wide(layer.weights.codes.as_slice().unwrap(), layer.weights.dtype);
        let codes = if round % 2 == 0 { wide } else { Elements::of(&narrow).unwrap() };
        let weights = Weights { codes, step, channels: layer.channels(), k: layer.k() };
        tilted += u32::from(layer.weights.zero_points.iter().any(|zero| *zero != 0));
        let x = Tensor::from_codes(x, layer.input_carrier.dtype);
        let on = |output: &Output| run(&layer.geometry, weights, numbers, (&x, x.shape()), &shape, output);
        assert_eq!(on(&Output::Sums), Some(Tensor::I32(plain.clone())), "round {round}: {layer:?}");
        let dtype = layer.input_carrier.dtype;
        let codes = Codes { zero_point: low(dtype) + 9, low: low(dtype), high: low(dtype) + 255 };
        let limits = [low(dtype) + 3, low(dtype) + 250];
        let factors: Vec<f32> = (0..layer.channels()).map(|c| 3e-3 / (1.0 + c as f32)).collect();
        let channel_axis = if layer.geometry == Geometry::Matrix { shape.len() - 1 } else { 1 };
        let finished = ArrayD::from_shape_fn(plain.raw_dim(), |at| {
            let code = onnx::requantize(plain[&at], factors[at[channel_axis]], codes);
            code.max(limits[0]).min(limits[1])
        });
        let finished = Tensor::from_codes(finished, dtype);
        let output = Output::Codes(dtype, factors, Rescale { codes, limits });
        assert_eq!(on(&output), Some(finished), "round {round}: {layer:?}");
    }
    assert!(wrapped > 1000 && by_planes > 30 && tilted > 100, "{wrapped} wrapped, {by_planes}, {tilted}");
}
