//! `goldpath schema`.

use super::args::SchemaArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &SchemaArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("schema"))
}
