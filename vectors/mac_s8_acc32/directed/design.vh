// mac_s8_acc32, design sha256 ab883eb20ab8d5e623a8f16ef460fb143857cc5ba74212d8bd88134876fc4ce2
localparam ACC_WIDTH = 32; // accumulator.width
localparam ACT_WIDTH = 8; // operands.activation.width
localparam WGT_WIDTH = 8; // operands.weight.width
