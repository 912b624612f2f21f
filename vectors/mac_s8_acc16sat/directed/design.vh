// mac_s8_acc16sat, design sha256 d280416e5d75d8158d7f15776adda7d57bec967ce4dac424f9f7c6b80d4dbc00
localparam ACC_WIDTH = 16; // accumulator.width
localparam ACT_WIDTH = 8; // operands.activation.width
localparam WGT_WIDTH = 8; // operands.weight.width
