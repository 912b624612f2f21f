//! Every scheme that a framework's own outputs are at hand of, against all of them: numbers are derived of the scale as the
//! preset's own sources say.

use std::path::Path;

use goldpath::design::{Design, Preset};
use goldpath::post::{Factor, Source};
use serde_json::Value;

use crate::{int, matrix, number, read};

/// A preset behind sums of so many bits.
pub fn scheme(preset: &str, width: u32, output: &str) -> Design {
    let rounding = if preset == "shift" { ", rounding = \"half_up\"" } else { "" };
    let text = format!(
        "schema = 1\nname = \"scheme\"\npost = {{ preset = \"{preset}\", format = \"{output}\"{rounding} }}\n\
         accumulator = {{ width = {width}, signed = true }}\n"
    );
    Design::parse(&text, Path::new(preset), &[]).unwrap_or_else(|e| panic!("{preset}: {e}"))
}

/// What becomes of a sum at a real scale; `given` are parameters by name, the others are derived or have defaults.
pub fn scaled(design: &Design, sum: i64, scale: f64, given: &[(&str, i64)]) -> i64 {
    let has = |name: &str| design.parameters.iter().any(|p| p.name == name);
    let value = |p: &goldpath::post::Parameter| {
        if p.name == "value" {
            return sum;
        }
        if let Some((_, value)) = given.iter().find(|(name, _)| *name == p.name) {
            return *value;
        }
        let bounds = ["zero_point", "low", "high"].contains(&p.name.as_str());
        let source = p.source.or_else(|| Source::by_name(&p.name, has)).filter(|_| !bounds);
        let factor = |source: Source| match source.factor {
            Factor::Float32 => f64::from(scale as f32),
            Factor::Float64 | Factor::Tflite => scale,
        };
        let value = source.map(|source| source.number.of(factor(source)).unwrap()).or(p.default);
        value.unwrap_or_else(|| panic!("{} is not given", p.name))
    };
    let parameters: Vec<Vec<i64>> = design.parameters.iter().map(|p| vec![value(p)]).collect();
    for (p, value) in design.parameters.iter().zip(&parameters) {
        assert!((p.min..=p.max).contains(&value[0]), "{} = {} is outside its limits", p.name, value[0]);
    }
    design.post_program().channel(&parameters, 0).output(sum)
}

/// What was compared, and what differs.
#[derive(Default)]
struct Seen {
    compared: usize,
    wrong: Vec<String>,
}

impl Seen {
    fn compare(&mut self, what: &str, got: i64, expected: i64) {
        self.compared += 1;
        if got != expected {
            self.wrong.push(format!("{what}: got {got}, expected {expected}"));
        }
    }

    fn end(self, compared: usize) {
        assert!(
            self.wrong.is_empty(),
            "{} of {}:\n{}",
            self.wrong.len(),
            self.compared,
            self.wrong.join("\n")
        );
        assert_eq!(self.compared, compared);
    }
}

#[test]
fn every_column_of_the_compiled_dialects() {
    let data = read(include_str!("../data/requant_dialects.json"));
    let columns = [
        ("tflite_double", "tflite_double"),
        ("tflite_single", "tflite_single"),
        ("tflite_single", "multiply_shift"),
        ("cmsis_double", "cmsis_nn"),
        ("cmsis_single", "tflite_single"),
        ("ruy_x86", "ruy_x86"),
        ("litert_fc_ref", "litert_fc_reference"),
        ("tflite_i64", "tflite_int16x8"),
        ("xnn_fp32", "xnnpack_fp32"),
        ("xnn_fp32", "onnxruntime"),
        ("xnn_fp32", "qnnpack"),
        ("xnn_fp32", "gemmini_scale"),
        ("xnn_rndnu", "xnnpack_rndnu"),
    ];
    let mut seen = Seen::default();
    for (column, preset) in columns {
        let design = scheme(preset, 32, "s8");
        for row in data["rows"].as_array().unwrap() {
            let (sum, scale) = (int(&row["acc"]), number(&row["scale"]));
            // A column is empty where the framework's own precondition does not hold.
            let Some(expected) = row[column].as_i64() else { continue };
            seen.compare(&format!("{preset}: {sum} * {scale}"), scaled(&design, sum, scale, &[]), expected);
        }
    }
    let design = scheme("xnnpack_rndnu16", 32, "u8");
    for row in data["rows"].as_array().unwrap() {
        let (sum, scale) = (int(&row["acc"]), number(&row["scale"]));
        let Some(expected) = row["xnn_rndnu16_u8_zp128"].as_i64() else { continue };
        let got = scaled(&design, sum, scale, &[("zero_point", 128)]);
        seen.compare(&format!("rndnu16: {sum} * {scale}"), got, expected);
    }
    let filled =
        |column: &str| data["rows"].as_array().unwrap().iter().filter(|row| row[column].is_i64()).count();
    let expected = columns.iter().map(|(column, _)| filled(column)).sum::<usize>();
    assert!(expected > 13 * 300, "{expected}");
    seen.end(expected + filled("xnn_rndnu16_u8_zp128"));
}

