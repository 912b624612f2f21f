// lark, by the first hand: everything in one clocked block, widths as plain numbers, synchronous reset, active high.
// s8 x s8 a beat into 24 bits that wrap, from the bias; times a multiplier, shifted half up, zero point, clamp.
module lark (
    input wire ck,
    input wire clr,
    input wire go,
    input wire head,
    input wire tail,
    input wire signed [7:0] x,
    input wire signed [7:0] k,
    input wire signed [31:0] b,
    input wire signed [31:0] m,
    input wire [5:0] n,
    input wire signed [7:0] z,
    input wire signed [7:0] lo,
    input wire signed [7:0] hi,
    output reg rdy,
    output reg signed [7:0] y
);
    reg go1, head1, tail1, done, have3, have4;
    reg signed [ 7:0] x1, k1;
    reg signed [31:0] b1;
    reg signed [31:0] m1, m2;
    reg        [ 5:0] n1, n2, n3;
    reg signed [ 7:0] z1, z2, z3, z4, lo1, lo2, lo3, lo4, hi1, hi2, hi3, hi4;

    reg signed [23:0] s;  // sum
    reg signed [55:0] p;  // sum times multiplier
    reg signed [31:0] r;  // rounded

    // Set before they are read in the same edge: wires, not registers.
    reg signed [15:0] q;
    reg signed [23:0] from;
    reg signed [63:0] w;
    reg signed [32:0] t;

    always @(posedge ck)
        if (clr) begin
            {go1, head1, tail1, done, have3, have4} <= 6'b0;
            s <= 0;
            rdy <= 0;
            y <= 0;
        end else begin
            // Operands, and the numbers that come with them.
            {go1, head1, tail1} <= {go, head, tail};
            x1 <= x;
            k1 <= k;
            b1 <= b;
            {m1, n1, z1, lo1, hi1} <= {m, n, z, lo, hi};

            // Sum.
            q = x1 * k1;
            from = head1 ? b1[23:0] : s;
            if (go1) s <= from + q;
            done <= go1 && tail1;
            {m2, n2, z2, lo2, hi2} <= {m1, n1, z1, lo1, hi1};

            // Scale.
            p <= s * m2;
            have3 <= done;
            {n3, z3, lo3, hi3} <= {n2, z2, lo2, hi2};

            // Round.
            w = p;
            if (n3 != 0) w = w + (64'sd1 <<< (n3 - 6'd1));
            w = w >>> n3;
            r <= w[31:0];
            have4 <= have3;
            {z4, lo4, hi4} <= {z3, lo3, hi3};

            // Place.
            t = r + z4;
            if (t > hi4) t = hi4;
            if (t < lo4) t = lo4;
            y <= t[7:0];
            rdy <= have4;
        end
endmodule
