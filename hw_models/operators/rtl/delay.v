// A word, STAGES clocks later; free running, reset to 0. STAGES must be at least 1.
module delay #(
    parameter WIDTH  = 8,
    parameter STAGES = 1
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);
    reg [STAGES*WIDTH-1:0] line;
    // The newest word enters at the bottom; the one above the top falls out.
    wire [(STAGES+1)*WIDTH-1:0] moved = {line, in};

    always @(posedge clk) begin
        if (rst) line <= {(STAGES * WIDTH) {1'b0}};
        else line <= moved[STAGES*WIDTH-1:0];
    end

    assign out = line[STAGES*WIDTH-1:(STAGES-1)*WIDTH];
endmodule