#[test]
fn litert_by_resolver() {
    let data = read(include_str!("../data/litert_int8_requant.json"));
    let mut seen = Seen::default();
    for case in data["cases"].as_array().unwrap() {
        let output = number(&case["output_scale"]);
        let reference = if case["op"] == "fc" { "litert_fc_reference" } else { "tflite_double" };
        for (column, preset) in [("ref", reference), ("opt", "ruy_x86"), ("xnn", "xnnpack_fp32")] {
            let design = scheme(preset, 32, "s8");
            for (at, sum) in case["acc"].as_array().unwrap().iter().map(int).enumerate() {
                let got = scaled(&design, sum, 1.0 / output, &[]);
                seen.compare(&format!("{preset}: {sum} / {output}"), got, int(&case[column][at]));
            }
        }
    }
    let sums: usize =
        data["cases"].as_array().unwrap().iter().map(|case| case["acc"].as_array().unwrap().len()).sum();
    seen.end(3 * sums);
}

/// Sums of a row and a column.
fn sums(a: &Value, [zero_a, zero_w]: [i64; 2], w: &Value) -> Vec<Vec<i64>> {
    let of = |x: &[i64], w: &[i64]| x.iter().zip(w).map(|(x, w)| (x - zero_a) * (w - zero_w)).sum();
    let (a, w) = (matrix(a), matrix(w));
    a.iter().map(|x| w.iter().map(|w| of(x, w)).collect()).collect()
}

#[test]
fn litert_of_sixteen_bits() {
    let data = read(include_str!("../data/litert_int16x8.json"));
    let wrap = |sum: i64| i64::from(sum as i32);
    let mut seen = Seen::default();
    for case in data["cases"].as_array().unwrap() {
        let is_32 = case["bias_type"] == "int32";
        let scale =
            number(&case["input_scale"]) * number(&case["weight_scale"]) / number(&case["output_scale"]);
        let bias: Vec<i64> = case["bias"].as_array().unwrap().iter().map(int).collect();
        let columns = match is_32 {
            true => [
                ("conv_ref", "tflite_double", true),
                ("conv_opt", "ruy_x86", true),
                ("fc_ref", "litert_fc_reference", false),
                ("fc_opt", "ruy_x86", true),
            ],
            false => [
                ("conv_ref", "tflite_int16x8", false),
                ("conv_opt", "tflite_int16x8", false),
                ("fc_ref", "litert_fc_reference", false),
                ("fc_opt", "litert_fc_reference", false),
            ],
        };
        for (column, preset, wraps) in columns {
            let design = scheme(preset, if wraps { 32 } else { 48 }, "s16");
            let expected = matrix(&case[column]);
            for (m, row) in sums(&case["x"], [0, 0], &case["w"]).iter().enumerate() {
                for (n, sum) in row.iter().enumerate() {
                    let sum = sum + bias[n];
                    let got = scaled(&design, if wraps { wrap(sum) } else { sum }, scale, &[]);
                    seen.compare(&format!("{column} {preset}: {sum} * {scale}"), got, expected[m][n]);
                }
            }
        }
    }
    let demo = &data["wrap_demo"];
    let sum = int(&demo["true_acc"]);
    let scale = 1.0 / number(&demo["output_scale"]);
    let by_type = &demo["conv_out_by_bias_type"];
    let double = scaled(&scheme("tflite_double", 32, "s16"), wrap(sum), scale, &[]);
    seen.compare("int32 bias", double, int(&by_type["int32"]));
    let long = scaled(&scheme("tflite_int16x8", 48, "s16"), sum, scale, &[]);
    seen.compare("int64 bias", long, int(&by_type["int64"]));
    seen.end(6 * 4 * 24 + 2);
}

