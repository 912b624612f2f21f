//! What is said to be set for a layer is found where several keys are needed together, and is true.

use super::onnx::{Data, FLOAT, INT8, Model};
use super::{Case, goldpath, json, stderr};

/// Post steps written one by one, each parameter one for a layer and as narrow as 8-bit outputs need.
pub(super) const STEPS: &str = r#"
schema = 1
name = "steps"
[operands]
activation = { width = 8, signed = false }
weight = { width = 8, signed = true }
[accumulator]
width = 20
signed = true
overflow = "saturate"
start = "overwrite"
[array]
dataflow = "sequential"
[[post]]
step = "bias"
format = "s24"
overflow = "saturate"
[[post]]
step = "multiply"
value = "multiplier"
[[post]]
step = "rounding_shift"
shift = "shift"
rounding = "half_up"
[[post]]
step = "zero_point"
[[post]]
step = "clamp"
low = "low"
high = "high"
format = "u8"
[parameters]
multiplier = { format = "s32", per = "layer" }
shift = { format = "u6", per = "layer" }
low = { format = "u8" }
high = { format = "u8" }
"#;

const UINT16: u64 = 4;

/// Two columns of weights with a scale each.
fn per_channel() -> Case {
    let mut model = Model::default();
    model.input("x", INT8, &[1, 3]);
    let weights = model.constant(&[3, 2], Data::I8(vec![1, -2, 3, 4, -5, 6]));
    let (sx, zx) = (model.scalar(Data::F32(vec![0.25])), model.scalar(Data::I8(vec![-3])));
    let (sw, zw) =
        (model.constant(&[2], Data::F32(vec![0.3, 0.7])), model.constant(&[2], Data::I8(vec![0, 0])));
    let bias = model.constant(&[2], Data::I32(vec![-9, 100]));
    let inputs = ["x", &*sx, &zx, &weights, &sw, &zw, &bias, &sx, &zx];
    let y = model.node("com.microsoft.QGemm", "layer", &inputs, &[]);
    model.output(&y);
    Case::of(&model.bytes(), "|i1", &[1, 3], vec![1, 2, 3])
}

/// u16 codes in and out, with zero points in the middle and a scale per column.
fn sixteen_bits() -> Case {
    let mut model = Model::default();
    model.opset = 21;
    model.input("x", FLOAT, &[1, 3]);
    model.tensor("zero", UINT16, &[], &33_000_u16.to_le_bytes(), &[]);
    let scale = model.scalar(Data::F32(vec![0.001]));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, "zero"], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, "zero"], &[]);
    let (sw, zw) =
        (model.constant(&[2], Data::F32(vec![0.3, 0.7])), model.constant(&[2], Data::I8(vec![0, 0])));
    let weights = model.constant(&[3, 2], Data::I8(vec![1, -2, 3, 4, -5, 6]));
    let axis = [("axis", super::onnx::Value::Int(1))];
    let weights = model.node("DequantizeLinear", "", &[&weights, &sw, &zw], &axis);
    let y = model.node("MatMul", "layer", &[&x, &weights], &[]);
    let y = model.node("QuantizeLinear", "", &[&y, &scale, "zero"], &[]);
    model.output(&y);
    Case::new(&model.bytes(), &[1, 3], &[1.0, -2.0, 3.0])
}

/// The options between `--set '` and `'` in what was said.
fn options(said: &str) -> Vec<String> {
    let sets = said.split("--set '").skip(1).filter_map(|rest| rest.split_once('\''));
    sets.map(|(one, _)| one.to_owned()).collect()
}

#[test]
fn keys_that_are_needed_together_are_found_together() {
    for (case, key) in [(per_channel(), "parameters.multiplier"), (sixteen_bits(), "post.4.format")] {
        std::fs::write(case.path("d.toml"), STEPS).unwrap();
        let (model, design, x, out) =
            (case.path("m.onnx"), case.path("d.toml"), case.path("x.npy"), case.path("o"));
        let answer = json(&goldpath(&["layers", &model, "--design", &design, "--format", "json"]));
        let set = answer["layers"][0]["designs"][0]["set"].as_array();
        let set = set.unwrap_or_else(|| panic!("{answer:#}"));
        let set: Vec<String> = set.iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        assert!(set.iter().any(|one| one.starts_with(key)), "{set:?}");
        let vectors = |set: &[String]| {
            let asked =
                ["vectors", &design, "--model", &model, "--layer", "layer", "--input", &x, "--out", &out];
            let set = set.iter().flat_map(|one| ["--set", one]);
            goldpath(&asked.into_iter().chain(set).collect::<Vec<_>>())
        };
        let done = vectors(&set);
        assert_eq!(done.status.code(), Some(0), "{set:?}: {}", stderr(&done));
        // The command itself says as much, and its lines for the file are TOML with each table once.
        let said = stderr(&vectors(&[]));
        let told = options(&said);
        assert!(!told.is_empty(), "{said}");
        let done = vectors(&told);
        assert_eq!(done.status.code(), Some(0), "{told:?}: {}", stderr(&done));
        assert_eq!(said.matches("[parameters]").count(), 1, "{said}");
    }
}

