//! What is not goldpath's stays where it is, and the error names it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{Yard, refusal, tree};

const BUNDLE: &str = "vectors @/hw_models/mac_s8_acc16sat --case random --shape 3,9,2";
const OTHER_BUNDLE: &str = "vectors @/hw_models/mac_s8_acc16sat --case random --shape 2,5,3";
const RUN: &str = "run @/hw_models/mac_s8_acc16sat --activations a.npy --weights w.npy --params p.npz";
const INFER: &str = "infer @/tests/models/mlp_s8_qoperator.onnx --input @/tests/models/mlp_inputs.npy";
const OVERFLOW: &str = "overflow @/tests/models/mlp_s8_qoperator.onnx --input @/tests/models/mlp_inputs.npy \
--design @/hw_models/mac_s8_acc16sat";
const SWEEP: &str = "sweep @/tests/models/mlp_s8_qoperator.onnx --input @/tests/models/mlp_inputs.npy \
--design @/hw_models/mac_s8_acc16sat --widths 16 --modes wrap --images 0..1";

/// Every command that writes a folder.
const ALL: [&str; 5] = [BUNDLE, RUN, INFER, OVERFLOW, SWEEP];

fn yard() -> Yard {
    let yard = Yard::new();
    yard.operands("a.npy", "w.npy", 2, [3, 9, 2]);
    yard.parameters("p.npz");
    yard
}

#[test]
fn a_folder_with_some_manifest_is_not_a_bundle() {
    let yard = yard();
    for manifest in [r#"{ "name": "My app", "start_url": "/" }"#, "", "{}", r#"{ "schema": 1, "files": {} }"#]
    {
        yard.write("webapp/manifest.json", manifest);
        yard.write("webapp/index.html", "<p>mine</p>");
        yard.write("webapp/static/app.js", "mine()");
        let before = tree(&yard.work());
        for command in ALL {
            let said = yard.refused(&format!("{command} --out webapp"));
            assert!(said.contains("webapp/"), "no file is named: {said}");
            assert_eq!(tree(&yard.work()), before, "{command}");
        }
    }
}

#[test]
fn whatever_was_added_to_our_own_folder_is_named_and_stays() {
    let yard = yard();
    for command in ALL {
        let line = format!("{command} --out ours");
        yard.done(&line);
        let add: [(&str, &dyn Fn()); 4] = [
            ("notes.txt", &|| yard.write("ours/notes.txt", "mine")),
            ("sub", &|| fs::create_dir(yard.path("ours/sub")).unwrap()),
            ("link", &|| symlink(yard.path("a.npy"), yard.path("ours/link")).unwrap()),
            (".hidden", &|| yard.write("ours/.hidden", "mine")),
        ];
        for (name, add) in add {
            add();
            let before = tree(&yard.work());
            let said = yard.refused(&line);
            assert!(said.contains(&format!("ours/{name}")), "{command} with {name}: {said}");
            assert_eq!(tree(&yard.work()), before, "{command} with {name}");
            let path = yard.path("ours").join(name);
            fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).unwrap();
        }
        yard.done(&line);
        fs::remove_dir_all(yard.path("ours")).unwrap();
    }
    assert!(yard.hidden().is_empty(), "{:?}", yard.hidden());
}

#[test]
fn a_file_that_was_changed_by_hand_is_no_longer_ours() {
    let yard = yard();
    for (command, name) in [
        (BUNDLE, "tb.sv"),
        (RUN, "acc.npy"),
        (INFER, "tensors.json"),
        (OVERFLOW, "report.txt"),
        (SWEEP, "report.txt"),
    ] {
        yard.done(&format!("{command} --out ours"));
        let path = yard.path("ours").join(name);
        let text = fs::read(&path).unwrap();
        fs::write(&path, [&text[..], b"\nmy own line\n"].concat()).unwrap();
        let before = tree(&yard.work());
        let said = yard.refused(&format!("{command} --out ours"));
        assert!(said.contains(name) && said.contains("changed"), "{said}");
        assert_eq!(tree(&yard.work()), before);
        fs::remove_dir_all(yard.path("ours")).unwrap();
    }
}

#[test]
fn the_results_of_another_command_are_not_replaced() {
    let yard = yard();
    for first in ALL {
        yard.done(&format!("{first} --out ours"));
        let before = tree(&yard.work());
        for second in ALL.iter().filter(|other| **other != first) {
            let said = yard.refused(&format!("{second} --out ours"));
            assert!(said.contains("ours"), "{said}");
            assert_eq!(tree(&yard.work()), before, "{first}, then {second}");
        }
        fs::remove_dir_all(yard.path("ours")).unwrap();
    }
}

#[test]
fn from_inside_the_folder_itself() {
    let yard = yard();
    for (first, second) in [(BUNDLE, OTHER_BUNDLE), (RUN, RUN)] {
        yard.done(&format!("{first} --out b"));
        yard.done(&format!("{second} --out wanted"));
        for (folder, out) in [("b", "../b"), ("b", "."), (".", "./b/."), ("b", "../../work/b/")] {
            fs::remove_dir_all(yard.path("b")).unwrap();
            yard.done(&format!("{first} --out b"));
            let line = second
                .replace(" a.npy", " ../a.npy")
                .replace("w.npy", "../w.npy")
                .replace("p.npz", "../p.npz");
            let line = if folder == "." { second.to_owned() } else { line };
            let mut command = yard.command(&format!("{line} --out {out}"));
            let output = command.current_dir(yard.path(folder)).output().unwrap();
            super::succeeded(&output);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.contains("current folder"), folder != ".", "{said}");
            assert_eq!(tree(&yard.path("b")), tree(&yard.path("wanted")), "{out}");
        }
        ["b", "wanted"].iter().for_each(|name| fs::remove_dir_all(yard.path(name)).unwrap());
    }
    assert!(yard.hidden().is_empty(), "{:?}", yard.hidden());
}

