//! `goldpath cosim`.

use super::args::CosimArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &CosimArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("cosim"))
}
