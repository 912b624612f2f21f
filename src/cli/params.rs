//! `goldpath params`.

use super::args::ParamsArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &ParamsArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("params"))
}
