//! What multiplies and shifts the channels between a layer and its QuantizeLinear: part of the integer layer.

use super::onnx::{Data, FLOAT, Model, Value};
use super::quantiser::Random;
use super::{Case, json, stdout};

const CHANNELS: usize = 3;

/// Numbers of a chain behind a layer.
type Numbers<'a> = &'a mut dyn FnMut(f32, f32) -> f32;

/// x ─ Q ─ DQ ─ layer ─ `behind` ─ Q ─ DQ ─ y; a Conv over [1, 4, 5, 5], or a Gemm of [6, 4] transposed by its weights.
fn layer(
    conv: bool,
    seed: u64,
    exact: bool,
    behind: impl FnOnce(&mut Model, String, Numbers) -> String,
) -> Case {
    let mut random = Random::new(seed);
    let mut model = Model::default();
    let shape: Vec<usize> = if conv { vec![1, 4, 5, 5] } else { vec![6, 4] };
    model.input("x", FLOAT, &shape.iter().map(|n| *n as u64).collect::<Vec<_>>());
    let zero = |model: &mut Model| model.scalar(Data::I8(vec![0]));
    let scale = model.scalar(Data::F32(vec![0.25]));
    let none = zero(&mut model);
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &none], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, &none], &[]);
    let extents: &[usize] = if conv { &[CHANNELS, 4, 3, 3] } else { &[CHANNELS, 4] };
    let count = extents.iter().product();
    let weights = (0..count).map(|_| i8::try_from(random.below(21)).unwrap() - 10).collect();
    let weights = model.constant(extents, Data::I8(weights));
    let scales: Vec<f32> =
        if exact { vec![0.5, 0.25, 0.125] } else { (0..3).map(|_| random.unit() + 0.01).collect() };
    let scales = model.constant(&[CHANNELS], Data::F32(scales));
    let zeros = model.constant(&[CHANNELS], Data::I8(vec![0; CHANNELS]));
    let axis = [("axis", Value::Int(0))];
    let w = model.node("DequantizeLinear", "", &[&weights, &scales, &zeros], &axis);
    let bias = model.constant(&[CHANNELS], Data::F32(vec![1.0, -2.0, 0.5]));
    let y = match conv {
        true => model.node("Conv", "layer", &[&x, &w, &bias], &[]),
        false => model.node("Gemm", "layer", &[&x, &w, &bias], &[("transB", Value::Int(1))]),
    };
    let mut number = |low: f32, high: f32| match exact {
        true => 2f32.powi(i32::try_from(random.below(3)).unwrap() - 1),
        false => low + random.unit() * (high - low),
    };
    let y = behind(&mut model, y, &mut number);
    let (scale, none) = (model.scalar(Data::F32(vec![0.5])), zero(&mut model));
    let codes = model.node("QuantizeLinear", "", &[&y, &scale, &none], &[]);
    let y = model.node("DequantizeLinear", "", &[&codes, &scale, &none], &[]);
    model.output(&y);
    let mut random = Random::new(seed + 1000);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.unit() * 20.0 - 10.0).collect();
    Case::new(&model.bytes(), &shape, &values)
}

fn constant(model: &mut Model, shape: &[usize], number: Numbers, low: f32, high: f32) -> String {
    let values = (0..shape.iter().product()).map(|_| number(low, high)).collect();
    model.constant(shape, Data::F32(values))
}

/// BatchNormalization whose factors are powers of two where `number` makes such.
fn norm(model: &mut Model, y: &str, number: Numbers, gamma: [f32; 2]) -> String {
    let [g, b, m] =
        [gamma, [-1.0, 1.0], [-2.0, 2.0]].map(|[low, high]| constant(model, &[CHANNELS], number, low, high));
    let variance = model.constant(&[CHANNELS], Data::F32(vec![0.25, 4.0, 1.0]));
    model.node("BatchNormalization", "norm", &[y, &g, &b, &m, &variance], &[("epsilon", Value::Float(0.0))])
}

