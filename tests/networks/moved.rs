//! A layer whose codes are reshaped between their DequantizeLinear and it is an integer layer: the codes are reshaped.

use std::collections::BTreeSet;

use super::onnx::{Data, FLOAT, Model, Value};
use super::{Case, goldpath, json, stderr};

/// One operator: its kind, its attributes, and the integers of its second input.
type Move<'a> = (&'a str, &'a [(&'a str, Value)], &'a [i64]);

/// x [2, 2, 3, 1] ─ Q ─ DQ ─ `moves` ─ layer ─ Q: a product with [6, 3], or a convolution of [3, 1, 2, 2].
fn network(moves: &[Move], conv: bool) -> Case {
    let mut model = Model::default();
    model.input("x", FLOAT, &[2, 2, 3, 1]);
    let number = |model: &mut Model, value| model.scalar(Data::F32(vec![value]));
    let (half, quarter) = (number(&mut model, 0.5), number(&mut model, 0.25));
    let [three, none, minus] = [3, 0, -1].map(|code| model.scalar(Data::I8(vec![code])));
    model.node_to("QuantizeLinear", "", &["x", &half, &three], &["q"], &[]);
    let mut x = model.node("DequantizeLinear", "", &["q", &half, &three], &[]);
    for (kind, attributes, integers) in moves {
        let second =
            (!integers.is_empty()).then(|| model.constant(&[integers.len()], Data::I64(integers.to_vec())));
        let inputs: Vec<&str> = [x.as_str()].into_iter().chain(second.as_deref()).collect();
        x = model.node(kind, "", &inputs, attributes);
    }
    let extents: &[usize] = if conv { &[3, 1, 2, 2] } else { &[6, 3] };
    let count = i16::try_from(extents.iter().product::<usize>()).unwrap();
    let codes = (0..count).map(|v| i8::try_from(v * 7 % 19 - 9).unwrap()).collect();
    let codes = model.constant(extents, Data::I8(codes));
    let weights = model.node("DequantizeLinear", "", &[&codes, &quarter, &none], &[]);
    let y = model.node(if conv { "Conv" } else { "MatMul" }, "layer", &[&x, &weights], &[]);
    model.node_to("QuantizeLinear", "", &[&y, &half, &minus], &["y"], &[]);
    model.output("y");
    let values: Vec<f32> = (0..12_u8).map(|i| f32::from(i * 5 % 12) * 0.5 - 2.0).collect();
    Case::new(&model.bytes(), &[2, 2, 3, 1], &values)
}

/// Every integer tensor that `infer` wrote, and what it said.
fn inferred(case: &Case, more: &[&str]) -> (BTreeSet<String>, Vec<i64>, serde_json::Value) {
    let answer = json(&case.infer(&[&["--format", "json"], more].concat()));
    let tensors = answer["tensors"].as_array().unwrap();
    let names = tensors.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect();
    let y = tensors.iter().find(|entry| entry["name"] == "y").unwrap()["file"].as_str().unwrap();
    let y = goldpath::import::npy::read_npy(&case.folder.path().join("i").join(y)).unwrap();
    (names, y.to_i64().unwrap().into_iter().collect(), answer)
}

