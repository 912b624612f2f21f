//! A small module for the bundle `tests/cosim/bundles/random`, with other names than the twin's, and runs of it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;

pub const BUNDLE: &str = "tests/cosim/bundles/random";

/// The whole datapath; `MULTIPLY` and `EXTRA` are put in.
const DATAPATH: &str = r"
    function signed [15:0] sat(input signed [33:0] t);
        sat = t > 32767 ? 16'sd32767 : t < -32768 ? -16'sd32768 : t[15:0];
    endfunction
    wire signed [33:0] product = MULTIPLY;
    wire signed [33:0] base = f ? sat({ {2{b[31]}}, b}) : sum;
    reg signed [15:0] sum; reg done; reg [3:0] shift; reg signed [7:0] zero, low, high;
    wire signed [33:0] wide = sum;
    wire signed [33:0] half = (shift == 0) ? 0 : (34'sd1 <<< (shift - 4'd1));
    wire signed [33:0] moved = ((wide + half) >>> shift) + zero;
    reg signed [33:0] q; reg qv; reg signed [7:0] ql, qh;
    reg [7:0] d1; reg v1;
    always @(posedge clock) begin
        if (!reset_n) begin sum <= 0; done <= 0; qv <= 0; ov <= 0; od <= 0; v1 <= 0; end
        else begin
            if (v) sum <= sat(base + product);
            done <= v && l; shift <= s; zero <= z; low <= lo; high <= hi;
            q <= moved; qv <= done; ql <= low; qh <= high;
            v1 <= qv; d1 <= q > qh ? qh : q < ql ? ql : q[7:0];
            ov <= v1; od <= d1;
        end
    end
    EXTRA
";

const HEAD: &str = "
module stranger (
    input wire clock, input wire reset_n, input wire v, input wire f, input wire l,
    input wire signed [7:0] x, input wire signed [7:0] w, input wire signed [31:0] b, input wire [3:0] s,
    input wire signed [7:0] z, input wire signed [7:0] lo, input wire signed [7:0] hi,
    output reg ov, output reg signed [7:0] od
);
";

const PORTS: &str = "clk=clock rst=!reset_n in.valid=v in.first=f in.last=l in.activation=x in.weight=w param.bias=b \
param.shift=s param_zero_point=z param.low=lo param.high=hi out.valid=ov out_data=od";

/// The module's inside.
pub fn body(multiply: &str, extra: &str) -> String {
    DATAPATH.replace("MULTIPLY", multiply).replace("EXTRA", extra)
}

/// A module around an inside: its text, or an `include` of it.
pub fn module(inside: &str) -> String {
    format!("{HEAD}{inside}\nendmodule\n")
}

/// The right module with something more in it, in a file of its own.
pub fn whole(folder: &Path, extra: &str) -> PathBuf {
    let path = folder.join("stranger.v");
    fs::write(&path, module(&body("x * w", extra))).unwrap();
    path
}

/// `goldpath cosim` of these sources in one simulator.
pub fn cosim(rtl: &[impl AsRef<OsStr>], simulator: &str, cache: &Path) -> Command {
    let mut command = cargo_bin_cmd!("goldpath");
    command.args(["cosim", BUNDLE, "--simulator", simulator, "--top", "stranger", "--rtl"]).args(rtl);
    command.arg("--port").args(PORTS.split(' ')).env("GOLDPATH_CACHE", cache);
    command
}

/// Exit status and words.
pub fn answer(command: &mut Command) -> (i32, String) {
    let output: Output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}
