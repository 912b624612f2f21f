//! Doubts about a design that are said whatever is done with it; `check` says all.

use std::path::Path;

use super::args::{Command, Overrides};
use super::{Console, design_file};

/// Lints of the circuit itself: what it adds up is not what its numbers suggest, for every input.
const ALWAYS: [&str; 1] = ["ragged-group"];

/// Notes the doubts about the design of a command, but for `check`, whose answer has them.
pub fn note(command: &Command, console: &Console) {
    let Some((path, overrides)) = design(command) else { return };
    let Ok(design) = design_file::load_path(path, overrides) else { return };
    for lint in design.lints(None).into_iter().filter(|lint| ALWAYS.contains(&lint.name)) {
        console.note(&format!("note: warning[{}] {}: {}", lint.name, lint.key, lint.message));
    }
}

fn design(command: &Command) -> Option<(&Path, &Overrides)> {
    match command {
        Command::Run(args) => Some((&args.design.design, &args.design.overrides)),
        Command::Vectors(args) => Some((&args.design.design, &args.design.overrides)),
        Command::Infer(args) => Some((args.design.as_deref()?, &args.overrides)),
        Command::Overflow(args) => Some((args.design.as_deref().unwrap_or(&args.subject), &args.overrides)),
        Command::Sweep(args) => Some((args.design.as_deref()?, &args.overrides)),
        _ => None,
    }
}
