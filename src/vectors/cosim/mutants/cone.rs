//! What a mutation can move in a flat circuit: the registers that it does not reach are the circuit's own, and proofs
//! need them once. Arithmetic may be left out of a proof: whatever an operator computes, circuit and mutant get the same
//! of it where they give it the same ([`Arithmetic::Any`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::circuit::{CIRCUIT_FILE, SELECTOR};
use super::taint::Source;

/// A module of Yosys' JSON.
type Module = Map<String, Value>;

/// What a proof knows of arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Everything.
    Whole,
    /// Everything of what the mutation reaches; the rest gives the same to both, whatever that is.
    Exact,
    /// As [`Arithmetic::Any`], and what wide registers hold that the mutation does not reach may be anything, the same for
    /// both: control is left, which even a large array has little of.
    Control,
    /// That operators give the same for the same: a proof then holds whatever they compute, and takes seconds where a
    /// multiplier takes hours.
    Any,
}

impl Arithmetic {
    /// From little to much.
    pub const ALL: [Arithmetic; 4] =
        [Arithmetic::Control, Arithmetic::Any, Arithmetic::Exact, Arithmetic::Whole];
}

/// Wider registers hold data.
const CONTROL_BITS: usize = 4;

/// Operators that are left out; comparisons with a constant, which choose the mutant, are none of them.
const ARITHMETIC: [&str; 20] = [
    "$mul",
    "$div",
    "$mod",
    "$divfloor",
    "$modfloor",
    "$macc",
    "$alu",
    "$add",
    "$sub",
    "$neg",
    "$shl",
    "$shr",
    "$sshl",
    "$sshr",
    "$shift",
    "$shiftx",
    "$lt",
    "$gt",
    "$le",
    "$ge",
];

/// What goes into a cell, or a bit of it, and what that moves.
type Arc = (BTreeSet<u64>, Vec<u64>);

/// A flat module with every mutation in it, and who reads which net.
pub struct Cones<'a> {
    gate: &'a Module,
    gold: &'a Module,
    /// For each cell its name and what moves what.
    cells: Vec<(&'a String, Vec<Arc>)>,
    readers: BTreeMap<u64, Vec<usize>>,
    /// Registers, and whether one's next value depends on its value in one step.
    registers: Vec<(&'a String, BTreeSet<u64>, bool)>,
    /// A net that nobody has, nor any above it.
    behind: u64,
}

impl<'a> Cones<'a> {
    /// Reads the module with its mutations (`gate`); `gold` is the same without them.
    pub fn new(gate: &'a Module, gold: &'a Module) -> Option<Cones<'a>> {
        let all = gate.get("cells")?.as_object()?;
        let cells: Vec<_> = all.iter().map(|(name, cell)| (name, arcs(cell))).collect();
        let mut readers: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, (_, arcs)) in cells.iter().enumerate() {
            for net in arcs.iter().flat_map(|(ins, _)| ins) {
                readers.entry(*net).or_default().push(at);
            }
        }
        let mut cones = Cones { gate, gold, cells, readers, registers: vec![], behind: behind(gate) };
        let is_register = |cell: &Value| kind(cell) == "$dff" || kind(cell) == "$ff";
        for (name, cell) in all.iter().filter(|(_, cell)| is_register(cell)) {
            let own: BTreeSet<u64> = nets(cell, "Q").into_iter().flatten().collect();
            let next: BTreeSet<u64> = nets(cell, "D").into_iter().flatten().collect();
            let moved = cones.reached(own.clone(), true);
            cones.registers.push((name, own, !moved.is_disjoint(&next)));
        }
        Some(cones)
    }

    /// Every net that one of these moves; in one step, not through registers.
    fn reached(&self, from: BTreeSet<u64>, in_one_step: bool) -> BTreeSet<u64> {
        let mut waiting: Vec<u64> = from.iter().copied().collect();
        let mut reached = from;
        while let Some(net) = waiting.pop() {
            for at in self.readers.get(&net).into_iter().flatten() {
                let (name, arcs) = &self.cells[*at];
                if in_one_step
                    && self.gate["cells"].get(name.as_str()).is_some_and(|c| kind(c).contains("ff"))
                {
                    continue;
                }
                let moved = arcs.iter().filter(|(ins, _)| ins.contains(&net)).flat_map(|(_, outs)| outs);
                waiting.extend(moved.filter(|out| reached.insert(**out)));
            }
        }
        reached
    }

    /// Whether Yosys found on its own that nothing depends on this value of the selector. Never where something else
    /// than a comparison with a number reads the selector: then it is not known.
    pub fn is_gone(&self, number: usize) -> bool {
        let asked: Option<Vec<usize>> = self.choosers().map(|cell| asked(cell, self.selector()?)).collect();
        asked.is_some_and(|asked| !asked.contains(&number))
    }

    /// Nets of the selector.
    fn selector(&self) -> Option<&'a Vec<Value>> {
        self.gate.get("ports")?.get(SELECTOR)?.get("bits")?.as_array()
    }

    /// Cells that read the selector.
    fn choosers(&self) -> impl Iterator<Item = &'a Value> {
        let selector: BTreeSet<u64> =
            self.selector().into_iter().flatten().filter_map(Value::as_u64).collect();
        let all = self.gate.get("cells").and_then(Value::as_object).into_iter().flat_map(Map::values);
        all.filter(move |cell| {
            operands_of(cell).iter().filter_map(Value::as_u64).any(|net| selector.contains(&net))
        })
    }

    /// Nets that say whether one value of the selector is chosen, and every net that they move. `None` where there are none.
    pub fn source(&self, number: usize) -> Option<Source> {
        let selector = self.selector()?;
        let chosen = self.choosers().filter(|cell| asked(cell, selector) == Some(number));
        let from: BTreeSet<u64> = chosen.flat_map(|cell| nets(cell, "Y")).flatten().collect();
        (!from.is_empty()).then(|| Source { from: from.clone(), reached: self.reached(from, false) })
    }

    /// `gold` and `gate` for one value of the selector: registers that the mutation does not reach are gold's, or, where
    /// they feed themselves, anything at all, the same for both. `None` where the mutation is not found.
    pub fn pair(&self, number: usize, arithmetic: Arithmetic) -> Option<Value> {
        let Source { reached, .. } = self.source(number)?;
        let all = self.gate.get("cells")?.as_object()?;
        let (mut gold, mut gate) = (self.gold.clone(), self.gate.clone());
        for (at, (name, own, feeds_itself)) in self.registers.iter().enumerate() {
            if !own.is_disjoint(&reached) {
                continue;
            }
            let bits = all.get(*name)?.pointer("/connections/Q").cloned()?;
            let port = |direction: &str| json!({ "direction": direction, "bits": bits });
            remove(&mut gate, name, at, port("input"))?;
            let is_data = arithmetic == Arithmetic::Control && own.len() > CONTROL_BITS;
            if *feeds_itself || is_data {
                remove(&mut gold, name, at, port("input"))?;
            } else {
                gold.get_mut("ports")?.as_object_mut()?.insert(format!("gp_Q{at}"), port("output"));
            }
        }
        // What stands around the circuit says what is assumed of its inputs: that stays exact. A cell of the circuit has
        // both places, its own and that of the instance around it.
        let is_around = |cell: &Value| {
            let source = cell.pointer("/attributes/src").and_then(Value::as_str);
            source.is_some_and(|source| source.split('|').all(|place| place.contains(CIRCUIT_FILE)))
        };
        let mut pair = Pair { gold: &mut gold, gate: &mut gate, next: self.behind };
        let cells = all.iter().filter(|(_, cell)| ARITHMETIC.contains(&kind(cell)) && !is_around(cell));
        for (at, (name, cell)) in cells.enumerate() {
            let is_reached = nets(cell, "Y").into_iter().flatten().any(|net| reached.contains(&net));
            let is_left_out = match arithmetic {
                Arithmetic::Whole => false,
                Arithmetic::Exact => !is_reached,
                Arithmetic::Any | Arithmetic::Control => true,
            };
            if is_left_out {
                pair.leave_out(name, at, is_reached)?;
            }
        }
        Some(json!({ "modules": { "gold": gold, "gate": gate } }))
    }
}

