// Applies every input to the small operators at reduced widths, and corners at full width, and prints what
// comes out: one line per input, its numbers in hexadecimal bit patterns after the parameters. The reader
// knows the rule; this file does not. The last line says how many there were.

module fit_case #(
    parameter IN = 1,
    parameter OUT = 1,
    parameter SATURATE = 0
);
    reg [IN-1:0] value;
    wire [OUT-1:0] fitted;
    fit_signed #(
        .IN_WIDTH (IN),
        .OUT_WIDTH(OUT),
        .SATURATE (SATURATE)
    ) dut (
        .value (value),
        .fitted(fitted)
    );
    integer n;
    initial
        for (n = 0; n < (1 << IN); n = n + 1) begin
            value = n[IN-1:0];
            #1 $display("fit %0d %0d %0d : %h : %h", IN, OUT, SATURATE, value, fitted);
            operators.printed = operators.printed + 1;
        end
endmodule

module add_case #(
    parameter A = 1,
    parameter B = 1,
    parameter OUT = 1,
    parameter SATURATE = 0
);
    reg [A-1:0] a;
    reg [B-1:0] b;
    wire [OUT-1:0] sum;
    fitted_add #(
        .A_WIDTH  (A),
        .B_WIDTH  (B),
        .OUT_WIDTH(OUT),
        .SATURATE (SATURATE)
    ) dut (
        .a  (a),
        .b  (b),
        .sum(sum)
    );
    integer n;
    initial
        for (n = 0; n < (1 << (A + B)); n = n + 1) begin
            {b, a} = n[A+B-1:0];
            #1 $display("add %0d %0d %0d %0d : %h %h : %h", A, B, OUT, SATURATE, a, b, sum);
            operators.printed = operators.printed + 1;
        end
endmodule

module accumulate_case #(
    parameter ACC = 1,
    parameter ADDEND = 1,
    parameter SATURATE = 0
);
    reg first;
    reg [ACC-1:0] start;
    reg [ACC-1:0] held;
    reg [ADDEND-1:0] addend;
    wire [ACC-1:0] next;
    accumulate #(
        .ACC_WIDTH   (ACC),
        .ADDEND_WIDTH(ADDEND),
        .SATURATE    (SATURATE)
    ) dut (
        .first (first),
        .start (start),
        .held  (held),
        .addend(addend),
        .next  (next)
    );
    integer n;
    initial
        for (n = 0; n < (2 << (2 * ACC + ADDEND)); n = n + 1) begin
            {addend, held, start, first} = n[2*ACC+ADDEND:0];
            #1 $display("accumulate %0d %0d %0d : %h %h %h %h : %h",
                        ACC, ADDEND, SATURATE, first, start, held, addend, next);
            operators.printed = operators.printed + 1;
        end
endmodule

module multiply_case #(
    parameter A = 1,
    parameter B = 1
);
    reg [A-1:0] a;
    reg [B-1:0] b;
    wire [A+B-1:0] product;
    multiply_exact #(
        .A_WIDTH(A),
        .B_WIDTH(B)
    ) dut (
        .a      (a),
        .b      (b),
        .product(product)
    );
    integer n;
    initial
        for (n = 0; n < (1 << (A + B)); n = n + 1) begin
            {b, a} = n[A+B-1:0];
            #1 $display("multiply %0d %0d : %h %h : %h", A, B, a, b, product);
            operators.printed = operators.printed + 1;
        end
endmodule

module shift_case #(
    parameter WIDTH = 1,
    parameter COUNT = 1
);
    reg [WIDTH-1:0] value;
    reg [COUNT-1:0] count;
    wire [WIDTH-1:0] shifted;
    rounding_shift #(
        .WIDTH      (WIDTH),
        .COUNT_WIDTH(COUNT)
    ) dut (
        .value  (value),
        .count  (count),
        .shifted(shifted)
    );
    integer n;
    initial
        for (n = 0; n < (1 << (WIDTH + COUNT)); n = n + 1) begin
            {value, count} = n[WIDTH+COUNT-1:0];
            #1 $display("shift %0d %0d : %h %h : %h", WIDTH, COUNT, value, count, shifted);
            operators.printed = operators.printed + 1;
        end
endmodule

