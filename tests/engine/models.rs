//! The committed networks' layers through a design whose arithmetic is ONNX Runtime's: the same tensors.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional::graph::{infer, layer, layer_names};
use goldpath::functional::operators::{Designed, Framework};
use goldpath::import::{npy::read_npy, onnx};
use goldpath::lower::Program;

use super::equal::both;

/// os8x8_s8_acc32 with a float32 scale behind it, taking u8 tensors recoded; the weight's zero point is subtracted
/// in front of the multiplier, the activation's folded into the bias.
fn design() -> Arc<Design> {
    let overrides = [
        "post={ preset = \"onnxruntime\", latency = [1, 0, 1] }",
        "operands.activation.recode=\"minus_128\"",
        "operands.weight.recode=\"minus_128\"",
        "parameters.weight_offset={ format = \"s9\", per = \"channel\", min = -127, max = 128 }",
        "operands.weight.offset=\"weight_offset\"",
        "operands.weight.format=\"s9\"",
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models/os8x8_s8_acc32/design.toml");
    Arc::new(Design::load(&path, &overrides.map(String::from)).unwrap())
}

fn models() -> impl Iterator<Item = (String, String)> {
    let names = ["mlp", "cnn"].iter().flat_map(|net| {
        let forms = ["s8_qoperator", "u8_qoperator", "s8_qdq", "u8_qdq"];
        forms.map(|form| (format!("{net}_{form}.onnx"), format!("{net}_inputs.npy")))
    });
    names.into_iter()
}

#[test]
fn a_design_with_onnxruntimes_arithmetic_gives_its_tensors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    for (model, inputs) in models() {
        let network = onnx::read(&folder.join(&model)).unwrap().fused();
        let x = read_npy(&folder.join(inputs)).unwrap();
        let expected = infer(&network, &x, &Framework).unwrap();
        let got = infer(&network, &x, &Designed::new(design())).unwrap();
        assert_eq!(expected.len(), got.len());
        for (expected, got) in expected.iter().zip(&got) {
            assert!(expected == got, "{model}: {}", expected.0);
        }
    }
}

#[test]
fn both_engines_agree_on_every_layer_of_the_cnn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    let network = onnx::read(&folder.join("cnn_u8_qoperator.onnx")).unwrap().fused();
    let x = read_npy(&folder.join("cnn_inputs.npy")).unwrap();
    for name in layer_names(&network) {
        let (layer, x) = layer(&network, &name, &x, &Framework).unwrap();
        // A few images are enough: the layers are small, the cycles many.
        let images = ndarray::Slice::from(..2);
        let codes = x.to_i32().unwrap().slice_axis(ndarray::Axis(0), images).to_owned();
        both(&Program::layer(design(), &layer, &codes).unwrap(), &name);
    }
}
