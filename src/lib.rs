//! goldpath says, bit for bit and clock for clock, what an integer MAC datapath does with a real quantised
//! network, and writes it down as golden vectors.

pub mod datapath;
pub mod design;
pub mod error;
pub mod functional;
pub mod import;
pub mod lower;
pub mod network;
pub mod num;
pub mod post;
pub mod simulate;
pub mod trace;
pub mod vectors;
pub mod wave;

#[doc(hidden)]
pub mod cli;
