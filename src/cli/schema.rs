//! `goldpath schema`: the JSON Schema of a file, on standard output.

use super::args::{SchemaArgs, SchemaOf};
use super::{Console, Status, not_built_yet};
use crate::design::Design;
use crate::error::Result;

pub fn run(args: &SchemaArgs, console: &Console) -> Result<Status> {
    match args.of {
        SchemaOf::Design => console.answer_json(&Design::json_schema())?,
        SchemaOf::Manifest => return Err(not_built_yet("schema manifest")),
    }
    Ok(Status::Done)
}
