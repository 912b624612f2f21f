//! A corpus of small architectures in every form that quantisers make of them: every integer tensor and every final output
//! against ONNX Runtime with optimisations off, and every integer layer against a 32-bit design.
//!
//! `make.py` makes the models and the answers, and `TABLE.md` counts them (`README.md`).

mod layers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use goldpath::functional::folded;
use goldpath::functional::graph::{infer, run};
use goldpath::functional::operators::Framework;
use goldpath::import::npy::{parse_npy, read_npz};
use goldpath::import::onnx;
use goldpath::network::Tensor;
use rayon::prelude::*;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

const FORMS: [&str; 5] = ["qdq_u8s8", "qdq_s8s8", "qdq_16", "qoperator", "dynamic"];

const ARCHITECTURES: [&str; 16] = [
    "residual",
    "mobile",
    "squeeze_excite",
    "unet",
    "transformer",
    "patches",
    "lstm",
    "gru",
    "keyword",
    "temporal",
    "detector",
    "dense_blocks",
    "super_resolution",
    "matching",
    "generator",
    "trained",
];

/// One architecture in one form.
struct Case {
    name: String,
    model: Vec<u8>,
    feeds: BTreeMap<String, Tensor>,
    /// Final outputs.
    outputs: BTreeMap<String, Tensor>,
    /// Of every integer tensor: type, shape, digest of the values.
    digests: BTreeMap<String, (String, Vec<usize>, String)>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn bytes(tensor: Tensor) -> Vec<u8> {
    let Tensor::U8(bytes) = tensor else { panic!("no bytes: {}", tensor.dtype()) };
    bytes.into_iter().collect()
}

/// The entries of an archive, by name.
fn entries(architecture: &str) -> BTreeMap<String, Tensor> {
    let path = folder().join(format!("{architecture}.npz"));
    let packed = bytes(read_npz(&path).unwrap().remove("cases").unwrap());
    let (mut rest, mut entries) = (packed.as_slice(), BTreeMap::new());
    let mut part = || {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let (part, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
        rest = behind;
        Some(part)
    };
    while let Some(name) = part() {
        let name = std::str::from_utf8(name).unwrap().to_owned();
        entries.insert(name, parse_npy(part().unwrap()).unwrap());
    }
    entries
}

/// Every form of an architecture.
fn cases(architecture: &str) -> Vec<Case> {
    let mut entries = entries(architecture);
    let under = |entries: &BTreeMap<String, Tensor>, prefix: &str| -> BTreeMap<String, Tensor> {
        let named = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone()))
        };
        entries.iter().filter_map(named).collect()
    };
    let feeds = under(&entries, "in.");
    FORMS
        .into_iter()
        .map(|form| {
            let mut of = |part: &str| bytes(entries.remove(&format!("{form}.{part}")).unwrap());
            let (model, digests) = (of("model"), of("digests"));
            let about: BTreeMap<String, Json> = serde_json::from_slice(&digests).unwrap();
            let about = about.into_iter().map(|(name, about)| (name, serde_json::from_value(about).unwrap()));
            Case {
                name: format!("{architecture} {form}"),
                model,
                feeds: feeds.clone(),
                outputs: under(&entries, &format!("{form}.out.")),
                digests: about.collect(),
            }
        })
        .collect()
}

fn all_cases() -> Vec<Case> {
    let cases: Vec<Case> = ARCHITECTURES.iter().flat_map(|name| cases(name)).collect();
    assert_eq!(cases.len(), ARCHITECTURES.len() * FORMS.len());
    cases
}

