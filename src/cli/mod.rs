//! The command line: arguments as typed, what they mean, and the only place that prints or exits.
//!
//! `args` is what was typed, one file per command is what it does, `console` is how it speaks.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "doc comments of arguments are help texts: [M, K] is a shape"
)]

mod advice;
pub mod args;
mod bounds;
mod check;
mod compare;
mod compare_schemes;
mod completions;
mod console;
mod cosim;
mod design_file;
mod doctor;
mod doubts;
mod explain;
mod feeds;
mod identify;
mod infer;
mod layers;
mod model;
mod output;
mod overflow;
mod overflow_page;
mod params;
mod product;
mod run;
mod schema;
mod strength;
mod sweep;
mod vectors;
mod witness;

use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;

use crate::error::Result;
use crate::files::interrupt;
use args::{Arguments, Command};
pub use console::Console;

/// How a command ended that could be done; what could not be done is an error and exit status 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Exit status 0: done, or the same.
    Done,
    /// Exit status 1: different, or a stated check failed.
    Different,
}

/// Runs the program; exit status 0 done or same, 1 different, 2 could not do it.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            // What was typed is quoted in it. A closed pipe behind `--help` is nobody's error.
            if std::env::args_os().any(|a| a.to_string_lossy().contains(char::is_control)) {
                console::usage(&usage.to_string());
            } else {
                let _ = usage.print();
            }
            return ExitCode::from(if usage.use_stderr() { 2 } else { 0 });
        }
    };
    let console = Console::new(arguments.format, arguments.quiet);
    if let Err(refused) = interrupt::listen() {
        console.note(&format!(
            "note: signals are not heeded ({refused}): interrupted, leftovers go with the next run"
        ));
    }
    let status = exit_status(&arguments, &console);
    interrupt::settle();
    ExitCode::from(status)
}

/// As [`main`], for tests that ask thousands of questions: what is printed is added to `heard`.
///
/// The exit status, or `None` where the arguments are not understood.
pub fn in_process(
    typed: impl IntoIterator<Item = std::ffi::OsString>,
    heard: &'static Mutex<Vec<u8>>,
) -> Option<u8> {
    let arguments = Arguments::try_parse_from(typed).ok()?;
    let console = Console::heard_by(arguments.format, arguments.quiet, heard);
    Some(exit_status(&arguments, &console))
}

fn exit_status(arguments: &Arguments, console: &Console) -> u8 {
    crate::limits::set_max_memory(arguments.max_memory);
    match dispatch(&arguments.command, console) {
        Ok(Status::Done) => 0,
        Ok(Status::Different) => 1,
        Err(error) => {
            console.error(&crate::files::as_typed(error));
            2
        }
    }
}

/// Runs one command; what does not fit the design is answered with what to override.
fn dispatch(command: &Command, console: &Console) -> Result<Status> {
    let status = command_of(command, console).map_err(|error| advice::add(error, command))?;
    advice::note(command, console);
    doubts::note(command, console);
    Ok(status)
}

fn command_of(command: &Command, console: &Console) -> Result<Status> {
    match command {
        Command::Check(args) => check::run(args, console),
        Command::Run(args) => run::run(args, console),
        Command::Infer(args) => infer::run(args, console),
        Command::CompareSchemes(args) => compare_schemes::run(args, console),
        Command::Layers(args) => layers::run(args, console),
        Command::Overflow(args) => overflow::run(args, console),
        Command::Sweep(args) => sweep::run(args, console),
        Command::Vectors(args) => vectors::run(args, console),
        Command::Cosim(args) => cosim::run(args, console),
        Command::Strength(args) => strength::run(args, console),
        Command::Identify(args) => identify::run(args, console),
        Command::Params(args) => params::run(args, console),
        Command::Schema(args) => schema::run(args, console),
        Command::Explain(args) => explain::run(args, console),
        Command::Doctor(args) => doctor::run(args, console),
        Command::Completions(args) => completions::run(args, console),
    }
}
