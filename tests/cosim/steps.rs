//! Kinds of post steps against Verilog that says them another way: directed bundles pass on right RTL, and fail on each mistake.

use std::fs;
use std::path::Path;

use crate::commands::said;
use crate::run;

/// One multiply-accumulate into 16 bits that wrap, in front of steps.
fn design(name: &str, post: &str, parameters: &str) -> String {
    format!(
        "schema = 1\nname = \"{name}\"\npost = [{}]\n\
         [operands]\nactivation = {{ width = 8, signed = true }}\nweight = {{ width = 8, signed = true }}\n\
         [accumulator]\nwidth = 16\nsigned = true\noverflow = \"wrap\"\nstart = \"overwrite\"\n\
         [array]\ndataflow = \"sequential\"\n[parameters]\n{parameters}",
        post.replace('\n', " ")
    )
}

/// The same as RTL: `ports` are those of parameters, `keep` samples them with the last beat.
fn module(name: &str, ports: &str, keep: &str, body: &str) -> String {
    format!(
        "module {name} (input wire clk, input wire rst, input wire in_valid, input wire in_first, input wire in_last,\n\
         input wire signed [7:0] in_activation, input wire signed [7:0] in_weight, {ports}\n\
         output reg out_valid, output reg signed [7:0] out_data);\n\
         reg signed [15:0] acc; reg done;\n\
         always @(posedge clk) begin\n\
         if (rst) done <= 0; else done <= in_valid && in_last;\n\
         if (in_valid) acc <= (in_first ? 16'sd0 : acc) + in_activation * in_weight;\n\
         {keep}\nend\n{body}\nendmodule\n"
    )
}

/// Directed bundles on the right RTL in both simulators, and on each wrong one in one.
fn holds(name: &str, design: &str, rtl: &str, mistakes: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| folder.path().join(file);
    fs::write(at("design.toml"), design).unwrap();
    let cosim = |text: &str, more: &str| {
        let file = at("rtl.v");
        fs::write(&file, text).unwrap();
        let bundles = ["directed", "single", "numbers"].map(|case| {
            let line = format!("cosim {} --rtl {} --top {name}{more}", at(case).display(), file.display());
            said(&crate::goldpath(&line.split(' ').collect::<Vec<_>>()))
        });
        bundles.into_iter().collect::<Vec<_>>()
    };
    for case in ["directed", "single", "numbers"] {
        let toml = at("design.toml");
        run(&format!("vectors {} --case {case} --out {}", toml.display(), at(case).display())).success();
    }
    for text in cosim(rtl, "") {
        assert!(text.contains("icarus: PASS") && text.contains("verilator: PASS"), "{text}\n{rtl}");
        println!("{}", text.lines().find(|line| line.contains("PASS")).unwrap_or_default());
    }
    for (right, wrong) in mistakes {
        assert_eq!(rtl.matches(right).count(), 1, "{right}");
        let texts = cosim(&rtl.replace(right, wrong), " --simulator icarus");
        assert!(texts.iter().any(|text| text.contains("FAIL")), "{wrong} for {right} passes\n{texts:#?}");
    }
    assert!(Path::new(&at("directed")).is_dir());
}

