//! Graphs inside If, Loop and Scan: every MAC in them is listed, and an If that a constant decides is no If. A call of a
//! function of the file is the function's nodes.

use super::lazy::{Chain, IMAGES};
use super::onnx::{Data, INT8, Model, Value};
use super::{Case, json, stderr, stdout};

const BOOL: u64 = 9;

/// A body that `build` fills; it writes `b`.
fn body(build: impl FnOnce(&mut Model)) -> Value {
    let mut model = Model::default();
    build(&mut model);
    model.output("b");
    Value::Message(6, model.graph())
}

/// A float product of `h`, under that name.
fn product(name: &'static str) -> impl FnOnce(&mut Model) {
    move |model| {
        let w = model.constant(&[4, 4], Data::F32((0..16u8).map(|i| f32::from(i) - 7.5).collect()));
        model.node_to("MatMul", name, &["h", &w], &["b"], &[]);
    }
}

/// Whether the largest value of `h` is above zero: what no constant says.
fn condition(model: &mut Model) -> String {
    let largest = model.node("ReduceMax", "", &["h"], &[("keepdims", Value::Int(0))]);
    let zero = model.scalar(Data::F32(vec![0.0]));
    model.node("Greater", "", &[&largest, &zero], &[])
}

/// A chain with a node of that kind in the middle, which has a product `inner` and, one body deeper, `deep`.
fn nested(kind: &str) -> Case {
    let mut chain = Chain::new();
    let condition = condition(&mut chain.model);
    let cond = condition.clone();
    let deeper = body(move |model| {
        let branches = [("then_branch", body(product("deep"))), ("else_branch", body(product("deep too")))];
        model.node_to("If", "nest", &[&cond], &["b"], &branches);
    });
    let inner = body(product("inner"));
    let bodies = match kind {
        "If" => vec![("then_branch", inner), ("else_branch", deeper)],
        _ => vec![("body", inner), ("more", deeper)],
    };
    chain.model.node_to(kind, "mid", &[&condition], &["m"], &bodies);
    Case::new(&chain.end("m"), &[2, 4], &IMAGES)
}

#[test]
fn macs_inside_bodies_are_listed_by_every_command() {
    for kind in ["If", "Loop", "Scan", "org.acme.Repeat"] {
        let case = nested(kind);
        let lines = [
            format!("inner (MatMul): not covered: inside the body of {kind} \"mid\""),
            format!(
                "deep (MatMul): not covered: inside the body of {}",
                if kind == "If" { "If \"nest\"".to_owned() } else { format!("{kind} \"mid\"") }
            ),
        ];
        let (model, design) = (case.path("m.onnx"), case.path("d.toml"));
        let layers = |more: &[&str]| {
            super::goldpath(&[&["layers", model.as_str(), "--design", &design], more].concat())
        };
        let mut answers = vec![
            (case.check(&[]), json(&case.check(&["--format", "json"]))["bounds"].clone()),
            (layers(&[]), json(&layers(&["--format", "json"]))),
            (case.overflow(&[]), json(&case.overflow(&["--format", "json"]))),
        ];
        if kind == "If" {
            answers.push((case.infer(&[]), json(&case.infer(&["--format", "json"]))));
        } else {
            let said = stderr(&case.infer(&[]));
            assert!(said.contains(&format!("operator {kind} (1 node: mid)")), "{said}");
        }
        for (text, answer) in answers {
            let said = stdout(&text);
            for line in &lines {
                assert!(said.contains(line.as_str()), "{line} is not in\n{said}");
            }
            let macs = answer["macs"].as_array().unwrap();
            let state = |name: &str| &macs.iter().find(|mac| mac["name"] == name).unwrap()["state"];
            assert_eq!(macs.len(), 5, "{kind}: {macs:#?}");
            for name in ["inner", "deep", "deep too"] {
                assert_eq!(state(name), "uncovered", "{kind}");
            }
            if let Some(coverage) = answer.get("coverage") {
                assert_eq!(coverage["uncovered"].as_array().unwrap().len(), 3, "{coverage}");
            }
        }
        let said = stdout(&case.check(&[]));
        assert!(!said.contains("\nnetwork"), "nothing holds for the network here:\n{said}");
    }
}

/// The chain with an integer layer in each branch, chosen by a tensor that `choose` makes.
fn chosen(choose: impl FnOnce(&mut Model) -> String) -> Case {
    let mut chain = Chain::new();
    let condition = choose(&mut chain.model);
    let branch = |name: &'static str, weight: i8| {
        body(move |model| {
            // Both branches call their tensors the same, and one as the graph around them does.
            model.initialiser("w", &[4, 4], Data::I8(vec![weight; 16]));
            let (scale, zero) = (model.scalar(Data::F32(vec![0.25])), model.constant(&[], Data::I8(vec![0])));
            model.node_to("QuantizeLinear", "", &["h", &scale, &zero], &["codes"], &[]);
            let inputs = ["codes", &scale, &zero, "w", &scale, &zero, &scale, &zero];
            model.node_to("QLinearMatMul", name, &inputs, &["x1"], &[]);
            model.node_to("DequantizeLinear", "", &["x1", &scale, &zero], &["b"], &[]);
        })
    };
    let bodies = [("else_branch", branch("right", 3)), ("then_branch", branch("left", 5))];
    chain.model.node_to("If", "mid", &[&condition], &["m"], &bodies);
    Case::new(&chain.end("m"), &[2, 4], &IMAGES)
}

