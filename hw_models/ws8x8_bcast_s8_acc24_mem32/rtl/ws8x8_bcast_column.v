// What is behind one column of ws8x8_bcast_s8_acc24_mem32: its words, and its requantiser.
//
//   sum ─ + ─ wrap to s32 ─▶ words[address]
//         │               └─[memory_out]─ + bias, wrap ─[post_0]─ half_up >> shift, saturate to s8 ─[post_1]─ code
//         └ accumulate ? words[address] : 0
//
// memory_out loads with an output's last visit, post_0 and post_1 behind their valid bits; reset to 0. The words are not reset:
// an output's first visit stores over them. The valid bits belong to the owner.
module ws8x8_bcast_column #(
    parameter ACC_WIDTH     = 24,
    parameter ADDRESS_WIDTH = 8
) (
    input  wire                     clk,
    input  wire                     rst,
    input  wire                     sum_valid,
    input  wire                     accumulate,
    input  wire                     leaves,
    input  wire [ADDRESS_WIDTH-1:0] address,
    input  wire [    ACC_WIDTH-1:0] sum,
    input  wire                     memory_out_valid,
    input  wire                     post_0_valid,
    input  wire [             31:0] bias,
    input  wire [              4:0] shift,
    output reg  [             31:0] memory_out,
    output reg  [             31:0] post_0,
    output reg  [              7:0] post_1
);
    reg [31:0] words[0:(1<<ADDRESS_WIDTH)-1];

    wire [31:0] earlier = accumulate ? words[address] : 32'd0;
    wire [31:0] word;
    fitted_add #(
        .A_WIDTH  (32),
        .B_WIDTH  (ACC_WIDTH),
        .OUT_WIDTH(32),
        .SATURATE (0)
    ) add_sum (
        .a  (earlier),
        .b  (sum),
        .sum(word)
    );

    wire [31:0] biased;
    fitted_add #(
        .A_WIDTH  (32),
        .B_WIDTH  (32),
        .OUT_WIDTH(32),
        .SATURATE (0)
    ) add_bias (
        .a  (memory_out),
        .b  (bias),
        .sum(biased)
    );

    wire [31:0] shifted;
    rounding_shift #(
        .WIDTH      (32),
        .COUNT_WIDTH(5)
    ) round (
        .value  (post_0),
        .count  (shift),
        .shifted(shifted)
    );

    wire [7:0] code;
    fit_signed #(
        .IN_WIDTH (32),
        .OUT_WIDTH(8),
        .SATURATE (1)
    ) saturate (
        .value (shifted),
        .fitted(code)
    );

    always @(posedge clk) begin
        if (!rst && sum_valid) words[address] <= word;
    end

    always @(posedge clk) begin
        if (rst) begin
            memory_out <= 32'd0;
            post_0     <= 32'd0;
            post_1     <= 8'd0;
        end else begin
            if (sum_valid && leaves) memory_out <= word;
            if (memory_out_valid) post_0 <= biased;
            if (post_0_valid) post_1 <= code;
        end
    end
endmodule
