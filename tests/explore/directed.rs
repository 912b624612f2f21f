//! By hand: a bias that does not fit, a post program that depends on the width, costs, and what cannot be built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use goldpath::design::Design;
use goldpath::explore::answer::{Events, Outcome};
use goldpath::explore::cost::cost;
use goldpath::explore::{Candidates, Exact, layers, point};
use goldpath::network::{Clamp, DType, Gemm, Input, Network, Node, Operator, Tensor};
use ndarray::{ArrayD, IxDyn};

use super::{at, builder, root};

const DESIGN: &str = r#"
schema = 1
name = "plain"
post = [{ step = "clamp", min = -128, max = 127, format = "s8" }]

[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }

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

fn scalar(value: f32) -> Tensor {
    Tensor::F32(ArrayD::from_elem(IxDyn(&[]), value))
}

pub fn codes(shape: &[usize], values: &[i8]) -> Tensor {
    Tensor::I8(ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap())
}

/// y = x · w + bias, every scale 1 and every zero point 0.
pub fn gemm(weights: &Tensor, bias: &[i32]) -> Network {
    let zero = Tensor::I8(ArrayD::zeros(IxDyn(&[])));
    let bias = Tensor::I32(ArrayD::from_shape_vec(IxDyn(&[bias.len()]), bias.to_vec()).unwrap());
    let constants = BTreeMap::from(
        [("one", scalar(1.0)), ("zero", zero), ("w", weights.clone()), ("b", bias)]
            .map(|(name, tensor)| (name.to_owned(), tensor)),
    );
    let inputs = ["x", "one", "zero", "w", "one", "zero", "b", "one", "zero"];
    let gemm = Gemm { alpha: 1.0, beta: 1.0, transpose_a: false, transpose_b: false };
    Network {
        source: PathBuf::from("by_hand.onnx"),
        inputs: vec![Input { name: "x".to_owned(), dtype: DType::I8, dims: None }],
        outputs: vec!["y".to_owned()],
        constants,
        nodes: vec![Node {
            name: "gemm".to_owned(),
            kind: "QGemm".to_owned(),
            operator: Operator::QGemm { gemm, clamp: Clamp::NONE },
            inputs: inputs.map(|name| Some(name.to_owned())).to_vec(),
            outputs: vec![Some("y".to_owned())],
        }],
    }
}

/// At 8 bits a bias of 300 starts from 44 (wrap) or 127 (saturate), an event of its own. Then +70, −50, −90: from 44 to
/// 114, 64, −26 without another one; from 127 over 197 (high), 77, −13. Exact: 370, 320, 230.
#[test]
fn a_bias_that_does_not_fit_starts_elsewhere_and_is_an_event() {
    let network = gemm(&codes(&[3, 2], &[1, 1, 1, 1, 1, 1]), &[300, 5]);
    let x = codes(&[1, 3], &[70, -50, -90]);
    let build = |own: &[String]| Design::parse(DESIGN, Path::new("design.toml"), own);
    let candidates = Candidates::new(&["wrap", "saturate"], &[8, 9, 10], &build).unwrap();
    let exact = Exact::new(&network, &x, &candidates.reference).unwrap();
    let found = layers(&exact, &candidates, None).unwrap();
    let layer = &found.layers[0];
    assert_eq!(layer.observed, [-65, 370]);
    assert_eq!((layer.channel_widths[0].start, layer.channel_widths[1].start), (10, 4));
    assert_eq!((layer.channel_widths[0].observed, layer.channel_widths[1].observed), (10, 8));
    // 9 bits: wrap starts from 300 − 512 = −212, then −142, −192, −282 (low); saturate from 255, 325 (high).
    assert_eq!(layer.overflowing[0].outputs, [vec![1, 1], vec![]]);
    assert_eq!(layer.overflowing[1].outputs, [vec![1, 1], vec![]]);
    let at_8 = |mode: usize| layer.curves[mode].points[0].result.done().unwrap().clone();
    let start = Events { outputs: 1, start_high: 1, ..Events::default() };
    assert_eq!(at_8(0).overflow, start);
    assert_eq!((at_8(0).accumulators_changed, at_8(0).outputs_changed), (1, 1));
    assert_eq!(at_8(1).overflow, Events { high: 1, ..start });
    // Outputs 127 and −65 exactly; −26 instead of 127 with wrap, −13 with saturation.
    let db = |noise: f64| ((f64::from(127 * 127 + 65 * 65) / noise).log10() * 1e4).round() / 1e3;
    assert_eq!(at_8(0).sqnr_db, Some(db(153.0 * 153.0)));
    assert_eq!(at_8(1).sqnr_db, Some(db(140.0 * 140.0)));
    assert_eq!(found.minimal_observed_width, 10);
    for (width, mode, answer) in [(8, "wrap", 0), (8, "saturate", 0), (9, "wrap", 0), (10, "wrap", 0)] {
        let result = point(&exact, candidates.at(width, mode).unwrap(), Some(&[answer])).unwrap();
        let result = result.done().unwrap().clone();
        let (overflow, cut) = (result.layers[0].overflow, u64::from(width < 10));
        assert_eq!(
            (overflow.outputs, overflow.start_high, overflow.start_low),
            (cut, cut, 0),
            "{width} {mode}"
        );
        assert_eq!((result.correct, result.network_run), (Some(1), false), "{width} {mode}");
        // At 9 bits −282 wraps to 230, which the clamp makes the exact 127 again.
        assert_eq!(result.diverges_at.is_some(), width < 9, "{width} {mode}");
    }
    let labels = exact.correct(&[1, 0]).unwrap_err().to_string();
    assert!(labels.contains("2 labels for 1 images"), "{labels}");
}

