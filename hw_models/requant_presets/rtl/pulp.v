// pulp: a multiplier, a term, a shift that rounds down, a clip.
// Source: NEMO nemo/quant/pact.py; DORY's requantisation templates.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_pulp (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire signed [30:0] param_factor,
    input wire signed [31:0] param_term,
    input wire [5:0] param_count,
    input wire signed [7:0] param_low,
    input wire signed [7:0] param_high,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [63:0] product = in_value * param_factor;
    wire signed [63:0] sum = product + param_term;
    wire signed [63:0] shifted = sum >>> param_count;
    wire signed [63:0] capped = (shifted > param_high) ? param_high : shifted;
    wire signed [63:0] code = (capped < param_low) ? param_low : capped;

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
