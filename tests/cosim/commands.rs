//! `vectors` and `cosim` as typed: other people's RTL, changed parameters, and what cannot be done.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::assert::Assert;

use crate::run;

const RANDOM: &str = "tests/cosim/bundles/random";

/// A module that is not a twin: other names, active-low reset, one more cycle of latency, no registers shown.
pub const OTHER: &str = r"
module other_mac (
    input wire clock, input wire reset_n, input wire v, input wire f, input wire l,
    input wire signed [7:0] x, input wire signed [7:0] w, input wire signed [31:0] b, input wire [3:0] s,
    input wire signed [7:0] z, input wire signed [7:0] lo, input wire signed [7:0] hi,
    output reg signed [15:0] sum, output reg ov, output reg signed [7:0] od
);
    function signed [15:0] sat(input signed [33:0] t);
        sat = t > 32767 ? 16'sd32767 : t < -32768 ? -16'sd32768 : t[15:0];
    endfunction
    wire signed [33:0] product = x * w;
    wire signed [33:0] base = f ? sat({ {2{b[31]}}, b}) : sum;
    reg done; reg [3:0] shift; reg signed [7:0] zero, low, high;
    wire signed [33:0] wide = sum;
    wire signed [33:0] half = (shift == 0) ? 0 : (34'sd1 <<< (shift - 4'd1));
    wire signed [33:0] moved = ((wide + half) >>> shift) + zero;
    reg signed [33:0] q; reg qv; reg signed [7:0] ql, qh;
    reg [7:0] d1, d2, d3; reg v1, v2, v3;
    always @(posedge clock) begin
        if (!reset_n) begin sum <= 0; done <= 0; qv <= 0; ov <= 0; od <= 0; v1 <= 0; v2 <= 0; v3 <= 0; end
        else begin
            if (v) sum <= sat(base + product);
            done <= v && l; shift <= s; zero <= z; low <= lo; high <= hi;
            q <= moved; qv <= done; ql <= low; qh <= high;
            v1 <= qv; d1 <= q > qh ? qh : q < ql ? ql : q[7:0];
            v2 <= v1; d2 <= d1; v3 <= v2; d3 <= d2;
            ov <= v3; od <= BUG d3;
        end
    end
endmodule
";

pub const PORTS: &str = "clk=clock rst=!reset_n in.valid=v in.first=f in.last=l in.activation=x in.weight=w param.bias=b \
param.shift=s param_zero_point=z param.low=lo param.high=hi out.valid=ov out_data=od";

fn other(folder: &Path, bug: &str) -> PathBuf {
    let path = folder.join("other.v");
    fs::write(&path, OTHER.replace("BUG", bug)).unwrap();
    path
}

/// The same with the twin's latency: what it shows between outputs, and before the first, is its own matter.
fn timely(folder: &Path, bug: &str) -> PathBuf {
    let path = folder.join("other.v");
    fs::write(&path, OTHER.replace("ov <= v3; od <= BUG d3", &format!("ov <= v1; od <= {bug} d1"))).unwrap();
    path
}

fn check(rtl: &Path, more: &str) -> Assert {
    run(&format!("cosim {RANDOM} --rtl {} --top other_mac --port {PORTS}{more}", rtl.display()))
}

pub fn said(assert: &Assert) -> String {
    let output = assert.get_output();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn other_rtl_is_compared_by_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let right = other(folder.path(), "");
    let text = said(&check(&right, " --compare beats").success());
    assert!(
        text.contains("icarus: PASS, 6 transactions") && text.contains("verilator: PASS, 6 transactions"),
        "{text}"
    );
    let text = said(&check(&right, " --selftest --simulator icarus").code(1));
    // It is late, so the untouched bundle does not pass by cycles: the only thing that is wrong.
    assert!(text.contains("WRONG: untouched"), "{text}");
    // By cycles it is late, and the verdict says so in words.
    let text = said(&check(&right, " --simulator icarus").code(1));
    assert!(
        text.contains("first: cycle 12, ") && text.contains(": out.valid: expected 1 (0x1), got 0 (0x0)"),
        "{text}"
    );
    assert!(text.contains("--compare beats compares them in order"), "{text}");
    let wrong = other(folder.path(), "1 ^");
    let text = said(&check(&wrong, " --compare beats --simulator icarus").code(1));
    assert!(
        text.contains("FAIL, mismatch") && text.contains("first: transaction 0") && text.contains("out.data"),
        "{text}"
    );
}

