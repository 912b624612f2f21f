//! What a difference between two circuits can reach, cycle by cycle after a reset: bit by bit, whether its value is known and
//! whether it may differ. Nothing is solved, so that an array of any size takes as long as its cells.
//!
//! A bit that may differ is unknown. A choice between two by a known bit, and a zero at a gate, stop a difference: what a
//! reset left in a data line moves on beside a valid bit of 0 until it has run out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// A module of Yosys' JSON.
type Module = Map<String, Value>;

/// Cycles after which a difference that is still there is taken to stay.
const MOST_CYCLES: usize = 1024;

/// What is known of a bit in both circuits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bit {
    /// `None`: either.
    value: Option<bool>,
    /// It may be another one in the other circuit.
    differs: bool,
}

impl Bit {
    const UNKNOWN: Bit = Bit { value: None, differs: false };
    const OTHER: Bit = Bit { value: None, differs: true };

    fn known(value: bool) -> Bit {
        Bit { value: Some(value), differs: false }
    }

    /// One of both, and nobody knows which.
    fn join(self, other: Bit) -> Bit {
        let value = self.value.filter(|_| self.value == other.value);
        Bit { value, differs: self.differs || other.differs }
    }

    fn not(self) -> Bit {
        Bit { value: self.value.map(|value| !value), ..self }
    }

    fn and(self, other: Bit) -> Bit {
        match (self.value, other.value) {
            (Some(false), _) | (_, Some(false)) => Bit::known(false),
            (Some(true), _) => other,
            (_, Some(true)) => self,
            (None, None) => self.join(other),
        }
    }

    fn or(self, other: Bit) -> Bit {
        self.not().and(other.not()).not()
    }

    fn xor(self, other: Bit) -> Bit {
        let value = self.value.zip(other.value).map(|(a, b)| a != b);
        Bit { value, differs: self.differs || other.differs }
    }

    fn choose(self, zero: Bit, one: Bit) -> Bit {
        match self.value {
            Some(value) => {
                if value {
                    one
                } else {
                    zero
                }
            }
            None if self.differs && !(zero.value.is_some() && zero.value == one.value) => Bit::OTHER,
            None => zero.join(one),
        }
    }
}

/// A bit of a pin: a net, or a constant.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Net(usize),
    Constant(Bit),
}

impl Wire {
    fn net(&self) -> Option<usize> {
        if let Wire::Net(net) = self { Some(*net) } else { None }
    }
}

/// A cell that holds nothing.
struct Gate {
    kind: String,
    /// The pins A, B, S and all others that go in, and Y.
    pins: [Vec<Wire>; 4],
    out: Vec<usize>,
}

/// A flat module with one clock, in the order in which values form.
pub struct Taint {
    gates: Vec<Gate>,
    registers: Vec<(Wire, usize)>,
    outputs: Vec<Wire>,
    nets: usize,
    reset: Vec<usize>,
    selector: Vec<usize>,
}

