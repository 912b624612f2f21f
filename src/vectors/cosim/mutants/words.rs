//! Memories in proofs. Where circuit and mutant read and write the same words in the same cycles, they hold the same, and
//! what is read is the same, whatever it is: the words themselves are not needed.
//!
//! Words may stand elsewhere in the mutant, too: where a bit of an address is the opposite at every port and in every
//! cycle, the word is found where it was written.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::bit::Bit;

/// A module of Yosys' JSON.
type Module = Map<String, Value>;

/// A memory, as Yosys spells it.
const MEMORY: &str = "$mem_v2";

/// Stands for all words: a register of as many bits as an address has. A bit of it is the same in circuit and mutant where the
/// words of both stand in the same places of that bit, and opposite where all stand in the opposite ones.
pub const HELD: &str = "$gp_words";

/// What is read at the address A of words B.
pub const READ: &str = "$gp_read";

/// Words B, written at the address A.
pub const WRITTEN: &str = "$gp_write";

/// One bit of a memory's addresses.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Nets of it at the ports that write.
    pub addressed: Vec<usize>,
    /// Whether nothing has a value from the beginning: what is read was written.
    pub is_written_first: bool,
}

/// The clock of every port that writes, with its edge. `None` where a port is not understood: one that reads at an edge.
pub fn clocks(memory: &Value) -> Option<Vec<(String, bool)>> {
    let all = |parameter: &str, wanted: char| text(memory, parameter).chars().all(|bit| bit == wanted);
    let writes = pin(memory, "WR_CLK");
    let reads_at_an_edge = !pin(memory, "RD_DATA").is_empty() && !all("RD_CLK_ENABLE", '0');
    if reads_at_an_edge || !writes.is_empty() && !all("WR_CLK_ENABLE", '1') {
        return None;
    }
    let edges = text(memory, "WR_CLK_POLARITY");
    let rising = edges.chars().rev().map(|bit| bit == '1');
    Some(writes.iter().map(Value::to_string).zip(rising).collect())
}

pub fn is_memory(cell: &Value) -> bool {
    cell.get("type").and_then(Value::as_str) == Some(MEMORY)
}

/// Takes memories out: what they read becomes an input, what they are asked and told an output. The same words that are read
/// and written in the same way stay the same. False where a port is not understood.
pub fn cut(module: &mut Module) -> bool {
    let Some(memories) = take(module) else { return false };
    let Some(ports) = module.get_mut("ports").and_then(Value::as_object_mut) else { return false };
    for (at, memory) in memories.iter().enumerate() {
        for (name, way) in [
            ("RD_DATA", "input"),
            ("RD_ADDR", "output"),
            ("WR_ADDR", "output"),
            ("WR_DATA", "output"),
            ("WR_EN", "output"),
        ] {
            let port = json!({ "direction": way, "bits": pin(memory, name) });
            ports.insert(format!("gp_{name}{at}"), port);
        }
    }
    true
}

