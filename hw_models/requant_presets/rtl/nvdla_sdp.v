// nvdla_sdp: the offset is taken away, 16 bits of scale, a shift by guide and sticky (half_away), 17 bits saturated, then 8.
// Source: nvdla/hw vmod/nvdla/sdp/NV_NVDLA_SDP_HLS_C_int.v; vmod/vlibs/NV_NVDLA_HLS_shiftrightsatsu.v.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_nvdla_sdp (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire signed [31:0] param_offset,
    input wire signed [15:0] param_factor,
    input wire [5:0] param_truncate,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    wire signed [32:0] moved = in_value - param_offset;
    wire signed [48:0] product = moved * param_factor;
    // Room for every bit that the longest shift moves behind the point.
    wire signed [111:0] placed = {product, 63'd0};
    wire signed [111:0] kept = placed >>> param_truncate;
    wire guide = kept[62];
    wire sticky = |kept[61:0];
    wire up = guide && (!product[48] || sticky);
    wire signed [49:0] rounded = $signed(kept[111:63]) + $signed({1'b0, up});
    wire signed [49:0] high17 = (rounded > 50'sd65535) ? 50'sd65535 : rounded;
    wire signed [49:0] scaled = (high17 < -50'sd65536) ? -50'sd65536 : high17;
    wire signed [49:0] capped = (scaled > 50'sd127) ? 50'sd127 : scaled;
    wire signed [49:0] code = (capped < -50'sd128) ? -50'sd128 : capped;

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