impl Taint {
    /// Reads a module. `None` where its cells form a loop, or have pins that are not understood.
    pub fn new(module: &Module, reset: &str, selector: &str) -> Option<Taint> {
        let ports = module.get("ports")?.as_object()?;
        let (mut gates, mut registers) = (Vec::new(), Vec::new());
        for cell in module.get("cells")?.as_object()?.values() {
            let kind = cell.get("type").and_then(Value::as_str)?.to_owned();
            let pin = |name: &str| wires(cell.pointer(&format!("/connections/{name}")));
            if kind == "$dff" || kind == "$ff" {
                for (from, to) in pin("D").into_iter().zip(pin("Q")) {
                    let Wire::Net(to) = to else { return None };
                    registers.push((from, to));
                }
                continue;
            }
            let ways = cell.get("port_directions")?.as_object()?;
            let rest = |way: &str| {
                let those = ways.iter().filter(move |(name, is)| {
                    is.as_str() == Some(way) && !matches!(name.as_str(), "A" | "B" | "S")
                });
                those.flat_map(|(name, _)| pin(name)).collect::<Vec<_>>()
            };
            let out = rest("output").iter().map(Wire::net).collect::<Option<Vec<usize>>>()?;
            gates.push(Gate { kind, pins: [pin("A"), pin("B"), pin("S"), rest("input")], out });
        }
        let bits = |name: &str| ports.get(name).map(|port| wires(port.get("bits"))).unwrap_or_default();
        let nets_of = |name: &str| bits(name).iter().filter_map(Wire::net).collect::<Vec<usize>>();
        let is_output = |port: &&Value| port.get("direction").and_then(Value::as_str) == Some("output");
        let outputs: Vec<Wire> =
            ports.values().filter(is_output).flat_map(|port| wires(port.get("bits"))).collect();
        let (reset, selector) = (nets_of(reset), nets_of(selector));
        let read = gates.iter().flat_map(|gate| gate.pins.iter().flatten()).chain(&outputs);
        let read = read.chain(registers.iter().map(|(from, _)| from)).filter_map(Wire::net);
        let driven = gates.iter().flat_map(|gate| gate.out.iter()).chain(registers.iter().map(|(_, to)| to));
        let all = read.chain(driven.chain(&reset).chain(&selector).copied());
        let nets = all.max().map_or(0, |net| net + 1);
        (!reset.is_empty()).then_some(())?;
        Some(Taint { gates: ordered(gates, nets)?, registers, outputs, nets, reset, selector })
    }

    /// Whether what differs at first, and what `source` differs by while the reset is 1, has run out some time after so many
    /// cycles of reset, and no output differed meanwhile.
    pub fn runs_out(&self, source: &BTreeSet<u64>, reached: &BTreeSet<u64>, reset_cycles: usize) -> bool {
        let is_in = |all: &BTreeSet<u64>, net: usize| all.contains(&(net as u64));
        let first = |to: &usize| if is_in(reached, *to) { Bit::OTHER } else { Bit::UNKNOWN };
        let mut state: Vec<Bit> = self.registers.iter().map(|(_, to)| first(to)).collect();
        let mut bits = vec![Bit::UNKNOWN; self.nets];
        for cycle in 0..MOST_CYCLES {
            let is_reset = cycle < reset_cycles;
            self.registers.iter().zip(&state).for_each(|((_, to), bit)| bits[*to] = *bit);
            self.reset.iter().for_each(|net| bits[*net] = Bit::known(is_reset));
            self.selector.iter().for_each(|net| bits[*net] = Bit::known(false));
            for gate in &self.gates {
                gate.form(&mut bits);
                for net in gate.out.iter().filter(|net| is_reset && is_in(source, **net)) {
                    bits[*net] = Bit::OTHER;
                }
            }
            let at = |wire: &Wire| match wire {
                Wire::Net(net) => bits[*net],
                Wire::Constant(bit) => *bit,
            };
            if !is_reset && self.outputs.iter().any(|wire| at(wire).differs) {
                return false;
            }
            state = self.registers.iter().map(|(from, _)| at(from)).collect();
            if !is_reset && state.iter().all(|bit| !bit.differs) {
                return true;
            }
        }
        false
    }
}