/// The answers are ONNX Runtime's (1.32, optimisations off).
#[test]
fn codes_are_reshaped_in_front_of_an_integer_layer() {
    let flat: &[i64] = &[-2, 3, 8, -20, 6, 4];
    let perm = |axes: &[i64]| [("perm", Value::Ints(axes.to_vec()))];
    let (swapped, first) = (perm(&[0, 2, 1, 3]), perm(&[0, 3, 1, 2]));
    let cases: [(&[Move], bool, &[i64]); 7] = [
        (&[("Flatten", &[], &[])], false, flat),
        (&[("Reshape", &[], &[2, 6])], false, flat),
        (&[("Squeeze", &[], &[3]), ("Reshape", &[], &[2, -1])], false, flat),
        (&[("Flatten", &[], &[]), ("Unsqueeze", &[], &[0])], false, flat),
        (&[("Transpose", &swapped, &[]), ("Flatten", &[], &[])], false, &[3, 9, -19, -21, 5, 27]),
        (&[("Identity", &[], &[]), ("Flatten", &[], &[])], false, flat),
        (&[("Transpose", &first, &[])], true, &[-1, 4, 4, 3, -20, 7, 1, -25, 4, 3, 7, 7]),
    ];
    for (moves, conv, codes) in cases {
        let case = network(moves, conv);
        let (names, y, answer) = inferred(&case, &[]);
        assert_eq!(answer["macs"][0]["state"], "integer", "{moves:?}: {:#}", answer["macs"]);
        assert_eq!(y, codes, "{moves:?}");
        let compared = &answer["integer_layers"][0];
        assert_eq!(
            (&compared["layer"], &compared["differ"]),
            (&"layer".into(), &0.into()),
            "{moves:?}: {compared}"
        );
        assert_eq!(compared["values"], codes.len());
        // Codes that the model has no tensor for are not written.
        assert_eq!(names, BTreeSet::from(["q".to_owned(), "y".to_owned()]), "{moves:?}");
        let (names, fused, _) = inferred(&case, &["--qdq", "fused"]);
        assert_eq!((fused.as_slice(), names.len()), (codes, 2), "{moves:?}");
        let (_, designed, _) = inferred(&case, &["--design", &case.path("d.toml")]);
        assert!(designed.iter().zip(codes).all(|(a, b)| (a - b).abs() <= 1), "{moves:?}: {designed:?}");
        let checked = json(&case.check(&["--format", "json"]));
        assert_eq!(checked["bounds"]["layers"][0]["layer"], "layer", "{moves:?}");
        let (model, design, x, out) =
            (case.path("m.onnx"), case.path("d.toml"), case.path("x.npy"), case.path("b"));
        let asked = ["vectors", &design, "--model", &model, "--layer", "layer", "--input", &x, "--out", &out];
        let done = goldpath(&asked);
        assert_eq!(done.status.code(), Some(0), "{moves:?}: {}", stderr(&done));
        let overflow = json(&case.overflow(&["--format", "json"]));
        assert_eq!(overflow["layers"][0]["layer"], "layer", "{moves:?}: {overflow:#}");
    }
}

/// Layers that share reshaped codes, one of them float, and a reshape that the answer is made of stays.
#[test]
fn a_reshape_that_others_read_stays() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[2, 2, 3]);
    let (half, none) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let codes = model.node("QuantizeLinear", "", &["x", &half, &none], &[]);
    let real = model.node("DequantizeLinear", "", &[&codes, &half, &none], &[]);
    model.node_to("Flatten", "flat", &[&real], &["f"], &[]);
    let weights = model.constant(&[6, 2], Data::I8((0..12).map(|v| v * 3 - 20).collect()));
    let weights = model.node("DequantizeLinear", "", &[&weights, &half, &none], &[]);
    for name in ["one", "two"] {
        let y = model.node("MatMul", name, &["f", &weights], &[]);
        let y = model.node("QuantizeLinear", "", &[&y, &half, &none], &[]);
        model.output(&y);
    }
    let float = model.node("MatMul", "float", &["f", &weights], &[]);
    model.output(&float);
    model.output("f");
    let values: Vec<f32> = (0..12_u8).map(|i| f32::from(i * 5 % 12) * 0.5 - 2.0).collect();
    let case = Case::new(&model.bytes(), &[2, 2, 3], &values);
    for form in ["written", "fused"] {
        let answer = json(&case.infer(&["--format", "json", "--qdq", form]));
        let states: Vec<&str> =
            answer["macs"].as_array().unwrap().iter().map(|mac| mac["state"].as_str().unwrap()).collect();
        assert_eq!(states.iter().filter(|state| **state == "integer").count(), 2, "{form}: {states:?}");
        assert_eq!(answer["tensors"].as_array().unwrap().len(), 3, "{form}: {:#}", answer["tensors"]);
    }
}
