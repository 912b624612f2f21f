//! A design in the place of the framework's arithmetic.

use std::path::Path;
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional::graph::{infer, layer, layer_names};
use goldpath::functional::operators::{Designed, Framework};
use goldpath::import::npy::read_npy;
use goldpath::import::onnx;
use goldpath::network::Network;

use super::models;

/// ONNX Runtime's own arithmetic, said as a design.
const RUNTIME: &str = r#"
schema = 1
name = "runtime"
POST

[operands]
activation = ACTIVATION
weight = WEIGHT

[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "bias"

[array]
dataflow = "sequential"

[parameters]
bias = { format = "s32", per = "channel" }
"#;

fn design(post: &str, activation: &str, weight: &str) -> Designed {
    let text = RUNTIME.replace("POST", post).replace("ACTIVATION", activation).replace("WEIGHT", weight);
    let design = Design::parse(&text, Path::new("design.toml"), &[]);
    Designed::new(Arc::new(design.unwrap_or_else(|e| panic!("{e}"))))
}

fn network(name: &str) -> Network {
    onnx::read(&models().join(format!("{name}.onnx"))).unwrap().fused()
}

#[test]
fn onnx_runtimes_arithmetic_as_a_design_is_onnx_runtime() {
    const SIGNED: &str = "{ width = 8, signed = true }";
    let s8 = design(r#"post = { preset = "onnxruntime" }"#, SIGNED, SIGNED);
    for name in ["mlp_s8_qoperator", "mlp_s8_qdq", "cnn_s8_qoperator", "cnn_s8_qdq"] {
        let network = network(name);
        let x = read_npy(&models().join(format!("{}_inputs.npy", &name[..3]))).unwrap();
        let expected = infer(&network, &x, &Framework).unwrap();
        let found = infer(&network, &x, &s8).unwrap_or_else(|e| panic!("{e}"));
        assert!(found == expected, "{name}");
    }
}

/// The same, said step by step in a stranger's words, the bias added behind an accumulator of 24 bits.
#[test]
fn the_steps_of_a_stranger_are_onnx_runtime() {
    const SIGNED: &str = "{ width = 8, signed = true }";
    const STEPS: &str = r#"post = [
        { step = "bias" },
        { step = "float_scale", value = "scale", rounding = "half_even", format = "s32", overflow = "saturate" },
        { step = "zero_point" },
        { step = "clamp", min = "low", max = "high" },
        { step = "saturate", width = 8 },
    ]"#;
    const PARAMETERS: &str = "low = { format = \"s8\" }\nhigh = { format = \"s8\" }\n\
                              scale = { format = \"s32\", per = \"channel\" }\n";
    let text = RUNTIME.replace("POST", STEPS).replace("ACTIVATION", SIGNED).replace("WEIGHT", SIGNED);
    let text =
        text.replace("start = \"bias\"", "start = \"zero\"").replace("width = 32", "width = 24") + PARAMETERS;
    let design = Design::parse(&text, Path::new("design.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
    let stranger = Designed::new(Arc::new(design));
    for name in ["mlp_s8_qoperator", "cnn_s8_qdq"] {
        let network = network(name);
        let x = read_npy(&models().join(format!("{}_inputs.npy", &name[..3]))).unwrap();
        let found = infer(&network, &x, &stranger).unwrap_or_else(|e| panic!("{e}"));
        assert!(found == infer(&network, &x, &Framework).unwrap(), "{name}");
    }
}

#[test]
fn layers_are_taken_out_by_name() {
    let network = network("cnn_s8_qoperator");
    assert_eq!(layer_names(&network), ["conv1_quant", "depthwise_quant", "conv2_quant", "fc_quant"]);
    let x = read_npy(&models().join("cnn_inputs.npy")).unwrap();
    let (conv2, codes) = layer(&network, "conv2_quant", &x, &Framework).unwrap();
    assert_eq!((conv2.k(), conv2.channels()), (16 * 9, 32));
    assert_eq!(codes.shape(), [64, 16, 4, 4]);
    let error = layer(&network, "pool", &x, &Framework).unwrap_err().to_string();
    assert!(error.contains("conv2_quant"), "{error}");
}
