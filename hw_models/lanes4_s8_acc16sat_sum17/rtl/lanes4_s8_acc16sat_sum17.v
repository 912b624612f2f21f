// lanes4_s8_acc16sat_sum17: four signed 8 × 8 bit products a clock, each added to an accumulator of its own lane, 16 bits that
// saturate; behind an output's last beat the four are added in two levels, then the bias, then requantised by one
// multiplication and one rounding shift.
//
//   in_activation ─[pe_a]─┐                        last: 0 + 2, 1 + 3      the two        bias
//     4 lanes             ×─[pe_product]─ + ─[pe_acc]─ + ─[reduce_0]─ + ─[reduce_1]─ + ─[post_0]─ requantiser ─ out_data
//   in_weight ─────[pe_w]─┘  4            └─────┘  4              2              1
//                                          first: 0
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R5, R7, R8, R9.
module lanes4_s8_acc16sat_sum17 #(
    parameter ACC_WIDTH = 16,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8
) (
    input wire clk,
    input wire rst,

    input wire                   in_valid,
    input wire                   in_first,
    input wire                   in_last,
    input wire [4*ACT_WIDTH-1:0] in_activation,
    input wire [4*WGT_WIDTH-1:0] in_weight,

    input wire [31:0] param_bias,
    input wire [31:0] param_multiplier,
    input wire [ 5:0] param_shift,
    input wire [ 7:0] param_zero_point,
    input wire [ 7:0] param_low,
    input wire [ 7:0] param_high,

    output reg [            4*ACT_WIDTH-1:0] pe_a,
    output reg [            4*WGT_WIDTH-1:0] pe_w,
    output reg                               pe_valid,
    output reg                               pe_first,
    output reg                               pe_last,
    output reg [4*(ACT_WIDTH+WGT_WIDTH)-1:0] pe_product,
    output reg                               pe_product_valid,
    output reg                               pe_product_first,
    output reg                               pe_product_last,
    output reg [            4*ACC_WIDTH-1:0] pe_acc,
    output reg                               pe_done,
    output reg [                   2*17-1:0] reduce_0,
    output reg                               reduce_0_valid,
    output reg [                       16:0] reduce_1,
    output reg                               reduce_1_valid,

    output reg  [31:0] post_0,
    output reg         post_0_valid,
    output wire [63:0] post_1,
    output reg         post_1_valid,
    output wire [31:0] post_2,
    output reg         post_2_valid,
    output wire [ 7:0] post_4,
    output reg         post_4_valid,

    output wire       out_valid,
    output wire [7:0] out_data
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;
    localparam SUM_WIDTH = 17;

    wire [4*PRODUCT_WIDTH-1:0] product;
    wire [4*ACC_WIDTH-1:0] next_acc;
    wire [2*SUM_WIDTH-1:0] sum_0;
    wire [SUM_WIDTH-1:0] sum_1;

    genvar lane;
    generate
        for (lane = 0; lane < 4; lane = lane + 1) begin : g_lane
            multiply_exact #(
                .A_WIDTH(ACT_WIDTH),
                .B_WIDTH(WGT_WIDTH)
            ) multiply (
                .a      (pe_a[lane*ACT_WIDTH+:ACT_WIDTH]),
                .b      (pe_w[lane*WGT_WIDTH+:WGT_WIDTH]),
                .product(product[lane*PRODUCT_WIDTH+:PRODUCT_WIDTH])
            );
            accumulate #(
                .ACC_WIDTH   (ACC_WIDTH),
                .ADDEND_WIDTH(PRODUCT_WIDTH),
                .SATURATE    (1)
            ) accumulator (
                .first (pe_product_first),
                .start ({ACC_WIDTH{1'b0}}),
                .held  (pe_acc[lane*ACC_WIDTH+:ACC_WIDTH]),
                .addend(pe_product[lane*PRODUCT_WIDTH+:PRODUCT_WIDTH]),
                .next  (next_acc[lane*ACC_WIDTH+:ACC_WIDTH])
            );
        end
        for (lane = 0; lane < 2; lane = lane + 1) begin : g_level_0
            fitted_add #(
                .A_WIDTH  (ACC_WIDTH),
                .B_WIDTH  (ACC_WIDTH),
                .OUT_WIDTH(SUM_WIDTH),
                .SATURATE (1)
            ) add (
                .a  (pe_acc[lane*ACC_WIDTH+:ACC_WIDTH]),
                .b  (pe_acc[(lane+2)*ACC_WIDTH+:ACC_WIDTH]),
                .sum(sum_0[lane*SUM_WIDTH+:SUM_WIDTH])
            );
        end
    endgenerate

    fitted_add #(
        .A_WIDTH  (SUM_WIDTH),
        .B_WIDTH  (SUM_WIDTH),
        .OUT_WIDTH(SUM_WIDTH),
        .SATURATE (1)
    ) add_level_1 (
        .a  (reduce_0[0+:SUM_WIDTH]),
        .b  (reduce_0[SUM_WIDTH+:SUM_WIDTH]),
        .sum(sum_1)
    );

    // Operands and products load at every edge, like the controls that go with them.
    always @(posedge clk) begin
        if (rst) begin
            pe_a       <= {(4 * ACT_WIDTH) {1'b0}};
            pe_w       <= {(4 * WGT_WIDTH) {1'b0}};
            pe_product <= {(4 * PRODUCT_WIDTH) {1'b0}};
            {pe_valid, pe_first, pe_last} <= 3'b000;
            {pe_product_valid, pe_product_first, pe_product_last} <= 3'b000;
        end else begin
            pe_a       <= in_activation;
            pe_w       <= in_weight;
            pe_product <= product;
            {pe_valid, pe_first, pe_last} <= {in_valid, in_first, in_last};
            {pe_product_valid, pe_product_first, pe_product_last} <= {pe_valid, pe_first, pe_last};
        end
    end

    // Every parameter follows its output's last beat to the step that uses it.
    wire [31:0] bias;
    delay #(
        .WIDTH (32),
        .STAGES(5)
    ) bias_delay (
        .clk(clk),
        .rst(rst),
        .in (param_bias),
        .out(bias)
    );

    wire [31:0] biased;
    fitted_add #(
        .A_WIDTH  (SUM_WIDTH),
        .B_WIDTH  (32),
        .OUT_WIDTH(32),
        .SATURATE (1)
    ) add_bias (
        .a  (reduce_1),
        .b  (bias),
        .sum(biased)
    );

    // Accumulators load behind a valid beat, sums behind the one before them.
    always @(posedge clk) begin
        if (rst) begin
            pe_acc   <= {(4 * ACC_WIDTH) {1'b0}};
            reduce_0 <= {(2 * SUM_WIDTH) {1'b0}};
            reduce_1 <= {SUM_WIDTH{1'b0}};
            post_0   <= 32'd0;
        end else begin
            if (pe_product_valid) pe_acc <= next_acc;
            if (pe_done) reduce_0 <= sum_0;
            if (reduce_0_valid) reduce_1 <= sum_1;
            if (reduce_1_valid) post_0 <= biased;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            pe_done        <= 1'b0;
            reduce_0_valid <= 1'b0;
            reduce_1_valid <= 1'b0;
            post_0_valid   <= 1'b0;
            post_1_valid   <= 1'b0;
            post_2_valid   <= 1'b0;
            post_4_valid   <= 1'b0;
        end else begin
            pe_done        <= pe_product_valid && pe_product_last;
            reduce_0_valid <= pe_done;
            reduce_1_valid <= reduce_0_valid;
            post_0_valid   <= reduce_1_valid;
            post_1_valid   <= post_0_valid;
            post_2_valid   <= post_1_valid;
            post_4_valid   <= post_2_valid;
        end
    end

    wire [31:0] multiplier;
    delay #(
        .WIDTH (32),
        .STAGES(6)
    ) multiplier_delay (
        .clk(clk),
        .rst(rst),
        .in (param_multiplier),
        .out(multiplier)
    );

    wire [5:0] shift;
    delay #(
        .WIDTH (6),
        .STAGES(7)
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
        .STAGES(8)
    ) range_delay (
        .clk(clk),
        .rst(rst),
        .in ({param_zero_point, param_low, param_high}),
        .out({zero_point, low, high})
    );

    requantize_multiply_shift #(
        .ACC_WIDTH(32)
    ) requantizer (
        .clk         (clk),
        .rst         (rst),
        .acc_valid   (post_0_valid),
        .post_0_valid(post_1_valid),
        .post_1_valid(post_2_valid),
        .acc         (post_0),
        .multiplier  (multiplier),
        .shift       (shift),
        .zero_point  (zero_point),
        .low         (low),
        .high        (high),
        .post_0      (post_1),
        .post_1      (post_2),
        .post_3      (post_4)
    );

    assign out_valid = post_4_valid;
    assign out_data  = post_4_valid ? post_4 : 8'd0;
endmodule
