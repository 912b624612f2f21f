//! `goldpath check`, `params` and `schema`, as typed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use assert_cmd::Command;
use goldpath::design::Design;
use goldpath::design::{largest_exact_float32_k, largest_safe_k, minimum_width};
use goldpath::lower::Program;
use goldpath::num::Format;
use goldpath::simulate::{self, Options};
use ndarray::Array2;

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

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hw_models").join(name).join("design.toml")
}

/// Exit status, standard output, standard error.
fn goldpath(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_goldpath")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn check(name: &str, more: &[&str]) -> (i32, String, String) {
    let path = path(name);
    goldpath(&[&["check", path.to_str().unwrap()], more].concat())
}

#[test]
fn the_answer_reads_well() {
    for name in DESIGNS {
        let (status, text, _) = check(name, &["--shape", "64,72,32"]);
        assert_eq!(status, 0);
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_answer_is_a_design_that_loads_back_to_the_same_hash() {
    for name in DESIGNS {
        // A requantizer alone has no start and no operands.
        let sets = match name {
            "requant_pipeline" => ["accumulator.width=40", "post.1.latency=0"],
            _ => ["accumulator.start=zero", "operands.latency=2"],
        };
        for set in sets {
            let (status, text, _) = check(name, &["--set", set]);
            assert_eq!(status, 0);
            let again = Design::parse(&text, Path::new("answer.toml"), &[]).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(again, Design::load(&path(name), &[set.to_string()]).unwrap());
            assert!(text.contains(&again.hash));
        }
    }
}

#[test]
fn lints_warn_and_are_denied_on_demand() {
    let narrow = |more: &[&str]| check("mac_s8_acc16sat", more);
    let (status, text, _) = narrow(&["--k", "2"]);
    assert_eq!(status, 0);
    assert!(text.contains("warning[accumulator-narrow] accumulator.width: 2 products"), "{text}");
    assert!(text.contains("needs 17 bits; s16 is safe up to K = 1"), "{text}");
    assert_eq!(narrow(&["--k", "2", "--deny-lints"]).0, 1);
    assert_eq!(narrow(&["--k", "1", "--deny-lints"]).0, 0);
    assert_eq!(narrow(&["--deny-lints"]).0, 0);
    assert_eq!(check("mac_s8_acc32", &["--k", "131071", "--deny-lints"]).0, 0);
    assert_eq!(check("mac_s8_acc32", &["--k", "131072", "--deny-lints"]).0, 1);
    assert_eq!(check("mac_s8_acc32", &["--k", "0"]).0, 2);
}

#[test]
fn every_lint_says_its_name() {
    let lints = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
        let design = Design::load(&path("mac_s8_acc16sat"), &overrides).unwrap_or_else(|e| panic!("{e}"));
        design.lints(None).into_iter().map(|l| format!("{}: {}", l.name, l.message)).collect::<Vec<_>>()
    };
    assert!(lints(&[]).is_empty());
    // 3 + 8 bits of code and offset.
    let offset = lints(&["operands.activation.offset=128", "operands.activation.format=s9"]);
    assert_eq!(offset.len(), 1);
    assert!(offset[0].contains("s8 + offset is 0..255"), "{offset:?}");
    assert!(offset[0].contains("has 9 bits instead of 8"), "{offset:?}");
    let apart = lints(&["operands.activation.offset=130", "operands.activation.format=s10"]);
    assert!(apart.iter().any(|l| l.starts_with("saturation-order: ")), "{apart:?}");
    let shift = lints(&["post.0.shift=17"]);
    assert_eq!(shift.len(), 1);
    assert!(shift[0].starts_with("shift-discards-everything: "), "{shift:?}");
    assert!(lints(&["post.0.shift=14"]).is_empty());
}

#[test]
fn json_holds_the_same_answer() {
    let (status, text, _) = check("tree8_s8_acc24", &["--shape", "4,64,3", "--format", "json"]);
    assert_eq!(status, 0);
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["design"]["accumulator"]["width"], 24);
    assert_eq!(answer["cycles"]["total"], 4 * 3 * 8 + 9);
    assert_eq!(answer["largest_safe_k"], 511);
    assert_eq!(answer["nodes"].as_array().unwrap().len(), 12);
    assert_eq!(answer["lints"].as_array().unwrap().len(), 0);
}

#[test]
fn params_is_a_verilog_header() {
    let path = path("os8x8_s8_acc32");
    let (status, text, _) = goldpath(&["params", path.to_str().unwrap(), "--set", "array.rows=4"]);
    assert_eq!(status, 0);
    let body: Vec<&str> = text.lines().skip(1).collect();
    insta::assert_snapshot!("params", body.join("\n"));
}

