// Drives the peer in Icarus: the same stimulus as driver.cpp, in hex; prints every output row.
module tb;
    parameter TILES = 1;
    parameter BEATS = 1;
    localparam DRAIN = BEATS + 1 + 30;
    reg [255:0] stimulus [0:TILES * BEATS - 1];
    reg [599:0] parameters [0:TILES - 1];
    reg clk = 0, rst = 1;
    reg in_valid = 0, in_first = 0, in_drain = 0;
    reg [127:0] in_activation = 0, in_weight = 0;
    reg [599:0] record = 0;
    wire out_valid;
    wire [127:0] out_data;
    integer tile, cycle;

    os16x16_s8_acc16sat dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_first(in_first), .in_activation(in_activation),
        .in_weight(in_weight), .in_drain(in_drain), .param_bias(record[511:0]), .param_shift(record[575:512]),
        .param_zero_point(record[583:576]), .param_low(record[591:584]), .param_high(record[599:592]),
        .out_valid(out_valid), .out_data(out_data)
    );

    initial begin
        $readmemh("stimulus.hex", stimulus);
        $readmemh("parameters.hex", parameters);
        repeat (2) begin
            #5 clk = 1;
            #5 clk = 0;
        end
        rst = 0;
        for (tile = 0; tile < TILES; tile = tile + 1)
            for (cycle = 0; cycle < DRAIN + 17; cycle = cycle + 1) begin
                record = parameters[tile];
                in_valid = cycle < BEATS;
                in_first = cycle == 0;
                in_drain = cycle >= DRAIN && cycle < DRAIN + 16;
                {in_weight, in_activation} = (cycle < BEATS) ? stimulus[tile * BEATS + cycle] : 256'd0;
                #4 if (out_valid) $display("%032x", out_data);
                #1 clk = 1;
                #5 clk = 0;
            end
        $finish;
    end
endmodule
