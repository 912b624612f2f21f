// The peer of the speed benchmark: os16x16_s8_acc16sat as one module with plain arrays, the fastest of the
// styles tried in Verilator 5.006 (a row's operands in one vector, blocking assignments from the far end, so
// that every register reads old values). No debug bus. Same ports, same cycles as the design.
module os16x16_s8_acc16sat (
    input              clk,
    input              rst,
    input              in_valid,
    input              in_first,
    input      [127:0] in_activation,
    input      [127:0] in_weight,
    input              in_drain,
    input      [511:0] param_bias,
    input      [63:0]  param_shift,
    input      [7:0]   param_zero_point,
    input      [7:0]   param_low,
    input      [7:0]   param_high,
    output reg         out_valid,
    output reg [127:0] out_data
);
    // By row: operand and control registers, column 0 in the least significant bits.
    reg [127:0] a [0:15];
    reg [127:0] w [0:15];
    reg [15:0] valid [0:15];
    reg [15:0] first [0:15];
    reg signed [15:0] acc [0:255];
    // Triangular skew registers; stage 0 in the least significant bits.
    reg [127:0] skew_a [0:15];
    reg [127:0] skew_w [0:15];
    reg [15:0] skew_valid;
    reg [15:0] skew_first;

    integer i, j;
    reg signed [15:0] product;
    reg signed [16:0] sum;
    reg [3:0] count;
    reg signed [16:0] half;
    reg signed [17:0] z;
    wire signed [17:0] zero_point = $signed(param_zero_point);
    wire signed [17:0] low = $signed(param_low);
    wire signed [17:0] high = $signed(param_high);

    // R9: the bias is fitted by the accumulator's own rule.
    function signed [15:0] start(input signed [31:0] bias);
        start = (bias > 32767) ? 16'sd32767 : (bias < -32768) ? -16'sd32768 : bias[15:0];
    endfunction

    always @(posedge clk) begin
        if (rst) begin
            for (i = 0; i < 256; i = i + 1) acc[i] = 0;
            for (i = 0; i < 16; i = i + 1) begin
                a[i] = 0;
                w[i] = 0;
                valid[i] = 0;
                first[i] = 0;
                skew_a[i] = 0;
                skew_w[i] = 0;
            end
            skew_valid = 0;
            skew_first = 0;
            out_valid = 0;
            out_data = 0;
        end else begin
            out_valid = in_drain;
            out_data = 0;
            if (in_drain) begin
                for (j = 0; j < 16; j = j + 1) begin
                    count = param_shift[4 * j +: 4];
                    half = (count == 0) ? 17'sd0 : (17'sd1 <<< (count - 4'd1));
                    z = acc[240 + j] + half;
                    z = (z >>> count) + zero_point;
                    if (z > high) z = high;
                    if (z < low) z = low;
                    out_data[8 * j +: 8] = z[7:0];
                end
                for (i = 255; i >= 16; i = i - 1) acc[i] = acc[i - 16];
                for (j = 0; j < 16; j = j + 1) acc[j] = 0;
            end else begin
                for (i = 0; i < 16; i = i + 1)
                    if (valid[i] != 0)
                        for (j = 0; j < 16; j = j + 1)
                            if (valid[i][j]) begin
                                product = $signed(a[i][8 * j +: 8]) * $signed(w[i][8 * j +: 8]);
                                sum = (first[i][j] ? start(param_bias[32 * j +: 32]) : acc[16 * i + j]) + product;
                                acc[16 * i + j] = (sum[16] != sum[15]) ? {sum[16], {15{~sum[16]}}} : sum[15:0];
                            end
            end
            for (i = 15; i >= 1; i = i - 1) w[i] = w[i - 1];
            w[0][7:0] = in_weight[7:0];
            for (j = 1; j < 16; j = j + 1) w[0][8 * j +: 8] = skew_w[j][8 * (j - 1) +: 8];
            a[0] = {a[0][119:0], in_activation[7:0]};
            valid[0] = {valid[0][14:0], in_valid};
            first[0] = {first[0][14:0], in_first};
            for (i = 1; i < 16; i = i + 1) begin
                a[i] = {a[i][119:0], skew_a[i][8 * (i - 1) +: 8]};
                valid[i] = {valid[i][14:0], skew_valid[i - 1]};
                first[i] = {first[i][14:0], skew_first[i - 1]};
                skew_a[i] = {skew_a[i][119:0], in_activation[8 * i +: 8]};
                skew_w[i] = {skew_w[i][119:0], in_weight[8 * i +: 8]};
            end
            skew_valid = {skew_valid[14:0], in_valid};
            skew_first = {skew_first[14:0], in_first};
        end
    end
endmodule
