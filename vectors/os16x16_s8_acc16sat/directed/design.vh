// os16x16_s8_acc16sat, design sha256 27128e96482ae2bb2fcc493e669bd36ebfa2408225665b874a62f676608a8d7f
localparam ACC_WIDTH = 16; // accumulator.width
localparam COLUMNS = 16; // array.columns
localparam ROWS = 16; // array.rows
localparam ACT_WIDTH = 8; // operands.activation.width
localparam WGT_WIDTH = 8; // operands.weight.width
