//! The two engines: equal to each other, to the timing formulas, and to sums written out by hand.

mod command;
mod designs;
mod equal;
mod work;
