// gemmini_shift: what falls off is one bit of a half and whether anything lies below it; ties go to even. Saturated.
// Source: gemmini Arithmetic.scala, >> of SInt.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_gemmini_shift (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire [4:0] param_shift,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    // The half is bit shift-1; the mask covers what lies below it. Nothing falls off at count 0.
    wire [31:0] half = (32'd1 << param_shift) >> 1;
    wire [31:0] mask = half - {31'd0, |half};
    wire point_five = |(in_value & half);
    wire below = |(in_value & mask);
    wire signed [32:0] floor = in_value >>> param_shift;
    wire up = point_five && (below || floor[0]);
    wire signed [32:0] rounded = floor + $signed({1'b0, up});
    wire signed [32:0] capped = (rounded > 33'sd127) ? 33'sd127 : rounded;
    wire signed [32:0] code = (capped < -33'sd128) ? -33'sd128 : capped;

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
