// requant_pipeline: finished sums become 8-bit codes, one a clock, 7 clocks later.
//
//   in_value ─ + ─[post_0]─ × ─[post_1]─[post_1_1]─ >> ─[post_2]─[post_2_1]─ + ─[post_3]─ clamp ─[post_4]─ out_data
//             bias       multiplier              shift                  zero_point      low..high
//             exact      exact                   half_up, saturates     exact
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R3, R5, R7, R8.
module requant_pipeline #(
    parameter IN_WIDTH = 32
) (
    input wire clk,
    input wire rst,

    input wire                in_valid,
    input wire [IN_WIDTH-1:0] in_value,

    input wire [31:0] param_bias,
    input wire [30:0] param_multiplier,
    input wire [ 5:0] param_shift,
    input wire [ 7:0] param_zero_point,
    input wire [ 7:0] param_low,
    input wire [ 7:0] param_high,

    output reg [32:0] post_0,
    output reg        post_0_valid,
    output reg [63:0] post_1,
    output reg        post_1_valid,
    output reg [63:0] post_1_1,
    output reg        post_1_valid_1,
    output reg [31:0] post_2,
    output reg        post_2_valid,
    output reg [31:0] post_2_1,
    output reg        post_2_valid_1,
    output reg [32:0] post_3,
    output reg        post_3_valid,
    output reg [ 7:0] post_4,
    output reg        post_4_valid,

    output wire       out_valid,
    output wire [7:0] out_data
);
    // Each parameter follows its value to the step that uses it.
    wire [30:0] multiplier;
    delay #(
        .WIDTH (31),
        .STAGES(1)
    ) multiplier_delay (
        .clk(clk),
        .rst(rst),
        .in (param_multiplier),
        .out(multiplier)
    );

    wire [5:0] shift;
    delay #(
        .WIDTH (6),
        .STAGES(3)
    ) shift_delay (
        .clk(clk),
        .rst(rst),
        .in (param_shift),
        .out(shift)
    );

    wire [7:0] zero_point;
    delay #(
        .WIDTH (8),
        .STAGES(5)
    ) zero_point_delay (
        .clk(clk),
        .rst(rst),
        .in (param_zero_point),
        .out(zero_point)
    );

    wire [7:0] low;
    wire [7:0] high;
    delay #(
        .WIDTH (16),
        .STAGES(6)
    ) range_delay (
        .clk(clk),
        .rst(rst),
        .in ({param_low, param_high}),
        .out({low, high})
    );

    // Exact up to IN_WIDTH = 32; a wider sum wraps.
    wire [32:0] biased;
    fitted_add #(
        .A_WIDTH  (IN_WIDTH),
        .B_WIDTH  (32),
        .OUT_WIDTH(33),
        .SATURATE (0)
    ) add_bias (
        .a  (in_value),
        .b  (param_bias),
        .sum(biased)
    );

    // 33 bits by 31 unsigned ones: 64 bits hold the product, whose 65th repeats the sign.
    wire [64:0] product;
    multiply_exact #(
        .A_WIDTH(33),
        .B_WIDTH(32)
    ) multiply (
        .a      (post_0),
        .b      ({1'b0, multiplier}),
        .product(product)
    );

    wire [63:0] shifted;
    rounding_shift #(
        .WIDTH      (64),
        .COUNT_WIDTH(6)
    ) round (
        .value  (post_1_1),
        .count  (shift),
        .shifted(shifted)
    );

    wire [31:0] scaled;
    fit_signed #(
        .IN_WIDTH (64),
        .OUT_WIDTH(32),
        .SATURATE (1)
    ) saturate (
        .value (shifted),
        .fitted(scaled)
    );

    wire [32:0] placed;
    fitted_add #(
        .A_WIDTH  (32),
        .B_WIDTH  (8),
        .OUT_WIDTH(33),
        .SATURATE (0)
    ) add_zero_point (
        .a  (post_2_1),
        .b  (zero_point),
        .sum(placed)
    );

    wire [7:0] code;
    clamp #(
        .WIDTH      (33),
        .BOUND_WIDTH(8)
    ) limit (
        .value  (post_3),
        .low    (low),
        .high   (high),
        .clamped(code)
    );

    always @(posedge clk) begin
        if (rst) begin
            post_0         <= 33'd0;
            post_0_valid   <= 1'b0;
            post_1         <= 64'd0;
            post_1_valid   <= 1'b0;
            post_1_1       <= 64'd0;
            post_1_valid_1 <= 1'b0;
            post_2         <= 32'd0;
            post_2_valid   <= 1'b0;
            post_2_1       <= 32'd0;
            post_2_valid_1 <= 1'b0;
            post_3         <= 33'd0;
            post_3_valid   <= 1'b0;
            post_4         <= 8'd0;
            post_4_valid   <= 1'b0;
        end else begin
            if (in_valid) post_0 <= biased;
            if (post_0_valid) post_1 <= product[63:0];
            if (post_1_valid) post_1_1 <= post_1;
            if (post_1_valid_1) post_2 <= scaled;
            if (post_2_valid) post_2_1 <= post_2;
            if (post_2_valid_1) post_3 <= placed;
            if (post_3_valid) post_4 <= code;
            post_0_valid   <= in_valid;
            post_1_valid   <= post_0_valid;
            post_1_valid_1 <= post_1_valid;
            post_2_valid   <= post_1_valid_1;
            post_2_valid_1 <= post_2_valid;
            post_3_valid   <= post_2_valid_1;
            post_4_valid   <= post_3_valid;
        end
    end

    assign out_valid = post_4_valid;
    assign out_data  = post_4_valid ? post_4 : 8'd0;
endmodule
