// tflite_int16x8: sums of 48 bits times 15 bits of the multiplier, one rounding (half_up), 32 bits wrap; zero point, clamp.
// Source: tensorflow lite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier(int64_t x, ...).
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_tflite_int16x8 (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [47:0] in_value,
    input wire signed [15:0] param_multiplier,
    input wire [5:0] param_shift,
    input wire signed [15:0] param_zero_point,
    input wire signed [15:0] param_low,
    input wire signed [15:0] param_high,

    output reg out_valid,
    output wire signed [15:0] out_data
);
    wire signed [63:0] product = in_value * param_multiplier;
    wire signed [63:0] half = 64'sd1 <<< (param_shift - 6'd1);
    wire signed [63:0] sum = product + half;
    wire signed [63:0] shifted = sum >>> param_shift;
    wire signed [31:0] scaled = shifted[31:0];
    wire signed [33:0] placed = scaled + param_zero_point;
    wire signed [33:0] capped = (placed > param_high) ? param_high : placed;
    wire signed [33:0] code = (capped < param_low) ? param_low : capped;

    reg signed [15:0] held;
    always @(posedge clk) begin
        if (rst) begin
            held      <= 16'sd0;
            out_valid <= 1'b0;
        end else begin
            if (in_valid) held <= code[15:0];
            out_valid <= in_valid;
        end
    end

    assign out_data = out_valid ? held : 16'sd0;
endmodule
