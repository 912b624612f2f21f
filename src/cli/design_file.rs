//! The design a command was given: a file or the folder that holds one, with its overrides.

use super::args::{BiasIn, DesignArgs, Overrides};
use crate::design::{self, Design};
use crate::error::Result;

/// Loads a design argument.
pub fn load(args: &DesignArgs) -> Result<Design> {
    load_path(&args.design, &args.overrides)
}

/// The same, with what `--bias-in` says of biases.
pub fn load_with(args: &DesignArgs, bias_in: Option<BiasIn>) -> Result<Design> {
    load(args)?.with_bias_in(biases(bias_in))
}

/// What `--bias-in` means to a design.
pub fn biases(bias_in: Option<BiasIn>) -> design::BiasIn {
    match bias_in {
        None => design::BiasIn::Design,
        Some(BiasIn::Post) => design::BiasIn::Post,
        Some(BiasIn::None) => design::BiasIn::Nowhere,
    }
}

/// Loads the design at `path`: design.toml, or the folder that holds one.
pub fn load_path(path: &std::path::Path, overrides: &Overrides) -> Result<Design> {
    let set: Vec<String> = overrides.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if path.is_dir() { Design::load(&path.join("design.toml"), &set) } else { Design::load(path, &set) }
}
