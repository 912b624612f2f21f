//! The command: what it says, and its exit status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use goldpath::import::npy::read_npz;
use goldpath::network::Tensor;
use serde_json::Value;

pub const NET: &str = "tests/models/cnn_s8_qoperator.onnx";
pub const INPUT: &str = "tests/models/cnn_inputs.npy";

pub fn goldpath(arguments: &[&str]) -> Output {
    let mut command = assert_cmd::Command::cargo_bin("goldpath").expect("the binary is built");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap()
}

/// A folder for the files of one test.
pub struct Files(pub tempfile::TempDir);

impl Files {
    pub fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn raw(&self, name: &str, descr: &str, shape: &str, body: &[u8]) -> String {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        fs::write(
            self.at(name),
            [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), body].concat(),
        )
        .unwrap();
        self.at(name).display().to_string()
    }

    pub fn s32(&self, name: &str, values: &[i32]) -> String {
        let body: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name, "<i4", &format!("({},)", values.len()), &body)
    }

    pub fn s8(&self, name: &str, values: &[i8]) -> String {
        let body: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name, "|i1", &format!("({},)", values.len()), &body)
    }
}

pub fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn json(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = goldpath(&[arguments, &["--format", "json"]].concat());
    let (status, text, errors) = said(&output);
    assert!(errors.is_empty(), "{errors}");
    (status, serde_json::from_str(&text).unwrap())
}

/// Presets of every class.
fn classes(answer: &Value) -> Vec<Vec<String>> {
    let name = |member: &Value| member["scheme"]["preset"].as_str().unwrap().to_owned();
    let of = |class: &Value| class["members"].as_array().unwrap().iter().map(name).collect();
    answer["classes"].as_array().unwrap().iter().map(of).collect()
}

/// tensorflow #102943: x = 585, zero point -126. What TFLite printed was -120; two roundings and one give -119.
#[test]
fn the_sample_of_a_field_report_is_float32_with_ties_to_even() {
    let files = Files::new();
    let acc = files.s32("acc.npy", &[585]);
    let out = files.s8("out.npy", &[-120]);
    let arguments =
        ["identify", "--acc", &acc, "--out", &out, "--scale", "0.01111111138", "--zero-point", "-126"];
    let (status, answer) = json(&arguments);
    assert_eq!(status, Some(0));
    let classes = classes(&answer);
    assert_eq!(classes[0], ["onnxruntime", "xnnpack_fp32", "fbgemm", "qnnpack", "qonnx_quant"]);
    assert_eq!(answer["classes"][0]["ties"][0], "half_even, of the float32 product");
    // The other that explains one sample by two roundings, and what would tell it.
    assert_eq!(classes[1..], [["xnnpack_rndnu16"]]);
    assert_eq!(answer["apart"].as_array().unwrap().len(), 1);
    let misses = answer["misses"].as_array().unwrap();
    for preset in ["gemmlowp", "tflite_double", "tflite_single", "multiply_shift"] {
        let miss = misses.iter().find(|miss| miss["scheme"]["preset"] == preset).unwrap();
        assert_eq!(miss["first"][0]["scheme"], -119, "{miss}");
        assert_eq!(miss["first"][0]["sample"], -120);
    }
    // With the accumulator that it asked for, only that is left.
    let telling = answer["apart"][0]["accumulator"].as_i64().unwrap();
    let outputs: Vec<i64> =
        answer["apart"][0]["outputs"].as_array().unwrap().iter().map(|y| y.as_i64().unwrap()).collect();
    let acc = files.s32("acc.npy", &[585, i32::try_from(telling).unwrap()]);
    let out = files.s8("out.npy", &[-120, i8::try_from(outputs[0]).unwrap()]);
    let arguments =
        ["identify", "--acc", &acc, "--out", &out, "--scale", "0.01111111138", "--zero-point", "-126"];
    let (status, text, _) = said(&goldpath(&arguments));
    assert_eq!(status, Some(0));
    assert!(text.contains("class 1: half_even, of the float32 product"), "{text}");
    assert!(!text.contains("class 2"), "{text}");
}

#[test]
fn a_class_a_miss_and_what_was_not_tried_are_said() {
    let files = Files::new();
    let acc = files.s32("acc.npy", &(-7..=7).collect::<Vec<_>>());
    let out = files.s8("out.npy", &[-2, -2, -1, -1, -1, -1, 0, 0, 1, 1, 1, 1, 2, 2, 2]);
    let (status, text, _) = said(&goldpath(&["identify", "--acc", &acc, "--out", &out, "--scale", "0.25"]));
    assert_eq!(status, Some(0), "{text}");
    for line in [
        "15 samples (15 distinct), 1 channel: accumulators s32, outputs s8 clamped to -128..127, zero point searched",
        "3 schemes explain all of them, and no accumulator that was tried tells them apart",
        "  gemmlowp: left_shift 0, multiplier 1073741824, right_shift 1, zero point 0",
        "  no difference found between them in ",
        "nearest misses\n",
        "  litert_fc_reference: 2 of 15 say no, with scale 0.25, zero point 0\n    sample 8: accumulator 1 would be 0, is 1\n",
        "not tried\n  finn_threshold: its thresholds are no numbers of a scale",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    // Another scale than theirs: nothing, and what would do.
    let (status, text, _) = said(&goldpath(&["identify", "--acc", &acc, "--out", &out, "--scale", "0.01"]));
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("no scheme explains all of them\n  with other numbers than the given ones, these would: gemmlowp (scale 0.25, zero point 0), "), "{text}");
}

