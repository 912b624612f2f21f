//! What `--tensors` leaves nothing to do for did not run, and is not said to have.

use super::lazy::{IMAGES, behind_foo, captured, floats, npz};
use super::onnx::{Data, FLOAT, Model};
use super::{Case, goldpath, json, stderr, stdout};

/// x ─ Q ─ DQ ─ MatMul c1 ─ Q ─ DQ ─ Foo ─ Q ─ DQ ─ MatMul c2 ─ Q, and all of Foo's answer captured.
fn written_in_float32() -> Case {
    let mut model = Model::default();
    model.input("x", FLOAT, &[2, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let layer = |model: &mut Model, name: &str, read: &str| {
        let codes = model.node("QuantizeLinear", "", &[read, &scale, &zero], &[]);
        let x = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
        let weights = model.constant(&[4, 4], Data::I8((0..16).map(|v| v * 3 - 20).collect()));
        let weights = model.node("DequantizeLinear", "", &[&weights, &scale, &zero], &[]);
        let y = model.node("MatMul", name, &[&x, &weights], &[]);
        let y = model.node("QuantizeLinear", "", &[&y, &scale, &zero], &[]);
        model.node("DequantizeLinear", "", &[&y, &scale, &zero], &[])
    };
    let first = layer(&mut model, "first", "x");
    model.node_to("org.acme.Foo", "mid", &[&first], &["m"], &[]);
    let last = layer(&mut model, "second", "m");
    model.output(&last);
    Case::new(&model.bytes(), &[2, 4], &IMAGES)
}

#[test]
fn a_layer_that_did_not_run_is_not_said_to_have() {
    let (integer, relu) = behind_foo();
    for (case, m) in [(integer, captured(&relu)), (written_in_float32(), IMAGES.to_vec())] {
        let (path, model, out) = (case.path("t.npz"), case.path("m.onnx"), case.path("i"));
        npz(&path, &[("m", "<f4", &[2, 4], floats(&m))]);
        let asked = ["infer", &model, "--tensors", &path, "--out", &out];
        let text = stdout(&goldpath(&asked));
        assert!(text.contains("1 of 2 MACs ran ") && text.contains(": second\n"), "{text}");
        let why = "an integer layer that did not run here: what it feeds is given by --tensors";
        assert!(text.lines().any(|line| line.contains("first (") && line.ends_with(why)), "{text}");
        let answer = json(&goldpath(&[&asked[..], &["--format", "json"]].concat()));
        let reason = |name: &str| {
            let macs = answer["macs"].as_array().unwrap();
            macs.iter().find(|mac| mac["name"] == name).unwrap()["reason"].clone()
        };
        assert_eq!(reason("first"), why);
        assert!(reason("second").is_null());
        // With the input, it can be computed, and it is.
        let text = stdout(&case.infer(&["--tensors", &path]));
        assert!(text.contains("2 of 2 MACs ran "), "{text}");
    }
}

/// A tensor of another shape than the model's is named where it does not fit.
#[test]
fn a_tensor_of_the_wrong_shape_is_named() {
    let (integer, _) = behind_foo();
    for case in [integer, written_in_float32()] {
        let (path, model, out) = (case.path("t.npz"), case.path("m.onnx"), case.path("i"));
        npz(&path, &[("m", "<f4", &[2, 3], floats(&[1.0; 6]))]);
        let refused = goldpath(&["infer", &model, "--tensors", &path, "--out", &out]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            said.contains("second") && said.contains("given with --tensors in front of it: m [2, 3]"),
            "{said}"
        );
    }
}
