// Brings a signed value into a signed format (R4, R5): SATURATE = 0 keeps the low bits, SATURATE = 1
// clamps to the format's asymmetric range. A format at least as wide as the value only extends the sign.
// Combinational.
module fit_signed #(
    parameter IN_WIDTH  = 33,
    parameter OUT_WIDTH = 32,
    parameter SATURATE  = 0
) (
    input  wire [ IN_WIDTH-1:0] value,
    output wire [OUT_WIDTH-1:0] fitted
);
    generate
        if (OUT_WIDTH >= IN_WIDTH) begin : g_extend
            assign fitted = {{(OUT_WIDTH - IN_WIDTH) {value[IN_WIDTH-1]}}, value};
        end else if (SATURATE != 0) begin : g_saturate
            // The value fits when all the bits above the result, and its sign bit, are equal.
            wire [IN_WIDTH-OUT_WIDTH:0] upper = value[IN_WIDTH-1:OUT_WIDTH-1];
            wire sign = value[IN_WIDTH-1];
            wire outside = (|upper) && !(&upper);
            wire [OUT_WIDTH-1:0] rail = {sign, {(OUT_WIDTH - 1) {!sign}}};
            assign fitted = outside ? rail : value[OUT_WIDTH-1:0];
        end else begin : g_wrap
            assign fitted = value[OUT_WIDTH-1:0];
        end
    endgenerate
endmodule
