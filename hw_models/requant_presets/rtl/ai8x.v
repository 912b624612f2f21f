// ai8x: floor(0.5 + x / 2^shift), saturated. Counted in halves: one shift, then (halves + 1) / 2 rounded down.
// Source: ai8x-synthesis izer/simulate.py, which says it in floats.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_ai8x (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire [4:0] param_shift,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [32:0] doubled = in_value <<< 1;
    wire signed [32:0] halves = doubled >>> param_shift;
    wire signed [33:0] next = halves + 34'sd1;
    wire signed [33:0] rounded = next >>> 1;
    wire signed [33:0] capped = (rounded > 34'sd127) ? 34'sd127 : rounded;
    wire signed [33:0] code = (capped < -34'sd128) ? -34'sd128 : capped;

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
