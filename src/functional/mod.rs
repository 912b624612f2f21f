//! A program's outcome without cycles. `plain` is the definition: one output at a time, one operation at a
//! time, in schedule order.

pub mod graph;
pub mod kernels;
pub mod operators;
mod plain;
mod prefix;
mod walk;

pub use plain::run;
pub use prefix::{Prefixes, prefixes};
pub use walk::{Step, Walk, walk};