#[test]
fn onnx_runtime_and_the_reference() {
    let data = read(include_str!("../data/ort_qlinear.json"));
    let mut seen = Seen::default();
    let [runtime, reference] = ["onnxruntime", "onnx_reference"].map(|preset| scheme(preset, 32, "s8"));
    for row in matrix(&data["ties_acc_over_2"]["rows"]) {
        let zero = [("zero_point", row[1])];
        seen.compare(&format!("ort {row:?}"), scaled(&runtime, row[0], 0.5, &zero), row[2]);
        seen.compare(&format!("reference {row:?}"), scaled(&reference, row[0], 0.5, &zero), row[3]);
    }
    for case in data["cases"].as_array().unwrap() {
        let output = if case["types"].as_str().unwrap().starts_with('u') { "u8" } else { "s8" };
        let [a, b, y] = ["a_scale", "b_scale", "y_scale"].map(|key| number(&case[key]) as f32);
        let zero = [("zero_point", int(&case["y_zp"]))];
        let b_rows = matrix(&case["b"]);
        let turned: Vec<Vec<i64>> =
            (0..b_rows[0].len()).map(|n| b_rows.iter().map(|row| row[n]).collect()).collect();
        let zeros = [int(&case["a_zp"]), int(&case["b_zp"])];
        let sums = sums(&case["a"], zeros, &serde_json::to_value(turned).unwrap());
        for (column, preset) in [("ort", "onnxruntime"), ("onnx_reference", "onnx_reference")] {
            let (design, expected) = (scheme(preset, 32, output), matrix(&case[column]));
            for (m, row) in sums.iter().enumerate() {
                for (n, sum) in row.iter().enumerate() {
                    let got = scaled(&design, *sum, f64::from(a * b / y), &zero);
                    seen.compare(&format!("{preset} {}: {sum}", case["types"]), got, expected[m][n]);
                }
            }
        }
    }
    seen.end(2 * 272);
}

#[test]
fn pytorch_by_engine() {
    let data = read(include_str!("../data/pytorch_quantized_linear.json"));
    let mut seen = Seen::default();
    let floats =
        |value: &Value| value.as_array().unwrap().iter().map(|v| number(v) as f32).collect::<Vec<f32>>();
    let bits = |value: f32| i64::from(value.to_bits() as i32);
    for case in data["static_linear"].as_array().unwrap() {
        let engine = case["engine"].as_str().unwrap();
        let design = scheme(engine, 32, "u8");
        let (weights, bias) = (floats(&case["w_scale"]), floats(&case["bias_f32"]));
        let [input, output] = ["x_scale", "y_scale"].map(|key| number(&case[key]) as f32);
        let zero = ("zero_point", int(&case["y_zp"]));
        let expected = matrix(&case["y_u8"]);
        for (m, row) in sums(&case["x_u8"], [int(&case["x_zp"]), 0], &case["w_i8"]).iter().enumerate() {
            for (n, sum) in row.iter().enumerate() {
                let both = input * weights[n];
                let per_channel = case["per_channel"].as_bool().unwrap();
                let (sum, term, scale) = match engine {
                    "fbgemm" => {
                        let term = if per_channel { bias[n] / both } else { bias[n] * (1.0 / both) };
                        (*sum, bits(term), f64::from(both / output))
                    }
                    "qnnpack" => {
                        let whole = (bias[n] * (1.0 / both)).round_ties_even() as i64;
                        (sum + whole, 0, f64::from(both / output))
                    }
                    _ => {
                        let scale = f64::from(both) / f64::from(output);
                        let term = f64::from(bias[n]) / f64::from(output);
                        (*sum, term.to_bits() as i64, scale)
                    }
                };
                let got = scaled(&design, sum, scale, &[zero, ("float_bias", term)]);
                seen.compare(&format!("{engine}: {sum} * {scale}"), got, expected[m][n]);
            }
        }
    }
    let all = data["static_linear"].as_array().unwrap();
    seen.end(all.iter().map(|case| matrix(&case["y_u8"]).iter().map(Vec::len).sum::<usize>()).sum());
}

