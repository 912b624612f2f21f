//! `goldpath infer`.

use super::args::InferArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &InferArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("infer"))
}
