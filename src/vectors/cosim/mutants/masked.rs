//! Differences that nobody looks at: a mutant may hold other data wherever a valid bit is 0.
//!
//! Of every register that the mutation reaches it is claimed at first that it is always the same, that it is always the
//! opposite, and both while this or that control bit beside it is 1. A claim that one clock can break, from any state in
//! which all claims hold, is dropped, until none can be; if outputs are then the same in every such state, and reset leads
//! to one, no input ever tells the mutant from the circuit. A clock is tried with every value of the few control bits that
//! decide it; all other bits stay unknown ([`Bit`]).
//!
//! Inputs are those of a host that keeps to the bundle's [`Protocol`]. Memories hold what they are told ([`super::words`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::bit::Bit;
use super::gates::{Gates, Wire};
use super::paths::Group;
use super::taint::{Cycles, Held, Source};

/// Control bits that are tried with every value at once.
const MOST_CONTROLS: usize = 10;

/// Control bits that may guard a register.
const MOST_GUARDS: usize = 16;

/// Cycles after reset in which it is tried: at first valid bits are 0 and guard what reset left behind, and later it has run out.
const BEGINNINGS: [usize; 4] = [0, 4, 16, 64];

/// What a host keeps to.
#[derive(Debug, Clone, Default)]
pub struct Protocol {
    /// Inputs that say whether there is a beat.
    pub valid: Vec<usize>,
    /// Inputs that are 0 where the second of the pair is.
    pub only_valid: Vec<(usize, usize)>,
    /// Inputs that are always the same, and registers that are so because of them.
    pub constants: BTreeMap<usize, bool>,
}

/// A circuit and one of its mutants.
pub struct Masked<'a> {
    pub(super) gates: &'a Gates,
    held: Held<'a>,
    pub(super) source: &'a Source,
    protocol: &'a Protocol,
    /// The gate or the register that drives a net.
    pub(super) driver: Vec<Option<usize>>,
    register: Vec<Option<usize>>,
    /// What each net is while there is no reset: a constant, another net, or itself.
    is: Vec<Bit>,
    /// Nets that are 1 where this one is.
    implied: BTreeMap<usize, Vec<usize>>,
}

/// What is claimed of a register's bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// Where this register is 1; `None`: always.
    guard: Option<usize>,
    /// The opposite of what it is in the circuit; otherwise the same.
    is_opposite: bool,
}

impl Claim {
    const SAME: Claim = Claim { guard: None, is_opposite: false };

    fn both(guard: Option<usize>) -> [Claim; 2] {
        [false, true].map(|is_opposite| Claim { guard, is_opposite })
    }

    /// Whether it holds in this state.
    fn is_true(&self, net: usize, bits: &[Bit]) -> bool {
        let bit = bits[net];
        let is_as_claimed = if self.is_opposite { bit.is_opposite() } else { !bit.differs() };
        is_as_claimed || self.guard.is_some_and(|guard| bits[guard] == Bit::Known(false))
    }
}

/// Claims on registers' bits.
type Claims = BTreeMap<usize, BTreeSet<Claim>>;

impl<'a> Masked<'a> {
    pub fn new(gates: &'a Gates, held: Held<'a>, source: &'a Source, protocol: &'a Protocol) -> Self {
        let (mut driver, mut register) = (vec![None; gates.nets], vec![None; gates.nets]);
        for (at, gate) in gates.gates.iter().enumerate() {
            gate.out.iter().for_each(|net| driver[*net] = Some(at));
        }
        for (at, (_, to)) in gates.registers.iter().enumerate() {
            register[*to] = Some(at);
        }
        let mut is = gates.anything();
        let constants = protocol.constants.iter().filter(|(net, _)| !source.reaches(**net));
        constants.for_each(|(net, value)| is[*net] = Bit::Known(*value));
        held.set(gates, false, &mut is);
        for gate in &gates.gates {
            let formed = gate.form(|wire| wire.of(&is));
            for (net, bit) in gate.out.iter().zip(formed) {
                is[*net] = if source.is_from(*net) { Bit::Net(*net, false) } else { bit };
            }
        }
        let mut masked =
            Masked { gates, held, source, driver, register, is, implied: BTreeMap::new(), protocol };
        masked.spread();
        masked
    }

