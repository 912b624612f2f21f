// tree8_s8_acc24, design sha256 6c176a92a336b7b07dcdae8ede3e2ec0a88cd9143cb662d7164e82921103dde5
localparam ACC_WIDTH = 24; // accumulator.width
localparam ACT_WIDTH = 8; // operands.activation.width
localparam WGT_WIDTH = 8; // operands.weight.width
