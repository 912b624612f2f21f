//! The circuit that is mutated, with our names on its ports: a module around the user's module, and the same wiring.

use super::gates::Gates;
use super::masked::Protocol;
use super::taint::Held;
use crate::design::Design;
use crate::error::{Error, Kind, Result};
use crate::post::Parameter;
use crate::vectors::testbench::{Port, Wiring};
use crate::vectors::{Field, Layouts, port_name};

/// The file of the module around the user's.
pub const CIRCUIT_FILE: &str = "gp_circuit.v";

/// The module around the user's: what testbench and proofs see.
pub const CIRCUIT: &str = "gp_circuit";

/// The input that chooses a mutant; 0 is the circuit as it is.
pub const SELECTOR: &str = "gp_mutant";

/// Bits of the selector.
pub const SELECTOR_BITS: usize = 32;

/// Values that a parameter takes, where its port could take others: proofs need not speak of those.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limit {
    parameter: String,
    signed: bool,
    /// Of each instance.
    width: usize,
    min: Option<i64>,
    max: Option<i64>,
}

/// What the host sets in a beat only: where `in.valid` is 0, proofs take it to be 0.
const OF_A_BEAT: [&str; 2] = ["in.first", "in.last"];

/// What else it does not set while it holds the reset.
const WITHOUT_A_BEAT: [&str; 3] = ["in.drain", "in.load", "in.switch"];

/// What proofs take for granted of the circuit's inputs.
#[derive(Debug, Clone, Default)]
pub struct Host {
    limits: Vec<Limit>,
    /// By how many cycles each row's control bits are later than those of the first one, where the host skews them.
    late: Vec<usize>,
}

impl Host {
    /// One that feeds this design.
    pub fn of(design: &Design) -> Host {
        let array = &design.array;
        let rows = if array.host_skews() { array.rows } else { 0 };
        Host { limits: limits(design), late: (0..rows).map(|row| design.time().travel([row, 0])).collect() }
    }

    /// The same of the gates: rows that come later are registers.
    pub fn protocol(&self, gates: &mut Gates, held: Held<'_>) -> Protocol {
        let valid = gates.input(&port_name("in.valid")).to_vec();
        let beside = |ours: &str| Some(gates.input(&port_name(ours)).to_vec());
        let controls: Vec<Vec<usize>> =
            OF_A_BEAT.into_iter().filter_map(beside).filter(|bits| bits.len() == valid.len()).collect();
        let pairs = controls.iter().flat_map(|bits| bits.iter().copied().zip(valid.iter().copied()));
        let only_valid = pairs.collect();
        // Without a beat there is no first and no last one, during the reset as well; then nothing drains and loads either.
        let others: Vec<Vec<usize>> = WITHOUT_A_BEAT.into_iter().filter_map(beside).collect();
        gates.quiet.extend(controls.iter().chain([&valid]).chain(&others).flatten());
        for bits in controls.iter().chain([&valid]).filter(|bits| bits.len() == self.late.len()) {
            for (input, late) in bits.iter().zip(&self.late).filter(|(_, late)| **late > 0) {
                gates.delay(bits[0], *input, *late);
            }
        }
        let known = self.limits.iter().flat_map(|limit| limit.known(gates)).collect::<Vec<_>>();
        Protocol { constants: gates.constants(held, &known), only_valid, valid }
    }
}

/// The limits that a design sets to its parameters.
fn limits(design: &Design) -> Vec<Limit> {
    let limit = |p: &Parameter| Limit {
        parameter: format!("param.{}", p.name),
        signed: p.format.is_signed(),
        width: p.format.width() as usize,
        min: (p.min > p.format.min()).then_some(p.min),
        max: (p.max < p.format.max()).then_some(p.max),
    };
    design.parameters.iter().map(limit).filter(|limit| limit.min.or(limit.max).is_some()).collect()
}

impl Limit {
    /// Bits of the port that all numbers inside the limits have in common: those above the highest.
    fn known(&self, gates: &Gates) -> Vec<(usize, bool)> {
        let nets = gates.input(&port_name(&self.parameter));
        let (Some(max), true) = (self.max.or(self.signed.then_some(i64::MAX)), self.min.unwrap_or(0) >= 0)
        else {
            return vec![];
        };
        let used = (64 - max.leading_zeros()) as usize;
        let each = nets.chunks(self.width).flat_map(|port| port.iter().skip(used));
        each.map(|net| (*net, false)).collect()
    }

    /// Assumptions about every instance of the port `name`, which has so many bits in all, `width` each.
    fn verilog(&self, name: &str, bits: usize, width: usize) -> String {
        let compare = |at: usize, relation: &str, value: i64| {
            let slice = format!("{name}[{} +: {width}]", at * width);
            let sign = if value < 0 { "-" } else { "" };
            match self.signed {
                true => format!("$signed({slice}) {relation} {sign}65'sd{}", value.unsigned_abs()),
                false => format!("{slice} {relation} 64'd{value}"),
            }
        };
        let each = (0..bits / width).flat_map(|at| {
            let bounds = [(">=", self.min), ("<=", self.max)];
            bounds.into_iter().filter_map(move |(relation, value)| Some(compare(at, relation, value?)))
        });
        each.map(|holds| format!("  always @* assume ({holds});\n")).collect()
    }
}

