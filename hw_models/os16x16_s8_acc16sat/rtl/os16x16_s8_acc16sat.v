// os16x16_s8_acc16sat: an output-stationary array of ROWS × COLUMNS multiply-accumulate elements that
// saturate at every step. Activations and controls travel right, weights travel down, sums stay; a finished
// tile is drained down the columns, last row first, through one requantiser per column. Triangular buffers
// inside delay row i and column j by i and j clocks, so the host feeds a whole beat at once.
//
//                              in_weight[0]   in_weight[1]
//                                   │           [skew_w]
//   in_activation[0] ─────────────▶ PE 0,0 ──────▶ PE 0,1 ──▶
//                                   │              │
//   in_activation[1] ──[skew_a]───▶ PE 1,0 ──────▶ PE 1,1 ──▶
//                                   │ acc          │ acc         on in_drain
//                              requantiser    requantiser ──▶ out_data
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R5, R7, R8, R9.
//
// With one row (or column) there is nothing to skew: that port is then one unused word wide and 0.
module os16x16_s8_acc16sat #(
    parameter ACC_WIDTH = 16,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8,
    parameter ROWS      = 16,
    parameter COLUMNS   = 16
) (
    input wire clk,
    input wire rst,

    input wire                         in_valid,
    input wire                         in_first,
    input wire [   ROWS*ACT_WIDTH-1:0] in_activation,
    input wire [COLUMNS*WGT_WIDTH-1:0] in_weight,
    input wire                         in_drain,

    input wire [COLUMNS*32-1:0] param_bias,
    input wire [ COLUMNS*4-1:0] param_shift,
    input wire [           7:0] param_zero_point,
    input wire [           7:0] param_low,
    input wire [           7:0] param_high,

    output wire [      ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)*ACT_WIDTH-1:0] skew_a,
    output wire [                ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)-1:0] skew_valid,
    output wire [                ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)-1:0] skew_first,
    output wire [((COLUMNS > 1) ? COLUMNS*(COLUMNS-1)/2 : 1)*WGT_WIDTH-1:0] skew_w,

    output reg  [ROWS*COLUMNS*ACT_WIDTH-1:0] pe_a,
    output reg  [ROWS*COLUMNS*WGT_WIDTH-1:0] pe_w,
    output reg  [          ROWS*COLUMNS-1:0] pe_valid,
    output reg  [          ROWS*COLUMNS-1:0] pe_first,
    output reg  [ROWS*COLUMNS*ACC_WIDTH-1:0] pe_acc,

    output wire [COLUMNS*8-1:0] post_2,
    output reg                  post_2_valid,

    output wire                 out_valid,
    output wire [COLUMNS*8-1:0] out_data
);
    // What the first column and the first row of elements see, behind the skew buffers.
    wire [ROWS*ACT_WIDTH-1:0] edge_a;
    wire [ROWS-1:0] edge_valid;
    wire [ROWS-1:0] edge_first;
    wire [COLUMNS*WGT_WIDTH-1:0] edge_w;
    // The host holds the parameters still for a whole tile, so nothing delays them here.
    wire [COLUMNS*ACC_WIDTH-1:0] start;

    assign edge_a[0+:ACT_WIDTH] = in_activation[0+:ACT_WIDTH];
    assign edge_valid[0] = in_valid;
    assign edge_first[0] = in_first;
    assign edge_w[0+:WGT_WIDTH] = in_weight[0+:WGT_WIDTH];

    genvar i;
    genvar j;
    generate
        if (ROWS == 1) begin : g_no_row_skew
            assign skew_a     = {ACT_WIDTH{1'b0}};
            assign skew_valid = 1'b0;
            assign skew_first = 1'b0;
        end
        if (COLUMNS == 1) begin : g_no_column_skew
            assign skew_w = {WGT_WIDTH{1'b0}};
        end
        // Row i's stages begin behind those of the rows above it: 1 + 2 + … + (i - 1) = i (i - 1) / 2.
        for (i = 1; i < ROWS; i = i + 1) begin : g_row_skew
            skew_line #(
                .WIDTH (ACT_WIDTH),
                .STAGES(i)
            ) line_a (
                .clk   (clk),
                .rst   (rst),
                .in    (in_activation[i*ACT_WIDTH+:ACT_WIDTH]),
                .stages(skew_a[(i*(i-1)/2)*ACT_WIDTH+:i*ACT_WIDTH]),
                .out   (edge_a[i*ACT_WIDTH+:ACT_WIDTH])
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
        for (j = 1; j < COLUMNS; j = j + 1) begin : g_column_skew
            skew_line #(
                .WIDTH (WGT_WIDTH),
                .STAGES(j)
            ) line_w (
                .clk   (clk),
                .rst   (rst),
                .in    (in_weight[j*WGT_WIDTH+:WGT_WIDTH]),
                .stages(skew_w[(j*(j-1)/2)*WGT_WIDTH+:j*WGT_WIDTH]),
                .out   (edge_w[j*WGT_WIDTH+:WGT_WIDTH])
            );
        end
    endgenerate

    generate
        for (i = 0; i < ROWS; i = i + 1) begin : g_row
            for (j = 0; j < COLUMNS; j = j + 1) begin : g_column
                localparam PE = i * COLUMNS + j;

                // This element's registers, and what its neighbours or the array's edge feed it.
                wire [ACT_WIDTH-1:0] a;
                wire [WGT_WIDTH-1:0] w;
                wire valid;
                wire first;
                wire [ACC_WIDTH-1:0] acc;
                wire [ACT_WIDTH-1:0] next_a;
                wire [WGT_WIDTH-1:0] next_w;
                wire next_valid;
                wire next_first;
                wire [ACC_WIDTH-1:0] above;
                if (j == 0) begin : g_left_edge
                    assign next_a     = edge_a[i*ACT_WIDTH+:ACT_WIDTH];
                    assign next_valid = edge_valid[i];
                    assign next_first = edge_first[i];
                end else begin : g_from_left
                    assign next_a     = g_row[i].g_column[j-1].a;
                    assign next_valid = g_row[i].g_column[j-1].valid;
                    assign next_first = g_row[i].g_column[j-1].first;
                end
                if (i == 0) begin : g_top_edge
                    assign next_w = edge_w[j*WGT_WIDTH+:WGT_WIDTH];
                    assign above  = {ACC_WIDTH{1'b0}};
                end else begin : g_from_above
                    assign next_w = g_row[i-1].g_column[j].w;
                    assign above  = g_row[i-1].g_column[j].acc;
                end

                os16x16_pe #(
                    .ACC_WIDTH(ACC_WIDTH),
                    .ACT_WIDTH(ACT_WIDTH),
                    .WGT_WIDTH(WGT_WIDTH)
                ) pe (
                    .clk     (clk),
                    .rst     (rst),
                    .drain   (in_drain),
                    .in_valid(next_valid),
                    .in_first(next_first),
                    .in_a    (next_a),
                    .in_w    (next_w),
                    .start   (start[j*ACC_WIDTH+:ACC_WIDTH]),
                    .above   (above),
                    .a       (a),
                    .w       (w),
                    .valid   (valid),
                    .first   (first),
                    .acc     (acc)
                );

                // The ports only show the registers. Neighbours read each other's own nets, because an
                // event-driven simulator visits every reader of a wide vector when one slice of it changes.
                always @(*) begin
                    pe_a[PE*ACT_WIDTH+:ACT_WIDTH]   = a;
                    pe_w[PE*WGT_WIDTH+:WGT_WIDTH]   = w;
                    pe_valid[PE]                    = valid;
                    pe_first[PE]                    = first;
                    pe_acc[PE*ACC_WIDTH+:ACC_WIDTH] = acc;
                end
            end
        end

        for (j = 0; j < COLUMNS; j = j + 1) begin : g_requantizer
            fit_signed #(
                .IN_WIDTH (32),
                .OUT_WIDTH(ACC_WIDTH),
                .SATURATE (1)
            ) fit_bias (
                .value (param_bias[j*32+:32]),
                .fitted(start[j*ACC_WIDTH+:ACC_WIDTH])
            );

            // The shift has no register here, so its result goes straight to the last step.
            wire [ACC_WIDTH-1:0] shifted;
            requantize_shift #(
                .ACC_WIDTH    (ACC_WIDTH),
                .SHIFT_LATENCY(0)
            ) requantizer (
                .clk          (clk),
                .rst          (rst),
                .acc_valid    (in_drain),
                .shifted_valid(in_drain),
                .acc          (g_row[ROWS-1].g_column[j].acc),
                .shift        (param_shift[j*4+:4]),
                .zero_point   (param_zero_point),
                .low          (param_low),
                .high         (param_high),
                .post_0       (shifted),
                .post_2       (post_2[j*8+:8])
            );
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) post_2_valid <= 1'b0;
        else post_2_valid <= in_drain;
    end

    assign out_valid = post_2_valid;
    assign out_data  = post_2_valid ? post_2 : {(COLUMNS * 8) {1'b0}};
endmodule
