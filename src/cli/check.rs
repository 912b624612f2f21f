//! `goldpath check`.

use super::args::CheckArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &CheckArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("check"))
}
