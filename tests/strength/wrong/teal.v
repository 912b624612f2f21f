// teal, by the third hand: a pipeline without reset, registers begin at 0 as an FPGA loads them; what is valid is known
// by shift registers, bit d of them is d + 1 cycles old.
// Four products s8 x s8 a beat, summed in pairs, into 22 bits that wrap; a beat with `wipe` clears them.
module teal (
    input  wire               c,
    input  wire               run,
    input  wire               wipe,
    input  wire               fin,
    input  wire        [31:0] u,
    input  wire        [31:0] v,
    input  wire signed [21:0] bias,
    input  wire        [ 4:0] cut,
    output wire               ok,
    output reg signed  [ 7:0] o = 0
);
    reg [2:0] runs = 0;
    reg [2:0] wipes = 0;
    reg [5:0] fins = 0;
    always @(posedge c) begin
        runs  <= {runs[1:0], run};
        wipes <= {wipes[1:0], wipe};
        fins  <= {fins[4:0], fin & run};
    end

    // Lanes.
    reg [31:0] u1 = 0;
    reg [31:0] v1 = 0;
    always @(posedge c) begin
        u1 <= u;
        v1 <= v;
    end
    genvar g;
    generate
        for (g = 0; g < 4; g = g + 1) begin : lane
            wire signed [7:0] a = u1[8*g+:8];
            wire signed [7:0] b = v1[8*g+:8];
            reg signed [15:0] p = 0;
            always @(posedge c) p <= a * b;
        end
    endgenerate

    // Tree.
    wire signed [16:0] left = lane[0].p + lane[1].p;
    wire signed [16:0] right = lane[2].p + lane[3].p;
    reg signed  [17:0] dot = 0;
    always @(posedge c) dot <= left + right;

    // Sum.
    reg signed [21:0] sum = 0;
    always @(posedge c)
        if (wipes[2] & ~runs[2]) sum <= 0;
        else if (runs[2]) sum <= sum + dot;

    // The layer's numbers, as old as the sum and as what is made of it.
    reg [27*4-1:0] numbers = 0;
    always @(posedge c) numbers <= {numbers[27*3-1:0], bias, cut};
    wire signed [21:0] bias4 = numbers[27*3+5+:22];
    wire        [ 4:0] cut4 = numbers[27*3+:5];

    // Ties go to the even neighbour: half less one, and one more where the result would be odd.
    wire signed [22:0] placed = sum + bias4;
    wire signed [23:0] less = (cut4 == 0) ? 24'sd0 : (24'sd1 <<< (cut4 - 5'd1)) - 24'sd1;
    wire               odd = (cut4 != 0) & placed[cut4];
    wire signed [23:0] tuned = placed + less + $signed({1'b0, odd});
    reg signed  [22:0] scaled = 0;
    always @(posedge c) scaled <= tuned >>> cut4;

    always @(posedge c)
        if (scaled > 127) o <= 127;
        else if (scaled < -128) o <= -128;
        else o <= scaled[7:0];
    assign ok = fins[5];
endmodule