#[test]
fn values_adders_branches_and_bits() {
    let post = r#"{ step = "add", value = "level", value_steps = [{ step = "shift_left", value = "up" }],
            format = "s18", overflow = "saturate", latency = 1 },
        { step = "shift_right", value = "cut", rounding = "half_even", adder = "s18" },
        { step = "branch", latency = 1, format = "s12", overflow = "saturate",
          negative = [{ step = "multiply", value = "slope" },
                      { step = "shift_right", value = 5, rounding = "half_away" }] },
        { step = "max", value = 0, if = "relu", bypass = "register", latency = 1 },
        { step = "fit", format = "s8", overflow = "saturate" }"#;
    let parameters = "level = { format = \"s8\", per = \"channel\" }\nup = { format = \"u4\", per = \"channel\" }\n\
                      cut = { format = \"u4\", per = \"channel\" }\nslope = { format = \"s6\", per = \"channel\" }\n";
    let ports = "input wire signed [7:0] param_level, input wire [3:0] param_up, input wire [3:0] param_cut,\n\
                 input wire signed [5:0] param_slope, input wire param_relu,";
    let keep = "level <= param_level; up <= param_up; c0 <= param_cut; s0 <= param_slope; r0 <= param_relu;";
    let body = "
        reg signed [7:0] level; reg [3:0] up, c0, c1; reg signed [5:0] s0, s1; reg r0, r1, r2;
        wire signed [31:0] moved = level;
        wire signed [31:0] sum = acc + (moved <<< up);
        reg signed [17:0] y; reg v1, v2;
        wire [17:0] half = (c1 == 0) ? 18'd0 : (18'd1 << (c1 - 4'd1));
        wire [17:0] rest = y & ((18'd1 << c1) - 18'd1);
        wire signed [17:0] up_sum = y + half;
        wire signed [17:0] shifted = up_sum >>> c1;
        wire tie = (c1 != 0) && (rest == half);
        wire signed [17:0] even = (tie && shifted[0]) ? shifted - 18'sd1 : shifted;
        wire signed [31:0] product = even * s1;
        wire signed [31:0] away = (product < 0) ? -((-product + 16) >>> 5) : ((product + 16) >>> 5);
        wire signed [31:0] arm = (even < 0) ? away : even;
        reg signed [11:0] z;
        wire signed [11:0] kept = (r2 && z < 0) ? 12'sd0 : z;
        always @(posedge clk) begin
            if (rst) begin v1 <= 0; v2 <= 0; out_valid <= 0; end
            else begin v1 <= done; v2 <= v1; out_valid <= v2; end
            y <= (sum > 131071) ? 131071 : (sum < -131072) ? -131072 : sum;
            c1 <= c0; s1 <= s0; r1 <= r0; r2 <= r1;
            z <= (arm > 2047) ? 2047 : (arm < -2048) ? -2048 : arm;
            out_data <= (kept > 127) ? 127 : (kept < -128) ? -128 : kept;
        end";
    let mistakes = [
        ("moved <<< up", "moved"),
        ("wire signed [17:0] up_sum", "wire signed [19:0] up_sum"),
        ("(tie && shifted[0])", "(1'b0)"),
        ("-((-product + 16) >>> 5)", "((product + 16) >>> 5)"),
        ("(even < 0) ? away", "(even < -1) ? away"),
        ("(r2 && z < 0)", "(z < 0)"),
        ("(r2 && z < 0)", "(!r2 && z < 0)"),
    ];
    holds(
        "steps_mac",
        &design("steps_mac", post, parameters),
        &module("steps_mac", ports, keep, body),
        &mistakes,
    );
}

#[test]
fn tables() {
    let post = r#"{ step = "shift_right", value = "cut", rounding = "floor" },
        { step = "lut", first = -3, values = [-50, -21, -9, 0, 12, 30, 77], below = -99, above = 101, latency = 1 }"#;
    let parameters = "cut = { format = \"u4\", per = \"channel\" }\n";
    let body = "
        reg [3:0] c0;
        wire signed [15:0] x = acc >>> c0;
        always @(posedge clk) begin
            if (rst) out_valid <= 0; else out_valid <= done;
            case (x)
                -3: out_data <= -50; -2: out_data <= -21; -1: out_data <= -9; 0: out_data <= 0;
                1: out_data <= 12; 2: out_data <= 30; 3: out_data <= 77;
                default: out_data <= (x < 0) ? -99 : 101;
            endcase
        end";
    let rtl = module("table_mac", "input wire [3:0] param_cut,", "c0 <= param_cut;", body);
    let mistakes = [
        ("-21;", "-20;"),
        ("3: out_data <= 77;", ""),
        ("-99 : 101", "-99 : 100"),
        ("-99 : 101", "-50 : 101"),
    ];
    holds("table_mac", &design("table_mac", post, parameters), &rtl, &mistakes);
}

/// A parameter of which there are three has three ports.
#[test]
fn thresholds() {
    let post =
        "{ step = \"thresholds\", values = \"t\", count = 3, offset = \"o\", format = \"s8\", latency = 1 }";
    let parameters = "t = { format = \"s12\", per = \"channel\" }\no = { format = \"s4\" }\n";
    let ports = "input wire signed [11:0] param_t_0, input wire signed [11:0] param_t_1,\n\
                 input wire signed [11:0] param_t_2, input wire signed [3:0] param_o,";
    let keep = "a <= param_t_0; b <= param_t_1; c <= param_t_2; o <= param_o;";
    let body = "
        reg signed [11:0] a, b, c; reg signed [3:0] o;
        wire signed [7:0] reached = {7'd0, acc >= a} + {7'd0, acc >= b} + {7'd0, acc >= c};
        always @(posedge clk) begin
            if (rst) out_valid <= 0; else out_valid <= done;
            out_data <= reached + o;
        end";
    let rtl = module("count_mac", ports, keep, body);
    let mistakes = [("acc >= b", "acc > b"), ("{7'd0, acc >= c}", "8'd0"), ("reached + o", "reached - o")];
    holds("count_mac", &design("count_mac", post, parameters), &rtl, &mistakes);
}

/// Around registers: where the layer's bit takes the step out, outputs come two cycles earlier.
#[test]
fn a_wire_around_registers() {
    let post = r#"{ step = "add", value = "level", latency = 1 },
        { step = "max", value = 0, if = "relu", bypass = "wire", latency = 2 },
        { step = "fit", format = "s8", overflow = "saturate", latency = 1 }"#;
    let parameters = "level = { format = \"s8\", per = \"channel\" }\n";
    let ports = "input wire signed [7:0] param_level, input wire param_relu,";
    let body = "
        reg signed [7:0] level; reg signed [16:0] y, z, z1; reg v1, w0, w1;
        wire signed [16:0] kept = param_relu ? z1 : y;
        wire leaves = param_relu ? w1 : v1;
        always @(posedge clk) begin
            if (rst) begin v1 <= 0; w0 <= 0; w1 <= 0; out_valid <= 0; end
            else begin v1 <= done; w0 <= v1; w1 <= w0; out_valid <= leaves; end
            y <= acc + level;
            z <= (y < 0) ? 17'sd0 : y;
            z1 <= z;
            out_data <= (kept > 127) ? 127 : (kept < -128) ? -128 : kept;
        end";
    let rtl = module("wire_mac", ports, "level <= param_level;", body);
    let mistakes = [
        ("param_relu ? w1 : v1", "w1"),
        ("param_relu ? w1 : v1", "v1"),
        ("param_relu ? z1 : y", "param_relu ? z : y"),
        ("(y < 0) ? 17'sd0 : y", "y"),
    ];
    holds("wire_mac", &design("wire_mac", post, parameters), &rtl, &mistakes);
}
