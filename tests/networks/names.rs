//! A name stands for one thing.

use std::collections::BTreeSet;
use std::path::Path;

use goldpath::error::Result;
use goldpath::import::npy::read_npz;
use goldpath::import::onnx::parse;
use goldpath::network::Network;

use super::onnx::{Data, INT8, Model, Value};
use super::{Case, as_read, json};

/// Nodes of these names, each an Identity of the one before.
fn chain(names: &[&str]) -> Result<Network> {
    let mut model = Model::default();
    model.input("x", INT8, &[0, 4]);
    let last = names.iter().fold("x".to_owned(), |x, name| model.node("Identity", name, &[&x], &[]));
    model.output(&last);
    parse(&model.bytes(), Path::new("chain.onnx"))
}

fn node_names(names: &[&str]) -> Vec<String> {
    chain(names).unwrap().nodes.into_iter().map(|node| node.name).collect()
}

#[test]
fn made_up_names_are_nobody_elses() {
    assert_eq!(node_names(&["", "a"]), ["Identity_0", "a"]);
    assert_eq!(node_names(&["Identity_1", ""]), ["Identity_1", "Identity_1_2"]);
    assert_eq!(node_names(&["", "Identity_0"]), ["Identity_0_2", "Identity_0"]);
    assert_eq!(
        node_names(&["", "Identity_0", "Identity_0_2"]),
        ["Identity_0_3", "Identity_0", "Identity_0_2"]
    );
    assert_eq!(node_names(&["a", "a", "a_2", "a"]), ["a", "a_3", "a_2", "a_4"]);
}

/// Two layers, one of them named as the other would have been: one layer with two runs was reported.
#[test]
fn two_layers_stay_two() {
    let read = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks/claims");
        let case = Case::new(&std::fs::read(folder.join(name)).unwrap(), &[1], &[0.0]);
        std::fs::copy(folder.join("dupx.npy"), case.path("x.npy")).unwrap();
        std::fs::copy(folder.join("flex.toml"), case.path("d.toml")).unwrap();
        let mut layers = json(&case.overflow(&["--format", "json"]))["layers"].as_array().unwrap().clone();
        let names: Vec<String> = layers
            .iter_mut()
            .map(|layer| layer.as_object_mut().unwrap().remove("layer").unwrap().as_str().unwrap().to_owned())
            .collect();
        layers.iter_mut().for_each(|layer| layer["witnesses"] = serde_json::Value::Null);
        (names, layers)
    };
    let ((made_up, found), (given, expected)) = (read("dupA.onnx"), read("dupB.onnx"));
    assert_eq!(made_up, ["QLinearMatMul_1", "QLinearMatMul_1_2"]);
    assert_eq!(given, ["first", "second"]);
    assert_eq!(found, expected);
}

#[test]
fn what_is_in_a_file_twice_is_an_error() {
    fn one() -> Data {
        Data::I8(vec![1; 4])
    }
    let base = |change: &dyn Fn(&mut Model)| {
        let mut model = Model::default();
        model.input("x", INT8, &[0, 4]);
        model.initialiser("w", &[4], one());
        model.node_to("Add", "add", &["x", "w"], &["y"], &[]);
        model.output("y");
        change(&mut model);
        parse(&model.bytes(), Path::new("twice.onnx"))
    };
    base(&|_| {}).unwrap();
    // An input that has a value already is how old files write constants.
    base(&|model| model.input("w", INT8, &[4])).unwrap();
    type Change = &'static dyn Fn(&mut Model);
    let refused: [(Change, &str); 6] = [
        (&|model| model.initialiser("w", &[4], one()), "initialiser \"w\": is in the file twice"),
        (&|model| model.input("x", INT8, &[0, 4]), "input \"x\": is in the file twice"),
        (&|model| model.initialiser("y", &[4], one()), "tensor \"y\" is written twice"),
        (&|model| model.node_to("Identity", "", &["x"], &["y"], &[]), "tensor \"y\" is written twice"),
        (&|model| model.node_to("Identity", "", &["y"], &["x"], &[]), "tensor \"x\" is written twice"),
        (&|model| model.node_to("Identity", "", &["x"], &[], &[]), "writes no tensor"),
    ];
    for (change, expected) in refused {
        let error = base(change).unwrap_err().to_string();
        assert!(error.replace("node ", "").contains(expected), "{expected}: {error}");
    }
}

