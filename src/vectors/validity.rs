//! Whether a manifest can be one: everything in it that becomes a file's name or a word of Verilog is checked first.

use std::collections::BTreeSet;

use super::data_files::{DATA_FILES, port_name};
use super::manifest::Manifest;
use crate::design::identifier;
use crate::error::{Error, Kind, Result};

/// What the testbench was called before it was called by what it is, SystemVerilog.
pub const EARLIER_TESTBENCH: &str = "tb.v";

/// Refuses names that are none. Sizes and offsets are `Manifest::layouts`' matter.
pub fn check(manifest: &Manifest) -> Result<()> {
    let design = &manifest.design.name;
    if let Some(fault) = identifier::fault_in_testbench(design) {
        return wrong(format!("the design's name {design:?} {fault}"));
    }
    if let Some((name, fault)) =
        manifest.design.verilog.keys().find_map(|n| Some((n, identifier::fault_in_testbench(n)?)))
    {
        return wrong(format!("the Verilog parameter {name:?} {fault}"));
    }
    // A bundle of an earlier goldpath is one still: it may be replaced.
    let texts = ["header.hex", "design.vh", "tb.sv", EARLIER_TESTBENCH];
    let known = |name: &str| texts.contains(&name) || DATA_FILES.iter().any(|d| format!("{d}.hex") == name);
    if let Some(name) = manifest.files.keys().find(|name| !known(name)) {
        return wrong(format!("{name:?} is no file of a bundle"));
    }
    let mut ports = BTreeSet::from(["clk".to_string(), "rst".to_string()]);
    for signal in &manifest.signals {
        if !["stimulus.hex", "expected.hex"].contains(&signal.file.as_str()) {
            return wrong(format!(
                "signal {:?} is in {:?}, which holds no signals",
                signal.name, signal.file
            ));
        }
        refuse_name("signal", &signal.name, &mut ports)?;
    }
    for parameter in &manifest.parameters {
        refuse_name("parameter", &format!("param.{}", parameter.name), &mut ports)?;
    }
    let mut fields = BTreeSet::new();
    manifest.beats_in.iter().try_for_each(|f| refuse_name("beat", &f.name, &mut fields))
}

/// Identifiers with dots between them, whose port's name nobody else has.
fn refuse_name(what: &str, name: &str, taken: &mut BTreeSet<String>) -> Result<()> {
    let port = port_name(name);
    let is_part = |part: &str| identifier::is_plain(&format!("_{part}")) && !part.is_empty();
    if !name.split('.').all(is_part) || !identifier::is_plain(&port) {
        return wrong(format!("the {what} {name:?} is not made of identifiers"));
    }
    if let Some(fault) = identifier::fault_in_testbench(&port).filter(|_| what != "beat") {
        return wrong(format!("the {what} {name:?} {fault}"));
    }
    if !taken.insert(port) {
        return wrong(format!("the {what} {name:?} is there twice, or its port is"));
    }
    Ok(())
}

fn wrong(message: String) -> Result<()> {
    Err(Error::new(Kind::Malformed, message).help("write the bundle again with `goldpath vectors`"))
}
