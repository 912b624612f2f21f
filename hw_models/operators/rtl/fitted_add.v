// Adds two signed values exactly, one bit wider than the wider of them, and fits the sum into a signed
// format (R3, R4, R5). With SATURATE = 1 this is a saturating adder, with 0 a wrapping one.
// Combinational.
module fitted_add #(
    parameter A_WIDTH   = 32,
    parameter B_WIDTH   = 16,
    parameter OUT_WIDTH = 32,
    parameter SATURATE  = 0
) (
    input  wire [  A_WIDTH-1:0] a,
    input  wire [  B_WIDTH-1:0] b,
    output wire [OUT_WIDTH-1:0] sum
);
    localparam EXACT_WIDTH = ((A_WIDTH > B_WIDTH) ? A_WIDTH : B_WIDTH) + 1;

    wire [EXACT_WIDTH-1:0] wide_a = {{(EXACT_WIDTH - A_WIDTH) {a[A_WIDTH-1]}}, a};
    wire [EXACT_WIDTH-1:0] wide_b = {{(EXACT_WIDTH - B_WIDTH) {b[B_WIDTH-1]}}, b};
    wire [EXACT_WIDTH-1:0] exact = wide_a + wide_b;

    fit_signed #(
        .IN_WIDTH (EXACT_WIDTH),
        .OUT_WIDTH(OUT_WIDTH),
        .SATURATE (SATURATE)
    ) fit (
        .value (exact),
        .fitted(sum)
    );
endmodule
