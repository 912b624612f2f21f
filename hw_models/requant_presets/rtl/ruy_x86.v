// ruy_x86: a left shift in 32 bits that wraps, SRDHM, a rounding shift; both roundings send ties upwards.
// Source: ruy apply_multiplier.cc with RUY_OPT_NATIVE_ROUNDING, as LiteRT runs it on x86.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_ruy_x86 (
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
    wire signed [63:0] product = moved * param_multiplier;
    wire signed [63:0] nudged = product + 64'sd1073741824;
    wire signed [31:0] high = corner ? 32'sh7fffffff : nudged[62:31];

    // The bit behind the point, added to what stands in front of it.
    wire signed [32:0] placed_high = {high, 1'b0};
    wire signed [32:0] shifted = placed_high >>> param_right_shift;
    wire signed [32:0] whole = shifted >>> 1;
    wire signed [32:0] scaled = whole + $signed({32'd0, shifted[0]});
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
