// The exact product of two signed values (R2): A_WIDTH + B_WIDTH bits hold it, -128 * -128 included.
// Combinational.
module multiply_exact #(
    parameter A_WIDTH = 8,
    parameter B_WIDTH = 8
) (
    input  wire [        A_WIDTH-1:0] a,
    input  wire [        B_WIDTH-1:0] b,
    output wire [A_WIDTH+B_WIDTH-1:0] product
);
    localparam WIDTH = A_WIDTH + B_WIDTH;

    // Both factors are widened by hand, so the result depends on no rule about mixed signedness.
    wire signed [WIDTH-1:0] wide_a = {{B_WIDTH{a[A_WIDTH-1]}}, a};
    wire signed [WIDTH-1:0] wide_b = {{A_WIDTH{b[B_WIDTH-1]}}, b};

    assign product = wide_a * wide_b;
endmodule
