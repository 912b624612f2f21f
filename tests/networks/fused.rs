//! Operators that ONNX Runtime's optimiser fuses are the layers that they were before.

use super::onnx::{Data, FLOAT, Model, Value};
use super::{Case, json};

fn layers(case: &Case) -> Vec<(String, String)> {
    let answer = json(&case.check(&["--format", "json"]))["bounds"].clone();
    let macs = answer["macs"].as_array().unwrap().clone();
    assert_eq!(answer["layers"].as_array().unwrap().len(), macs.len(), "{macs:#?}");
    let text = |mac: &serde_json::Value, key: &str| mac[key].as_str().unwrap().to_owned();
    macs.iter().map(|mac| (text(mac, "name"), text(mac, "state"))).collect()
}

#[test]
fn a_dynamic_product_is_an_integer_layer_under_its_own_name() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[2, 4]);
    let weights = model.constant(&[4, 3], Data::I8((0..12).map(|i| i * 9 - 50).collect()));
    let scale = model.scalar(Data::F32(vec![0.5]));
    let bias = model.constant(&[3], Data::F32(vec![1.0, 2.0, 3.0]));
    let zero = model.scalar(Data::I8(vec![0]));
    let inputs = ["x", &weights, &scale, &zero, &bias];
    let y = model.node("com.microsoft.DynamicQuantizeMatMul", "dynamic", &inputs, &[]);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[2, 4], &[1.0, -2.0, 3.5, 0.5, -1.0, 2.0, 0.0, 4.0]);
    assert_eq!(layers(&case), [("dynamic".to_owned(), "integer".to_owned())]);
}

#[test]
fn a_convolution_with_its_activation_is_an_integer_layer() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[1, 2, 4, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &zero], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    let weights = model.constant(&[3, 2, 1, 1], Data::I8(vec![1, -2, 3, 4, -5, 6]));
    let w = model.node("DequantizeLinear", "", &[&weights, &scale, &zero], &[]);
    let relu = [("activation", Value::Text("Relu"))];
    let y = model.node("com.microsoft.FusedConv", "conv", &[&x, &w], &relu);
    let codes = model.node("QuantizeLinear", "", &[&y, &scale, &zero], &[]);
    let y = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    model.output(&y);
    let values: Vec<f32> = (0..32u8).map(|v| f32::from(v) - 16.0).collect();
    let case = Case::new(&model.bytes(), &[1, 2, 4, 4], &values);
    assert_eq!(layers(&case), [("conv".to_owned(), "integer".to_owned())]);
}