/// `layer` is an integer layer; how many of its codes differ from what float32 makes, and by how much at most.
fn integer(case: &Case) -> (u64, u64) {
    let answer = json(&case.infer(&["--format", "json"]));
    assert_eq!(answer["macs"][0]["state"], "integer", "{:#}", answer["macs"]);
    let compared = &answer["integer_layers"][0];
    let number = |key: &str| compared[key].as_u64().unwrap();
    assert_eq!(compared["layer"], "layer", "{compared}");
    assert!(number("values") > 0, "{compared}");
    let layers = json(&case.check(&["--format", "json"]))["bounds"]["layers"].clone();
    assert_eq!(layers[0]["layer"], "layer");
    assert_eq!(case.infer(&["--qdq", "fused"]).status.code(), Some(0));
    (number("differ"), number("largest"))
}

fn relu(model: &mut Model, y: &str) -> String {
    model.node("Relu", "", &[y], &[])
}

#[test]
fn batch_normalization_behind_a_layer_is_part_of_it() {
    for conv in [true, false] {
        for seed in 0..8 {
            let with = |exact: bool| {
                layer(conv, seed, exact, |model, y, number| {
                    let y = norm(model, &y, number, [0.1, 2.0]);
                    if seed % 2 == 0 { relu(model, &y) } else { y }
                })
            };
            assert_eq!(integer(&with(true)), (0, 0), "powers of two round nowhere: {conv} {seed}");
            let (differ, largest) = integer(&with(false));
            assert!(largest <= 1, "{conv} {seed}: {differ} codes differ, by {largest}");
        }
    }
}

#[test]
fn multiplications_and_additions_of_constants_are_part_of_it() {
    for conv in [true, false] {
        let shape: &[usize] = if conv { &[1, CHANNELS, 1, 1] } else { &[CHANNELS] };
        for seed in 20..26 {
            let case = layer(conv, seed, false, |model, y, number| {
                // As torch's quantisation-aware training leaves it: divided by what multiplied the weights.
                let divisor = constant(model, shape, number, 0.2, 3.0);
                let offset = constant(model, shape, number, -1.0, 1.0);
                let all = constant(model, &[], number, 0.5, 2.0);
                let y = model.node("Div", "", &[&y, &divisor], &[]);
                let y = model.node("Add", "", &[&offset, &y], &[]);
                let y = norm(model, &y, number, [0.1, 2.0]);
                let y = model.node("Sub", "", &[&y, &all], &[]);
                let y = model.node("Mul", "", &[&y, &all], &[]);
                relu(model, &y)
            });
            let (differ, largest) = integer(&case);
            assert!(largest <= 1, "{conv} {seed}: {differ} codes differ, by {largest}");
        }
    }
}

/// Weights that are multiplied before they are quantised are constants like any other.
#[test]
fn weights_that_take_batch_normalization_in_before_they_are_quantised_are_constant() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[1, 2, 4, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.25])), model.scalar(Data::I8(vec![0])));
    let float = |model: &mut Model, values: Vec<f32>| model.constant(&[values.len()], Data::F32(values));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &zero], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    let weights = model.constant(&[3, 2, 1, 1], Data::F32(vec![1.0, 2.0, -1.0, 0.5, 0.25, -3.0]));
    let (gamma, variance) = (float(&mut model, vec![1.0, 2.0, 0.5]), float(&mut model, vec![0.25, 1.0, 4.0]));
    let (beta, mean) = (float(&mut model, vec![0.5, 1.0, -1.0]), float(&mut model, vec![1.0, 0.0, 2.0]));
    let epsilon = model.scalar(Data::F32(vec![0.0]));
    let variance = model.node("Add", "", &[&variance, &epsilon], &[]);
    let deviation = model.node("Sqrt", "", &[&variance], &[]);
    let factor = model.node("Div", "", &[&gamma, &deviation], &[]);
    let shape = model.constant(&[4], Data::I64(vec![-1, 1, 1, 1]));
    let across = model.node("Reshape", "", &[&factor, &shape], &[]);
    let folded = model.node("Mul", "", &[&weights, &across], &[]);
    let shift = model.node("Mul", "", &[&mean, &factor], &[]);
    let bias = model.node("Sub", "", &[&beta, &shift], &[]);
    let scales = float(&mut model, vec![0.25, 0.5, 0.125]);
    let zeros = model.constant(&[3], Data::I8(vec![0; 3]));
    let axis = [("axis", Value::Int(0))];
    let codes = model.node("QuantizeLinear", "", &[&folded, &scales, &zeros], &axis);
    let w = model.node("DequantizeLinear", "", &[&codes, &scales, &zeros], &axis);
    let y = model.node("Conv", "layer", &[&x, &w, &bias], &[]);
    let y = relu(&mut model, &y);
    let codes = model.node("QuantizeLinear", "", &[&y, &scale, &zero], &[]);
    let y = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    model.output(&y);
    let values: Vec<f32> = (0..32u8).map(|v| f32::from(v) * 0.25 - 4.0).collect();
    let case = Case::new(&model.bytes(), &[1, 2, 4, 4], &values);
    assert_eq!(integer(&case), (0, 0));
    let answer = json(&case.check(&["--format", "json"]))["bounds"]["layers"][0].clone();
    assert!(answer["computed"].is_null(), "{answer}");
}

