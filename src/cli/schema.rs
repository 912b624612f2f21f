//! `goldpath schema`: the JSON Schema of a file, on standard output.

use super::args::{SchemaArgs, SchemaOf};
use super::{Console, Status};
use crate::design::Design;
use crate::error::Result;
use crate::explore::Sweep;
use crate::overflow;
use crate::vectors::Manifest;

pub fn run(args: &SchemaArgs, console: &Console) -> Result<Status> {
    match args.of {
        SchemaOf::Design => console.answer_json(&Design::json_schema())?,
        SchemaOf::Overflow => console.answer_json(&overflow::Report::json_schema())?,
        SchemaOf::Witness => console.answer_json(&overflow::WitnessFile::json_schema())?,
        SchemaOf::Layers => console.answer_json(&super::layers::json_schema())?,
        SchemaOf::Sweep => console.answer_json(&Sweep::json_schema())?,
        SchemaOf::Manifest => console.answer_json(&Manifest::json_schema())?,
    }
    Ok(Status::Done)
}
