//! Small networks of which more was claimed than is true: layers that vanished, and bounds from one input.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use goldpath::design::Design;
use goldpath::functional;
use goldpath::functional::graph;
use goldpath::functional::operators::{Designed, Framework, LayerRule};
use goldpath::import::npy::read_npy;
use goldpath::lower::Program;
use goldpath::network::{Geometry, Layer, Tensor};
use serde_json::Value;

use super::onnx::{Data, FLOAT, Model, UINT8, Value as Attribute};
use super::{Case, FLEXIBLE, goldpath, json, stderr, stdout};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks/claims").join(name);
    path.to_str().unwrap().to_owned()
}

/// A committed case beside the flexible design.
fn case(model: &str, input: &str) -> Case {
    let case = Case::new(&std::fs::read(file(model)).unwrap(), &[1], &[0.0]);
    std::fs::copy(file(input), case.path("x.npy")).unwrap();
    case
}

fn widths(sweep: &Value, layer: &str) -> (Option<u64>, u64) {
    let layers = sweep["variants"][0]["layers"]["done"]["layers"].as_array().unwrap();
    let layer = layers.iter().find(|l| l["name"] == layer).unwrap_or_else(|| panic!("{layer}: {layers:?}"));
    (layer["minimal_proved_width"].as_u64(), layer["minimal_observed_width"].as_u64().unwrap())
}

/// The second convolution has a float bias: it was in no answer. Rounded to x.scale · w.scale, it is an integer layer like
/// any other.
#[test]
fn a_layer_with_a_float_bias_is_in_every_answer() {
    let case = case("mixed.onnx", "xm.npy");
    let sweep = stdout(&case.sweep(&[]));
    assert!(sweep.contains("network: minimal width 22 proved, 18 observed"), "{sweep}");
    for text in [sweep, stdout(&case.check(&[])), stdout(&case.overflow(&[]))] {
        assert!(text.contains("conv2") && !text.contains("stays float32"), "{text}");
    }
    let infer = json(&case.infer(&["--format", "json"]));
    let macs = infer["macs"].as_array().unwrap();
    let states: Vec<_> =
        macs.iter().map(|m| (m["name"].as_str().unwrap(), m["state"].as_str().unwrap())).collect();
    assert_eq!(states, [("conv1", "integer"), ("conv2", "integer")]);
    // It is compared with what the model says: float32, its bias included.
    let compared = infer["integer_layers"].as_array().unwrap();
    assert!(compared.iter().any(|l| l["layer"] == "conv2" && l["values"].as_u64() > Some(0)), "{infer}");
    let overflow = json(&case.overflow(&["--format", "json", "--set", "accumulator.width=16"]));
    let conv2 = overflow["layers"].as_array().unwrap().iter().find(|l| l["layer"] == "conv2").unwrap();
    assert_eq!((&conv2["widths"]["observed"], &conv2["widths"]["proved"]), (&18.into(), &22.into()));
    assert!(conv2["outputs_with_events"].as_u64() > Some(0));
}

/// ONNX Runtime's quantiser with QuantizeBias=False answers as without it.
#[test]
fn three_of_four_layers_do_not_vanish() {
    let case = case("q_float_QuantizeBias.onnx", "q_float_QuantizeBias.npy");
    let sweep = stdout(&case.sweep(&[]));
    assert!(sweep.contains("network: minimal width 20 proved"), "{sweep}");
    let check = json(&case.check(&["--format", "json"]))["bounds"].clone();
    let layers: Vec<&str> =
        check["layers"].as_array().unwrap().iter().map(|l| l["layer"].as_str().unwrap()).collect();
    assert_eq!(layers, ["conv1", "conv2", "conv3", "fc"]);
    assert_eq!(check["coverage"]["not_covered"], serde_json::json!([]));
}

