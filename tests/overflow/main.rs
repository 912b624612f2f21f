//! `goldpath overflow`: counts and classes against a replay in big integers, corrections by really running again,
//! witnesses in both simulators, and the command as typed.

#[path = "../engine/designs.rs"]
#[allow(dead_code, reason = "each test crate uses its own part")]
mod designs;
#[path = "../oracle/mod.rs"]
mod oracle;
#[path = "../engine/random.rs"]
#[allow(dead_code, reason = "each test crate uses its own part")]
mod random;
#[path = "../engine/work.rs"]
#[allow(dead_code, reason = "each test crate uses its own part")]
mod work;

mod brute;
mod commands;
mod network;
mod products;
mod reduces;
mod witnesses;

use std::path::{Path, PathBuf};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}