#[test]
fn an_if_that_a_constant_decides_is_the_body_that_it_chooses() {
    let initialiser = |value: u8| {
        move |model: &mut Model| {
            model.tensor("cond", BOOL, &[], &[value], &[]);
            "cond".to_owned()
        }
    };
    let folded = |value: i64| {
        move |model: &mut Model| {
            let (a, b) = (model.scalar(Data::I64(vec![value])), model.scalar(Data::I64(vec![7])));
            let greater = model.node("Greater", "", &[&a, &b], &[]);
            model.node("Cast", "", &[&greater], &[("to", Value::Int(9))])
        }
    };
    let constant = |model: &mut Model| {
        let value = super::onnx::tensor("", BOOL, &[1], &[1], &[]);
        model.node("Constant", "", &[], &[("value", Value::Message(5, value))])
    };
    for (case, taken, left) in [
        (chosen(initialiser(1)), "left", "right"),
        (chosen(initialiser(0)), "right", "left"),
        (chosen(folded(8)), "left", "right"),
        (chosen(folded(7)), "right", "left"),
        (chosen(constant), "left", "right"),
    ] {
        let answer = json(&case.check(&["--format", "json"]))["bounds"].clone();
        let names: Vec<&str> =
            answer["macs"].as_array().unwrap().iter().map(|mac| mac["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["first", taken, "second"], "{left} is no part of the network");
        assert_eq!(answer["layers"].as_array().unwrap().len(), 3);
        let infer = json(&case.infer(&["--format", "json"]));
        let tensors = infer["tensors"].as_array().unwrap();
        let x1 = tensors.iter().find(|t| t["name"].as_str().unwrap().starts_with("x1")).unwrap();
        let path = case.folder.path().join("i").join(x1["file"].as_str().unwrap());
        let values = goldpath::import::npy::read_npy(&path).unwrap();
        assert!(values.to_i64().unwrap().iter().any(|v| *v != 0), "{taken} computed nothing");
        let bundle = super::goldpath(&[
            "vectors",
            &case.path("d.toml"),
            "--model",
            &case.path("m.onnx"),
            "--layer",
            taken,
            "--input",
            &case.path("x.npy"),
            "--out",
            &case.path("bundle"),
        ]);
        assert_eq!(bundle.status.code(), Some(0), "{}", stderr(&bundle));
    }
}

/// What one input decides is computed, and is what the chosen body alone computes.
#[test]
fn an_if_that_the_input_decides_is_computed() {
    let codes = |case: &Case| {
        let answer = json(&case.infer(&["--format", "json"]));
        let last = answer["tensors"].as_array().unwrap().last().unwrap()["file"].as_str().unwrap().to_owned();
        std::fs::read(case.folder.path().join("i").join(last)).unwrap()
    };
    let plain = |name: &'static str| {
        let mut chain = Chain::new();
        let mut inner = Model::default();
        product(name)(&mut inner);
        let w = chain.model.constant(&[4, 4], Data::F32((0..16u8).map(|i| f32::from(i) - 7.5).collect()));
        chain.model.node_to("MatMul", name, &["h", &w], &["m"], &[]);
        Case::new(&chain.end("m"), &[2, 4], &IMAGES)
    };
    assert_eq!(codes(&nested("If")), codes(&plain("inner")));
}

#[test]
fn bodies_are_counted_before_they_are_read() {
    // Deeper than any decoder goes.
    let mut inner = Value::Message(6, Model::default().graph());
    for _ in 0..400 {
        let deeper = inner;
        inner = body(move |model| model.node_to("If", "", &["h"], &["b"], &[("then_branch", deeper)]));
    }
    let mut chain = Chain::new();
    chain.model.node_to("If", "mid", &["h"], &["m"], &[("then_branch", inner)]);
    let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
    assert_eq!(case.infer(&[]).status.code(), Some(2), "{}", stderr(&case.infer(&[])));
    // More nodes than a network may have, all of them inside.
    let many = body(|model| {
        for _ in 0..goldpath::limits::MAX_NODES {
            model.node("Relu", "", &["h"], &[]);
        }
    });
    let mut chain = Chain::new();
    chain.model.node_to("Loop", "mid", &["h"], &["m"], &[("body", many)]);
    let said = stderr(&Case::new(&chain.end("m"), &[2, 4], &IMAGES).infer(&[]));
    assert!(said.contains("nodes; a network may have"), "{said}");
}

/// Bodies that are none: the node is not known, and named.
#[test]
fn bodies_that_do_not_fit_their_node_are_opaque() {
    let two = body(|model| {
        model.node_to("Relu", "", &["h"], &["b"], &[]);
        model.output("h");
    });
    let fed = body(|model| {
        model.input("i", INT8, &[1]);
        model.node_to("Relu", "", &["h"], &["b"], &[]);
    });
    for (then, otherwise) in [(two.clone(), body(product("x"))), (body(product("x")), fed)] {
        let mut chain = Chain::new();
        let condition = condition(&mut chain.model);
        let branches = [("then_branch", then), ("else_branch", otherwise)];
        chain.model.node_to("If", "mid", &[&condition], &["m"], &branches);
        let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
        let said = stderr(&case.infer(&[]));
        assert!(said.contains("operator If (1 node: mid)"), "{said}");
        assert!(said.contains("bodies"), "{said}");
        assert!(stdout(&case.check(&[])).contains("x (MatMul): not covered"), "{}", stdout(&case.check(&[])));
    }
    // A tensor that nobody writes is no tensor from around.
    let mut chain = Chain::new();
    let condition = condition(&mut chain.model);
    let read = |name: &'static str| body(move |model| model.node_to("Relu", "", &[name], &["b"], &[]));
    let branches = [("then_branch", read("h")), ("else_branch", read("nowhere"))];
    chain.model.node_to("If", "mid", &[&condition], &["m"], &branches);
    let said = stderr(&Case::new(&chain.end("m"), &[2, 4], &IMAGES).infer(&[]));
    assert!(said.contains("\"nowhere\" is read but never written"), "{said}");
    // An operator that is not known in one of them.
    let mut chain = Chain::new();
    let condition = self::condition(&mut chain.model);
    let foo = body(|model| model.node_to("org.acme.Foo", "foo", &["h"], &["b"], &[]));
    let branches = [("then_branch", read("h")), ("else_branch", foo)];
    chain.model.node_to("If", "mid", &[&condition], &["m"], &branches);
    let said = stderr(&Case::new(&chain.end("m"), &[2, 4], &IMAGES).infer(&[]));
    assert!(said.contains("operator If (1 node: mid)") && said.contains("org.acme.Foo \"foo\""), "{said}");
}

/// A function that calls another twice: its layers are layers, each call's own.
#[test]
fn functions_of_the_file_are_read_in() {
    let mut chain = Chain::new();
    let mut layer = Model::default();
    layer.node_to("QuantizeLinear", "", &["in", "s", "z"], &["codes"], &[]);
    let inputs = ["codes", "s", "z", "w", "s", "z", "s", "z"];
    layer.node_to("QLinearMatMul", "product", &inputs, &["t1"], &[]);
    layer.node_to("DequantizeLinear", "", &["t1", "s", "z"], &["real"], &[]);
    layer.node_to("LeakyRelu", "", &["real"], &["out"], &[("alpha", Value::Of("slope", 1))]);
    chain.model.function("Layer", &["in", "w", "s", "z"], &["out"], &layer);
    let mut two = Model::default();
    two.node_to("local.Layer", "one", &["in", "w", "s", "z"], &["t1"], &[("slope", Value::Float(1.0))]);
    two.node_to("local.Layer", "two", &["t1", "w", "s", "z"], &["out"], &[]);
    chain.model.function("Two", &["in", "w", "s", "z"], &["out"], &two);
    let read = chain.middle.clone();
    let weights = chain.model.constant(&[4, 4], Data::I8((0..16).map(|i| i - 8).collect()));
    let (scale, zero) = (chain.model.scalar(Data::F32(vec![0.25])), chain.model.scalar(Data::I8(vec![0])));
    chain.model.node_to("local.Two", "mid", &[&read, &weights, &scale, &zero], &["m"], &[]);
    let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
    let answer = json(&case.check(&["--format", "json"]))["bounds"].clone();
    let names: Vec<&str> =
        answer["layers"].as_array().unwrap().iter().map(|layer| layer["layer"].as_str().unwrap()).collect();
    assert_eq!(names, ["first", "product", "product_2", "second"]);
    let infer = case.infer(&["--format", "json"]);
    assert_eq!(infer.status.code(), Some(0), "{}", stderr(&infer));
    // One that calls itself ends.
    let mut chain = Chain::new();
    let mut again = Model::default();
    again.node_to("local.Again", "", &["in"], &["t"], &[]);
    again.node_to("local.Again", "", &["t"], &["out"], &[]);
    chain.model.function("Again", &["in"], &["out"], &again);
    let read = chain.middle.clone();
    chain.model.node_to("local.Again", "mid", &[&read], &["m"], &[]);
    let refused = Case::new(&chain.end("m"), &[2, 4], &IMAGES).infer(&[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("too deep"), "{}", stderr(&refused));
}
