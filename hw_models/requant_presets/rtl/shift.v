// shift: one right shift whose rounding is the design's choice, zero point, clamp.
// Source: none: the rules R7 and R8 of goldpath. ROUNDING: 0 floor, 1 ceil, 2 trunc, 3 away, 4 half_up, 5 half_down, 6 half_away, 7 half_zero, 8 half_even, 9 half_odd.
// Rules, timing, what every file here shares: README.md beside this folder.
module requant_shift #(
    parameter ROUNDING = 6
) (
    input wire clk,
    input wire rst,

    input wire in_valid,
    input wire signed [31:0] in_value,
    input wire [4:0] param_shift,
    input wire signed [7:0] param_zero_point,
    input wire signed [7:0] param_low,
    input wire signed [7:0] param_high,

    output reg out_valid,
    output wire signed [7:0] out_data
);
    localparam FLOOR = 0, CEIL = 1, TRUNC = 2, AWAY = 3, HALF_UP = 4;
    localparam HALF_DOWN = 5, HALF_AWAY = 6, HALF_ZERO = 7, HALF_EVEN = 8, HALF_ODD = 9;

    wire negative = in_value[31];
    wire [32:0] unit = 33'd1 << param_shift;
    wire [32:0] rest = {1'b0, in_value} & (unit - 33'd1);
    wire [33:0] twice = {rest, 1'b0};
    wire exact = rest == 33'd0;
    wire tie = !exact && (twice == {1'b0, unit});
    wire above = twice > {1'b0, unit};
    wire signed [33:0] floor = in_value >>> param_shift;
    reg up;
    always @(*) begin
        case (ROUNDING)
            FLOOR:     up = 1'b0;
            CEIL:      up = !exact;
            TRUNC:     up = !exact && negative;
            AWAY:      up = !exact && !negative;
            HALF_UP:   up = above || tie;
            HALF_DOWN: up = above;
            HALF_AWAY: up = above || (tie && !negative);
            HALF_ZERO: up = above || (tie && negative);
            HALF_EVEN: up = above || (tie && floor[0]);
            HALF_ODD:  up = above || (tie && !floor[0]);
            default: up = 1'bx;
        endcase
    end
    wire signed [33:0] rounded = floor + $signed({1'b0, up});
    wire signed [33:0] placed = rounded + param_zero_point;
    wire signed [33:0] capped = (placed > param_high) ? param_high : placed;
    wire signed [33:0] code = (capped < param_low) ? param_low : capped;

    reg signed [7:0] held;
    always @(posedge clk) begin
        if (rst) begin
            held      <= 8'sd0;
            out_valid <= 1'b0;
        end else begin
            if (in_valid) held <= code[7:0];
            out_valid <= in_valid;
        end
    end

    assign out_data = out_valid ? held : 8'sd0;
endmodule
