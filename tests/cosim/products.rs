//! Products that go through steps, weights that are powers of two and sums that are rounded on their way to a memory, against
//! Verilog that says them another way.

use std::fs;

use crate::commands::said;
use crate::run;

const CASES: [&str; 3] = ["random", "extreme", "directed"];

/// Bundles on the right RTL in both simulators, and on each wrong one in one: some bundle tells it.
fn holds(name: &str, design: &str, shape: &str, rtl: &str, mistakes: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| folder.path().join(file);
    fs::write(at("design.toml"), design).unwrap();
    for case in CASES {
        let toml = at("design.toml");
        let line =
            format!("vectors {} --case {case} --shape {shape} --out {}", toml.display(), at(case).display());
        run(&line).success();
    }
    let cosim = |text: &str, more: &str| {
        let file = at("rtl.v");
        fs::write(&file, text).unwrap();
        let bundles = CASES.map(|case| {
            let line = format!("cosim {} --rtl {} --top {name}{more}", at(case).display(), file.display());
            said(&crate::goldpath(&line.split(' ').collect::<Vec<_>>()))
        });
        bundles.into_iter().collect::<Vec<_>>()
    };
    for text in cosim(rtl, "") {
        assert!(text.contains("icarus: PASS") && text.contains("verilator: PASS"), "{text}\n{rtl}");
    }
    for (right, wrong) in mistakes {
        assert_eq!(rtl.matches(right).count(), 1, "{right}");
        let texts = cosim(&rtl.replace(right, wrong), " --simulator icarus");
        assert!(texts.iter().any(|text| text.contains("FAIL")), "{wrong} for {right} passes\n{texts:#?}");
    }
}

