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
pub fn user_wiring(
    layouts: &Layouts,
    module: &str,
    maps: &[PortMap],
    parameters: &[(String, String)],
) -> Result<Wiring> {
    // Modules have names of their own: only the testbench's module is in the way of another.
    let taken = (module == "tb").then(|| "is a name that the generated testbench has for itself".to_string());
    if let Some(fault) = identifier::fault(module).or(taken) {
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
    let generics = generics(parameters)?;
    Ok(Wiring { module: module.to_string(), generics, ports, gated: true })
}

/// `--param NAME=VALUE`, each checked: what stands in them becomes Verilog.
fn generics(parameters: &[(String, String)]) -> Result<Vec<(String, String)>> {
    for (index, (name, value)) in parameters.iter().enumerate() {
        let wrong = |what: String| {
            Err(Error::new(Kind::Usage, what).at(Place::Option(format!("--param {name}={value}"))).help(
                "NAME=VALUE, the value a Verilog number (4, -3, 8'hff, 1.5) or a text in double quotes",
            ))
        };
        if let Some(fault) = identifier::fault(name) {
            return wrong(format!("{name:?} {fault}"));
        }
        if parameters[..index].iter().any(|(other, _)| other == name) {
            return wrong(format!("{name} is given twice"));
        }
        if !is_literal(value) {
            return wrong(format!("{value:?} is no value of a Verilog parameter"));
        }
    }
    Ok(parameters.to_vec())
}

/// A number with or without size and base, or a text without escapes.
fn is_literal(value: &str) -> bool {
    if let Some(text) = value.strip_prefix('"') {
        let plain = |b: u8| matches!(b, b' '..=b'~') && !b"\"\\".contains(&b);
        return text.strip_suffix('"').is_some_and(|text| text.bytes().all(plain));
    }
    let value = value.strip_prefix(['-', '+']).unwrap_or(value);
    let digits = |text: &str, more: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c == '_' || c.is_ascii_digit() || more.contains(c.to_ascii_lowercase()))
    };
    let Some((size, rest)) = value.split_once('\'') else {
        let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
        return digits(whole, "") && digits(fraction, "");
    };
    let rest = rest.strip_prefix(['s', 'S']).unwrap_or(rest);
    let base = rest.chars().next().map(|c| c.to_ascii_lowercase());
    let allowed = match base {
        Some('d') => "",
        Some('b' | 'o') => "xz",
        Some('h') => "abcdefxz",
        _ => return false,
    };
    (size.is_empty() || digits(size, "")) && digits(&rest[1..], allowed)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_parameters_are_literals() {
        let right = ["4", "-3", "+1_000", "8'hff", "'d4", "-8'sd3", "4'bx01z", "1.5", "\"abc d\"", "\"\""];
        assert!(right.iter().all(|value| is_literal(value)), "{right:?}");
        let wrong = [
            "", "N", "4)", "4 + 1", "\"a", "\"a\"b\"", "8'q1", "8'h", "`X", "1.", "--1", "\"\\n\"", "4;",
            "8'hé",
        ];
        wrong.iter().for_each(|value| assert!(!is_literal(value), "{value}"));
    }
}
