//! The circuit as Yosys writes it in JSON: which bits are clocks, which reach an output, and what a cell is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::circuit::CIRCUIT;
use super::mutation::Mutation;
use crate::error::{Error, Kind, Result};

/// A net of a module, as Yosys numbers it; constants are none.
type Net = Option<usize>;

struct Cell {
    kind: String,
    source: String,
    /// Port, whether it is an output, and its nets.
    ports: Vec<(String, bool, Vec<Net>)>,
}

struct Module {
    ports: BTreeMap<String, (bool, Vec<Net>)>,
    cells: BTreeMap<String, Cell>,
}

/// Modules, cells and nets, with what is a clock and what reaches an output.
pub struct Netlist {
    modules: BTreeMap<String, Module>,
    clocks: BTreeMap<String, BTreeSet<usize>>,
    needed: BTreeMap<String, BTreeSet<usize>>,
}

/// Pins that hold a clock.
const CLOCK_PINS: [&str; 4] = ["CLK", "RD_CLK", "WR_CLK", "C"];

impl Netlist {
    /// Reads what `write_json` wrote.
    ///
    /// # Errors
    /// It is something else.
    pub fn parse(text: &[u8]) -> Result<Netlist> {
        let foreign = || Error::new(Kind::Simulator, "Yosys wrote a netlist that is not understood");
        let all: Value = serde_json::from_slice(text).map_err(|e| foreign().because(e))?;
        let modules = all.get("modules").and_then(Value::as_object).ok_or_else(foreign)?;
        let modules =
            modules.iter().map(|(name, value)| (name.clone(), module(value))).collect::<BTreeMap<_, _>>();
        let mut netlist = Netlist { modules, clocks: BTreeMap::new(), needed: BTreeMap::new() };
        netlist.find_clocks();
        netlist.find_needed();
        Ok(netlist)
    }

    fn cell(&self, mutation: &Mutation) -> Option<&Cell> {
        self.modules.get(&mutation.module)?.cells.get(&mutation.cell)
    }

    fn pin<'a>(&'a self, mutation: &Mutation) -> Option<(&'a Cell, bool, Net)> {
        let cell = self.cell(mutation)?;
        let (_, output, nets) = cell.ports.iter().find(|(name, ..)| *name == mutation.port)?;
        Some((cell, *output, *nets.get(mutation.bit)?))
    }

    /// Whether the changed port is an output of its cell.
    pub fn is_output(&self, mutation: &Mutation) -> bool {
        self.pin(mutation).is_some_and(|(_, output, _)| output)
    }

    /// The cell's type: `$add`, or a module's name.
    pub fn kind_of(&self, mutation: &Mutation) -> String {
        self.cell(mutation).map(|c| c.kind.clone()).unwrap_or_default()
    }

    /// Where the cell stands: `file:line.column-line.column`, several with `|` between.
    pub fn source_of(&self, mutation: &Mutation) -> Option<&str> {
        self.cell(mutation).map(|c| c.source.as_str())
    }

    /// Whether a clock is changed: simulators and proofs take another view of those.
    pub fn is_clock(&self, mutation: &Mutation) -> bool {
        let Some((cell, _, net)) = self.pin(mutation) else { return false };
        let pin = cell.kind.starts_with('$') && CLOCK_PINS.contains(&mutation.port.as_str());
        pin || net.is_some_and(|net| self.clocks.get(&mutation.module).is_some_and(|c| c.contains(&net)))
    }

    /// Whether there is a path from the changed bit to what is compared.
    pub fn is_seen(&self, mutation: &Mutation) -> bool {
        let Some((cell, output, net)) = self.pin(mutation) else { return false };
        let needed = |module: &str, net: Net| {
            net.is_some_and(|net| self.needed.get(module).is_some_and(|n| n.contains(&net)))
        };
        if output {
            return needed(&mutation.module, net);
        }
        match self.modules.get(&cell.kind) {
            Some(child) => child
                .ports
                .get(&mutation.port)
                .and_then(|(_, nets)| nets.get(mutation.bit))
                .is_some_and(|inner| needed(&cell.kind, *inner)),
            None => {
                let reached = reached_by(cell, &mutation.port, mutation.bit);
                reached.into_iter().any(|net| needed(&mutation.module, net))
            }
        }
    }

    /// Nets that clocks come from, up through the ports of modules and back through what gates them.
    fn find_clocks(&mut self) {
        let mut clocks: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        loop {
            let mut more = 0;
            for (name, module) in &self.modules {
                let mut found: Vec<Net> = Vec::new();
                let own = clocks.get(name);
                let known = |net: &Net| net.is_some_and(|n| own.is_some_and(|c| c.contains(&n)));
                for cell in module.cells.values() {
                    let child = self.modules.get(&cell.kind);
                    let gates = cell.kind.starts_with('$')
                        && !is_sequential(&cell.kind)
                        && cell.ports.iter().any(|(_, output, nets)| *output && nets.iter().any(known));
                    for (port, output, nets) in &cell.ports {
                        if let Some(child) = child {
                            let inner = child.ports.get(port).map(|(_, inner)| inner.as_slice());
                            let inside = clocks.get(&cell.kind);
                            let clocked =
                                |net: &Net| net.is_some_and(|n| inside.is_some_and(|c| c.contains(&n)));
                            let pairs = nets.iter().zip(inner.unwrap_or_default());
                            found.extend(pairs.filter(|(_, inner)| clocked(inner)).map(|(net, _)| *net));
                        } else if CLOCK_PINS.contains(&port.as_str()) || (gates && !output) {
                            found.extend(nets);
                        }
                    }
                }
                let set = clocks.entry(name.clone()).or_default();
                more += found.into_iter().flatten().filter(|net| set.insert(*net)).count();
            }
            if more == 0 {
                break;
            }
        }
        self.clocks = clocks;
    }

    /// Backwards from the circuit's outputs.
    fn find_needed(&mut self) {
        let mut needed: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        if let Some(circuit) = self.modules.get(CIRCUIT) {
            let outputs = circuit.ports.values().filter(|(output, _)| *output);
            let nets = outputs.flat_map(|(_, nets)| nets.iter().flatten().copied());
            needed.insert(CIRCUIT.to_string(), nets.collect());
        }
        loop {
            let mut more = 0;
            for (name, module) in &self.modules {
                let Some(mut own) = needed.remove(name) else { continue };
                let before = own.len();
                let mut below = 0;
                // Cells stand in no order: as often as something is new.
                loop {
                    let size = own.len();
                    for cell in module.cells.values() {
                        match self.modules.get(&cell.kind) {
                            Some(child) => below += through_module(cell, child, &mut own, &mut needed),
                            None => through_operator(cell, &mut own),
                        }
                    }
                    if own.len() == size {
                        break;
                    }
                }
                more += own.len() - before + below;
                needed.insert(name.clone(), own);
            }
            if more == 0 {
                break;
            }
        }
        self.needed = needed;
    }
}

