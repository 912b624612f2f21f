//! A program's outcome without cycles. `plain` is the definition: one output at a time, one operation at a
//! time, in schedule order.

pub mod graph;
pub mod operators;
mod plain;

pub use plain::run;
