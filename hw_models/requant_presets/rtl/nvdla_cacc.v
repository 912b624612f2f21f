// nvdla_cacc: the finished sum of 34 bits with 16 places behind the point is shifted, rounded half_away by guide and sticky, saturated at 32 bits.
// Source: nvdla/hw vmod/nvdla/cacc/NV_NVDLA_CACC_CALC_int8.v.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_nvdla_cacc (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [33:0] in_value,
    input wire [4:0] param_truncate,

    output reg out_valid,
    output wire signed [31:0] out_data
);
    wire signed [49:0] placed = {in_value, 16'd0};
    wire signed [49:0] kept = placed >>> param_truncate;
    wire negative = in_value[33];
    wire guide = kept[15];
    wire sticky = |kept[14:0];
    // Below zero a lone guide bit is a tie, and a tie goes down.
    wire up = guide && (!negative || sticky);
    wire signed [34:0] rounded = $signed(kept[49:16]) + $signed({1'b0, up});
    wire signed [34:0] capped = (rounded > 35'sd2147483647) ? 35'sd2147483647 : rounded;
    wire signed [34:0] code = (capped < -35'sd2147483648) ? -35'sd2147483648 : capped;

    reg signed [31:0] held;
    always @(posedge clk) begin
        if (rst) begin
            held      <= 32'sd0;
            out_valid <= 1'b0;
        end else begin
            if (in_valid) held <= code[31:0];
            out_valid <= in_valid;
        end
    end

    assign out_data = out_valid ? held : 32'sd0;
endmodule
