// tflite_double: a left shift in 32 bits that wraps, the high half of the doubled product, a division by a power of two, ties away.
// Source: tensorflow lite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier with two roundings.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_tflite_double (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire [4:0] param_left_shift,
    input wire signed [31:0] param_multiplier,
    input wire [4:0] param_right_shift,
    input wire signed [7:0] param_zero_point,
    input wire signed [7:0] param_low,
    input wire signed [7:0] param_high,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [31:0] moved = in_value <<< param_left_shift;

    wire corner = (moved == 32'sh80000000) && (param_multiplier == 32'sh80000000);
    wire signed [64:0] doubled = (moved * param_multiplier) * 65'sd2;
    wire signed [64:0] nudged = doubled + 65'sd2147483648;
    wire signed [31:0] high = corner ? 32'sh7fffffff : nudged[63:32];

    // By magnitude, where away from zero is upwards.
    wire [32:0] size = high[31] ? -{high[31], high} : {1'b0, high};
    wire [32:0] half = (33'd1 << param_right_shift) >> 1;
    wire [32:0] nearest = (size + half) >> param_right_shift;
    wire signed [33:0] scaled = high[31] ? -$signed({1'b0, nearest}) : $signed({1'b0, nearest});
    wire signed [34:0] placed = scaled + param_zero_point;
    wire signed [34:0] capped = (placed > param_high) ? param_high : placed;
    wire signed [34:0] code = (capped < param_low) ? param_low : capped;

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
