//! The presets against what the frameworks computed, through the steps of a design.
//!
//! The vectors under `tests/data` were made by running the frameworks or compiling their own C.

mod dialects;
mod properties;

use std::path::Path;

use goldpath::design::Design;
use goldpath::num::Rounding;
use goldpath::num::shift_right;
use goldpath::post::{double_rounding, quantize_multiplier, single_rounding};
use serde_json::Value;

/// A design whose 32-bit accumulator goes through one preset.
fn design(post: &str) -> Design {
    let text = format!(
        r#"
schema = 1
name = "requantizer"
post = {post}
[operands]
activation = {{ width = 8, signed = true }}
weight = {{ width = 8, signed = true }}
[accumulator]
width = 32
signed = true
overflow = "wrap"
start = "zero"
[array]
dataflow = "sequential"
"#
    );
    Design::parse(&text, Path::new("requantizer.toml"), &[]).unwrap_or_else(|e| panic!("{e}"))
}

/// Runs the steps; `given` are parameters by name, the others have their defaults.
fn run(design: &Design, accumulator: i64, given: &[(&str, i64)]) -> i64 {
    let parameters: Vec<Vec<i64>> = design
        .parameters
        .iter()
        .map(|p| {
            let value = given.iter().find(|(name, _)| *name == p.name).map(|(_, v)| *v).or(p.default);
            let value = value.unwrap_or_else(|| panic!("{} is not given", p.name));
            assert!((p.min..=p.max).contains(&value), "{} = {value} is outside its limits", p.name);
            vec![value]
        })
        .collect();
    design.post_program().channel(&parameters, 0).output(accumulator)
}

fn double(design: &Design, accumulator: i64, scale: f64, zero_point: i64) -> i64 {
    let (multiplier, left, right) = double_rounding(scale).unwrap();
    let given = [
        ("multiplier", multiplier),
        ("left_shift", left),
        ("right_shift", right),
        ("zero_point", zero_point),
    ];
    run(design, accumulator, &given)
}

fn single(design: &Design, accumulator: i64, scale: f64, zero_point: i64) -> i64 {
    let (multiplier, shift) = single_rounding(scale).unwrap();
    run(design, accumulator, &[("multiplier", multiplier), ("shift", shift), ("zero_point", zero_point)])
}

fn float(design: &Design, accumulator: i64, scale: f32, zero_point: i64) -> i64 {
    run(design, accumulator, &[("scale", i64::from(scale.to_bits())), ("zero_point", zero_point)])
}

const DOUBLE: &str = r#"{ preset = "tflite_double" }"#;
const SINGLE: &str = r#"{ preset = "multiply_shift" }"#;
const ONNXRUNTIME: &str = r#"{ preset = "onnxruntime" }"#;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn matrix(value: &Value) -> Vec<Vec<i64>> {
    value.as_array().unwrap().iter().map(|row| row.as_array().unwrap().iter().map(int).collect()).collect()
}

#[test]
fn multipliers_are_tflites() {
    let data = read(include_str!("../data/requant_dialects.json"));
    let rows = data["rows"].as_array().unwrap();
    for row in rows {
        let (m, s) = quantize_multiplier(number(&row["scale"])).unwrap();
        assert_eq!((i64::from(m), i64::from(s)), (int(&row["mult"]), int(&row["shift"])), "{row}");
    }
    assert_eq!(rows.len(), 353);
}

#[test]
fn multipliers_at_the_edges() {
    assert_eq!(quantize_multiplier(0.0).unwrap(), (0, 0));
    // Rounding up to 2^31 carries into the exponent.
    assert_eq!(quantize_multiplier(1.0 - f64::EPSILON / 2.0).unwrap(), (1 << 30, 1));
    assert_eq!(quantize_multiplier(2f64.powi(-32)).unwrap(), (1 << 30, -31));
    assert_eq!(quantize_multiplier(2f64.powi(-33)).unwrap(), (0, 0));
    assert_eq!(quantize_multiplier(f64::MIN_POSITIVE / 8.0).unwrap(), (0, 0));
    // q · 2^31 is exactly halfway between two integers: away from zero.
    assert_eq!(quantize_multiplier(0.5 + 2f64.powi(-32)).unwrap(), ((1 << 30) + 1, 0));
    assert_eq!(single_rounding(2f64.powi(30)).unwrap(), (i64::from(i32::MAX), 1));
    assert_eq!(single_rounding(2f64.powi(29)).unwrap(), (1 << 30, 1));
    assert_eq!(double_rounding(8.0).unwrap(), (1 << 30, 4, 0));
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(quantize_multiplier(bad).is_err());
    }
}

