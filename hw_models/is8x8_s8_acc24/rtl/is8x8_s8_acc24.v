// is8x8_s8_acc24: an input-stationary array of ROWS × COLUMNS elements. Activations stay, weights and controls travel
// right, sums travel down from the bias through a register in front of every row but the first. The host delays row i by
// i clocks, and column j's sums leave j clocks later than column 0's, each with its own valid bit.
//
//                          in_activation[0]  in_activation[1]      while in_load: into row in_load_row
//                               bias              bias
//                                │                 │
//   in_weight[0], valid[0] ──▶ PE 0,0 ─────────▶ PE 0,1 ──▶
//                              [pe_acc]          [pe_acc]
//   in_weight[1], valid[1] ──▶ PE 1,0 ─────────▶ PE 1,1 ──▶
//                                │                 │
//                            requantiser       requantiser  ──▶ out_data[0], [1], …
//
// A vector is an output channel: its parameters come with it and travel beside it.
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R7, R8, R9.
//
// With one row there is no register between rows: pe_acc is then one unused row and 0.
module is8x8_s8_acc24 #(
    parameter ACC_WIDTH = 24,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8,
    parameter ROWS      = 8,
    parameter COLUMNS   = 8
) (
    input wire clk,
    input wire rst,

    input wire [                              ROWS-1:0] in_valid,
    input wire [                 COLUMNS*ACT_WIDTH-1:0] in_activation,
    input wire [                    ROWS*WGT_WIDTH-1:0] in_weight,
    input wire                                          in_load,
    input wire [((ROWS > 1) ? $clog2(ROWS) : 1) - 1:0] in_load_row,

    input wire [31:0] param_bias,
    input wire [31:0] param_multiplier,
    input wire [ 5:0] param_shift,
    input wire [ 7:0] param_zero_point,
    input wire [ 7:0] param_low,
    input wire [ 7:0] param_high,

    output reg [            ROWS*COLUMNS*WGT_WIDTH-1:0] pe_w,
    output reg [                      ROWS*COLUMNS-1:0] pe_valid,
    output reg [            ROWS*COLUMNS*ACT_WIDTH-1:0] pe_a,
    output reg [ROWS*COLUMNS*(ACT_WIDTH+WGT_WIDTH)-1:0] pe_product,
    output reg [                      ROWS*COLUMNS-1:0] pe_product_valid,

    output wire [((ROWS > 1) ? ROWS-1 : 1)*COLUMNS*ACC_WIDTH-1:0] pe_acc,

    output wire [COLUMNS*(ACC_WIDTH+32)-1:0] post_0,
    output reg  [               COLUMNS-1:0] post_0_valid,
    output wire [            COLUMNS*32-1:0] post_1,
    output reg  [               COLUMNS-1:0] post_1_valid,
    output wire [             COLUMNS*8-1:0] post_3,
    output reg  [               COLUMNS-1:0] post_3_valid,

    output wire [  COLUMNS-1:0] out_valid,
    output wire [COLUMNS*8-1:0] out_data
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;
    localparam SCALED_WIDTH = ACC_WIDTH + 32;

    genvar i;
    genvar j;
    generate
        if (ROWS == 1) begin : g_no_register
            assign pe_acc = {(COLUMNS * ACC_WIDTH) {1'b0}};
        end

        for (j = 0; j < COLUMNS; j = j + 1) begin : g_start
            // The bias enters the column when its vector's product is at PE 0,j.
            wire [31:0] arrived;
            delay #(
                .WIDTH (32),
                .STAGES(j + 2)
            ) line_bias (
                .clk(clk),
                .rst(rst),
                .in (param_bias),
                .out(arrived)
            );
            wire [ACC_WIDTH-1:0] start;
            fit_signed #(
                .IN_WIDTH (32),
                .OUT_WIDTH(ACC_WIDTH),
                .SATURATE (0)
            ) fit_bias (
                .value (arrived),
                .fitted(start)
            );
        end

        for (i = 0; i < ROWS; i = i + 1) begin : g_row
            for (j = 0; j < COLUMNS; j = j + 1) begin : g_column
                localparam PE = i * COLUMNS + j;

                // This element's registers, and what its neighbours or the array's edge feed it.
                wire [ACT_WIDTH-1:0] a;
                wire [WGT_WIDTH-1:0] w;
                wire valid;
                wire [PRODUCT_WIDTH-1:0] product;
                wire product_valid;
                wire [ACC_WIDTH-1:0] sum;
                wire [WGT_WIDTH-1:0] next_w;
                wire next_valid;
                wire [ACC_WIDTH-1:0] above;
                if (j == 0) begin : g_left_edge
                    assign next_w     = in_weight[i*WGT_WIDTH+:WGT_WIDTH];
                    assign next_valid = in_valid[i];
                end else begin : g_from_left
                    assign next_w     = g_row[i].g_column[j-1].w;
                    assign next_valid = g_row[i].g_column[j-1].valid;
                end
                if (i == 0) begin : g_top_edge
                    assign above = product_valid ? g_start[j].start : {ACC_WIDTH{1'b0}};
                end else begin : g_from_above
                    reg [ACC_WIDTH-1:0] acc;
                    always @(posedge clk) begin
                        if (rst) acc <= {ACC_WIDTH{1'b0}};
                        else acc <= g_row[i-1].g_column[j].sum;
                    end
                    assign above = acc;
                    assign pe_acc[((i-1)*COLUMNS+j)*ACC_WIDTH+:ACC_WIDTH] = acc;
                end

                is8x8_pe #(
                    .ACC_WIDTH(ACC_WIDTH),
                    .ACT_WIDTH(ACT_WIDTH),
                    .WGT_WIDTH(WGT_WIDTH)
                ) pe (
                    .clk          (clk),
                    .rst          (rst),
                    .load         (in_load && in_load_row == i),
                    .in_a         (in_activation[j*ACT_WIDTH+:ACT_WIDTH]),
                    .in_valid     (next_valid),
                    .in_w         (next_w),
                    .above        (above),
                    .a            (a),
                    .w            (w),
                    .valid        (valid),
                    .product      (product),
                    .product_valid(product_valid),
                    .sum          (sum)
                );

                // The ports only show the registers. Neighbours read each other's own nets, because an
                // event-driven simulator visits every reader of a wide vector when one slice of it changes.
                always @(*) begin
                    pe_w[PE*WGT_WIDTH+:WGT_WIDTH]               = w;
                    pe_valid[PE]                                = valid;
                    pe_a[PE*ACT_WIDTH+:ACT_WIDTH]               = a;
                    pe_product[PE*PRODUCT_WIDTH+:PRODUCT_WIDTH] = product;
                    pe_product_valid[PE]                        = product_valid;
                end
            end
        end

        for (j = 0; j < COLUMNS; j = j + 1) begin : g_requantizer
            // Both come down with their vector: two registers of the element, one a row, one a column; the count meets
            // the product one register later.
            wire [31:0] multiplier;
            delay #(
                .WIDTH (32),
                .STAGES(ROWS + 1 + j)
            ) line_multiplier (
                .clk(clk),
                .rst(rst),
                .in (param_multiplier),
                .out(multiplier)
            );
            wire [5:0] shift;
            delay #(
                .WIDTH (6),
                .STAGES(ROWS + 2 + j)
            ) line_shift (
                .clk(clk),
                .rst(rst),
                .in (param_shift),
                .out(shift)
            );
            wire leaves = g_row[ROWS-1].g_column[j].product_valid;

            requantize_multiply_shift #(
                .ACC_WIDTH(ACC_WIDTH)
            ) requantizer (
                .clk         (clk),
                .rst         (rst),
                .acc_valid   (leaves),
                .post_0_valid(post_0_valid[j]),
                .post_1_valid(post_1_valid[j]),
                .acc         (g_row[ROWS-1].g_column[j].sum),
                .multiplier  (multiplier),
                .shift       (shift),
                .zero_point  (param_zero_point),
                .low         (param_low),
                .high        (param_high),
                .post_0      (post_0[j*SCALED_WIDTH+:SCALED_WIDTH]),
                .post_1      (post_1[j*32+:32]),
                .post_3      (post_3[j*8+:8])
            );

            always @(posedge clk) begin
                if (rst) begin
                    post_0_valid[j] <= 1'b0;
                    post_1_valid[j] <= 1'b0;
                    post_3_valid[j] <= 1'b0;
                end else begin
                    post_0_valid[j] <= leaves;
                    post_1_valid[j] <= post_0_valid[j];
                    post_3_valid[j] <= post_1_valid[j];
                end
            end
            assign out_valid[j] = post_3_valid[j];
            assign out_data[j*8+:8] = post_3_valid[j] ? post_3[j*8+:8] : 8'd0;
        end
    endgenerate
endmodule