#[test]
fn a_design_on_which_nothing_ran_is_an_error_and_else_counted() {
    let mixed = case("mixed.onnx", "xm.npy");
    let narrow = ["--set", "accumulator.width=2", "--design", &mixed.path("d.toml")];
    let text = stdout(&mixed.infer(&narrow));
    assert!(text.contains("2 of 2 MACs ran on design flexible: conv1, conv2\n"), "{text}");
    let answer = json(&mixed.infer(&[&narrow[..], &["--format", "json"]].concat()));
    assert_eq!(answer["on_design"]["layers"], serde_json::json!(["conv1", "conv2"]));
    let written = std::fs::read_to_string(mixed.path("i/tensors.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), answer);

    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let weights = model.constant(&[4, 4], Data::F32(vec![0.5; 16]));
    model.node_to("MatMul", "alone", &["x", &weights], &["y"], &[]);
    model.output("y");
    let float = Case::new(&model.bytes(), &[1, 4], &[1.0; 4]);
    assert_eq!(float.infer(&[]).status.code(), Some(0));
    let refused = float.infer(&narrow);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(said.contains("0 of 1 MACs are integer layers") && said.contains("alone (MatMul)"), "{said}");
    assert!(!Path::new(&float.path("i/tensors.json")).exists() || said.contains("flexible"));
}

/// A scale per input channel: products of one sum have different scales, and no integer sum exists.
#[test]
fn no_sentence_says_network_while_a_layer_is_missing() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let (one, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let each = model.constant(&[4], Data::F32(vec![0.5, 0.25, 0.125, 1.0]));
    let none = model.constant(&[4], Data::I8(vec![0; 4]));
    let weights = model.constant(&[4, 4], Data::I8((0..16).map(|v| v * 7 - 50).collect()));
    let weights = model.node("DequantizeLinear", "", &[&weights, &one, &zero], &[]);
    let quantise = |model: &mut Model, x: &str, scale: &str, zero: &str| {
        let axis = [("axis", Attribute::Int(1))];
        let codes = model.node("QuantizeLinear", "", &[x, scale, zero], &axis);
        model.node("DequantizeLinear", "", &[&codes, scale, zero], &axis)
    };
    let x = quantise(&mut model, "x", &one, &zero);
    let y = model.node("MatMul", "good", &[&x, &weights], &[]);
    let y = quantise(&mut model, &y, &one, &zero);
    let y = quantise(&mut model, &y, &each, &none);
    let y = model.node("MatMul", "torn", &[&y, &weights], &[]);
    let y = quantise(&mut model, &y, &one, &zero);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[1, 4], &[1.0, -2.0, 3.0, 4.0]);
    let sweep = stdout(&case.sweep(&[]));
    let line = sweep.lines().find(|line| line.contains("minimal width") && line.contains("exact:")).unwrap();
    assert!(line.starts_with("the layer above (1 of 2 MACs fed by integers and not covered)"), "{line}");
    assert!(sweep.contains("torn (MatMul)") && sweep.contains("different scales"), "{sweep}");
    let page = std::fs::read_to_string(case.path("s/report.html")).unwrap();
    let claims_all = |page: &str| {
        let page = page.to_lowercase();
        let claims = ["whole network", "the network meets", "all layers", "every layer"];
        claims.into_iter().find(|claim| page.contains(claim))
    };
    assert_eq!(claims_all(&page), None);
    case.overflow(&[]);
    let page = std::fs::read_to_string(case.path("o/report.html")).unwrap();
    assert_eq!(claims_all(&page), None);
    assert!(page.contains("1 more MACs are fed by integers and not looked at"));
    for refused in [case.check(&["--layer", "torn"]), case.overflow(&["--layer", "torn"])] {
        let said = stderr(&refused);
        assert!(said.contains("no integer layer \"torn\": stays float32") && said.contains("good"), "{said}");
    }
    let check = json(&case.check(&["--format", "json"]))["bounds"].clone();
    assert_eq!(check["coverage"]["not_covered"], serde_json::json!(["torn"]));
    assert_eq!(check["skipped"][0]["layer"], "torn");
}

/// 9 bits were "proved" from one input, and another needs 17.
#[test]
fn products_of_two_activations_are_proved_for_all_of_them() {
    let [small, big] = ["attn_small.npy", "attn_big.npy"].map(|input| {
        let case = case("attn.onnx", input);
        json(&case.sweep(&["--format", "json"]))
    });
    for layer in ["qk", "pv"] {
        let ((proved, seen), (again, more)) = (widths(&small, layer), widths(&big, layer));
        assert_eq!(proved, again, "{layer}: proved holds for every input");
        assert!(seen < more && Some(more) <= proved, "{layer}: {seen}, {more} of {proved:?}");
    }
    // K = 8, s8 codes and zero points that are 0: −128·−128 eight times.
    assert_eq!(widths(&big, "qk").0, Some(19));
    let case = case("attn.onnx", "attn_small.npy");
    let check = json(&case.check(&["--format", "json", "--input", &case.path("x.npy")]))["bounds"].clone();
    let pv = check["layers"].as_array().unwrap().iter().find(|l| l["layer"] == "pv").unwrap();
    assert_eq!((&pv["computed"], &pv["proved_width"]), (&"weights".into(), &18.into()));
    let overflow = json(&case.overflow(&["--format", "json"]));
    let pv = overflow["layers"].as_array().unwrap().iter().find(|l| l["layer"] == "pv").unwrap();
    assert_eq!((&pv["computed"], &pv["widths"]["proved"]), (&"weights".into(), &18.into()));
}

/// A sum inside a float layer has no post steps of the design behind it, and bounds from given data say so.
#[test]
fn nothing_is_said_of_post_steps_that_a_sum_does_not_meet() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let (one, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let weights = model.constant(&[4, 4], Data::I8((0..16).map(|v| v * 7 - 50).collect()));
    let weights = model.node("DequantizeLinear", "", &[&weights, &one, &zero], &[]);
    let quantise = |model: &mut Model, x: &str| {
        let codes = model.node("QuantizeLinear", "", &[x, &one, &zero], &[]);
        model.node("DequantizeLinear", "", &[&codes, &one, &zero], &[])
    };
    let x = quantise(&mut model, "x");
    let y = model.node("MatMul", "inner", &[&x, &weights], &[]);
    let y = quantise(&mut model, &y);
    model.node_to("MatMul", "last", &[&y, &weights], &["y"], &[]);
    model.output("y");
    let case = Case::new(&model.bytes(), &[1, 4], &[1.0, -2.0, 3.0, 4.0]);
    let bounds = json(&case.check(&["--format", "json"]))["bounds"].clone();
    let nodes = |name: &str| -> Vec<String> {
        let layer = bounds["layers"].as_array().unwrap().iter().find(|l| l["layer"] == name).unwrap();
        let nodes = layer["nodes"].as_array().unwrap().iter();
        nodes.map(|node| node["node"].as_str().unwrap().to_string()).collect()
    };
    assert!(nodes("inner").contains(&"post.0".to_string()));
    assert_eq!(nodes("last"), ["accumulator.start", "accumulator"]);
    let text = case.check(&["--input", &case.path("x.npy")]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("while inputs stay in that range the accumulator is exact with"), "{text}");
}

/// Weights of one sign: with zero point 0 sums reach 4 · 127 · 255, with 255 the negative of that.
#[test]
fn a_dynamic_zero_point_is_any() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 4]);
    let weights = model.constant(&[4, 1], Data::I8(vec![127; 4]));
    model.node_to("DynamicQuantizeLinear", "", &["x"], &["codes", "scale", "zero"], &[]);
    model.node_to("MatMulInteger", "sum", &["codes", &weights, "zero"], &["y"], &[]);
    model.output("y");
    let of = |x: [f32; 4]| {
        let case = Case::new(&model.bytes(), &[1, 4], &x);
        let answer = json(&case.sweep(&["--format", "json"]));
        let layer = answer["variants"][0]["layers"]["done"]["layers"][0].clone();
        (layer["proved"].clone(), layer["observed"].clone(), widths(&answer, "sum"))
    };
    let ends = 4 * 127 * 255;
    let proved = serde_json::json!([-ends, ends]);
    assert_eq!(of([1.0; 4]), (proved.clone(), serde_json::json!([127 * 255, ends]), (Some(18), 18)));
    assert_eq!(of([-1.0; 4]), (proved.clone(), serde_json::json!([-ends, -127 * 255]), (Some(18), 18)));
    assert_eq!(of([0.0; 4]), (proved, serde_json::json!([0, 0]), (Some(18), 1)));
}