/// A step whose own format is narrower at narrow accumulators: outputs differ although no accumulator overflows.
#[test]
fn post_steps_that_follow_the_width_are_run_at_every_point() {
    let design = DESIGN.replace(
        "{ step = \"clamp\"",
        "{ step = \"fit\", format = \"s12\", overflow = \"wrap\" }, { step = \"clamp\"",
    );
    let network = gemm(&codes(&[2, 1], &[100, 100]), &[0]);
    let x = codes(&[2, 2], &[20, 20, 1, 0]);
    // The format of post.0 is another key, so it is made to follow the width here as a generated design would.
    let build = |own: &[String]| {
        let width = own.iter().find_map(|o| o.strip_prefix("accumulator.width=")).unwrap_or("32");
        let format = format!("post.0.format=s{}", width.parse::<u32>().unwrap() / 2);
        Design::parse(&design, Path::new("design.toml"), &[own, &[format]].concat())
    };
    let candidates = Candidates::new(&["wrap"], &[16, 20, 24, 40], &build).unwrap();
    let exact = Exact::new(&network, &x, &candidates.reference).unwrap();
    let found = layers(&exact, &candidates, None).unwrap();
    assert_eq!(found.minimal_observed_width, 13);
    // 4000 wrapped into 8, 10, 12, 20 bits: −96, −96, −96, 4000; behind the clamp −96 or 127.
    for (width, changed) in [(16, 1), (20, 1), (24, 1), (40, 0)] {
        let fidelity = found.layers[0].curves[0].points[width as usize - 8].result.done().unwrap().clone();
        assert_eq!(fidelity.overflow, Events::default());
        assert_eq!((fidelity.accumulators_changed, fidelity.outputs_changed), (0, changed), "{width}");
        let result = point(&exact, candidates.at(width, "wrap").unwrap(), None).unwrap();
        assert_eq!(result.done().unwrap().diverges_at.is_some(), changed > 0, "{width}");
    }
}

#[test]
fn widths_that_the_design_refuses_are_said_in_its_words() {
    let build = builder("mac_s8_acc32", &[]);
    let candidates = Candidates::new(&["wrap"], &[32, 33, 50], &build).unwrap();
    assert_eq!(candidates.reference.accumulator.format.width(), 32);
    assert!(candidates.at(32, "wrap").unwrap().design.done().is_some());
    for width in [33, 50] {
        match &candidates.at(width, "wrap").unwrap().design {
            Outcome::NotBuildable(words) => {
                assert!(
                    words.contains("fused with its shift (R8)") && words.starts_with("design.toml:"),
                    "{words}"
                );
            }
            Outcome::Done(_) => panic!("{width} bits were refused before"),
        }
    }
    assert!(candidates.at(51, "wrap").is_err());
    let nothing = builder("mac_s8_acc32", &["accumulator.nonsense=1"]);
    let error = Candidates::new(&["wrap"], &[16], &nothing).unwrap_err().to_string();
    assert!(error.contains("nonsense"), "{error}");
}

#[test]
fn sums_that_no_accumulator_of_the_design_holds_are_an_error() {
    let narrow = DESIGN.replace(
        "[{ step = \"clamp\"",
        "[{ step = \"multiply\", value = 1152921504606846976, latency = 1 }, { step = \"clamp\"",
    );
    let build = |own: &[String]| Design::parse(&narrow, Path::new("design.toml"), own);
    let candidates = Candidates::new(&["wrap"], &[8], &build);
    let Ok(candidates) = candidates else { panic!("{}", candidates.unwrap_err()) };
    assert!(candidates.reference.accumulator.format.width() < 8);
    let network = gemm(&codes(&[1, 1], &[100]), &[0]);
    let Err(error) = Exact::new(&network, &codes(&[1, 1], &[100]), &candidates.reference) else {
        panic!("10000 does not fit")
    };
    assert!(error.to_string().contains("gemm") && error.to_string().contains("widest"), "{error}");
}

/// Register bits, and adders: none in front of one lane; 4 of 17, 2 of 18 and 1 of 19 bits in front of eight.
#[test]
fn costs_are_those_of_the_page() {
    let bits = |name: &str, width: u32| {
        let cost = cost(&at(&builder(name, &[]), width, "wrap"));
        (cost.accumulator_bits, cost.adder_bits)
    };
    assert_eq!(bits("mac_s8_acc32", 20), (20, 20));
    assert_eq!(bits("os8x8_s8_acc32", 20), (64 * 20, 64 * 20));
    assert_eq!(bits("tree8_s8_acc24", 20), (20, 4 * 17 + 2 * 18 + 19 + 20));
    assert!(root().join("hw_models/tree8_s8_acc24").exists());
}
