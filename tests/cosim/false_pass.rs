//! What must never pass: builds of RTL that has changed, verdicts that the RTL prints, bundles that a stranger edited.

use std::fs;
use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;
use goldpath::vectors::sha256;

use crate::module::{BUNDLE, answer, body, cosim, module, whole};

const SIMULATORS: [&str; 2] = ["icarus", "verilator"];

#[test]
fn a_changed_include_is_never_a_stale_pass() {
    for simulator in SIMULATORS {
        let root = tempfile::tempdir().unwrap();
        let [rtl, library, cache] = ["rtl", "library", "cache"].map(|name| root.path().join(name));
        [&rtl, &library, &cache].into_iter().for_each(|f| fs::create_dir(f).unwrap());
        let top = rtl.join("top.v");
        fs::write(&top, "`include \"parts/outer.inc\"\n").unwrap();
        fs::create_dir(library.join("parts")).unwrap();
        // Found by search, under a name that a macro makes, in a folder below, without a header's ending.
        let outer = "`define INNER \"parts/inner\"\n`include `INNER\n";
        fs::write(library.join("parts/outer.inc"), outer).unwrap();
        let inner = |folder: &Path, multiply: &str| {
            fs::create_dir_all(folder.join("parts")).unwrap();
            fs::write(folder.join("parts/inner"), module(&body(multiply, ""))).unwrap();
        };
        let other = library.join("other.v");
        fs::write(&other, "module other; endmodule\n").unwrap();
        let run = || {
            let (status, text) = answer(cosim(&[&top, &other], simulator, &cache).args(["--format", "json"]));
            (status, text.contains("\"cached_build\": true"), text)
        };
        inner(&library, "x * w");
        for (wanted, cached) in [(0, false), (0, true)] {
            let (status, was_cached, text) = run();
            assert_eq!((status, was_cached), (wanted, cached), "{simulator}: {text}");
        }
        inner(&library, "x + w");
        let (status, _, text) = run();
        assert_eq!(status, 1, "{simulator}, changed include: {text}");
        inner(&library, "x * w");
        let (status, cached, text) = run();
        assert_eq!((status, cached), (0, true), "{simulator}, changed back: {text}");
        // `library` is searched before `rtl`; another folder named earlier hides both.
        let earlier = root.path().join("a_first");
        fs::create_dir(&earlier).unwrap();
        fs::write(earlier.join("first.v"), "module first; endmodule\n").unwrap();
        let first = earlier.join("first.v");
        let run = || answer(&mut cosim(&[&top, &other, &first], simulator, &cache)).0;
        assert_eq!((run(), run()), (0, 0), "{simulator}");
        inner(&earlier, "x - w");
        assert_eq!(run(), 1, "{simulator}: a file that is found first");
        fs::remove_file(earlier.join("parts/inner")).unwrap();
        assert_eq!(run(), 0, "{simulator}: and is gone again");
    }
}

#[test]
fn a_changed_library_module_is_never_a_stale_pass() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let library = root.path().join("times.v");
    let times = |operator: &str| {
        let text =
            "module times(input signed [7:0] a, b, output signed [33:0] y); assign y = a OP b; endmodule\n";
        fs::write(&library, text.replace("OP", operator)).unwrap();
    };
    let inside = body("y", "").replace(
        "wire signed [33:0] product",
        "wire signed [33:0] y; times t(x, w, y); wire signed [33:0] product",
    );
    let top = root.path().join("stranger.v");
    fs::write(&top, module(&inside)).unwrap();
    // Verilator finds the module by its name in the folder of the source.
    let run = || answer(&mut cosim(&[&top], "verilator", &cache)).0;
    times("*");
    assert_eq!((run(), run()), (0, 0));
    times("+");
    assert_eq!(run(), 1);
}

