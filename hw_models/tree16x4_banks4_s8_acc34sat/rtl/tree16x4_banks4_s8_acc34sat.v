// tree16x4_banks4_s8_acc34sat: COLUMNS trees of sixteen lanes over the same activations. A sum takes four clocks to be added, so
// that beats of four output positions come in turn, bank 0, 1, 2, 3, each with an accumulator of its own in every column:
// 34 bits that saturate, from the channel's bias.
//
// The position of a beat is not told: a counter of beats knows. A finished value leaves in the clock after its bank has it.
//
// Registers, latencies and what is not modelled: README.md beside this folder. Rules: R2, R3, R5, R9.
module tree16x4_banks4_s8_acc34sat #(
    parameter ACC_WIDTH = 34,
    parameter COLUMNS   = 4
) (
    input wire clk,
    input wire rst,

    input wire                   in_valid,
    input wire                   in_first,
    input wire                   in_last,
    input wire [          127:0] in_activation,
    input wire [COLUMNS*128-1:0] in_weight,

    input wire [COLUMNS*34-1:0] param_bias,

    output reg  [COLUMNS*256-1:0] pe_product,
    output reg                    pe_product_valid,
    output reg                    pe_product_first,
    output reg                    pe_product_last,
    output reg  [ COLUMNS*72-1:0] reduce_0,
    output reg                    reduce_0_valid,
    output reg                    reduce_0_first,
    output reg                    reduce_0_last,

    output reg [  COLUMNS*ACC_WIDTH-1:0] pe_sum,
    output reg                           pe_sum_valid,
    output reg [  COLUMNS*ACC_WIDTH-1:0] pe_sum_1,
    output reg                           pe_sum_valid_1,
    output reg [  COLUMNS*ACC_WIDTH-1:0] pe_sum_2,
    output reg                           pe_sum_valid_2,
    output reg [COLUMNS*4*ACC_WIDTH-1:0] pe_acc,
    output reg                           pe_done,

    output wire                         out_valid,
    output reg  [COLUMNS*ACC_WIDTH-1:0] out_data
);
    // Whose turn it is, of the beat at the adder and of those being added.
    reg [1:0] bank;
    reg [1:0] bank_0, bank_1, bank_2;
    reg last_0, last_1, last_2;
    reg [1:0] done_bank;

    // The bias meets the sum of the beat it came with.
    wire [COLUMNS*34-1:0] bias;
    delay #(
        .WIDTH (COLUMNS * 34),
        .STAGES(2)
    ) bias_delay (
        .clk(clk),
        .rst(rst),
        .in (param_bias),
        .out(bias)
    );

    genvar j;
    generate
        for (j = 0; j < COLUMNS; j = j + 1) begin : g_column
            wire [ACC_WIDTH-1:0] start;
            fit_signed #(
                .IN_WIDTH (34),
                .OUT_WIDTH(ACC_WIDTH),
                .SATURATE (1)
            ) fit_bias (
                .value (bias[j*34+:34]),
                .fitted(start)
            );

            wire [255:0] product;
            wire [71:0] sum;
            wire [3*ACC_WIDTH-1:0] adder;
            wire [4*ACC_WIDTH-1:0] acc;
            wire [ACC_WIDTH-1:0] finished;
            tree16x4_column #(
                .ACC_WIDTH(ACC_WIDTH)
            ) column (
                .clk      (clk),
                .rst      (rst),
                .a        (in_activation),
                .w        (in_weight[j*128+:128]),
                .valid    (reduce_0_valid),
                .first    (reduce_0_first),
                .bank     (bank),
                .start    (start),
                .adding   ({pe_sum_valid_2, pe_sum_valid_1, pe_sum_valid}),
                .bank_in  (bank_2),
                .done_bank(done_bank),
                .product  (product),
                .sum      (sum),
                .adder    (adder),
                .acc      (acc),
                .finished (finished)
            );

            always @(*) begin
                pe_product[j*256+:256]             = product;
                reduce_0[j*72+:72]                 = sum;
                pe_sum[j*ACC_WIDTH+:ACC_WIDTH]   = adder[0+:ACC_WIDTH];
                pe_sum_1[j*ACC_WIDTH+:ACC_WIDTH]   = adder[ACC_WIDTH+:ACC_WIDTH];
                pe_sum_2[j*ACC_WIDTH+:ACC_WIDTH]   = adder[2*ACC_WIDTH+:ACC_WIDTH];
                pe_acc[j*4*ACC_WIDTH+:4*ACC_WIDTH] = acc;
                out_data[j*ACC_WIDTH+:ACC_WIDTH]   = pe_done ? finished : {ACC_WIDTH{1'b0}};
            end
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            {pe_product_valid, pe_product_first, pe_product_last} <= 3'b000;
            {reduce_0_valid, reduce_0_first, reduce_0_last} <= 3'b000;
            {pe_sum_valid_2, pe_sum_valid_1, pe_sum_valid} <= 3'b000;
            {last_2, last_1, last_0} <= 3'b000;
            {bank_2, bank_1, bank_0, bank} <= 8'd0;
            pe_done <= 1'b0;
            done_bank <= 2'd0;
        end else begin
            {pe_product_valid, pe_product_first, pe_product_last} <= {in_valid, in_first, in_last};
            {reduce_0_valid, reduce_0_first, reduce_0_last} <= {
                pe_product_valid, pe_product_first, pe_product_last
            };
            if (reduce_0_valid) bank <= bank + 2'd1;
            {pe_sum_valid_2, pe_sum_valid_1, pe_sum_valid} <= {
                pe_sum_valid_1, pe_sum_valid, reduce_0_valid
            };
            {last_2, last_1, last_0} <= {last_1, last_0, reduce_0_last};
            {bank_2, bank_1, bank_0} <= {bank_1, bank_0, bank};
            pe_done <= pe_sum_valid_2 && last_2;
            done_bank <= bank_2;
        end
    end

    assign out_valid = pe_done;
endmodule