/// Names that nothing brings are said all at once, with those that a layer brings.
#[test]
fn names_that_nothing_brings_are_said_at_once() {
    let case = per_channel();
    let design = STEPS.replace("\"multiplier\"", "\"m_fix\"").replace("multiplier =", "m_fix =");
    let design = design.replace("\"shift\"\n", "\"s_fix\"\n").replace("\nshift = {", "\ns_fix = {");
    let design = design
        .replace("activation = { width = 8, signed = false }", "activation = { width = 8, signed = true }");
    std::fs::write(case.path("d.toml"), design).unwrap();
    let said = stderr(&case.check(&[]));
    let (model, x, design, out) =
        (case.path("m.onnx"), case.path("x.npy"), case.path("d.toml"), case.path("o"));
    let asked = ["vectors", &design, "--model", &model, "--layer", "layer", "--input", &x, "--out", &out];
    let said = said + &stderr(&goldpath(&asked));
    for words in [
        "2 parameters that nothing brings: m_fix, s_fix",
        "multiplier, shift, left_shift",
        "explain parameters",
    ] {
        assert!(said.contains(words), "{words:?} is not in:\n{said}");
    }
}

/// On a committed design, options that no Verilog parameter follows are said to need other RTL; `cosim` refuses just those.
#[test]
fn options_that_the_twin_cannot_take_are_marked() {
    let (wide, narrow) = (sixteen_bits(), per_channel());
    let folder = tempfile::tempdir().unwrap();
    let (mut marked, mut plain) = (0, 0);
    for (which, case) in [wide, narrow].iter().enumerate() {
        let (model, x) = (case.path("m.onnx"), case.path("x.npy"));
        let answer = json(&goldpath(&["layers", &model, "--format", "json"]));
        let fits = answer["layers"][0]["designs"].as_array().unwrap().iter();
        for (at, (fit, design)) in fits.zip(answer["designs"].as_array().unwrap()).enumerate() {
            let set: Vec<&str> =
                fit["set"].as_array().into_iter().flatten().map(|one| one.as_str().unwrap()).collect();
            if set.is_empty() {
                continue;
            }
            let out = folder.path().join(format!("{which}_{at}")).display().to_string();
            let path = design["path"].as_str().unwrap();
            let mut asked =
                vec!["vectors", path, "--model", &model, "--layer", "layer", "--input", &x, "--out", &out];
            asked.extend(set.iter().flat_map(|one| ["--set", one]));
            assert_eq!(goldpath(&asked).status.code(), Some(0), "{fit:#}");
            let refused = stderr(&goldpath(&["cosim", &out, "--simulator", "icarus"]));
            let is_refused = refused.contains("but no Verilog parameter of its twin");
            let is_marked = fit["own_rtl"].as_array().is_some_and(|keys| !keys.is_empty());
            assert_eq!(is_marked, is_refused, "{fit:#}: {refused}");
            marked += usize::from(is_marked);
            plain += usize::from(!is_marked);
        }
    }
    assert!(marked > 0, "{marked} marked, {plain} not");
}

/// Where the model leaves more than its batch open, that is why no shape is known; and a model of floats is to be quantised.
#[test]
fn what_is_not_known_is_said_with_its_reason() {
    let mut model = Model::default();
    model.input("x", FLOAT, &[0, 2, 0, 4]);
    let (scale, zero) = (model.scalar(Data::F32(vec![0.5])), model.scalar(Data::I8(vec![0])));
    let codes = model.node("QuantizeLinear", "", &["x", &scale, &zero], &[]);
    let x = model.node("DequantizeLinear", "", &[&codes, &scale, &zero], &[]);
    let weights = model.constant(&[3, 2, 1, 1], Data::I8(vec![1, -2, 3, 4, -5, 6]));
    let w = model.node("DequantizeLinear", "", &[&weights, &scale, &zero], &[]);
    let y = model.node("Conv", "conv", &[&x, &w], &[]);
    let y = model.node("QuantizeLinear", "", &[&y, &scale, &zero], &[]);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[1, 2, 4, 4], &[0.0; 32]);
    let text = super::stdout(&goldpath(&["layers", &case.path("m.onnx"), "--design", &case.path("d.toml")]));
    assert!(text.contains("[?]: the model leaves extents of x [?, 2, ?, 4] open"), "{text}");
    assert!(text.contains("all 1 MACs are integer layers"), "{text}");
    let mut model = Model::default();
    model.input("x", FLOAT, &[1, 2]);
    let weights = model.constant(&[2, 2], Data::F32(vec![0.5; 4]));
    let y = model.node("MatMul", "float", &["x", &weights], &[]);
    model.output(&y);
    let case = Case::new(&model.bytes(), &[1, 2], &[0.0; 2]);
    let text = super::stdout(&goldpath(&["layers", &case.path("m.onnx"), "--design", &case.path("d.toml")]));
    assert!(
        text.contains("quantise the model first") && text.contains("1 of 1 MACs are no integer"),
        "{text}"
    );
}