#[test]
fn corners_of_requantisation() {
    let data = read(include_str!("../data/overflow_cases.json"));
    let mut seen = Seen::default();
    let corner = &data["requant_corner_cases"];
    let wide = |preset: &str| scheme(preset, 32, "s32");
    let left = &corner["tflite_left_shift_wrap"];
    let given = [("multiplier", int(&left["mult"])), ("left_shift", 1), ("right_shift", 0)];
    let got = scaled(&wide("tflite_double"), int(&left["acc"]), 1.0, &given);
    seen.compare("left shift", got, int(&left["tflite_double"]));
    let given = [("multiplier", int(&left["mult"])), ("shift", 30)];
    let got = scaled(&wide("tflite_single"), int(&left["acc"]), 1.0, &given);
    seen.compare("left shift", got, int(&left["tflite_single"]));
    let gemmlowp = [("multiplier", int(&left["mult"])), ("left_shift", 1), ("right_shift", 0)];
    // 2^30 · 2 saturates in front of the multiplier of a half.
    seen.compare("gemmlowp", scaled(&wide("gemmlowp"), 1 << 30, 1.0, &gemmlowp), 1 << 30);
    let cast = &corner["xnn_rndnu_scalar_int32_cast"];
    for (preset, key) in [
        ("xnnpack_rndnu", "rndnu_scalar"),
        ("xnnpack_rndnu_neon", "rndnu_neon_model"),
        ("xnnpack_fp32", "fp32"),
    ] {
        let got = scaled(&scheme(preset, 32, "s8"), int(&cast["acc"]), number(&cast["scale"]), &[]);
        seen.compare(preset, got, int(&cast[key]));
    }
    let float = &corner["fp32_int_to_float_rounding"];
    for (preset, key) in [
        ("xnnpack_fp32", "xnn_fp32"),
        ("xnnpack_rndnu", "rndnu"),
        ("tflite_double", "tflite_double"),
        ("tflite_single", "tflite_single"),
    ] {
        let got = scaled(&scheme(preset, 32, "s8"), int(&float["acc"]), number(&float["scale"]), &[]);
        seen.compare(preset, got, int(&float[key]));
    }
    for case in corner["double_rounding"].as_array().unwrap() {
        let (sum, shift) = (int(&case["acc"]), int(&case["shift"]));
        let given = [("multiplier", int(&case["mult"])), ("left_shift", 0), ("right_shift", -shift)];
        let got = scaled(&wide("tflite_double"), sum, 1.0, &given);
        seen.compare("double", got, int(&case["tflite_double"]));
        let given = [("multiplier", int(&case["mult"])), ("shift", 31 - shift)];
        let got = scaled(&wide("tflite_single"), sum, 1.0, &given);
        seen.compare("single", got, int(&case["tflite_single"]));
    }
    let cmsis = &data["numeric"]["cmsis_requantize_s64"];
    let (x, m) = (int(&cmsis["x"]), int(&cmsis["reduced_mult"]));
    let shift = 15 - int(&cmsis["shift"]);
    let got = scaled(&scheme("tflite_int16x8", 48, "s32"), x, 1.0, &[("multiplier", m), ("shift", shift)]);
    seen.compare("tflite s64", got, int(&cmsis["tflite"]));
    let got = scaled(&scheme("cmsis_nn_s64", 48, "s32"), x, 1.0, &[("multiplier", m), ("shift", shift - 1)]);
    seen.compare("cmsis s64", got, int(&cmsis["cmsis"]));
    seen.end(1 + 1 + 1 + 3 + 4 + 2 * 8 + 2);
}

#[test]
fn f8net_wraps_where_it_does() {
    let data = read(include_str!("../data/f8net.json"));
    let op = &data["int_op_only"];
    let design = scheme("f8net", 32, "s8");
    let mut seen = Seen::default();
    let shift = int(&op["input_fl"]) - int(&op["fl"]);
    for (x, y) in op["x"].as_array().unwrap().iter().zip(op["y"].as_array().unwrap()) {
        seen.compare("f8net", scaled(&design, int(x), 1.0, &[("right_shift", shift)]), int(y));
    }
    for tie in op["ties"].as_array().unwrap() {
        seen.compare("tie", scaled(&design, int(&tie["x"]), 1.0, &[("right_shift", 3)]), int(&tie["y"]));
    }
    seen.end(4 + 7);
}