#[test]
fn presets_reproduce_the_compiled_dialects() {
    let data = read(include_str!("../data/requant_dialects.json"));
    let (two, one, ort) = (design(DOUBLE), design(SINGLE), design(ONNXRUNTIME));
    let (mut compared, mut wrong) = (0, Vec::new());
    for row in data["rows"].as_array().unwrap() {
        let (acc, scale) = (int(&row["acc"]), number(&row["scale"]));
        let got = [
            ("tflite_double", double(&two, acc, scale, 0)),
            ("cmsis_double", double(&two, acc, scale, 0)),
            ("tflite_single", single(&one, acc, scale, 0)),
            ("cmsis_single", single(&one, acc, scale, 0)),
            ("xnn_fp32", float(&ort, acc, scale as f32, 0)),
        ];
        for (column, got) in got {
            // A column is empty where the framework's own precondition does not hold.
            let Some(expected) = row[column].as_i64() else { continue };
            compared += 1;
            if got != expected {
                wrong.push(format!("{column}: acc {acc} scale {scale}: got {got}, expected {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(compared, 353 * 5);
}

#[test]
fn presets_reproduce_litert() {
    let data = read(include_str!("../data/litert_int8_requant.json"));
    let (two, ort) = (design(DOUBLE), design(ONNXRUNTIME));
    let mut compared = 0;
    for case in data["cases"].as_array().unwrap() {
        let output_scale = number(&case["output_scale"]);
        let scale = 1.0f32 / output_scale as f32;
        for (index, acc) in case["acc"].as_array().unwrap().iter().map(int).enumerate() {
            assert_eq!(float(&ort, acc, scale, 0), int(&case["xnn"][index]), "xnn {acc} / {output_scale}");
            compared += 1;
            // Fully connected layers of the reference resolver round once, away: not this preset.
            if case["op"] != "fc" {
                let got = double(&two, acc, 1.0 / output_scale, 0);
                assert_eq!(got, int(&case["ref"][index]), "ref {acc} / {output_scale}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 1794);
}

#[test]
fn the_onnxruntime_preset_is_onnx_runtime() {
    let data = read(include_str!("../data/ort_qlinear.json"));
    let signed = design(ONNXRUNTIME);
    let unsigned = design(r#"{ preset = "onnxruntime", format = "u8" }"#);
    let mut compared = 0;
    for row in matrix(&data["ties_acc_over_2"]["rows"]) {
        assert_eq!(float(&signed, row[0], 0.5, row[1]), row[2], "acc {} zero point {}", row[0], row[1]);
        compared += 1;
    }
    for case in data["cases"].as_array().unwrap() {
        let design = if case["types"].as_str().unwrap().starts_with('u') { &unsigned } else { &signed };
        let scale = (number(&case["a_scale"]) as f32 * number(&case["b_scale"]) as f32)
            / number(&case["y_scale"]) as f32;
        let (a, b, y) = (matrix(&case["a"]), matrix(&case["b"]), matrix(&case["ort"]));
        for (m, row) in a.iter().enumerate() {
            for n in 0..b[0].len() {
                let acc: i64 = row
                    .iter()
                    .zip(&b)
                    .map(|(x, w)| (x - int(&case["a_zp"])) * (w[n] - int(&case["b_zp"])))
                    .sum();
                assert_eq!(float(design, acc, scale, int(&case["y_zp"])), y[m][n], "{}", case["types"]);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 272);
}

/// Clamping after rounding into 32 bits equals A.4's clamp of the float before rounding.
#[test]
fn clamp_after_rounding_equals_clamp_before() {
    let signed = design(ONNXRUNTIME);
    let scales = [0.5f32, 0.25, 0.1, 1.0, 3.5, 1e-6, 1e30, f32::from_bits(1), f32::MAX];
    for acc in (-2100..2100).chain([i64::from(i32::MIN), i64::from(i32::MAX), 16_908_289]) {
        for scale in scales {
            for zero_point in [-128i64, -1, 0, 3, 127] {
                let low = (-128 - zero_point) as f32;
                let high = (127 - zero_point) as f32;
                let v = (acc as f32 * scale).max(low).min(high);
                let expected = v.round_ties_even() as i64 + zero_point;
                assert_eq!(float(&signed, acc, scale, zero_point), expected, "{acc} {scale} {zero_point}");
            }
        }
    }
}

#[test]
fn known_answers() {
    // tensorflow #25087: x = 7984, m = 1583594044, s = -9.
    let (two, one) = (design(DOUBLE), design(SINGLE));
    let m = ("multiplier", 1_583_594_044);
    assert_eq!(run(&two, 7984, &[m, ("left_shift", 0), ("right_shift", 9)]), 12);
    assert_eq!(run(&one, 7984, &[m, ("shift", 31 + 9)]), 11);
    // tensorflow #102943: x · scale lies just above 6.5. The integer schemes, with the thread's own multiplier,
    // see that; a float32 product with a scale one ulp lower is 6.5 exactly, a tie that goes to even.
    assert_eq!(quantize_multiplier(0.011_111_111_910_680_305).unwrap(), (1_527_099_593, -6));
    assert_eq!(double(&two, 585, 0.011_111_111_910_680_305, -126), -119);
    assert_eq!(single(&one, 585, 0.011_111_111_910_680_305, -126), -119);
    let scale = 1.0f32 / 90.0;
    assert_eq!(double(&two, 585, f64::from(scale), -126), -119);
    assert_eq!(single(&one, 585, f64::from(scale), -126), -119);
    assert_eq!(float(&design(ONNXRUNTIME), 585, scale, -126), -120);
    // −832 >> 7 in four roundings.
    let answers =
        [(Rounding::HalfAway, -7), (Rounding::HalfUp, -6), (Rounding::HalfEven, -6), (Rounding::Floor, -7)];
    for (rounding, expected) in answers {
        assert_eq!(shift_right(-832, 7, rounding), expected);
        let shift = design(&format!(r#"{{ preset = "shift", rounding = "{rounding}", shift = 7 }}"#));
        assert_eq!(i128::from(run(&shift, -832, &[])), expected);
    }
}

/// −2^31 · −2^31 is the one product whose SRDHM leaves 32 bits: it saturates where a multiplier may be negative.
#[test]
fn srdhm_saturates_at_its_corner() {
    let text = design(DOUBLE).to_toml().replace("max = 2147483647", "max = 0").replace(
        "[parameters.multiplier]\nformat = \"s32\"\nper = \"channel\"\nmin = 0",
        "[parameters.multiplier]\nformat = \"s32\"\nper = \"channel\"\nmin = -2147483648",
    );
    let overrides = ["post.2.overflow=saturate".to_string()];
    let design = Design::parse(&text, Path::new("corner.toml"), &overrides).unwrap_or_else(|e| panic!("{e}"));
    let low = i64::from(i32::MIN);
    let shifts = [("left_shift", 0), ("right_shift", 0), ("multiplier", low)];
    let (parameters, mut seen): (Vec<Vec<i64>>, Vec<usize>) = (
        design
            .parameters
            .iter()
            .map(|p| {
                vec![shifts.iter().find(|(n, _)| *n == p.name).map_or(p.default.unwrap_or(0), |(_, v)| *v)]
            })
            .collect(),
        Vec::new(),
    );
    assert_eq!(design.post_program().channel(&parameters, 0).run(low, |step, _| seen.push(step)), 127);
    assert_eq!(seen, [2]);
}
