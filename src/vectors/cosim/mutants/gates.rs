//! A flat circuit with one clock as its registers and the gates between them, evaluated bit by bit for the circuit and its
//! mutant at once. Nothing is solved, so that an array of any size takes as long as its cells.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::bit::Bit;
use super::taint::Held;
use super::words::{self, Words};

/// A module of Yosys' JSON.
type Module = Map<String, Value>;

/// A bit of a pin: a net, or a constant.
#[derive(Debug, Clone, Copy)]
pub enum Wire {
    Net(usize),
    Constant(Bit),
}

impl Wire {
    pub fn net(&self) -> Option<usize> {
        if let Wire::Net(net) = self { Some(*net) } else { None }
    }

    /// What it carries, where nets carry these.
    pub fn of(&self, bits: &[Bit]) -> Bit {
        match self {
            Wire::Net(net) => bits[*net],
            Wire::Constant(bit) => *bit,
        }
    }
}

/// A cell that holds nothing.
pub struct Gate {
    pub kind: String,
    /// The pins A, B, S and all others that go in.
    pub pins: [Vec<Wire>; 4],
    /// Nets of what goes out.
    pub out: Vec<usize>,
}

/// Registers and gates, these in the order in which values form.
pub struct Gates {
    pub gates: Vec<Gate>,
    /// What each bit takes, and the net that it drives.
    pub registers: Vec<(Wire, usize)>,
    pub outputs: Vec<Wire>,
    /// One more than the highest net.
    pub nets: usize,
    /// Nets that the host keeps at 0 before its first beat.
    pub quiet: Vec<usize>,
    /// Registers that stand for what memories hold, and what is written there is addressed by ([`super::words`]).
    pub words: BTreeMap<usize, Words>,
    /// Nets of each input.
    inputs: BTreeMap<String, Vec<usize>>,
}

