// gemmlowp: SaturatingRoundingMultiplyByPOT up, SRDHM with a nudge and a division that truncates, RoundingDivideByPOT with a threshold.
// Source: gemmlowp fixedpoint/fixedpoint.h; public/output_stages.h.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_gemmlowp (
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
    wire signed [63:0] up = in_value <<< param_left_shift;
    wire signed [63:0] up_high = (up > 64'sd2147483647) ? 64'sd2147483647 : up;
    wire signed [31:0] moved = (up_high < -64'sd2147483648) ? 32'sh80000000 : up_high[31:0];

    wire corner = (moved == 32'sh80000000) && (param_multiplier == 32'sh80000000);
    wire signed [63:0] product = moved * param_multiplier;
    wire signed [63:0] nudged = product + ((product < 64'sd0) ? -64'sd1073741823 : 64'sd1073741824);
    wire [63:0] size = nudged[63] ? -nudged : nudged;
    wire [63:0] whole = size >> 31;
    wire signed [31:0] high = corner ? 32'sh7fffffff : nudged[63] ? -whole[31:0] : whole[31:0];

    wire [31:0] mask = (32'd1 << param_right_shift) - 32'd1;
    wire [31:0] rest = high & mask;
    wire [31:0] threshold = (mask >> 1) + {31'd0, high[31]};
    wire signed [31:0] floor = high >>> param_right_shift;
    wire signed [32:0] scaled = floor + $signed({32'd0, rest > threshold});
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