/// A layer that ends with its sums: nothing is known of what comes behind it.
#[test]
fn a_layer_without_a_scale_is_searched() {
    let files = Files::new();
    let tensors = read_npz(Path::new("tests/models/operators/dynamic.npz")).unwrap();
    let (Tensor::I32(sums), Tensor::F32(x)) = (&tensors["acc"], &tensors["__input"]) else {
        panic!("{tensors:?}")
    };
    let floats: Vec<u8> = x.iter().flat_map(|x| x.to_le_bytes()).collect();
    let input = files.raw("x.npy", "<f4", "(9, 64)", &floats);
    let code = |sum: &i32| i8::try_from(((sum + 64).div_euclid(128)).clamp(-128, 127)).unwrap();
    // Every image has a zero point of its own.
    let codes: Vec<u8> = sums.iter().skip(9).take(9).map(|sum| code(sum).cast_unsigned()).collect();
    let out = files.raw("out.npy", "|i1", "(1, 9)", &codes);
    let layer = ["--model", "tests/models/operators/dynamic.onnx", "--layer", "acc_node", "--input", &input];
    let arguments = [&["identify", "--out", &out], &layer[..]].concat();
    let (status, answer) = json(&[&arguments[..], &["--images", "1..2"]].concat());
    assert_eq!(status, Some(0));
    let all = classes(&answer).concat();
    assert!(all.iter().any(|name| name == "ai8x"), "{all:?}");
    let members = answer["classes"][0]["members"].as_array().unwrap();
    assert!(members.iter().all(|member| member["remaining"]["fewest"].as_u64() >= Some(1)), "{answer}");
    let (status, _, errors) = said(&goldpath(&arguments));
    assert_eq!(status, Some(2));
    assert!(errors.contains("differ from one batch to the next"), "{errors}");
}

#[test]
fn lists_files_and_axes_say_numbers_of_channels() {
    let files = Files::new();
    // Two rows of three channels at 1/2, 1/4 and 1/8; half_up.
    let body: Vec<u8> = [3, 6, 12, -3, -6, -12_i32].iter().flat_map(|x| x.to_le_bytes()).collect();
    let acc = files.raw("acc.npy", "<i4", "(2, 3)", &body);
    let out = files.raw("out.npy", "|i1", "(2, 3)", &[2, 2, 2, 255, 255, 255]);
    let turned: Vec<u8> = [3, -3, 6, -6, 12, -12_i32].iter().flat_map(|x| x.to_le_bytes()).collect();
    let acc_turned = files.raw("acc_turned.npy", "<i4", "(3, 2)", &turned);
    let out_turned = files.raw("out_turned.npy", "|i1", "(3, 2)", &[2, 255, 2, 255, 2, 255]);
    let scales: Vec<u8> = [0.5, 0.25, 0.125_f32].iter().flat_map(|s| s.to_le_bytes()).collect();
    let scales = files.raw("scales.npy", "<f4", "(3,)", &scales);
    let straight = ["identify", "--acc", &acc, "--out", &out, "--zero-point", "0"];
    let other =
        ["identify", "--acc", &acc_turned, "--out", &out_turned, "--channel-axis", "0", "--zero-point", "0"];
    for arguments in [&straight[..], &other[..]] {
        for numbers in [
            &["--scale", "0.5,0.25,0.125"][..],
            &["--scale", &scales],
            &["--shift", "1,2,3"],
            &["--multiplier", "1", "--shift", "1,2,3"],
            &["--per-channel"],
        ] {
            let (status, answer) = json(&[arguments, numbers].concat());
            assert_eq!(status, Some(0), "{numbers:?}");
            assert_eq!(answer["channels"], 3);
            let all = classes(&answer).concat();
            assert!(all.iter().any(|name| name == "ai8x"), "{numbers:?}: {all:?}");
            assert!(!all.iter().any(|name| name == "gemmini_shift"), "{numbers:?}: {all:?}");
        }
    }
    // One scale for all does not explain them.
    let (status, _) = json(&[&straight[..], &["--scale", "0.25"]].concat());
    assert_eq!(status, Some(1));
}

/// A layer of a network: its sums are computed, its numbers are its own, the outputs are ONNX Runtime's.
#[test]
fn a_layer_of_a_network_is_identified() {
    let files = Files::new();
    let tensors = read_npz(Path::new("tests/models/cnn_s8_qoperator.npz")).unwrap();
    for (layer, tensor, channels) in
        [("conv2_quant", "conv2_quantized", 32), ("fc_quant", "logits_quantized", 10)]
    {
        let Tensor::I8(codes) = &tensors[tensor] else { panic!("{tensor} is int8") };
        let shape = format!("{:?}", codes.shape()).replace('[', "(").replace(']', ")");
        let mut body: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
        let out = files.raw("out.npy", "|i1", &shape, &body);
        let arguments = ["identify", "--model", NET, "--layer", layer, "--input", INPUT, "--out", &out];
        let (status, answer) = json(&arguments);
        assert_eq!(status, Some(0));
        assert_eq!((&answer["channels"], &answer["samples"]), (&channels.into(), &codes.len().into()));
        let all = classes(&answer).concat();
        assert!(all.iter().any(|name| name == "onnxruntime"), "{layer}: {all:?}");
        assert!(!all.iter().any(|name| name == "tflite_double"), "{layer}: {all:?}");
        // Two codes of one output further, nothing makes it.
        body[77] = if body[77].cast_signed() > 0 { body[77] - 3 } else { body[77].wrapping_add(3) };
        let out = files.raw("out.npy", "|i1", &shape, &body);
        let arguments = ["identify", "--model", NET, "--layer", layer, "--input", INPUT, "--out", &out];
        let (status, text, _) = said(&goldpath(&arguments));
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains("no scheme explains all of them"), "{text}");
        assert!(text.contains("    sample 77 (channel "), "{text}");
    }
}
