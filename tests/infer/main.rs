//! `infer` against ONNX Runtime: every integer tensor of every committed model, bit for bit.

mod bad_input;
mod designs;
mod schemes;
mod weights;
mod written;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use goldpath::functional::folded;
use goldpath::functional::graph::infer;
use goldpath::functional::operators::Framework;
use goldpath::import::npy::{read_npy, read_npz};
use goldpath::import::onnx;
use goldpath::network::Tensor;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

/// Tensors, values and differing values of one model.
struct Compared {
    tensors: usize,
    values: usize,
    wrong: BTreeMap<String, usize>,
}

/// Runs the model at `stem`.onnx, its QDQ layers as written, and compares with the references in `stem`.npz.
fn compare(stem: &Path) -> Compared {
    let mut expected = read_npz(&stem.with_extension("npz")).unwrap();
    let x = expected.remove("__input").unwrap();
    let (network, folded) = folded(onnx::read(&stem.with_extension("onnx")).unwrap());
    let network = network.written();
    let constants = folded.into_iter().map(|name| (name.clone(), network.constants[&name].clone()));
    let constants = constants.filter(|(_, tensor)| tensor.dtype().is_integer());
    let found: BTreeMap<String, Tensor> = match infer(&network, &x, &Framework) {
        Ok(found) => constants.chain(found).map(|(name, tensor)| (name.replace('/', "_"), tensor)).collect(),
        Err(error) => panic!("{error}"),
    };
    let names = |map: &BTreeMap<String, Tensor>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected), "{}", stem.display());
    let mut result = Compared { tensors: found.len(), values: 0, wrong: BTreeMap::new() };
    for (name, expected) in &expected {
        let found = &found[name];
        let place = format!("{}: {name}", stem.display());
        assert_eq!(found.dtype(), expected.dtype(), "{place}");
        assert_eq!(found.shape(), expected.shape(), "{place}");
        let (found, expected) = (found.to_i64().unwrap(), expected.to_i64().unwrap());
        result.values += expected.len();
        let wrong = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        if wrong > 0 {
            result.wrong.insert(name.clone(), wrong);
        }
    }
    result
}

fn compare_folder(folder: &Path, keep: impl Fn(&str) -> bool) -> (usize, usize, usize) {
    let mut stems: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "npz"))
        .filter(|path| keep(path.file_stem().unwrap().to_str().unwrap()))
        .map(|path| path.with_extension(""))
        .collect();
    stems.sort();
    let (mut tensors, mut values, mut failures) = (0, 0, Vec::new());
    for stem in &stems {
        let compared = compare(stem);
        let name = stem.file_name().unwrap().to_str().unwrap();
        println!(
            "{name}: {} tensors, {} values, {} mismatches",
            compared.tensors,
            compared.values,
            compared.wrong.values().sum::<usize>()
        );
        tensors += compared.tensors;
        values += compared.values;
        if !compared.wrong.is_empty() {
            failures.push(format!("{name}: {:?}", compared.wrong));
        }
    }
    println!("{} models, {tensors} tensors, {values} values, {} mismatches", stems.len(), failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    (stems.len(), tensors, values)
}

#[test]
fn trained_models_equal_onnx_runtime_on_every_integer_tensor() {
    let (count, tensors, _) = compare_folder(&models(), |_| true);
    assert_eq!((count, tensors), (8, 4 * 5 + 4 * 8));
}

#[test]
fn every_operator_equals_onnx_runtime() {
    let (count, ..) = compare_folder(&models().join("operators"), |_| true);
    assert!(count >= 24, "{count}");
}

/// The last tensor holds the scores; their order is that of the codes.
#[test]
fn labels_are_onnx_runtimes() {
    let text = std::fs::read_to_string(models().join("accuracy.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut compared = 0;
    for (name, entry) in report.as_object().unwrap().iter().filter(|(_, entry)| entry["labels"].is_array()) {
        let network = onnx::read(&models().join(format!("{name}.onnx"))).unwrap().fused();
        let x = read_npy(&models().join(format!("{}_inputs.npy", &name[..3]))).unwrap();
        let (_, scores) = infer(&network, &x, &Framework).unwrap().pop().unwrap();
        for (row, label) in scores.to_i64().unwrap().outer_iter().zip(entry["labels"].as_array().unwrap()) {
            let best = row.iter().max().unwrap();
            assert_eq!(row.iter().position(|v| v == best).map(|i| i as i64), label.as_i64(), "{name}");
            compared += 1;
        }
    }
    assert_eq!(compared, 8 * 64);
}

#[test]
fn inputs_beside_the_models_are_those_of_the_references() {
    for name in ["mlp", "cnn"] {
        let x = read_npy(&models().join(format!("{name}_inputs.npy"))).unwrap();
        let expected = read_npz(&models().join(format!("{name}_s8_qdq.npz"))).unwrap();
        assert_eq!(x, expected["__input"]);
        assert_eq!(x.shape()[0], 64);
    }
}