/// Puts [`HELD`], [`READ`] and [`WRITTEN`] in the place of memories; `fresh` is a net that nobody has, nor any above it. False
/// where a port is not understood.
pub fn abstracted(module: &mut Module, mut fresh: u64) -> bool {
    let Some(memories) = take(module) else { return false };
    let Some(cells) = module.get_mut("cells").and_then(Value::as_object_mut) else { return false };
    let mut nets = |count: usize| -> Vec<Value> {
        let nets = (fresh..).take(count).map(|net| json!(net)).collect();
        fresh += count as u64;
        nets
    };
    for (at, memory) in memories.iter().enumerate() {
        let number = |name: &str| usize::from_str_radix(&text(memory, name), 2).unwrap_or(0);
        let (width, bits) = (number("WIDTH").max(1), number("ABITS"));
        let chunk = |name: &str, port: usize, of: usize| -> Vec<Value> {
            pin(memory, name).into_iter().skip(port * of).take(of).collect()
        };
        // With one word there is no address, and still something that is held.
        let address = |name: &str, port: usize| {
            if bits == 0 { vec![json!("0")] } else { chunk(name, port, bits) }
        };
        let ins = ["A", "B", "C", "S", "D"];
        let mut put = |name: String, kind: &str, pins: &[(&str, &[Value])]| {
            let way = |pin: &str| if ins.contains(&pin) { "input" } else { "output" };
            let ways: Map<String, Value> =
                pins.iter().map(|(pin, _)| (pin.to_string(), json!(way(pin)))).collect();
            let connections: Map<String, Value> =
                pins.iter().map(|(pin, bits)| (pin.to_string(), json!(bits))).collect();
            cells.insert(name, json!({ "type": kind, "port_directions": ways, "connections": connections }));
        };
        let held = nets(bits.max(1));
        let mut words = held.clone();
        let mut addressed: Vec<Vec<Value>> = Vec::new();
        for port in 0..pin(memory, "WR_CLK").len() {
            let (written, next, enable) = (nets(held.len()), nets(held.len()), nets(1));
            let (to, enables) = (address("WR_ADDR", port), chunk("WR_EN", port, width));
            let told = [chunk("WR_DATA", port, width), enables.clone()].concat();
            put(format!("gp_enable{at}_{port}"), "$reduce_or", &[("A", &enables), ("Y", &enable)]);
            let pins: [(&str, &[Value]); 4] = [("A", &to), ("B", &words), ("C", &told), ("Y", &written)];
            put(format!("gp_write{at}_{port}"), WRITTEN, &pins);
            let pins: [(&str, &[Value]); 4] = [("A", &words), ("B", &written), ("S", &enable), ("Y", &next)];
            put(format!("gp_next{at}_{port}"), "$mux", &pins);
            (words, _) = (next, addressed.push(to));
        }
        for port in 0..pin(memory, "RD_DATA").len() / width {
            let (from, data) = (address("RD_ADDR", port), chunk("RD_DATA", port, width));
            put(format!("gp_read{at}_{port}"), READ, &[("A", &from), ("B", &held), ("Y", &data)]);
        }
        if addressed.is_empty() {
            words.clone_from(&held);
        }
        put(format!("gp_words{at}"), HELD, &[("D", &words), ("Q", &held)]);
        let cell = cells.get_mut(&format!("gp_words{at}")).and_then(Value::as_object_mut);
        let said =
            json!({ "written": addressed, "first": text(memory, "INIT").chars().all(|bit| bit == 'x') });
        cell.into_iter().for_each(|cell| drop(cell.insert("addressed".to_owned(), said.clone())));
    }
    true
}

/// What a cell of [`HELD`] says of one bit of its addresses.
pub fn of(cell: &Value, bit: usize) -> Words {
    let written = cell.pointer("/addressed/written").and_then(Value::as_array);
    let addressed = written.into_iter().flatten().filter_map(|address| address.get(bit)?.as_u64());
    let is_written_first = cell.pointer("/addressed/first").and_then(Value::as_bool).unwrap_or(false);
    Words { addressed: addressed.map(|net| net as usize).collect(), is_written_first }
}

/// Whether an address says the same word of these in circuit and mutant.
pub fn is_one_word(address: &[Bit], words: &[Bit]) -> bool {
    let pairs = address.iter().zip(words);
    pairs.into_iter().all(|(bit, held)| match (bit.differs(), held.differs()) {
        (false, false) => true,
        _ => bit.is_opposite() && held.is_opposite(),
    })
}

/// All memories, out of the module. `None` where one is not understood.
fn take(module: &mut Module) -> Option<Vec<Value>> {
    let cells = module.get_mut("cells")?.as_object_mut()?;
    let names: BTreeSet<String> =
        cells.iter().filter(|(_, cell)| is_memory(cell)).map(|(name, _)| name.clone()).collect();
    let memories: Vec<Value> = names.iter().filter_map(|name| cells.remove(name)).collect();
    memories.iter().all(|memory| clocks(memory).is_some()).then_some(memories)
}

