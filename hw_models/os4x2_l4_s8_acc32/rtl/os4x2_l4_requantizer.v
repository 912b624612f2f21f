// One column's requantiser of os4x2_l4_s8_acc32: a shift that rounds ties to even and saturates.
//
//   acc ─ half_even >> shift, saturate to s8 ─[post_0]─ code
//
// post_0 loads while acc_valid is 1; reset to 0. The valid bit belongs to the owner.
module os4x2_l4_requantizer #(
    parameter ACC_WIDTH = 32
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 acc_valid,
    input  wire [ACC_WIDTH-1:0] acc,
    input  wire [          4:0] shift,
    output reg  [          7:0] post_0
);
    // The floor, what was cut off, and the half of the last place. The count may be wider than the value.
    localparam WIDTH = (ACC_WIDTH > 32) ? ACC_WIDTH : 33;

    wire signed [WIDTH-1:0] value = {{(WIDTH - ACC_WIDTH) {acc[ACC_WIDTH-1]}}, acc};
    wire signed [WIDTH-1:0] low = value >>> shift;
    wire [WIDTH-1:0] cut = value - (low << shift);
    wire [WIDTH-1:0] half = (shift == 5'd0) ? {WIDTH{1'b0}} : ({{(WIDTH - 1) {1'b0}}, 1'b1} << (shift - 5'd1));
    wire up = (shift != 5'd0) && (cut > half || (cut == half && low[0]));
    wire [WIDTH:0] rounded = {low[WIDTH-1], low} + {{WIDTH{1'b0}}, up};

    wire [7:0] code;
    fit_signed #(
        .IN_WIDTH (WIDTH + 1),
        .OUT_WIDTH(8),
        .SATURATE (1)
    ) saturate (
        .value (rounded),
        .fitted(code)
    );

    always @(posedge clk) begin
        if (rst) post_0 <= 8'd0;
        else if (acc_valid) post_0 <= code;
    end
endmodule
