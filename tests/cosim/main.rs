//! Bundles against the Verilog twins, in both simulators.
//!
//! Builds are kept in goldpath's cache folder, so each twin is compiled once per simulator.

mod beats;
mod commands;
mod committed;
mod edits;
mod endings;
mod false_pass;
mod gaps;
mod module;
mod mutations;
mod paths;
mod presets;
mod presets_apart;
mod products;
mod sources;
mod steps;
mod twins;

use assert_cmd::assert::Assert;
use assert_cmd::cargo::cargo_bin_cmd;

/// Runs the program in the project's root.
fn goldpath(arguments: &[impl AsRef<std::ffi::OsStr>]) -> Assert {
    cargo_bin_cmd!("goldpath").args(arguments).assert()
}

/// The program's words, separated by spaces.
fn run(line: &str) -> Assert {
    goldpath(&line.split(' ').collect::<Vec<_>>())
}
