//! Tensors of `--tensors` that hold nothing, or nothing that is read.

use super::lazy::npz;
use super::onnx::{Data, FLOAT, Model, Value};
use super::{Case, json, stderr};

/// A state that has no step yet is an input like any other; a captured tensor without rows is left to its node.
#[test]
fn a_state_without_steps_is_fed() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 0, 2]);
    model.input("past", FLOAT, &[0, 0, 2]);
    model.node_to("Concat", "join", &["past", "x"], &["joined"], &[("axis", Value::Int(1))]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let codes = model.node("QuantizeLinear", "", &["joined", &scale, &zero], &[]);
    model.output(&codes);
    let case = Case::new(&model.bytes(), &[1, 1, 2], &[1.0, 2.0]);
    let path = case.path("t.npz");
    let state = || ("past", "<f4", &[1usize, 0, 2][..], vec![]);
    for more in [None, Some(("joined", "<f4", &[0usize, 1, 2][..], vec![]))] {
        let notes = more.is_some();
        npz(&path, &[Some(state()), more].into_iter().flatten().collect::<Vec<_>>());
        let answer = case.infer(&["--tensors", &path, "--format", "json"]);
        assert_eq!(json(&answer)["tensors"][0]["shape"], serde_json::json!([1, 1, 2]), "{}", stderr(&answer));
        assert_eq!(stderr(&answer).contains("joined: not used: holds no element"), notes);
    }
    // An input without images is no input, and one of a type that is not read is named with it.
    npz(&path, &[("past", "<f4", &[0, 1, 2], vec![])]);
    assert!(stderr(&case.infer(&["--tensors", &path])).contains("holds no image"));
    npz(&path, &[("past", "<f8", &[1, 1, 2], vec![0; 16])]);
    let said = stderr(&case.infer(&["--tensors", &path]));
    assert!(said.starts_with("error: ") && said.contains("past: dtype \"<f8\""), "{said}");
}
