// ws16x16_s8_acc32: a weight-stationary array of ROWS × COLUMNS elements. Weights stay, activations and controls
// travel right, sums travel down from the bias. Triangular registers delay row i by i clocks, and what leaves column j
// by COLUMNS - 1 - j, so that a vector enters and leaves as a whole.
//
//                               in_weight[0]   in_weight[1]     while in_load: down the columns, into w_next
//                                bias[0]        bias[1]
//                                   │              │
//   in_activation[0] ─────────────▶ PE 0,0 ──────▶ PE 0,1 ──▶
//                                   │ sum          │ sum
//   in_activation[1] ──[skew_a]───▶ PE 1,0 ──────▶ PE 1,1 ──▶
//                                   │              │
//                                [deskew]          │       ──▶ out_data
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R9.
//
// With one row (or column) there is nothing to skew: that port is then one unused word wide and 0.
module ws16x16_s8_acc32 #(
    parameter ACC_WIDTH = 32,
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
    input wire                         in_load,

    input wire [COLUMNS*32-1:0] param_bias,

    output wire [((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)*ACT_WIDTH-1:0] skew_a,
    output wire [          ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)-1:0] skew_valid,
    output wire [          ((ROWS > 1) ? ROWS*(ROWS-1)/2 : 1)-1:0] skew_first,

    output reg [ROWS*COLUMNS*ACT_WIDTH-1:0] pe_a,
    output reg [          ROWS*COLUMNS-1:0] pe_valid,
    output reg [          ROWS*COLUMNS-1:0] pe_first,
    output reg [ROWS*COLUMNS*WGT_WIDTH-1:0] pe_w,
    output reg [ROWS*COLUMNS*WGT_WIDTH-1:0] pe_w_next,
    output reg [ROWS*COLUMNS*ACC_WIDTH-1:0] pe_acc,
    output reg [               COLUMNS-1:0] pe_done,

    output wire [((COLUMNS > 1) ? COLUMNS*(COLUMNS-1)/2 : 1)*ACC_WIDTH-1:0] deskew_acc,
    output wire [          ((COLUMNS > 1) ? COLUMNS*(COLUMNS-1)/2 : 1)-1:0] deskew_valid,

    output wire                         out_valid,
    output wire [COLUMNS*ACC_WIDTH-1:0] out_data
);
    // What the first column of elements sees, behind the skew registers.
    wire [ROWS*ACT_WIDTH-1:0] edge_a;
    wire [ROWS-1:0] edge_valid;
    wire [ROWS-1:0] edge_first;
    // What leaves the columns, together.
    wire [COLUMNS*ACC_WIDTH-1:0] leaving;
    wire [COLUMNS-1:0] leaving_valid;

    assign edge_a[0+:ACT_WIDTH] = in_activation[0+:ACT_WIDTH];
    assign edge_valid[0] = in_valid;
    assign edge_first[0] = in_first;

    genvar i;
    genvar j;
    generate
        if (ROWS == 1) begin : g_no_row_skew
            assign skew_a     = {ACT_WIDTH{1'b0}};
            assign skew_valid = 1'b0;
            assign skew_first = 1'b0;
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
    endgenerate

    generate
        for (j = 0; j < COLUMNS; j = j + 1) begin : g_start
            // The bias comes with its vector, and enters the column when the vector is at PE 0,j.
            wire [31:0] arrived;
            delay #(
                .WIDTH (32),
                .STAGES(j + 1)
            ) line_bias (
                .clk(clk),
                .rst(rst),
                .in (param_bias[j*32+:32]),
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
                wire valid;
                wire first;
                wire [WGT_WIDTH-1:0] w;
                wire [WGT_WIDTH-1:0] w_next;
                wire [ACC_WIDTH-1:0] sum;
                wire [ACT_WIDTH-1:0] next_a;
                wire next_valid;
                wire next_first;
                wire [WGT_WIDTH-1:0] next_w;
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
                    assign next_w = in_weight[j*WGT_WIDTH+:WGT_WIDTH];
                    assign above  = valid ? g_start[j].start : {ACC_WIDTH{1'b0}};
                end else begin : g_from_above
                    assign next_w = g_row[i-1].g_column[j].w_next;
                    assign above  = g_row[i-1].g_column[j].sum;
                end

                ws16x16_pe #(
                    .ACC_WIDTH(ACC_WIDTH),
                    .ACT_WIDTH(ACT_WIDTH),
                    .WGT_WIDTH(WGT_WIDTH)
                ) pe (
                    .clk     (clk),
                    .rst     (rst),
                    .load    (in_load),
                    .in_valid(next_valid),
                    .in_first(next_first),
                    .in_a    (next_a),
                    .in_w    (next_w),
                    .above   (above),
                    .a       (a),
                    .valid   (valid),
                    .first   (first),
                    .w       (w),
                    .w_next  (w_next),
                    .sum     (sum)
                );

                // The ports only show the registers. Neighbours read each other's own nets, because an
                // event-driven simulator visits every reader of a wide vector when one slice of it changes.
                always @(*) begin
                    pe_a[PE*ACT_WIDTH+:ACT_WIDTH]      = a;
                    pe_valid[PE]                       = valid;
                    pe_first[PE]                       = first;
                    pe_w[PE*WGT_WIDTH+:WGT_WIDTH]      = w;
                    pe_w_next[PE*WGT_WIDTH+:WGT_WIDTH] = w_next;
                    pe_acc[PE*ACC_WIDTH+:ACC_WIDTH]    = sum;
                end
            end
        end
    endgenerate

    generate
        for (j = 0; j < COLUMNS; j = j + 1) begin : g_leave
            reg done;
            always @(posedge clk) begin
                if (rst) done <= 1'b0;
                else done <= g_row[ROWS-1].g_column[j].valid;
            end
            always @(*) pe_done[j] = done;
        end

        // The last column waits for nobody; line n is column COLUMNS - 1 - n, n registers long.
        assign leaving[(COLUMNS-1)*ACC_WIDTH+:ACC_WIDTH] = g_row[ROWS-1].g_column[COLUMNS-1].sum;
        assign leaving_valid[COLUMNS-1] = g_leave[COLUMNS-1].done;
        if (COLUMNS == 1) begin : g_no_deskew
            assign deskew_acc   = {ACC_WIDTH{1'b0}};
            assign deskew_valid = 1'b0;
        end
        for (j = 1; j < COLUMNS; j = j + 1) begin : g_deskew
            localparam COLUMN = COLUMNS - 1 - j;
            skew_line #(
                .WIDTH (ACC_WIDTH),
                .STAGES(j)
            ) line_acc (
                .clk   (clk),
                .rst   (rst),
                .in    (g_row[ROWS-1].g_column[COLUMN].sum),
                .stages(deskew_acc[(j*(j-1)/2)*ACC_WIDTH+:j*ACC_WIDTH]),
                .out   (leaving[COLUMN*ACC_WIDTH+:ACC_WIDTH])
            );
            skew_line #(
                .WIDTH (1),
                .STAGES(j)
            ) line_valid (
                .clk   (clk),
                .rst   (rst),
                .in    (g_leave[COLUMN].done),
                .stages(deskew_valid[j*(j-1)/2+:j]),
                .out   (leaving_valid[COLUMN])
            );
        end
    endgenerate

    assign out_valid = leaving_valid[0];
    assign out_data  = out_valid ? leaving : {(COLUMNS * ACC_WIDTH) {1'b0}};
endmodule
