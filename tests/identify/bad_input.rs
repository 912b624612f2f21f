//! What the command cannot do is refused: exit status 2, with the place, and nothing is written or said otherwise.

use crate::command::{Files, INPUT, NET, goldpath, said};

/// Every one of these is refused with all of its words.
fn refused(files: &Files, cases: &[(Vec<&str>, &[&str])]) {
    let count = || std::fs::read_dir(files.0.path()).unwrap().count();
    let before = count();
    for (arguments, words) in cases {
        let typed = [&["identify"], arguments.as_slice()].concat();
        let (status, text, errors) = said(&goldpath(&typed));
        assert_eq!(status, Some(2), "{typed:?}\n{text}{errors}");
        assert!(text.is_empty(), "{typed:?}\n{text}");
        for word in *words {
            assert!(errors.contains(word), "{typed:?}: no {word:?} in\n{errors}");
        }
        assert!(!errors.contains('\u{1b}') && !errors.contains("panicked"), "{errors}");
    }
    println!("{} kinds of bad input refused", cases.len());
    assert_eq!(count(), before);
}

#[test]
fn files_that_are_no_samples() {
    let files = Files::new();
    let (acc, out) = (&files.s32("acc.npy", &[1, 2, 3]), &files.s8("out.npy", &[0, 1, 1]));
    let raw = |name: &str, descr: &str, bytes: &[u8]| files.raw(name, descr, "(3,)", bytes);
    let short = &files.s8("short.npy", &[0, 1]);
    let (empty, no_acc) = (&files.s8("empty.npy", &[]), &files.s32("no_acc.npy", &[]));
    let floats = &raw("floats.npy", "<f4", &[0; 12]);
    let doubles = &raw("doubles.npy", "<f8", &[0; 24]);
    let truths = &raw("truths.npy", "|b1", &[0, 1, 1]);
    let longs = &raw("longs.npy", "<i8", &[0; 24]);
    let huge = &raw("huge.npy", "<u8", &[0xff; 24]);
    let wide = &raw("wide.npy", "<i8", &[[0xff; 7].as_slice(), &[0x7f], &[0; 16]].concat());
    let cut = &raw("cut.npy", "<i4", &[0; 5]);
    let vast = &files.raw("vast.npy", "<i4", "(99999999999, 99999999)", &[0; 5]);
    let gone = &files.at("gone.npy").display().to_string();
    let of = |acc, out| vec!["--acc", acc, "--out", out];
    refused(
        &files,
        &[
            (of(acc, short), &["short.npy", "shape [2]", "shape [3]"]),
            (of(no_acc, empty), &["no_acc.npy", "holds no sample"]),
            (of(floats, out), &["floats.npy", "integers are needed, not float32"]),
            (of(acc, floats), &["floats.npy", "integers are needed, not float32"]),
            (of(doubles, out), &["doubles.npy"]),
            (of(acc, truths), &["truths.npy", "not bool"]),
            (of(acc, longs), &["longs.npy", "--out-format"]),
            (of(huge, out), &["huge.npy", "outside int64"]),
            (of(cut, out), &["cut.npy"]),
            (of(vast, out), &["vast.npy", "too large"]),
            (of(gone, out), &["gone.npy", "cannot read"]),
            (
                [of(wide, out), vec!["--acc-format", "s32"]].concat(),
                &["wide.npy", "sample 0 is 9223372036854775807, outside s32"],
            ),
            ([of(acc, out), vec!["--out-format", "s1"]].concat(), &["out.npy", "sample 1 is 1, outside s1"]),
        ],
    );
}

#[test]
fn options_that_make_no_sense() {
    let files = Files::new();
    let (acc, out) = (&files.s32("acc.npy", &[1, 2, 3]), &files.s8("out.npy", &[0, 1, 1]));
    let nan = &files.raw("nan.npy", "<f4", "(1,)", &f32::NAN.to_le_bytes());
    let matrix = &files.raw("matrix.npy", "<f4", "(1, 1)", &1_f32.to_le_bytes());
    let gone = &files.at("gone.npy").display().to_string();
    let with = |more: &[&'static str]| [&["--acc", acc, "--out", out], more].concat();
    let scale = |text| vec!["--acc", acc.as_str(), "--out", out, "--scale", text];
    refused(
        &files,
        &[
            (with(&["--out-format", "f8"]), &["--out-format"]),
            (with(&["--zero-point", "200"]), &["--zero-point", "200 lies outside the outputs' s8"]),
            (with(&["--low", "9", "--high", "3"]), &["--low", "9 is more than --high 3"]),
            (with(&["--low", "-200"]), &["--low", "-200 lies outside"]),
            (with(&["--channel-axis", "1"]), &["--channel-axis", "no axis 1"]),
            (with(&["--shift", "1,x"]), &["--shift", "x is no integer"]),
            (with(&["--shift", "4000"]), &["--shift", "4000 is beyond every scheme"]),
            (with(&["--multiplier", "99999999999999999999"]), &["--multiplier", "no integer of 64 bits"]),
            (with(&["--multiplier", "1,2"]), &["--multiplier", "2 numbers for 3 channels"]),
            (with(&["--scale", "1", "--shift", "1"]), &["--scale", "--shift"]),
            (scale("nan"), &["--scale", "scale 0 is NaN"]),
            (scale("0.5,0.5,-1"), &["--scale", "scale 2 is -1"]),
            (scale("0.5,0"), &["--scale", "scale 1 is 0"]),
            (scale("inf"), &["--scale", "scale 0 is inf"]),
            (scale("1e300"), &["--scale", "scale 0 is 1e300, beyond what float32 holds"]),
            (scale("a\u{1b}[31m"), &["--scale", "is no number"]),
            (scale(""), &["--scale", "is no number"]),
            (scale("0.1,0.2"), &["--scale", "2 numbers for 3 channels"]),
            (scale(nan), &["nan.npy", "scale 0 is NaN"]),
            (scale(matrix), &["matrix.npy", "not [1, 1]"]),
            (scale(acc), &["acc.npy", "scales are float32, not int32"]),
            (scale(gone), &["gone.npy", "cannot read"]),
            (vec!["--acc", acc], &["--out"]),
            (vec!["--out", out], &["--acc", "--model"]),
        ],
    );
}

#[test]
fn layers_that_are_none() {
    let files = Files::new();
    let out = &files.s8("out.npy", &[0, 1, 1]);
    let gone = &files.at("gone.onnx").display().to_string();
    let of = |model, layer| vec!["--model", model, "--layer", layer, "--input", INPUT, "--out", out.as_str()];
    refused(
        &files,
        &[
            (vec!["--model", NET, "--out", out], &["--layer"]),
            (vec!["--model", NET, "--layer", "fc_quant", "--out", out], &["--input"]),
            (of(NET, "conv2"), &[NET, "no integer layer \"conv2\"", "did you mean conv2_quant"]),
            (of(NET, "fc_quant"), &["out.npy", "shape [3]", "the layer's sums of shape [64, 10]"]),
            (of(gone, "fc_quant"), &["gone.onnx"]),
            ([of(NET, "fc_quant"), vec!["--scale", "1"]].concat(), &["--scale", "--model"]),
        ],
    );
}
