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
    reset_cycles: usize,
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
    /// From so many cycles of reset on.
    pub fn new(
        (gates, held): (&'a Gates, Held<'a>),
        source: &'a Source,
        protocol: &'a Protocol,
        reset_cycles: usize,
    ) -> Self {
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
        let implied = BTreeMap::new();
        let mut masked =
            Masked { gates, held, source, driver, register, is, implied, protocol, reset_cycles };
        let mut after_reset = Vec::new();
        masked.cycles(&BTreeSet::new()).come_to(reset_cycles, 0, |_, bits| {
            after_reset = bits.to_vec();
            true
        });
        masked.spread(&after_reset);
        masked
    }

    fn cycles<'b>(&'b self, renamed: &'b BTreeSet<usize>) -> Cycles<'b> {
        Cycles { gates: self.gates, held: self.held, source: self.source, stays: true, renamed }
    }

    /// Pairs behind the same number of registers are pairs again, and so is what comes from one valid bit: where what reset
    /// leaves is such a pair, too.
    fn spread(&mut self, after_reset: &[Bit]) {
        let begins = |first: usize, second: usize| {
            let is = |net: usize, value| after_reset.get(net) == Some(&Bit::Known(value));
            first == second || is(first, false) || is(second, true)
        };
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
                if begins(pair.0, pair.1) && known.insert(pair) {
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

    /// Whether no input tells the mutant from the circuit.
    pub fn is_proved(&self) -> bool {
        let reached = self.gates.registers.iter().filter(|(_, to)| self.source.reaches(*to));
        let targets = self.groups(reached.map(|(from, to)| (*from, Some(*to))));
        let outputs = self.groups(self.gates.outputs.iter().map(|wire| (*wire, None)));
        let candidates = self.candidates(&targets);
        // Words stand where they stand in the circuit, or where the mutation leads.
        let renamed = self.renamed();
        let is_proved = |renamed: &BTreeSet<usize>| {
            let most = BEGINNINGS.into_iter().max().unwrap_or(0);
            self.cycles(renamed).come_to(self.reset_cycles, most, |cycle, bits| {
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
        let all = claims.values().flatten().filter_map(|claim| claim.guard).collect::<BTreeSet<usize>>();
        let taken = all.iter().filter_map(|guard| Some(&self.gates.registers[self.register[*guard]?].0));
        let guarding = self.cone(taken).leaves;
        let mut moved: Option<BTreeSet<usize>> = None;
        let mut bits = self.gates.anything();
        loop {
            // Claims are only dropped: an output that can differ now can differ in the end.
            let differs = |broken: &[bool; 2]| broken[0];
            if outputs.iter().any(|group| self.broken(group, None, &claims, &mut bits).iter().any(differs)) {
                return false;
            }
            let mut dropped: Vec<(usize, Claim)> = Vec::new();
            let is_open = |group: &&Group| {
                let meets =
                    |leaves: &BTreeSet<usize>| moved.as_ref().is_none_or(|moved| !moved.is_disjoint(leaves));
                meets(&guarding) || meets(&group.cone.leaves)
            };
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
        for (from, to) in &self.gates.registers {
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
mod tests;