/// A batch of products is one layer with several matrices of weights: `check` proved the first alone, 11 bits, where the
/// second reaches 18, whenever the zero point was computed.
#[test]
fn every_product_of_a_batch_is_proved() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 2, 1, 4]);
    let weights = model.constant(&[2, 4, 1], Data::I8([[1; 4], [127; 4]].concat()));
    model.node_to("DynamicQuantizeLinear", "", &["x"], &["codes", "scale", "zero"], &[]);
    model.node_to("MatMulInteger", "sum", &["codes", &weights, "zero"], &["y"], &[]);
    model.output("y");
    let case = Case::new(&model.bytes(), &[1, 2, 1, 4], &[1.0; 8]);
    let answer = json(&case.sweep(&["--format", "json"]));
    assert_eq!(widths(&answer, "sum"), (Some(18), 18));
    let with_input = ["--format", "json", "--input", &case.path("x.npy")];
    for more in [&with_input[..2], &with_input[..]] {
        let check = json(&case.check(more))["bounds"].clone();
        let layers = check["layers"].as_array().unwrap();
        let proved = |layer: &Value| (layer["product"].clone(), layer["proved_width"].clone());
        let all: Vec<(Value, Value)> = layers.iter().map(proved).collect();
        assert_eq!(all, [("1 of 2".into(), 11.into()), ("2 of 2".into(), 18.into())], "{more:?}");
    }
    let text = stdout(&case.check(&[]));
    assert!(
        text.contains("sum, product 2 of 2: K = 4, 1 channels; the accumulator is exact with 18 bits"),
        "{text}"
    );
}

