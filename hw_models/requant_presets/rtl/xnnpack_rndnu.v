// xnnpack_rndnu: scalar kernel: 64 bits are rounded and cut to 32, the clamp comes in front of the zero point.
// Source: XNNPACK src/xnnpack/requantization.h, rndnu.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_xnnpack_rndnu (
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
    wire signed [63:0] half = 64'sd1 <<< (param_shift - 6'd1);
    wire signed [63:0] sum = product + half;
    wire signed [63:0] shifted = sum >>> param_shift;
    wire signed [31:0] scaled = shifted[31:0];
    wire signed [31:0] least = param_low - param_zero_point;
    wire signed [31:0] most = param_high - param_zero_point;
    wire signed [31:0] capped = (scaled > most) ? most : scaled;
    wire signed [31:0] limited = (capped < least) ? least : capped;
    wire signed [31:0] code = limited + param_zero_point;

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
