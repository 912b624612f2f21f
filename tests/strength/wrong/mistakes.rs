//! What may go wrong when a MAC is written by hand: per style a list of mistakes, each as what the right source
//! says and what is written instead.

/// One wrong MAC. Every text on the left stands exactly once in the right source.
pub struct Mistake {
    pub name: &'static str,
    pub edits: &'static [(&'static str, &'static str)],
    /// The bundle of single products is the one that must show it: an output has one product there, and the layer's
    /// numbers are at their other ends.
    pub needs_single: bool,
    /// Beat after beat, it is right.
    pub needs_gaps: bool,
}

const fn mistake(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Mistake {
    Mistake { name, edits, needs_single: false, needs_gaps: false }
}

const fn of_single(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Mistake {
    Mistake { name, edits, needs_single: true, needs_gaps: false }
}

const fn of_gaps(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Mistake {
    Mistake { name, edits, needs_single: false, needs_gaps: true }
}

/// One clocked block, plain numbers.
pub const LARK: &[Mistake] = &[
    of_gaps("sum goes on while valid is 0", &[("if (go1) s <= from + q;", "s <= from + q;")]),
    of_gaps("cleared while valid is 0", &[("if (go1) s <= from + q;", "s <= go1 ? from + q : 0;")]),
    of_gaps(
        "the last beat in front of a rest taken for the last of the output",
        &[("done <= go1 && tail1;", "done <= go1 && (tail1 || !go);")],
    ),
    of_gaps(
        "operands held while valid is 0, their product added again",
        &[
            ("x1 <= x;\n            k1 <= k;", "if (go) {x1, k1} <= {x, k};"),
            ("if (go1) s <= from + q;", "s <= from + q;"),
        ],
    ),
    mistake(
        "accumulator of 32 bits",
        &[
            ("reg signed [23:0] s;", "reg signed [31:0] s;"),
            ("reg signed [23:0] from;", "reg signed [31:0] from;"),
            ("b1[23:0]", "b1"),
            ("[55:0] p;", "[63:0] p;"),
        ],
    ),
    mistake(
        "accumulator one bit too wide",
        &[
            ("reg signed [23:0] s;", "reg signed [24:0] s;"),
            ("reg signed [23:0] from;", "reg signed [24:0] from;"),
        ],
    ),
    mistake("accumulator one bit too narrow", &[("reg signed [23:0] s;", "reg signed [22:0] s;")]),
    mistake("product of unsigned part-selects", &[("q = x1 * k1;", "q = x1[7:0] * k1[7:0];")]),
    mistake(
        "one factor unsigned",
        &[("reg signed [ 7:0] x1, k1;", "reg signed [7:0] x1;\n    reg [7:0] k1;")],
    ),
    mistake("product of 15 bits", &[("reg signed [15:0] q;", "reg signed [14:0] q;")]),
    mistake("product not sign-extended", &[("from + q", "from + {8'b0, q}")]),
    mistake("lowest bit of the product lost", &[("from + q", "from + (q & ~16'sd1)")]),
    mistake(">> for >>>", &[("w >>> n3", "w >> n3")]),
    mistake("no rounding half", &[("if (n3 != 0) w = w +", "if (0) w = w +")]),
    mistake(
        "half away from zero",
        &[(
            "if (n3 != 0) w = w + (64'sd1 <<< (n3 - 6'd1));",
            "if (n3 != 0) w = w + (64'sd1 <<< (n3 - 6'd1)) - (p < 0);",
        )],
    ),
    mistake(
        "half towards zero",
        &[(
            "if (n3 != 0) w = w + (64'sd1 <<< (n3 - 6'd1));",
            "if (n3 != 0) w = w + (64'sd1 <<< (n3 - 6'd1)) - (p >= 0);",
        )],
    ),
    mistake("half of a whole step", &[("64'sd1 <<< (n3 - 6'd1)", "64'sd1 <<< n3")]),
    mistake("shift by one more", &[("w >>> n3", "w >>> (n3 + 6'd1)")]),
    mistake("five bits of the shift", &[("w >>> n3", "w >>> n3[4:0]")]),
    mistake("scaled to 48 bits, as a DSP slice has", &[("[55:0] p;", "[47:0] p;")]),
    mistake(
        "rounded value saturates, not wraps",
        &[(
            "r <= w[31:0];",
            "r <= w > 64'sd2147483647 ? 32'sh7fffffff : w < -64'sd2147483648 ? 32'sh80000000 : w[31:0];",
        )],
    ),
    mistake("first product dropped", &[("s <= from + q;", "s <= head1 ? from : from + q;")]),
    mistake("last product dropped", &[("if (go1) s <=", "if (go1 && !tail1) s <=")]),
    mistake("clear ignored", &[("head1 ? b1[23:0] : s", "s")]),
    mistake("sum of the output before carried on", &[("head1 ? b1[23:0] : s", "head1 ? s + b1[23:0] : s")]),
    of_single(
        "no output of one product: first and last together",
        &[("head1 ? b1[23:0]", "(head1 && !tail1) ? b1[23:0]")],
    ),
    mistake("bias dropped", &[("head1 ? b1[23:0] : s", "head1 ? 24'sd0 : s")]),
    mistake("bias added twice", &[("s <= from + q;", "s <= tail1 ? from + q + b1[23:0] : from + q;")]),
    mistake("bias with every product", &[("head1 ? b1[23:0] : s", "(head1 ? 24'sd0 : s) + b1[23:0]")]),
    of_single("bias of the channel that comes next", &[("head1 ? b1[23:0]", "head1 ? b[23:0]")]),
    mistake("bias cut to 16 bits", &[("head1 ? b1[23:0]", "head1 ? $signed(b1[15:0])")]),
    mistake("multiplier of the output that comes next", &[("p <= s * m2;", "p <= s * m;")]),
    mistake("shift of the output that comes next", &[("n2, z2, lo2, hi2};", "n, z2, lo2, hi2};")]),
    mistake(
        "clamped before the zero point",
        &[("t = r + z4;", "t = r;"), ("y <= t[7:0];", "y <= t[7:0] + z4;")],
    ),
    mistake("zero point dropped", &[("t = r + z4;", "t = r;")]),
    mistake("zero point subtracted", &[("t = r + z4;", "t = r - z4;")]),
    mistake("zero point without its sign", &[("t = r + z4;", "t = r + $signed({1'b0, z4});")]),
    mistake("relu for the lower bound", &[("if (t < lo4) t = lo4;", "if (t < 0) t = 0;")]),
    mistake("no upper bound", &[("if (t > hi4) t = hi4;", "")]),
    mistake("upper bound one too low", &[("if (t > hi4) t = hi4;", "if (t >= hi4) t = hi4 - 1;")]),
    mistake(
        "fixed bounds of s8",
        &[
            ("if (t > hi4) t = hi4;", "if (t > 127) t = 127;"),
            ("if (t < lo4) t = lo4;", "if (t < -128) t = -128;"),
        ],
    ),
    mistake("zero point added without room for it", &[("reg signed [32:0] t;", "reg signed [31:0] t;")]),
    mistake("18 bits of the multiplier", &[("p <= s * m2;", "p <= s * $signed({1'b0, m2[17:0]});")]),
    mistake("rounded value of 16 bits", &[("r <= w[31:0];", "r <= $signed(w[15:0]);")]),
    mistake(
        "weight a beat late",
        &[("k1 <= k;", "k0 <= k;\n            k1 <= k0;"), ("x1, k1;", "x1, k0, k1;")],
    ),
    mistake(
        "product a beat late",
        &[("q = x1 * k1;", ""), ("done <= go1 && tail1;", "done <= go1 && tail1;\n            q = x1 * k1;")],
    ),
    mistake("first product twice", &[("s <= from + q;", "s <= head1 ? from + q + q : from + q;")]),
    mistake("clamped as 8 bits", &[("t = r + z4;", "t = $signed(r[7:0]) + z4;")]),
    mistake("output a clock early", &[("rdy <= have4;", "rdy <= have3;")]),
    mistake("valid with every product", &[("done <= go1 && tail1;", "done <= go1;")]),
    mistake("wrong value at reset", &[("<= 6'b0;", "<= 6'b1;")]),
];

/// Modules, parameters, functions.
pub const OSPREY: &[Mistake] = &[
    of_gaps("sum goes on while valid is 0", &[(".enable(stb_2)", ".enable(1'b1)")]),
    of_gaps(
        "the product stalls while valid is 0 inside an output, its valid bit does not",
        &[(
            "osprey_line #(.BITS(TERM), .DEEP(1)) products (.clk(clk), .arst_n(arst_n), .d(product), .q(term));",
            "reg busy;
                always @(posedge clk or negedge arst_n)
                    if (!arst_n) busy <= 1'b0;
                    else if (stb) busy <= ~eof;
                reg signed [TERM-1:0] kept;
                always @(posedge clk) if (stb | ~busy) kept <= product;
                assign term = kept;",
        )],
    ),
    mistake(
        "accumulator of 32 bits",
        &[
            ("    parameter ACC = 20\n", "    parameter ACC = 32\n"),
            (
                "osprey_limit #(.IN(32), .OUT(ACC)) limit_start (.v(start), .q(fitted_start));",
                "assign fitted_start = start;",
            ),
        ],
    ),
    mistake("accumulator one bit too wide", &[("    parameter ACC = 20\n", "    parameter ACC = 21\n")]),
    mistake("accumulator one bit too narrow", &[("    parameter ACC = 20\n", "    parameter ACC = 19\n")]),
    mistake(
        "upper rail one too low",
        &[("{1'b0, {(OUT - 1) {1'b1}}};", "{1'b0, {(OUT - 2) {1'b1}}, 1'b0};")],
    ),
    mistake(
        "lower rail one too high: symmetric",
        &[("{1'b1, {(OUT - 1) {1'b0}}};", "{1'b1, {(OUT - 2) {1'b0}}, 1'b1};")],
    ),
    mistake(
        "upper rail found one bit too late",
        &[
            ("|v[IN-2:OUT-1]", "|v[IN-2:OUT]"),
            ("wire signed [  ACC:0] sum", "wire signed [ACC+1:0] sum"),
            (".IN(ACC + 1)", ".IN(ACC + 2)"),
        ],
    ),
    mistake("wraps, not saturates", &[("assign q = over ? highest : under ? lowest : v", "assign q = v")]),
    mistake("saturates upwards only", &[("under ? lowest : v", "v")]),
    mistake("saturates downwards only", &[("over ? highest : under", "under")]),
    mistake("rails exchanged", &[("over ? highest : under ? lowest", "over ? lowest : under ? highest")]),
    mistake(
        "saturates only at the end",
        &[
            ("output reg signed  [ ACC-1:0] total", "output wire signed [ ACC-1:0] total"),
            (
                "wire signed [ACC-1:0] onto = load ? fitted_start : total;",
                "reg signed [31:0] long;\n    wire signed [31:0] onto = load ? fitted_start : long;",
            ),
            ("wire signed [  ACC:0] sum = onto + term;", "wire signed [31:0] sum = onto + term;"),
            (
                "osprey_limit #(.IN(ACC + 1), .OUT(ACC)) limit_sum (.v(sum), .q(next));",
                "osprey_limit #(.IN(32), .OUT(ACC)) limit_sum (.v(long), .q(total));",
            ),
            ("if (!arst_n) total <= {ACC{1'b0}};", "if (!arst_n) long <= 0;"),
            ("else if (enable) total <= next;", "else if (enable) long <= sum;"),
        ],
    ),
    mistake(
        "stays at a rail once it is there",
        &[(
            "if (enable) total <= next;",
            "if (enable && (load || (total != {1'b0, {(ACC - 1) {1'b1}}}
                && total != {1'b1, {(ACC - 1) {1'b0}}}))) total <= next;",
        )],
    ),
    mistake("start wraps, not saturates", &[("load ? fitted_start", "load ? start[ACC-1:0]")]),
    mistake("zero point of 127 for 128", &[("- 9'sd128", "- 9'sd127")]),
    mistake(
        "zero point of the activation dropped",
        &[("$signed({1'b0, pixel_1}) - 9'sd128", "$signed({1'b0, pixel_1})")],
    ),
    mistake("activation read as signed", &[("$signed({1'b0, pixel_1}) - 9'sd128", "$signed(pixel_1)")]),
    mistake(
        "centred activation of 8 bits, limited to -127",
        &[(
            "wire signed [8:0] centred = $signed({1'b0, pixel_1}) - 9'sd128;",
            "wire signed [8:0] centred = pixel_1 == 8'd0 ? -9'sd127 : $signed({1'b0, pixel_1}) - 9'sd128;",
        )],
    ),
    mistake("weight read as unsigned", &[("centred * coef_1;", "centred * $signed({1'b0, coef_1});")]),
    mistake(
        "weight limited to -127",
        &[("centred * coef_1;", "centred * (coef_1 == -8'sd128 ? -8'sd127 : coef_1);")],
    ),
    mistake("product of 15 bits", &[("localparam TERM = 17;", "localparam TERM = 15;")]),
    mistake("sum unsigned: the term is a part-select", &[("onto + term;", "onto + term[TERM-1:0];")]),
    mistake(
        "half away from zero",
        &[(
            "wide = wide >>> count;",
            "wide = (value[ACC-1] && count != 0) ? (wide - 1) >>> count : wide >>> count;",
        )],
    ),
    mistake(
        "half to even",
        &[(
            "rounded = wide[ACC-1:0];",
            "rounded = wide[ACC-1:0];
                if (count != 0 && (value & ((20'sd1 <<< count) - 1)) == (20'sd1 <<< (count - 5'd1)))
                    rounded[0] = 1'b0;",
        )],
    ),
    mistake("no rounding half", &[("if (count != 5'd0) wide", "if (0) wide")]),
    mistake(
        "no rounding half on negatives",
        &[("if (count != 5'd0) wide", "if (count != 5'd0 && !value[ACC-1]) wide")],
    ),
    mistake(
        "no room for the carry of the half",
        &[("reg signed [ACC:0] wide;", "reg signed [ACC-1:0] wide;")],
    ),
    mistake(">> for >>>", &[("wide >>> count", "wide >> count")]),
    mistake("four bits of the shift", &[("wide >>> count", "wide >>> count[3:0]")]),
    mistake("shift by one less", &[("wide >>> count", "wide >>> (count - (count != 0))")]),
    mistake(
        "bias at the other end, behind the last product",
        &[
            (".start(offset_2)", ".start(32'd0)"),
            (".d(rounded(total, places_3))", ".d(rounded(ended, places_3))"),
            (
                "wire signed [ACC-1:0] scaled;",
                "wire [31:0] offset_3;
                osprey_line #(.BITS(32), .DEEP(1)) late (
                    .clk(clk), .arst_n(arst_n), .d(offset_2), .q(offset_3)
                );
                wire signed [32:0] end_sum = total + $signed(offset_3);
                wire signed [ACC-1:0] ended;
                osprey_limit #(.IN(33), .OUT(ACC)) limit_end (.v(end_sum), .q(ended));
                wire signed [ACC-1:0] scaled;",
            ),
        ],
    ),
    mistake(
        "start loaded a product late",
        &[
            (".load(sof_2)", ".load(late)"),
            (
                "wire signed [ACC-1:0] total;",
                "wire late;
                osprey_line #(.BITS(1), .DEEP(1)) later (
                    .clk(clk), .arst_n(arst_n), .d(sof_2), .q(late)
                );
                wire signed [ACC-1:0] total;",
            ),
        ],
    ),
    mistake(
        "start fitted to 16 bits",
        &[
            (
                "#(.IN(32), .OUT(ACC)) limit_start (.v(start), .q(fitted_start));",
                "#(.IN(32), .OUT(16)) limit_start (.v(start), .q(short));",
            ),
            (
                "wire signed [ACC-1:0] fitted_start;",
                "wire signed [15:0] short;\n    wire signed [ACC-1:0] fitted_start = short;",
            ),
        ],
    ),
    mistake(
        "start not limited before the first product",
        &[
            (
                "onto = load ? fitted_start : total;\n    wire signed [  ACC:0] sum",
                "onto = total;\n    wire signed [32:0] sum",
            ),
            ("= onto + term;", "= (load ? start : $signed({{12{onto[ACC-1]}}, onto})) + term;"),
            (".IN(ACC + 1)", ".IN(33)"),
        ],
    ),
    mistake(
        "weight a beat late",
        &[
            (".d({pixel, coef})", ".d({pixel, coef_0})"),
            (
                "wire [7:0] pixel_1;",
                "wire [7:0] coef_0;\n    osprey_line #(.BITS(8), .DEEP(1)) slow (.clk(clk), .arst_n(arst_n), .d(coef), .q(coef_0));\n    wire [7:0] pixel_1;",
            ),
        ],
    ),
    mistake(
        "rounded by the bit above the one that decides",
        &[(
            "wide = wide >>> count;",
            "wide = (value >>> count) + $signed({1'b0, count != 0 && value[count]});",
        )],
    ),
    mistake(
        "a sum that is the upper rail lowered by one",
        &[("assign q = over ? highest", "assign q = v == highest ? highest - 1'b1 : over ? highest")],
    ),
    mistake("start loaded with the last product", &[(".load(sof_2)", ".load(eof_2)")]),
    mistake("start never loaded", &[(".load(sof_2)", ".load(1'b0)")]),
    mistake("shift of the output that comes next", &[(".BITS(5), .DEEP(3)", ".BITS(5), .DEEP(2)")]),
    mistake(
        "clipped before the zero point is added",
        &[(
            "clipped(placed(scaled, zero_4), least_4, most_4)",
            "clipped({scaled[ACC-1], scaled}, least_4, most_4) + zero_4",
        )],
    ),
    of_single("zero point read as signed", &[("value + $signed({1'b0, by})", "value + $signed(by)")]),
    mistake("bounds read as signed", &[("> $signed({1'b0, high})", "> $signed(high)")]),
    mistake("compared without sign", &[("value < $signed({1'b0, low})", "value < {1'b0, low}")]),
    mistake("bounds exchanged", &[("least_4, most_4)), .q(result)", "most_4, least_4)), .q(result)")]),
    mistake(
        "result of s8",
        &[("clipped = value[7:0];", "clipped = value[7:0];\n            if (value > 127) clipped = 8'd127;")],
    ),
    mistake(
        "reset active high",
        &[("        if (!arst_n) total <= {ACC{1'b0}};", "        if (arst_n) total <= {ACC{1'b0}};")],
    ),
];

/// A pipeline of four lanes.
pub const TEAL: &[Mistake] = &[
    of_gaps("sum goes on while valid is 0", &[("else if (runs[2]) sum", "else sum")]),
    of_gaps("cleared while valid is 0", &[("if (wipes[2] & ~runs[2]) sum <= 0;", "if (~runs[2]) sum <= 0;")]),
    of_gaps(
        "the tree moves with the next beat or for the last one",
        &[("@(posedge c) dot <= left + right;", "@(posedge c) if (runs[0] | fins[1]) dot <= left + right;")],
    ),
    mistake("clear ignored", &[("if (wipes[2] & ~runs[2]) sum <= 0;", "if (1'b0) sum <= 0;")]),
    mistake(
        "clear a clock late",
        &[
            ("reg [2:0] wipes = 0;", "reg [3:0] wipes = 0;"),
            ("wipes <= {wipes[1:0], wipe};", "wipes <= {wipes[2:0], wipe};"),
            ("if (wipes[2] & ~runs[2]) sum", "if (wipes[3]) sum"),
        ],
    ),
    mistake("clear a clock early", &[("if (wipes[2] & ~runs[2]) sum", "if (wipes[1]) sum")]),
    mistake("clear at once, not behind the products", &[("if (wipes[2] & ~runs[2]) sum", "if (wipe) sum")]),
    mistake(
        "only the low half cleared",
        &[("if (wipes[2] & ~runs[2]) sum <= 0;", "if (wipes[2] & ~runs[2]) sum[15:0] <= 0;")],
    ),
    mistake("lanes of a pair exchanged on one side", &[("a = u1[8*g+:8];", "a = u1[8*(g^1)+:8];")]),
    mistake("pairs exchanged on one side", &[("a = u1[8*g+:8];", "a = u1[8*(g^2)+:8];")]),
    mistake("lanes reversed on one side", &[("b = v1[8*g+:8];", "b = v1[8*(3-g)+:8];")]),
    mistake("the last lane ignored", &[("lane[2].p + lane[3].p", "lane[2].p")]),
    mistake("a lane twice, another never", &[("lane[2].p + lane[3].p", "lane[2].p + lane[2].p")]),
    mistake("a pair subtracted", &[("left + right;", "left - right;")]),
    mistake("sum of a pair of 16 bits", &[("wire signed [16:0] left", "wire signed [15:0] left")]),
    mistake("sum of four of 17 bits", &[("reg signed  [17:0] dot", "reg signed  [16:0] dot")]),
    mistake("sum of a pair not sign-extended", &[("left + right;", "left + right[16:0];")]),
    mistake(
        "one pair a beat late",
        &[
            ("dot <= left + right;", "dot <= left + slow;"),
            (
                "reg signed  [17:0] dot = 0;",
                "reg signed  [17:0] dot = 0;\n    reg signed [16:0] slow = 0;\n    always @(posedge c) slow <= right;",
            ),
        ],
    ),
    mistake(
        "weights a beat late",
        &[
            ("v1 <= v;", "v0 <= v;\n        v1 <= v0;"),
            ("reg [31:0] u1 = 0;", "reg [31:0] u1 = 0;\n    reg [31:0] v0 = 0;"),
        ],
    ),
    mistake(
        "lanes of a pair halved before they are added",
        &[("= lane[0].p + lane[1].p;", "= ((lane[0].p >>> 1) + (lane[1].p >>> 1)) <<< 1;")],
    ),
    mistake(
        "pair limited to 16 bits",
        &[(
            "wire signed [16:0] right = lane[2].p + lane[3].p;",
            "wire signed [16:0] pair = lane[2].p + lane[3].p;\n    wire signed [16:0] right = pair == 17'sd32768 ? 17'sd32767 : pair;",
        )],
    ),
    mistake("product of part-selects", &[("p <= a * b;", "p <= u1[8*g+:8] * v1[8*g+:8];")]),
    mistake("one factor a part-select", &[("p <= a * b;", "p <= a * v1[8*g+:8];")]),
    mistake("product of 15 bits", &[("reg signed [15:0] p", "reg signed [14:0] p")]),
    mistake(
        "accumulator of 32 bits",
        &[
            ("reg signed [21:0] sum", "reg signed [31:0] sum"),
            ("[22:0] placed", "[32:0] placed"),
            ("[23:0] tuned", "[33:0] tuned"),
            ("[22:0] scaled", "[32:0] scaled"),
        ],
    ),
    mistake(
        "accumulator one bit too wide",
        &[
            ("reg signed [21:0] sum", "reg signed [22:0] sum"),
            ("[22:0] placed", "[23:0] placed"),
            ("[23:0] tuned", "[24:0] tuned"),
            ("[22:0] scaled", "[23:0] scaled"),
        ],
    ),
    mistake("accumulator one bit too narrow", &[("reg signed [21:0] sum", "reg signed [20:0] sum")]),
    mistake(
        "saturates, not wraps",
        &[
            ("sum <= sum + dot;", "sum <= wide > 2097151 ? 2097151 : wide < -2097152 ? -2097152 : wide;"),
            (
                "reg signed [21:0] sum = 0;",
                "reg signed [21:0] sum = 0;\n    wire signed [23:0] wide = sum + dot;",
            ),
        ],
    ),
    mistake(
        "the first beat dropped",
        &[
            ("else if (runs[2]) sum", "else if (runs[2] & ~wiped) sum"),
            (
                "reg signed [21:0] sum = 0;",
                "reg signed [21:0] sum = 0;\n    reg wiped = 0;\n    always @(posedge c) wiped <= wipes[2];",
            ),
        ],
    ),
    mistake(
        "the sum taken a beat early, valid in time",
        &[(
            "wire signed [22:0] placed = sum + bias4;",
            "reg signed [21:0] older = 0;
            always @(posedge c) older <= sum;
            wire signed [22:0] placed = older + bias4;",
        )],
    ),
    mistake("bias dropped", &[("= sum + bias4;", "= sum;")]),
    mistake("bias added twice", &[("= sum + bias4;", "= sum + bias4 + bias4;")]),
    mistake("bias subtracted", &[("= sum + bias4;", "= sum - bias4;")]),
    mistake("bias of the output that comes next", &[("numbers[27*3+5+:22]", "numbers[27*0+5+:22]")]),
    mistake("shift of the output that comes next", &[("cut4 = numbers[27*3+:5]", "cut4 = numbers[27*0+:5]")]),
    mistake("sum with the bias has no room", &[("= sum + bias4;", "= $signed(sum + bias4);")]),
    mistake("half up", &[(" - 24'sd1;", ";"), ("$signed({1'b0, odd})", "24'sd0")]),
    mistake("half down", &[("$signed({1'b0, odd})", "24'sd0")]),
    mistake("half to odd", &[("placed[cut4];", "~placed[cut4];")]),
    mistake("floor", &[("placed + less + $signed({1'b0, odd})", "placed")]),
    mistake("half to even by the lowest bit", &[("placed[cut4];", "placed[0];")]),
    mistake(">> for >>>", &[("tuned >>> cut4", "tuned >> cut4")]),
    mistake("shift by one more", &[("tuned >>> cut4", "tuned >>> (cut4 + 1)")]),
    mistake("result limited to -127", &[("scaled < -128) o <= -128;", "scaled < -127) o <= -127;")]),
    mistake("upper rail one too low", &[("scaled > 127) o <= 127;", "scaled > 126) o <= 126;")]),
    mistake(
        "result wraps",
        &[("if (scaled > 127) o", "if (1'b0) o"), ("else if (scaled < -128) o", "else if (1'b0) o")],
    ),
    mistake("relu", &[("else if (scaled < -128) o <= -128;", "else if (scaled < 0) o <= 0;")]),
    mistake("output of every beat", &[("fins[4:0], fin & run}", "fins[4:0], run}")]),
];