/// How many nets of the child became needed.
fn through_module(
    cell: &Cell,
    child: &Module,
    own: &mut BTreeSet<usize>,
    needed: &mut BTreeMap<String, BTreeSet<usize>>,
) -> usize {
    let inside = needed.entry(cell.kind.clone()).or_default();
    let before = inside.len();
    for (port, output, nets) in &cell.ports {
        let Some((_, inner)) = child.ports.get(port) else { continue };
        for (outer, inner) in nets.iter().zip(inner) {
            match (outer, inner) {
                (Some(outer), Some(inner)) if *output && own.contains(outer) => {
                    inside.insert(*inner);
                }
                (Some(outer), Some(inner)) if !output && inside.contains(inner) => {
                    own.insert(*outer);
                }
                _ => {}
            }
        }
    }
    inside.len() - before
}

fn through_operator(cell: &Cell, own: &mut BTreeSet<usize>) {
    for (port, output, nets) in &cell.ports {
        if *output {
            continue;
        }
        for (bit, net) in nets.iter().enumerate() {
            let Some(net) = net else { continue };
            let reaches = || reached_by(cell, port, bit).into_iter().flatten().any(|n| own.contains(&n));
            if !own.contains(net) && reaches() {
                own.insert(*net);
            }
        }
    }
}

/// The outputs that a bit of an input can move: the same bit where nothing crosses, else all of them.
fn reached_by(cell: &Cell, port: &str, bit: usize) -> Vec<Net> {
    let outputs = cell.ports.iter().filter(|(_, output, _)| *output);
    let straight = match cell.kind.as_str() {
        "$dff" | "$adff" | "$sdff" | "$dffe" | "$adffe" | "$sdffe" => port == "D",
        "$mux" => port != "S",
        "$and" | "$or" | "$xor" | "$xnor" | "$not" | "$pos" => {
            let same = cell.ports.iter().all(|(_, _, nets)| nets.len() == cell.ports[0].2.len());
            same && cell.ports.len() > 1
        }
        _ => false,
    };
    if straight {
        return outputs.filter_map(|(_, _, nets)| nets.get(bit).copied()).collect();
    }
    outputs.flat_map(|(_, _, nets)| nets.iter().copied()).collect()
}

/// Whether a cell of Yosys holds a value over a clock.
pub fn is_sequential(kind: &str) -> bool {
    kind.starts_with('$')
        && ["ff", "mem", "latch", "$sr"].iter().any(|part| kind.to_ascii_lowercase().contains(part))
}

fn module(value: &Value) -> Module {
    let entries = |key: &str| value.get(key).and_then(Value::as_object).into_iter().flatten();
    let ports = entries("ports")
        .map(|(name, port)| (name.clone(), (is_out(port.get("direction")), nets(port.get("bits")))));
    let cells = entries("cells").map(|(name, cell)| {
        let connections = cell.get("connections").and_then(Value::as_object).into_iter().flatten();
        let ports = connections.map(|(port, bits)| {
            let way = cell.get("port_directions").and_then(|d| d.get(port));
            (port.clone(), is_out(way), nets(Some(bits)))
        });
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_string();
        let cell = Cell {
            kind: text(cell.get("type")),
            source: text(cell.get("attributes").and_then(|a| a.get("src"))),
            ports: ports.collect(),
        };
        (name.clone(), cell)
    });
    Module { ports: ports.collect(), cells: cells.collect() }
}

fn is_out(direction: Option<&Value>) -> bool {
    direction.and_then(Value::as_str) == Some("output")
}

fn nets(bits: Option<&Value>) -> Vec<Net> {
    let bits = bits.and_then(Value::as_array).into_iter().flatten();
    bits.map(|bit| bit.as_u64().and_then(|bit| usize::try_from(bit).ok())).collect()
}
