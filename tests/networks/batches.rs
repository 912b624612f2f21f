//! Inputs whose first axes are no batch that all share, and layers of several products.

use super::lazy::npz;
use super::onnx::{Data, FLOAT, Model};
use super::{Case, goldpath, json, stderr};

/// Layers `a` of x and `b` of m, one behind the other along the first axis.
fn two_inputs(memory: u64, count: usize) -> Case {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    model.input("m", FLOAT, &[memory, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let mut layer = |name: &str, input: &str| {
        let codes = model.node("QuantizeLinear", "", &[input, &scale, &zero], &[]);
        let weights = model.constant(&[4, 3], Data::I8((0..12).map(|i| i * 5 - 30).collect()));
        let inputs = [&*codes, &scale, &zero, &weights, &scale, &zero, &scale, &zero];
        model.node("QLinearMatMul", name, &inputs, &[])
    };
    let (a, b) = (layer("a", "x"), layer("b", "m"));
    let axis = [("axis", super::onnx::Value::Int(0))];
    let codes = model.node("Concat", "", &[&a, &b], &axis);
    let y = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[3, 4], &[0.0; 12]);
    let values = |count: usize| -> Vec<u8> {
        (0..count * 4).flat_map(|v| ((v % 7) as f32 - 3.0).to_le_bytes()).collect()
    };
    npz(&case.path("t.npz"), &[("x", "<f4", &[3, 4], values(3)), ("m", "<f4", &[count, 4], values(count))]);
    case
}

#[test]
fn inputs_of_other_first_extents_are_taken_together() {
    // Both open; and one that is 2, whatever the other one is.
    for memory in [0, 2] {
        let case = two_inputs(memory, 2);
        let (model, tensors, out, design) =
            (case.path("m.onnx"), case.path("t.npz"), case.path("o"), case.path("d.toml"));
        let infer =
            json(&goldpath(&["infer", &model, "--tensors", &tensors, "--out", &out, "--format", "json"]));
        assert!(infer["tensors"].as_array().unwrap().iter().any(|t| t["shape"] == serde_json::json!([5, 3])));
        let out = case.path("overflow");
        let asked = ["overflow", &model, "--design", &design, "--tensors", &tensors, "--out", &out];
        let overflow = json(&goldpath(&[&asked[..], &["--format", "json"]].concat()));
        assert_eq!(overflow["layers"].as_array().unwrap().len(), 2, "{memory}");
    }
    let refused = two_inputs(2, 4);
    let (model, tensors, out) = (refused.path("m.onnx"), refused.path("t.npz"), refused.path("o"));
    let refused = goldpath(&["infer", &model, "--tensors", &tensors, "--out", &out]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("batch of 3 images"), "{}", stderr(&refused));
}

/// Two products, one layer: what would let it run says so.
#[test]
fn advice_counts_layers_and_not_their_products() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[2, 1, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::U8(vec![128])));
    let none = model.scalar(Data::I8(vec![0]));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &zero], &[]);
    let weights = model.constant(&[2, 4, 3], Data::I8((0..24).map(|i| i * 5 - 60).collect()));
    let inputs = [&*codes, &scale, &zero, &weights, &scale, &none, &scale, &zero];
    let codes = model.node("QLinearMatMul", "layer", &inputs, &[]);
    let y = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[2, 1, 4], &[1.0; 8]);
    let design = format!("{}/hw_models/mac_s8_acc32", env!("CARGO_MANIFEST_DIR"));
    let said = stderr(&goldpath(&["check", &design, "--model", &case.path("m.onnx")]));
    assert!(said.contains("the layer runs with"), "{said}");
}
