//! Names with characters that TOML, a terminal or a page would obey.

use std::fs;
use std::path::Path;

use goldpath::design::Design;
use proptest::prelude::*;

use crate::bytes::{model, node, npy, tensor, value_info};
use crate::{data, root, spoken};

fn is_quiet(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c))
}

#[test]
fn a_twin_parameter_with_a_quote_is_refused() {
    let (status, _, errors) = spoken(&["check", &data("twin_name_quote.toml").display().to_string()]);
    assert_eq!(status, 2, "{errors}");
    assert!(errors.contains("twin") && !errors.contains("panicked"), "{errors}");
}

/// Designs with these words for their names; most are refused.
fn designs(word: &str) -> Vec<String> {
    let quoted = serde_json::to_string(word).unwrap();
    let design = fs::read_to_string(root().join("hw_models/mac_s8_acc32/design.toml")).unwrap();
    vec![
        design.replace("\"mac_s8_acc32\"", &quoted),
        design.replace("\"ACC_WIDTH\"", &quoted),
        design.replace("\"accumulator.width\"", &quoted),
        design.replace(
            "preset = \"multiply_shift\"",
            &format!("preset = \"multiply_shift\", multiplier = {quoted}"),
        ) + &format!("\n[parameters.{quoted}]\nformat = \"s32\"\nper = \"channel\"\n"),
        design.replace(
            "signed = true }\nweight",
            &format!("signed = true, offset = {quoted}, format = \"s9\" }}\nweight"),
        ) + &format!("\n[parameters.{quoted}]\nformat = \"s8\"\n"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_complete_design_loads_again_whatever_it_names(
        word in prop_oneof![
            "[a-z_][a-z0-9_]{0,8}", "\\PC{0,6}", "[\"'\\\\\n\r\t\u{0}\u{7f}\u{85}\u{202e}a.=\\[\\]#{}]{1,8}",
        ],
    ) {
        for text in designs(&word) {
            let Ok(design) = Design::parse(&text, Path::new("d.toml"), &[]) else { continue };
            let complete = design.to_toml();
            let again = Design::parse(&complete, Path::new("again.toml"), &[]);
            prop_assert!(again.is_ok(), "{word:?}: {}\n{complete}", again.unwrap_err());
            let again = again.unwrap();
            prop_assert_eq!(&again.hash, &design.hash);
            prop_assert_eq!(again.to_toml(), complete);
        }
    }
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "a\u{1b}]0;x\u{7}\u{9b}31m\r\u{202e}b";
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(folder.path().join("x.npy"), npy("|i1", "(1, 2)", &[1, 2])).unwrap();
    let weights = tensor("w", 3, &[2, 1], &[1, 2]);
    let nodes = [node("MatMulInteger", evil, &["x", "w"], &["y"], &[])];
    let io = ([value_info("x", 3, &[1, 2])], [value_info("y", 6, &[])]);
    fs::write(folder.path().join("m.onnx"), model(&nodes, &[weights], &io.0, &io.1)).unwrap();
    let broken = [node(evil, evil, &["x"], &["y"], &[])];
    fs::write(folder.path().join("n.onnx"), model(&broken, &[], &io.0, &io.1)).unwrap();
    let path = folder.path().join(format!("{}.toml", evil.replace('/', "")));
    fs::write(&path, format!("schema = 1\nname = \"{evil}\"")).unwrap();
    let mac = "hw_models/mac_s8_acc32";
    let (m, n, x) = (file("m.onnx"), file("n.onnx"), file("x.npy"));
    let t = file("t.npz");
    crate::bytes::npz(std::path::Path::new(&t), &[(evil, npy("|i1", "(1, 2)", &[1, 2]))], false);
    let (o, w, p) = (file("o"), file("w"), path.display().to_string());
    let commands: Vec<Vec<&str>> = vec![
        vec!["check", mac, "--model", &m],
        vec!["check", mac, "--model", &m, "--layer", evil],
        vec!["check", mac, "--model", &n],
        vec!["check", &p],
        vec!["check", mac, "--set", evil],
        vec!["check", mac, evil],
        vec!["infer", &m, "--input", &x, "--out", &o],
        vec!["infer", &n, "--input", &x, "--out", &o],
        vec!["infer", &m, "--tensors", &t, "--out", &o],
        vec!["layers", &m],
        vec!["layers", &n, "--design", mac],
        vec!["overflow", &m, "--design", mac, "--input", &x, "--out", &w],
        vec!["explain", evil],
        vec!["run", mac, "--activations", evil, "--weights", &x, "--out", &o],
    ];
    for typed in commands {
        for format in ["text", "json"] {
            let typed = [&["--format", format][..], &typed].concat();
            let (_, out, errors) = spoken(&typed);
            assert!(is_quiet(&out) && is_quiet(&errors), "{typed:?}\n{out:?}\n{errors:?}");
        }
    }
    for report in ["report.txt", "report.html"] {
        let text = fs::read_to_string(folder.path().join("w").join(report)).unwrap();
        assert!(is_quiet(&text) && text.contains("\\u{1b}"), "{report}: {text}");
    }
}

/// A layer, its tensors and the files it comes from, all badly named: whatever is written names them, and nothing in it
/// is obeyed or unseen. JSON that was printed was escaped, JSON that was written was not.
#[test]
fn nothing_that_a_terminal_obeys_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "a\u{1b}[31m\u{9b}31m\u{202e}\u{ad}\u{200b}\u{e0041}b";
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (m, x) = (path(&format!("{evil}.onnx")), path(&format!("{evil}.npy")));
    fs::write(&x, npy("|i1", "(1, 2)", &[1, 2])).unwrap();
    let out = format!("{evil}2");
    let nodes =
        [node("MatMulInteger", evil, &[evil, "w"], &["y"], &[]), node("Identity", "", &["y"], &[&out], &[])];
    let file = model(
        &nodes,
        &[tensor("w", 3, &[2, 1], &[1, 2])],
        &[value_info(evil, 3, &[1, 2])],
        &[value_info(&out, 6, &[])],
    );
    fs::write(&m, file).unwrap();
    let mac = "hw_models/mac_s8_acc32";
    let layer = "a\\u{1b}[31m\\u{9b}31m\\u{202e}\\u{ad}\\u{200b}\\u{e0041}b";
    let outs = ["i", "o", "s", "v"].map(path);
    let commands: [&[&str]; 4] = [
        &["infer", &m, "--input", &x, "--out", &outs[0]],
        &["overflow", &m, "--design", mac, "--input", &x, "--out", &outs[1]],
        &["sweep", &m, "--design", mac, "--input", &x, "--widths", "12", "--out", &outs[2]],
        &["vectors", mac, "--model", &m, "--layer", layer, "--input", &x, "--out", &outs[3]],
    ];
    let unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}' | '\u{e0041}');
    for (typed, out) in commands.iter().zip(&outs) {
        let (status, _, errors) = spoken(typed);
        assert_eq!(status, 0, "{errors}");
        let mut folders = vec![std::path::PathBuf::from(out)];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if entry.extension().is_none_or(|end| end != "npy" && end != "npz") {
                    let text = fs::read_to_string(&entry).unwrap();
                    assert!(is_quiet(&text) && !text.contains(unseen), "{}: {text}", entry.display());
                }
            }
        }
    }
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(Path::new(&outs[0]).join("tensors.json")).unwrap()).unwrap();
    let names: Vec<&str> =
        index["tensors"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert!(names.contains(&out.as_str()), "{names:?}");
}

#[test]
fn lanes_that_a_group_does_not_divide_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.toml");
    let tree = fs::read_to_string(root().join("hw_models/tree8_s8_acc24/design.toml")).unwrap();
    let start = tree.find("[[reduce]]").unwrap();
    let rest = tree[start..].find("[accumulator]").map_or(tree.len(), |at| start + at);
    let text = format!("{}[[reduce]]\ngroup = 4\n\n{}", &tree[..start], &tree[rest..]);
    fs::write(&path, text.replace("lanes = 8", "lanes = 3")).unwrap();
    let (status, out, errors) = spoken(&["check", &path.display().to_string()]);
    assert_eq!(status, 0, "{errors}");
    assert!(
        out.contains("warning[ragged-group] reduce.0.group: 3 terms in groups of 4: 1 term is missing"),
        "{out}"
    );
    assert!(out.contains("a missing term is 0, and the sum is still fitted"), "{out}");
    fs::write(&path, text.replace("lanes = 8", "lanes = 4")).unwrap();
    assert!(!spoken(&["check", &path.display().to_string()]).1.contains("ragged-group"));
}
