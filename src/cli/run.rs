//! `goldpath run`.

use super::args::RunArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &RunArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("run"))
}