#[test]
fn a_link_to_a_folder_stays_a_link() {
    let yard = yard();
    for command in ALL {
        fs::create_dir_all(yard.path("disk/real")).unwrap();
        symlink("disk/real", yard.path("link")).unwrap();
        for _ in 0..2 {
            yard.done(&format!("{command} --out link"));
        }
        assert!(yard.path("link").is_symlink() && yard.path("disk/real").is_dir());
        assert!(!tree(&yard.path("disk/real")).is_empty());
        fs::remove_dir_all(yard.path("disk")).unwrap();
        let said = yard.refused(&format!("{command} --out link"));
        assert!(said.contains("link"), "{said}");
        fs::remove_file(yard.path("link")).unwrap();
    }
}

#[test]
fn places_where_nothing_can_be_written() {
    let yard = yard();
    yard.write("file", "mine");
    let before = tree(&yard.work());
    for command in ALL {
        for out in ["file", "file/x", "/", "/proc/x"] {
            let said = yard.refused(&format!("{command} --out {out}"));
            assert!(said.starts_with("error: ") && said.contains(out), "{said}");
        }
        refusal(&yard.command(command).arg("--out").arg("").output().unwrap());
        let said = yard.refused(&format!("{command} --out ."));
        assert!(said.contains("a.npy"), "{said}");
        assert_eq!(tree(&yard.work()), before, "{command}");
    }
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let yard = yard();
    fs::create_dir(yard.path("in")).unwrap();
    for name in ["a.npy", "w.npy", "p.npz"] {
        fs::copy(yard.path(name), yard.path("in").join(name)).unwrap();
    }
    symlink("in/p.npz", yard.path("alias.npz")).unwrap();
    fs::hard_link(yard.path("in/p.npz"), yard.path("twin.npz")).unwrap();
    let run = RUN.replace(" a.npy", " in/a.npy").replace("w.npy", "in/w.npy").replace("p.npz", "in/p.npz");
    let before = tree(&yard.work());
    for rest in [
        "--out in",
        "--out in/../in",
        "--out o --trace in/p.npz",
        "--out o --trace alias.npz",
        "--out o --trace twin.npz",
        "--out o --trace o/sub/t.vcd",
        "--out o.vcd --trace o.vcd",
    ] {
        let said = yard.refused(&format!("{run} {rest}"));
        assert!(said.contains("input") || said.contains("--trace"), "{rest}: {said}");
        assert_eq!(tree(&yard.work()), before, "{rest}");
    }
    // What one command wrote is the other's input.
    yard.done(&format!("{OVERFLOW} --out claims"));
    let before = tree(&yard.work());
    let witnesses = fs::read_to_string(yard.path("claims/witness.json")).unwrap();
    let id = witnesses.split("\"id\": \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let line = format!("vectors @/hw_models/mac_s8_acc16sat --witness claims/witness.json#{id} --out claims");
    let said = yard.refused(&line);
    assert!(said.contains("claims"), "{said}");
    assert_eq!(tree(&yard.work()), before);
}

#[test]
fn nothing_of_an_earlier_run_is_left() {
    let yard = yard();
    yard.done(&format!("{RUN} --trace out/t.vcd --out out"));
    assert!(yard.path("out/overflow.npy").exists() && yard.path("out/t.vcd").exists());
    yard.done(&format!("{RUN} --counts none --out out"));
    let names: Vec<_> = tree(&yard.path("out")).into_keys().collect();
    assert_eq!(names, ["acc.npy", "goldpath.json", "out.npy"].map(std::path::PathBuf::from));
}

#[test]
fn a_failed_run_leaves_neither_folder_nor_trace() {
    let yard = yard();
    yard.write("t.vcd", "old");
    let before = tree(&yard.work());
    // The parameters are missing: known only after everything else was read.
    let line = RUN.replace("--params p.npz", "");
    yard.refused(&format!("{line} --trace t.vcd --out deep/er/out"));
    yard.refused(&format!("{RUN} --trace nowhere/t.vcd --out deep/er/out"));
    yard.refused(&format!("{RUN} --trace t.wlf --out deep/er/out"));
    assert_eq!(tree(&yard.work()), before);
}

#[test]
fn a_replaced_folder_keeps_its_permissions() {
    let yard = yard();
    for mode in [0o700, 0o2775] {
        fs::create_dir(yard.path("ours")).unwrap();
        fs::set_permissions(yard.path("ours"), fs::Permissions::from_mode(mode)).unwrap();
        for _ in 0..2 {
            yard.done(&format!("{BUNDLE} --out ours"));
            let now = fs::metadata(yard.path("ours")).unwrap().permissions().mode();
            assert_eq!(now & 0o7777, mode);
        }
        fs::remove_dir_all(yard.path("ours")).unwrap();
    }
}