    /// Pairs behind the same number of registers are pairs again, and so is what comes from one valid bit.
    fn spread(&mut self) {
        let mut copies: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (from, to) in self.gates.registers.iter().filter(|(_, to)| !self.source.reaches(*to)) {
            if let Bit::Net(net, false) = self.resolve(from) {
                copies.entry(net).or_default().push(*to);
            }
        }
        let twice = self.protocol.valid.iter().map(|net| (*net, *net));
        let mut known: BTreeSet<(usize, usize)> =
            self.protocol.only_valid.iter().copied().chain(twice).collect();
        let mut waiting: VecDeque<(usize, usize)> = known.iter().copied().collect();
        while let Some((if_one, then_one)) = waiting.pop_front() {
            if if_one != then_one {
                self.implied.entry(if_one).or_default().push(then_one);
            }
            let [firsts, seconds] =
                [if_one, then_one].map(|net| copies.get(&net).map_or(&[][..], Vec::as_slice));
            for pair in firsts.iter().flat_map(|first| seconds.iter().map(|second| (*first, *second))) {
                if known.insert(pair) {
                    waiting.push_back(pair);
                }
            }
        }
    }

    /// One register of those that are always the same as this one: so few guards stand for all.
    fn copied(&self, net: usize) -> usize {
        let implied = |net: usize| self.implied.get(&net).into_iter().flatten().copied();
        let copies = implied(net).filter(|other| self.register[*other].is_some());
        copies.filter(|other| implied(*other).any(|back| back == net)).fold(net, usize::min)
    }

    /// Whether no input tells the mutant from the circuit, from so many cycles of reset on.
    pub fn is_proved(&self, reset_cycles: usize) -> bool {
        let reached = self.gates.registers.iter().filter(|(_, to)| self.source.reaches(*to));
        let targets = self.groups(reached.map(|(from, to)| (*from, Some(*to))));
        let outputs = self.groups(self.gates.outputs.iter().map(|wire| (*wire, None)));
        let candidates = self.candidates(&targets);
        // Words stand where they stand in the circuit, or where the mutation leads.
        let renamed = self.renamed();
        let is_proved = |renamed: &BTreeSet<usize>| {
            let cycles =
                Cycles { gates: self.gates, held: self.held, source: self.source, stays: true, renamed };
            let most = BEGINNINGS.into_iter().max().unwrap_or(0);
            // What follows from the protocol holds from there on, once it holds behind the reset.
            let begins = cycles.come_to(reset_cycles, 0, |_, bits| self.is_allowed(bits));
            begins
                && cycles.come_to(reset_cycles, most, |cycle, bits| {
                    BEGINNINGS.contains(&cycle) && {
                        let claims = candidates.iter().map(|(net, claims)| {
                            let claims = claims.iter().filter(|claim| claim.is_true(*net, bits));
                            (*net, claims.copied().collect())
                        });
                        self.holds(&targets, &outputs, claims.collect())
                    }
                })
        };
        is_proved(&BTreeSet::new()) || !renamed.is_empty() && is_proved(&renamed)
    }

    /// Bits of addresses that the mutation reaches wherever words are written that have no value from the beginning.
    fn renamed(&self) -> BTreeSet<usize> {
        let words = self.gates.words.iter();
        let reached = words.filter(|(_, words)| {
            let mut nets = words.addressed.iter();
            words.is_written_first && !words.addressed.is_empty() && nets.all(|net| self.source.reaches(*net))
        });
        reached.map(|(net, _)| *net).collect()
    }

    /// Whether outputs are the same for ever in a state in which these claims hold.
    fn holds(&self, targets: &[Group], outputs: &[Group], mut claims: Claims) -> bool {
        let mut moved: Option<BTreeSet<usize>> = None;
        let mut bits = self.gates.anything();
        loop {
            // Claims are only dropped: an output that can differ now can differ in the end.
            let differs = |broken: &[bool; 2]| broken[0];
            if outputs.iter().any(|group| self.broken(group, None, &claims, &mut bits).iter().any(differs)) {
                return false;
            }
            let mut dropped: Vec<(usize, Claim)> = Vec::new();
            let is_open =
                |group: &&Group| moved.as_ref().is_none_or(|moved| !moved.is_disjoint(&group.cone.leaves));
            for group in targets.iter().filter(is_open) {
                for guard in guards(group, &claims) {
                    let broken = self.broken(group, guard, &claims, &mut bits);
                    for ((_, net), broken) in group.bits.iter().zip(broken) {
                        let Some(net) = *net else { continue };
                        let those = Claim::both(guard).into_iter().zip(broken);
                        let those = those.filter(|(claim, broken)| *broken && claims[&net].contains(claim));
                        dropped.extend(those.map(|(claim, _)| (net, claim)));
                    }
                }
            }
            if dropped.is_empty() {
                return true;
            }
            for (net, claim) in &dropped {
                claims.entry(*net).or_default().remove(claim);
            }
            moved = Some(dropped.into_iter().map(|(net, _)| net).collect());
        }
    }

