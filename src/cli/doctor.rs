//! `goldpath doctor`.

use super::args::DoctorArgs;
use super::{Console, Status, not_built_yet};
use crate::error::Result;

pub fn run(_args: &DoctorArgs, _console: &Console) -> Result<Status> {
    Err(not_built_yet("doctor"))
}
