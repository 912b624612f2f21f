// vta: SHR (left where its count is negative, in 32 bits), MIN, MAX, and the low byte is stored.
// Source: tvm-vta hardware/xilinx/src/vta.cc.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_vta (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire [4:0] param_left_shift,
    input wire [3:0] param_right_shift,
    input wire signed [7:0] param_low,
    input wire signed [7:0] param_high,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [31:0] moved = in_value <<< param_left_shift;
    wire signed [31:0] shifted = moved >>> param_right_shift;
    wire signed [31:0] capped = (shifted > param_high) ? param_high : shifted;
    wire signed [31:0] code = (capped < param_low) ? param_low : capped;

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