// Around every power of two of either sign, by every count: 2^n - 1, 2^n, 2^n + 1 and their complements.
module shift_corners #(
    parameter WIDTH = 64
);
    reg [WIDTH-1:0] value;
    reg [5:0] count;
    wire [WIDTH-1:0] shifted;
    rounding_shift #(
        .WIDTH      (WIDTH),
        .COUNT_WIDTH(6)
    ) dut (
        .value  (value),
        .count  (count),
        .shifted(shifted)
    );
    integer n, d, c;
    initial
        for (n = 0; n < WIDTH; n = n + 1)
            for (d = 0; d < 6; d = d + 1)
                for (c = 0; c < 64; c = c + 1) begin
                    value = {{(WIDTH - 1) {1'b0}}, 1'b1} << n;
                    if (d % 3 == 0) value = value - {{(WIDTH - 1) {1'b0}}, 1'b1};
                    if (d % 3 == 2) value = value + {{(WIDTH - 1) {1'b0}}, 1'b1};
                    if (d >= 3) value = ~value;
                    count = c[5:0];
                    #1 $display("shift %0d 6 : %h %h : %h", WIDTH, value, count, shifted);
                    operators.printed = operators.printed + 1;
                end
endmodule

module clamp_case #(
    parameter WIDTH = 1,
    parameter BOUND = 1
);
    reg [WIDTH-1:0] value;
    reg [BOUND-1:0] low;
    reg [BOUND-1:0] high;
    wire [BOUND-1:0] clamped;
    clamp #(
        .WIDTH      (WIDTH),
        .BOUND_WIDTH(BOUND)
    ) dut (
        .value  (value),
        .low    (low),
        .high   (high),
        .clamped(clamped)
    );
    integer n;
    initial
        for (n = 0; n < (1 << (WIDTH + 2 * BOUND)); n = n + 1) begin
            {value, low, high} = n[WIDTH+2*BOUND-1:0];
            #1 $display("clamp %0d %0d : %h %h %h : %h", WIDTH, BOUND, value, low, high, clamped);
            operators.printed = operators.printed + 1;
        end
endmodule

module operators;
    integer printed = 0;

    genvar a, b, w, s;
    generate
        for (s = 0; s < 2; s = s + 1) begin : g_mode
            for (a = 1; a <= 6; a = a + 1) begin : g_fit
                for (w = 1; w <= 6; w = w + 1) begin : g_out
                    fit_case #(.IN(a), .OUT(w), .SATURATE(s)) each ();
                end
            end
            for (w = 1; w <= 5; w = w + 1) begin : g_add
                add_case #(.A(w), .B(w), .OUT(w), .SATURATE(s)) each ();
            end
            for (a = 2; a <= 4; a = a + 1) begin : g_mixed
                for (b = 2; b <= 4; b = b + 1) begin : g_b
                    for (w = 2; w <= 5; w = w + 1) begin : g_out
                        if (a != b || a != w) begin : g_unequal
                            add_case #(.A(a), .B(b), .OUT(w), .SATURATE(s)) each ();
                        end
                    end
                end
            end
            for (w = 1; w <= 4; w = w + 1) begin : g_accumulate
                accumulate_case #(.ACC(w), .ADDEND(w), .SATURATE(s)) each ();
            end
            accumulate_case #(.ACC(3), .ADDEND(5), .SATURATE(s)) wide_addend ();
        end
        for (a = 1; a <= 4; a = a + 1) begin : g_multiply
            for (b = 1; b <= 4; b = b + 1) begin : g_b
                multiply_case #(.A(a), .B(b)) each ();
            end
        end
        for (w = 1; w <= 6; w = w + 1) begin : g_shift
            for (b = 1; b <= 4; b = b + 1) begin : g_count
                shift_case #(.WIDTH(w), .COUNT(b)) each ();
            end
        end
        for (w = 1; w <= 5; w = w + 1) begin : g_clamp
            for (b = 1; b <= w; b = b + 1) begin : g_bound
                clamp_case #(.WIDTH(w), .BOUND(b)) each ();
            end
        end
    endgenerate
    multiply_case #(.A(8), .B(8)) every_int8_product ();
    shift_corners #(.WIDTH(16)) corners_16 ();
    shift_corners #(.WIDTH(56)) corners_56 ();
    shift_corners #(.WIDTH(64)) corners_64 ();

    // Every loop above is done long before: the longest takes 2^16 steps.
    initial begin
        #200000 $display("RESULT PRINTED n=%0d", printed);
        $finish;
    end
endmodule
