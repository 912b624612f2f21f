// xnnpack_rndnu16: to 16 bits first (half_up, saturated), then 15 bits of the scale (half_up); 16 bits saturate behind the zero point.
// Source: XNNPACK src/xnnpack/requantization.h, rndnu16.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_xnnpack_rndnu16 (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire [3:0] param_left_shift,
    input wire [4:0] param_right_shift,
    input wire signed [15:0] param_multiplier,
    input wire signed [7:0] param_zero_point,
    input wire signed [7:0] param_low,
    input wire signed [7:0] param_high,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [47:0] up = in_value <<< param_left_shift;
    wire signed [47:0] up_high = (up > 48'sd2147483647) ? 48'sd2147483647 : up;
    wire signed [47:0] moved = (up_high < -48'sd2147483648) ? -48'sd2147483648 : up_high;
    wire signed [47:0] half = (48'sd1 <<< param_right_shift) >>> 1;
    wire signed [47:0] sum = moved + half;
    wire signed [47:0] down = sum >>> param_right_shift;
    wire signed [47:0] down_high = (down > 48'sd32767) ? 48'sd32767 : down;
    wire signed [15:0] a = (down_high < -48'sd32768) ? -16'sd32768 : down_high[15:0];
    wire signed [31:0] product = a * param_multiplier;
    wire signed [32:0] nudged = product + 33'sd16384;
    wire signed [32:0] scaled = nudged >>> 15;
    wire signed [32:0] moved16 = scaled + param_zero_point;
    wire signed [32:0] capped16 = (moved16 > 33'sd32767) ? 33'sd32767 : moved16;
    wire signed [32:0] placed = (capped16 < -33'sd32768) ? -33'sd32768 : capped16;
    wire signed [32:0] capped = (placed > param_high) ? param_high : placed;
    wire signed [32:0] code = (capped < param_low) ? param_low : capped;

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
