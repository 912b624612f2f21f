// ws8x8_bcast_s8_acc24_mem32: a weight-stationary array of ROWS × COLUMNS elements whose sums meet in a memory. All
// elements of a row see the same activation in the same clock; triangular registers delay row i by i clocks; sums travel
// down and are added to a word per position. Weights are loaded a row at a time into w_next, and in_switch moves all of
// them into w at once.
//
//                                 0                 0
//   in_activation[0] ──[ a ]──▶ × w0,0 + ──[ a ]──▶ × w0,1 + ──▶
//                               [acc]              [acc]
//   in_activation[1] ─[skew]─▶  × w1,0 + ────────▶ × w1,1 + ──▶
//                               [acc]              [acc]
//                          column's words     column's words, requantisers ──▶ out_data
//
// What a vector says of its words, and its parameters, travel beside it.
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R5, R7, R8, R9.
//
// With one row there is nothing to skew: that port is then one unused word wide and 0.
module ws8x8_bcast_s8_acc24_mem32 #(
    parameter ACC_WIDTH = 24,
    parameter ROWS      = 8,
    parameter COLUMNS   = 8
) (
    input wire clk,
    input wire rst,

    input wire                                        in_valid,
    input wire [                          ROWS*8-1:0] in_activation,
    input wire [                       COLUMNS*8-1:0] in_weight,
    input wire                                        in_accumulate,
    input wire                                        in_output,
    input wire [                                 7:0] in_address,
    input wire                                        in_load,
    input wire [((ROWS > 1) ? $clog2(ROWS) : 1) - 1:0] in_load_row,
    input wire                                        in_switch,

    input wire [COLUMNS*32-1:0] param_bias,
    input wire [ COLUMNS*5-1:0] param_shift,

    output wire [((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)*8-1:0] skew_a,
    output wire [  ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)-1:0] skew_valid,

    output reg [        ROWS*COLUMNS*8-1:0] pe_a,
    output reg [          ROWS*COLUMNS-1:0] pe_valid,
    output reg [        ROWS*COLUMNS*8-1:0] pe_w,
    output reg [        ROWS*COLUMNS*8-1:0] pe_w_next,
    output reg [ROWS*COLUMNS*ACC_WIDTH-1:0] pe_acc,
    output reg                              pe_done,

    output wire [COLUMNS*32-1:0] memory_out,
    output reg                   memory_out_valid,
    output wire [COLUMNS*32-1:0] post_0,
    output reg                   post_0_valid,
    output wire [ COLUMNS*8-1:0] post_1,
    output reg                   post_1_valid,

    output wire                 out_valid,
    output wire [COLUMNS*8-1:0] out_data
);
    wire [ROWS*8-1:0] edge_a;
    wire [ROWS-1:0] edge_valid;

    assign edge_a[7:0] = in_activation[7:0];
    assign edge_valid[0] = in_valid;

    genvar i;
    genvar j;
    generate
        if (ROWS == 1) begin : g_no_row_skew
            assign skew_a     = 8'd0;
            assign skew_valid = 1'b0;
        end
        for (i = 1; i < ROWS; i = i + 1) begin : g_row_skew
            skew_line #(
                .WIDTH (8),
                .STAGES(i)
            ) line_a (
                .clk   (clk),
                .rst   (rst),
                .in    (in_activation[i*8+:8]),
                .stages(skew_a[(i*(i-1)/2)*8+:i*8]),
                .out   (edge_a[i*8+:8])
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
        end

        for (i = 0; i < ROWS; i = i + 1) begin : g_row
            for (j = 0; j < COLUMNS; j = j + 1) begin : g_column
                localparam PE = i * COLUMNS + j;

                reg [7:0] a;
                reg valid;
                reg [7:0] w;
                reg [7:0] w_next;
                reg [ACC_WIDTH-1:0] acc;
                wire [ACC_WIDTH-1:0] above;
                if (i == 0) begin : g_top
                    assign above = {ACC_WIDTH{1'b0}};
                end else begin : g_below
                    assign above = g_row[i-1].g_column[j].acc;
                end

                wire [15:0] product;
                multiply_exact #(
                    .A_WIDTH(8),
                    .B_WIDTH(8)
                ) multiply (
                    .a      (a),
                    .b      (w),
                    .product(product)
                );
                wire [ACC_WIDTH-1:0] added;
                fitted_add #(
                    .A_WIDTH  (ACC_WIDTH),
                    .B_WIDTH  (16),
                    .OUT_WIDTH(ACC_WIDTH),
                    .SATURATE (0)
                ) add (
                    .a  (above),
                    .b  (product),
                    .sum(added)
                );

                always @(posedge clk) begin
                    if (rst) begin
                        a      <= 8'd0;
                        valid  <= 1'b0;
                        w      <= 8'd0;
                        w_next <= 8'd0;
                        acc    <= {ACC_WIDTH{1'b0}};
                    end else begin
                        a     <= edge_a[i*8+:8];
                        valid <= edge_valid[i];
                        if (in_switch) w <= w_next;
                        if (in_load && in_load_row == i) w_next <= in_weight[j*8+:8];
                        acc <= valid ? added : above;
                    end
                end

                // The ports only show the registers. Neighbours read each other's own nets, because an
                // event-driven simulator visits every reader of a wide vector when one slice of it changes.
                always @(*) begin
                    pe_a[PE*8+:8]                   = a;
                    pe_valid[PE]                    = valid;
                    pe_w[PE*8+:8]                   = w;
                    pe_w_next[PE*8+:8]              = w_next;
                    pe_acc[PE*ACC_WIDTH+:ACC_WIDTH] = acc;
                end
            end
        end
    endgenerate

    // One register of the first row's element, one a row.
    wire accumulate;
    wire leaves;
    wire [7:0] address;
    delay #(
        .WIDTH (10),
        .STAGES(ROWS + 1)
    ) line_visit (
        .clk(clk),
        .rst(rst),
        .in ({in_accumulate, in_output, in_address}),
        .out({accumulate, leaves, address})
    );

    generate
        for (j = 0; j < COLUMNS; j = j + 1) begin : g_words
            // Behind the memory's register, and behind the one of post_0.
            wire [31:0] bias;
            delay #(
                .WIDTH (32),
                .STAGES(ROWS + 2)
            ) line_bias (
                .clk(clk),
                .rst(rst),
                .in (param_bias[j*32+:32]),
                .out(bias)
            );
            wire [4:0] shift;
            delay #(
                .WIDTH (5),
                .STAGES(ROWS + 3)
            ) line_shift (
                .clk(clk),
                .rst(rst),
                .in (param_shift[j*5+:5]),
                .out(shift)
            );

            ws8x8_bcast_column #(
                .ACC_WIDTH(ACC_WIDTH)
            ) column (
                .clk             (clk),
                .rst             (rst),
                .sum_valid       (pe_done),
                .accumulate      (accumulate),
                .leaves          (leaves),
                .address         (address),
                .sum             (g_row[ROWS-1].g_column[j].acc),
                .memory_out_valid(memory_out_valid),
                .post_0_valid    (post_0_valid),
                .bias            (bias),
                .shift           (shift),
                .memory_out      (memory_out[j*32+:32]),
                .post_0          (post_0[j*32+:32]),
                .post_1          (post_1[j*8+:8])
            );
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            pe_done          <= 1'b0;
            memory_out_valid <= 1'b0;
            post_0_valid     <= 1'b0;
            post_1_valid     <= 1'b0;
        end else begin
            pe_done          <= g_row[ROWS-1].g_column[0].valid;
            memory_out_valid <= pe_done && leaves;
            post_0_valid     <= memory_out_valid;
            post_1_valid     <= post_0_valid;
        end
    end

    assign out_valid = post_1_valid;
    assign out_data  = post_1_valid ? post_1 : {(COLUMNS * 8) {1'b0}};
endmodule
