//! Sources as users have them: VHDL, parameters, folders to include from, any name of the top module, unpacked ports, and
//! bundles of earlier versions.

use std::fs;
use std::path::Path;

use crate::module::{BUNDLE, answer, body, module};
use assert_cmd::cargo::cargo_bin_cmd;

const PORTS: &str = "clk=clock rst=!reset_n in.valid=v in.first=f in.last=l in.activation=x in.weight=w param.bias=b \
param.shift=s param_zero_point=z param.low=lo param.high=hi out.valid=ov out_data=od";

fn said(rtl: &[&Path], top: &str, more: &[&str], cache: &Path) -> (i32, String) {
    let mut command = cargo_bin_cmd!("goldpath");
    command.args(["cosim", BUNDLE, "--top", top, "--rtl"]).args(rtl).args(more);
    command.arg("--port").args(PORTS.split(' ')).env("GOLDPATH_CACHE", cache);
    answer(&mut command)
}

#[test]
fn vhdl_is_refused_by_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = "library ieee;\nuse ieee.std_logic_1164.all;\nentity mac is\nend mac;\n";
    for name in ["mac.vhd", "mac.VHDL", "mac.v"] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let (status, said) = said(&[&path], "mac", &[], folder.path());
        assert!(status == 2 && said.contains("is VHDL, which goldpath does not read yet"), "{said}");
    }
}

/// The module is right with its parameters set, and wrong as it stands; so is a build with other values.
#[test]
fn parameters_reach_both_simulators_and_are_part_of_a_build() {
    let folder = tempfile::tempdir().unwrap();
    let text = module(&body("x * w + OFFSET", ""))
        .replace(
            "module stranger (",
            "module stranger #(parameter signed [15:0] OFFSET = 16'sd3000, parameter MODE = \"slow\") (",
        )
        .replace(
            "reg signed [15:0] sum;",
            "initial if (MODE != \"fast\") $display(\"ERROR: slow\");\nreg signed [15:0] sum;",
        );
    let path = folder.path().join("stranger.v");
    fs::write(&path, text).unwrap();
    let run = |more: &[&str]| said(&[&path], "stranger", more, folder.path());
    let right = ["--param", "OFFSET=16'sh0", "MODE=\"fast\""];
    let (status, first) = run(&right);
    assert!(status == 0 && first.matches("PASS").count() == 2, "{first}");
    // Kept by now: another value is another build.
    let (status, text) = run(&["--param", "OFFSET=-3000", "--simulator", "icarus"]);
    assert!(status == 1 && text.contains("FAIL, mismatch"), "{text}");
    let (status, text) = run(&[]);
    assert!(status == 1 && text.matches("FAIL, mismatch").count() == 2, "{text}");
    assert_eq!(run(&right), (0, first));
    for simulator in ["icarus", "verilator"] {
        let (status, text) = run(&["--param", "OFSET=0", "--simulator", simulator]);
        let there = text.contains("--param OFSET") && text.contains("no such parameter");
        assert!(status == 2 && there, "{simulator}: {text}");
    }
    for wrong in ["OFFSET=1)", "OFFSET=x", "OFFSET=", "1a=0", "OFFSET=\"a\\n\""] {
        let (status, text) = run(&["--param", wrong]);
        assert!(status == 2 && text.contains("--param"), "{wrong}: {text}");
    }
}

