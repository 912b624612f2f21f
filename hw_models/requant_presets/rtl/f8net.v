// f8net: half_even by a half that is added in 32 bits, and wraps; on a tie the shift is one longer and a zero comes behind it.
// Source: F8Net models/fix_quant_ops.py, int_op_only_fix_quant.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_f8net (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire [4:0] param_left,
    input wire [4:0] param_right_shift,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [31:0] moved = in_value <<< param_left;
    wire [31:0] half = (32'd1 << param_right_shift) >> 1;
    wire [31:0] mask = (32'd1 << param_right_shift) - 32'd1;
    wire tie = (param_right_shift != 5'd0) && ((moved & mask) == half);
    wire signed [31:0] raised = moved + half;
    wire signed [31:0] nearest = raised >>> param_right_shift;
    wire signed [31:0] pairs = nearest >>> 1;
    wire signed [31:0] rounded = tie ? (pairs <<< 1) : nearest;
    wire signed [31:0] capped = (rounded > 32'sd127) ? 32'sd127 : rounded;
    wire signed [31:0] code = (capped < -32'sd127) ? -32'sd127 : capped;

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
