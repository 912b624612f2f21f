// tree8_s8_acc24: eight signed 8 × 8 bit products a clock, summed by an exact tree of adjacent pairs, into
// 24 bits that wrap, started from the bias and requantised by one multiplication and one rounding shift.
//
//   in_activation ─[pe_a]─┐
//     8 lanes             ×─[pe_product]─ + ─[reduce_0]─ + ─── + ─[reduce_2]─ + ─[pe_acc]─ requantiser ─ out_data
//   in_weight ─────[pe_w]─┘  8            4              2     1              └────┘ first: bias
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R7, R8, R9.
module tree8_s8_acc24 #(
    parameter ACC_WIDTH = 24,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8
) (
    input wire clk,
    input wire rst,

    input wire                   in_valid,
    input wire                   in_first,
    input wire                   in_last,
    input wire [8*ACT_WIDTH-1:0] in_activation,
    input wire [8*WGT_WIDTH-1:0] in_weight,

    input wire [31:0] param_bias,
    input wire [31:0] param_multiplier,
    input wire [ 5:0] param_shift,
    input wire [ 7:0] param_zero_point,
    input wire [ 7:0] param_low,
    input wire [ 7:0] param_high,

    output reg [            8*ACT_WIDTH-1:0] pe_a,
    output reg [            8*WGT_WIDTH-1:0] pe_w,
    output reg                               pe_valid,
    output reg                               pe_first,
    output reg                               pe_last,
    output reg [8*(ACT_WIDTH+WGT_WIDTH)-1:0] pe_product,
    output reg                               pe_product_valid,
    output reg                               pe_product_first,
    output reg                               pe_product_last,
    output reg [                   4*17-1:0] reduce_0,
    output reg                               reduce_0_valid,
    output reg                               reduce_0_first,
    output reg                               reduce_0_last,
    output reg [                       18:0] reduce_2,
    output reg                               reduce_2_valid,
    output reg                               reduce_2_first,
    output reg                               reduce_2_last,
    output reg [              ACC_WIDTH-1:0] pe_acc,
    output reg                               pe_done,

    output wire [ACC_WIDTH+32-1:0] post_0,
    output reg                     post_0_valid,
    output wire [            31:0] post_1,
    output reg                     post_1_valid,
    output wire [             7:0] post_3,
    output reg                     post_3_valid,

    output wire       out_valid,
    output wire [7:0] out_data
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;
    // Each level of the tree needs one bit more than the one before it to be exact; 8-bit operands do.
    localparam WIDTH_0 = 17;
    localparam WIDTH_1 = 18;
    localparam WIDTH_2 = 19;

    wire [8*PRODUCT_WIDTH-1:0] product;
    wire [4*WIDTH_0-1:0] sum_0;
    wire [2*WIDTH_1-1:0] sum_1;
    wire [WIDTH_2-1:0] sum_2;

    genvar lane;
    generate
        for (lane = 0; lane < 8; lane = lane + 1) begin : g_lane
            multiply_exact #(
                .A_WIDTH(ACT_WIDTH),
                .B_WIDTH(WGT_WIDTH)
            ) multiply (
                .a      (pe_a[lane*ACT_WIDTH+:ACT_WIDTH]),
                .b      (pe_w[lane*WGT_WIDTH+:WGT_WIDTH]),
                .product(product[lane*PRODUCT_WIDTH+:PRODUCT_WIDTH])
            );
        end
        for (lane = 0; lane < 4; lane = lane + 1) begin : g_level_0
            fitted_add #(
                .A_WIDTH  (PRODUCT_WIDTH),
                .B_WIDTH  (PRODUCT_WIDTH),
                .OUT_WIDTH(WIDTH_0),
                .SATURATE (0)
            ) add (
                .a  (pe_product[2*lane*PRODUCT_WIDTH+:PRODUCT_WIDTH]),
                .b  (pe_product[(2*lane+1)*PRODUCT_WIDTH+:PRODUCT_WIDTH]),
                .sum(sum_0[lane*WIDTH_0+:WIDTH_0])
            );
        end
        for (lane = 0; lane < 2; lane = lane + 1) begin : g_level_1
            fitted_add #(
                .A_WIDTH  (WIDTH_0),
                .B_WIDTH  (WIDTH_0),
                .OUT_WIDTH(WIDTH_1),
                .SATURATE (0)
            ) add (
                .a  (reduce_0[2*lane*WIDTH_0+:WIDTH_0]),
                .b  (reduce_0[(2*lane+1)*WIDTH_0+:WIDTH_0]),
                .sum(sum_1[lane*WIDTH_1+:WIDTH_1])
            );
        end
    endgenerate

    fitted_add #(
        .A_WIDTH  (WIDTH_1),
        .B_WIDTH  (WIDTH_1),
        .OUT_WIDTH(WIDTH_2),
        .SATURATE (0)
    ) add_level_2 (
        .a  (sum_1[0+:WIDTH_1]),
        .b  (sum_1[WIDTH_1+:WIDTH_1]),
        .sum(sum_2)
    );

    // The bias meets the sum of the beat it came with, four registers behind the inputs.
    wire [31:0] bias;
    delay #(
        .WIDTH (32),
        .STAGES(4)
    ) bias_delay (
        .clk(clk),
        .rst(rst),
        .in (param_bias),
        .out(bias)
    );

    wire [ACC_WIDTH-1:0] start;
    fit_signed #(
        .IN_WIDTH (32),
        .OUT_WIDTH(ACC_WIDTH),
        .SATURATE (0)
    ) fit_bias (
        .value (bias),
        .fitted(start)
    );

    wire [ACC_WIDTH-1:0] next_acc;
    accumulate #(
        .ACC_WIDTH   (ACC_WIDTH),
        .ADDEND_WIDTH(WIDTH_2),
        .SATURATE    (0)
    ) accumulator (
        .first (reduce_2_first),
        .start (start),
        .held  (pe_acc),
        .addend(reduce_2),
        .next  (next_acc)
    );

    // Operands, products and partial sums load at every edge, like the controls that go with them.
    always @(posedge clk) begin
        if (rst) begin
            pe_a       <= {(8 * ACT_WIDTH) {1'b0}};
            pe_w       <= {(8 * WGT_WIDTH) {1'b0}};
            pe_product <= {(8 * PRODUCT_WIDTH) {1'b0}};
            reduce_0   <= {(4 * WIDTH_0) {1'b0}};
            reduce_2   <= {WIDTH_2{1'b0}};
        end else begin
            pe_a       <= in_activation;
            pe_w       <= in_weight;
            pe_product <= product;
            reduce_0   <= sum_0;
            reduce_2   <= sum_2;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            {pe_valid, pe_first, pe_last} <= 3'b000;
            {pe_product_valid, pe_product_first, pe_product_last} <= 3'b000;
            {reduce_0_valid, reduce_0_first, reduce_0_last} <= 3'b000;
            {reduce_2_valid, reduce_2_first, reduce_2_last} <= 3'b000;
        end else begin
            {pe_valid, pe_first, pe_last} <= {in_valid, in_first, in_last};
            {pe_product_valid, pe_product_first, pe_product_last} <= {pe_valid, pe_first, pe_last};
            {reduce_0_valid, reduce_0_first, reduce_0_last} <= {
                pe_product_valid, pe_product_first, pe_product_last
            };
            {reduce_2_valid, reduce_2_first, reduce_2_last} <= {
                reduce_0_valid, reduce_0_first, reduce_0_last
            };
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            pe_acc       <= {ACC_WIDTH{1'b0}};
            pe_done      <= 1'b0;
            post_0_valid <= 1'b0;
            post_1_valid <= 1'b0;
            post_3_valid <= 1'b0;
        end else begin
            if (reduce_2_valid) pe_acc <= next_acc;
            pe_done      <= reduce_2_valid && reduce_2_last;
            post_0_valid <= pe_done;
            post_1_valid <= post_0_valid;
            post_3_valid <= post_1_valid;
        end
    end

    // Each parameter of the requantiser follows its output's last beat to the step that uses it.
    wire [31:0] multiplier;
    delay #(
        .WIDTH (32),
        .STAGES(5)
    ) multiplier_delay (
        .clk(clk),
        .rst(rst),
        .in (param_multiplier),
        .out(multiplier)
    );

    wire [5:0] shift;
    delay #(
        .WIDTH (6),
        .STAGES(6)
    ) shift_delay (
        .clk(clk),
        .rst(rst),
        .in (param_shift),
        .out(shift)
    );

    wire [7:0] zero_point;
    wire [7:0] low;
    wire [7:0] high;
    delay #(
        .WIDTH (24),
        .STAGES(7)
    ) range_delay (
        .clk(clk),
        .rst(rst),
        .in ({param_zero_point, param_low, param_high}),
        .out({zero_point, low, high})
    );

    requantize_multiply_shift #(
        .ACC_WIDTH(ACC_WIDTH)
    ) requantizer (
        .clk         (clk),
        .rst         (rst),
        .acc_valid   (pe_done),
        .post_0_valid(post_0_valid),
        .post_1_valid(post_1_valid),
        .acc         (pe_acc),
        .multiplier  (multiplier),
        .shift       (shift),
        .zero_point  (zero_point),
        .low         (low),
        .high        (high),
        .post_0      (post_0),
        .post_1      (post_1),
        .post_3      (post_3)
    );

    assign out_valid = post_3_valid;
    assign out_data  = post_3_valid ? post_3 : 8'd0;
endmodule