/// A port of the circuit.
struct Outline {
    name: String,
    bits: usize,
    output: bool,
}

/// How the testbench meets the circuit.
pub fn inner_wiring(wiring: &Wiring) -> Wiring {
    let own = |p: &Port| Port { ours: p.ours.clone(), theirs: port_name(&p.ours), inverted: false };
    Wiring {
        module: CIRCUIT.to_string(),
        generics: vec![],
        ports: wiring.ports.iter().map(own).collect(),
        gated: wiring.gated,
    }
}

/// The testbench with the selector as its own input: the circuit's, among the ports that it is wired to.
pub fn with_selector(testbench: &str) -> String {
    let input = format!("module tb (input wire [{}:0] {SELECTOR});\n", SELECTOR_BITS - 1);
    testbench.replacen("module tb;\n", &input, 1)
}

/// Verilog of the module around `wiring.module`. `header` holds the constants that its parameters are set to. What
/// `out.data` shows where there is no output is taken from it where nobody compares it.
///
/// # Errors
/// A port that the layouts do not have.
pub fn verilog(layouts: &Layouts, wiring: &Wiring, header: &str, host: &Host) -> Result<String> {
    let ports = wiring.ports.iter().map(|p| outline(layouts, &p.ours)).collect::<Result<Vec<_>>>()?;
    let gated = |ours: &str| wiring.gated && ours == "out.data" && wiring.connects("out.valid");
    let list: Vec<String> = ports
        .iter()
        .map(|p| {
            let way = if p.output { "output" } else { "input" };
            format!("    {way} wire [{}:0] {}", p.bits.max(1) - 1, p.name)
        })
        .collect();
    let mut text = format!("module {CIRCUIT} (\n{}\n);\n{header}\n", list.join(",\n"));
    let mut connections = Vec::new();
    for (port, outline) in wiring.ports.iter().zip(&ports) {
        let name = &outline.name;
        let inner = if gated(&port.ours) { "gp_data".to_string() } else { name.clone() };
        if inner != *name {
            let (top, valid) = (outline.bits.max(1) - 1, port_name("out.valid"));
            text.push_str(&format!("  wire [{top}:0] {inner};\n"));
            let lanes = self::outline(layouts, "out.valid")?.bits.max(1);
            let bits = outline.bits / lanes;
            for lane in 0..lanes {
                let slice = format!("[{} +: {bits}]", lane * bits);
                text.push_str(&format!(
                    "  assign {name}{slice} = {valid}[{lane}] ? {inner}{slice} : {bits}'d0;\n"
                ));
            }
        }
        connections.push(format!("    .{}({}{inner})", port.theirs, if port.inverted { "~" } else { "" }));
    }
    for (port, outline) in wiring.ports.iter().zip(&ports) {
        let field = port.ours.strip_prefix("param.").and_then(|name| layouts.channels.field(name));
        if let Some((limit, field)) = host.limits.iter().find(|limit| limit.parameter == port.ours).zip(field)
        {
            text.push_str(&limit.verilog(&outline.name, outline.bits, field.width()));
        }
    }
    let bits_of =
        |ours: &str| wiring.connects(ours).then(|| outline(layouts, ours).map(|o| o.bits)).transpose();
    let beats = bits_of("in.valid")?;
    for ours in OF_A_BEAT {
        if beats.is_some() && bits_of(ours)? == beats {
            let [name, valid] = [ours, "in.valid"].map(port_name);
            text.push_str(&format!("  always @* assume (({name} & ~{valid}) == 0);\n"));
        }
    }
    let generics: Vec<String> = wiring.generics.iter().map(|(n, v)| format!(".{n}({v})")).collect();
    let generics = if generics.is_empty() { String::new() } else { format!(" #({})", generics.join(", ")) };
    text.push_str(&format!(
        "  {}{generics} dut (\n{}\n  );\nendmodule\n",
        wiring.module,
        connections.join(",\n")
    ));
    Ok(text)
}

fn outline(layouts: &Layouts, ours: &str) -> Result<Outline> {
    let name = port_name(ours);
    if matches!(ours, "clk" | "rst") {
        return Ok(Outline { name, bits: 1, output: false });
    }
    let (bits, output) = if let Some(parameter) = ours.strip_prefix("param.") {
        let at = layouts.channels.fields.iter().position(|f| f.name == parameter);
        let per_channel = |at: usize| layouts.per.get(at) == Some(&crate::post::Per::Channel);
        let bits = |at: usize| {
            let instances = if per_channel(at) { layouts.columns } else { 1 };
            layouts.channels.fields.get(at).map(|f| f.width() * instances)
        };
        (at.and_then(bits), false)
    } else if let Some(field) = layouts.expected.field(ours) {
        (Some(field.bits()), true)
    } else {
        (layouts.stimulus.field(ours).map(Field::bits), false)
    };
    let unknown = || Error::new(Kind::Malformed, format!("the bundle's layout has no signal {ours}"));
    Ok(Outline { name, bits: bits.ok_or_else(unknown)?, output })
}
