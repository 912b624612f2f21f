// Right shift of a signed value, ties towards plus infinity (R7, half_up): (value + 2^(count-1)) >> count.
// Count 0 is the identity. The half is added in a type wide enough for every count that COUNT_WIDTH can
// say, so the result is the mathematical one at any count: half_up of -1 is 0 from count 1 on.
// Combinational.
module rounding_shift #(
    parameter WIDTH       = 32,
    parameter COUNT_WIDTH = 6
) (
    input  wire [      WIDTH-1:0] value,
    input  wire [COUNT_WIDTH-1:0] count,
    output wire [      WIDTH-1:0] shifted
);
    localparam REACH = 1 << COUNT_WIDTH;
    localparam SUM_WIDTH = ((WIDTH > REACH) ? WIDTH : REACH) + 1;

    wire [SUM_WIDTH-1:0] wide = {{(SUM_WIDTH - WIDTH) {value[WIDTH-1]}}, value};
    wire [SUM_WIDTH-1:0] one = {{(SUM_WIDTH - 1) {1'b0}}, 1'b1};
    // 2^(count-1), and 0 for count 0: the bit is moved up by count, then down by one.
    wire [SUM_WIDTH-1:0] half = (one << count) >> 1;
    wire signed [SUM_WIDTH-1:0] raised = $signed(wide + half);
    wire signed [SUM_WIDTH-1:0] rounded = raised >>> count;

    assign shifted = rounded[WIDTH-1:0];
endmodule