/// Known answers of the accelerators, as `arithmetic.md`'s sources say them.
#[test]
fn accelerators() {
    let mut seen = Seen::default();
    let cacc = scheme("nvdla_cacc", 34, "s32");
    seen.compare("cacc", scaled(&cacc, -5_767_167, 1.0, &[("truncate", 20)]), -6);
    let sdp = scheme("nvdla_sdp", 32, "s16");
    for (x, truncate, y) in [(-100_000, 0, -65_536), (-3, 1, -2), (3, 1, 2), (5, 1, 3)] {
        let got = scaled(&sdp, x, 1.0, &[("factor", 1), ("truncate", truncate)]);
        seen.compare("sdp", got, y.max(-32_768));
    }
    let vta = scheme("vta", 32, "s8");
    seen.compare("vta", scaled(&vta, -5, 0.25, &[]), -2);
    // SHR by 20 is a left shift by 12 in the HLS build.
    seen.compare("vta quirk", scaled(&vta, 1, 2_f64.powi(-20), &[]), 127);
    let dpu = scheme("dpu_round", 32, "s8");
    for (x, y) in [(-3, -1), (-2, -1), (-1, 0), (1, 1), (2, 1), (3, 2)] {
        seen.compare("dpu", scaled(&dpu, x, 0.5, &[]), y);
    }
    let [gemmini, max78000] = ["gemmini_shift", "ai8x"].map(|preset| scheme(preset, 32, "s8"));
    for (x, even, up) in [(-3, -2, -1), (-1, 0, 0), (1, 0, 1), (3, 2, 2), (5, 2, 3)] {
        seen.compare("gemmini", scaled(&gemmini, x, 0.5, &[]), even);
        seen.compare("ai8x", scaled(&max78000, x, 0.5, &[]), up);
    }
    let pulp = scheme("pulp", 32, "u8");
    let given = [("factor", 3), ("term", 1), ("count", 2)];
    seen.compare("pulp", scaled(&pulp, 3, 1.0, &given), 2);
    let [mnn, x86] = ["mnn", "mnn_x86"].map(|preset| scheme(preset, 32, "s8"));
    let almost = f64::from(0.5_f32.next_down());
    for (x, scale, portable, added) in [(1, 0.5, 1, 1), (-1, 0.5, -1, -1), (1, almost, 0, 1)] {
        seen.compare("mnn", scaled(&mnn, x, scale, &[]), portable);
        seen.compare("mnn_x86", scaled(&x86, x, scale, &[]), added);
    }
    // The zero point of QONNX is inside the rounding, the clamp in front of it.
    let qonnx = scheme("qonnx_quant", 32, "s4");
    for (x, zero, y) in [(1, 0, 0), (1, 1, 2), (3, 0, 2), (100, 0, 7)] {
        seen.compare("qonnx", scaled(&qonnx, x, 0.5, &[("zero_point", zero)]), y);
    }
    let finn = scheme("finn_threshold", 32, "u4");
    let names: Vec<String> = (0..15).map(|at| format!("threshold_{at}")).collect();
    let given: Vec<(&str, i64)> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), at as i64 * 10)).collect();
    for (x, y) in [(-1, 0), (0, 1), (9, 1), (10, 2), (1000, 15)] {
        seen.compare("finn", scaled(&finn, x, 1.0, &given), y);
    }
    seen.end(1 + 4 + 2 + 6 + 10 + 1 + 6 + 4 + 5);
}

/// Every scheme loads behind sums of 32 bits, says what it is, and reads back from its complete text.
#[test]
fn every_preset_is_a_design() {
    for preset in Preset::all() {
        let design = scheme(preset.name, 32, "s8");
        let again = Design::parse(&design.to_toml(), Path::new(preset.name), &[]).unwrap();
        assert_eq!((again.hash.clone(), again), (design.hash.clone(), design), "{}", preset.name);
        for text in [preset.summary(), preset.formula(), preset.ties(), preset.about(), preset.source()] {
            assert!(!text.is_empty(), "{}", preset.name);
        }
        assert!(!preset.parameters().is_empty());
    }
    assert_eq!(Preset::all().len(), 32);
}
