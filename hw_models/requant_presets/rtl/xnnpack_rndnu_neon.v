// xnnpack_rndnu_neon: a high multiply that truncates, a rounding shift by the rest, saturated at 32, 16 and 8 bits.
// Source: XNNPACK src/qs8-gemm, rndnu on NEON: vqdmulh, vrshl, vqmovn, vqadd. Its saturations are where 32 and 16 bits end.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_xnnpack_rndnu_neon (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire signed [31:0] param_multiplier,
    input wire [5:0] param_shift,
    input wire signed [7:0] param_zero_point,
    input wire signed [7:0] param_low,
    input wire signed [7:0] param_high,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [63:0] product = in_value * param_multiplier;
    // Fifteen bits go at once, rounded down; of the sixteen or more that go in all, the last decides.
    wire signed [63:0] truncated = product >>> 15;
    wire [5:0] left = param_shift - 6'd15;
    wire signed [63:0] half = 64'sd1 <<< (left - 6'd1);
    wire signed [63:0] sum = truncated + half;
    wire signed [63:0] shifted = sum >>> left;
    wire signed [63:0] high16 = (shifted > 64'sd32767) ? 64'sd32767 : shifted;
    wire signed [63:0] narrow = (high16 < -64'sd32768) ? -64'sd32768 : high16;
    wire signed [63:0] moved = narrow + param_zero_point;
    wire signed [63:0] capped = (moved > param_high) ? param_high : moved;
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
