//! What is proved without running, against everything that can happen.

mod blocks;
mod command;
mod conv;
mod enumerate;
mod replay;
mod summary;
mod tables;
mod visits;
mod witness;

#[path = "../engine/designs.rs"]
#[allow(dead_code)] // each test crate uses its own part
mod designs;
#[path = "../oracle/mod.rs"]
mod oracle;
#[path = "../engine/random.rs"]
#[allow(dead_code)]
mod random;
#[path = "../engine/work.rs"]
#[allow(dead_code)]
mod work;
