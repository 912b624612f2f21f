//! Help, usage errors, explain, doctor and completions.

use super::{goldpath, stderr, stdout};

const COMMANDS: [&str; 14] = [
    "check",
    "run",
    "infer",
    "compare-schemes",
    "layers",
    "vectors",
    "cosim",
    "strength",
    "identify",
    "params",
    "schema",
    "explain",
    "doctor",
    "completions",
];

#[test]
fn help_names_every_command_and_is_no_error() {
    let help = goldpath(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(help.stderr.is_empty());
    for command in COMMANDS {
        assert!(stdout(&help).contains(&format!("\n  {command} ")), "{command} is not in the help");
        let own = goldpath(&[command, "--help"]);
        assert_eq!(own.status.code(), Some(0));
        assert!(stdout(&own).contains(&format!("goldpath {command}")));
    }
}

#[test]
fn every_misuse_is_status_2_on_standard_error() {
    let misuses: [&[&str]; 14] = [
        &[],
        &["chekc"],
        &["check"],
        &["check", "d.toml", "--set", "novalue"],
        &["check", "d.toml", "--set", "=1"],
        &["check", "d.toml", "--shape", "4,0,4"],
        &["schema", "--format", "xml"],
        &["run", "d.toml", "--activations", "a.npy", "--out", "o"],
        &["run", "d.toml", "--activations", "a.npy", "--weights", "w.npy", "--out", "o", "--engine", "fast"],
        &["vectors", "d.toml", "--out", "o"],
        &["vectors", "d.toml", "--case", "random", "--out", "o"],
        &["vectors", "d.toml", "--case", "random", "--shape", "1,2,3", "--model", "m.onnx", "--out", "o"],
        &[
            "vectors", "d.toml", "--model", "m", "--layer", "n", "--input", "x", "--images", "3..3", "--out",
            "o",
        ],
        &["completions", "tcsh"],
    ];
    for arguments in misuses {
        let output = goldpath(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?} said something on standard output");
        assert!(!output.stderr.is_empty(), "{arguments:?} said nothing");
    }
}

#[test]
fn explain_answers_and_refuses() {
    let list = goldpath(&["explain"]);
    assert_eq!(list.status.code(), Some(0));
    for name in ["R1 ", "R12", "half_even", "saturate_output", "tflite_double", "double_rounding"] {
        assert!(stdout(&list).contains(name), "{name} is not listed");
    }
    let rule = goldpath(&["explain", "r7"]);
    assert!(stdout(&rule).starts_with("R7 (rule): "), "{}", stdout(&rule));

    let json = goldpath(&["explain", "half-away", "--format", "json"]);
    let topic: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(topic["name"], "half_away");
    assert!(topic["example"].as_str().unwrap().contains("-832 / 2^7 is -7"));

    let unknown = goldpath(&["explain", "even"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(unknown.stdout.is_empty());
    assert!(stderr(&unknown).contains("half_even"), "{}", stderr(&unknown));
}

#[test]
fn an_error_is_json_when_json_was_asked_for() {
    let output = goldpath(&["explain", "even", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "usage");
    assert!(error["error"]["help"].as_str().unwrap().contains("half_even"));
}

#[test]
fn doctor_says_what_is_there() {
    let doctor = goldpath(&["doctor", "--format", "json"]);
    let diagnosis: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let simulators = diagnosis["simulators"].as_array().unwrap().len();
    println!("{simulators} simulators");
    assert_eq!(doctor.status.code(), Some(if simulators > 0 { 0 } else { 1 }));
    assert_eq!(diagnosis["tools"].as_array().unwrap().len(), 5);

    let nothing =
        assert_cmd::Command::cargo_bin("goldpath").unwrap().arg("doctor").env("PATH", "").output().unwrap();
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stdout(&nothing).contains("no simulator"));
}

#[test]
fn doctor_shows_and_clears_what_is_kept_and_nothing_else() {
    let (cache, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = "0123456789abcdef0123456789abcdef";
    let put = |name: String| {
        std::fs::create_dir_all(cache.path().join(&name)).unwrap();
        std::fs::write(cache.path().join(name).join("sim"), "0123456789").unwrap();
    };
    let ours = [format!("icarus-{key}"), format!("verilator-{key}"), ".build-abcdef".to_string()];
    let others = ["icarus-notes", "mine", ".goldpath-notes"].map(String::from);
    ours.iter().chain(&others).cloned().for_each(put);
    // A stage whose owner is dead: nobody holds its lock.
    let stage = temporary.path().join(".goldpath-0123456789ab");
    std::fs::create_dir(&stage).unwrap();
    std::fs::write(stage.join("owner"), "scratch\n").unwrap();
    std::fs::write(stage.join("big"), "").unwrap();
    let doctor = |options: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("goldpath").unwrap();
        command.env("GOLDPATH_CACHE", cache.path()).env("TMPDIR", temporary.path());
        let output = command.args(["doctor", "--format", "json"]).args(options).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["cache"].clone()
    };
    let seen = doctor(&[]);
    assert_eq!((seen["builds"].as_u64(), seen["bytes"].as_u64()), (Some(2), Some(20)), "{seen}");
    assert_eq!(seen["leftovers"].as_array().unwrap().len(), 2, "{seen}");
    // A build that somebody runs stays.
    let running = goldpath::files::hold(&cache.path().join(&ours[0])).unwrap();
    assert_eq!(doctor(&["--clear-cache"])["cleared"], 1);
    assert!(cache.path().join(&ours[0]).exists() && !cache.path().join(&ours[1]).exists() && !stage.exists());
    drop(running);
    assert_eq!(doctor(&["--clear-cache"])["cleared"], 1);
    let mut left: Vec<_> = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [".goldpath-notes", "icarus-notes", "mine"]);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = goldpath(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        for command in COMMANDS {
            assert!(stdout(&output).contains(command), "{shell}: {command}");
        }
    }
}

/// One sentence does not pass for an answer to what it did not measure.
#[test]
fn an_overflow_without_labels_says_what_it_did_not_measure() {
    let folder = tempfile::tempdir().unwrap();
    let model = "tests/models/mlp_s8_qdq.onnx";
    let (x, out) = ("tests/models/mlp_inputs.npy", folder.path().join("o").display().to_string());
    let asked = ["overflow", model, "--design", "hw_models/mac_s8_acc16sat", "--input", x, "--out", &out];
    let answer = |width: &str| {
        let said = stdout(&goldpath(&[&asked[..], &["--set", width]].concat()));
        said.lines().find(|line| line.starts_with("answer: ")).unwrap().to_owned()
    };
    let (measured, spoilt) =
        ("together is not measured: --labels does, or `sweep`", "wrong outputs in front of later");
    let narrow = answer("accumulator.width=14");
    assert!(narrow.contains(measured) && narrow.contains(spoilt), "{narrow}");
    let wide = answer("accumulator.width=24");
    assert!(!wide.contains(measured) && !wide.contains(spoilt), "{wide}");
}