    /// Whether what follows from the protocol holds in this state.
    fn is_allowed(&self, bits: &[Bit]) -> bool {
        self.implied.iter().filter(|(first, _)| self.register[**first].is_some()).all(|(first, seconds)| {
            bits[*first] == Bit::Known(false)
                || seconds.iter().all(|second| bits[*second] == Bit::Known(true))
        })
    }

    /// For each bit of the group whether some state in which all claims hold makes it another one at the next clock (outputs:
    /// now) than the same, and than the opposite, and `guard`, where there is one, is 1 then.
    fn broken(
        &self,
        group: &Group,
        guard: Option<usize>,
        claims: &Claims,
        bits: &mut [Bit],
    ) -> Vec<[bool; 2]> {
        let mut cone = group.cone.clone();
        let guard = guard.and_then(|guard| self.register[guard]).map(|at| self.gates.registers[at].0);
        let mut controls: Vec<usize> = Vec::new();
        if let Some(guard) = &guard {
            let behind = self.cone([guard]);
            controls.extend(&behind.leaves);
            cone.gates.extend(behind.gates);
            cone.leaves.extend(behind.leaves);
        }
        // What a claim's own guard does not depend on, and no choice, may be 0 as well as 1: only these can help a guard.
        controls.extend(&group.controls);
        let always = |net: &usize| claims.get(net).is_none_or(|claims| claims.contains(&Claim::SAME));
        let mut seen = BTreeSet::new();
        controls.retain(|net| always(net) && !self.source.is_from(*net) && seen.insert(*net));
        controls.truncate(MOST_CONTROLS);
        let mut broken = vec![[false; 2]; group.bits.len()];
        for values in 0..1_usize << controls.len() {
            let is_one = |(at, net): (usize, &usize)| (values >> at & 1 == 1).then_some(*net);
            let mut ones: Vec<usize> = controls.iter().enumerate().filter_map(is_one).collect();
            ones.extend(ones.clone().iter().flat_map(|net| self.implied.get(net).into_iter().flatten()));
            let of_control = |net: &usize| controls.contains(net).then(|| ones.contains(net));
            if controls.iter().enumerate().any(|(at, net)| values >> at & 1 == 0 && ones.contains(net)) {
                continue;
            }
            // No state has a bit that is the same and the opposite.
            let mut is_a_state = true;
            for leaf in &cone.leaves {
                let claimed = |is_opposite: bool| {
                    let mut all =
                        claims.get(leaf).into_iter().flatten().filter(|c| c.is_opposite == is_opposite);
                    all.any(|claim| claim.guard.is_none_or(|guard| ones.contains(&guard)))
                };
                let is_own = !claims.contains_key(leaf);
                bits[*leaf] = match (of_control(leaf), is_own || claimed(false), claimed(true)) {
                    _ if self.source.is_from(*leaf) => Bit::Turned(false),
                    (_, true, true) => {
                        is_a_state = false;
                        break;
                    }
                    (Some(value), ..) => Bit::Known(value),
                    (None, true, _) if ones.contains(leaf) => Bit::Known(true),
                    (None, true, _) => Bit::Net(*leaf, false),
                    (None, false, true) => Bit::Apart(*leaf, false),
                    (None, false, false) => Bit::Other,
                };
            }
            if !is_a_state {
                continue;
            }
            for at in &cone.gates {
                let gate = &self.gates.gates[*at];
                let formed = gate.form(|wire| self.at(bits, wire));
                gate.out.iter().zip(formed).for_each(|(net, bit)| bits[*net] = bit);
            }
            if guard.is_some_and(|guard| self.at(bits, &guard) == Bit::Known(false)) {
                continue;
            }
            for (broken, (wire, _)) in broken.iter_mut().zip(&group.bits) {
                let bit = self.at(bits, wire);
                broken[0] |= bit.differs();
                broken[1] |= !bit.is_opposite();
            }
        }
        broken
    }

    /// What a pin gets, nets being what they are without reset.
    fn at(&self, bits: &[Bit], wire: &Wire) -> Bit {
        match self.resolve(wire) {
            Bit::Net(net, true) => bits[net].not(),
            Bit::Net(net, false) => bits[net],
            bit => bit,
        }
    }