impl Gates {
    /// Reads a module. `None` where its cells form a loop, or have pins that are not understood.
    pub fn new(module: &Module) -> Option<Gates> {
        let (mut gates, mut registers, mut words) = (Vec::new(), Vec::new(), BTreeMap::new());
        for cell in module.get("cells")?.as_object()?.values() {
            let kind = cell.get("type").and_then(Value::as_str)?.to_owned();
            let pin = |name: &str| wires(cell.pointer(&format!("/connections/{name}")));
            if kind == "$dff" || kind == "$ff" {
                for (from, to) in pin("D").into_iter().zip(pin("Q")) {
                    registers.push((from, to.net()?));
                }
                continue;
            }
            if kind == words::HELD {
                for (at, (from, to)) in pin("D").into_iter().zip(pin("Q")).enumerate() {
                    registers.push((from, to.net()?));
                    words.insert(to.net()?, words::of(cell, at));
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
        let (mut inputs, mut outputs) = (BTreeMap::new(), Vec::new());
        for (name, port) in module.get("ports")?.as_object()? {
            let bits = wires(port.get("bits"));
            match port.get("direction").and_then(Value::as_str) {
                Some("output") => outputs.extend(bits),
                _ => drop(inputs.insert(name.clone(), bits.iter().filter_map(Wire::net).collect::<Vec<_>>())),
            }
        }
        let read = gates.iter().flat_map(|gate| gate.pins.iter().flatten()).chain(&outputs);
        let read = read.chain(registers.iter().map(|(from, _)| from)).filter_map(Wire::net);
        let driven = gates.iter().flat_map(|gate| gate.out.iter()).chain(registers.iter().map(|(_, to)| to));
        let all = read.chain(driven.chain(inputs.values().flatten()).copied());
        let nets = all.max().map_or(0, |net| net + 1);
        Some(Gates { gates: ordered(gates, nets)?, registers, outputs, nets, quiet: vec![], words, inputs })
    }

    /// Nets of an input; none where there is no such input.
    pub fn input(&self, name: &str) -> &[usize] {
        self.inputs.get(name).map_or(&[], Vec::as_slice)
    }

    /// Lets an input be another one, so many cycles late, 0 at first.
    pub fn delay(&mut self, from: usize, input: usize, cycles: usize) {
        let mut before = from;
        for stage in 1..=cycles {
            let to = if stage == cycles { input } else { self.nets };
            self.nets = self.nets.max(to + 1);
            self.registers.push((Wire::Net(before), to));
            self.quiet.push(to);
            before = to;
        }
    }

    /// Of inputs that are constant, the registers that are so with and without reset, and the inputs again.
    pub fn constants(&self, held: Held<'_>, inputs: &[(usize, bool)]) -> BTreeMap<usize, bool> {
        let mut known: BTreeMap<usize, bool> = inputs.iter().copied().collect();
        loop {
            let [without, with] = [false, true].map(|is_reset| {
                let mut bits = self.anything();
                known.iter().for_each(|(net, value)| bits[*net] = Bit::Known(*value));
                held.set(self, is_reset, &mut bits);
                for gate in &self.gates {
                    let formed = gate.form(|wire| wire.of(&bits));
                    gate.out.iter().zip(formed).for_each(|(net, bit)| bits[*net] = bit);
                }
                bits
            });
            let before = known.len();
            for (from, to) in &self.registers {
                if let (Bit::Known(value), Bit::Known(again)) = (from.of(&without), from.of(&with))
                    && value == again
                {
                    known.insert(*to, value);
                }
            }
            if known.len() == before {
                return known;
            }
        }
    }

    /// Every net under its own name: what may be anything, and is the same in both.
    pub fn anything(&self) -> Vec<Bit> {
        (0..self.nets).map(|net| Bit::Net(net, false)).collect()
    }
}

impl Gate {
    /// The bits of what goes out, of what `at` says of the pins.
    pub fn form(&self, at: impl Fn(&Wire) -> Bit) -> Vec<Bit> {
        let [a, b, s, _] = [0, 1, 2, 3].map(|pin| self.pins[pin].iter().map(&at).collect::<Vec<Bit>>());
        let width = self.out.len();
        let all =
            |bits: &[Bit], both: fn(Bit, Bit) -> Bit, none| bits.iter().copied().fold(Bit::Known(none), both);
        let any = || all(&a, Bit::or, false);
        let same_widths = a.len() == width && b.len() == width;
        let one = |bit: Bit| {
            let rest = std::iter::repeat_n(Bit::Known(false), width.saturating_sub(1));
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
            "$add" | "$sub" => sum(&a, &b, width),
            words::READ => vec![if words::is_one_word(&a, &b) { Bit::Same } else { Bit::Other }; width],
            words::WRITTEN => {
                let is_kept =
                    words::is_one_word(&a, &b) && !self.pins[3].iter().any(|wire| at(wire).differs());
                let kept = |bit: &Bit| match bit.is_opposite() {
                    _ if !is_kept => Bit::Other,
                    true => Bit::Opposite,
                    false => Bit::Same,
                };
                b.iter().map(kept).collect()
            }
            _ => {
                let differs = self.pins.iter().flatten().any(|wire| at(wire).differs());
                vec![if differs { Bit::Other } else { Bit::Same }; width]
            }
        };
        self.out.iter().zip(formed).map(|(net, bit)| bit.named(*net)).collect()
    }
}

/// Bits of a sum or a difference: below the lowest that differs, they are the same, and so is what is carried there.
fn sum(a: &[Bit], b: &[Bit], width: usize) -> Vec<Bit> {
    let lowest =
        a.iter().zip(0..).chain(b.iter().zip(0..)).filter(|(bit, _)| bit.differs()).map(|(_, at)| at).min();
    let bit = |at: usize| match lowest {
        // What stands above an operand may be its sign.
        Some(lowest) if at == lowest => {
            let of = |bits: &[Bit]| bits.get(at).copied().unwrap_or(Bit::Same);
            of(a).added(of(b))
        }
        Some(lowest) if at > lowest => Bit::Other,
        _ => Bit::Same,
    };
    (0..width).map(bit).collect()
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
        (_, Some("0")) => Wire::Constant(Bit::Known(false)),
        (_, Some("1")) => Wire::Constant(Bit::Known(true)),
        _ => Wire::Constant(Bit::Same),
    };
    bits.and_then(Value::as_array).into_iter().flatten().map(bit).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    pub fn cell(kind: &str, ins: &[(&str, Value)], out: (&str, u64)) -> Value {
        let mut connections: Map<String, Value> =
            ins.iter().map(|(pin, net)| (pin.to_string(), json!([net]))).collect();
        let mut ways: Map<String, Value> =
            ins.iter().map(|(pin, _)| (pin.to_string(), json!("input"))).collect();
        connections.insert(out.0.to_owned(), json!([out.1]));
        ways.insert(out.0.to_owned(), json!("output"));
        json!({ "type": kind, "connections": connections, "port_directions": ways })
    }

    #[test]
    fn cells_in_a_loop_are_not_read() {
        let ports = json!({ "in": { "direction": "input", "bits": [2] } });
        let gate = |out: u64, other: u64| cell("$and", &[("A", json!(2)), ("B", json!(other))], ("Y", out));
        let module = |cells: Value| json!({ "cells": cells, "ports": ports }).as_object().unwrap().clone();
        assert!(Gates::new(&module(json!({ "one": gate(3, 2), "two": gate(4, 3) }))).is_some());
        assert!(Gates::new(&module(json!({ "one": gate(3, 4), "two": gate(4, 3) }))).is_none());
    }
}