/// Transactions hold no register: one that is named is not left out in silence.
#[test]
fn a_named_register_is_never_left_out_of_a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let late = other(folder.path(), "");
    let text = said(&check(&late, " pe.acc=sum --compare beats --simulator icarus").code(2));
    assert!(text.contains("pe.acc would not be compared") && text.contains("by cycles"), "{text}");
    let text = said(&check(&late, " --compare beats --simulator icarus").success());
    assert!(text.contains("icarus: PASS, 6 transactions"), "{text}");
}

#[test]
fn other_rtl_is_compared_by_cycles_where_outputs_are_expected() {
    let folder = tempfile::tempdir().unwrap();
    let right = timely(folder.path(), "");
    let text = said(&check(&right, "").success());
    // 59 cycles of out.valid, 6 outputs.
    let passed = "PASS, 59 cycles compared, 1 values in each, out.data in 6 with an output: 65, 0 mismatches";
    assert_eq!(text.matches(passed).count(), 2, "{text}");
    let text = said(&check(&right, " --selftest").success());
    assert!(!text.contains("WRONG"), "{text}");
    // Without out.valid the outputs still have their cycles.
    let text = said(&check(&right, "").success());
    assert!(!text.contains("note:"), "{text}");
    let open = PORTS.replace("out.valid=ov", "out.valid=");
    let line =
        |more: &str| format!("cosim {RANDOM} --rtl {} --top other_mac --port {open}{more}", right.display());
    let text = said(&run(&line(" --simulator icarus")).success());
    assert!(
        text.contains("note: out.valid is not connected") && text.contains(": 6, 0 mismatches"),
        "{text}"
    );
    let text = said(&run(&line(" --compare beats")).code(2));
    assert!(text.contains("transactions are known by out.valid and out.data"), "{text}");
    let mute = format!("cosim {RANDOM} --rtl {} --top other_mac --port {PORTS}", right.display());
    let text = said(&run(&(mute.replace("out_data=od", "out_data=") + " --simulator icarus")).success());
    assert!(text.contains("warning: out.data is not connected"), "{text}");
    let nothing = run(&line(" --simulator icarus").replace("out_data=od", "out_data=")).code(2);
    assert!(said(&nothing).contains("nothing would be compared"));
}

#[test]
fn one_wrong_bit_of_other_rtl_has_a_signal_and_a_cycle() {
    let folder = tempfile::tempdir().unwrap();
    let text = said(&check(&timely(folder.path(), "8'h10 ^"), "").code(1));
    let first: Vec<&str> = text.lines().filter(|l| l.contains("first: ")).collect();
    assert_eq!(first.len(), 2, "{text}");
    assert!(first.iter().all(|l| l.contains("first: cycle 12, ") && l.contains(": out.data: ")), "{text}");
    // One for each of the six outputs, none in between.
    assert_eq!(text.matches("FAIL, mismatch (mismatches=6)").count(), 2, "{text}");
}

#[test]
fn rtl_that_hangs_the_simulator_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    // It prints all the while: the output must not fill the memory either.
    let endless = "always @(posedge clock) while (clock) $display(\"round\");\nendmodule";
    let path = other(folder.path(), "");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("endmodule", endless)).unwrap();
    for simulator in ["icarus", "verilator"] {
        let text = said(&check(&path, &format!(" --simulator {simulator} --timeout 2")).code(2));
        assert!(text.contains("did not end within 2 s and was killed") && text.contains(simulator), "{text}");
    }
}

#[test]
fn other_rtl_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let rtl = other(folder.path(), "");
    for (more, reason) in [
        (" nonsense=x", "the bundle has no signal \"nonsense\""),
        (" pe.a=!x", "is not a port that pe.a can be connected to"),
        (" pe.done=sum --simulator icarus", "another width"),
        (" pe.acc=absent --simulator icarus", "does not build this RTL"),
    ] {
        let text = said(&check(&rtl, more).code(2));
        assert!(text.contains(reason), "{more}: {text}");
    }
    // A silent module answers no transaction: the time-out says it.
    let silent = folder.path().join("silent.v");
    let text = fs::read_to_string(&rtl).unwrap().replace("ov <= v3", "ov <= 0");
    fs::write(&silent, text).unwrap();
    let text = said(&check(&silent, " --compare beats --simulator icarus").code(1));
    assert!(text.contains("FAIL, timeout (outputs=0 of=6)"), "{text}");
}

