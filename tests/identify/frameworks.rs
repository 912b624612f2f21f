//! Outputs of the original frameworks, and of their own C compiled: the scheme that is known to have made them is named,
//! and those that are known to differ are not.

use std::collections::BTreeSet;

use goldpath::identify::{Factors, Samples, Scale, identify};
use serde_json::Value;

use crate::{explaining, format, hold, question, whole};

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// 353 sums at 13 scales: a scale is a channel, a column of the table one set of samples.
#[test]
fn compiled_dialects_by_column() {
    let data = read(include_str!("../data/requant_dialects.json"));
    let rows = data["rows"].as_array().unwrap();
    let mut scales: Vec<f64> = rows.iter().map(|row| number(&row["scale"])).collect();
    scales.sort_by(f64::total_cmp);
    scales.dedup();
    // What made the column, and what is known to make another.
    let columns: [(&str, &[&str], &[&str]); 8] = [
        ("tflite_double", &["tflite_double", "cmsis_nn"], &["tflite_single", "ruy_x86", "onnxruntime"]),
        ("tflite_single", &["tflite_single"], &["tflite_double", "ruy_x86", "onnxruntime"]),
        ("ruy_x86", &["ruy_x86"], &["tflite_double", "tflite_single", "onnxruntime"]),
        ("litert_fc_ref", &["litert_fc_reference"], &["tflite_double", "onnxruntime"]),
        ("tflite_i64", &["tflite_int16x8"], &["tflite_double", "onnxruntime"]),
        ("xnn_fp32", &["xnnpack_fp32", "onnxruntime", "qnnpack"], &["tflite_single", "mnn"]),
        ("xnn_rndnu", &["xnnpack_rndnu"], &["tflite_double", "onnxruntime"]),
        ("xnn_rndnu16_u8_zp128", &["xnnpack_rndnu16"], &["xnnpack_rndnu", "onnxruntime"]),
    ];
    let mut seen = 0;
    for (column, makers, others) in columns {
        let filled: Vec<&Value> = rows.iter().filter(|row| row[column].is_i64()).collect();
        let own: Vec<f64> = scales
            .iter()
            .copied()
            .filter(|scale| filled.iter().any(|row| number(&row["scale"]) == *scale))
            .collect();
        let (output, zero) = if column.ends_with("zp128") { ("u8", 128) } else { ("s8", 0) };
        let pairs: Vec<(i64, i64)> = filled.iter().map(|row| (int(&row["acc"]), int(&row[column]))).collect();
        let place = |row: &&Value| own.iter().position(|scale| *scale == number(&row["scale"])).unwrap();
        let channels: Vec<usize> = filled.iter().map(place).collect();
        let scale = Scale::Factors(own.iter().map(|scale| Factors::whole(*scale)).collect());
        let mut asked = question(&pairs, output, Some(zero), scale);
        asked.samples = Samples { channels, channel_count: own.len(), ..asked.samples };
        let answer = identify(&asked).unwrap();
        let explains = explaining(&answer);
        for maker in makers {
            assert!(explains.contains(*maker), "{column}: {explains:?} {:?}", answer.not_tried);
        }
        for other in others {
            assert!(!explains.contains(*other), "{column}: {explains:?}");
        }
        println!("{column}: {} samples of {} channels: {explains:?}", pairs.len(), own.len());
        seen += pairs.len();
        hold(&asked, &answer);
    }
    assert!(seen > 8 * 300, "{seen}");
}