/// A circuit with and without its mutations, and nets that neither has.
struct Pair<'a> {
    gold: &'a mut Module,
    gate: &'a mut Module,
    next: u64,
}

impl Pair<'_> {
    /// Nets that nobody has.
    fn fresh(&mut self, count: usize) -> Vec<Value> {
        let nets = (self.next..).take(count);
        self.next += count as u64;
        nets.map(|net| json!(net)).collect()
    }

    /// Takes an operator out of both: its value is anything (port `gp_Y`), the same for both where its operands are
    /// (`gp_A` is gold's), and anything else (`gp_Z`) where they are not.
    fn leave_out(&mut self, name: &str, at: usize, is_reached: bool) -> Option<()> {
        let take = |module: &mut Module| module.get_mut("cells")?.as_object_mut()?.remove(name);
        let (its, mine) = (take(self.gold)?, take(self.gate)?);
        let port = |direction: &str, bits: &[Value]| json!({ "direction": direction, "bits": bits });
        let result = |cell: &Value| cell.pointer("/connections/Y").and_then(Value::as_array).cloned();
        let (its_result, my_result) = (result(&its)?, result(&mine)?);
        let [value, other, operands] = ["gp_Y", "gp_Z", "gp_A"].map(|name| format!("{name}{at}"));
        put(self.gold, "ports", &value, port("input", &its_result))?;
        if !is_reached {
            return put(self.gate, "ports", &value, port("input", &my_result));
        }
        let (its_operands, my_operands) = (operands_of(&its), operands_of(&mine));
        let (width, many) = (my_result.len(), my_operands.len());
        let [same, anything, unread] = [(); 3].map(|()| self.fresh(width));
        let (known, equal) = (self.fresh(many), self.fresh(1));
        put(self.gold, "ports", &operands, port("output", &its_operands))?;
        put(self.gold, "ports", &other, port("input", &unread))?;
        put(self.gate, "ports", &value, port("input", &same))?;
        put(self.gate, "ports", &other, port("input", &anything))?;
        put(self.gate, "ports", &operands, port("input", &known))?;
        let binary = |number: usize| format!("{number:032b}");
        let compare = json!({
            "hide_name": 0, "type": "$eq", "attributes": {},
            "parameters": { "A_SIGNED": binary(0), "B_SIGNED": binary(0), "A_WIDTH": binary(many),
                "B_WIDTH": binary(many), "Y_WIDTH": binary(1) },
            "port_directions": { "A": "input", "B": "input", "Y": "output" },
            "connections": { "A": my_operands, "B": known, "Y": equal },
        });
        let choose = json!({
            "hide_name": 0, "type": "$mux", "attributes": {}, "parameters": { "WIDTH": binary(width) },
            "port_directions": { "A": "input", "B": "input", "S": "input", "Y": "output" },
            "connections": { "A": anything, "B": same, "S": equal, "Y": my_result },
        });
        put(self.gate, "cells", &format!("gp_same{at}"), compare)?;
        put(self.gate, "cells", &format!("gp_value{at}"), choose)
    }
}

