//! A layer that ends with its sums brings no requantisation: vectors of it still check the output stage.

use std::collections::BTreeSet;
use std::path::Path;

use super::onnx::{Data, FLOAT, Model};
use super::{Case, FLEXIBLE, goldpath, json, stdout};

/// x [6, 8] ─ DynamicQuantizeLinear ─ MatMulInteger with [8, 4]: int32 sums, and nothing behind them.
fn dynamic() -> Case {
    let mut model = Model::default();
    model.input("x", FLOAT, &[6, 8]);
    model.node_to("DynamicQuantizeLinear", "", &["x"], &["codes", "scale", "zero"], &[]);
    let weights =
        model.constant(&[8, 4], Data::I8((0..32).map(|v: i16| i8::try_from(v * 7 - 111).unwrap()).collect()));
    let sums = model.node("MatMulInteger", "layer", &["codes", &weights, "zero"], &[]);
    model.output(&sums);
    let values: Vec<f32> = (0..48_u16).map(|v| f32::from(v * 37 % 48) - 20.0).collect();
    Case::new(&model.bytes(), &[6, 8], &values)
}

fn lines(bundle: &str, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(bundle).join(file)).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_output_stage_of_a_layer_without_requantisation_is_checked() {
    let case = dynamic();
    for preset in ["shift\", rounding = \"half_up", "multiply_shift", "tflite_double", "onnxruntime"] {
        let design = FLEXIBLE.replace("\"multiply_shift\"", &format!("\"{preset}\""));
        std::fs::write(case.path("d.toml"), design).unwrap();
        let vectors = |out: &str, more: &[&str]| {
            let (model, x, design, out) =
                (case.path("m.onnx"), case.path("x.npy"), case.path("d.toml"), case.path(out));
            let asked =
                ["vectors", &design, "--model", &model, "--layer", "layer", "--input", &x, "--out", &out];
            (goldpath(&[&asked[..], more].concat()), out)
        };
        let (said, bundle) = vectors("b", &["--format", "json"]);
        let said = json(&said);
        let made_up = said["requantization"].as_str().unwrap();
        assert!(made_up.starts_with("made up: the layer has none ("), "{made_up}");
        // What belongs to the operands is the layer's own.
        assert!(!made_up.contains("za") && !made_up.contains("zw") && !made_up.contains("bias"), "{made_up}");
        let manifest: serde_json::Value =
            serde_json::from_str(&lines(&bundle, "manifest.json").concat()).unwrap();
        assert_eq!(manifest["source"]["requantization"], said["requantization"]);
        assert_eq!(manifest["source"]["seed"], 1);
        let outputs: Vec<String> = lines(&bundle, "beats_out.hex");
        let distinct: BTreeSet<&String> = outputs.iter().collect();
        assert!(distinct.len() * 2 > outputs.len(), "{preset}: {outputs:?}");
        // The same again, byte for byte; another seed, other numbers.
        let (text, again) = vectors("b2", &[]);
        assert!(stdout(&text).contains("requantisation made up: the layer has none"), "{}", stdout(&text));
        assert_eq!(lines(&again, "channels.hex"), lines(&bundle, "channels.hex"));
        let (_, other) = vectors("b3", &["--seed", "2"]);
        assert_ne!(lines(&other, "channels.hex"), lines(&bundle, "channels.hex"));
        assert_eq!(lines(&other, "stimulus.hex"), lines(&bundle, "stimulus.hex"));
    }
}

/// Offsets and bias are the layer's, wherever the design reads them: the outputs say what a division of the exact sums says.
#[test]
fn a_bias_in_a_post_step_stays_the_layers_and_outputs_are_spread() {
    let case = dynamic();
    let design = FLEXIBLE
        .replace("start = \"bias\"", "start = \"overwrite\"")
        .replace(", offset = \"za\", format = \"s9\"", "")
        .replace("za = { format = \"s9\", per = \"layer\", min = -127, max = 128 }\n", "")
        .replace(
            "post = { preset = \"multiply_shift\" }",
            "post = [{ step = \"bias\", format = \"s33\" }, { step = \"shift_right\", shift = \"shift\", \
             rounding = \"half_up\" }, { step = \"saturate\", width = 8 }]",
        );
    let design = format!("{design}shift = {{ format = \"u6\", per = \"channel\", min = 0, max = 40 }}\n");
    std::fs::write(case.path("d.toml"), design).unwrap();
    let (model, x, design, out) =
        (case.path("m.onnx"), case.path("x.npy"), case.path("d.toml"), case.path("b"));
    let asked = ["vectors", &design, "--model", &model, "--layer", "layer", "--input", &x, "--out", &out];
    let said = json(&goldpath(&[&asked[..], &["--format", "json"]].concat()));
    assert_eq!(said["requantization"], "made up: the layer has none (shift)");
    let outputs = lines(&out, "beats_out.hex");
    let distinct: BTreeSet<&String> = outputs.iter().collect();
    assert!(distinct.len() * 2 > outputs.len(), "{outputs:?}");
}

/// A shape that is too small to saturate is told how large K must be, and that is enough.
#[test]
fn a_saturating_case_says_how_many_products_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let steps = folder.path().join("steps.toml");
    std::fs::write(&steps, super::settings::STEPS).unwrap();
    let model = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models").join(name);
    for (at, design) in [steps, model("mac_s8_acc32"), model("tree8_s8_acc24")].into_iter().enumerate() {
        let (design, out) =
            (design.display().to_string(), folder.path().join(at.to_string()).display().to_string());
        let case = |k: &str, n: usize| {
            let shape = format!("2,{k},{n}");
            let asked = ["vectors", &design, "--case", "saturating", "--shape", &shape, "--out", &out];
            goldpath(&asked)
        };
        let said = super::stderr(&case("1", 1));
        let k = said.split("a K of about ").nth(1).unwrap_or_else(|| panic!("{said}"));
        let k = k.split(',').next().unwrap();
        let done = case(k, 2);
        assert_eq!(done.status.code(), Some(0), "{design}: K {k}: {}", super::stderr(&done));
    }
}
