//! `goldpath completions`: a completion script for a shell, on standard output.

use clap::CommandFactory;

use super::args::{Arguments, CompletionsArgs};
use super::{Console, Status};
use crate::error::Result;

pub fn run(args: &CompletionsArgs, console: &Console) -> Result<Status> {
    // Written to memory first: clap_complete panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "goldpath", &mut script);
    console.answer(&String::from_utf8_lossy(&script))?;
    Ok(Status::Done)
}
