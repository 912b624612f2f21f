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

/// How one kind is brought to overflow: its design, with what is set, and the operands.
struct Kind {
    design: &'static str,
    set: &'static str,
    operands: Operands,
}

enum Operands {
    /// Of the committed CNN.
    Layer(&'static str),
    /// Six rows and channels of so many products, most of them at an end of their range.
    Matrices(usize),
}

const fn kind(design: &'static str, set: &'static str, operands: Operands) -> Kind {
    Kind { design, set, operands }
}

/// Every kind of array that the two designs above are not.
const KINDS: [Kind; 9] = [
    kind("tree8_s8_acc24", "accumulator.width=12", Operands::Layer("fc_quant")),
    kind("os8x8_s8_acc32", "accumulator.width=12", Operands::Layer("fc_quant")),
    kind("os4x2_l4_s8_acc32", "accumulator.width=12", Operands::Layer("fc_quant")),
    kind("ws8x8_bcast_s8_acc24_mem32", "accumulator.width=12", Operands::Layer("fc_quant")),
    kind("lanes4_s8_acc16sat_sum17", "accumulator.width=12", Operands::Layer("fc_quant")),
    kind("is8x8_s8_acc24", "accumulator.width=12 --set array.rows=16", Operands::Layer("conv1_quant")),
    kind("ws16x16_s8_acc32", "accumulator.width=17", Operands::Matrices(16)),
    kind("os8x8_diag_s8_acc20", "accumulator.width=17", Operands::Matrices(40)),
    kind("tree16x4_banks4_s8_acc34sat", "accumulator.width=17", Operands::Matrices(40)),
];

impl Kind {
    /// What `overflow` is asked, before the output.
    fn line(&self, folder: &Path) -> String {
        let design = format!("hw_models/{} --set {}", self.design, self.set);
        match self.operands {
            Operands::Layer(layer) => format!(
                "overflow tests/models/cnn_s8_qoperator.onnx --input tests/models/cnn_inputs.npy --layer {layer} --design {design}"
            ),
            Operands::Matrices(k) => {
                let end = |at: usize| [-128_i8, 127, 127, -128, 100][at * at % 5];
                let matrix = |name: &str, shape: [usize; 2], by: usize| {
                    let path = folder.join(name);
                    let values = ndarray::Array2::from_shape_fn(shape, |(r, c)| end(r * by + c * 3 + r * c));
                    ndarray_npy::write_npy(&path, &values).unwrap();
                    path.display().to_string()
                };
                let (a, w) = (matrix("a.npy", [6, k], 2), matrix("w.npy", [k, 6], 1));
                format!("overflow {design} --activations {a} --weights {w}")
            }
        }
    }

    /// Replays some witnesses of each class, or all of them, in RTL.
    fn is_shown(&self, simulators: &[Simulator], all: bool) {
        let folder = tempfile::tempdir().unwrap();
        let [out, bundle] = ["out", "bundle"].map(|name| folder.path().join(name));
        goldpath(&format!("{} --out {}", self.line(folder.path()), out.display())).success();
        let path = out.join("witness.json");
        let file: WitnessFile = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let ids = file.witnesses.iter().map(|witness| witness.id.as_str());
        let ids: Vec<&str> = ids.filter(|id| !id.contains("/channel/")).collect();
        let few = |id: &&&str| all || ["/first", "/largest"].iter().any(|end| id.ends_with(end));
        let source = Path::new("hw_models").join(self.design);
        let mut shown = 0;
        for id in ids.iter().filter(few).take(if all { usize::MAX } else { 3 }) {
            let line = format!(
                "vectors hw_models/{} --strength none --witness {}#{id}",
                self.design,
                path.display()
            );
            goldpath(&format!("{line} --out {}", bundle.display())).success();
            let facts = manifest::read(&bundle).unwrap();
            let events = facts.events.unwrap();
            assert!(events.values().any(|node| node.high + node.low > 0), "{} {id}", self.design);
            let set: Vec<String> = facts.source.overrides.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let loaded = Design::load(&source.join("design.toml"), &set).unwrap();
            let bench = Bench::twin(&bundle, &source, &loaded, &loaded).unwrap();
            for simulator in simulators {
                let verdict = bench.build(*simulator).unwrap().run(Compare::Cycles).unwrap();
                assert!(verdict.passed(), "{} {id} in {}: {verdict:#?}", self.design, simulator.name());
            }
            shown += 1;
        }
        println!("{}: {shown} of {} witnesses shown", self.design, ids.len());
        assert!(shown >= 2 && ids.len() > shown - usize::from(all), "{}: {ids:?}", self.design);
    }
}

#[test]
fn every_kind_shows_its_first_witnesses() {
    KINDS.iter().for_each(|kind| kind.is_shown(&[Simulator::Icarus], false));
}

#[test]
#[ignore = "long: every witness of every kind in both simulators"]
fn every_kind_shows_every_witness() {
    KINDS.iter().for_each(|kind| kind.is_shown(&Simulator::ALL, true));
}
