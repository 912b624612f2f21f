//! What forms a bit of a circuit within one clock, and which control bits decide it.

use std::collections::{BTreeMap, BTreeSet};

use super::gates::{Gate, Wire};
use super::masked::Masked;

/// Bits that one choice depends on: behind more of them stands data.
const MOST_BEHIND: usize = 6;

/// Gates of control: what they say of one bit follows from their operands' bits.
const CONTROL: [&str; 14] = [
    "$and",
    "$or",
    "$xor",
    "$xnor",
    "$not",
    "$pos",
    "$mux",
    "$eq",
    "$ne",
    "$logic_and",
    "$logic_or",
    "$logic_not",
    "$reduce_and",
    "$reduce_or",
];

/// What forms some bits: gates in order, and the nets at which the search ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cone {
    pub gates: BTreeSet<usize>,
    pub leaves: BTreeSet<usize>,
}

/// Bits that are formed by the same gates.
pub struct Group {
    pub cone: Cone,
    /// Leaves that choices depend on.
    pub controls: BTreeSet<usize>,
    /// Where the bits come from, and for registers their nets.
    pub bits: Vec<(Wire, Option<usize>)>,
}

impl Masked<'_> {
    /// What forms a net, where it is not a leaf: a register, an input, or what says whether the mutation is there.
    fn gate_of(&self, net: usize) -> Option<usize> {
        self.driver[net].filter(|_| !self.source.is_from(net))
    }

    pub fn cone<'w>(&self, roots: impl IntoIterator<Item = &'w Wire>) -> Cone {
        let mut waiting: Vec<usize> = roots.into_iter().filter_map(|wire| self.net(wire)).collect();
        let mut cone = Cone::default();
        while let Some(net) = waiting.pop() {
            match self.gate_of(net) {
                Some(gate) if cone.gates.insert(gate) => waiting.extend(self.pins(gate)),
                Some(_) => {}
                None => drop(cone.leaves.insert(net)),
            }
        }
        cone
    }

    fn pins(&self, gate: usize) -> impl Iterator<Item = usize> {
        self.gates.gates[gate].pins.iter().flatten().filter_map(|wire| self.net(wire))
    }

    /// Leaves that a bit of control depends on. Empty where data stands behind it.
    pub fn behind(&self, root: &Wire) -> BTreeSet<usize> {
        let mut waiting: Vec<usize> = self.net(root).into_iter().collect();
        let (mut seen, mut leaves) = (BTreeSet::new(), BTreeSet::new());
        while let Some(net) = waiting.pop() {
            let Some(gate) = self.gate_of(net) else {
                leaves.insert(net);
                continue;
            };
            let Gate { kind, out, .. } = &self.gates.gates[gate];
            if seen.insert(gate) {
                if !CONTROL.contains(&kind.as_str()) || out.len() > 1 || seen.len() > 4 * MOST_BEHIND {
                    return BTreeSet::new();
                }
                waiting.extend(self.pins(gate));
            }
            if leaves.len() > MOST_BEHIND {
                return BTreeSet::new();
            }
        }
        leaves
    }

    /// Leaves that the choices in a cone depend on, and what the mutation itself looks at.
    fn controls(&self, cone: &Cone, roots: &[(Wire, Option<usize>)]) -> BTreeSet<usize> {
        let mut controls: BTreeSet<usize> =
            roots.first().map(|(root, _)| self.behind(root)).unwrap_or_default();
        for at in &cone.gates {
            let Gate { kind, pins, out } = &self.gates.gates[*at];
            if !matches!(kind.as_str(), "$mux" | "$pmux") {
                continue;
            }
            controls.extend(pins[2].iter().flat_map(|select| self.behind(select)));
            let is_mutation =
                pins[2].iter().any(|select| self.net(select).is_some_and(|net| self.source.is_from(net)));
            if is_mutation && out.len() == 1 {
                controls.extend(pins[..2].iter().flatten().flat_map(|pin| self.behind(pin)));
            }
        }
        controls.retain(|net| !self.source.is_from(*net));
        controls
    }

    /// Bits by what forms them.
    pub fn groups(&self, bits: impl Iterator<Item = (Wire, Option<usize>)>) -> Vec<Group> {
        let mut groups: BTreeMap<Cone, Vec<(Wire, Option<usize>)>> = BTreeMap::new();
        for (wire, net) in bits {
            groups.entry(self.cone([&wire])).or_default().push((wire, net));
        }
        let group =
            |(cone, bits): (Cone, Vec<_>)| Group { controls: self.controls(&cone, &bits), cone, bits };
        groups.into_iter().map(group).collect()
    }
}
