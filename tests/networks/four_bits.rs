//! Weights of four bits are an integer layer like any other; with a scale per block of them, none.

use super::onnx::{Data, FLOAT, Model, Value};
use super::{Case, goldpath, json, stderr};

const UINT4: u64 = 21;
const INT4: u64 = 22;

/// Two elements a byte, the first one below.
fn packed(codes: &[i8]) -> Vec<u8> {
    let nibble = |code: i8| code.to_le_bytes()[0] & 15;
    codes.chunks(2).map(|two| nibble(two[0]) | two.get(1).map_or(0, |code| nibble(*code) << 4)).collect()
}

/// x [2, 4] ─ Q ─ DQ ─ MatMul with [4, 3] codes of four bits ─ Q ─ DQ ─ y; `block` 0 is a scale per column.
fn product(element: u64, block: i64) -> Case {
    let mut model = Model::default();
    model.opset = 21;
    model.input("x", FLOAT, &[2, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &zero], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    let weights: [i8; 12] = match element {
        INT4 => [-8, 7, 1, -1, 0, 3, 5, -6, 2, 7, -8, 4],
        _ => [15, 0, 8, 7, 9, 1, 3, 12, 2, 15, 0, 4],
    };
    let zero_code = if element == INT4 { 0 } else { 8 };
    model.tensor("w", element, &[4, 3], &packed(&weights), &[]);
    let (scales, shape, attributes) = match block {
        0 => (vec![0.25, 0.5, 1.0], vec![3], vec![("axis", Value::Int(1))]),
        _ => {
            let attributes = vec![("axis", Value::Int(0)), ("block_size", Value::Int(block))];
            (vec![0.25, 0.5, 1.0, 2.0, 0.125, 0.25], vec![2, 3], attributes)
        }
    };
    model.tensor("wz", element, &shape, &packed(&vec![zero_code; scales.len()]), &[]);
    let scales = model.constant(&shape, Data::F32(scales));
    let w = model.node("DequantizeLinear", "", &["w", &scales, "wz"], &attributes);
    let y = model.node("MatMul", "layer", &[&x, &w], &[]);
    let codes = model.node("QuantizeLinear", "", &[&y, &scale, &zero], &[]);
    let y = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    model.output(&y);
    Case::new(&model.bytes(), &[2, 4], &[1.0, -2.0, 3.5, 0.5, -1.0, 2.0, 0.0, 4.0])
}

fn layers(case: &Case) -> serde_json::Value {
    json(&goldpath(&["layers", &case.path("m.onnx"), "--design", &case.path("d.toml"), "--format", "json"]))
}

#[test]
fn weights_of_four_bits_are_an_integer_layer() {
    for (element, name) in [(INT4, "int4"), (UINT4, "uint4")] {
        let case = product(element, 0);
        let layer = layers(&case)["layers"][0].clone();
        assert_eq!(
            (&layer["state"], &layer["weights"]["dtype"]),
            (&"integer".into(), &name.into()),
            "{layer}"
        );
        let infer = json(&case.infer(&["--format", "json"]));
        assert_eq!(
            (infer["integer_layers"][0]["differ"].as_u64(), &infer["macs"][0]["state"]),
            (Some(0), &"integer".into())
        );
        let (design, model, x, out) =
            (case.path("d.toml"), case.path("m.onnx"), case.path("x.npy"), case.path("bundle"));
        let asked = ["--model", &model, "--layer", "layer", "--input", &x, "--out", &out];
        let bundle = goldpath(&[&["vectors", design.as_str()], &asked[..]].concat());
        assert_eq!(bundle.status.code(), Some(0), "{}", stderr(&bundle));
    }
}

#[test]
fn weights_with_a_scale_per_block_are_listed_and_computed_as_written() {
    for element in [INT4, UINT4] {
        let case = product(element, 2);
        let mac = layers(&case)["macs"][0].clone();
        let reason = mac["reason"].as_str().unwrap();
        assert_eq!(mac["state"], "fed_by_integers", "{mac}");
        assert!(reason.contains("its weights have a scale per block of 2"), "{reason}");
        let infer = json(&case.infer(&["--format", "json"]));
        assert!(infer["integer_layers"].as_array().unwrap().is_empty(), "{infer}");
    }
}

#[test]
fn bytes_that_are_not_the_elements_are_refused() {
    let mut model = Model::default();
    model.opset = 21;
    model.input("x", FLOAT, &[1]);
    model.tensor("w", INT4, &[3], &[1], &[]);
    model.output("x");
    let refused = Case::new(&model.bytes(), &[1], &[0.0]).infer(&[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("1 bytes, two elements each"), "{}", stderr(&refused));
}