/// Stored entries of a zip archive, as `numpy.savez` lays them out; names may repeat.
fn npz(names: &[&str]) -> Vec<u8> {
    let data = [goldpath::wave::npy_header("|i1", &[1]), vec![7]].concat();
    let crc = data.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
    });
    let size = u32::try_from(data.len()).unwrap().to_le_bytes();
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for name in names {
        let at = u32::try_from(file.len()).unwrap().to_le_bytes();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let shared =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0], &(!crc).to_le_bytes()[..], &size, &size, &length, &[0, 0]]
                .concat();
        file.extend([b"PK\x03\x04".as_slice(), &shared, name.as_bytes(), &data].concat());
        directory
            .extend([b"PK\x01\x02\x14\x00".as_slice(), &shared, &[0; 10], &at, name.as_bytes()].concat());
    }
    let count = u16::try_from(names.len()).unwrap().to_le_bytes();
    let (length, at) = (u32::try_from(directory.len()).unwrap(), u32::try_from(file.len()).unwrap());
    let end = [&[0; 4], &count[..], &count, &length.to_le_bytes(), &at.to_le_bytes(), &[0, 0]].concat();
    [file, directory, b"PK\x05\x06".to_vec(), end].concat()
}

#[test]
fn arrays_of_one_name_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.npz");
    let read = |names: &[&str]| {
        std::fs::write(&path, npz(names)).unwrap();
        read_npz(&path).map(|arrays| arrays.into_keys().collect::<Vec<_>>())
    };
    assert_eq!(read(&["a.npy", "b.npy"]).unwrap(), ["a", "b"]);
    for names in [["a.npy", "a.npy"], ["a.npy", "a"]] {
        let error = read(&names).unwrap_err().to_string();
        assert!(error.contains("p.npz") && error.contains("name"), "{error}");
    }
}

/// Layers that read the same codes, some behind the same move and some behind another.
#[test]
fn codes_that_layers_move_differently_have_names_of_their_own() {
    let mut model = Model::default();
    model.input("x", INT8, &[4, 4]);
    let (one, zero) = (model.constant(&[], Data::F32(vec![1.0])), model.constant(&[], Data::I8(vec![0])));
    let weights = model.constant(&[4, 4], Data::I8(vec![1; 16]));
    let w = model.node("DequantizeLinear", "dw", &[&weights, &one, &zero], &[]);
    let x = model.node("DequantizeLinear", "dx", &["x", &one, &zero], &[]);
    let turned = model.node("Transpose", "turned", &[&x], &[("perm", Value::Ints(vec![1, 0]))]);
    let same = model.node("Transpose", "same", &[&x], &[("perm", Value::Ints(vec![0, 1]))]);
    for (name, moved) in [("a", &turned), ("b", &same), ("c", &turned), ("d", &x)] {
        let y = model.node("MatMul", name, &[moved, &w], &[]);
        model.output(&y);
    }
    let network = as_read(&model.bytes());
    let written: Vec<&String> = network.nodes.iter().flat_map(|n| n.outputs.iter().flatten()).collect();
    assert_eq!(written.iter().collect::<BTreeSet<_>>().len(), written.len(), "{written:?}");
    let read = |layer: &str| {
        let sum = network.nodes.iter().find(|node| node.name == layer && node.is_products()).unwrap();
        sum.inputs[0].clone().unwrap()
    };
    assert_eq!(read("a"), read("c"), "moved once");
    assert_eq!(read("d"), "x");
    assert_ne!(read("a"), read("b"));
}
