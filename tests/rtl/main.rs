//! The Verilog twins as hardware: their operators tried on every input in both simulators, each twin
//! synthesised by Yosys, and the gates of two simulated. That the twins themselves follow the designs clock by
//! clock is `tests/cosim`'s matter.

mod netlists;
mod operators;
mod rule;
mod synthesis;
mod tools;
#[path = "../engine/work.rs"]
#[allow(dead_code)]
mod work;
