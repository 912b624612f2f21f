//! What a mutation can move in a flat circuit: the registers that it does not reach are the circuit's own, and proofs
//! need them once.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::circuit::SELECTOR;

/// A module of Yosys' JSON.
type Module = Map<String, Value>;

/// A flat module with every mutation in it, and who reads which net.
pub struct Cones<'a> {
    gate: &'a Module,
    gold: &'a Module,
    /// For each cell its name, and pairs of nets: what goes in, what it moves.
    cells: Vec<(&'a String, Vec<(HashSet<u64>, Vec<u64>)>)>,
    readers: HashMap<u64, Vec<usize>>,
    /// Registers, and whether one's next value depends on its value in one step.
    registers: Vec<(&'a String, HashSet<u64>, bool)>,
}

impl<'a> Cones<'a> {
    /// Reads the module with its mutations (`gate`); `gold` is the same without them.
    pub fn new(gate: &'a Module, gold: &'a Module) -> Option<Cones<'a>> {
        let all = gate.get("cells")?.as_object()?;
        let cells: Vec<_> = all.iter().map(|(name, cell)| (name, arcs(cell))).collect();
        let mut readers: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, (_, arcs)) in cells.iter().enumerate() {
            for net in arcs.iter().flat_map(|(ins, _)| ins) {
                readers.entry(*net).or_default().push(at);
            }
        }
        let mut cones = Cones { gate, gold, cells, readers, registers: vec![] };
        let is_register = |cell: &Value| kind(cell) == "$dff" || kind(cell) == "$ff";
        for (name, cell) in all.iter().filter(|(_, cell)| is_register(cell)) {
            let own: HashSet<u64> = nets(cell, "Q").into_iter().flatten().collect();
            let next: HashSet<u64> = nets(cell, "D").into_iter().flatten().collect();
            let moved = cones.reached(own.clone(), true);
            cones.registers.push((name, own, !moved.is_disjoint(&next)));
        }
        Some(cones)
    }

    /// Every net that one of these moves; in one step, not through registers.
    fn reached(&self, from: HashSet<u64>, in_one_step: bool) -> HashSet<u64> {
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

    /// `gold` and `gate` for one value of the selector: registers that the mutation does not reach are gold's, or, where
    /// they feed themselves, anything at all, the same for both. `None` where the mutation is not found.
    pub fn pair(&self, number: usize) -> Option<Value> {
        let selector = self.gate.get("ports")?.get(SELECTOR)?.get("bits")?.as_array()?;
        let chosen = |cell: &&Value| {
            let [a, b] =
                ["A", "B"].map(|pin| cell.pointer(&format!("/connections/{pin}")).and_then(Value::as_array));
            let other = match (a, b) {
                (Some(a), Some(b)) if a.contains(&selector[0]) => b,
                (Some(a), Some(b)) if b.contains(&selector[0]) => a,
                _ => return false,
            };
            let bits = other.iter().rev().try_fold(0_usize, |value, bit| match bit.as_str() {
                Some("0") => Some(value << 1),
                Some("1") => Some(value << 1 | 1),
                _ => None,
            });
            kind(cell) == "$eq" && bits == Some(number)
        };
        let all = self.gate.get("cells")?.as_object()?;
        let from: HashSet<u64> =
            all.values().filter(chosen).flat_map(|cell| nets(cell, "Y")).flatten().collect();
        if from.is_empty() {
            return None;
        }
        let reached = self.reached(from, false);
        let (mut gold, mut gate) = (self.gold.clone(), self.gate.clone());
        for (at, (name, own, feeds_itself)) in self.registers.iter().enumerate() {
            if !own.is_disjoint(&reached) {
                continue;
            }
            let bits = all.get(*name)?.pointer("/connections/Q").cloned()?;
            let port = |direction: &str| json!({ "direction": direction, "bits": bits });
            remove(&mut gate, name, at, port("input"))?;
            if *feeds_itself {
                remove(&mut gold, name, at, port("input"))?;
            } else {
                gold.get_mut("ports")?.as_object_mut()?.insert(format!("gp_Q{at}"), port("output"));
            }
        }
        Some(json!({ "modules": { "gold": gold, "gate": gate } }))
    }
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

/// What goes into a cell and what that moves: bit by bit for a register, everything for the rest.
fn arcs(cell: &Value) -> Vec<(HashSet<u64>, Vec<u64>)> {
    if kind(cell) == "$dff" || kind(cell) == "$ff" {
        let pairs = nets(cell, "D").into_iter().zip(nets(cell, "Q"));
        return pairs.filter_map(|(d, q)| Some((HashSet::from([d?]), vec![q?]))).collect();
    }
    let pins = |wanted: &str| -> Vec<u64> {
        let ways = cell.get("port_directions").and_then(Value::as_object).into_iter().flatten();
        let those = ways.filter(|(_, way)| way.as_str() == Some(wanted));
        those.flat_map(|(pin, _)| nets(cell, pin)).flatten().collect()
    };
    vec![(pins("input").into_iter().collect(), pins("output"))]
}
