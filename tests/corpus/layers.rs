//! The integer layers of the corpus, against a committed design of 32 bits, as it is or with the options that
//! `goldpath layers` names; and what `check` and `vectors` then do.

use std::path::Path;

use rayon::prelude::*;
use serde_json::Value as Json;

use goldpath::network::Tensor;

use super::{Case, all_cases, table};

/// The operators that `TABLE.md` counts.
const MACS: [&str; 8] =
    ["Conv", "ConvInteger", "QLinearConv", "MatMul", "MatMulInteger", "QLinearMatMul", "Gemm", "QGemm"];

const DESIGN: &str = "hw_models/mac_s8_acc32";

fn goldpath(arguments: &[&str]) -> (i32, String, String) {
    let mut command = assert_cmd::Command::cargo_bin("goldpath").expect("the binary is built");
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// MACs that codes feed: all, those a design runs, and in words those that it does not.
struct Seen {
    fed: usize,
    accepted: usize,
    others: Vec<String>,
}

fn seen(case: &Case, folder: &Path) -> Seen {
    let model = folder.join(case.name.replace(' ', ".") + ".onnx");
    std::fs::write(&model, &case.model).unwrap();
    let model = model.to_str().unwrap();
    let (status, stdout, stderr) =
        goldpath(&["layers", model, "--design", DESIGN, "--format", "json", "--quiet"]);
    assert_eq!(status, 0, "{}: {stderr}", case.name);
    let answer: Json = serde_json::from_str(&stdout).unwrap();
    let macs = answer["macs"].as_array().unwrap();
    let is_counted = |mac: &&Json| MACS.contains(&mac["kind"].as_str().unwrap().rsplit('.').next().unwrap());
    let counted = macs.iter().filter(is_counted).count();
    assert_eq!(counted, table()[&case.name][1], "{}: a MAC is missing", case.name);
    let layers = answer["layers"].as_array().unwrap();
    let mut seen = Seen { fed: 0, accepted: 0, others: Vec::new() };
    let mut run: Option<(&Json, Vec<&str>)> = None;
    for mac in macs.iter().filter(|mac| mac["state"] != "float") {
        seen.fed += 1;
        let layer = layers.iter().find(|layer| layer["name"] == mac["name"]);
        let fit = layer.map_or(&Json::Null, |layer| &layer["designs"][0]);
        let set: Vec<&str> =
            fit["set"].as_array().into_iter().flatten().map(|one| one.as_str().unwrap()).collect();
        if mac["state"] != "integer" || !(fit["runs"] == true || fit["set"].is_array()) {
            // Operands of 16 bits can be set; what is left then is said: biases that 32 bits do not hold.
            let reason = fit["reason"].as_str().unwrap_or_default();
            let is_said = reason.contains("; with operands.activation.width=16");
            assert!(mac["state"] != "integer" || is_said, "{}: {mac}: {reason}", case.name);
            seen.others.push(format!("{}: {mac}: {}", case.name, fit["reason"]));
            continue;
        }
        seen.accepted += 1;
        // Another one in every model; of products of two activations, where there are some.
        let is_computed = |layer: &Json| layer["computed"].as_str().is_some_and(|of| of.contains("weights"));
        let is_next = seen.accepted <= 1 + case.name.len() % 7;
        if run.is_none()
            || layer.is_some_and(is_computed)
            || is_next && !run.iter().any(|(l, _)| is_computed(l))
        {
            run = layer.map(|layer| (layer, set));
        }
    }
    if let Some((layer, set)) = run {
        check(case, model, layer["name"].as_str().unwrap(), &set);
        vectors(case, model, layer, &set);
    }
    seen
}

/// `vectors` of the layer run, and the design's output is as wide as the layer's codes.
fn vectors(case: &Case, model: &str, layer: &Json, set: &[&str]) {
    let (inputs, out) = (format!("{model}.npz"), format!("{model}.bundle"));
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&inputs).unwrap());
    for (name, tensor) in &case.feeds {
        let Tensor::F32(values) = tensor else { panic!("{name} is {}", tensor.dtype()) };
        let values: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let npy = [goldpath::wave::npy_header("<f4", tensor.shape()), values].concat();
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &npy).unwrap();
    }
    archive.finish().unwrap();
    let name = layer["name"].as_str().unwrap();
    let mut arguments = vec!["vectors", DESIGN, "--model", model, "--layer", name, "--tensors", &inputs];
    arguments.extend(["--out", &out, "--quiet"]);
    arguments.extend(set.iter().flat_map(|one| ["--set", one]));
    let (status, _, stderr) = goldpath(&arguments);
    assert_eq!(status, 0, "{}: {name}: {set:?}: {stderr}", case.name);
    let manifest = std::fs::read_to_string(Path::new(&out).join("manifest.json")).unwrap();
    let manifest: Json = serde_json::from_str(&manifest).unwrap();
    let signals = manifest["signals"].as_array().unwrap();
    let format = &signals.iter().find(|signal| signal["name"] == "out.data").unwrap()["format"];
    let bits = |text: &str| text.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap();
    let Some(codes) = layer["output"]["dtype"].as_str() else { return };
    let format = format.as_str().unwrap();
    assert!(bits(format) >= bits(codes), "{}: {name}: {codes} through {format} with {set:?}", case.name);
}

/// `check` of the design with these options shows the layer.
fn check(case: &Case, model: &str, layer: &str, set: &[&str]) {
    let mut arguments = vec!["check", DESIGN, "--model", model, "--format", "json", "--quiet"];
    arguments.extend(set.iter().flat_map(|one| ["--set", one]));
    let (status, stdout, stderr) = goldpath(&arguments);
    assert_eq!(status, 0, "{}: {stderr}", case.name);
    let answer: Json = serde_json::from_str(&stdout).unwrap();
    assert!(stdout.contains(&format!("\"{layer}\"")), "{}: {layer}: {answer:#}", case.name);
}

#[test]
fn a_design_of_32_bits_runs_almost_every_layer() {
    let cases = all_cases();
    let folder = tempfile::tempdir().unwrap();
    let seen: Vec<Seen> = cases.par_iter().map(|case| seen(case, folder.path())).collect();
    let fed: usize = seen.iter().map(|seen| seen.fed).sum();
    let accepted: usize = seen.iter().map(|seen| seen.accepted).sum();
    let others: Vec<String> = seen.into_iter().flat_map(|seen| seen.others).collect();
    println!("{accepted} of {fed} layers\n{}", others.join("\n"));
    assert!(fed > 550, "{fed}");
    assert!(accepted * 100 >= fed * 95, "{accepted} of {fed}\n{}", others.join("\n"));
}
