// One processing element of os8x8_diag_s8_acc20: its operands travel on through it, its sum stays, and done says that it is
// whole.
//
//                 w_in
//                  │
//   a_in ────────[pe_a]───────── a to the right (with valid, first and last)
//                [pe_w]
//                  │ └─ × ─[product]─ + ─[acc]     [done]: the beat just added was the last
//              w downwards            └────┘ first: 0
//
// All registers reset to 0.
module os8x8_diag_pe #(
    parameter ACC_WIDTH = 20,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8
) (
    input  wire                           clk,
    input  wire                           rst,
    input  wire                           in_valid,
    input  wire                           in_first,
    input  wire                           in_last,
    input  wire [          ACT_WIDTH-1:0] in_a,
    input  wire [          WGT_WIDTH-1:0] in_w,
    output reg  [          ACT_WIDTH-1:0] a,
    output reg  [          WGT_WIDTH-1:0] w,
    output reg                            valid,
    output reg                            first,
    output reg                            last,
    output reg  [ACT_WIDTH+WGT_WIDTH-1:0] product,
    output reg                            product_valid,
    output reg                            product_first,
    output reg                            product_last,
    output reg  [          ACC_WIDTH-1:0] acc,
    output reg                            done
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;

    wire [PRODUCT_WIDTH-1:0] next_product;
    multiply_exact #(
        .A_WIDTH(ACT_WIDTH),
        .B_WIDTH(WGT_WIDTH)
    ) multiply (
        .a      (a),
        .b      (w),
        .product(next_product)
    );

    wire [ACC_WIDTH-1:0] next_acc;
    accumulate #(
        .ACC_WIDTH   (ACC_WIDTH),
        .ADDEND_WIDTH(PRODUCT_WIDTH),
        .SATURATE    (0)
    ) accumulator (
        .first (product_first),
        .start ({ACC_WIDTH{1'b0}}),
        .held  (acc),
        .addend(product),
        .next  (next_acc)
    );

    always @(posedge clk) begin
        if (rst) begin
            a             <= {ACT_WIDTH{1'b0}};
            w             <= {WGT_WIDTH{1'b0}};
            valid         <= 1'b0;
            first         <= 1'b0;
            last          <= 1'b0;
            product       <= {PRODUCT_WIDTH{1'b0}};
            product_valid <= 1'b0;
            product_first <= 1'b0;
            product_last  <= 1'b0;
            acc           <= {ACC_WIDTH{1'b0}};
            done          <= 1'b0;
        end else begin
            a             <= in_a;
            w             <= in_w;
            valid         <= in_valid;
            first         <= in_first;
            last          <= in_last;
            product       <= next_product;
            product_valid <= valid;
            product_first <= first;
            product_last  <= last;
            if (product_valid) acc <= next_acc;
            done <= product_valid && product_last;
        end
    end
endmodule
