//! What goldpath does not know stands in nobody's way but of those who must compute it.

use goldpath::import::onnx as import;
use goldpath::network::{Network, Tensor};

use super::onnx::{Data, FLOAT, Model, Value, tensor};
use super::{Case, json, stderr};

/// x ─ Q ─ first ─ DQ ─ middle ─ Q ─ second ─ DQ ─ y, each layer a 4 × 4 product of codes.
pub(crate) struct Chain {
    pub model: Model,
    /// What the node in the middle reads.
    pub middle: String,
    scale: String,
    zero: String,
}

impl Chain {
    pub fn new() -> Chain {
        let mut model = Model::default();
        model.input("x", FLOAT, &[0, 4]);
        let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
        let codes = model.node("QuantizeLinear", "q1", &["x", &scale, &zero], &[]);
        let mut chain = Chain { model, middle: String::new(), scale, zero };
        chain.middle = chain.product("first", &codes, "h");
        chain
    }

    fn product(&mut self, name: &str, codes: &str, output: &str) -> String {
        let (scale, zero) = (self.scale.clone(), self.zero.clone());
        let weights: Vec<i8> = (0..16).map(|i| i * 3 - 20).collect();
        let weights = self.model.constant(&[4, 4], Data::I8(weights));
        let inputs = [codes, &scale, &zero, &weights, &scale, &zero, &scale, &zero];
        let product = self.model.node("QLinearMatMul", name, &inputs, &[]);
        self.model.node_to("DequantizeLinear", "", &[&product, &scale, &zero], &[output], &[]);
        output.to_owned()
    }

    /// The rest of the network, behind `read`.
    pub fn end(mut self, read: &str) -> Vec<u8> {
        let (scale, zero) = (self.scale.clone(), self.zero.clone());
        let codes = self.model.node("QuantizeLinear", "q2", &[read, &scale, &zero], &[]);
        let y = self.product("second", &codes, "y");
        self.model.output(&y);
        self.model.bytes()
    }
}

pub(crate) const IMAGES: [f32; 8] = [1.0, -2.0, 3.5, 0.5, -1.0, 2.0, 0.0, 4.0];

/// One node of that operator in the middle.
fn with(kind: &str, attributes: &[(&str, Value)]) -> Case {
    let mut chain = Chain::new();
    let read = chain.middle.clone();
    chain.model.node_to(kind, "mid", &[&read], &["m"], attributes);
    Case::new(&chain.end("m"), &[2, 4], &IMAGES)
}