/// Raw LiteRT outputs: one file, three resolvers, three answers.
#[test]
fn litert_by_resolver() {
    let data = read(include_str!("../data/litert_int8_requant.json"));
    let mut cases = 0;
    for case in data["cases"].as_array().unwrap() {
        let reference = if case["op"] == "fc" { "litert_fc_reference" } else { "tflite_double" };
        let scale = 1.0 / number(&case["output_scale"]);
        for (column, maker) in [("ref", reference), ("opt", "ruy_x86"), ("xnn", "xnnpack_fp32")] {
            let sums = case["acc"].as_array().unwrap().iter().map(int);
            let pairs: Vec<(i64, i64)> = sums.zip(case[column].as_array().unwrap().iter().map(int)).collect();
            for scale in [whole(scale), Scale::Unknown] {
                let asked = question(&pairs, "s8", Some(0), scale);
                let answer = identify(&asked).unwrap();
                assert!(explaining(&answer).contains(maker), "{column} {maker}: {answer:#?}");
                hold(&asked, &answer);
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 14 * 3 * 2);
}

/// Ties at odd zero points: ONNX Runtime adds the zero point after the rounding, the reference before.
#[test]
fn onnx_runtime_and_the_reference() {
    let data = read(include_str!("../data/ort_qlinear.json"));
    let rows: Vec<Vec<i64>> = data["ties_acc_over_2"]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_array().unwrap().iter().map(int).collect())
        .collect();
    let zeros: BTreeSet<i64> = rows.iter().map(|row| row[1]).collect();
    let mut told = 0;
    for zero in zeros {
        for (column, maker, other) in
            [(2, "onnxruntime", "onnx_reference"), (3, "onnx_reference", "onnxruntime")]
        {
            let own = rows.iter().filter(|row| row[1] == zero);
            let pairs: Vec<(i64, i64)> = own.map(|row| (row[0], row[column])).collect();
            let asked = question(&pairs, "s8", Some(zero), whole(0.5));
            let answer = identify(&asked).unwrap();
            let explains = explaining(&answer);
            assert!(explains.contains(maker), "{maker} at {zero}: {answer:#?}");
            assert_eq!(explains.contains(other), zero % 2 == 0, "{maker} at {zero}: {explains:?}");
            told += usize::from(zero % 2 != 0);
            hold(&asked, &answer);
        }
    }
    assert!(told >= 2, "{told}");
}

/// 16-bit outputs: of sums of 48 bits one rounding of a short multiplier, of 32 bits two.
#[test]
fn litert_of_sixteen_bits() {
    let data = read(include_str!("../data/litert_int16x8.json"));
    let matrix = |value: &Value| -> Vec<Vec<i64>> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_array().unwrap().iter().map(int).collect())
            .collect()
    };
    for case in data["cases"].as_array().unwrap() {
        let is_32 = case["bias_type"] == "int32";
        let scale =
            number(&case["input_scale"]) * number(&case["weight_scale"]) / number(&case["output_scale"]);
        let (x, w, out) = (matrix(&case["x"]), matrix(&case["w"]), matrix(&case["conv_ref"]));
        let bias: Vec<i64> = case["bias"].as_array().unwrap().iter().map(int).collect();
        let mut pairs = Vec::new();
        for (m, row) in x.iter().enumerate() {
            for (n, weights) in w.iter().enumerate() {
                let sum = row.iter().zip(weights).map(|(x, w)| x * w).sum::<i64>() + bias[n];
                pairs.push((if is_32 { i64::from(sum as i32) } else { sum }, out[m][n]));
            }
        }
        let mut asked = question(&pairs, "s16", Some(0), whole(scale));
        asked.input = format(if is_32 { "s32" } else { "s48" });
        let answer = identify(&asked).unwrap();
        let maker = if is_32 { "tflite_double" } else { "tflite_int16x8" };
        assert!(explaining(&answer).contains(maker), "{maker} at {scale}: {answer:#?}");
        hold(&asked, &answer);
    }
}

/// F8Net adds its half in 32 bits: 2147483647 becomes -127.
#[test]
fn f8net_wraps_where_it_does() {
    let data = read(include_str!("../data/f8net.json"));
    let op = &data["int_op_only"];
    let shift = int(&op["input_fl"]) - int(&op["fl"]);
    let sums = op["x"].as_array().unwrap().iter().map(int);
    let pairs: Vec<(i64, i64)> = sums.zip(op["y"].as_array().unwrap().iter().map(int)).collect();
    let asked = question(&pairs, "s8", None, Scale::Unknown);
    let answer = identify(&asked).unwrap();
    let explains = explaining(&answer);
    assert_eq!(explains.into_iter().collect::<Vec<_>>(), ["f8net"], "{answer:#?}");
    hold(&asked, &answer);
    let asked = question(&pairs, "s8", None, Scale::Numbers { multipliers: None, shifts: Some(vec![shift]) });
    let answer = identify(&asked).unwrap();
    assert_eq!(explaining(&answer).into_iter().collect::<Vec<_>>(), ["f8net"]);
    assert_eq!(answer.classes[0].members[0].remaining, None);
    hold(&asked, &answer);
}