#[test]
fn what_no_positive_scale_takes_in_stays_float_with_its_reason() {
    let reason = |conv: bool, behind: &dyn Fn(&mut Model, String, Numbers) -> String| {
        let case = layer(conv, 40, false, behind);
        let answer = json(&case.check(&["--format", "json"]))["bounds"].clone();
        let mac = answer["macs"][0].clone();
        assert_eq!(mac["state"], "products", "{mac}");
        let reason = mac["reason"].as_str().unwrap().to_owned();
        assert!(stdout(&case.infer(&[])).contains(&reason[..20]));
        reason
    };
    for conv in [true, false] {
        let negative = reason(conv, &|model, y, number| norm(model, &y, number, [-2.0, -0.1]));
        assert!(negative.contains("BatchNormalization \"norm\" multiplies channel 0 by -"), "{negative}");
        let clamped = reason(conv, &|model, y, number| {
            let y = relu(model, &y);
            norm(model, &y, number, [0.1, 2.0])
        });
        assert!(clamped.contains("BatchNormalization \"norm\" reads it"), "{clamped}");
        let huge = reason(conv, &|model, y, _| {
            let offset = model.scalar(Data::F32(vec![1e12]));
            model.node("Add", "", &[&y, &offset], &[])
        });
        assert!(huge.contains("its bias of channel 0") && huge.contains("is no int32"), "{huge}");
        let across = reason(conv, &|model, y, number| {
            // One number per column of an image, or per row of a matrix.
            let offset = constant(model, if conv { &[5 - 2] } else { &[6, 1] }, number, 0.1, 1.0);
            model.node("Mul", "", &[&y, &offset], &[])
        });
        assert!(across.contains("Mul") && across.contains("reads it"), "{across}");
    }
}

/// The sum of a float layer starts from its bias, unless int32 does not hold one: which one is said.
#[test]
fn a_bias_beyond_int32_is_named() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[6, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.25])), model.scalar(Data::I8(vec![0])));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &zero], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    let weights = model.constant(&[4, 3], Data::I8((0..12).collect()));
    let w = model.node("DequantizeLinear", "", &[&weights, &scale, &zero], &[]);
    let bias = model.constant(&[3], Data::F32(vec![1.0, 1e12, 2.0]));
    let y = model.node("Gemm", "layer", &[&x, &w, &bias], &[]);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[6, 4], &[1.0; 24]);
    let mac = json(&case.check(&["--format", "json"]))["bounds"]["macs"][0].clone();
    assert_eq!(mac["state"], "products", "{mac}");
    let reason = mac["reason"].as_str().unwrap();
    assert!(
        reason.contains("without its bias: its bias of channel 1, 1000000000000, is no int32"),
        "{reason}"
    );
}
