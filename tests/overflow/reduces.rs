//! Reduction levels that lose a part of the sum in front of a wide accumulator: the form in which x86 without VNNI adds
//! pairs of u8 · s8 in 16 bits, saturating.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use assert_cmd::cargo::cargo_bin_cmd;
use goldpath::design::Design;
use goldpath::functional::graph::{self, layer_names};
use goldpath::functional::operators::Designed;
use goldpath::import::{npy::read_npy, onnx};
use goldpath::network::Tensor;
use goldpath::overflow::WitnessFile;
use goldpath::vectors::manifest;
use ndarray::{Axis, Slice};
use serde_json::Value;

use super::network::layer_by_hand;

const PAIR: &str = "overflow tests/data/pair/model.onnx --input tests/data/pair/input.npy --design tests/data/pair/design.toml";

fn goldpath(line: &str) -> assert_cmd::assert::Assert {
    cargo_bin_cmd!("goldpath").args(line.split(' ')).assert()
}

/// Events at the level, outputs with one, and outputs by class: big integers, image by image.
fn by_hand() -> (u64, u64, BTreeMap<&'static str, u64>) {
    let network = onnx::read(Path::new("tests/data/pair/model.onnx")).unwrap().fused();
    let design = Design::load(Path::new("tests/data/pair/design.toml"), &[]).unwrap();
    let designed = Designed::new(Arc::new(design));
    let Tensor::U8(codes) = read_npy(Path::new("tests/data/pair/input.npy")).unwrap() else { panic!("u8") };
    let (mut events, mut hit, mut classes) = (0, 0, BTreeMap::new());
    for image in 0..codes.shape()[0] {
        let x = Tensor::U8(codes.slice_axis(Axis(0), Slice::from(image..image + 1)).to_owned());
        let name = &layer_names(&network)[0];
        let (layer, codes) = graph::layer(&network, name, &x, &designed).unwrap();
        for output in layer_by_hand(&designed, &layer, &codes.to_i32().unwrap()).values() {
            events += output.events.iter().filter(|e| e.node == "reduce.0").count() as u64;
            if output.overflows() {
                hit += 1;
                *classes.entry(output.class()).or_insert(0) += 1;
            }
        }
    }
    (events, hit, classes)
}

/// 786 events in front of the accumulator make 361 of 450 outputs wrong: every form of the answer says so.
#[test]
fn pairs_that_saturate_are_overflows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let text = goldpath(&format!("{PAIR} --out {}", out.display())).success();
    let text = String::from_utf8_lossy(&text.get_output().stdout).into_owned();
    let (events, hit, classes) = by_hand();
    let wrong = classes["wrong"];
    assert_eq!((events, wrong), (786, 361), "{classes:?}");
    let json =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(out.join(name)).unwrap()).unwrap() };
    let report = json("report.json");
    let total = &report["total"];
    let count = |class: &str| total["classes"][class].as_u64().unwrap();
    assert_eq!(total["outputs_with_events"], hit);
    assert_eq!(count("harmful") + count("decisive") + count("unevaluated"), wrong);
    assert_eq!(count("transient"), classes.get("transient").copied().unwrap_or(0));
    assert_eq!(count("surviving"), classes.get("surviving").copied().unwrap_or(0));
    let node = &report["layers"][0]["nodes"][0];
    assert_eq!((&node["node"], &node["outputs"]), (&Value::from("reduce.0"), &Value::from(hit)));
    assert_eq!(node["high"].as_u64().unwrap() + node["low"].as_u64().unwrap(), events);
    let table = read_npy(&out.join(node["table"].as_str().unwrap())).unwrap().to_i64().unwrap();
    assert_eq!(table.iter().sum::<i64>().unsigned_abs(), events);
    for said in [
        format!("{hit} of 450 outputs overflow"),
        format!("786 events at reduce.0, in {hit} outputs"),
        "361 outputs not as the exact sum gives".to_string(),
    ] {
        assert!(text.contains(&said), "{said}\n{text}");
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(
        page.contains("786 events at reduce.0") && page.contains("Overflows at reduce.0, by output channel")
    );
    for id in ["first", "largest", "reduce.0/first", "reduce.0/largest", "channel/0"] {
        let witnesses = json("witness.json");
        let all = witnesses["witnesses"].as_array().unwrap();
        let witness = all
            .iter()
            .find(|w| w["id"] == format!("{}/{id}", report["layers"][0]["layer"].as_str().unwrap()));
        assert_eq!(witness.unwrap_or_else(|| panic!("{id}"))["event"]["node"], "reduce.0");
    }
}

/// Witnesses of a level's events are shown again by the simulation, and a changed one is refused.
#[test]
fn witnesses_of_a_level_become_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let design = "hw_models/tree8_s8_acc24";
    let model = "tests/models/cnn_s8_qoperator.onnx --input tests/models/cnn_inputs.npy --layer conv2_quant";
    let narrow = "reduce=[{group=2,stride=1,format=\"s13\",overflow=\"saturate\"},{group=2,stride=1,format=\"s13\",overflow=\"wrap\"},{group=2,stride=1,format=\"s14\",overflow=\"saturate\"}]";
    let set = format!("--design {design} --set {narrow}");
    goldpath(&format!("overflow {model} {set} --out {}", out.display())).success();
    let path = out.join("witness.json");
    let file: WitnessFile = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let of_level = |end: &str| format!("conv2_quant/reduce.0/{end}");
    for id in [of_level("first"), of_level("largest")] {
        assert!(file.witnesses.iter().any(|w| w.id == id), "{id}");
        let bundle = folder.path().join("bundle");
        goldpath(&format!("vectors {design} --witness {}#{id} --out {}", path.display(), bundle.display()))
            .success();
        let events = &manifest::read(&bundle).unwrap().events.unwrap()["reduce.0"];
        assert!(events.high + events.low > 0, "{id}");
    }
    // A claim that was changed is found out.
    let text = std::fs::read_to_string(&path).unwrap();
    let mut file: WitnessFile = serde_json::from_str(&text).unwrap();
    let at = file.witnesses.iter().position(|w| w.id == of_level("first")).unwrap();
    file.witnesses[at].event.as_mut().unwrap().value += 1;
    std::fs::write(&path, serde_json::to_string(&file).unwrap()).unwrap();
    let line = format!(
        "vectors {design} --witness {}#{} --out {}",
        path.display(),
        of_level("first"),
        out.join("x").display()
    );
    let refused = goldpath(&line).code(2);
    let text = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(text.contains("an overflow at reduce.0"), "{text}");
}

/// A bundle that shows events of a level says so when it is written.
#[test]
fn a_bundle_names_events_in_front_of_the_accumulator() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle");
    let line = "vectors tests/data/pair/design.toml --model tests/data/pair/model.onnx --layer conv --input tests/data/pair/input.npy";
    let text = goldpath(&format!("{line} --out {}", out.display())).success();
    let text = String::from_utf8_lossy(&text.get_output().stdout).into_owned();
    assert!(text.contains("accumulator overflows: 0 high, 0 low; reduce.0: 591 high, 195 low\n"), "{text}");
}
