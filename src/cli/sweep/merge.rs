//! `goldpath sweep merge`: the folders of shards become one.

use super::args::MergeArgs;
use super::folder::{Folder, read_plan};
use super::report;
use crate::cli::{Console, Status};
use crate::error::{Error, Kind, Result};
use crate::files;

pub fn run(args: &MergeArgs, console: &Console) -> Result<Status> {
    let first = args.shards.first().ok_or_else(|| Error::new(Kind::Usage, "no shard to merge"))?;
    let plan = read_plan(first)?;
    files::prepare(&args.out, &args.shards)?;
    let folder = Folder::open(&args.out, &plan)?;
    folder.refuse_incomplete(&args.shards)?;
    for shard in &args.shards {
        folder.take_over(shard)?;
    }
    report(folder.report()?, folder.path(), console)
}
