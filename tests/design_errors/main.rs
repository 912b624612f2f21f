//! Everything that can be wrong with a design, and where the error points.

use std::path::{Path, PathBuf};

use goldpath::design::Design;
use goldpath::error::{Error, Kind, Place};

mod faults;

use faults::*;

/// Line and column of the first occurrence of `at` behind byte `from`, or else of the first; both from 1.
fn position(text: &str, from: usize, at: &str) -> (usize, usize) {
    let behind = text[from..].find(at).map(|byte| from + byte);
    let byte = behind.or(text.find(at)).unwrap_or_else(|| panic!("{at:?} is not in\n{text}"));
    let before = &text[..byte];
    (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap().chars().count() + 1)
}

fn parse(text: &str, overrides: &[&str]) -> Result<Design, Error> {
    let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
    Design::parse(text, Path::new("design.toml"), &overrides)
}

#[test]
fn every_fault_is_named_where_it_stands() {
    let mut complaints = Vec::new();
    for f in FAULTS {
        let spoilt = f.base.find(f.from).unwrap_or_else(|| panic!("{:?} is not in the base design", f.from));
        let text = f.base.replacen(f.from, f.to, 1);
        let error = match parse(&text, &[]) {
            Ok(_) => {
                complaints.push(format!("{:?} -> {:?}: accepted", f.from, f.to));
                continue;
            }
            Err(error) => error,
        };
        let (line, column) = position(&text, spoilt, f.at);
        let expected = Place::Line { path: PathBuf::from("design.toml"), line, column };
        let shown = error.to_string();
        let said = f.says.iter().all(|words| shown.contains(words));
        if error.place != expected || error.kind != f.kind || !said {
            complaints.push(format!(
                "{:?} -> {:?}: expected {expected} {:?} {:?}, got {:?} {shown}",
                f.from, f.to, f.kind, f.says, error.kind
            ));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_bases_are_sound_and_as_built_defaults_may_be_written() {
    for base in [SEQUENTIAL, ARRAY, STATIONARY, PACKING, LANES] {
        parse(base, &[]).unwrap_or_else(|e| panic!("{e}"));
    }
    let spelt = ARRAY
        .replace("start = \"zero\"", "start = \"zero\"\nbanks = 1\nlatency = 1\nclear = \"aligned\"")
        .replace("[array]", "[product]\nmultiplier = \"integer\"\n\n[array]\nmirror = \"none\"");
    assert_eq!(parse(&spelt, &[]).unwrap(), parse(ARRAY, &[]).unwrap());
    let beat = LANES.replacen("group = 2\n", "group = 2\nwhen = \"beat\"\n", 1);
    assert_eq!(parse(&beat, &[]).unwrap(), parse(LANES, &[]).unwrap());
    let ports = "[interface]\nstall = \"none\"\ninput = { kind = \"fixed\" }\noutput = { kind = \"valid\", buffer = \"none\" }\n";
    let spelt = format!("{ARRAY}\n{ports}\n[order]\nloops = [\"m\", \"n\", \"k\"]\n");
    assert_eq!(parse(&spelt, &[]).unwrap(), parse(ARRAY, &[]).unwrap());
}

/// What a drain is short for.
#[test]
fn steps_of_a_drain_are_the_first_behind_a_sum() {
    let steps = "steps = [{ step = \"shift_right\", value = \"cut\", rounding = \"half_even\", format = \"s20\", overflow = \"saturate\" }]";
    let cut = "\n[parameters.cut]\nformat = \"u5\"\n";
    let drained = ARRAY.replace("order = \"rows\"", &format!("order = \"rows\", {steps}")) + cut;
    let design = parse(&drained, &[]).unwrap();
    let ids: Vec<&str> = design.post.iter().map(|step| step.id.as_str()).collect();
    assert_eq!((ids, design.drained), (vec!["post.0", "post.1"], 1));
    assert_eq!(parse(&design.to_toml(), &[]).unwrap(), design, "{}", design.to_toml());
    // By as much as a number says, which is not known.
    assert_eq!(design.sums_shift(), None);
    let four = parse(&drained.replace("value = \"cut\"", "value = 4").replace(cut, ""), &[]).unwrap();
    assert_eq!((four.sums_shift(), four.bias_shift()), (Some(4), Some(4)));
    // A bias that sums start from is in front of it.
    let starts =
        drained.replace("value = \"cut\"", "value = 4").replace(cut, "").replace("\"zero\"", "\"bias\"");
    let starts = parse(&starts, &[]).unwrap();
    assert_eq!((starts.sums_shift(), starts.bias_shift()), (Some(4), Some(0)));
    // Every program has them.
    let programs = drained.clone() + "\n[programs]\nplain = []\n";
    let plain = parse(&programs, &["program=\"plain\""]).unwrap();
    assert_eq!((plain.post.len(), plain.drained), (1, 1));
    // With a memory, on the way to it.
    let memory = "[memory]\nformat = \"s32\"\noverflow = \"wrap\"\ndepth = 4\n";
    let words = drained.replace("[array]", &format!("{memory}\n[array]"));
    let stored =
        ARRAY.replace("[array]", &format!("{memory}{}\n[array]", steps.replace("steps", "store"))) + cut;
    assert_eq!(parse(&words, &[]).unwrap(), parse(&stored, &[]).unwrap());
    let late = words.replace("overflow = \"saturate\" }", "overflow = \"saturate\", latency = 1 }");
    let error = parse(&late, &[]).unwrap_err().to_string();
    assert!(error.contains("`array.drain.steps.0.latency` must be 0"), "{error}");
}

#[test]
fn a_drain_that_shifts_is_a_captured_chain_of_columns() {
    let long = "order = \"columns\", exit = \"first_column\", capture = true";
    let long = parse(&ARRAY.replace("order = \"rows\"", long), &[]).unwrap();
    assert_eq!(parse(&ARRAY.replace("order = \"rows\"", "order = \"shift\""), &[]).unwrap(), long);
}

#[test]
fn a_post_only_design_sums_nothing() {
    let text = "schema = 1\nname = \"requantizer\"\n\n[accumulator]\nwidth = 32\nsigned = true\n\
                overflow = \"wrap\"\n\n[[post]]\nstep = \"relu\"\n";
    let error = parse(text, &[]).unwrap_err();
    assert_eq!(error.kind, Kind::Design, "{error}");
    assert!(matches!(error.place, Place::Line { line: 7, .. }), "{error}");
    assert!(error.to_string().contains("nothing is multiplied or summed"), "{error}");
    assert!(parse(&text.replace("overflow = \"wrap\"\n", ""), &[]).unwrap().is_post_only());
    // Without steps it is no requantizer, and lacks something that any other design has.
    let bare = text.split("[[post]]").next().unwrap().to_owned();
    let error = parse(&bare, &[]).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
}

#[test]
fn broken_toml_points_at_the_line() {
    let text = SEQUENTIAL.replace("width = 32", "width = = 32");
    let error = parse(&text, &[]).unwrap_err();
    assert_eq!(error.kind, Kind::Malformed);
    assert!(matches!(error.place, Place::Line { line: 10, .. }), "{error}");
    let error = parse(&SEQUENTIAL.replace("width = 32", "width = 32\nwidth = 33"), &[]).unwrap_err();
    assert!(matches!(error.place, Place::Line { line: 11, .. }), "{error}");
    for text in ["", "[[", "\u{0}", "schema", "[operands]\nactivation = 3"] {
        assert!(parse(text, &[]).is_err());
    }
}

#[test]
fn overrides_point_at_the_option() {
    #[rustfmt::skip]
    let faults: &[(&str, &str, Kind, &[&str])] = &[
        (SEQUENTIAL, "accumulator.width=65", Kind::Design, &["`accumulator.width` is 65"]),
        (SEQUENTIAL, "accumulator.width=wide", Kind::Design, &["`accumulator.width`", "invalid type"]),
        (SEQUENTIAL, "accumulator.widht=20", Kind::Design, &["unknown key `accumulator.widht`", "did you mean `accumulator.width`?"]),
        (SEQUENTIAL, "accumulator.overflow=AP_SAT", Kind::Design, &["unknown variant `AP_SAT`", "AP_SAT of ap_fixed is \"saturate\". `accumulator.overflow` is"]),
        (SEQUENTIAL, "accumulator.overflow=AP_SAT_ZERO", Kind::Design, &["AP_SAT_ZERO of ap_fixed has no equal here"]),
        (SEQUENTIAL, "accumulator.overflow=AP_RND", Kind::Design, &["`accumulator.overflow` is \"wrap\""]),
        (SEQUENTIAL, "post.rounding=HALF_UP", Kind::Design, &["HALF_UP of QONNX is \"half_away\""]),
        (SEQUENTIAL, "accumulator.overflow=clip", Kind::Design, &["`accumulator.overflow`", "unknown variant `clip`"]),
        (SEQUENTIAL, "accumulator.width.bits=3", Kind::Usage, &["`accumulator.width` is not a table"]),
        (SEQUENTIAL, "post.9.shift=3", Kind::Usage, &["`post` has no element 9", "0 to 2"]),
        (ARRAY, "post.first.shift=3", Kind::Usage, &["`post` has no element first"]),
        (ARRAY, "post.0.shift=200", Kind::Design, &["`post.0.shift` is 200..200"]),
        (ARRAY, "array.mirror=both", Kind::Design, &["array.mirror", "unknown variant `both`"]),
        (SEQUENTIAL, "array.mirror=columns", Kind::Design, &["`array.mirror` is \"columns\", which changes nothing"]),
        (STATIONARY, "array.mirror=rows", Kind::Design, &["`array.mirror` is \"rows\"", "steps of a sum that travels"]),
        (ARRAY, "accumulator.banks=2", Kind::Design, &["`accumulator.banks` are for one row of MACs"]),
        (STATIONARY, "accumulator.banks=2", Kind::Design, &["`accumulator.banks` are for sums that stay: these travel"]),
        (SEQUENTIAL, "accumulator.latency=2", Kind::Design, &["`accumulator.latency` is 2, but a sum comes back after 1 beats: accumulator.banks"]),
        (SEQUENTIAL, "accumulator.clear=immediate", Kind::Design, &["`accumulator.clear` changes nothing", "start = \"zero\""]),
        (ARRAY, "product.packing=4", Kind::Design, &["`product` cannot be read", "expected struct Packing"]),
        (SEQUENTIAL, "post.rounding=up", Kind::Design, &["`post.rounding`", "half_up"]),
        (SEQUENTIAL, "accumulator.width", Kind::Usage, &["there is no `=`"]),
        (SEQUENTIAL, "accumulator..width=3", Kind::Usage, &["not a dotted key"]),
        (SEQUENTIAL, "accumulator.width=[", Kind::Usage, &["is not a TOML value"]),
    ];
    for (base, set, kind, says) in faults {
        let error = parse(base, &[set]).unwrap_err();
        let shown = error.to_string();
        assert_eq!(error.place, Place::Option(format!("--set {set}")), "{shown}");
        assert_eq!(error.kind, *kind, "{shown}");
        for words in *says {
            assert!(shown.contains(words), "{words:?} is not in: {shown}");
        }
    }
}

#[test]
fn depth_is_bounded() {
    let deep = vec!["a"; 100_000].join(".");
    for text in [format!("{deep} = 1"), format!("[{deep}]"), format!("a = {}", "[".repeat(100_000))] {
        assert_eq!(parse(&text, &[]).unwrap_err().kind, Kind::Malformed);
    }
    assert_eq!(parse(SEQUENTIAL, &[&format!("{deep}=1")]).unwrap_err().kind, Kind::Usage);
}

#[test]
fn overrides_reach_every_kind_of_key() {
    let set = |base: &str, overrides: &[&str]| parse(base, overrides).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(set(ARRAY, &["post.0.shift=7"]), set(&ARRAY.replace("shift = 4", "shift = 7"), &[]));
    assert_eq!(set(ARRAY, &["post.0.value=7"]), set(ARRAY, &["post.0.shift=7"]));
    assert_eq!(set(ARRAY, &["array.hop.weight=2"]).array.hop_weight, 2);
    assert_eq!(set(ARRAY, &["order.lane_map=strided"]).order.lane_map.name(), "strided");
    assert_eq!(set(ARRAY, &["order.kernel=[\"cin\", \"kh\", \"kw\"]"]).order.kernel[0].name(), "cin");
    assert_eq!(set(ARRAY, &["array.rows=8", "array.rows=2"]).array.rows, 2);
    assert_eq!(set(ARRAY, &["post=[]"]).post.len(), 0);
    let replaced = set(ARRAY, &["post={ preset = \"multiply_shift\" }", "post.1.latency=3"]);
    assert_eq!((replaced.post.len(), replaced.post[1].latency), (4, 3));
    assert_eq!(set(SEQUENTIAL, &["operands.latency=2"]).operand_latency, 2);
    assert_eq!(
        set(SEQUENTIAL, &["post.preset=multiply_shift", "post={preset='multiply_shift'}"]).post.len(),
        4
    );
}

#[test]
fn files_that_cannot_be_read() {
    let missing = Path::new("no/such/design.toml");
    let error = Design::load(missing, &[]).unwrap_err();
    assert_eq!((error.kind, error.place), (Kind::Io, Place::File(missing.to_path_buf())));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("design.toml");
    std::fs::write(&path, b"schema = 1\nname = \"\xff\"\n").unwrap();
    let error = Design::load(&path, &[]).unwrap_err();
    assert_eq!(error.kind, Kind::Malformed);
    assert_eq!(error.place, Place::Line { path: path.clone(), line: 2, column: 9 });
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert_eq!(Design::load(&path, &[]).unwrap_err().kind, Kind::Limit);
}

/// No panic is reachable from a file: every one-byte change and every truncation of a sound design.
#[test]
fn damaged_files_never_panic() {
    let text = ARRAY;
    let mut accepted = 0;
    for at in 0..text.len() {
        let _ = parse(&text[..at], &[]);
        for byte in ["0", "9", "-", "\"", "=", "[", "\n", "x"] {
            let damaged = format!("{}{byte}{}", &text[..at], &text[at + 1..]);
            accepted += usize::from(parse(&damaged, &[]).is_ok());
        }
    }
    assert!(accepted > 0);
}
