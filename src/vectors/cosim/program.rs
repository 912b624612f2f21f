//! Runs a built simulation, and ends one that does not end by itself.

use std::ffi::OsString;
use std::process::{Command, Output};

use super::Simulator;
use super::build::{Built, Deadline};
use super::{process, words};
use crate::error::Result;

/// What the simulation says until it ends. It runs in the user's current folder, where relative names of the RTL's own
/// files begin.
///
/// # Errors
/// It cannot be started, or had not ended at the deadline and was killed: no verdict.
pub fn run(
    simulator: Simulator,
    built: &Built,
    arguments: &[OsString],
    deadline: Deadline,
) -> Result<Output> {
    let mut command = match simulator {
        // -n: a `$stop` ends the run instead of waiting for a person.
        Simulator::Icarus => {
            let mut vvp = Command::new("vvp");
            vvp.arg("-n").arg(&built.path);
            vvp
        }
        Simulator::Verilator => Command::new(&built.path),
    };
    let ended = process::run(command.args(arguments), deadline.at).map_err(|e| simulator.missing(e))?;
    ended.ok_or_else(|| words::endless(simulator, "the simulation", deadline.seconds))
}
