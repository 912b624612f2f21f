//! A layer whose sum is quantised by several QuantizeLinear nodes, one a reader; and one-dimensional layers that nobody
//! reads.

use super::onnx::{Data, FLOAT, Model, Value};
use super::{Case, goldpath, json};

const X: [f32; 12] = [0.5, -1.0, 0.25, 2.0, -0.75, 1.5, 0.0, 1.25, -2.0, 0.75, 1.0, -0.5];

/// Weights of ones and twos, dequantised.
fn weights(model: &mut Model, shape: &[usize]) -> String {
    let codes = (0..shape.iter().product::<usize>()).map(|at| if at % 2 == 0 { 1 } else { -2 }).collect();
    let codes = model.constant(shape, Data::I8(codes));
    let scale = model.scalar(Data::F32(vec![0.5]));
    model.node("DequantizeLinear", "", &[&codes, &scale], &[])
}

/// The numbers of a QuantizeLinear, as constants of their own.
fn numbers(model: &mut Model, scale: f32) -> [String; 2] {
    [model.scalar(Data::F32(vec![scale])), model.scalar(Data::I8(vec![3]))]
}

/// `x` as codes and back.
fn pair(model: &mut Model, x: &str, scale: f32) -> String {
    let [scale, zero] = numbers(model, scale);
    let codes = model.node("QuantizeLinear", "", &[x, &scale, &zero], &[]);
    model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[])
}

/// MatMul, Relu, and two QuantizeLinear of these scales with a layer behind each.
fn forked(scales: [f32; 2]) -> Case {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let x = pair(&mut model, "x", 0.25);
    let w = weights(&mut model, &[4, 4]);
    let sum = model.node("MatMul", "forked", &[&x, &w], &[]);
    let sum = model.node("Relu", "", &[&sum], &[]);
    let branches = scales.map(|scale| {
        let x = pair(&mut model, &sum, scale);
        let w = weights(&mut model, &[4, 2]);
        let y = model.node("MatMul", "", &[&x, &w], &[]);
        pair(&mut model, &y, 0.5)
    });
    let y = model.node("Add", "", &[&branches[0], &branches[1]], &[]);
    model.output(&y);
    Case::new(&model.bytes(), &[3, 4], &X)
}

#[test]
fn quantised_alike_for_every_reader_it_is_one_layer() {
    let case = forked([0.5, 0.5]);
    let written = json(&case.infer(&["--format", "json"]));
    assert!(written["macs"].as_array().unwrap().iter().all(|mac| mac["state"] == "integer"), "{written:#}");
    let tensors = |answer: &serde_json::Value| {
        let read = |tensor: &serde_json::Value| {
            let file = tensor["file"].as_str().unwrap();
            (file.to_owned(), std::fs::read(case.path("i") + "/" + file).unwrap())
        };
        answer["tensors"].as_array().unwrap().iter().map(read).collect::<Vec<_>>()
    };
    let before = tensors(&written);
    let fused = json(&case.infer(&["--format", "json", "--qdq", "fused"]));
    let mut after = tensors(&fused);
    // x, two copies of the sum, an output each; the layer stands where its first copy stood.
    assert_eq!(before.len(), 5);
    after.sort();
    let mut sorted = before;
    sorted.sort();
    assert_eq!(sorted, after, "no tie lies between the two forms here");
    let overflow = json(&case.overflow(&["--format", "json"]));
    assert_eq!(overflow["layers"].as_array().unwrap().len(), 3);
    let check = json(&case.check(&["--format", "json"]));
    assert_eq!(check["bounds"]["layers"].as_array().unwrap().len(), 3);
}

#[test]
fn quantised_otherwise_for_one_reader_it_is_none() {
    let case = forked([0.5, 0.25]);
    let answer = json(&case.infer(&["--format", "json"]));
    let forked = answer["macs"].as_array().unwrap().iter().find(|mac| mac["name"] == "forked").unwrap();
    assert_ne!(forked["state"], "integer");
    assert!(forked["reason"].as_str().unwrap().contains("2 nodes read"), "{forked}");
}

/// Only its integer sum is looked at, by every command that looks at sums.
#[test]
fn a_one_dimensional_convolution_that_stays_float_is_met() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 2, 6]);
    let x = pair(&mut model, "x", 0.25);
    let w = weights(&mut model, &[3, 2, 3]);
    let y = model.node("Conv", "conv", &[&x, &w], &[("pads", Value::Ints(vec![1, 1]))]);
    let y = model.node("Sigmoid", "", &[&y], &[]);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[1, 2, 6], &X);
    let layers =
        goldpath(&["layers", &case.path("m.onnx"), "--design", &case.path("d.toml"), "--format", "json"]);
    let layers = json(&layers);
    assert_eq!(layers["layers"][0]["state"], "products", "{layers:#}");
    assert_eq!(layers["layers"][0]["designs"][0]["runs"], true, "{layers:#}");
    for answer in [case.check(&["--format", "json"]), case.overflow(&["--format", "json"])] {
        assert!(json(&answer).to_string().contains("\"conv\""));
    }
    json(&case.sweep(&["--format", "json"]));
}
