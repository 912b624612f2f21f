//! Bundles whose beats have idle cycles between them: the twins agree, so does RTL of other latency, and RTL that does not
//! look at `in.valid` is caught, or refused where it has no such port.

use std::fs;
use std::path::{Path, PathBuf};

use goldpath::vectors::manifest;

use crate::commands::{OTHER, PORTS, said};
use crate::{goldpath, run};

const DESIGNS: [&str; 13] = [
    "mac_s8_acc32",
    "mac_s8_acc16sat",
    "tree8_s8_acc24",
    "os8x8_s8_acc32",
    "os16x16_s8_acc16sat",
    "os4x2_l4_s8_acc32",
    "ws16x16_s8_acc32",
    "is8x8_s8_acc24",
    "ws8x8_bcast_s8_acc24_mem32",
    "os8x8_diag_s8_acc20",
    "tree16x4_banks4_s8_acc34sat",
    "lanes4_s8_acc16sat_sum17",
    "requant_pipeline",
];

fn write(design: &str, words: &str, out: &Path) -> String {
    let folder = if design.ends_with(".toml") { "tests/strength/wrong" } else { "hw_models" };
    let line = format!("vectors {folder}/{design} {words} --strength none --out {}", out.display());
    said(&run(&line).success())
}

/// Values of a one-bit input, cycle by cycle, row 0's of a skewed one.
fn bits(bundle: &Path, signal: &str) -> Vec<bool> {
    let layouts = manifest::read(bundle).unwrap().layouts().unwrap();
    let (layout, field) = (&layouts.stimulus, layouts.stimulus.field(signal).unwrap());
    let text = fs::read_to_string(bundle.join("stimulus.hex")).unwrap();
    let lines: Vec<&str> = text.lines().step_by(layout.words).collect();
    assert!(field.offset < layout.word_bits);
    let digit = |line: &str| line.as_bytes()[line.len() - 1 - field.offset / 4] as char;
    lines.iter().map(|line| (digit(line).to_digit(16).unwrap() >> (field.offset % 4)) & 1 == 1).collect()
}

#[test]
fn twins_agree_on_directed_bundles_with_gaps() {
    let root = tempfile::tempdir().unwrap();
    for design in DESIGNS {
        for case in ["directed", "single"] {
            let out = root.path().join(format!("{design}-{case}"));
            let text = write(design, &format!("--case {case}"), &out);
            assert!(text.contains("gaps: every other tile waits"), "{text}");
            assert!(manifest::read(&out).unwrap().gaps.is_some());
            // Where columns or rows leave apart, each has a valid bit of its own, and no transaction is theirs together.
            let apart = ["is8x8_s8_acc24", "os8x8_diag_s8_acc20"].contains(&design);
            let beats = (!apart).then_some("beats");
            for compare in ["cycles"].into_iter().chain(beats) {
                let words = ["cosim".as_ref(), out.as_os_str(), "--compare".as_ref(), compare.as_ref()];
                let text = said(&goldpath(&words).success());
                assert_eq!(text.matches("PASS").count(), 2, "{text}");
                text.lines().for_each(|line| println!("{design} {case}: {line}"));
            }
        }
    }
}

/// The cycles of the beats follow from the manifest alone: of an output of a sequential MAC or a tree, beat by beat.
#[test]
fn a_manifest_says_where_the_gaps_are() {
    let root = tempfile::tempdir().unwrap();
    for (design, lanes, clears) in [("mac_s8_acc16sat", 1, 0), ("tree8_s8_acc24", 8, 0), ("teal.toml", 4, 1)]
    {
        for words in ["--case single --seed 3", "--case random --shape 3,79,3 --gaps mixed"] {
            let out = root.path().join("bundle");
            write(design, words, &out);
            let facts = manifest::read(&out).unwrap();
            let gaps = facts.gaps.unwrap();
            assert!(facts.timing.iter().any(|line| line.contains("idle cycles in front of them (gaps)")));
            assert_eq!(gaps.after_clear.is_some(), clears == 1);
            let (tiles, beats) = (facts.shape.m * facts.shape.n, facts.shape.k.div_ceil(lanes));
            let mut valid = Vec::new();
            for tile in 0..tiles {
                let has_gaps = tile >= gaps.first_tile && (tile - gaps.first_tile).is_multiple_of(2);
                assert!(has_gaps || tile + 1 < tiles, "the last tile has gaps");
                let idle = |cycles: usize| if has_gaps { cycles } else { 0 };
                valid.extend(vec![false; idle(gaps.before_tile)]);
                if let Some(after_clear) = gaps.after_clear {
                    valid.extend(vec![false; 1 + idle(after_clear)]);
                }
                valid.push(true);
                for beat in 1..beats {
                    valid.extend(vec![false; idle(gaps.before_beat[beat % gaps.before_beat.len()])]);
                    valid.push(true);
                }
            }
            let found = bits(&out, "in.valid");
            assert_eq!(found[..valid.len()], valid, "{design} {words}");
            assert!(found[valid.len()..].iter().all(|valid| !valid));
        }
    }
}

