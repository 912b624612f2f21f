// One processing element of os16x16_s8_acc16sat: its operands travel on through it, its saturating sum
// stays until drained.
//
//                 w_in
//                  │
//   a_in ────────[pe_a]───────── a to the right (with valid and first)
//                [pe_w]
//                  │ └─ × ─── + ─[acc]
//              w downwards    └────┘ first: start
//
// While draining, acc loads the accumulator of the PE above instead. All registers reset to 0.
module os16x16_pe #(
    parameter ACC_WIDTH = 16,
    parameter ACT_WIDTH = 8,
    parameter WGT_WIDTH = 8
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 drain,
    input  wire                 in_valid,
    input  wire                 in_first,
    input  wire [ACT_WIDTH-1:0] in_a,
    input  wire [WGT_WIDTH-1:0] in_w,
    input  wire [ACC_WIDTH-1:0] start,
    input  wire [ACC_WIDTH-1:0] above,
    output reg  [ACT_WIDTH-1:0] a,
    output reg  [WGT_WIDTH-1:0] w,
    output reg                  valid,
    output reg                  first,
    output reg  [ACC_WIDTH-1:0] acc
);
    localparam PRODUCT_WIDTH = ACT_WIDTH + WGT_WIDTH;

    wire [PRODUCT_WIDTH-1:0] product;
    multiply_exact #(
        .A_WIDTH(ACT_WIDTH),
        .B_WIDTH(WGT_WIDTH)
    ) multiply (
        .a      (a),
        .b      (w),
        .product(product)
    );

    wire [ACC_WIDTH-1:0] next_acc;
    accumulate #(
        .ACC_WIDTH   (ACC_WIDTH),
        .ADDEND_WIDTH(PRODUCT_WIDTH),
        .SATURATE    (1)
    ) accumulator (
        .first (first),
        .start (start),
        .held  (acc),
        .addend(product),
        .next  (next_acc)
    );

    always @(posedge clk) begin
        if (rst) begin
            a     <= {ACT_WIDTH{1'b0}};
            w     <= {WGT_WIDTH{1'b0}};
            valid <= 1'b0;
            first <= 1'b0;
            acc   <= {ACC_WIDTH{1'b0}};
        end else begin
            a     <= in_a;
            w     <= in_w;
            valid <= in_valid;
            first <= in_first;
            if (drain) acc <= above;
            else if (valid) acc <= next_acc;
        end
    end
endmodule