#[test]
fn changed_keys_reach_the_twin_or_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("wide");
    let write = |set: &str| {
        run(&format!(
            "vectors hw_models/mac_s8_acc16sat --set {set} --case random --shape 3,9,2 --out {}",
            out.display()
        ))
    };
    write("accumulator.width=20").success();
    run(&format!("cosim {} --simulator icarus", out.display())).success();
    // What the host feeds, in which order, is no matter of the circuit.
    write("operands.activation.recode=minus_128").success();
    run(&format!("cosim {} --simulator icarus", out.display())).success();
    write("post.0.rounding=\"floor\"").success();
    let text = said(&run(&format!("cosim {} --simulator icarus", out.display())).code(2));
    assert!(text.contains("no Verilog parameter"), "{text}");
    let text = said(&run(&format!("cosim {RANDOM} --simulator icarus --set product.latency=1")).code(2));
    assert!(text.contains("no Verilog parameter"), "{text}");
    // A twin of another width than the bundle's signals.
    let text = said(&run(&format!("cosim {RANDOM} --simulator icarus --set accumulator.width=20")).code(2));
    assert!(text.contains("another width"), "{text}");
}

/// u8 weights with zero point 145: the twin has no adder in front of its multiplier, and needs none.
#[test]
fn weights_of_any_zero_point_reach_the_twin() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle").display().to_string();
    let model = "tests/models/mlp_u8_qoperator.onnx";
    let write = |design: &str, more: &str| {
        run(&format!(
            "vectors hw_models/{design} --model {model} --layer fc1_quant --input tests/models/mlp_inputs.npy \
             --images 0..2 --out {out}{more}"
        ))
    };
    for design in ["mac_s8_acc32", "os8x8_s8_acc32"] {
        // What the refusal says to set is what the twin has parameters for.
        let said = said(&write(design, "").code(2));
        let options: Vec<&str> =
            said.split("--set '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
        assert!(options.contains(&"operands.weight.recode=\"minus_zero_point\""), "{said}");
        let more: String = options.iter().map(|option| format!(" --set {option}")).collect();
        write(design, &more).success();
        run(&format!("cosim {out} --simulator icarus")).success();
    }
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle");
    let design = "vectors hw_models/mac_s8_acc16sat";
    let file = folder.path().join("a_file");
    fs::write(&file, "not a folder").unwrap();
    let missing = folder.path().join("missing.npy");
    for (line, reason) in [
        (format!("{design} --case random --shape 3,0,2 --out {}", out.display()), "three positive numbers"),
        (format!("{design} --case saturating --shape 1,1,1 --out {}", out.display()), "both must happen"),
        (format!("{design} --case random --shape 3,9,2 --out {}", file.join("x").display()), "cannot"),
        (
            format!("{design} --case random --shape 3,9,2 --out {}", folder.path().display()),
            "a_file: is not goldpath's",
        ),
        (
            format!("{design} --activations {0} --weights {0} --out {1}", missing.display(), out.display()),
            "missing.npy",
        ),
    ] {
        let text = said(&run(&line).code(2));
        assert!(text.contains(reason), "{line}: {text}");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["a_file"], "{line}");
    }
}

#[test]
fn a_missing_simulator_is_named() {
    for (simulator, program) in [("icarus", "iverilog"), ("verilator", "verilator")] {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("goldpath");
        command.args(["cosim", RANDOM, "--simulator", simulator]).env("PATH", "");
        let text = said(&command.assert().code(2));
        assert!(text.contains(&format!("cannot run {program}")) && text.contains("apt install"), "{text}");
    }
}

#[test]
fn a_bundle_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().display().to_string();
    assert!(said(&run(&format!("cosim {bundle}")).code(2)).contains("manifest.json"));
    fs::write(folder.path().join("manifest.json"), "{}").unwrap();
    assert!(said(&run(&format!("cosim {bundle}")).code(2)).contains("is not a bundle's manifest"));
}
