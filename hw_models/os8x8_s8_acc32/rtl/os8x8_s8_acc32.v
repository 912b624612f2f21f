// os8x8_s8_acc32: an output-stationary array of ROWS × COLUMNS multiply-accumulate elements. Activations and
// controls travel right, weights travel down, sums stay; a finished tile is drained down the columns, last
// row first, through one requantiser per column. The host delays row i and column j by i and j clocks.
//
//              in_weight[0]   in_weight[1]
//                   │              │
//   in_act[0] ──▶ PE 0,0 ──────▶ PE 0,1 ──▶
//                   │              │
//   in_act[1] ──▶ PE 1,0 ──────▶ PE 1,1 ──▶
//                   │ acc          │ acc         on in_drain
//              requantiser    requantiser ──▶ out_data
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R7, R8, R9.
module os8x8_s8_acc32 #(
    parameter ACC_WIDTH = 32,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8,
    parameter ROWS      = 8,
    parameter COLUMNS   = 8
) (
    input wire clk,
    input wire rst,

    input wire [             ROWS-1:0] in_valid,
    input wire [             ROWS-1:0] in_first,
    input wire [   ROWS*ACT_WIDTH-1:0] in_activation,
    input wire [COLUMNS*WGT_WIDTH-1:0] in_weight,
    input wire                         in_drain,

    input wire [COLUMNS*32-1:0] param_bias,
    input wire [COLUMNS*32-1:0] param_multiplier,
    input wire [ COLUMNS*6-1:0] param_shift,
    input wire [           7:0] param_zero_point,
    input wire [           7:0] param_low,
    input wire [           7:0] param_high,

    output reg  [            ROWS*COLUMNS*ACT_WIDTH-1:0] pe_a,
    output reg  [            ROWS*COLUMNS*WGT_WIDTH-1:0] pe_w,
    output reg  [                      ROWS*COLUMNS-1:0] pe_valid,
    output reg  [                      ROWS*COLUMNS-1:0] pe_first,
    output reg  [ROWS*COLUMNS*(ACT_WIDTH+WGT_WIDTH)-1:0] pe_product,
    output reg  [                      ROWS*COLUMNS-1:0] pe_product_valid,
    output reg  [                      ROWS*COLUMNS-1:0] pe_product_first,
    output reg  [            ROWS*COLUMNS*ACC_WIDTH-1:0] pe_acc,

    output wire [COLUMNS*(ACC_WIDTH+32)-1:0] post_0,
    output reg                               post_0_valid,
    output wire [            COLUMNS*32-1:0] post_1,
    output reg                               post_1_valid,
    output wire [             COLUMNS*8-1:0] post_3,
    output reg                               post_3_valid,

    output wire                 out_valid,
    output wire [COLUMNS*8-1:0] out_data
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;
    localparam SCALED_WIDTH = ACC_WIDTH + 32;

    // The host holds the parameters still for a whole tile, so nothing delays them here.
    wire [COLUMNS*ACC_WIDTH-1:0] start;

    genvar i;
    genvar j;
    generate
        for (i = 0; i < ROWS; i = i + 1) begin : g_row
            for (j = 0; j < COLUMNS; j = j + 1) begin : g_column
                localparam PE = i * COLUMNS + j;

                // This element's registers, and what its neighbours or the array's edge feed it.
                wire [ACT_WIDTH-1:0] a;
                wire [WGT_WIDTH-1:0] w;
                wire valid;
                wire first;
                wire [PRODUCT_WIDTH-1:0] product;
                wire product_valid;
                wire product_first;
                wire [ACC_WIDTH-1:0] acc;
                wire [ACT_WIDTH-1:0] next_a;
                wire [WGT_WIDTH-1:0] next_w;
                wire next_valid;
                wire next_first;
                wire [ACC_WIDTH-1:0] above;
                if (j == 0) begin : g_left_edge
                    assign next_a     = in_activation[i*ACT_WIDTH+:ACT_WIDTH];
                    assign next_valid = in_valid[i];
                    assign next_first = in_first[i];
                end else begin : g_from_left
                    assign next_a     = g_row[i].g_column[j-1].a;
                    assign next_valid = g_row[i].g_column[j-1].valid;
                    assign next_first = g_row[i].g_column[j-1].first;
                end
                if (i == 0) begin : g_top_edge
                    assign next_w = in_weight[j*WGT_WIDTH+:WGT_WIDTH];
                    assign above  = {ACC_WIDTH{1'b0}};
                end else begin : g_from_above
                    assign next_w = g_row[i-1].g_column[j].w;
                    assign above  = g_row[i-1].g_column[j].acc;
                end

                os8x8_pe #(
                    .ACC_WIDTH(ACC_WIDTH),
                    .ACT_WIDTH(ACT_WIDTH),
                    .WGT_WIDTH(WGT_WIDTH)
                ) pe (
                    .clk          (clk),
                    .rst          (rst),
                    .drain        (in_drain),
                    .in_valid     (next_valid),
                    .in_first     (next_first),
                    .in_a         (next_a),
                    .in_w         (next_w),
                    .start        (start[j*ACC_WIDTH+:ACC_WIDTH]),
                    .above        (above),
                    .a            (a),
                    .w            (w),
                    .valid        (valid),
                    .first        (first),
                    .product      (product),
                    .product_valid(product_valid),
                    .product_first(product_first),
                    .acc          (acc)
                );

                // The ports only show the registers. Neighbours read each other's own nets, because an
                // event-driven simulator visits every reader of a wide vector when one slice of it changes.
                always @(*) begin
                    pe_a[PE*ACT_WIDTH+:ACT_WIDTH]               = a;
                    pe_w[PE*WGT_WIDTH+:WGT_WIDTH]               = w;
                    pe_valid[PE]                                = valid;
                    pe_first[PE]                                = first;
                    pe_product[PE*PRODUCT_WIDTH+:PRODUCT_WIDTH] = product;
                    pe_product_valid[PE]                        = product_valid;
                    pe_product_first[PE]                        = product_first;
                    pe_acc[PE*ACC_WIDTH+:ACC_WIDTH]             = acc;
                end
            end
        end
    endgenerate

    generate
        for (j = 0; j < COLUMNS; j = j + 1) begin : g_requantizer
            fit_signed #(
                .IN_WIDTH (32),
                .OUT_WIDTH(ACC_WIDTH),
                .SATURATE (0)
            ) fit_bias (
                .value (param_bias[j*32+:32]),
                .fitted(start[j*ACC_WIDTH+:ACC_WIDTH])
            );

            requantize_multiply_shift #(
                .ACC_WIDTH(ACC_WIDTH)
            ) requantizer (
                .clk         (clk),
                .rst         (rst),
                .acc_valid   (in_drain),
                .post_0_valid(post_0_valid),
                .post_1_valid(post_1_valid),
                .acc         (g_row[ROWS-1].g_column[j].acc),
                .multiplier  (param_multiplier[j*32+:32]),
                .shift       (param_shift[j*6+:6]),
                .zero_point  (param_zero_point),
                .low         (param_low),
                .high        (param_high),
                .post_0      (post_0[j*SCALED_WIDTH+:SCALED_WIDTH]),
                .post_1      (post_1[j*32+:32]),
                .post_3      (post_3[j*8+:8])
            );
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            post_0_valid <= 1'b0;
            post_1_valid <= 1'b0;
            post_3_valid <= 1'b0;
        end else begin
            post_0_valid <= in_drain;
            post_1_valid <= post_0_valid;
            post_3_valid <= post_1_valid;
        end
    end

    assign out_valid = post_3_valid;
    assign out_data  = post_3_valid ? post_3 : {(COLUMNS * 8) {1'b0}};
endmodule