/// u8 codes on an s8 operand: 17 bits hold every sum of the codes up to 127 that it takes, and 18 are needed for those
/// of the type. What is proved says of which codes.
#[test]
fn what_is_proved_of_codes_that_an_operand_takes_says_so() {
    let mut model = Model::default();
    model.input("x", UINT8, &[0, 4]);
    let weights = model.constant(&[4, 1], Data::I8(vec![127; 4]));
    model.node_to("MatMulInteger", "sum", &["x", &weights], &["y"], &[]);
    model.output("y");
    let case = Case::of(&model.bytes(), "|u1", &[1, 4], vec![255; 4]);
    let mac = concat!(env!("CARGO_MANIFEST_DIR"), "/hw_models/mac_s8_acc32");
    let flexible = case.path("d.toml");
    let check = |design: &str, form: &str| {
        goldpath(&["check", design, "--model", &case.path("m.onnx"), "--format", form])
    };
    let layer = |design: &str| json(&check(design, "json"))["bounds"]["layers"][0].clone();
    let (narrow, wide) = (layer(mac), layer(&flexible));
    assert_eq!((&narrow["proved_width"], &wide["proved_width"]), (&17.into(), &18.into()));
    let said = "its activations are uint8 (0..255), of which the design's s8 operand takes -128..127 alone";
    assert_eq!((&narrow["not_taken"], &wide["not_taken"]), (&said.into(), &Value::Null));
    assert!(stdout(&check(mac, "text")).contains(said));
    assert!(!stdout(&check(&flexible, "text")).contains("holds for codes"));
}

