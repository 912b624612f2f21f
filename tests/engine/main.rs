//! The two engines: equal to each other, to the timing formulas, and to sums written out by hand.

mod after;
mod command;
mod convolution;
mod designs;
mod equal;
mod exponents;
mod folded;
mod gaps;
mod inputs;
mod memory;
mod models;
#[path = "../functional/neutral.rs"]
mod neutral;
#[path = "../oracle/mod.rs"]
mod oracle;
mod packing;
mod post_only;
mod powers;
mod random;
mod routes;
mod timing;
mod waves;
mod whole;
mod work;
