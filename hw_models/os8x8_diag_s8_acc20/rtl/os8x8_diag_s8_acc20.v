// os8x8_diag_s8_acc20: an output-stationary array of ROWS × COLUMNS multiply-accumulate elements. Activations and controls
// travel right, weights travel down, sums stay. A row's elements finish one clock after the other, and each sum leaves by the
// row's own register the clock after: an anti-diagonal of the tile a clock, while the next tile is under way. The host delays
// row i and column j by i and j clocks.
//
//              in_weight[0]   in_weight[1]
//                   │              │
//   in_act[0] ──▶ PE 0,0 ──────▶ PE 0,1 ──▶        the one of the row that is done ──[ drain 0 ]── out_data[0]
//                   │              │
//   in_act[1] ──▶ PE 1,0 ──────▶ PE 1,1 ──▶                                          [ drain 1 ]── out_data[1]
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4.
module os8x8_diag_s8_acc20 #(
    parameter ACC_WIDTH = 20,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8,
    parameter ROWS      = 8,
    parameter COLUMNS   = 8
) (
    input wire clk,
    input wire rst,

    input wire [             ROWS-1:0] in_valid,
    input wire [             ROWS-1:0] in_first,
    input wire [             ROWS-1:0] in_last,
    input wire [   ROWS*ACT_WIDTH-1:0] in_activation,
    input wire [COLUMNS*WGT_WIDTH-1:0] in_weight,

    output reg [            ROWS*COLUMNS*ACT_WIDTH-1:0] pe_a,
    output reg [            ROWS*COLUMNS*WGT_WIDTH-1:0] pe_w,
    output reg [                      ROWS*COLUMNS-1:0] pe_valid,
    output reg [                      ROWS*COLUMNS-1:0] pe_first,
    output reg [                      ROWS*COLUMNS-1:0] pe_last,
    output reg [ROWS*COLUMNS*(ACT_WIDTH+WGT_WIDTH)-1:0] pe_product,
    output reg [                      ROWS*COLUMNS-1:0] pe_product_valid,
    output reg [                      ROWS*COLUMNS-1:0] pe_product_first,
    output reg [                      ROWS*COLUMNS-1:0] pe_product_last,
    output reg [            ROWS*COLUMNS*ACC_WIDTH-1:0] pe_acc,
    output reg [                      ROWS*COLUMNS-1:0] pe_done,

    output reg [ROWS*ACC_WIDTH-1:0] drain,
    output reg [          ROWS-1:0] drain_valid,

    output wire [          ROWS-1:0] out_valid,
    output reg  [ROWS*ACC_WIDTH-1:0] out_data
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;

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
                wire last;
                wire [PRODUCT_WIDTH-1:0] product;
                wire product_valid;
                wire product_first;
                wire product_last;
                wire [ACC_WIDTH-1:0] acc;
                wire done;
                wire [ACT_WIDTH-1:0] next_a;
                wire [WGT_WIDTH-1:0] next_w;
                wire next_valid;
                wire next_first;
                wire next_last;
                // The row's finished sum, of the elements up to here: at most one of them is done.
                wire [ACC_WIDTH-1:0] leaving;
                wire leaves;
                if (j == 0) begin : g_left_edge
                    assign next_a     = in_activation[i*ACT_WIDTH+:ACT_WIDTH];
                    assign next_valid = in_valid[i];
                    assign next_first = in_first[i];
                    assign next_last  = in_last[i];
                    assign leaving    = acc;
                    assign leaves     = done;
                end else begin : g_from_left
                    assign next_a     = g_row[i].g_column[j-1].a;
                    assign next_valid = g_row[i].g_column[j-1].valid;
                    assign next_first = g_row[i].g_column[j-1].first;
                    assign next_last  = g_row[i].g_column[j-1].last;
                    assign leaving    = done ? acc : g_row[i].g_column[j-1].leaving;
                    assign leaves     = done || g_row[i].g_column[j-1].leaves;
                end
                if (i == 0) begin : g_top_edge
                    assign next_w = in_weight[j*WGT_WIDTH+:WGT_WIDTH];
                end else begin : g_from_above
                    assign next_w = g_row[i-1].g_column[j].w;
                end

                os8x8_diag_pe #(
                    .ACC_WIDTH(ACC_WIDTH),
                    .ACT_WIDTH(ACT_WIDTH),
                    .WGT_WIDTH(WGT_WIDTH)
                ) pe (
                    .clk          (clk),
                    .rst          (rst),
                    .in_valid     (next_valid),
                    .in_first     (next_first),
                    .in_last      (next_last),
                    .in_a         (next_a),
                    .in_w         (next_w),
                    .a            (a),
                    .w            (w),
                    .valid        (valid),
                    .first        (first),
                    .last         (last),
                    .product      (product),
                    .product_valid(product_valid),
                    .product_first(product_first),
                    .product_last (product_last),
                    .acc          (acc),
                    .done         (done)
                );

                // The ports only show the registers. Neighbours read each other's own nets, because an
                // event-driven simulator visits every reader of a wide vector when one slice of it changes.
                always @(*) begin
                    pe_a[PE*ACT_WIDTH+:ACT_WIDTH]               = a;
                    pe_w[PE*WGT_WIDTH+:WGT_WIDTH]               = w;
                    pe_valid[PE]                                = valid;
                    pe_first[PE]                                = first;
                    pe_last[PE]                                 = last;
                    pe_product[PE*PRODUCT_WIDTH+:PRODUCT_WIDTH] = product;
                    pe_product_valid[PE]                        = product_valid;
                    pe_product_first[PE]                        = product_first;
                    pe_product_last[PE]                         = product_last;
                    pe_acc[PE*ACC_WIDTH+:ACC_WIDTH]             = acc;
                    pe_done[PE]                                 = done;
                end
            end

            always @(posedge clk) begin
                if (rst) begin
                    drain[i*ACC_WIDTH+:ACC_WIDTH] <= {ACC_WIDTH{1'b0}};
                    drain_valid[i]                <= 1'b0;
                end else begin
                    if (g_row[i].g_column[COLUMNS-1].leaves)
                        drain[i*ACC_WIDTH+:ACC_WIDTH] <= g_row[i].g_column[COLUMNS-1].leaving;
                    drain_valid[i] <= g_row[i].g_column[COLUMNS-1].leaves;
                end
            end

            always @(*) begin
                out_data[i*ACC_WIDTH+:ACC_WIDTH] =
                    drain_valid[i] ? drain[i*ACC_WIDTH+:ACC_WIDTH] : {ACC_WIDTH{1'b0}};
            end
        end
    endgenerate

    assign out_valid = drain_valid;
endmodule