/// The rows of `TABLE.md` by architecture and form: nodes, MACs, integer tensors, their values, ties.
fn table() -> BTreeMap<String, Vec<usize>> {
    let text = std::fs::read_to_string(folder().join("TABLE.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split('|').map(str::trim).collect();
        let counts = cells[2..].iter().map(|cell| cell.parse().unwrap()).collect();
        (format!("{} {}", cells[0], cells[1]), counts)
    };
    text.lines().skip(2).map(row).collect()
}

fn digest(tensor: &Tensor) -> String {
    let values = tensor.to_i64().unwrap();
    let digest = Sha256::digest(values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bits of every element: what it takes to be equal, but that a NaN is equal to a NaN.
fn bits(tensor: &Tensor) -> Vec<i64> {
    match tensor {
        Tensor::F32(values) => {
            values.iter().map(|v| if v.is_nan() { i64::MAX } else { v.to_bits().into() }).collect()
        }
        other => other.to_i64().unwrap().into_iter().collect(),
    }
}

/// What was compared, and in words what is different.
#[derive(Default)]
struct Compared {
    tensors: usize,
    values: usize,
    outputs: usize,
    complaints: Vec<String>,
}

fn compare(case: &Case) -> Compared {
    let path = format!("{}.onnx", case.name);
    let network = onnx::parse(&case.model, Path::new(&path)).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let feeds: Vec<_> = case.feeds.clone().into_iter().collect();
    let mut result = Compared::default();
    match run(&network, &feeds, &Framework) {
        Ok(outputs) => {
            assert_eq!(outputs.len(), case.outputs.len(), "{}", case.name);
            for (name, found) in outputs {
                result.outputs += 1;
                let expected = &case.outputs[&name];
                let same = found.dtype() == expected.dtype() && found.shape() == expected.shape();
                if !same || bits(&found) != bits(expected) {
                    result.complaints.push(format!("output {name}: {found:?} instead of {expected:?}"));
                }
            }
        }
        Err(error) => result.complaints.push(format!("its outputs: {error}")),
    }
    let (network, folded) = folded(network);
    let network = network.written();
    let constants = folded.into_iter().map(|name| (name.clone(), network.constants[&name].clone()));
    let mut found: Vec<(String, Tensor)> =
        constants.filter(|(_, tensor)| tensor.dtype().is_integer()).collect();
    match infer(&network, &case.feeds, &Framework) {
        Ok(more) => found.extend(more),
        Err(error) => result.complaints.push(error.to_string()),
    }
    let mut missing = case.digests.clone();
    // In evaluation order: the first difference is where to look.
    for (name, found) in &found {
        let Some(expected) = missing.remove(name) else {
            result.complaints.push(format!("{name} is no tensor of the model's"));
            continue;
        };
        result.tensors += 1;
        result.values += found.len();
        let shown = (found.dtype().name().to_owned(), found.shape().to_vec(), digest(found));
        if shown != expected {
            let first: Vec<i64> = found.to_i64().unwrap().into_iter().take(8).collect();
            result.complaints.push(format!("{name}: {shown:?} instead of {expected:?}; it begins {first:?}"));
        }
    }
    result.complaints.extend(missing.into_keys().map(|name| format!("{name} is missing")));
    result
}

#[test]
fn every_tensor_of_every_architecture_equals_onnx_runtime() {
    let (cases, table) = (all_cases(), table());
    assert_eq!(table.len(), cases.len());
    let compared: Vec<Compared> = cases.par_iter().map(compare).collect();
    let (mut tensors, mut values, mut outputs, mut complaints) = (0, 0, 0, Vec::new());
    for (case, compared) in cases.iter().zip(&compared) {
        assert_eq!([compared.tensors, compared.values], table[&case.name][2..4], "{}", case.name);
        (tensors, values) = (tensors + compared.tensors, values + compared.values);
        outputs += compared.outputs;
        if let Some(first) = compared.complaints.first() {
            let more = compared.complaints.len() - 1;
            complaints.push(format!("{}: {first} ({more} more)", case.name));
        }
    }
    println!(
        "{} models, {tensors} integer tensors, {values} values, {outputs} outputs; {} models differ",
        cases.len(),
        complaints.len()
    );
    assert!(complaints.is_empty(), "make.py extract shows the answers\n{}", complaints.join("\n"));
    assert!(tensors >= 2000 && values >= 650_000 && outputs >= 100, "{tensors} {values} {outputs}");
}

/// In float32, ties are what tells one order of operations from another: powers of two as scales make them.
#[test]
fn ties_occur() {
    let ties: usize = table().values().map(|row| row[4]).sum();
    assert!(ties > 5000, "{ties}");
}