    fn resolve(&self, wire: &Wire) -> Bit {
        wire.of(&self.is)
    }

    pub(super) fn net(&self, wire: &Wire) -> Option<usize> {
        if let Bit::Net(net, _) = self.resolve(wire) { Some(net) } else { None }
    }

    /// For every register's bit that the mutation reaches the claims to begin with. A guard takes what the register's own
    /// enable depends on, or what guards the data that it takes; the host's valid bits guard what it sends.
    fn candidates(&self, groups: &[Group]) -> Claims {
        let mut guards: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (from, to) in self.gates.registers.iter().filter(|(_, to)| !self.source.reaches(*to)) {
            for leaf in self.behind(from) {
                guards.entry(self.copied(leaf)).or_default().insert(self.copied(*to));
            }
        }
        let beside = |net: &usize| guards.get(&self.copied(*net)).into_iter().flatten().copied();
        let mut found: Vec<BTreeSet<usize>> = groups
            .iter()
            .map(|group| {
                let is_input = |leaf: &&usize| self.register[**leaf].is_none();
                let fed = group.cone.leaves.iter().any(|leaf| is_input(&leaf) && !self.source.is_from(*leaf));
                let valid = self.protocol.valid.iter().filter(|_| fed);
                group.controls.iter().chain(valid).flat_map(beside).take(MOST_GUARDS).collect()
            })
            .collect();
        let group_of: BTreeMap<usize, usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(at, group)| group.bits.iter().filter_map(move |(_, net)| Some(((*net)?, at))))
            .collect();
        loop {
            let mut grew = false;
            for (at, group) in groups.iter().enumerate() {
                let from: BTreeSet<usize> =
                    group.cone.leaves.iter().filter_map(|leaf| group_of.get(leaf).copied()).collect();
                let more: Vec<usize> =
                    from.iter().flat_map(|from| found[*from].iter().flat_map(beside)).collect();
                for guard in more {
                    grew |= found[at].len() < MOST_GUARDS && found[at].insert(guard);
                }
            }
            if !grew {
                break;
            }
        }
        let claims = |net: usize, guards: &BTreeSet<usize>| {
            // What words are is said once for each proof.
            let guards = guards.iter().filter(|_| !self.gates.words.contains_key(&net));
            let all = std::iter::once(None).chain(guards.copied().map(Some));
            all.flat_map(Claim::both).collect()
        };
        groups
            .iter()
            .zip(&found)
            .flat_map(|(group, guards)| {
                group.bits.iter().filter_map(move |(_, net)| Some(((*net)?, claims((*net)?, guards))))
            })
            .collect()
    }
}