#[track_caller]
fn is_opaque(case: &Case, words: &[&str]) {
    let refused = case.infer(&[]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    for word in words.iter().chain(&["(1 node: ", "the layers behind: second", "--tensors"]) {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    let checked = json(&case.check(&["--layer", "first", "--format", "json"]));
    assert_eq!(checked["bounds"]["layers"][0]["layer"], "first");
    let design = case.path("d.toml");
    let vectors = |layer: &str| {
        let (model, x, out) = (case.path("m.onnx"), case.path("x.npy"), case.path("bundle"));
        super::goldpath(&[
            "vectors", &design, "--model", &model, "--layer", layer, "--input", &x, "--out", &out,
        ])
    };
    let first = vectors("first");
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let second = vectors("second");
    assert_eq!(second.status.code(), Some(2));
    assert!(stderr(&second).contains(words[0]), "{}", stderr(&second));
}

#[test]
fn an_operator_that_is_not_known_is_named_by_who_must_compute_it() {
    let case = with("org.acme.Foo", &[("anything", Value::Int(3))]);
    is_opaque(&case, &["operator org.acme.Foo (1 node: mid), which writes m", "node \"mid\""]);
    let overflow = json(&case.overflow(&["--layer", "first", "--format", "json"]));
    assert_eq!(overflow["layers"][0]["layer"], "first");
    let overflow = json(&case.overflow(&["--format", "json"]));
    assert_eq!(overflow["layers"].as_array().unwrap().len(), 1);
    assert!(overflow["skipped"].to_string().contains("org.acme.Foo"), "{overflow:#}");
    let behind = case.overflow(&["--layer", "second"]);
    assert_eq!(behind.status.code(), Some(2));
    assert!(stderr(&behind).contains("org.acme.Foo (1 node: mid)"), "{}", stderr(&behind));
    let sweep = json(&case.sweep(&["--format", "json"]));
    assert!(sweep.to_string().contains("first"), "{sweep:#}");
}

#[test]
fn whatever_is_not_known_of_a_node_is_opaque() {
    is_opaque(&with("Softmax", &[("temperature", Value::Float(2.0))]), &["Softmax", "temperature"]);
    is_opaque(&with("org.acme.Relu", &[]), &["operator org.acme.Relu"]);
    is_opaque(&with("NotThere", &[]), &["operator NotThere"]);
    // float16 is an element type that is not carried.
    is_opaque(&with("Cast", &[("to", Value::Int(10))]), &["operator Cast", "float16"]);
    for kind in ["If", "Loop", "Scan"] {
        let body = Value::Message(6, vec![]);
        is_opaque(&with(kind, &[("body", body)]), &[&format!("operator {kind} (1 node: mid)")]);
    }
}

#[test]
fn all_operators_are_named_at_once() {
    let mut chain = Chain::new();
    let read = chain.middle.clone();
    chain.model.node_to("org.acme.Foo", "a", &[&read], &["a"], &[]);
    chain.model.node_to("org.acme.Bar", "b", &["a"], &["b"], &[]);
    chain.model.node_to("org.acme.Foo", "c", &["b"], &["m"], &[]);
    let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
    let said = stderr(&case.infer(&[]));
    for words in
        ["org.acme.Foo (2 nodes: a, c), which writes a, m", "org.acme.Bar (1 node: b)", "2 operators"]
    {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
}

/// double, float16 and string: what reads them waits, the rest runs.
#[test]
fn tensors_of_other_types_stop_only_who_reads_them() {
    for (element, bytes, name) in [(11, 32, "double"), (10, 8, "float16"), (8, 0, "string")] {
        let mut chain = Chain::new();
        let read = chain.middle.clone();
        chain.model.tensor("odd", element, &[4], &vec![0; bytes], &[]);
        chain.model.tensor("nobody's", element, &[4], &vec![0; bytes], &[]);
        chain.model.node_to("Mul", "mid", &[&read, "odd"], &["m"], &[]);
        let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
        is_opaque(&case, &["operator initialiser (1 node: odd)", name]);
        assert!(!stderr(&case.infer(&[])).contains("nobody's"));
    }
    // An input that nothing needed reads is no matter; one that is needed is named.
    let mut chain = Chain::new();
    let read = chain.middle.clone();
    chain.model.input("half", 10, &[4]);
    chain.model.node_to("Mul", "mid", &[&read, "half"], &["m"], &[]);
    is_opaque(&Case::new(&chain.end("m"), &[2, 4], &IMAGES), &["operator input (1 node: half)", "float16"]);
}

fn read(model: &Model) -> Network {
    import::parse(&model.bytes(), std::path::Path::new("m.onnx")).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn constants_in_every_form() {
    let mut model = Model::default();
    let mut constant = |name: &str, value: Value, output: &str| {
        model.node_to("Constant", "", &[], &[output], &[(name, value)]);
        model.output(output);
    };
    constant("value_int", Value::Int(-3), "a");
    constant("value_ints", Value::Ints(vec![1, -2]), "b");
    constant("value_float", Value::Float(0.25), "c");
    constant("value_floats", Value::Floats(vec![0.5, -1.0]), "d");
    constant("value", Value::Message(5, tensor("", 3, &[2], &[1, 255], &[])), "e");
    constant("value_string", Value::Text("words"), "f");
    constant("sparse_value", Value::Message(22, vec![]), "g");
    constant("value", Value::Message(5, tensor("", 11, &[1], &[0; 8], &[])), "h");
    constant("value_ints", Value::Ints(vec![]), "i");
    let network = read(&model);
    let one = |name: &str| network.constants.get(name).cloned();
    assert_eq!(one("a"), Some(Tensor::I64(ndarray::arr0(-3).into_dyn())));
    assert_eq!(one("b"), Some(Tensor::I64(ndarray::arr1(&[1, -2]).into_dyn())));
    assert_eq!(one("c"), Some(Tensor::F32(ndarray::arr0(0.25).into_dyn())));
    assert_eq!(one("d"), Some(Tensor::F32(ndarray::arr1(&[0.5, -1.0]).into_dyn())));
    assert_eq!(one("e"), Some(Tensor::I8(ndarray::arr1(&[1, -1]).into_dyn())));
    assert_eq!(one("i").map(|t| t.shape().to_vec()), Some(vec![0]));
    let opaque = network.opaque(&|_| false);
    let reasons: Vec<_> =
        opaque.iter().map(|o| (o.kind.as_str(), o.tensors[0].as_str(), o.reason.as_str())).collect();
    assert_eq!(reasons.iter().map(|r| r.1).collect::<Vec<_>>(), ["f", "g", "h"]);
    assert!(reasons[0].2.contains("value_string") && reasons[1].2.contains("sparse_value"), "{reasons:?}");
    assert!(reasons[2].2.contains("double"), "{reasons:?}");
}

#[test]
fn later_opsets_are_read_and_very_old_ones_are_not_believed() {
    for opset in [7, 9, 25, 26, 4000] {
        let mut chain = Chain::new();
        chain.model.opset = opset;
        let read = chain.middle.clone();
        let case = Case::new(&chain.end(&read), &[2, 4], &IMAGES);
        assert_eq!(case.infer(&[]).status.code(), Some(0), "opset {opset}");
    }
    let mut chain = Chain::new();
    chain.model.opset = 6;
    let read = chain.middle.clone();
    let said = stderr(&Case::new(&chain.end(&read), &[2, 4], &IMAGES).infer(&[]));
    assert!(said.contains("opset 6"), "{said}");
}

/// A 4 × 4 product whose weights lie in a file beside the model.
fn external(entries: &[(&str, &str)]) -> Case {
    let mut chain = Chain::new();
    chain.model.tensor("w", 3, &[4, 4], &[], entries);
    let (read, scale, zero) = (chain.middle.clone(), chain.scale.clone(), chain.zero.clone());
    let codes = chain.model.node("QuantizeLinear", "", &[&read, &scale, &zero], &[]);
    let inputs = [&*codes, &scale, &zero, "w", &scale, &zero, &scale, &zero];
    let product = chain.model.node("QLinearMatMul", "beside", &inputs, &[]);
    chain.model.node_to("DequantizeLinear", "", &[&product, &scale, &zero], &["m"], &[]);
    let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
    let folder = case.folder.path();
    std::fs::create_dir(folder.join("data")).unwrap();
    std::fs::write(folder.join("data/w.bin"), (0..40).collect::<Vec<u8>>()).unwrap();
    case
}

#[test]
fn external_data_is_read_from_the_models_folder_alone() {
    let case = external(&[("location", "data/w.bin"), ("offset", "8"), ("length", "16")]);
    assert_eq!(case.infer(&[]).status.code(), Some(0), "{}", stderr(&case.infer(&[])));
    let network = import::read(&case.folder.path().join("m.onnx")).unwrap();
    let expected: Vec<i64> = (8..24).collect();
    assert_eq!(network.constants["w"].to_i64().unwrap().into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(external(&[("location", "./data/w.bin")]).infer(&[]).status.code(), Some(0));

    let cases: [(&[(&str, &str)], &str); 10] = [
        (&[("location", "../w.bin")], "below the model's folder"),
        (&[("location", "data/../../w.bin")], "below the model's folder"),
        (&[("location", "/etc/hostname")], "below the model's folder"),
        (&[("location", "")], "below the model's folder"),
        (&[("location", "data")], "which is no file"),
        (&[("location", "data/absent.bin")], "absent.bin"),
        (&[("location", "data/w.bin"), ("offset", "30")], "holds 10 of the 16 bytes"),
        (&[("location", "data/w.bin"), ("length", "17")], "17 bytes"),
        (&[("location", "data/w.bin"), ("offset", "-1")], "offset"),
        (&[("location", "data/w.bin"), ("offset", "18446744073709551615")], "w.bin"),
    ];
    for (entries, words) in cases {
        let refused = external(entries).infer(&[]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{entries:?}: {said}");
        assert!(said.contains(words), "{entries:?}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn external_data_behind_links_and_pipes_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("w.bin"), [0; 16]).unwrap();
    let case = external(&[("location", "link.bin")]);
    std::os::unix::fs::symlink(outside.path().join("w.bin"), case.folder.path().join("link.bin")).unwrap();
    assert!(
        stderr(&case.infer(&[])).contains("leads out of the model's folder"),
        "{}",
        stderr(&case.infer(&[]))
    );
    let case = external(&[("location", "pipe")]);
    let made = std::process::Command::new("mkfifo").arg(case.folder.path().join("pipe")).status().unwrap();
    assert!(made.success());
    assert!(stderr(&case.infer(&[])).contains("which is no file"), "{}", stderr(&case.infer(&[])));
}

/// Arrays by name, as numpy's savez writes them.
pub(crate) fn npz(path: &str, arrays: &[(&str, &str, &[usize], Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, element, shape, data) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        let bytes = [goldpath::wave::npy_header(element, shape), data.clone()].concat();
        std::io::Write::write_all(&mut archive, &bytes).unwrap();
    }
    archive.finish().unwrap();
}

pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// An unknown operator that is really a Relu, and the network with a Relu in its place.
pub(crate) fn behind_foo() -> (Case, Case) {
    let (mut unknown, mut relu) = (Chain::new(), Chain::new());
    let read = unknown.middle.clone();
    unknown.model.node_to("org.acme.Foo", "mid", &[&read], &["m"], &[]);
    relu.model.node_to("Relu", "mid", &[&read], &["m"], &[]);
    (Case::new(&unknown.end("m"), &[2, 4], &IMAGES), Case::new(&relu.end("m"), &[2, 4], &IMAGES))
}

/// Every tensor that `infer` wrote, by name.
fn written(case: &Case, more: &[&str]) -> std::collections::BTreeMap<String, Vec<i64>> {
    let answer = json(&case.infer(&[more, &["--format", "json"]].concat()));
    let one = |entry: &serde_json::Value| {
        let path = case.folder.path().join("i").join(entry["file"].as_str().unwrap());
        let values = goldpath::import::npy::read_npy(&path).unwrap().to_i64().unwrap();
        (entry["name"].as_str().unwrap().to_owned(), values.into_iter().collect())
    };
    answer["tensors"].as_array().unwrap().iter().map(one).collect()
}

/// What the node in the middle writes for [`IMAGES`], from the network that has a Relu there.
pub(crate) fn captured(relu: &Case) -> Vec<f32> {
    let integers = written(relu, &[]);
    let network = import::read(&relu.folder.path().join("m.onnx")).unwrap();
    let dequantize = network.nodes.iter().find(|n| n.outputs[0].as_deref() == Some("h")).unwrap();
    let codes = &integers[dequantize.inputs[0].as_ref().unwrap()];
    codes.iter().map(|code| (*code as f32 * 0.5).max(0.0)).collect()
}

#[test]
fn a_supplied_tensor_takes_the_place_of_its_node() {
    let (unknown, relu) = behind_foo();
    let m = captured(&relu);
    let path = unknown.path("t.npz");
    npz(&path, &[("m", "<f4", &[2, 4], floats(&m))]);
    assert_eq!(written(&unknown, &["--tensors", &path]), written(&relu, &[]));
    // Without the input, what lies behind still runs; and the codes of a layer are the same.
    let (model, design, x) = (unknown.path("m.onnx"), unknown.path("d.toml"), unknown.path("x.npy"));
    let vectors = |out: &str, fed: &[&str]| {
        let out = unknown.path(out);
        let all = ["vectors", &design, "--model", &model, "--layer", "second", "--out", &out];
        let output = super::goldpath(&[&all[..], fed].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        std::fs::read(std::path::Path::new(&out).join("stimulus.hex"))
            .or_else(|_| std::fs::read(std::path::Path::new(&out).join("tb.v")))
            .unwrap()
    };
    let both = vectors("both", &["--input", &x, "--tensors", &path]);
    assert_eq!(vectors("alone", &["--tensors", &path]), both);
    // Another value is what the layers behind it read.
    let doubled: Vec<f32> = m.iter().map(|v| v * 2.0).collect();
    npz(&path, &[("m", "<f4", &[2, 4], floats(&doubled))]);
    assert_ne!(written(&unknown, &["--tensors", &path]), written(&relu, &[]));
}

#[test]
fn overflow_sweep_and_check_go_on_behind_a_supplied_tensor() {
    let (unknown, relu) = behind_foo();
    let path = unknown.path("t.npz");
    npz(&path, &[("m", "<f4", &[2, 4], floats(&captured(&relu)))]);
    let fed = ["--tensors", &path, "--format", "json"];
    let overflow = |case: &Case, more: &[&str]| {
        let mut answer = json(&case.overflow(&[more, &["--format", "json"]].concat()));
        answer["inputs"].take();
        answer
    };
    let plain = overflow(&relu, &[]);
    let found = overflow(&unknown, &["--tensors", &path]);
    assert_eq!(found["layers"], plain["layers"]);
    assert_eq!(found["answer"], plain["answer"]);
    let checked =
        json(&unknown.check(&["--input", &unknown.path("x.npy"), "--tensors", &path, "--format", "json"]));
    assert_eq!(checked["bounds"]["layers"].as_array().unwrap().len(), 2);
    let swept = json(&unknown.sweep(&fed));
    assert_eq!(swept["variants"], json(&relu.sweep(&["--format", "json"]))["variants"]);
}

/// Bounds over every code need nothing of what lies in front of a layer.
#[test]
fn check_proves_layers_behind_what_is_not_known() {
    let (unknown, relu) = behind_foo();
    let bounds = |case: &Case| json(&case.check(&["--format", "json"]))["bounds"]["layers"].clone();
    assert_eq!(bounds(&unknown), bounds(&relu));
    assert_eq!(bounds(&unknown).as_array().unwrap().len(), 2);
    // On an input, what cannot be reached is named.
    let said = json(&unknown.check(&["--input", &unknown.path("x.npy"), "--format", "json"]));
    assert_eq!(said["bounds"]["layers"].as_array().unwrap().len(), 1);
    assert_eq!(said["bounds"]["skipped"][0]["layer"], "second");
}

/// Every tensor captured: each node computes from the framework's own, and the answer is the same.
#[test]
fn everything_may_be_supplied() {
    let (unknown, relu) = behind_foo();
    let all = written(&relu, &[]);
    let bytes = |values: &[i64]| values.iter().map(|v| v.to_le_bytes()[0]).collect::<Vec<u8>>();
    let mut arrays: Vec<(&str, &str, &[usize], Vec<u8>)> =
        all.iter().map(|(name, values)| (name.as_str(), "|i1", &[2, 4][..], bytes(values))).collect();
    let m = captured(&relu);
    arrays.push(("m", "<f4", &[2, 4], floats(&m)));
    arrays.push(("x", "<f4", &[2, 4], floats(&IMAGES)));
    let path = unknown.path("t.npz");
    npz(&path, &arrays);
    assert_eq!(written(&unknown, &["--tensors", &path]), all);
    // What a layer of a design does to the answer is followed through what can be computed.
    let overflow = |case: &Case, more: &[&str]| {
        let narrow = ["--set", "accumulator.width=10", "--format", "json"];
        let answer = json(&case.overflow(&[&narrow[..], more].concat()));
        (answer["layers"].clone(), answer["answer"].clone())
    };
    let everything = overflow(&unknown, &["--tensors", &path]);
    npz(&path, &[("m", "<f4", &[2, 4], floats(&m))]);
    assert_eq!(overflow(&unknown, &["--tensors", &path]), everything);
}

#[test]
fn a_layer_is_named_once_behind_what_is_not_known() {
    // As written, the integer layer stands beside the float one.
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 2]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    model.node_to("org.acme.Foo", "mid", &["x"], &["m"], &[]);
    let codes = model.node("QuantizeLinear", "", &["m", &scale, &zero], &[]);
    let real = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    let weights = model.constant(&[2, 2], Data::I8(vec![1, 2, 3, 4]));
    let weights = model.node("DequantizeLinear", "", &[&weights, &scale, &zero], &[]);
    let product = model.node("MatMul", "fc", &[&real, &weights], &[]);
    let y = model.node("QuantizeLinear", "", &[&product, &scale, &zero], &[]);
    model.output(&y);
    let said = stderr(&Case::new(&model.bytes(), &[1, 2], &[1.0, 2.0]).infer(&[]));
    assert!(said.contains("the layers behind: fc\n"), "{said}");
}

#[test]
fn wrong_supplies_are_refused() {
    let (unknown, _) = behind_foo();
    let path = unknown.path("t.npz");
    let good = || ("m", "<f4", &[2usize, 4][..], floats(&[0.5; 8]));
    let quantised = {
        let network = import::read(&unknown.folder.path().join("m.onnx")).unwrap();
        network.nodes.iter().find(|n| n.name == "q2").unwrap().outputs[0].clone().unwrap()
    };
    type Arrays<'a> = &'a [(&'a str, &'a str, &'a [usize], Vec<u8>)];
    let cases: [(Arrays, &[&str]); 8] = [
        (&[good(), ("mm", "<f4", &[1], floats(&[1.0]))], &["no tensor \"mm\"", "near it: m"]),
        (&[good(), (&quantised, "<f4", &[2, 4], floats(&[1.0; 8]))], &["is int8 in the model, not float32"]),
        (&[("m", "<f8", &[2, 4], vec![0; 64])], &["m: not used: dtype", "<f8", "org.acme.Foo"]),
        (&[("m", "<f4", &[2, 3], floats(&[1.0; 6]))], &["second"]),
        (&[("m", "<f4", &[0, 4], vec![])], &["holds no element"]),
        (&[good(), ("x", "<f4", &[2, 4], floats(&[9.0; 8]))], &["other values of input \"x\""]),
        (&[good(), ("x", "<i4", &[2, 4], vec![0; 32])], &["is float32 in the model, not int32"]),
        (&[], &["org.acme.Foo"]),
    ];
    for (arrays, words) in cases {
        npz(&path, arrays);
        let refused = unknown.infer(&["--tensors", &path]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{words:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in:\n{said}");
        }
    }
    std::fs::write(&path, "no archive").unwrap();
    assert!(stderr(&unknown.infer(&["--tensors", &path])).contains("not an .npz archive"));
    let model = unknown.path("m.onnx");
    for wrong in [
        &["infer", &model, "--out", "o"][..],
        &["overflow", &model, "--design", &unknown.path("d.toml"), "--out", "o"],
        &["sweep", &model, "--design", &unknown.path("d.toml"), "--out", "o"],
        &["vectors", &unknown.path("d.toml"), "--model", &model, "--layer", "first", "--out", "o"],
        &[
            "overflow",
            &unknown.path("d.toml"),
            "--activations",
            "a",
            "--weights",
            "w",
            "--tensors",
            &path,
            "--out",
            "o",
        ],
    ] {
        let output = super::goldpath(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(stderr(&output).contains("--tensors"), "{}", stderr(&output));
    }
}

/// Two inputs, each fed under its name; --input is the one that --tensors has not.
#[test]
fn several_inputs_are_fed_by_name() {
    let mut chain = Chain::new();
    let read = chain.middle.clone();
    chain.model.input("other", FLOAT, &[0, 4]);
    chain.model.node_to("Add", "mid", &[&read, "other"], &["m"], &[]);
    let case = Case::new(&chain.end("m"), &[2, 4], &IMAGES);
    let said = stderr(&case.infer(&[]));
    assert!(said.contains("2 inputs") && said.contains("--tensors"), "{said}");
    let path = case.path("t.npz");
    npz(&path, &[("other", "<f4", &[2, 4], floats(&[1.0; 8]))]);
    let first = written(&case, &["--tensors", &path]);
    npz(&path, &[("other", "<f4", &[2, 4], floats(&[1.0; 8])), ("x", "<f4", &[2, 4], floats(&IMAGES))]);
    let (model, out) = (case.path("m.onnx"), case.path("i2"));
    let both =
        json(&super::goldpath(&["infer", &model, "--tensors", &path, "--out", &out, "--format", "json"]));
    for entry in both["tensors"].as_array().unwrap() {
        let file = case.folder.path().join("i2").join(entry["file"].as_str().unwrap());
        let values = goldpath::import::npy::read_npy(&file).unwrap().to_i64().unwrap();
        assert_eq!(values.into_iter().collect::<Vec<_>>(), first[entry["name"].as_str().unwrap()]);
    }
    assert!(stderr(&case.infer(&["--tensors", &path])).contains("leave --input out"));
    // `check` needs neither.
    assert_eq!(json(&case.check(&["--format", "json"]))["bounds"]["layers"].as_array().unwrap().len(), 2);
}
