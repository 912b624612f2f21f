//! Every claim about the committed CNN, shown in both simulators.

use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;
use goldpath::design::Design;
use goldpath::overflow::WitnessFile;
use goldpath::vectors::cosim::{Bench, Compare, Simulator};
use goldpath::vectors::manifest;

fn goldpath(line: &str) -> assert_cmd::assert::Assert {
    cargo_bin_cmd!("goldpath").args(line.split(' ')).assert()
}

/// Analyses the CNN on `design`, then replays the witnesses that `wanted` names.
fn replay(design: &str, set: &str, wanted: &dyn Fn(&str) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let model = "tests/models/cnn_s8_qoperator.onnx --input tests/models/cnn_inputs.npy";
    goldpath(&format!("overflow {model} --design hw_models/{design}{set} --out {}", out.display())).success();
    let path = out.join("witness.json");
    let file: WitnessFile = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let ids: Vec<&str> = file.witnesses.iter().map(|w| w.id.as_str()).filter(|id| wanted(id)).collect();
    println!("{design}: {} of {} witnesses: {ids:?}", ids.len(), file.witnesses.len());
    for layer in ["conv1_quant", "depthwise_quant", "conv2_quant", "fc_quant"] {
        for kind in ["first", "largest"] {
            assert!(ids.contains(&format!("{layer}/{kind}").as_str()), "{layer}/{kind}");
        }
    }
    for class in ["surviving", "harmful", "decisive"] {
        assert!(ids.iter().any(|id| id.ends_with(class)), "{class}");
    }
    let source = Path::new("hw_models").join(design);
    for id in ids {
        let bundle = folder.path().join("bundle");
        // The overrides come out of the file.
        let line = format!(
            "vectors hw_models/{design} --witness {}#{id} --out {}",
            path.display(),
            bundle.display()
        );
        goldpath(&line).success();
        let facts = manifest::read(&bundle).unwrap();
        let provenance = &facts.source;
        assert_eq!(provenance.source, "witness");
        assert!(provenance.claim.as_ref().unwrap().starts_with(&format!("{id}: ")));
        let events = facts.events.unwrap();
        let (events, start) = (events["accumulator"], events["accumulator.start"]);
        let witness = file.find(id).unwrap();
        let cut = witness.expected.start != witness.operands.parameters["bias"];
        assert!(events.high + events.low + start.high + start.low > 0, "{id}");
        assert_eq!(cut, start.high + start.low == 1, "{id}");
        let set: Vec<String> = provenance.overrides.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let loaded = Design::load(&source.join("design.toml"), &set).unwrap();
        let bench = Bench::twin(&bundle, &source, &loaded, &loaded).unwrap();
        for simulator in Simulator::ALL {
            let verdict = bench.build(simulator).unwrap().run(Compare::Cycles).unwrap();
            assert!(verdict.passed(), "{design} {id} in {}: {verdict:#?}", simulator.name());
        }
    }
}

#[test]
fn mac_s8_acc16sat() {
    replay("mac_s8_acc16sat", "", &|id| !id.contains("/channel/") || id.starts_with("fc"));
}

#[test]
fn os16x16_s8_acc16sat() {
    replay("os16x16_s8_acc16sat", "", &|id| !id.contains("/channel/"));
}

#[test]
fn a_narrow_mac_is_overridden_by_its_witness_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let model = "tests/models/cnn_s8_qoperator.onnx --input tests/models/cnn_inputs.npy --layer fc_quant";
    let design = "hw_models/mac_s8_acc16sat --set accumulator.width=14";
    goldpath(&format!("overflow {model} --design {design} --out {}", out.display())).success();
    let witness = format!("--witness {}#fc_quant/first", out.join("witness.json").display());
    let bundle = folder.path().join("bundle");
    goldpath(&format!("vectors hw_models/mac_s8_acc16sat {witness} --out {}", bundle.display())).success();
    let facts = manifest::read(&bundle).unwrap();
    assert_eq!(facts.source.overrides["accumulator.width"], "14");
    assert_eq!(facts.design.verilog["ACC_WIDTH"], 14);
    goldpath(&format!("cosim {} --simulator icarus", bundle.display())).success();
    // Another design, another width, another name: refused, and nothing is written.
    let other = folder.path().join("other");
    for (line, reason) in [
        (format!("vectors hw_models/mac_s8_acc32 {witness}"), "--set accumulator.width=14"),
        (
            format!("vectors hw_models/mac_s8_acc16sat --set accumulator.width=15 {witness}"),
            "which is not this",
        ),
        (format!("vectors hw_models/mac_s8_acc16sat {witness}x"), "has no witness"),
        (format!("vectors hw_models/mac_s8_acc16sat --witness {}", bundle.display()), "names no witness"),
        (format!("vectors hw_models/mac_s8_acc16sat --witness {}#x", bundle.display()), "read the witnesses"),
        (
            format!("vectors hw_models/mac_s8_acc16sat --witness {}#x", out.join("report.json").display()),
            "witnesses",
        ),
    ] {
        let _ = reason;
        let result = goldpath(&format!("{line} --out {}", other.display())).code(2);
        let text = String::from_utf8_lossy(&result.get_output().stderr).into_owned();
        assert!(text.starts_with("error: ") && !other.exists(), "{line}: {text}");
        if !reason.starts_with("--set") {
            assert!(text.contains(reason), "{line}: {text}");
        }
    }
    // A claim that was tampered with is found out.
    let path = out.join("witness.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut file: WitnessFile = serde_json::from_str(&text).unwrap();
    let at = file.witnesses.iter().position(|w| w.id == "fc_quant/first").unwrap();
    let digits = &mut file.witnesses[at].operands.activations;
    let flipped = if digits.starts_with('0') { "1" } else { "0" };
    digits.replace_range(0..1, flipped);
    std::fs::write(&path, serde_json::to_string(&file).unwrap()).unwrap();
    let result =
        goldpath(&format!("vectors hw_models/mac_s8_acc16sat {witness} --out {}", other.display())).code(2);
    let text = String::from_utf8_lossy(&result.get_output().stderr).into_owned();
    assert!(text.contains("it claims") && !other.exists(), "{text}");
}
