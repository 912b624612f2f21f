//! Convolutions through both engines, against sums written out over a padded image.

use std::sync::Arc;

use goldpath::design::{Design, KernelAxis, LaneMap, Parts, Recode};
use goldpath::lower::Program;
use goldpath::network::{Carrier, DType, Geometry, Layer, Padding, Weights, Window};
use goldpath::num::Format;
use goldpath::post::{self, Per};
use ndarray::{ArrayD, Ix4};

use super::designs::{self, f};
use super::equal::both;
use super::work::Random;

/// A random convolution and an input for it.
fn layer(random: &mut Random, dtypes: [DType; 2], weight_zero_points: bool) -> (Layer, ArrayD<i32>) {
    let (groups, cin, n) = (random.pick(&[1, 1, 2, 4]), random.pick(&[1, 2, 3]), random.pick(&[1, 3, 5]));
    let [kh, kw] = [random.pick(&[1, 2, 3]), random.pick(&[1, 3])];
    let window = Window {
        kernel: [kh, kw],
        stride: [random.pick(&[1, 2]), random.pick(&[1, 2, 3])],
        dilation: [random.pick(&[1, 2]), random.pick(&[1, 1, 2])],
        padding: Padding::Explicit([0; 4].map(|_: i32| random.below(3))),
        ceil: false,
    };
    let codes = |random: &mut Random, shape: &[usize], format: Format| {
        ArrayD::from_shape_fn(shape.to_vec(), |_| random.code(format, false) as i32)
    };
    let [x, w] = dtypes.map(|d| d.format().unwrap());
    let channels = groups * n;
    let shape = [random.pick(&[1, 2]), groups * cin, random.pick(&[5, 7]), random.pick(&[5, 6])];
    let input = codes(random, &shape, x);
    let zero_point = |random: &mut Random| {
        if weight_zero_points { random.code(w, false) as i32 } else { 0 }
    };
    let layer = Layer {
        name: "conv".to_string(),
        input: "x".to_string(),
        output_name: "y".to_string(),
        geometry: Geometry::Convolution { groups, window },
        input_carrier: Carrier { dtype: dtypes[0], scale: 0.5, zero_point: random.code(x, false) as i32 },
        weights: Weights {
            codes: codes(random, &[channels, cin, kh, kw], w),
            dtype: dtypes[1],
            scales: (0..channels).map(|_| random.within(1, 100) as f32 / 2048.0).collect(),
            zero_points: (0..channels).map(|_| zero_point(random)).collect(),
        },
        bias: Some((0..channels).map(|_| random.within(-3000, 3000) as i32).collect()),
        output: Some(Carrier { dtype: DType::I8, scale: 1.5, zero_point: random.within(-20, 20) as i32 }),
        low: -128,
        high: 127,
    };
    (layer, input)
}

/// Σ (x − zx)(w − zw) + b over an image padded by hand: `[images, channels, oh, ow]`.
fn oracle(layer: &Layer, input: &ArrayD<i32>) -> ArrayD<i64> {
    let Geometry::Convolution { groups, window } = &layer.geometry else { panic!("a convolution") };
    let Padding::Explicit([top, left, bottom, right]) = window.padding else { panic!("explicit") };
    let x = input.view().into_dimensionality::<Ix4>().unwrap();
    let w = layer.weights.codes.view().into_dimensionality::<Ix4>().unwrap();
    let (images, depth, h, wd) = x.dim();
    let mut padded = ndarray::Array4::<i64>::zeros((images, depth, h + top + bottom, wd + left + right));
    for ((b, c, i, j), v) in x.indexed_iter() {
        padded[[b, c, i + top, j + left]] = i64::from(v - layer.input_carrier.zero_point);
    }
    let (channels, cin, kh, kw) = w.dim();
    let out = |extent: usize, kernel: usize, axis: usize| {
        (extent - window.dilation[axis] * (kernel - 1) - 1) / window.stride[axis] + 1
    };
    let (oh, ow) = (out(h + top + bottom, kh, 0), out(wd + left + right, kw, 1));
    let per_group = channels / groups;
    let sum = |b: usize, c: usize, i: usize, j: usize| -> i64 {
        let zero_point = layer.weights.zero_points[c];
        let mut sum = i64::from(layer.bias.as_ref().unwrap()[c]);
        for ((_, ci, y, x), weight) in w.slice(ndarray::s![c..c + 1, .., .., ..]).indexed_iter() {
            let (row, column) = (
                i * window.stride[0] + y * window.dilation[0],
                j * window.stride[1] + x * window.dilation[1],
            );
            sum += padded[[b, c / per_group * cin + ci, row, column]] * i64::from(weight - zero_point);
        }
        sum
    };
    ArrayD::from_shape_fn(vec![images, channels, oh, ow], |i| sum(i[0], i[1], i[2], i[3]))
}