/// The number that a cell compares the selector with.
fn asked(cell: &Value, selector: &[Value]) -> Option<usize> {
    let pin = |pin: &str| cell.pointer(&format!("/connections/{pin}")).and_then(Value::as_array);
    let other = match (pin("A")?, pin("B")?) {
        (a, b) if a.as_slice() == selector => b,
        (a, b) if b.as_slice() == selector => a,
        _ => return None,
    };
    let number = other.iter().rev().try_fold(0_usize, |value, bit| match bit.as_str() {
        Some("0") => Some(value << 1),
        Some("1") => Some(value << 1 | 1),
        _ => None,
    });
    number.filter(|_| kind(cell) == "$eq")
}

/// The number behind the highest of a module's nets.
pub fn behind(module: &Module) -> u64 {
    let all = |key: &str| module.get(key).and_then(Value::as_object).into_iter().flat_map(Map::values);
    let of_ports = all("ports").filter_map(|port| port.get("bits"));
    let of_cells = all("cells").filter_map(|cell| cell.get("connections").and_then(Value::as_object));
    let bits = of_ports.chain(of_cells.flat_map(Map::values)).filter_map(Value::as_array);
    bits.flatten().filter_map(Value::as_u64).max().map_or(2, |net| net + 1)
}

/// Puts a port or a cell into a module.
fn put(module: &mut Module, into: &str, name: &str, what: Value) -> Option<()> {
    module.get_mut(into)?.as_object_mut()?.insert(name.to_string(), what);
    Some(())
}

/// The bits of all operands, constants included.
fn operands_of(cell: &Value) -> Vec<Value> {
    let ways = cell.get("port_directions").and_then(Value::as_object).into_iter().flatten();
    let pins = ways.filter(|(_, way)| way.as_str() == Some("input")).map(|(pin, _)| pin);
    let bits = |pin: &String| cell.pointer(&format!("/connections/{pin}")).and_then(Value::as_array).cloned();
    pins.filter_map(bits).flatten().collect()
}

/// Takes a register out; its value comes from a port.
fn remove(module: &mut Module, name: &str, at: usize, port: Value) -> Option<()> {
    module.get_mut("cells")?.as_object_mut()?.remove(name)?;
    module.get_mut("ports")?.as_object_mut()?.insert(format!("gp_Q{at}"), port);
    Some(())
}

fn kind(cell: &Value) -> &str {
    cell.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The nets of a pin; constants are none.
fn nets(cell: &Value, pin: &str) -> Vec<Option<u64>> {
    let bits = cell.pointer(&format!("/connections/{pin}")).and_then(Value::as_array);
    bits.into_iter().flatten().map(Value::as_u64).collect()
}

/// What goes into a cell and what that moves: bit by bit for a register and a choice, everything for the rest.
fn arcs(cell: &Value) -> Vec<Arc> {
    if kind(cell) == "$dff" || kind(cell) == "$ff" {
        let pairs = nets(cell, "D").into_iter().zip(nets(cell, "Q"));
        return pairs.filter_map(|(d, q)| Some((BTreeSet::from([d?]), vec![q?]))).collect();
    }
    if kind(cell) == "$mux" {
        let select: Vec<u64> = nets(cell, "S").into_iter().flatten().collect();
        let pairs = nets(cell, "A").into_iter().zip(nets(cell, "B")).zip(nets(cell, "Y"));
        let arc = |((a, b), y): ((Option<u64>, Option<u64>), Option<u64>)| {
            Some((a.into_iter().chain(b).chain(select.iter().copied()).collect(), vec![y?]))
        };
        return pairs.filter_map(arc).collect();
    }
    let pins = |wanted: &str| -> Vec<u64> {
        let ways = cell.get("port_directions").and_then(Value::as_object).into_iter().flatten();
        let those = ways.filter(|(_, way)| way.as_str() == Some(wanted));
        those.flat_map(|(pin, _)| nets(cell, pin)).flatten().collect()
    };
    vec![(pins("input").into_iter().collect(), pins("output"))]
}
