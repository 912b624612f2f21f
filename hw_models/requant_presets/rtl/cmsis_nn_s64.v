// cmsis_nn_s64: one bit too many is kept in 32 bits (which wrap), one is added there, and it is halved; zero point, clamp.
// Source: CMSIS-NN Include/arm_nnsupportfunctions.h, arm_nn_requantize_s64.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_cmsis_nn_s64 (
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
    wire signed [63:0] shifted = product >>> param_shift;
    wire signed [31:0] doubled = shifted[31:0] + 32'd1;
    wire signed [31:0] scaled = doubled >>> 1;
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