/// Without gaps there is no word of them, and beat follows on beat.
#[test]
fn gaps_are_where_they_are_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let has_gaps = |words: &str| {
        let out = root.path().join("bundle");
        write("mac_s8_acc16sat", words, &out);
        let facts = manifest::read(&out).unwrap();
        let valid = bits(&out, "in.valid");
        let last = valid.iter().rposition(|valid| *valid).unwrap();
        let dense = valid[..last].iter().all(|valid| *valid);
        let text = fs::read_to_string(out.join("manifest.json")).unwrap();
        assert_eq!((facts.gaps.is_some(), text.contains("gaps")), (!dense, !dense), "{words}");
        (!dense, fs::read(out.join("beats_in.hex")).unwrap(), fs::read(out.join("beats_out.hex")).unwrap())
    };
    let layer = "--model tests/models/cnn_s8_qoperator.onnx --layer fc_quant --input tests/models/cnn_inputs.npy --images 0..1";
    for (words, by_default) in [
        ("--case directed", true),
        ("--case single", true),
        ("--case random --shape 3,9,2", false),
        (layer, false),
    ] {
        let [own, none, mixed] =
            ["", " --gaps none", " --gaps mixed"].map(|gaps| has_gaps(&format!("{words}{gaps}")));
        assert_eq!([own.0, none.0, mixed.0], [by_default, false, true], "{words}");
        assert!(own.1 == none.1 && none.1 == mixed.1, "{words}: transactions in");
        assert!(own.2 == none.2 && none.2 == mixed.2, "{words}: transactions out");
    }
    // Other places, the same outcome.
    let [one, two] = ["1", "2"].map(|seed| {
        let out = root.path().join(seed);
        write("mac_s8_acc16sat", &format!("{layer} --gaps mixed --seed {seed}"), &out);
        (bits(&out, "in.valid"), fs::read(out.join("beats_out.hex")).unwrap())
    });
    assert!(one.0 != two.0 && one.1 == two.1);
}

/// Somebody's module, with something in it exchanged.
fn other(folder: &Path, from: &str, to: &str) -> PathBuf {
    let path = folder.join("other.v");
    let right = OTHER.replace("BUG", "");
    assert!(right.contains(from));
    fs::write(&path, right.replace(from, to)).unwrap();
    path
}

fn check(bundle: &Path, rtl: &Path, ports: &str, more: &str) -> assert_cmd::assert::Assert {
    let (bundle, rtl) = (bundle.display(), rtl.display());
    run(&format!("cosim {bundle} --rtl {rtl} --top other_mac --port {ports}{more}"))
}

#[test]
fn other_rtl_is_checked_with_gaps() {
    let root = tempfile::tempdir().unwrap();
    let [gaps, dense] = ["gaps", "dense"].map(|name| root.path().join(name));
    write("mac_s8_acc16sat", "--case directed", &gaps);
    write("mac_s8_acc16sat", "--case directed --gaps none", &dense);
    // Other names, an active-low reset, another latency.
    let right = other(root.path(), "if (v)", "if (v)");
    for bundle in [&gaps, &dense] {
        let text = said(&check(bundle, &right, PORTS, " --compare beats").success());
        let outputs = fs::read_to_string(bundle.join("beats_out.hex")).unwrap().lines().count();
        assert_eq!(text.matches(&format!("PASS, {outputs} transactions")).count(), 2, "{text}");
    }
    // Its sum goes on, or starts anew, while valid is 0: idle cycles behind the last output show none of that.
    for wrongly in ["sum <= sat(base + product);", "sum <= v ? sat(base + product) : 0;"] {
        let wrong = other(root.path(), "if (v) sum <= sat(base + product);", wrongly);
        let text = said(&check(&gaps, &wrong, PORTS, " --compare beats").code(1));
        assert_eq!(text.matches("FAIL, mismatch").count(), 2, "{wrongly}: {text}");
        said(&check(&dense, &wrong, PORTS, " --compare beats").success());
    }
}

