//! Errors and leftovers in the user's words: no hidden folder is named, and none stays.

use std::fs;
use std::process::Command;

use super::Yard;

/// The command under a limit on the size of files, so that a write fails while it is staged.
fn limited(yard: &Yard, line: &str) -> String {
    let line = line.replace('@', env!("CARGO_MANIFEST_DIR"));
    let script = format!("ulimit -f 1; exec {} {line}", env!("CARGO_BIN_EXE_goldpath"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(yard.work()).env("TMPDIR", yard.root.path().join("temp"));
    super::refusal(&command.output().unwrap())
}

#[test]
fn what_cannot_be_written_is_called_as_it_was_typed() {
    let yard = Yard::new();
    yard.operands("a.npy", "w.npy", 2, [30, 40, 20]);
    yard.parameters("p.npz");
    let run = "run @/hw_models/mac_s8_acc16sat --activations a.npy --weights w.npy --params p.npz --out ./typed/out";
    let commands = [
        (
            "vectors @/hw_models/mac_s8_acc16sat --case random --shape 30,40,20 --out ./typed/out"
                .to_string(),
            "./typed/out/",
        ),
        (run.to_string(), "./typed/out/"),
        (format!("{run} --trace typed/out/t.vcd"), "typed/out/t.vcd"),
        (format!("{run} --trace elsewhere.vcd"), "elsewhere.vcd"),
        (format!("{run} --trace elsewhere.npz"), "elsewhere.npz"),
    ];
    for (line, typed) in commands {
        let said = limited(&yard, &line);
        assert!(said.contains(typed), "{line}: {said}");
        assert!(!said.contains(".goldpath-"), "{line}: {said}");
        assert!(yard.hidden().is_empty(), "{:?}", yard.hidden());
    }
}

#[test]
fn leftovers_of_earlier_versions_go_with_the_next_run_and_nothing_else_does() {
    let yard = Yard::new();
    for (name, file) in [
        (".goldpath-bundle-a1B2c3", "bundle/stimulus.hex"),
        (".goldpath-bundle-000000", "bundle/tb.v"),
        (".goldpath-bundle-mine", "bundle/stimulus.hex"),
        (".goldpath-bundle-111111", "bundle/notes.txt"),
        (".goldpath-bundle-222222", "old/stimulus.hex"),
        (".goldpath-bundles", "x"),
    ] {
        yard.write(&format!("{name}/{file}"), "x");
    }
    yard.done("vectors @/hw_models/mac_s8_acc16sat --case random --shape 3,9,2 --out out");
    let mut left: Vec<String> = fs::read_dir(yard.work())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    left.sort();
    let kept =
        [".goldpath-bundle-111111", ".goldpath-bundle-222222", ".goldpath-bundle-mine", ".goldpath-bundles"];
    assert_eq!(left, kept);
}