#[test]
fn a_verdict_of_the_rtl_is_none() {
    let cycles = "RESULT PASS n=59 values=65";
    let forgeries = [
        (format!("initial begin $display(\"{cycles}\"); $finish; end"), "printed a RESULT line"),
        (format!("initial begin $write(\"{cycles}\"); end"), "printed a RESULT line"),
        (
            format!("initial begin #100 $display(\"{cycles} nonce=00\"); $finish; end"),
            "printed a RESULT line",
        ),
        ("initial #100 $finish;".to_string(), "gave no verdict"),
        ("initial #100 $stop;".to_string(), "gave no verdict"),
    ];
    let root = tempfile::tempdir().unwrap();
    for (extra, reason) in forgeries {
        let rtl = whole(root.path(), &extra);
        let (status, text) = answer(&mut cosim(&[&rtl], "icarus", root.path()));
        assert!(status == 2 && text.contains(reason), "{extra}: {status}\n{text}");
    }
    let rtl = whole(root.path(), &format!("initial begin $display(\"{cycles}\"); $finish; end"));
    let (status, text) = answer(&mut cosim(&[&rtl], "verilator", root.path()));
    assert!(status == 2 && text.contains("printed a RESULT line"), "{status}\n{text}");
    // Words that are no verdict, even in front of it, change nothing.
    let rtl = whole(root.path(), "initial $write(\"loading \");");
    let (status, text) = answer(&mut cosim(&[&rtl], "icarus", root.path()));
    assert_eq!(status, 0, "{text}");
}

/// A copy of the bundle with one file changed and the manifest told so.
fn edited(folder: &Path, name: &str, edit: impl Fn(String) -> String) {
    for entry in fs::read_dir(BUNDLE).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let old = fs::read_to_string(folder.join(name)).unwrap();
    let new = edit(old.clone());
    assert_ne!(old, new);
    fs::write(folder.join(name), &new).unwrap();
    if name != "manifest.json" {
        let path = folder.join("manifest.json");
        let manifest = fs::read_to_string(&path).unwrap();
        fs::write(&path, manifest.replace(&sha256(old.as_bytes()), &sha256(new.as_bytes()))).unwrap();
    }
}

fn of_bundle(folder: &Path) -> (i32, String) {
    answer(cargo_bin_cmd!("goldpath").args(["cosim", "--simulator", "icarus"]).arg(folder))
}

#[test]
fn a_strangers_testbench_is_not_run() {
    let root = tempfile::tempdir().unwrap();
    let blind = |text: String| text.replace("if (have !== want)", "if (1'b0)");
    let evil = |text: String| text.replace("module tb;", "module tb;\n  initial $system(\"touch evil\");");
    for edit in [&blind as &dyn Fn(String) -> String, &evil] {
        edited(root.path(), "tb.sv", edit);
        let (status, text) = of_bundle(root.path());
        assert!(status == 2 && text.contains("is not the tb.sv that goldpath writes"), "{status}\n{text}");
    }
    edited(root.path(), "design.vh", |text| text + "initial $finish;\n");
    let (status, text) = of_bundle(root.path());
    assert!(status == 2 && text.contains("is not the design.vh that goldpath writes"), "{status}\n{text}");
    assert!(!Path::new("evil").exists());
}

