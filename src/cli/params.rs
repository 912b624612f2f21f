//! `goldpath params`: the design's numbers as a Verilog header, on standard output.

use super::args::ParamsArgs;
use super::{Console, Status, design_file};
use crate::error::Result;

pub fn run(args: &ParamsArgs, console: &Console) -> Result<Status> {
    let design = design_file::load(&args.design)?;
    if console.is_json() {
        let parameters: serde_json::Map<String, serde_json::Value> = design
            .twin_values
            .iter()
            .map(|(key, value)| (design.twin[key].clone(), serde_json::json!({ "key": key, "value": value })))
            .collect();
        let answer =
            serde_json::json!({ "name": design.name, "hash": design.hash, "parameters": parameters });
        console.answer_json(&answer)?;
    } else {
        console.answer(&design.verilog_header())?;
    }
    Ok(Status::Done)
}