#[test]
fn rtl_without_valid_is_refused_where_there_are_gaps() {
    let root = tempfile::tempdir().unwrap();
    let [gaps, dense] = ["gaps", "dense"].map(|name| root.path().join(name));
    write("mac_s8_acc16sat", "--case single", &gaps);
    write("mac_s8_acc16sat", "--case single --gaps none", &dense);
    let without = other(root.path(), "input wire v, ", "");
    let text = fs::read_to_string(&without).unwrap();
    fs::write(&without, text.replace("if (v) sum", "sum").replace("done <= v && l", "done <= l")).unwrap();
    let ports = PORTS.replace("in.valid=v", "in.valid=");
    for more in ["", " --compare beats", " --selftest"] {
        let text = said(&check(&gaps, &without, &ports, more).code(2));
        assert!(text.contains("idle cycles between beats"), "{text}");
        assert!(text.contains("--gaps none") && text.contains("in.valid=theirs"), "{text}");
    }
    let text = said(&check(&dense, &without, &ports, " --compare beats").success());
    assert_eq!(text.matches("PASS").count(), 2, "{text}");
    // What stands in front of the accumulator needs no valid: this module's operand register is compared, nothing else.
    let front = root.path().join("front.v");
    let text = "module front (input wire clock, input wire [7:0] x, output reg [7:0] a = 0);\n\
                always @(posedge clock) a <= x;\nendmodule\n";
    fs::write(&front, text).unwrap();
    let open = "rst= in.valid= in.first= in.last= in.weight= param.bias= param.shift= param.zero_point= param.low= \
                param.high= out.valid= out.data=";
    let line = format!(
        "cosim {} --rtl {} --top front --port clk=clock in.activation=x pe.a=a {open}",
        gaps.display(),
        front.display()
    );
    let text = said(&run(&line).success());
    assert_eq!(text.matches("PASS").count(), 2, "{text}");
}

#[test]
fn gaps_are_none_or_mixed() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("bundle");
    let line = |gaps: &str| {
        format!("vectors hw_models/mac_s8_acc16sat --case directed --gaps {gaps} --out {}", out.display())
    };
    for wrong in ["some", "3", "Mixed"] {
        let text = said(&run(&line(wrong)).code(2));
        assert!(text.contains("none, mixed"), "{text}");
        assert!(!out.exists());
    }
}

/// A witness is shown in its cycle, wherever the gaps have moved that.
#[test]
fn a_witness_is_shown_with_gaps() {
    let root = tempfile::tempdir().unwrap();
    let [found, out] = ["found", "bundle"].map(|name| root.path().join(name));
    let matrix = |name: &str, shape: [usize; 2]| {
        let path = root.path().join(name);
        ndarray_npy::write_npy(&path, &ndarray::Array2::from_elem(shape, -128_i8)).unwrap();
        path
    };
    let (a, w) = (matrix("a.npy", [2, 40]), matrix("w.npy", [40, 2]));
    let design = "hw_models/mac_s8_acc16sat";
    let mut words = vec!["overflow".into(), design.into(), "--activations".into(), a.into_os_string()];
    words.extend(["--weights".into(), w.into_os_string(), "--params".into(), "tests/data/bias/P.npz".into()]);
    words.extend(["--out".into(), found.clone().into_os_string()]);
    goldpath(&words).success();
    let text = fs::read_to_string(found.join("witness.json")).unwrap();
    let id = text.split("\"id\": \"").nth(1).unwrap().split('"').next().unwrap();
    let line = |gaps: &str| {
        let witness = found.join("witness.json");
        format!("vectors {design} --witness {}#{id} --gaps {gaps} --out {}", witness.display(), out.display())
    };
    for gaps in ["none", "mixed"] {
        run(&line(gaps)).success();
        assert_eq!(manifest::read(&out).unwrap().gaps.is_some(), gaps == "mixed");
        let text = said(&run(&format!("cosim {} --simulator icarus", out.display())).success());
        assert!(text.contains("PASS"), "{text}");
    }
}