#[test]
fn a_bundle_of_another_version_is_checked_with_our_testbench() {
    let root = tempfile::tempdir().unwrap();
    edited(root.path(), "tb.sv", |text| text.replace("if (have !== want)", "if (1'b0)"));
    let path = root.path().join("manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    let generator = format!("goldpath {}", env!("CARGO_PKG_VERSION"));
    fs::write(&path, manifest.replace(&generator, "goldpath 0.0.1")).unwrap();
    let (status, text) = of_bundle(root.path());
    assert!(
        status == 0 && text.contains("is not used: goldpath") && text.contains("PASS"),
        "{status}\n{text}"
    );
}

#[test]
fn names_in_a_manifest_are_names() {
    let root = tempfile::tempdir().unwrap();
    for (from, to, reason) in [
        ("\"name\": \"mac_s8_acc16sat\"", "\"name\": \"../mac_s8_acc16sat\"", "no Verilog identifier"),
        ("\"name\": \"mac_s8_acc16sat\"", "\"name\": \"endmodule\"", "reserved word"),
        ("\"name\": \"mac_s8_acc16sat\"", "\"name\": \"tb\"", "for itself"),
        ("\"name\": \"pe.acc\"", "\"name\": \"pe.acc; initial $finish; reg x\"", "not made of identifiers"),
        ("\"name\": \"pe.acc\"", "\"name\": \"pe.a\"", "twice"),
        ("\"file\": \"expected.hex\"", "\"file\": \"../expected.hex\"", "holds no signals"),
        ("\"ACC_WIDTH\"", "\"ACC WIDTH\"", "no Verilog identifier"),
        ("\"tb.sv\": {", "\"other.v\": {", "no file of a bundle"),
    ] {
        edited(root.path(), "manifest.json", |text| text.replacen(from, to, 1));
        let (status, text) = of_bundle(root.path());
        assert!(
            status == 2 && text.contains(reason) && text.contains("manifest.json"),
            "{to}: {status}\n{text}"
        );
    }
}

#[test]
fn names_that_are_typed_are_names() {
    let root = tempfile::tempdir().unwrap();
    let rtl = whole(root.path(), "");
    for (top, reason) in
        [("endmodule", "reserved"), ("tb", "for itself"), ("a b", "identifier"), ("logic", "reserved")]
    {
        let mut command = cargo_bin_cmd!("goldpath");
        command.args(["cosim", BUNDLE, "--top", top, "--rtl"]).arg(&rtl);
        let (status, text) = answer(&mut command);
        assert!(status == 2 && text.contains(reason) && text.contains("--top"), "{top}: {text}");
    }
    let (status, text) = answer(cosim(&[&rtl], "icarus", root.path()).arg("in.drain=wire"));
    assert!(status == 2, "{text}");
    let (status, text) = answer(cosim(&[&rtl], "icarus", root.path()).arg("pe.acc=always_ff"));
    assert!(status == 2 && text.contains("reserved"), "{text}");
}

#[test]
fn a_hw_models_inside_a_bundle_is_not_used_unasked() {
    let root = tempfile::tempdir().unwrap();
    let bundle = root.path().join("bundle");
    fs::create_dir(&bundle).unwrap();
    edited(&bundle, "manifest.json", |text| text + "\n");
    let rtl = bundle.join("hw_models/mac_s8_acc16sat/rtl");
    fs::create_dir_all(&rtl).unwrap();
    fs::copy("hw_models/mac_s8_acc16sat/design.toml", rtl.join("../design.toml")).unwrap();
    fs::write(rtl.join("files.f"), "rtl/evil.v\n").unwrap();
    fs::write(rtl.join("evil.v"), "module evil; endmodule\n").unwrap();
    for folder in [root.path(), &bundle] {
        let mut command = cargo_bin_cmd!("goldpath");
        let (status, text) = answer(command.args(["cosim"]).arg(&bundle).current_dir(folder));
        assert!(status == 2 && text.contains("is not to be found"), "{status}\n{text}");
    }
    let mut command = cargo_bin_cmd!("goldpath");
    command
        .args(["cosim", "--simulator", "icarus", "--hw-models"])
        .arg(bundle.join("hw_models"))
        .arg(&bundle);
    let (status, text) = answer(&mut command);
    assert!(status == 2 && text.contains("does not build"), "asked for, it is used: {status}\n{text}");
    // Its files may not lead out of it.
    fs::write(rtl.join("files.f"), "../../../outside.v\n").unwrap();
    fs::write(root.path().join("outside.v"), "").unwrap();
    let (status, text) = answer(&mut command);
    assert!(status == 2 && text.contains("leads out of"), "{status}\n{text}");
}

#[test]
fn a_kept_build_whose_list_is_damaged_is_built_again() {
    for simulator in SIMULATORS {
        let root = tempfile::tempdir().unwrap();
        let [rtl, cache] = ["rtl", "cache"].map(|name| root.path().join(name));
        [&rtl, &cache].into_iter().for_each(|f| fs::create_dir(f).unwrap());
        let (top, inside) = (rtl.join("top.v"), rtl.join("inside.vh"));
        fs::write(&top, module("`include \"inside.vh\"")).unwrap();
        let run = |multiply: &str| {
            fs::write(&inside, body(multiply, "")).unwrap();
            answer(&mut cosim(&[&top], simulator, &cache)).0
        };
        let list = || {
            let builds = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path().join("reading"));
            builds.filter(|path| path.is_file()).collect::<Vec<_>>()
        };
        assert_eq!(run("x * w"), 0, "{simulator}");
        let [reading] = &list()[..] else { panic!("one build: {:?}", list()) };
        let whole = fs::read_to_string(reading).unwrap();
        let first_lines = whole.lines().take(1).map(|line| format!("{line}\n")).collect::<String>();
        for cut in [String::new(), first_lines, whole.replacen('0', "1", 1)] {
            fs::write(reading, cut).unwrap();
            assert_eq!(run("x + w"), 1, "{simulator}: the list does not say what was read");
            assert_eq!(run("x * w"), 0, "{simulator}");
            assert_eq!(fs::read_to_string(reading).unwrap(), whole, "{simulator}: made good");
        }
    }
}