impl Gate {
    /// The bits of what goes out.
    fn form(&self, bits: &mut [Bit]) {
        let at = |wire: &Wire| match wire {
            Wire::Net(net) => bits[*net],
            Wire::Constant(bit) => *bit,
        };
        let [a, b, s, _] = [0, 1, 2, 3].map(|pin| self.pins[pin].iter().map(at).collect::<Vec<Bit>>());
        let width = self.out.len();
        let all =
            |bits: &[Bit], both: fn(Bit, Bit) -> Bit, none| bits.iter().copied().fold(Bit::known(none), both);
        let any = || all(&a, Bit::or, false);
        let same_widths = a.len() == width && b.len() == width;
        let one = |bit: Bit| {
            let rest = std::iter::repeat_n(Bit::known(false), width.saturating_sub(1));
            std::iter::once(bit).chain(rest).collect::<Vec<_>>()
        };
        let each =
            |both: fn(Bit, Bit) -> Bit| a.iter().zip(&b).map(|(a, b)| both(*a, *b)).collect::<Vec<_>>();
        let formed = match self.kind.as_str() {
            "$mux" if s.len() == 1 => a.iter().zip(&b).map(|(a, b)| s[0].choose(*a, *b)).collect(),
            "$pmux" if b.len() == s.len() * width => {
                // One of several at most: the last that may be chosen wins here, which is one of them.
                let pick = |bit: usize| {
                    let choices = s.iter().enumerate();
                    choices.fold(a[bit], |so_far, (at, s)| s.choose(so_far, b[at * width + bit]))
                };
                (0..width).map(pick).collect()
            }
            "$not" if a.len() == width => a.iter().map(|bit| bit.not()).collect(),
            "$and" if same_widths => each(Bit::and),
            "$or" if same_widths => each(Bit::or),
            "$xor" if same_widths => each(Bit::xor),
            "$xnor" if same_widths => each(|a, b| a.xor(b).not()),
            "$pos" if a.len() == width => a.clone(),
            "$reduce_and" => one(all(&a, Bit::and, true)),
            "$reduce_or" | "$reduce_bool" => one(any()),
            "$logic_not" => one(any().not()),
            "$logic_and" => one(any().and(all(&b, Bit::or, false))),
            "$logic_or" => one(any().or(all(&b, Bit::or, false))),
            "$eq" | "$ne" if a.len() == b.len() => {
                let same: Vec<Bit> = each(|a, b| a.xor(b).not());
                let same = all(&same, Bit::and, true);
                one(if self.kind == "$eq" { same } else { same.not() })
            }
            _ => {
                let differs = self.pins.iter().flatten().any(|wire| at(wire).differs);
                vec![Bit { value: None, differs }; width]
            }
        };
        self.out.iter().zip(formed).for_each(|(net, bit)| bits[*net] = bit);
    }
}

/// Gates behind those that they read; `None` where some read each other.
fn ordered(gates: Vec<Gate>, nets: usize) -> Option<Vec<Gate>> {
    let mut drives: Vec<Option<usize>> = vec![None; nets];
    gates.iter().enumerate().for_each(|(at, gate)| gate.out.iter().for_each(|net| drives[*net] = Some(at)));
    let before = |gate: &Gate| -> BTreeSet<usize> {
        let wires = gate.pins.iter().flatten();
        wires.filter_map(|wire| drives[wire.net()?]).collect()
    };
    let mut waits: Vec<usize> = Vec::with_capacity(gates.len());
    let mut readers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, gate) in gates.iter().enumerate() {
        let before = before(gate);
        waits.push(before.len());
        before.into_iter().for_each(|from| readers.entry(from).or_default().push(at));
    }
    let mut ready: Vec<usize> = (0..gates.len()).filter(|at| waits[*at] == 0).collect();
    let mut order = Vec::with_capacity(gates.len());
    while let Some(at) = ready.pop() {
        order.push(at);
        for reader in readers.get(&at).into_iter().flatten() {
            waits[*reader] -= 1;
            if waits[*reader] == 0 {
                ready.push(*reader);
            }
        }
    }
    (order.len() == gates.len()).then_some(())?;
    let mut gates: Vec<Option<Gate>> = gates.into_iter().map(Some).collect();
    order.into_iter().map(|at| gates[at].take()).collect()
}

