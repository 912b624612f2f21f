// dpu_round: sums of halves, rounded by magnitude: a tie below zero goes up (ceil), one above zero too (round). Clamped.
// Source: Vitis-AI vart sim-runner/src/util/Calc.hpp (DPURound), conv2d_fix.cpp.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_dpu_round (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire signed [31:0] param_bias_term,
    input wire [5:0] param_shift,
    input wire signed [7:0] param_low,
    input wire signed [7:0] param_high,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [34:0] doubled = in_value <<< 1;
    wire signed [34:0] sum = doubled + param_bias_term;
    wire negative = sum < 35'sd0;
    wire [63:0] size = negative ? -sum : sum;
    wire [63:0] unit = 64'd1 << param_shift;
    wire [63:0] rest = size & (unit - 64'd1);
    wire [63:0] half = unit >> 1;
    // Away from zero: beyond a tie on either side, on it only above zero.
    wire away = negative ? (rest > half) : (rest >= half);
    wire [63:0] whole = size >> param_shift;
    wire signed [63:0] rounded_size = whole + {63'd0, away && (param_shift != 6'd0)};
    wire signed [63:0] rounded = negative ? -rounded_size : rounded_size;
    wire signed [63:0] capped = (rounded > param_high) ? param_high : rounded;
    wire signed [63:0] code = (capped < param_low) ? param_low : capped;

    reg signed [7:0] held;
    always @(posedge clk) begin
        if (rst) begin
            held      <= 8'sd0;
            out_valid <= 1'b0;
        end else begin
            if (in_valid) held <= code[7:0];
            out_valid <= in_valid;
        end
    end

    assign out_data = out_valid ? held : 8'sd0;
endmodule
