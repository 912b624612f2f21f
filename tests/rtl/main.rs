//! The Verilog twins as hardware: their operators tried on every input in both simulators, and each twin
//! synthesised by Yosys. That the twins follow the designs clock by clock is `tests/cosim`'s matter.

mod operators;
mod rule;
mod synthesis;
mod tools;
