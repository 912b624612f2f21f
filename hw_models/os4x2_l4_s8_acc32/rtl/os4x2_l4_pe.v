// One element of os4x2_l4_s8_acc32: four products a beat, summed in two levels, into an accumulator that stays.
//
//   a, w (4 lanes) ── × ──[ product ]── lanes 0 + 2, 1 + 3 ── + ──[ sum ]── + ──[ acc ]
//
// The first beat of an output is added to start; while drain is 1, acc takes the one above. product, sum and their control
// bits load at every edge; reset to 0.
module os4x2_l4_pe #(
    parameter ACC_WIDTH = 32
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 drain,
    input  wire                 valid,
    input  wire                 first,
    input  wire [         31:0] a,
    input  wire [         31:0] w,
    input  wire [ACC_WIDTH-1:0] start,
    input  wire [ACC_WIDTH-1:0] above,
    output reg  [         63:0] product,
    output reg                  product_valid,
    output reg                  product_first,
    output reg  [         17:0] sum,
    output reg                  sum_valid,
    output reg                  sum_first,
    output reg  [ACC_WIDTH-1:0] acc
);
    wire [63:0] formed;
    genvar lane;
    generate
        for (lane = 0; lane < 4; lane = lane + 1) begin : g_lane
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

    // Lanes two apart first, then their sums; each level has room for every sum.
    wire [33:0] pairs;
    generate
        for (lane = 0; lane < 2; lane = lane + 1) begin : g_pair
            fitted_add #(
                .A_WIDTH  (16),
                .B_WIDTH  (16),
                .OUT_WIDTH(17),
                .SATURATE (0)
            ) add_pair (
                .a  (product[lane*16+:16]),
                .b  (product[(lane+2)*16+:16]),
                .sum(pairs[lane*17+:17])
            );
        end
    endgenerate

    wire [17:0] total;
    fitted_add #(
        .A_WIDTH  (17),
        .B_WIDTH  (17),
        .OUT_WIDTH(18),
        .SATURATE (0)
    ) add_pairs (
        .a  (pairs[0+:17]),
        .b  (pairs[17+:17]),
        .sum(total)
    );

    wire [ACC_WIDTH-1:0] next;
    fitted_add #(
        .A_WIDTH  (ACC_WIDTH),
        .B_WIDTH  (18),
        .OUT_WIDTH(ACC_WIDTH),
        .SATURATE (0)
    ) accumulate (
        .a  (sum_first ? start : acc),
        .b  (sum),
        .sum(next)
    );

    always @(posedge clk) begin
        if (rst) begin
            product       <= 64'd0;
            product_valid <= 1'b0;
            product_first <= 1'b0;
            sum           <= 18'd0;
            sum_valid     <= 1'b0;
            sum_first     <= 1'b0;
            acc           <= {ACC_WIDTH{1'b0}};
        end else begin
            product       <= formed;
            product_valid <= valid;
            product_first <= first;
            sum           <= total;
            sum_valid     <= product_valid;
            sum_first     <= product_first;
            if (drain) acc <= above;
            else if (sum_valid) acc <= next;
        end
    end
endmodule
