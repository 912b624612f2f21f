//! The functional engine against an oracle that shares no code with it, and against the cycle engine: every value,
//! every count, every node and the first event, over random and directed designs and operands.
//!
//! `cargo test --test functional` compares two million outputs; `cargo test --test functional -- --ignored --nocapture`
//! twelve million products' and three million convolutions' in a few minutes, and prints what was among them.

#[path = "../oracle/mod.rs"]
mod oracle;

#[path = "../engine/designs.rs"]
#[allow(dead_code)]
mod designs;
#[path = "../engine/random.rs"]
#[allow(dead_code)]
mod random;
#[path = "../engine/work.rs"]
#[allow(dead_code)]
mod work;

mod bytes;
mod cases;
mod convolution;
mod directed;
mod equal;
mod neutral;
mod operands;
mod tally;
