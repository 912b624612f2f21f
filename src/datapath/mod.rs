//! Clocked hardware blocks: registers and their next state. A datapath never sees a file, a network or a trace.
