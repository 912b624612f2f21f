// osprey, by the second hand: a module for each job, parameters, functions, asynchronous reset, active low.
// (u8 - 128) x s8 a beat into 20 bits that saturate, from the bias; shifted half up, zero point, clamped to u8.

// Keeps what fits, else the rail.
module osprey_limit #(
    parameter IN  = 21,
    parameter OUT = 20
) (
    input  wire signed [ IN-1:0] v,
    output wire signed [OUT-1:0] q
);
    wire over = ~v[IN-1] & (|v[IN-2:OUT-1]);
    wire under = v[IN-1] & ~(&v[IN-2:OUT-1]);
    wire [OUT-1:0] highest = {1'b0, {(OUT - 1) {1'b1}}};
    wire [OUT-1:0] lowest = {1'b1, {(OUT - 1) {1'b0}}};
    assign q = over ? highest : under ? lowest : v[OUT-1:0];
endmodule

// The sum: every step is limited, the start too.
module osprey_sum #(
    parameter ACC  = 20,
    parameter TERM = 17
) (
    input  wire                   clk,
    input  wire                   arst_n,
    input  wire                   enable,
    input  wire                   load,
    input  wire signed [    31:0] start,
    input  wire signed [TERM-1:0] term,
    output reg signed  [ ACC-1:0] total
);
    wire signed [ACC-1:0] fitted_start;
    osprey_limit #(.IN(32), .OUT(ACC)) limit_start (.v(start), .q(fitted_start));

    wire signed [ACC-1:0] onto = load ? fitted_start : total;
    wire signed [  ACC:0] sum = onto + term;
    wire signed [ACC-1:0] next;
    osprey_limit #(.IN(ACC + 1), .OUT(ACC)) limit_sum (.v(sum), .q(next));

    always @(posedge clk or negedge arst_n)
        if (!arst_n) total <= {ACC{1'b0}};
        else if (enable) total <= next;
endmodule

// A line of registers.
module osprey_line #(
    parameter BITS = 1,
    parameter DEEP = 1
) (
    input  wire            clk,
    input  wire            arst_n,
    input  wire [BITS-1:0] d,
    output wire [BITS-1:0] q
);
    wire [BITS*(DEEP+1)-1:0] tap;
    assign tap[BITS-1:0] = d;
    assign q = tap[BITS*DEEP+:BITS];
    genvar i;
    generate
        for (i = 0; i < DEEP; i = i + 1) begin : g
            reg [BITS-1:0] held;
            always @(posedge clk or negedge arst_n)
                if (!arst_n) held <= {BITS{1'b0}};
                else held <= tap[BITS*i+:BITS];
            assign tap[BITS*(i+1)+:BITS] = held;
        end
    endgenerate
endmodule

module osprey #(
    parameter ACC = 20
) (
    input  wire              clk,
    input  wire              arst_n,
    input  wire              stb,
    input  wire              sof,
    input  wire              eof,
    input  wire        [7:0] pixel,
    input  wire signed [7:0] coef,
    input  wire       [31:0] offset,
    input  wire        [4:0] places,
    input  wire        [7:0] zero,
    input  wire        [7:0] least,
    input  wire        [7:0] most,
    output wire              strobe,
    output wire        [7:0] result
);
    localparam TERM = 17;

    function signed [ACC-1:0] rounded(input signed [ACC-1:0] value, input [4:0] count);
        reg signed [ACC:0] wide;
        begin
            wide = value;
            if (count != 5'd0) wide = wide + ($signed({{ACC{1'b0}}, 1'b1}) <<< (count - 5'd1));
            wide = wide >>> count;
            rounded = wide[ACC-1:0];
        end
    endfunction

    function signed [ACC:0] placed(input signed [ACC-1:0] value, input [7:0] by);
        placed = value + $signed({1'b0, by});
    endfunction

    function [7:0] clipped(input signed [ACC:0] value, input [7:0] low, input [7:0] high);
        begin
            clipped = value[7:0];
            if (value > $signed({1'b0, high})) clipped = high;
            if (value < $signed({1'b0, low}) || high < low) clipped = low;
        end
    endfunction

    // Registers: operands, product.
    wire [7:0] pixel_1;
    wire signed [7:0] coef_1;
    osprey_line #(.BITS(16), .DEEP(1)) operands (
        .clk(clk), .arst_n(arst_n), .d({pixel, coef}), .q({pixel_1, coef_1})
    );
    wire signed [8:0] centred = $signed({1'b0, pixel_1}) - 9'sd128;
    wire signed [TERM-1:0] product = centred * coef_1;
    wire signed [TERM-1:0] term;
    osprey_line #(.BITS(TERM), .DEEP(1)) products (.clk(clk), .arst_n(arst_n), .d(product), .q(term));

    // What travels beside them.
    wire stb_2, sof_2, eof_2;
    osprey_line #(.BITS(3), .DEEP(2)) controls (
        .clk(clk), .arst_n(arst_n), .d({stb, sof, eof}), .q({stb_2, sof_2, eof_2})
    );
    wire [31:0] offset_2;
    osprey_line #(.BITS(32), .DEEP(2)) offsets (.clk(clk), .arst_n(arst_n), .d(offset), .q(offset_2));
    wire [4:0] places_3;
    osprey_line #(.BITS(5), .DEEP(3)) counts (.clk(clk), .arst_n(arst_n), .d(places), .q(places_3));
    wire [7:0] zero_4, least_4, most_4;
    osprey_line #(.BITS(24), .DEEP(4)) ranges (
        .clk(clk), .arst_n(arst_n), .d({zero, least, most}), .q({zero_4, least_4, most_4})
    );

    wire signed [ACC-1:0] total;
    osprey_sum #(.ACC(ACC), .TERM(TERM)) adder (
        .clk(clk), .arst_n(arst_n), .enable(stb_2), .load(sof_2), .start(offset_2), .term(term), .total(total)
    );

    wire signed [ACC-1:0] scaled;
    osprey_line #(.BITS(ACC), .DEEP(1)) shifter (
        .clk(clk), .arst_n(arst_n), .d(rounded(total, places_3)), .q(scaled)
    );
    osprey_line #(.BITS(8), .DEEP(1)) results (
        .clk(clk), .arst_n(arst_n), .d(clipped(placed(scaled, zero_4), least_4, most_4)), .q(result)
    );
    osprey_line #(.BITS(1), .DEEP(3)) strobes (.clk(clk), .arst_n(arst_n), .d(stb_2 & eof_2), .q(strobe));
endmodule
