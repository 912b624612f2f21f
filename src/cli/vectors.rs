//! `goldpath vectors`.

use super::args::VectorsArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &VectorsArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("vectors"))
}