#[test]
fn a_shifter_whose_products_are_rounded_and_saturated() {
    let design = r#"schema = 1
name = "shift_mac"
post = [{ step = "saturate", width = 8, latency = 1 }]
[parameters]
cut = { format = "u3", per = "channel" }
[operands]
activation = { width = 8, signed = true }
weight = { width = 4, signed = true, coding = "power_of_two" }
[product]
multiplier = "shift"
latency = 1
steps = [
  { step = "shift_right", value = "cut", rounding = "half_even", format = "s10", overflow = "saturate" },
  { step = "clamp", low = -400, high = 500 },
]
[accumulator]
width = 16
signed = true
overflow = "wrap"
start = "overwrite"
[array]
dataflow = "sequential"
"#;
    let rtl = "module shift_mac (input wire clk, input wire rst, input wire in_valid, input wire in_first,
        input wire in_last, input wire signed [7:0] in_activation, input wire [3:0] in_weight,
        input wire [2:0] param_cut, output reg out_valid, output reg signed [7:0] out_data);
        wire signed [31:0] wide = in_activation;
        wire signed [31:0] moved = wide <<< in_weight[2:0];
        wire signed [31:0] product = in_weight[3] ? -moved : moved;
        wire signed [31:0] half = (param_cut == 0) ? 0 : (1 <<< (param_cut - 3'd1));
        wire signed [31:0] up = (product + half) >>> param_cut;
        wire [31:0] rest = product & ((32'd1 << param_cut) - 32'd1);
        wire tie = (param_cut != 0) && (rest == half);
        wire signed [31:0] even = (tie && up[0]) ? up - 1 : up;
        wire signed [31:0] kept = (even > 511) ? 511 : (even < -512) ? -512 : even;
        wire signed [31:0] bound = (kept > 500) ? 500 : (kept < -400) ? -400 : kept;
        reg signed [15:0] p, acc; reg v, f, l, done;
        always @(posedge clk) begin
            if (rst) begin v <= 0; f <= 0; l <= 0; done <= 0; out_valid <= 0; end
            else begin v <= in_valid; f <= in_first; l <= in_last; done <= v && l; out_valid <= done; end
            p <= bound;
            if (v) acc <= (f ? 16'sd0 : acc) + p;
            out_data <= (acc > 127) ? 127 : (acc < -128) ? -128 : acc;
        end
        endmodule\n";
    let mistakes = [
        ("in_weight[3] ? -moved : moved", "moved"),
        ("<<< in_weight[2:0]", "<<< in_weight[1:0]"),
        ("(tie && up[0])", "(1'b0)"),
        ("(product + half) >>>", "product >>>"),
        ("(kept > 500) ? 500", "(kept > 500) ? 499"),
        ("(kept < -400) ? -400", "(kept < -512) ? -512"),
    ];
    holds("shift_mac", design, "12,5,6", rtl, &mistakes);
}

#[test]
fn a_shifter_whose_exponents_are_read_and_whose_sign_comes_last() {
    let design = r#"schema = 1
name = "shift_right_mac"
[parameters]
places = { format = "u3", per = "weight" }
[operands]
activation = { width = 8, signed = true }
weight = { width = 4, signed = true, coding = "power_of_two" }
[product]
multiplier = "shift"
latency = 1
steps = [{ step = "shift_right", value = "places", rounding = "floor" }]
[accumulator]
width = 10
signed = true
overflow = "saturate"
start = "overwrite"
[array]
dataflow = "sequential"
"#;
    let rtl =
        "module shift_right_mac (input wire clk, input wire rst, input wire in_valid, input wire in_first,
        input wire in_last, input wire signed [7:0] in_activation, input wire [3:0] in_weight,
        output reg out_valid, output wire signed [9:0] out_data);
        wire signed [8:0] wide = in_activation;
        wire signed [8:0] moved = wide >>> in_weight[2:0];
        wire signed [8:0] term = in_weight[3] ? -moved : moved;
        reg signed [8:0] p; reg signed [9:0] acc; reg v, f, l;
        wire signed [11:0] next = (f ? 12'sd0 : acc) + p;
        always @(posedge clk) begin
            if (rst) begin v <= 0; f <= 0; l <= 0; out_valid <= 0; end
            else begin v <= in_valid; f <= in_first; l <= in_last; out_valid <= v && l; end
            p <= term;
            if (v) acc <= (next > 511) ? 511 : (next < -512) ? -512 : next;
        end
        assign out_data = acc;
        endmodule\n";
    let mistakes = [
        ("in_weight[3] ? -moved : moved", "moved"),
        (
            "wire signed [8:0] moved = wide >>> in_weight[2:0];\n        wire signed [8:0] term = in_weight[3] ? -moved : moved;",
            "wire signed [8:0] sided = in_weight[3] ? -wide : wide;\n        wire signed [8:0] term = sided >>> in_weight[2:0];",
        ),
        (">>> in_weight[2:0]", ">> in_weight[2:0]"),
        (">>> in_weight[2:0]", ">>> in_weight[1:0]"),
        (">>> in_weight[2:0]", ">>> in_weight[3:0]"),
        ("wire signed [8:0] term", "wire signed [7:0] term"),
        ("(next < -512) ? -512", "(next < -511) ? -511"),
    ];
    holds("shift_right_mac", design, "12,5,6", rtl, &mistakes);
}

#[test]
fn words_that_are_rounded_in_and_clamped_out() {
    let design = r#"schema = 1
name = "word_mac"
post = [{ step = "saturate", width = 8, latency = 1 }]
[operands]
activation = { width = 8, signed = true }
weight = { width = 8, signed = true }
[accumulator]
width = 18
signed = true
overflow = "wrap"
start = "overwrite"
[array]
dataflow = "sequential"
[memory]
format = "s11"
overflow = "saturate"
depth = 1
store = [{ step = "shift_right", value = 5, rounding = "half_up" }]
load = [{ step = "clamp", low = -60, high = 70 }]
[order]
tile_k = 2
"#;
    let rtl = "module word_mac (input wire clk, input wire rst, input wire in_valid, input wire in_first,
        input wire in_last, input wire in_accumulate, input wire in_output,
        input wire signed [7:0] in_activation, input wire signed [7:0] in_weight,
        output reg out_valid, output reg signed [7:0] out_data);
        reg signed [17:0] acc; reg done, more, last, shown;
        reg signed [10:0] word;
        wire signed [31:0] sum = acc;
        wire signed [31:0] stored = (sum + 16) >>> 5;
        wire signed [31:0] old = word;
        wire signed [31:0] loaded = !more ? 0 : (old > 70) ? 70 : (old < -60) ? -60 : old;
        wire signed [31:0] next = loaded + stored;
        always @(posedge clk) begin
            if (rst) begin done <= 0; shown <= 0; out_valid <= 0; end
            else begin done <= in_valid && in_last; shown <= done && last; out_valid <= shown; end
            if (in_valid) begin
                acc <= (in_first ? 18'sd0 : acc) + in_activation * in_weight;
                more <= in_accumulate;
                last <= in_output;
            end
            if (done) word <= (next > 1023) ? 1023 : (next < -1024) ? -1024 : next;
            out_data <= (word > 127) ? 127 : (word < -128) ? -128 : word;
        end
        endmodule\n";
    let mistakes = [
        ("(sum + 16) >>> 5", "sum >>> 5"),
        ("(old > 70) ? 70", "(old > 70) ? 71"),
        ("(old < -60) ? -60", "(old < -61) ? -61"),
        ("!more ? 0", "1'b0 ? 0"),
    ];
    holds("word_mac", design, "12,6,6", rtl, &mistakes);
}
