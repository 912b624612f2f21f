// One element of ws16x16_s8_acc32: a weight that stays, a second one behind it, and an adder in a column.
//
//   in_a ──[ a ]──┐                        first vector of a tile: the product is of w_next, and w takes it
//                 × ── + ──[ sum ]──▶ below
//   w ────────────┘    │
//   above ─────────────┘
//
// All registers load at every edge but w and w_next; reset to 0. Without a vector the sum from above passes.
module ws16x16_pe #(
    parameter ACC_WIDTH = 32,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 load,
    input  wire                 in_valid,
    input  wire                 in_first,
    input  wire [ACT_WIDTH-1:0] in_a,
    input  wire [WGT_WIDTH-1:0] in_w,
    input  wire [ACC_WIDTH-1:0] above,
    output reg  [ACT_WIDTH-1:0] a,
    output reg                  valid,
    output reg                  first,
    output reg  [WGT_WIDTH-1:0] w,
    output reg  [WGT_WIDTH-1:0] w_next,
    output reg  [ACC_WIDTH-1:0] sum
);
    wire [WGT_WIDTH-1:0] used = (valid && first) ? w_next : w;

    wire [ACT_WIDTH+WGT_WIDTH-1:0] product;
    multiply_exact #(
        .A_WIDTH(ACT_WIDTH),
        .B_WIDTH(WGT_WIDTH)
    ) multiply (
        .a      (a),
        .b      (used),
        .product(product)
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

    always @(posedge clk) begin
        if (rst) begin
            a      <= {ACT_WIDTH{1'b0}};
            valid  <= 1'b0;
            first  <= 1'b0;
            w      <= {WGT_WIDTH{1'b0}};
            w_next <= {WGT_WIDTH{1'b0}};
            sum    <= {ACC_WIDTH{1'b0}};
        end else begin
            a     <= in_a;
            valid <= in_valid;
            first <= in_first;
            w     <= used;
            if (load) w_next <= in_w;
            sum <= valid ? added : above;
        end
    end
endmodule
