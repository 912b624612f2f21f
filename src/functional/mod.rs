//! A program's outcome without cycles. `plain` is the definition: one output at a time, one operation at a
//! time, in schedule order. `fast` gives the same by licence; `kernels` are its loops.
//!
//! `graph` runs whole networks by their framework's rules; `constants` and `followed` make them ready.

mod constants;
mod fast;
pub mod fold;
mod followed;
pub mod graph;
pub mod kernels;
pub mod operators;
mod plain;
mod walk;

pub use constants::folded;
pub use fast::{Bytes, Options, Prefixes, Prepared, Route, Share, Tracker, Widths, prefixes};
pub use followed::followed;
pub use kernels::Kernels;
pub use plain::{added, follow, run as run_plain};
pub use walk::{Step, Walk, walk};

use crate::lower::{Outcome, Program};

/// Runs a program on all cores. With `counts`, events per output and node and the first event; without, values only.
pub fn run(program: &Program, counts: bool) -> Outcome {
    Prepared::new(program, Options::new(counts)).run(program)
}
