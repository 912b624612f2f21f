// One column of tree16x4_banks4_s8_acc34sat: sixteen products a beat, summed in two levels of four, added in four clocks to the
// accumulator whose turn it is.
//
//   a, w (16 lanes) ─ × ─[product]─ + ─[sum]─ + ─ + ─ fit ─[adder]─[adder]─[adder]─[acc 0..3]
//                                                └──────────────── bank ◄──────────┘ first: start
//
// product and sum load at every edge; a stage of the adder while the one in front of it is valid, an accumulator while the last
// one is. All registers reset to 0.
module tree16x4_column #(
    parameter ACC_WIDTH = 34
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [          127:0] a,
    input  wire [          127:0] w,
    // Of the beat at the adder: whether there is one, whether it is its output's first, whose turn it is.
    input  wire                   valid,
    input  wire                   first,
    input  wire [            1:0] bank,
    input  wire [  ACC_WIDTH-1:0] start,
    // Of the adder's stages: valid bits, and the bank of the last one.
    input  wire [            2:0] adding,
    input  wire [            1:0] bank_in,
    // Of the finished value.
    input  wire [            1:0] done_bank,
    output reg  [          255:0] product,
    output reg  [           71:0] sum,
    output reg  [3*ACC_WIDTH-1:0] adder,
    output reg  [4*ACC_WIDTH-1:0] acc,
    output wire [  ACC_WIDTH-1:0] finished
);
    wire [255:0] formed;
    genvar lane;
    generate
        for (lane = 0; lane < 16; lane = lane + 1) begin : g_lane
            multiply_exact #(
                .A_WIDTH(8),
                .B_WIDTH(8)
            ) multiply (
                .a      (a[lane*8+:8]),
                .b      (w[lane*8+:8]),
                .product(formed[lane*16+:16])
            );
        end
    endgenerate

    // Four neighbours a sum; each level has room for every one.
    wire [71:0] fours;
    generate
        for (lane = 0; lane < 4; lane = lane + 1) begin : g_four
            wire signed [17:0] p0 = {{2{product[lane*64+15]}}, product[lane*64+:16]};
            wire signed [17:0] p1 = {{2{product[lane*64+31]}}, product[lane*64+16+:16]};
            wire signed [17:0] p2 = {{2{product[lane*64+47]}}, product[lane*64+32+:16]};
            wire signed [17:0] p3 = {{2{product[lane*64+63]}}, product[lane*64+48+:16]};
            assign fours[lane*18+:18] = p0 + p1 + p2 + p3;
        end
    endgenerate
    wire signed [19:0] s0 = {{2{sum[17]}}, sum[0+:18]};
    wire signed [19:0] s1 = {{2{sum[35]}}, sum[18+:18]};
    wire signed [19:0] s2 = {{2{sum[53]}}, sum[36+:18]};
    wire signed [19:0] s3 = {{2{sum[71]}}, sum[54+:18]};
    wire [19:0] total = s0 + s1 + s2 + s3;

    wire [ACC_WIDTH-1:0] next;
    accumulate #(
        .ACC_WIDTH   (ACC_WIDTH),
        .ADDEND_WIDTH(20),
        .SATURATE    (1)
    ) accumulator (
        .first (first),
        .start (start),
        .held  (acc[bank*ACC_WIDTH+:ACC_WIDTH]),
        .addend(total),
        .next  (next)
    );

    always @(posedge clk) begin
        if (rst) begin
            product <= 256'd0;
            sum     <= 72'd0;
            adder   <= {(3 * ACC_WIDTH) {1'b0}};
            acc     <= {(4 * ACC_WIDTH) {1'b0}};
        end else begin
            product <= formed;
            sum     <= fours;
            if (valid) adder[0+:ACC_WIDTH] <= next;
            if (adding[0]) adder[ACC_WIDTH+:ACC_WIDTH] <= adder[0+:ACC_WIDTH];
            if (adding[1]) adder[2*ACC_WIDTH+:ACC_WIDTH] <= adder[ACC_WIDTH+:ACC_WIDTH];
            if (adding[2]) acc[bank_in*ACC_WIDTH+:ACC_WIDTH] <= adder[2*ACC_WIDTH+:ACC_WIDTH];
        end
    end

    assign finished = acc[done_bank*ACC_WIDTH+:ACC_WIDTH];
endmodule