fn wires(bits: Option<&Value>) -> Vec<Wire> {
    let bit = |bit: &Value| match (bit.as_u64(), bit.as_str()) {
        (Some(net), _) => Wire::Net(net as usize),
        (_, Some("0")) => Wire::Constant(Bit::known(false)),
        (_, Some("1")) => Wire::Constant(Bit::known(true)),
        _ => Wire::Constant(Bit::UNKNOWN),
    };
    bits.and_then(Value::as_array).into_iter().flatten().map(bit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cell(kind: &str, ins: &[(&str, Value)], out: (&str, u64)) -> Value {
        let mut connections: Map<String, Value> =
            ins.iter().map(|(pin, net)| (pin.to_string(), json!([net]))).collect();
        let mut ways: Map<String, Value> =
            ins.iter().map(|(pin, _)| (pin.to_string(), json!("input"))).collect();
        connections.insert(out.0.to_owned(), json!([out.1]));
        ways.insert(out.0.to_owned(), json!("output"));
        json!({ "type": kind, "connections": connections, "port_directions": ways })
    }

    /// A register of data and its valid bit, and a sum that takes what is not in the data behind the valid bit; the reset of
    /// one of the two is stuck at 0 where the selector is 1.
    fn module(is_valid_stuck: bool) -> Module {
        let [data, valid] = if is_valid_stuck { [2, 10] } else { [10, 2] };
        let mux =
            |a: Value, b: Value, s: u64, y| cell("$mux", &[("A", a), ("B", b), ("S", json!(s))], ("Y", y));
        let cells = [
            cell("$eq", &[("A", json!(5)), ("B", json!("1"))], ("Y", 9)),
            cell("$not", &[("A", json!(9))], ("Y", 11)),
            cell("$and", &[("A", json!(2)), ("B", json!(11))], ("Y", 10)),
            mux(json!(4), json!("0"), data, 12),
            mux(json!(3), json!("0"), valid, 13),
            cell("$dff", &[("D", json!(12))], ("Q", 7)),
            cell("$dff", &[("D", json!(13))], ("Q", 6)),
            cell("$not", &[("A", json!(7))], ("Y", 16)),
            mux(json!(8), json!(16), 6, 14),
            mux(json!(14), json!("0"), 2, 15),
            cell("$dff", &[("D", json!(15))], ("Q", 8)),
        ];
        let cells: Map<String, Value> =
            cells.into_iter().enumerate().map(|(at, cell)| (format!("c{at}"), cell)).collect();
        let port = |way: &str, net: u64| json!({ "direction": way, "bits": [net] });
        let module = json!({ "cells": cells, "ports": {
            "in_rst": port("input", 2), "in_valid": port("input", 3), "in_data": port("input", 4),
            "gp_mutant": port("input", 5), "out": port("output", 8),
        } });
        module.as_object().unwrap().clone()
    }

    #[test]
    fn data_without_a_valid_bit_runs_out_and_a_valid_bit_does_not() {
        for (is_valid_stuck, reached) in
            [(false, [9, 11, 10, 12, 7, 14, 15, 8, 16]), (true, [9, 11, 10, 13, 6, 14, 15, 8, 8])]
        {
            let taint = Taint::new(&module(is_valid_stuck), "in_rst", "gp_mutant").unwrap();
            let runs_out = taint.runs_out(&BTreeSet::from([9]), &BTreeSet::from(reached), 2);
            assert_eq!(runs_out, !is_valid_stuck);
        }
    }

    #[test]
    fn cells_in_a_loop_are_not_read() {
        let mut module = module(false);
        module["cells"]["loop"] = cell("$and", &[("A", json!(16)), ("B", json!(20))], ("Y", 21));
        module["cells"]["back"] = cell("$not", &[("A", json!(21))], ("Y", 20));
        assert!(Taint::new(&module, "in_rst", "gp_mutant").is_none());
    }

    #[test]
    fn known_bits_stop_a_difference_and_unknown_ones_do_not() {
        let [zero, one] = [false, true].map(Bit::known);
        assert_eq!(zero.and(Bit::OTHER), zero);
        assert_eq!(one.or(Bit::OTHER), one);
        assert_eq!(one.and(Bit::OTHER), Bit::OTHER);
        assert_eq!(Bit::UNKNOWN.and(Bit::OTHER), Bit::OTHER);
        assert_eq!(one.xor(Bit::OTHER), Bit::OTHER);
        assert_eq!(one.choose(Bit::OTHER, zero), zero);
        assert_eq!(Bit::UNKNOWN.choose(Bit::OTHER, zero), Bit::OTHER);
        assert_eq!(Bit::OTHER.choose(one, one), one);
        assert_eq!(Bit::OTHER.choose(one, zero), Bit::OTHER);
        assert_eq!(Bit::OTHER.choose(Bit::UNKNOWN, Bit::UNKNOWN), Bit::OTHER);
    }
}
