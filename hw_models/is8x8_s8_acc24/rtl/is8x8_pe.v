// One element of is8x8_s8_acc24: an activation that stays, a weight that passes, and an adder in a column that wraps.
//
//   in_w ──[ w ]──┐
//                 × ──[ product ]── + ──▶ sum, to the register in front of the next row
//   a ────────────┘                 │
//   above ──────────────────────────┘
//
// All registers load at every edge but a, which loads while load is 1; reset to 0. The sum is combinational; without a
// vector the one from above passes.
module is8x8_pe #(
    parameter ACC_WIDTH = 24,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8
) (
    input  wire                           clk,
    input  wire                           rst,
    input  wire                           load,
    input  wire [          ACT_WIDTH-1:0] in_a,
    input  wire                           in_valid,
    input  wire [          WGT_WIDTH-1:0] in_w,
    input  wire [          ACC_WIDTH-1:0] above,
    output reg  [          ACT_WIDTH-1:0] a,
    output reg  [          WGT_WIDTH-1:0] w,
    output reg                            valid,
    output reg  [ACT_WIDTH+WGT_WIDTH-1:0] product,
    output reg                            product_valid,
    output wire [          ACC_WIDTH-1:0] sum
);
    wire [ACT_WIDTH+WGT_WIDTH-1:0] formed;
    multiply_exact #(
        .A_WIDTH(ACT_WIDTH),
        .B_WIDTH(WGT_WIDTH)
    ) multiply (
        .a      (a),
        .b      (w),
        .product(formed)
    );

    wire [ACC_WIDTH-1:0] added;
    fitted_add #(
        .A_WIDTH  (ACC_WIDTH),
        .B_WIDTH  (ACT_WIDTH + WGT_WIDTH),
        .OUT_WIDTH(ACC_WIDTH),
        .SATURATE (0)
    ) add (
        .a  (above),
        .b  (product),
        .sum(added)
    );
    assign sum = product_valid ? added : above;

    always @(posedge clk) begin
        if (rst) begin
            a             <= {ACT_WIDTH{1'b0}};
            w             <= {WGT_WIDTH{1'b0}};
            valid         <= 1'b0;
            product       <= {(ACT_WIDTH + WGT_WIDTH) {1'b0}};
            product_valid <= 1'b0;
        end else begin
            if (load) a <= in_a;
            w             <= in_w;
            valid         <= in_valid;
            product       <= formed;
            product_valid <= valid;
        end
    end
endmodule
