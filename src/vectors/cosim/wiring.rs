//! How a user's module is connected: `--port ours=theirs`.

use crate::design::identifier;
use crate::error::{Error, Kind, Place, Result};
use crate::vectors::testbench::{Port, Wiring};
use crate::vectors::{Layouts, port_name};

/// One `--port ours=theirs`. `ours` is a signal (`pe.acc`), `param.<name>`, `clk` or `rst`, with dots or
/// underscores; `theirs` a port, `!port` for an active-low input, or empty for a port the module lacks.
pub type PortMap = (String, String);

/// Clock, reset, inputs, parameters and outputs at ports of our own names unless told otherwise; of the registers
/// only those that are named. `out.data` is compared only where an output is expected.
///
/// # Errors
/// A name that the bundle does not have or that is mapped twice; no output or register connected at all.
pub fn user_wiring(layouts: &Layouts, module: &str, maps: &[PortMap]) -> Result<Wiring> {
    if let Some(fault) = identifier::fault_in_testbench(module) {
        return Err(Error::new(
            Kind::Usage,
            format!("{module:?} cannot be the name of the RTL's module: it {fault}"),
        )
        .at(Place::Option("--top".into())));
    }
    let known: Vec<String> = layouts.port_names().collect();
    let mut named: Vec<(String, &str)> = Vec::new();
    for (ours, theirs) in maps {
        let signal = known
            .iter()
            .find(|k| *k == ours || port_name(k) == *ours)
            .ok_or_else(|| unknown(ours, &known))?;
        if named.iter().any(|(n, _)| n == signal) {
            return Err(Error::new(Kind::Usage, format!("{signal} is mapped twice"))
                .at(Place::Option("--port".into())));
        }
        named.push((signal.clone(), theirs));
    }
    let output = |name: &str| layouts.expected.field(name).is_some();
    let mut ports = Vec::new();
    for ours in known.iter() {
        let theirs = match named.iter().find(|(n, _)| n == ours) {
            Some((_, "")) => continue,
            Some((_, theirs)) => theirs.to_string(),
            None if !output(ours) || ours.starts_with("out.") => port_name(ours),
            None => continue,
        };
        ports.push(port(ours, &theirs, output(ours))?);
    }
    if !ports.iter().any(|p| output(&p.ours)) {
        return Err(Error::new(Kind::Usage, "nothing would be compared: no output or register is connected")
            .at(Place::Option("--port".into()))
            .help("connect out.data=theirs, or a register"));
    }
    Ok(Wiring { module: module.to_string(), generics: Vec::new(), ports, gated: true })
}

fn port(ours: &str, theirs: &str, output: bool) -> Result<Port> {
    let (inverted, name) = match theirs.strip_prefix('!') {
        Some(name) => (true, name),
        None => (false, theirs),
    };
    let fault = identifier::fault(name);
    if fault.is_some() || (inverted && output) {
        let fault = fault.unwrap_or_else(|| "an output cannot be inverted".to_string());
        return Err(Error::new(
            Kind::Usage,
            format!("{theirs:?} is not a port that {ours} can be connected to: {fault}"),
        )
        .at(Place::Option("--port".into()))
        .help("ours=theirs; ours=!theirs inverts an input; ours= leaves it unconnected"));
    }
    Ok(Port { ours: ours.to_string(), theirs: name.to_string(), inverted })
}

fn unknown(ours: &str, known: &[String]) -> Error {
    Error::new(Kind::Usage, format!("the bundle has no signal {ours:?}"))
        .at(Place::Option("--port".into()))
        .help(format!("it has {}", known.join(", ")))
}
