// os4x2_l4_s8_acc32: an output-stationary array of ROWS × COLUMNS elements of four lanes. All columns of a row see the same
// activations in the same clock, weights travel down; triangular registers delay row i by i clocks. A finished tile is
// drained down the columns, last row first, through one register and one requantiser per column.
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R5, R7, R8, R9.
//
// With one row there is nothing to skew: that port is then one unused row wide and 0.
module os4x2_l4_s8_acc32 #(
    parameter ACC_WIDTH = 32,
    parameter ROWS      = 4,
    parameter COLUMNS   = 2
) (
    input wire clk,
    input wire rst,

    input wire                  in_valid,
    input wire                  in_first,
    input wire [   ROWS*32-1:0] in_activation,
    input wire [COLUMNS*32-1:0] in_weight,
    input wire                  in_drain,

    input wire [COLUMNS*32-1:0] param_bias,
    input wire [ COLUMNS*5-1:0] param_shift,

    output wire [((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)*32-1:0] skew_a,
    output wire [   ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)-1:0] skew_valid,
    output wire [   ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)-1:0] skew_first,

    output reg [       ROWS*COLUMNS*32-1:0] pe_w,
    output reg [       ROWS*COLUMNS*64-1:0] pe_product,
    output reg [          ROWS*COLUMNS-1:0] pe_product_valid,
    output reg [          ROWS*COLUMNS-1:0] pe_product_first,
    output reg [       ROWS*COLUMNS*18-1:0] reduce_1,
    output reg [          ROWS*COLUMNS-1:0] reduce_1_valid,
    output reg [          ROWS*COLUMNS-1:0] reduce_1_first,
    output reg [ROWS*COLUMNS*ACC_WIDTH-1:0] pe_acc,

    output reg [COLUMNS*ACC_WIDTH-1:0] drain,
    output reg                         drain_valid,

    output wire [COLUMNS*8-1:0] post_0,
    output reg                  post_0_valid,

    output wire                 out_valid,
    output wire [COLUMNS*8-1:0] out_data
);
    // What each row sees, behind the skew registers.
    wire [ROWS*32-1:0] edge_a;
    wire [ROWS-1:0] edge_valid;
    wire [ROWS-1:0] edge_first;
    // The host holds the parameters still for a whole tile, so nothing delays them here.
    wire [COLUMNS*ACC_WIDTH-1:0] start;

    assign edge_a[31:0] = in_activation[31:0];
    assign edge_valid[0] = in_valid;
    assign edge_first[0] = in_first;

    genvar i;
    genvar j;
    generate
        if (ROWS == 1) begin : g_no_row_skew
            assign skew_a     = 32'd0;
            assign skew_valid = 1'b0;
            assign skew_first = 1'b0;
        end
        for (i = 1; i < ROWS; i = i + 1) begin : g_row_skew
            skew_line #(
                .WIDTH (32),
                .STAGES(i)
            ) line_a (
                .clk   (clk),
                .rst   (rst),
                .in    (in_activation[i*32+:32]),
                .stages(skew_a[(i*(i-1)/2)*32+:i*32]),
                .out   (edge_a[i*32+:32])
            );
            skew_line #(
                .WIDTH (1),
                .STAGES(i)
            ) line_valid (
                .clk   (clk),
                .rst   (rst),
                .in    (in_valid),
                .stages(skew_valid[i*(i-1)/2+:i]),
                .out   (edge_valid[i])
            );
            skew_line #(
                .WIDTH (1),
                .STAGES(i)
            ) line_first (
                .clk   (clk),
                .rst   (rst),
                .in    (in_first),
                .stages(skew_first[i*(i-1)/2+:i]),
                .out   (edge_first[i])
            );
        end

        for (i = 0; i < ROWS; i = i + 1) begin : g_row
            for (j = 0; j < COLUMNS; j = j + 1) begin : g_column
                localparam PE = i * COLUMNS + j;

                wire [31:0] next_w;
                reg [31:0] w;
                wire [ACC_WIDTH-1:0] above;
                wire [63:0] product;
                wire product_valid;
                wire product_first;
                wire [17:0] sum;
                wire sum_valid;
                wire sum_first;
                wire [ACC_WIDTH-1:0] acc;
                if (i == 0) begin : g_top_edge
                    assign next_w = in_weight[j*32+:32];
                    assign above  = {ACC_WIDTH{1'b0}};
                end else begin : g_from_above
                    assign next_w = g_row[i-1].g_column[j].w;
                    assign above  = g_row[i-1].g_column[j].acc;
                end

                always @(posedge clk) begin
                    if (rst) w <= 32'd0;
                    else w <= next_w;
                end

                os4x2_l4_pe #(
                    .ACC_WIDTH(ACC_WIDTH)
                ) pe (
                    .clk          (clk),
                    .rst          (rst),
                    .drain        (in_drain),
                    .valid        (edge_valid[i]),
                    .first        (edge_first[i]),
                    .a            (edge_a[i*32+:32]),
                    .w            (next_w),
                    .start        (start[j*ACC_WIDTH+:ACC_WIDTH]),
                    .above        (above),
                    .product      (product),
                    .product_valid(product_valid),
                    .product_first(product_first),
                    .sum          (sum),
                    .sum_valid    (sum_valid),
                    .sum_first    (sum_first),
                    .acc          (acc)
                );

                // The ports only show the registers. Neighbours read each other's own nets, because an
                // event-driven simulator visits every reader of a wide vector when one slice of it changes.
                always @(*) begin
                    pe_w[PE*32+:32]                 = w;
                    pe_product[PE*64+:64]           = product;
                    pe_product_valid[PE]            = product_valid;
                    pe_product_first[PE]            = product_first;
                    reduce_1[PE*18+:18]             = sum;
                    reduce_1_valid[PE]              = sum_valid;
                    reduce_1_first[PE]              = sum_first;
                    pe_acc[PE*ACC_WIDTH+:ACC_WIDTH] = acc;
                end
            end
        end

        for (j = 0; j < COLUMNS; j = j + 1) begin : g_requantizer
            always @(posedge clk) begin
                if (rst) drain[j*ACC_WIDTH+:ACC_WIDTH] <= {ACC_WIDTH{1'b0}};
                else if (in_drain) drain[j*ACC_WIDTH+:ACC_WIDTH] <= g_row[ROWS-1].g_column[j].acc;
            end

            fit_signed #(
                .IN_WIDTH (32),
                .OUT_WIDTH(ACC_WIDTH),
                .SATURATE (0)
            ) fit_bias (
                .value (param_bias[j*32+:32]),
                .fitted(start[j*ACC_WIDTH+:ACC_WIDTH])
            );

            os4x2_l4_requantizer #(
                .ACC_WIDTH(ACC_WIDTH)
            ) requantizer (
                .clk      (clk),
                .rst      (rst),
                .acc_valid(drain_valid),
                .acc      (drain[j*ACC_WIDTH+:ACC_WIDTH]),
                .shift    (param_shift[j*5+:5]),
                .post_0   (post_0[j*8+:8])
            );
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            drain_valid  <= 1'b0;
            post_0_valid <= 1'b0;
        end else begin
            drain_valid  <= in_drain;
            post_0_valid <= drain_valid;
        end
    end

    assign out_valid = post_0_valid;
    assign out_data  = post_0_valid ? post_0 : {(COLUMNS * 8) {1'b0}};
endmodule
