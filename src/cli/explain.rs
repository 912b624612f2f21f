//! `goldpath explain`.

use super::args::ExplainArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &ExplainArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("explain"))
}
