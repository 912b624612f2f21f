// One column of the preset `multiply_shift`: an accumulator becomes an 8-bit code (R7, R8).
//
//   acc ─ × multiplier ─[post_0]─ half_up >> shift, wrap to s32 ─[post_1]─ + zero_point ─ clamp ─[post_3]─ code
//         exact                                                          exact (s33)    low..high
//
// Registers: post_0, post_1, post_3, each loaded when the matching input valid bit is 1, else held; reset
// to 0. The valid bits belong to the owner, which may drive many columns with one of them.
// Parameters are read where they are used: multiplier with acc, shift with post_0, the rest with post_1.
// Latency: 3.
module requantize_multiply_shift #(
    parameter ACC_WIDTH = 32
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    acc_valid,
    input  wire                    post_0_valid,
    input  wire                    post_1_valid,
    input  wire [   ACC_WIDTH-1:0] acc,
    input  wire [            31:0] multiplier,
    input  wire [             5:0] shift,
    input  wire [             7:0] zero_point,
    input  wire [             7:0] low,
    input  wire [             7:0] high,
    output reg  [ACC_WIDTH+32-1:0] post_0,
    output reg  [            31:0] post_1,
    output reg  [             7:0] post_3
);
    localparam PRODUCT_WIDTH = ACC_WIDTH + 32;

    wire [PRODUCT_WIDTH-1:0] product;
    multiply_exact #(
        .A_WIDTH(ACC_WIDTH),
        .B_WIDTH(32)
    ) multiply (
        .a      (acc),
        .b      (multiplier),
        .product(product)
    );

    wire [PRODUCT_WIDTH-1:0] shifted;
    rounding_shift #(
        .WIDTH      (PRODUCT_WIDTH),
        .COUNT_WIDTH(6)
    ) round (
        .value  (post_0),
        .count  (shift),
        .shifted(shifted)
    );

    wire [31:0] scaled;
    fit_signed #(
        .IN_WIDTH (PRODUCT_WIDTH),
        .OUT_WIDTH(32),
        .SATURATE (0)
    ) wrap (
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
        .a  (post_1),
        .b  (zero_point),
        .sum(placed)
    );

    wire [7:0] code;
    clamp #(
        .WIDTH      (33),
        .BOUND_WIDTH(8)
    ) limit (
        .value  (placed),
        .low    (low),
        .high   (high),
        .clamped(code)
    );

    always @(posedge clk) begin
        if (rst) begin
            post_0 <= {PRODUCT_WIDTH{1'b0}};
            post_1 <= 32'd0;
            post_3 <= 8'd0;
        end else begin
            if (acc_valid) post_0 <= product;
            if (post_0_valid) post_1 <= scaled;
            if (post_1_valid) post_3 <= code;
        end
    end
endmodule