fn text(cell: &Value, parameter: &str) -> String {
    cell.pointer(&format!("/parameters/{parameter}")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn pin(cell: &Value, name: &str) -> Vec<Value> {
    cell.pointer(&format!("/connections/{name}")).and_then(Value::as_array).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::cosim::mutants::circuit::SELECTOR;
    use crate::vectors::cosim::mutants::cone::{Cones, behind};
    use crate::vectors::cosim::mutants::gates::{Gates, tests::cell};
    use crate::vectors::cosim::mutants::masked::{Masked, Protocol};
    use crate::vectors::cosim::mutants::taint::Held;

    /// Where the mutation may be: the bit of the address at the port that writes, at the one that reads, the word that is
    /// written, and what is written where there is no word.
    struct Taken {
        to: u64,
        from: u64,
        word: u64,
        idle: u64,
        first: &'static str,
    }

    const RIGHT: Taken = Taken { to: 6, from: 6, word: 20, idle: 4, first: "xx" };

    /// Inputs: clock 1, reset 2, valid 3, a word 4, selector 5, a bit of the address 6. A word is written (20: the input where
    /// there is one, otherwise `idle`) while it is valid, and what was there is shown. Net 31 is the mutated bit of the
    /// address, 32 the mutated word, 33 the mutated input.
    fn proved(taken: Taken) -> bool {
        let mux =
            |a: Value, b: Value, s: u64, y| cell("$mux", &[("A", a), ("B", b), ("S", json!(s))], ("Y", y));
        let mut cells = vec![
            cell("$eq", &[("A", json!(5)), ("B", json!("1"))], ("Y", 9)),
            cell("$not", &[("A", json!(6))], ("Y", 41)),
            mux(json!(6), json!(41), 9, 31),
            cell("$not", &[("A", json!(20))], ("Y", 42)),
            mux(json!(20), json!(42), 9, 32),
            cell("$not", &[("A", json!(4))], ("Y", 43)),
            mux(json!(4), json!(43), 9, 33),
            mux(json!(taken.idle), json!(4), 3, 20),
            cell("$not", &[("A", json!(2))], ("Y", 44)),
            cell("$logic_and", &[("A", json!(3)), ("B", json!(44))], ("Y", 45)),
            mux(json!("0"), json!(50), 45, 51),
        ];
        cells.push(json!({ "type": MEMORY,
            "parameters": { "ABITS": "1", "WIDTH": "1", "INIT": taken.first, "RD_CLK_ENABLE": "0", "WR_CLK_ENABLE": "1",
                "WR_CLK_POLARITY": "1" },
            "port_directions": { "RD_ADDR": "input", "RD_DATA": "output", "WR_ADDR": "input", "WR_CLK": "input",
                "WR_DATA": "input", "WR_EN": "input" },
            "connections": { "RD_ADDR": [taken.from], "RD_DATA": [50], "WR_ADDR": [taken.to], "WR_CLK": [1],
                "WR_DATA": [taken.word], "WR_EN": [45] },
        }));
        let named = cells.into_iter().enumerate().map(|(at, cell)| (format!("c{at}"), cell));
        let cells: Map<String, Value> = named.collect();
        let port = |way: &str, net: u64| json!({ "direction": way, "bits": [net] });
        let module = json!({ "cells": cells, "ports": {
            "in_clk": port("input", 1), "in_rst": port("input", 2), "in_valid": port("input", 3),
            "in_word": port("input", 4), SELECTOR: port("input", 5), "in_address": port("input", 6),
            "out": port("output", 51),
        } });
        let mut module = module.as_object().unwrap().clone();
        let fresh = behind(&module);
        assert!(abstracted(&mut module, fresh));
        let source = Cones::new(&module, &module).unwrap().source(1).unwrap();
        let gates = Gates::new(&module).unwrap();
        let protocol = Protocol { valid: vec![3], ..Protocol::default() };
        let held = Held { reset: "in_rst", selector: SELECTOR };
        Masked::new((&gates, held), &source, &protocol, 2).is_proved()
    }

    #[test]
    fn words_may_stand_elsewhere_where_they_are_found_again() {
        assert!(proved(RIGHT), "nothing is changed");
        assert!(proved(Taken { to: 31, from: 31, ..RIGHT }), "the opposite address at both ports");
        assert!(!proved(Taken { to: 31, ..RIGHT }), "at the port that writes alone");
        assert!(!proved(Taken { from: 31, ..RIGHT }), "at the port that reads alone");
        assert!(!proved(Taken { to: 31, from: 31, first: "x1", ..RIGHT }), "a word from the beginning stays");
    }

    #[test]
    fn a_word_that_is_not_written_may_be_any() {
        assert!(proved(Taken { idle: 33, ..RIGHT }));
        assert!(!proved(Taken { word: 32, ..RIGHT }), "the opposite of what is to be written");
        assert!(!proved(Taken { word: 33, ..RIGHT }), "with or without a mutation of the input");
    }

    #[test]
    fn a_port_that_reads_at_an_edge_is_not_understood() {
        let memory = |read: &str| {
            json!({ "type": MEMORY, "parameters": { "RD_CLK_ENABLE": read, "WR_CLK_ENABLE": "1", "WR_CLK_POLARITY": "1" },
                "connections": { "RD_DATA": [2], "WR_CLK": [3] } })
        };
        assert_eq!(clocks(&memory("0")), Some(vec![("3".to_owned(), true)]));
        assert_eq!(clocks(&memory("1")), None);
    }
}
