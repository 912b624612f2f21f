// os8x8_s8_acc32, design sha256 67ff4a4614f681b643c97f567ee50013d1470f79bbc669120f995d2565f63695
localparam ACC_WIDTH = 32; // accumulator.width
localparam COLUMNS = 8; // array.columns
localparam ROWS = 8; // array.rows
localparam ACT_WIDTH = 8; // operands.activation.width
localparam WGT_WIDTH = 8; // operands.weight.width
