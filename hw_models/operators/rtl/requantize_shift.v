// One column of the preset `shift`: an accumulator becomes an 8-bit code (R7, R8).
//
//   acc ─ half_up >> shift ─[post_0]─ + zero_point ─ clamp ─[post_2]─ code
//                                     exact          low..high
//
// Registers: post_2, and post_0 when SHIFT_LATENCY is 1 (with 0 that port shows the unregistered shift);
// each loaded when its input's valid bit is 1, else held; reset to 0. The valid bits belong to the owner,
// which may drive many columns with one of them: shifted_valid goes with post_0.
// Parameters are read where they are used: shift with acc, the rest with post_0.
// Latency: SHIFT_LATENCY + 1.
module requantize_shift #(
    parameter ACC_WIDTH     = 16,
    parameter SHIFT_LATENCY = 1
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 acc_valid,
    input  wire                 shifted_valid,
    input  wire [ACC_WIDTH-1:0] acc,
    input  wire [          3:0] shift,
    input  wire [          7:0] zero_point,
    input  wire [          7:0] low,
    input  wire [          7:0] high,
    output wire [ACC_WIDTH-1:0] post_0,
    output reg  [          7:0] post_2
);
    localparam PLACED_WIDTH = ((ACC_WIDTH > 8) ? ACC_WIDTH : 8) + 1;

    wire [ACC_WIDTH-1:0] shifted;
    rounding_shift #(
        .WIDTH      (ACC_WIDTH),
        .COUNT_WIDTH(4)
    ) round (
        .value  (acc),
        .count  (shift),
        .shifted(shifted)
    );

    generate
        if (SHIFT_LATENCY == 0) begin : g_unregistered
            assign post_0 = shifted;
        end else begin : g_registered
            reg [ACC_WIDTH-1:0] held;
            always @(posedge clk) begin
                if (rst) held <= {ACC_WIDTH{1'b0}};
                else if (acc_valid) held <= shifted;
            end
            assign post_0 = held;
        end
    endgenerate

    wire [PLACED_WIDTH-1:0] placed;
    fitted_add #(
        .A_WIDTH  (ACC_WIDTH),
        .B_WIDTH  (8),
        .OUT_WIDTH(PLACED_WIDTH),
        .SATURATE (0)
    ) add_zero_point (
        .a  (post_0),
        .b  (zero_point),
        .sum(placed)
    );

    wire [7:0] code;
    clamp #(
        .WIDTH      (PLACED_WIDTH),
        .BOUND_WIDTH(8)
    ) limit (
        .value  (placed),
        .low    (low),
        .high   (high),
        .clamped(code)
    );

    always @(posedge clk) begin
        if (rst) post_2 <= 8'd0;
        else if (shifted_valid) post_2 <= code;
    end
endmodule