fn check(design: &Arc<Design>, layer: &Layer, input: &ArrayD<i32>, what: &str) {
    let program = Program::layer(design.clone(), layer, input).unwrap_or_else(|e| panic!("{what}: {e}"));
    let (outcome, _) = both(&program, what);
    let expected = oracle(layer, input);
    let (oh, ow) = (expected.shape()[2], expected.shape()[3]);
    for ((row, channel), acc) in outcome.accumulators.indexed_iter() {
        let (image, position) = (row / (oh * ow), row % (oh * ow));
        assert_eq!(*acc, expected[[image, channel, position / ow, position % ow]], "{what}");
    }
}

const ORDERS: [[KernelAxis; 3]; 4] = [
    [KernelAxis::Kh, KernelAxis::Kw, KernelAxis::Cin],
    [KernelAxis::Cin, KernelAxis::Kh, KernelAxis::Kw],
    [KernelAxis::Kw, KernelAxis::Cin, KernelAxis::Kh],
    [KernelAxis::Kw, KernelAxis::Kh, KernelAxis::Cin],
];

fn wide_tree(lane_map: LaneMap) -> Design {
    designs::edited(&designs::tree8_s8_acc24(), |parts| parts.order.lane_map = lane_map)
}

#[test]
fn zero_points_folded_into_the_bias() {
    let bases = [
        designs::mac_s8_acc32(),
        wide_tree(LaneMap::Adjacent),
        wide_tree(LaneMap::Strided),
        designs::os8x8_s8_acc32(),
    ];
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let base = random.pick(&bases);
        let kernel = random.pick(&ORDERS);
        let (recode, dtype) = match random.below(2) {
            1 => (Some(Recode::Minus128), DType::U8),
            _ => (None, DType::I8),
        };
        let design = designs::edited(&base, |parts| {
            (parts.order.kernel, parts.activation.recode) = (kernel, recode);
        });
        let (layer, input) = layer(&mut random, [dtype, DType::I8], false);
        check(&Arc::new(design), &layer, &input, &format!("seed {seed}"));
    }
}

/// Offsets in front of the multiplier: the activation's for the layer, the weight's for each channel.
fn with_offsets(parts: &mut Parts) {
    let first = parts.parameters.len();
    parts.parameters.push(designs::offset("activation_offset", Per::Layer, f("u8")));
    parts.parameters.push(designs::offset("weight_offset", Per::Channel, f("u8")));
    parts.activation.format = f("u8");
    parts.weight.format = f("u8");
    (parts.activation.offset, parts.activation.sum) = (Some(post::Operand::Parameter(first)), f("s9"));
    (parts.weight.offset, parts.weight.sum) = (Some(post::Operand::Parameter(first + 1)), f("s9"));
    for level in &mut parts.reduce {
        level.format = f("s24");
    }
}

#[test]
fn zero_points_subtracted_before_the_multiply() {
    let bases = [designs::mac_s8_acc32(), designs::tree8_s8_acc24(), designs::os8x8_s8_acc32()];
    for seed in 0..40 {
        let mut random = Random::new(100 + seed);
        let (base, kernel) = (random.pick(&bases), random.pick(&ORDERS));
        let design = designs::edited(&base, |parts| {
            with_offsets(parts);
            parts.order.kernel = kernel;
        });
        let (layer, input) = layer(&mut random, [DType::U8, DType::U8], true);
        check(&Arc::new(design), &layer, &input, &format!("seed {seed}"));
    }
}

