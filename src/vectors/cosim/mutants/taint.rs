//! What a difference between two circuits can reach, cycle by cycle after a reset: bit by bit, whether its value is known and
//! whether it may differ.
//!
//! A choice between two by a known bit, and a zero at a gate, stop a difference: what a reset left in a data line moves on
//! beside a valid bit of 0 until it has run out.

use std::collections::BTreeSet;

use super::bit::Bit;
use super::gates::Gates;

/// Cycles after which a difference that is still there is taken to stay.
const MOST_CYCLES: usize = 1024;

/// A mutation: the nets that say whether it is chosen, and every net that they move.
#[derive(Debug, Clone)]
pub struct Source {
    pub from: BTreeSet<u64>,
    pub reached: BTreeSet<u64>,
}

impl Source {
    pub fn is_from(&self, net: usize) -> bool {
        self.from.contains(&(net as u64))
    }

    pub fn reaches(&self, net: usize) -> bool {
        self.reached.contains(&(net as u64))
    }
}

/// Names of the inputs that are held.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// 1 at first, then 0.
    pub reset: &'a str,
    /// 0: no mutation is chosen.
    pub selector: &'a str,
}

impl Held<'_> {
    /// Sets them in a cycle with or without reset.
    pub fn set(self, gates: &Gates, is_reset: bool, bits: &mut [Bit]) {
        gates.input(self.reset).iter().for_each(|net| bits[*net] = Bit::Known(is_reset));
        gates.input(self.selector).iter().for_each(|net| bits[*net] = Bit::Known(false));
    }
}

/// Cycles that begin with some of reset; before them, all that the source reaches may differ.
pub struct Cycles<'a> {
    pub gates: &'a Gates,
    pub held: Held<'a>,
    pub source: &'a Source,
    /// Whether the mutation is there without reset, too.
    pub stays: bool,
    /// Bits of addresses that are opposite wherever words are: what a memory holds when it gets its power is no one's.
    pub renamed: &'a BTreeSet<usize>,
}

impl Cycles<'_> {
    /// Whether, before any output differs, the registers come to a state that `is_end` takes, at most `most` cycles after so
    /// many cycles of reset; it is told how many after.
    pub fn come_to(
        &self,
        reset_cycles: usize,
        most: usize,
        mut is_end: impl FnMut(usize, &[Bit]) -> bool,
    ) -> bool {
        let gates = self.gates;
        let mut bits = gates.anything();
        for (_, to) in gates.registers.iter().filter(|(_, to)| self.source.reaches(*to)) {
            bits[*to] = match gates.words.contains_key(to) {
                true if self.renamed.contains(to) => Bit::Apart(*to, false),
                true => Bit::Net(*to, false),
                false => Bit::Other,
            };
        }
        let is_register = |net: &&usize| gates.registers.iter().any(|(_, to)| to == *net);
        let (registers, inputs): (Vec<&usize>, Vec<&usize>) = gates.quiet.iter().partition(is_register);
        registers.into_iter().for_each(|net| bits[*net] = Bit::Known(false));
        for cycle in 0..reset_cycles + most {
            let is_reset = cycle < reset_cycles;
            self.held.set(gates, is_reset, &mut bits);
            let quiet = |net: usize| if is_reset { Bit::Known(false) } else { Bit::Net(net, false) };
            inputs.iter().for_each(|net| bits[**net] = quiet(**net));
            for gate in &gates.gates {
                let formed = gate.form(|wire| wire.of(&bits));
                for (net, bit) in gate.out.iter().zip(formed) {
                    let differs = (is_reset || self.stays) && self.source.is_from(*net);
                    bits[*net] = if differs { Bit::Turned(false) } else { bit };
                }
            }
            if !is_reset && gates.outputs.iter().any(|wire| wire.of(&bits).differs()) {
                return false;
            }
            let next: Vec<Bit> = gates.registers.iter().map(|(from, _)| from.of(&bits)).collect();
            for ((_, to), bit) in gates.registers.iter().zip(next) {
                bits[*to] = bit.taken(*to);
            }
            if cycle + 1 >= reset_cycles && is_end(cycle + 1 - reset_cycles, &bits) {
                return true;
            }
        }
        false
    }

    /// Whether what differs at first, and what the mutation does meanwhile, runs out, and no output differed.
    pub fn run_out(&self, reset_cycles: usize) -> bool {
        let is_gone = |bits: &[Bit]| self.gates.registers.iter().all(|(_, to)| !bits[*to].differs());
        self.come_to(reset_cycles, MOST_CYCLES, |_, bits| is_gone(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::cosim::mutants::gates::tests::cell;
    use serde_json::{Map, Value, json};

    const HELD: Held<'static> = Held { reset: "in_rst", selector: "gp_mutant" };

    /// A register of data and its valid bit, and a sum that takes what is not in the data behind the valid bit; the reset of
    /// one of the two is stuck at 0 where the selector is 1.
    fn module(is_valid_stuck: bool) -> Map<String, Value> {
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
            let gates = Gates::new(&module(is_valid_stuck)).unwrap();
            let source = Source { from: BTreeSet::from([9]), reached: BTreeSet::from(reached) };
            let cycles = Cycles {
                gates: &gates,
                held: HELD,
                source: &source,
                stays: false,
                renamed: &BTreeSet::new(),
            };
            assert_eq!(cycles.run_out(2), !is_valid_stuck);
        }
    }
}