#[test]
fn folders_are_searched_in_the_order_typed_and_before_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    let right = body("x * w", "");
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let source = put("rtl/stranger.v", &module("`include \"inside.vh\""));
    put("z right/inside.vh", &right);
    put("a/inside.vh", &body("x + w", ""));
    let [good, bad] = ["z right", "a"].map(|name| folder.path().join(name).display().to_string());
    let (status, text) = said(&[&source], "stranger", &["--incdir", &good, &bad], folder.path());
    assert!(status == 0 && text.matches("PASS").count() == 2, "{text}");
    let (status, text) =
        said(&[&source], "stranger", &["--incdir", &bad, &good, "--simulator", "icarus"], folder.path());
    assert!(status == 1 && text.contains("FAIL, mismatch"), "{text}");
    let (status, text) = said(&[&source], "stranger", &["--incdir", "nowhere"], folder.path());
    assert!(status == 2 && text.contains("--incdir nowhere"), "{text}");
    // What is included from such a folder is part of the build.
    put("z right/inside.vh", &body("x - w", ""));
    let (status, text) = said(&[&source], "stranger", &["--incdir", &good], folder.path());
    assert!(status == 1 && text.matches("FAIL, mismatch").count() == 2, "{text}");
}

/// Names of modules are their own: none but the testbench's module is in the way.
#[test]
fn the_top_module_may_have_any_name_but_that_of_the_testbench() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dut", "clk", "fail"] {
        let path = folder.path().join(format!("{name}_source.v"));
        fs::write(&path, module(&body("x * w", "")).replace("module stranger", &format!("module {name}")))
            .unwrap();
        let (status, text) = said(&[&path], name, &[], folder.path());
        assert!(status == 0 && text.matches("PASS").count() == 2, "{name}: {text}");
    }
    let path = folder.path().join("dut_source.v");
    let (status, text) = said(&[&path], "tb", &[], folder.path());
    assert!(status == 2 && text.contains("has for itself"), "{text}");
}

#[test]
fn unpacked_ports_are_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stranger.sv");
    let text = module(&body("x[0] * w", ""))
        .replace("input wire signed [7:0] x,", "input wire signed [7:0] x [0:0],");
    fs::write(&path, text).unwrap();
    for simulator in ["icarus", "verilator"] {
        let (status, text) = said(&[&path], "stranger", &["--simulator", simulator], folder.path());
        assert!(status == 2 && text.contains("port x of module stranger is an unpacked array"), "{text}");
        assert!(text.contains("wrapper"), "{text}");
    }
}

/// A bundle whose testbench is called tb.v: `cosim` says what it is, `vectors` takes its place.
#[test]
fn a_bundle_of_an_earlier_version_is_called_that_and_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    let write = || {
        let mut command = cargo_bin_cmd!("goldpath");
        command.args([
            "vectors",
            "hw_models/mac_s8_acc16sat",
            "--case",
            "random",
            "--shape",
            "3,9,2",
            "--out",
        ]);
        answer(command.arg(&bundle))
    };
    assert_eq!(write().0, 0);
    assert!(bundle.join("tb.sv").is_file() && !bundle.join("tb.v").exists());
    let manifest = fs::read_to_string(bundle.join("manifest.json")).unwrap();
    fs::write(bundle.join("manifest.json"), manifest.replace("tb.sv", "tb.v")).unwrap();
    fs::rename(bundle.join("tb.sv"), bundle.join("tb.v")).unwrap();
    let (status, text) = answer(cargo_bin_cmd!("goldpath").arg("cosim").arg(&bundle));
    assert!(status == 2 && text.contains("its testbench is tb.v, which is now tb.sv"), "{text}");
    let (status, text) = write();
    assert_eq!(status, 0, "{text}");
    assert!(bundle.join("tb.sv").is_file() && !bundle.join("tb.v").exists());
}

/// On a terminal, what is under way is shown: compiling, then simulating.
#[test]
fn a_terminal_shows_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{} cosim {BUNDLE} --simulator icarus", env!("CARGO_BIN_EXE_goldpath"));
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("GOLDPATH_CACHE", folder.path()).env("TERM", "xterm");
    let output = match command.stdin(std::process::Stdio::null()).output() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return println!("skipped: no `script` to make a terminal");
        }
        other => other.unwrap(),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("icarus: compiling") && text.contains("icarus: simulating"), "{text:?}");
    assert!(text.contains("icarus: PASS"), "{text:?}");
}