/// `recode = "minus_zero_point"`: no adder in front of the multiplier, for one bit more.
#[test]
fn weights_less_their_zero_points_need_no_offset() {
    let recoded = |design: Design| {
        designs::edited(&design, |parts| {
            parts.activation.recode = Some(Recode::Minus128);
            parts.weight.recode = Some(Recode::MinusZeroPoint);
            (parts.weight.format, parts.weight.sum) = (f("s9"), f("s9"));
        })
    };
    let bases = [designs::mac_s8_acc32(), designs::os8x8_s8_acc32()].map(recoded);
    for seed in 0..40 {
        let mut random = Random::new(200 + seed);
        let (base, kernel) = (random.pick(&bases), random.pick(&ORDERS));
        let design = designs::edited(&base, |parts| parts.order.kernel = kernel);
        let (mut layer, input) = layer(&mut random, [DType::U8, DType::U8], true);
        if random.below(3) == 0 {
            // One for all channels.
            layer.weights.zero_points.fill(7);
        }
        check(&Arc::new(design), &layer, &input, &format!("seed {seed}"));
    }
    // A matrix has its output channels last.
    let mut random = Random::new(300);
    let (mut layer, _) = layer(&mut random, [DType::U8, DType::U8], true);
    layer.geometry = Geometry::Matrix;
    layer.weights.codes = ArrayD::from_shape_vec(vec![2, 3], vec![0, 255, 9, 200, 17, 4]).unwrap();
    layer.weights.zero_points = vec![255, 3, 100];
    layer.weights.scales = vec![0.01; 3];
    layer.input_carrier.zero_point = 77;
    layer.bias = Some(vec![1, -2, 3]);
    let input = ArrayD::from_shape_vec(vec![1, 2], vec![250, 13]).unwrap();
    let program = Program::layer(Arc::new(bases[1].clone()), &layer, &input).unwrap();
    let (outcome, _) = both(&program, "a matrix");
    let expected = [
        1 + 173 * -255 + -64 * (200 - 255),
        -2 + 173 * (255 - 3) + -64 * (17 - 3),
        3 + 173 * (9 - 100) + -64 * (4 - 100),
    ];
    assert_eq!(outcome.accumulators.iter().copied().collect::<Vec<_>>(), expected);
}

#[test]
fn a_weight_zero_point_without_an_offset_is_refused() {
    let mut random = Random::new(1);
    let (layer, input) = layer(&mut random, [DType::I8, DType::I8], true);
    let error = Program::layer(Arc::new(designs::os8x8_s8_acc32()), &layer, &input).unwrap_err();
    assert_eq!(
        error.to_string().lines().next().unwrap(),
        format!(
            "conv: operands.weight: output channel 0 has weight zero point {}",
            layer.weights.zero_points[0]
        )
    );
}

#[test]
fn post_numbers_come_from_the_scales() {
    let mut random = Random::new(2);
    let (layer, input) = layer(&mut random, [DType::I8, DType::I8], false);
    let design = Arc::new(designs::os8x8_s8_acc32());
    let program = Program::layer(design.clone(), &layer, &input).unwrap();
    let value =
        |name: &str| &program.parameters[design.parameters.iter().position(|p| p.name == name).unwrap()];
    for channel in 0..layer.channels() {
        let scale = f64::from(0.5f32 * layer.weights.scales[channel] / 1.5f32);
        let approximate = value("multiplier")[channel] as f64 / 2f64.powi(value("shift")[channel] as i32);
        assert!((approximate / scale - 1.0).abs() < 1e-9);
        assert!(value("multiplier")[channel] >= 1 << 30);
    }
    assert_eq!(value("zero_point"), &[i64::from(layer.output.unwrap().zero_point)]);
}
