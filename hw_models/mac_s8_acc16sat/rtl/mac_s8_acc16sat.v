// mac_s8_acc16sat: one signed 8 × 8 bit multiply-accumulate a clock, into 16 bits that saturate at every
// step, started from the bias and requantised by a rounding shift.
//
//   in_activation ─[pe_a]─┐
//                         × ─── + ─[pe_acc]─ >> ─[post_0]─ + clamp ─[post_2]─ out_data
//   in_weight ─────[pe_w]─┘     └─────┘ first: bias
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R5, R7, R8, R9.
module mac_s8_acc16sat #(
    parameter ACC_WIDTH = 16,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8
) (
    input wire clk,
    input wire rst,

    input wire                 in_valid,
    input wire                 in_first,
    input wire                 in_last,
    input wire [ACT_WIDTH-1:0] in_activation,
    input wire [WGT_WIDTH-1:0] in_weight,

    input wire [31:0] param_bias,
    input wire [ 3:0] param_shift,
    input wire [ 7:0] param_zero_point,
    input wire [ 7:0] param_low,
    input wire [ 7:0] param_high,

    output reg [ACT_WIDTH-1:0] pe_a,
    output reg [WGT_WIDTH-1:0] pe_w,
    output reg                 pe_valid,
    output reg                 pe_first,
    output reg                 pe_last,
    output reg [ACC_WIDTH-1:0] pe_acc,
    output reg                 pe_done,

    output wire [ACC_WIDTH-1:0] post_0,
    output reg                  post_0_valid,
    output wire [          7:0] post_2,
    output reg                  post_2_valid,

    output wire       out_valid,
    output wire [7:0] out_data
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;

    wire [PRODUCT_WIDTH-1:0] product;
    multiply_exact #(
        .A_WIDTH(ACT_WIDTH),
        .B_WIDTH(WGT_WIDTH)
    ) multiply (
        .a      (pe_a),
        .b      (pe_w),
        .product(product)
    );

    // The bias meets the product of the beat it came with, one register behind the inputs.
    wire [31:0] bias;
    delay #(
        .WIDTH (32),
        .STAGES(1)
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
        .SATURATE (1)
    ) fit_bias (
        .value (bias),
        .fitted(start)
    );

    wire [ACC_WIDTH-1:0] next_acc;
    accumulate #(
        .ACC_WIDTH   (ACC_WIDTH),
        .ADDEND_WIDTH(PRODUCT_WIDTH),
        .SATURATE    (1)
    ) accumulator (
        .first (pe_first),
        .start (start),
        .held  (pe_acc),
        .addend(product),
        .next  (next_acc)
    );

    always @(posedge clk) begin
        if (rst) begin
            pe_a         <= {ACT_WIDTH{1'b0}};
            pe_w         <= {WGT_WIDTH{1'b0}};
            pe_valid     <= 1'b0;
            pe_first     <= 1'b0;
            pe_last      <= 1'b0;
            pe_acc       <= {ACC_WIDTH{1'b0}};
            pe_done      <= 1'b0;
            post_0_valid <= 1'b0;
            post_2_valid <= 1'b0;
        end else begin
            pe_a         <= in_activation;
            pe_w         <= in_weight;
            pe_valid     <= in_valid;
            pe_first     <= in_first;
            pe_last      <= in_last;
            if (pe_valid) pe_acc <= next_acc;
            pe_done      <= pe_valid && pe_last;
            post_0_valid <= pe_done;
            post_2_valid <= post_0_valid;
        end
    end

    // Each parameter of the requantiser follows its output's last beat to the step that uses it.
    wire [3:0] shift;
    delay #(
        .WIDTH (4),
        .STAGES(2)
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
        .STAGES(3)
    ) range_delay (
        .clk(clk),
        .rst(rst),
        .in ({param_zero_point, param_low, param_high}),
        .out({zero_point, low, high})
    );

    requantize_shift #(
        .ACC_WIDTH    (ACC_WIDTH),
        .SHIFT_LATENCY(1)
    ) requantizer (
        .clk          (clk),
        .rst          (rst),
        .acc_valid    (pe_done),
        .shifted_valid(post_0_valid),
        .acc          (pe_acc),
        .shift        (shift),
        .zero_point   (zero_point),
        .low          (low),
        .high         (high),
        .post_0       (post_0),
        .post_2       (post_2)
    );

    assign out_valid = post_2_valid;
    assign out_data  = post_2_valid ? post_2 : 8'd0;
endmodule
