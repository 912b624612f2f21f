//! The design a command was given: a file or the folder that holds one, with its overrides.

use super::args::{DesignArgs, Overrides};
use crate::design::Design;
use crate::error::Result;

/// Loads a design argument.
pub fn load(args: &DesignArgs) -> Result<Design> {
    load_path(&args.design, &args.overrides)
}

/// Loads the design at `path`: design.toml, or the folder that holds one.
pub fn load_path(path: &std::path::Path, overrides: &Overrides) -> Result<Design> {
    let set: Vec<String> = overrides.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if path.is_dir() { Design::load(&path.join("design.toml"), &set) } else { Design::load(path, &set) }
}
