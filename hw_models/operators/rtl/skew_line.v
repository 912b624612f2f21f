// A shift register that shows every stage, the newest word in the least significant bits; free running,
// reset to 0. One row or column of a triangular skew buffer. STAGES must be at least 1.
module skew_line #(
    parameter WIDTH  = 8,
    parameter STAGES = 1
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire [       WIDTH-1:0] in,
    output reg  [STAGES*WIDTH-1:0] stages,
    output wire [       WIDTH-1:0] out
);
    wire [(STAGES+1)*WIDTH-1:0] moved = {stages, in};

    always @(posedge clk) begin
        if (rst) stages <= {(STAGES * WIDTH) {1'b0}};
        else stages <= moved[STAGES*WIDTH-1:0];
    end

    assign out = stages[STAGES*WIDTH-1:(STAGES-1)*WIDTH];
endmodule
