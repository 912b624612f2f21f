// The next value of an accumulator that starts from its bias (R3, R9): on an output's first beat the
// addend is added to `start`, which the owner has fitted already, later to the accumulator; the sum is
// fitted at every step.
// Combinational: the register, its enable and its reset are the owner's.
module accumulate #(
    parameter ACC_WIDTH    = 32,
    parameter ADDEND_WIDTH = 16,
    parameter SATURATE     = 0
) (
    input  wire                    first,
    input  wire [   ACC_WIDTH-1:0] start,
    input  wire [   ACC_WIDTH-1:0] held,
    input  wire [ADDEND_WIDTH-1:0] addend,
    output wire [   ACC_WIDTH-1:0] next
);
    fitted_add #(
        .A_WIDTH  (ACC_WIDTH),
        .B_WIDTH  (ADDEND_WIDTH),
        .OUT_WIDTH(ACC_WIDTH),
        .SATURATE (SATURATE)
    ) add (
        .a  (first ? start : held),
        .b  (addend),
        .sum(next)
    );
endmodule
