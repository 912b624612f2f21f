//! Names and files that are not what was meant: the answer says what could be, and what it looks like.

use std::fs;

use super::{goldpath, stderr, stdout};

const NET: &str = "tests/models/cnn_s8_qoperator.onnx";
const INPUT: &str = "tests/models/cnn_inputs.npy";
const DESIGN: &str = "hw_models/mac_s8_acc16sat";

fn refused(arguments: &[&str]) -> String {
    let output = goldpath(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    stderr(&output)
}

#[test]
fn every_command_that_takes_a_layer_offers_near_names() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let commands: [&[&str]; 3] = [
        &["check", DESIGN, "--model", NET, "--layer", "conv2"],
        &["vectors", DESIGN, "--model", NET, "--input", INPUT, "--out", &out, "--layer", "conv2"],
        &["overflow", NET, "--design", DESIGN, "--input", INPUT, "--out", &out, "--layer", "conv2"],
    ];
    for command in commands {
        let said = refused(command);
        assert!(said.contains("did you mean conv2_quant"), "{command:?}\n{said}");
        assert!(said.contains("its layers: conv1_quant, "), "{command:?}\n{said}");
    }
}

#[test]
fn topics_are_found_by_near_names() {
    for (asked, meant) in [("halfup", "half_up"), ("tfl-double", "tflite_double"), ("saturat", "saturate")] {
        let said = refused(&["explain", asked]);
        assert!(said.contains("did you mean ") && said.contains(meant), "{asked}: {said}");
    }
}

#[test]
fn topics_are_found_by_the_names_of_other_systems() {
    let page = stdout(&goldpath(&["explain", "AP_RND_CONV"]));
    assert!(page.starts_with("AP_RND_CONV of ap_fixed is \"half_even\"\n"), "{page}");
    for part in ["half_even (rounding mode)", ">> s", "   0.5 ", "also called ", "source: ", "trap: "] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json = goldpath(&["explain", "round", "--format", "json"]);
    let both: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!([&both[0]["topic"]["name"], &both[1]["topic"]["name"]], ["half_away", "half_even"]);
    let none = stdout(&goldpath(&["explain", "AP_WRAP_SM"]));
    assert!(none.starts_with("AP_WRAP_SM of ap_fixed has no equal here: "), "{none}");
    let near = refused(&["explain", "AP_RND_CONW"]);
    assert!(near.contains("did you mean ") && near.contains("AP_RND_CONV"), "{near}");
}

#[test]
fn a_float_model_says_that_it_has_no_integer_layer_and_why() {
    let said = refused(&["check", DESIGN, "--model", "tests/models/cnn.onnx", "--layer", "conv2"]);
    assert!(
        said.contains("it has no integer layer") && said.contains("no DequantizeLinear feeds it"),
        "{said}"
    );
    assert!(!said.contains("its layers: \n") && !said.trim_end().ends_with("its layers:"), "{said}");
}

#[test]
fn a_file_of_another_kind_is_called_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let kinds = [
        (put("a.txt", b"Read me first\n"), "text"),
        (put("a.tflite", b"\x1c\0\0\0TFL3\0\0"), "TensorFlow Lite"),
        (put("a.pt", b"\x80\x02}q\0."), "pickle"),
        (put("a.html", b"<!DOCTYPE html><html></html>"), "HTML"),
        (put("a.gz", b"\x1f\x8b\x08\0"), "gzip"),
        (put("a.onnx", b""), "empty"),
        (put("b.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n"), "Git LFS"),
        (INPUT.to_string(), "NumPy array"),
        ("tests/models/cnn_s8_qdq.npz".to_string(), ".npz"),
    ];
    for (path, what) in &kinds {
        let said = refused(&["check", DESIGN, "--model", path]);
        assert!(said.contains("not an ONNX model") && said.contains(what), "{path}: {said}");
        assert!(!said.contains("truncated"), "{path}: {said}");
        if what != &"NumPy array" {
            let out = folder.path().join("out").display().to_string();
            let said = refused(&["infer", NET, "--input", path, "--out", &out]);
            assert!(said.contains("not a .npy file") && said.contains(what), "{path}: {said}");
        }
    }
    // A model that was cut is still called that.
    let whole = fs::read(NET).unwrap();
    let said = refused(&["check", DESIGN, "--model", &put("cut.onnx", &whole[..whole.len() / 2])]);
    assert!(said.contains("truncated or damaged"), "{said}");
}

/// The README is what a new user types, in its order.
#[test]
fn the_readme_installs_before_it_calls_and_names_layers_that_there_are() {
    let text = fs::read_to_string("README.md").unwrap();
    let install = text.find("cargo install --path .").expect("it says how to install");
    let call = text.find("\ngoldpath check ").expect("it calls the program");
    assert!(install < call, "goldpath is called before it is on the path");
    let known = refused(&["check", DESIGN, "--model", NET, "--layer", "none of them"]);
    let named = text.split("--layer ").skip(1).map(|rest| rest.split_whitespace().next().unwrap());
    let named: Vec<&str> = named.filter(|name| !name.starts_with('`')).collect();
    assert!(!named.is_empty());
    for name in named {
        assert!(known.contains(&format!("{name}, ")), "{name} is no layer of {NET}");
    }
}

/// `zero` takes a cycle an output, `overwrite` none: explained, and said where it is chosen.
#[test]
fn what_a_start_costs_is_explained() {
    let page = goldpath(&["explain", "accumulator.start"]);
    let text = super::stdout(&page);
    assert_eq!(page.status.code(), Some(0), "{}", stderr(&page));
    let cycles = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("start = \"{start}\""))).unwrap();
        line.split("takes ").nth(1).unwrap().split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    // Eight outputs, one MAC.
    assert_eq!(cycles("zero"), cycles("overwrite") + 8, "{text}");
    assert_eq!(cycles("bias"), cycles("overwrite"));
    for start in ["zero", "overwrite"] {
        let check = goldpath(&["check", DESIGN, "--set", &format!("accumulator.start={start:?}")]);
        let said = super::stdout(&check);
        assert!(said.contains(&format!("# start:       {start}: ")), "{said}{}", stderr(&check));
        assert!(said.contains("goldpath explain accumulator.start"), "{said}");
    }
}

/// Lanes that the groups do not divide: said by whatever runs the design.
#[test]
fn lanes_that_groups_do_not_divide_are_said_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.toml");
    let design = "schema = 1\nname = \"ragged\"\npost = { preset = \"shift\", rounding = \"half_up\" }\n[operands]\n\
                  activation = { width = 8, signed = true }\nweight = { width = 8, signed = true }\n[[reduce]]\ngroup = 4\n\
                  format = \"s20\"\noverflow = \"wrap\"\n[accumulator]\nwidth = 24\nsigned = true\noverflow = \"wrap\"\n\
                  start = \"bias\"\n[array]\ndataflow = \"tree\"\nlanes = 3\n";
    fs::write(&path, design).unwrap();
    let (design, out) = (path.display().to_string(), folder.path().join("out").display().to_string());
    let told = "warning[ragged-group] reduce.0.group: 3 terms in groups of 4: 1 term is missing";
    let check = goldpath(&["check", &design]);
    assert!(super::stdout(&check).contains(told), "{}{}", super::stdout(&check), stderr(&check));
    let vectors = goldpath(&["vectors", &design, "--case", "random", "--shape", "2,6,2", "--out", &out]);
    assert_eq!(vectors.status.code(), Some(0), "{}", stderr(&vectors));
    assert!(stderr(&vectors).contains(told), "{}", stderr(&vectors));
}
