// mac_s8_acc32: one signed 8 × 8 bit multiply-accumulate a clock, into 32 bits that wrap, started from the
// bias and requantised by one multiplication and one rounding shift.
//
//   in_activation ─[pe_a]─┐
//                         ×─[pe_product]─ + ─[pe_acc]─ × ─[post_0]─ >> ─[post_1]─ + clamp ─[post_3]─ out_data
//   in_weight ─────[pe_w]─┘               └─────┘ first: bias
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R4, R7, R8, R9.
module mac_s8_acc32 #(
    parameter ACC_WIDTH = 32,
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
    input wire [31:0] param_multiplier,
    input wire [ 5:0] param_shift,
    input wire [ 7:0] param_zero_point,
    input wire [ 7:0] param_low,
    input wire [ 7:0] param_high,

    output reg [          ACT_WIDTH-1:0] pe_a,
    output reg [          WGT_WIDTH-1:0] pe_w,
    output reg                           pe_valid,
    output reg                           pe_first,
    output reg                           pe_last,
    output reg [ACT_WIDTH+WGT_WIDTH-1:0] pe_product,
    output reg                           pe_product_valid,
    output reg                           pe_product_first,
    output reg                           pe_product_last,
    output reg [          ACC_WIDTH-1:0] pe_acc,
    output reg                           pe_done,

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

    wire [PRODUCT_WIDTH-1:0] product;
    multiply_exact #(
        .A_WIDTH(ACT_WIDTH),
        .B_WIDTH(WGT_WIDTH)
    ) multiply (
        .a      (pe_a),
        .b      (pe_w),
        .product(product)
    );

    // The bias meets the product of the beat it came with, two registers behind the inputs.
    wire [31:0] bias;
    delay #(
        .WIDTH (32),
        .STAGES(2)
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
        .ADDEND_WIDTH(PRODUCT_WIDTH),
        .SATURATE    (0)
    ) accumulator (
        .first (pe_product_first),
        .start (start),
        .held  (pe_acc),
        .addend(pe_product),
        .next  (next_acc)
    );

    always @(posedge clk) begin
        if (rst) begin
            pe_a             <= {ACT_WIDTH{1'b0}};
            pe_w             <= {WGT_WIDTH{1'b0}};
            pe_valid         <= 1'b0;
            pe_first         <= 1'b0;
            pe_last          <= 1'b0;
            pe_product       <= {PRODUCT_WIDTH{1'b0}};
            pe_product_valid <= 1'b0;
            pe_product_first <= 1'b0;
            pe_product_last  <= 1'b0;
            pe_acc           <= {ACC_WIDTH{1'b0}};
            pe_done          <= 1'b0;
            post_0_valid     <= 1'b0;
            post_1_valid     <= 1'b0;
            post_3_valid     <= 1'b0;
        end else begin
            pe_a             <= in_activation;
            pe_w             <= in_weight;
            pe_valid         <= in_valid;
            pe_first         <= in_first;
            pe_last          <= in_last;
            pe_product       <= product;
            pe_product_valid <= pe_valid;
            pe_product_first <= pe_first;
            pe_product_last  <= pe_last;
            if (pe_product_valid) pe_acc <= next_acc;
            pe_done          <= pe_product_valid && pe_product_last;
            post_0_valid     <= pe_done;
            post_1_valid     <= post_0_valid;
            post_3_valid     <= post_1_valid;
        end
    end

    // Each parameter of the requantiser follows its output's last beat to the step that uses it.
    wire [31:0] multiplier;
    delay #(
        .WIDTH (32),
        .STAGES(3)
    ) multiplier_delay (
        .clk(clk),
        .rst(rst),
        .in (param_multiplier),
        .out(multiplier)
    );

    wire [5:0] shift;
    delay #(
        .WIDTH (6),
        .STAGES(4)
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
        .STAGES(5)
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