/// Every product of a batch, in order: the weights' channels and the activations' rows.
#[test]
fn vectors_take_batched_products_as_the_other_commands_do() {
    let design = Design::parse(FLEXIBLE, &PathBuf::from("design.toml"), &[]).unwrap();
    let design = Arc::new(design);
    let network = super::as_read(&std::fs::read(file("attn.onnx")).unwrap());
    let x = read_npy(Path::new(&file("attn_big.npy"))).unwrap();
    /// Accumulators of the design, product by product.
    struct Each<'a>(&'a Designed, &'static str, std::sync::Mutex<Vec<i64>>);
    impl LayerRule for Each<'_> {
        fn run(&self, layer: &Layer, x: &Tensor) -> goldpath::error::Result<Tensor> {
            if layer.name == self.1 {
                let program = self.0.program(layer, x)?;
                let sums = functional::run(&program, false).accumulators;
                self.2.lock().unwrap().extend(sums.iter());
            }
            Framework.run(layer, x)
        }
    }
    let designed = Designed::new(Arc::clone(&design));
    for name in ["qk", "pv"] {
        let each = Each(&designed, name, std::sync::Mutex::default());
        graph::infer(&network, &x, &each).unwrap();
        let (layer, codes) = graph::layer(&network, name, &x, &Framework).unwrap();
        assert!(matches!(layer.geometry, Geometry::Convolution { groups: 2, .. }));
        let program = Program::layer(Arc::clone(&design), &layer, &codes.to_i32().unwrap()).unwrap();
        let (rows, n) = (program.shape.m, program.shape.n);
        let sums = functional::run(&program, false).accumulators;
        let side_by_side: Vec<i64> = (0..2)
            .flat_map(|g| (0..rows).flat_map(move |m| (0..n).map(move |c| [m, g * n + c])))
            .map(|at| sums[at])
            .collect();
        assert_eq!(side_by_side, *each.2.lock().unwrap(), "{name}");
        let case = case("attn.onnx", "attn_big.npy");
        let (design, model, x, out) =
            (case.path("d.toml"), case.path("m.onnx"), case.path("x.npy"), case.path("b"));
        let given = ["vectors", &design, "--model", &model, "--layer", name, "--input", &x, "--out", &out];
        let answer = json(&goldpath(&[&given[..], &["--format", "json"]].concat()));
        assert_eq!(answer["shape"]["groups"], 2);
    }
}

/// A scale that is no number: the layer is named with it, and nothing is proved of it, not even without its bias.
#[test]
fn a_layer_whose_scale_is_no_number_is_not_covered() {
    for bad in [f32::NAN, 0.0, -0.5, f32::INFINITY] {
        let mut model = Model::default();
        model.input("x", FLOAT, &[0, 4]);
        let (one, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
        let wrong = model.scalar(Data::F32(vec![bad]));
        let weights = model.constant(&[4, 4], Data::I8((0..16).map(|v| v * 7 - 50).collect()));
        let weights = model.node("DequantizeLinear", "", &[&weights, &one, &zero], &[]);
        let x = model.node("QuantizeLinear", "", &["x", &wrong, &zero], &[]);
        let x = model.node("DequantizeLinear", "", &[&x, &wrong, &zero], &[]);
        let y = model.node("MatMul", "layer", &[&x, &weights], &[]);
        let y = model.node("QuantizeLinear", "", &[&y, &one, &zero], &[]);
        model.output(&y);
        let case = Case::new(&model.bytes(), &[1, 4], &[1.0, -2.0, 3.0, 4.0]);
        for refused in [case.check(&[]), case.infer(&[]), case.overflow(&[])] {
            let said = stderr(&refused);
            assert_eq!(refused.status.code(), Some(2), "{bad}: {said}");
            assert!(said.contains("is not a positive, finite number"), "{bad}: {said}");
        }
    }
}
