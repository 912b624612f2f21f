// Limits a signed value from above by `high`, then from below by `low`: max(min(value, high), low).
// The result lies between the bounds, so it is as wide as they are. Should low exceed high, low wins.
// Combinational. WIDTH must be at least BOUND_WIDTH.
module clamp #(
    parameter WIDTH       = 33,
    parameter BOUND_WIDTH = 8
) (
    input  wire [      WIDTH-1:0] value,
    input  wire [BOUND_WIDTH-1:0] low,
    input  wire [BOUND_WIDTH-1:0] high,
    output wire [BOUND_WIDTH-1:0] clamped
);
    wire [WIDTH-1:0] wide_low = {{(WIDTH - BOUND_WIDTH) {low[BOUND_WIDTH-1]}}, low};
    wire [WIDTH-1:0] wide_high = {{(WIDTH - BOUND_WIDTH) {high[BOUND_WIDTH-1]}}, high};
    wire above = $signed(value) > $signed(wide_high);
    wire [WIDTH-1:0] upper = above ? wide_high : value;
    wire below = $signed(upper) < $signed(wide_low);

    assign clamped = below ? low : upper[BOUND_WIDTH-1:0];
endmodule