/// What stands in front of claims on any of the bits.
fn guards(group: &Group, claims: &Claims) -> BTreeSet<Option<usize>> {
    let bits = group.bits.iter().filter_map(|(_, net)| claims.get(&(*net)?));
    bits.flatten().map(|claim| claim.guard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::cosim::mutants::circuit::SELECTOR;
    use crate::vectors::cosim::mutants::cone::Cones;
    use crate::vectors::cosim::mutants::gates::tests::cell;
    use serde_json::{Map, Value, json};

    const HELD: Held<'static> = Held { reset: "in_rst", selector: SELECTOR };

    /// Where the mutation may be: what data are held as, their enable, the reset of the data behind them, the valid bit that
    /// makes an output, and what an output shows.
    struct Taken {
        held: u64,
        enable: u64,
        reset: u64,
        valid: u64,
        shown: u64,
    }

    const RIGHT: Taken = Taken { held: 20, enable: 3, reset: 2, valid: 21, shown: 23 };

    /// Inputs: reset 2, valid 3, data 4, selector 5, last 6. Data (20) that are held while valid is 0, their valid bit (21)
    /// and last bit (22); behind them done, which is valid and last (23), and the data again (24), which leave while it
    /// is done. Nets 30 to 33 are mutated: data inverted, a valid bit and an enable that are always 1, a reset that is none.
    fn proved(taken: Taken) -> bool {
        let mux =
            |a: Value, b: Value, s: u64, y| cell("$mux", &[("A", a), ("B", b), ("S", json!(s))], ("Y", y));
        let mut cells = vec![
            cell("$eq", &[("A", json!(5)), ("B", json!("1"))], ("Y", 9)),
            cell("$not", &[("A", json!(20))], ("Y", 40)),
            mux(json!(20), json!(40), 9, 30),
            mux(json!(21), json!("1"), 9, 31),
            mux(json!(3), json!("1"), 9, 32),
            mux(json!(2), json!("0"), 9, 33),
            mux(json!(taken.held), json!(4), taken.enable, 50),
            cell("$logic_and", &[("A", json!(taken.valid)), ("B", json!(22))], ("Y", 51)),
            mux(json!("0"), json!(24), taken.shown, 70),
        ];
        for (from, to) in [(50, 20), (3, 21), (6, 22), (51, 23), (20, 24)] {
            let reset = if to == 24 { taken.reset } else { 2 };
            cells.push(mux(json!(from), json!("0"), reset, to + 60));
            cells.push(cell("$dff", &[("D", json!(to + 60))], ("Q", to)));
        }
        let named = cells.into_iter().enumerate().map(|(at, cell)| (format!("c{at}"), cell));
        let cells: Map<String, Value> = named.collect();
        let port = |way: &str, bits: &[u64]| json!({ "direction": way, "bits": bits });
        let module = json!({ "cells": cells, "ports": {
            "in_rst": port("input", &[2]), "in_valid": port("input", &[3]), "in_data": port("input", &[4]),
            "gp_mutant": port("input", &[5]), "in_last": port("input", &[6]), "out": port("output", &[70, 23]),
        } });
        let module = module.as_object().unwrap();
        let source = Cones::new(module, module).unwrap().source(1).unwrap();
        let gates = Gates::new(module).unwrap();
        let protocol = Protocol { valid: vec![3], only_valid: vec![(6, 3)], ..Protocol::default() };
        Masked::new(&gates, HELD, &source, &protocol).is_proved(2)
    }

    #[test]
    fn what_is_held_while_nothing_is_valid_may_be_anything() {
        assert!(proved(RIGHT), "nothing is changed");
        assert!(proved(Taken { held: 30, ..RIGHT }), "data that are held inverted");
        assert!(proved(Taken { enable: 32, ..RIGHT }), "data that load all the time");
        assert!(!proved(Taken { held: 30, shown: 21, ..RIGHT }), "data that are seen with the next beat");
        assert!(!proved(Taken { enable: 32, shown: 3, ..RIGHT }), "data that are seen beside other ones");
    }

    /// Data (8) and their valid bit (6), both inverted behind the register and in front of it: what two inversions bring is what
    /// none does. `out` 15 shows the data where they are valid.
    #[test]
    fn what_is_inverted_twice_is_what_it_was() {
        let proved = |shown: u64| {
            let mux = |a: Value, b: Value, s: u64, y| {
                cell("$mux", &[("A", a), ("B", b), ("S", json!(s))], ("Y", y))
            };
            let inverted = |at: u64, not: u64, y: u64| {
                [cell("$not", &[("A", json!(at))], ("Y", not)), mux(json!(at), json!(not), 9, y)]
            };
            let mut cells = vec![cell("$eq", &[("A", json!(5)), ("B", json!("1"))], ("Y", 9))];
            cells.extend(inverted(4, 30, 31));
            cells.extend(inverted(8, 32, 33));
            for (from, to) in [(31, 8), (3, 6)] {
                cells.push(mux(json!(from), json!("0"), 2, to + 60));
                cells.push(cell("$dff", &[("D", json!(to + 60))], ("Q", to)));
            }
            cells.push(mux(json!("0"), json!(shown), 6, 15));
            let named = cells.into_iter().enumerate().map(|(at, cell)| (format!("c{at}"), cell));
            let cells: Map<String, Value> = named.collect();
            let port = |way: &str, net: u64| json!({ "direction": way, "bits": [net] });
            let module = json!({ "cells": cells, "ports": {
                "in_rst": port("input", 2), "in_valid": port("input", 3), "in_data": port("input", 4),
                "gp_mutant": port("input", 5), "out": port("output", 15),
            } });
            let module = module.as_object().unwrap();
            let source = Cones::new(module, module).unwrap().source(1).unwrap();
            let gates = Gates::new(module).unwrap();
            let protocol = Protocol { valid: vec![3], ..Protocol::default() };
            Masked::new(&gates, HELD, &source, &protocol).is_proved(2)
        };
        assert!(proved(33));
        assert!(!proved(8), "once");
    }

    #[test]
    fn last_is_valid_by_the_protocol() {
        assert!(proved(Taken { valid: 31, ..RIGHT }));
        assert!(!proved(Taken { valid: 30, ..RIGHT }), "data in place of the valid bit");
    }

    #[test]
    fn what_a_reset_leaves_behind_runs_out() {
        assert!(proved(Taken { reset: 33, ..RIGHT }));
    }
}