#[test]
fn the_schema_knows_every_table() {
    let (status, text, _) = goldpath(&["schema"]);
    assert_eq!(status, 0);
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let tables = schema["properties"].as_object().unwrap();
    for key in ["schema", "name", "operands", "accumulator", "array", "post", "parameters", "order", "twin"] {
        assert!(tables.contains_key(key), "{key}");
    }
    assert_eq!(schema["additionalProperties"], false);
    let (status, text, _) = goldpath(&["schema", "manifest"]);
    assert_eq!(status, 0);
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(manifest["properties"].as_object().unwrap().contains_key("signals"));
}

const S8: std::ops::RangeInclusive<i64> = -128..=127;
const U8: std::ops::RangeInclusive<i64> = 0..=255;
const NARROW: std::ops::RangeInclusive<i64> = -127..=127;

/// Exact worst case, no bias: K, s8 × s8, s8 × w in −127..127, u8 × s8.
#[test]
fn minimum_widths() {
    let table = [
        (1, 16, 15, 16),
        (3, 17, 17, 18),
        (9, 19, 19, 20),
        (64, 22, 21, 22),
        (576, 25, 25, 26),
        (4608, 28, 28, 29),
        (131_072, 33, 32, 33),
    ];
    for (k, both, narrow, unsigned) in table {
        assert_eq!(minimum_width(k, S8, S8), both, "s8 x s8, K = {k}");
        assert_eq!(minimum_width(k, S8, NARROW), narrow, "s8 x -127..127, K = {k}");
        assert_eq!(minimum_width(k, U8, S8), unsigned, "u8 x s8, K = {k}");
    }
}

/// The largest K that can never overflow: bits, s8 × s8, w ≥ −127, u8 × s8.
#[test]
fn largest_safe_depths() {
    let table =
        [(16, 1, 2, 1), (18, 7, 8, 4), (20, 31, 32, 16), (24, 511, 516, 257), (32, 131_071, 132_104, 65_793)];
    for (bits, both, narrow, unsigned) in table {
        let format = Format::signed(bits).unwrap();
        assert_eq!(largest_safe_k(format, S8, S8), Some(both), "s8 x s8, {bits} bits");
        assert_eq!(largest_safe_k(format, S8, NARROW), Some(narrow), "w >= -127, {bits} bits");
        assert_eq!(largest_safe_k(format, U8, S8), Some(unsigned), "u8 x s8, {bits} bits");
    }
    let float = [(S8, S8, 1024), (S8, NARROW, 1032), (U8, S8, 514)];
    for (activation, weight, k) in float {
        assert_eq!(largest_exact_float32_k(activation, weight), Some(k));
    }
    assert_eq!(largest_safe_k(Format::signed(8).unwrap(), 0..=0, S8), None);
}

/// The two tables are one statement: K fits a width exactly when its minimum width is not above it.
#[test]
fn widths_and_depths_agree() {
    for bits in 16..40 {
        let format = Format::signed(bits).unwrap();
        for (activation, weight) in [(S8, S8), (S8, NARROW), (U8, S8), (U8, U8), (-7..=8, -3..=3)] {
            let k = largest_safe_k(format, activation.clone(), weight.clone()).unwrap();
            assert!(k == 0 || minimum_width(k, activation.clone(), weight.clone()) <= bits);
            assert!(minimum_width(k + 1, activation, weight) > bits);
        }
    }
}

/// The formula that `check` prints against a simulation that was run.
#[test]
fn cycle_formulas_count_what_is_simulated() {
    for name in DESIGNS {
        let alone = name == "requant_pipeline";
        let front = ["accumulator.start=bias", "accumulator.start=zero", "product.latency=2"];
        for set in front.into_iter().filter(|_| !alone).chain(["post.0.latency=3"]) {
            // It has no post steps; sums that meet in a memory, or behind the last beat, do not start from a bias.
            let bare = ["ws16x16_s8_acc32", "os8x8_diag_s8_acc20", "tree16x4_banks4_s8_acc34sat"];
            let has_none = set.starts_with("post") && bare.contains(&name);
            let no_bias = name.ends_with("mem32") || name.starts_with("lanes4");
            if has_none || set.ends_with("bias") && no_bias {
                continue;
            }
            // A requantizer alone has values, and multiplies nothing.
            let shapes =
                if alone { [(1, 1, 1), (1, 1, 3), (1, 1, 9)] } else { [(1, 1, 1), (5, 8, 3), (17, 7, 9)] };
            for (m, k, n) in shapes {
                let design = Arc::new(Design::load(&path(name), &[set.to_string()]).unwrap());
                let numbers =
                    design.parameters.iter().map(|p| (p.name.clone(), vec![p.default.unwrap_or(p.max)]));
                let code = i64::from(!alone);
                let (a, w) = (Array2::from_elem((m, k), code), Array2::from_elem((k, n), code));
                let program =
                    Program::matrix(design.clone(), a.view(), w.view(), &numbers.collect()).unwrap();
                let run = simulate::run(&program, Options::default(), &mut []).unwrap();
                let formula = design.cycles(m as u64, k as u64, n as u64);
                assert_eq!(u128::from(run.cycles), formula.total, "{name} {set} {m} {k} {n}");
            }
        }
    }
}
