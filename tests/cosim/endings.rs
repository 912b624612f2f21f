//! Compilers and simulations that do not end, crash, or say something: the time limit holds, their words come through.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::module::{answer, body, cosim, module, whole};

/// A program in front of the search path.
fn fake(folder: &Path, name: &str, script: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
fn the_time_limit_holds_for_the_whole_group_of_a_compiler() {
    let root = tempfile::tempdir().unwrap();
    let rtl = whole(root.path(), "");
    // Version, then a child that keeps the pipes open and does not heed SIGTERM.
    let marker = root.path().join("survived");
    let script = format!(
        "case \"$*\" in *ersion*|-V) echo fake 1.0; exit;; esac\n(trap '' TERM; sleep 5; touch {}) &\nwait",
        marker.display()
    );
    for (simulator, program) in [("icarus", "iverilog"), ("verilator", "verilator")] {
        let path = fake(root.path(), program, &script);
        let begun = Instant::now();
        let (status, text) =
            answer(cosim(&[&rtl], simulator, root.path()).args(["--timeout", "1"]).env("PATH", path));
        assert!(status == 2 && text.contains("compiling did not end within 1 s and was killed"), "{text}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    std::thread::sleep(Duration::from_secs(6));
    assert!(!marker.exists(), "a grandchild went on");
}

#[test]
fn a_compiler_that_crashes_is_told_of() {
    let root = tempfile::tempdir().unwrap();
    let rtl = whole(root.path(), "");
    for (script, said) in
        [("kill -SEGV $$", "signal: 11"), ("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9")]
    {
        let path = fake(root.path(), "iverilog", &format!("[ \"$1\" = -V ] && exit\n{script}"));
        let (status, text) = answer(cosim(&[&rtl], "icarus", root.path()).env("PATH", path));
        assert!(
            status == 2 && text.contains("iverilog ended without a word") && text.contains(said),
            "{text}"
        );
    }
}

#[test]
fn a_missing_include_is_shown_with_file_and_line() {
    let root = tempfile::tempdir().unwrap();
    let top = root.path().join("top of mine.v");
    fs::write(&top, "\n`include \"nowhere.vh\"\n").unwrap();
    for simulator in ["icarus", "verilator"] {
        let (status, text) = answer(&mut cosim(&[&top], simulator, root.path()));
        let place = format!("{}:2", top.display());
        assert!(status == 2 && text.contains(&place) && text.contains("nowhere.vh"), "{simulator}: {text}");
        assert!(!text.contains("gp_"), "{simulator}: {text}");
    }
}

#[test]
fn a_missing_memory_file_comes_through_on_a_pass() {
    let root = tempfile::tempdir().unwrap();
    let extra = "reg [7:0] table_of_mine [0:3];\n initial $readmemh(\"nowhere.hex\", table_of_mine);";
    let rtl = whole(root.path(), extra);
    let line = fs::read_to_string(&rtl).unwrap().lines().position(|l| l.contains("$readmemh")).unwrap() + 1;
    let place = format!("{}:{line}", rtl.display());
    for simulator in ["icarus", "verilator"] {
        // Built, and found built; in words, and as JSON.
        for format in ["text", "json"] {
            let (status, text) = answer(cosim(&[&rtl], simulator, root.path()).args(["--format", format]));
            assert!(
                status == 0 && text.contains("nowhere.hex") && text.contains(&place),
                "{simulator}: {text}"
            );
            assert!(format == "text" || text.contains("\"warnings\": [\n"), "{text}");
        }
    }
}

#[test]
fn warnings_of_the_compiler_come_through_from_kept_builds_too() {
    let root = tempfile::tempdir().unwrap();
    let included = root.path().join("inside.vh");
    // Simulators disagree on when this register changes.
    let late = "reg mine;\n always @* mine <= v;";
    fs::write(&included, body("x * w", late)).unwrap();
    let top = root.path().join("top.v");
    fs::write(&top, module("`include \"inside.vh\"")).unwrap();
    for _ in 0..2 {
        let (status, text) = answer(&mut cosim(&[&top], "verilator", root.path()));
        assert!(status == 0 && text.contains("COMBDLY"), "{status}: {text}");
        assert!(text.contains(&format!("{}:", included.display())), "{text}");
    }
}
