// finn_threshold: how many of fifteen thresholds the value has reached, and the offset. Counted, so that they may come in any order.
// Source: qonnx custom_op/general/multithreshold.py.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_finn_threshold (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire signed [31:0] param_threshold_0,
    input wire signed [31:0] param_threshold_1,
    input wire signed [31:0] param_threshold_2,
    input wire signed [31:0] param_threshold_3,
    input wire signed [31:0] param_threshold_4,
    input wire signed [31:0] param_threshold_5,
    input wire signed [31:0] param_threshold_6,
    input wire signed [31:0] param_threshold_7,
    input wire signed [31:0] param_threshold_8,
    input wire signed [31:0] param_threshold_9,
    input wire signed [31:0] param_threshold_10,
    input wire signed [31:0] param_threshold_11,
    input wire signed [31:0] param_threshold_12,
    input wire signed [31:0] param_threshold_13,
    input wire signed [31:0] param_threshold_14,
    input wire signed [3:0] param_offset,

    output reg out_valid,
    output wire signed [3:0] out_data
);
    wire [14:0] reached = {
        in_value >= param_threshold_14,
        in_value >= param_threshold_13,
        in_value >= param_threshold_12,
        in_value >= param_threshold_11,
        in_value >= param_threshold_10,
        in_value >= param_threshold_9,
        in_value >= param_threshold_8,
        in_value >= param_threshold_7,
        in_value >= param_threshold_6,
        in_value >= param_threshold_5,
        in_value >= param_threshold_4,
        in_value >= param_threshold_3,
        in_value >= param_threshold_2,
        in_value >= param_threshold_1,
        in_value >= param_threshold_0
    };
    integer i;
    reg signed [5:0] count;
    always @(*) begin
        count = 6'sd0;
        for (i = 0; i < 15; i = i + 1) count = count + $signed({5'd0, reached[i]});
    end
    wire signed [5:0] sum = count + param_offset;
    wire signed [5:0] capped = (sum > 6'sd7) ? 6'sd7 : sum;
    wire signed [5:0] code = (capped < -6'sd8) ? -6'sd8 : capped;

    reg signed [3:0] held;
    always @(posedge clk) begin
        if (rst) begin
            held      <= 4'sd0;
            out_valid <= 1'b0;
        end else begin
            if (in_valid) held <= code[3:0];
            out_valid <= in_valid;
        end
    end

    assign out_data = out_valid ? held : 4'sd0;
endmodule
