// multiply_shift: the exact product, shifted; the last bit that falls off is added (half_up), 32 bits wrap, zero point, clamp.
// Source: tensorflow lite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier, TFLITE_SINGLE_ROUNDING.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_multiply_shift (
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
    // One more place behind the point holds the bit that decides.
    wire signed [64:0] moved = {product, 1'b0};
    wire signed [64:0] shifted = moved >>> param_shift;
    wire signed [31:0] scaled = shifted[32:1] + {31'd0, shifted[0]};
    wire signed [33:0] placed = scaled + param_zero_point;
    wire signed [33:0] capped = (placed > param_high) ? param_high : placed;
    wire signed [33:0] code = (capped < param_low) ? param_low : capped;

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
