//! One run of a layer in words: places, events, witnesses.

use super::inspect::{Judged, int32};
use super::layer::{Run, Slot};
use super::replay::Visit;
use super::tally::{Found, Grid};
use super::witness::Claim;
use super::{Class, Event, Exact, LaneEntry, PlaceEntry, Witness};
use crate::design::Node;
use crate::lower::Program;

/// One run of a program, and how to speak of its outputs.
pub(super) struct Scene<'a> {
    pub program: &'a Program,
    pub grid: Grid<'a>,
    pub run: Run,
}

impl Scene<'_> {
    /// Where output (`m`, `n`) is computed, and when.
    pub fn place(&self, node: Node, [m, n]: [usize; 2], (beat, lane): (Option<usize>, usize)) -> PlaceEntry {
        let [tile, row, column] = self.program.place(m, n);
        let cycle = self.grid.timing.cycle_of(node, tile, beat, [row, column]);
        let (image, product) = (self.run.image(self.program, m), self.run.product);
        let is_one = node != Node::Accumulator || self.program.design.after.is_empty();
        let accumulator = (!is_one).then_some(lane);
        PlaceEntry { image, product, m, n, beat, accumulator, tile, row, column, cycle }
    }

    /// An event in the answer's words.
    pub fn event(&self, id: &str, found: &Found) -> Event {
        let Visit { node, beat, lane, before, term, entering, value, flags } = found.visit;
        let place = self.place(node, [found.m, found.n], (beat, lane));
        let fit = self.program.design.fit_of(node);
        let format = fit.map_or_else(String::new, |fit| fit.format.to_string());
        let rails: [i64; 2] = fit.map_or([0; 2], |fit| fit.rails().into());
        Event {
            node: id.to_string(),
            place,
            side: if flags.high { "high" } else { "low" }.to_string(),
            lanes: beat
                .filter(|_| node != Node::AccumulatorStart)
                .map_or_else(Vec::new, |beat| self.lanes(found.m, found.n, beat, place.accumulator)),
            before: Exact(before),
            term: Exact(term),
            entering: Exact(entering),
            value,
            format,
            rails,
            excess: found.excess,
        }
    }

    /// Of one of several accumulators, its own.
    fn lanes(&self, m: usize, n: usize, beat: usize, accumulator: Option<usize>) -> Vec<LaneEntry> {
        let (program, shape) = (self.program, self.program.shape);
        let group = n / shape.n;
        let lane = |lane| {
            let k = program.k_of(beat, lane);
            let codes = k.map(|k| {
                let activation = program.activation(m / shape.m, group, m % shape.m, k);
                // Where steps read exponents, nothing is multiplied in front of them.
                let is_product = program.design.exponent.is_none();
                let product = if is_product { program.product(m, n, k) } else { program.term(m, n, k) };
                (activation, program.weight(group, k, n % shape.n), product)
            });
            let (activation, weight, product) = codes.unwrap_or_default();
            LaneEntry {
                k,
                activation: i64::from(activation),
                weight: i64::from(weight),
                product: Exact(product),
            }
        };
        let all = || (0..program.design.array.lanes).collect();
        accumulator.map_or_else(all, |sum| program.design.lanes_of(sum)).into_iter().map(lane).collect()
    }

    /// The claim of `slot` about `found`; `class` has the verdict on outputs that differ.
    pub fn witness(
        &self,
        layer: &str,
        slot: Slot,
        node: &str,
        found: &Found,
        class: &dyn Fn(usize, usize) -> Class,
    ) -> Witness {
        let event = self.event(node, found);
        let (end, what) = match slot {
            Slot::Sum(largest) | Slot::Node(_, largest) if largest => {
                ("largest".to_string(), "the largest excursion of the layer".to_string())
            }
            Slot::Channel(n) => (format!("channel/{n}"), format!("the first overflow of channel {n}")),
            _ => ("first".to_string(), "the first overflow of the layer".to_string()),
        };
        let id = match slot {
            Slot::Node(..) => format!("{layer}/{node}/{end}"),
            _ => format!("{layer}/{end}"),
        };
        let claim = format!(
            "{what} at {node}: {} enters {} ({}..{})",
            event.entering, event.format, event.rails[0], event.rails[1]
        );
        let claim = Claim {
            id,
            claim,
            layer: layer.to_string(),
            place: event.place,
            class: None,
            event: Some(event),
        };
        let mut witness = Witness::new(self.program, claim);
        witness.class = self.class_of(&witness, class(found.m, found.n));
        witness
    }

    /// What became of a witness's output; `wrong` is the verdict in case it differs.
    fn class_of(&self, witness: &Witness, wrong: Class) -> Option<Class> {
        let expected = &witness.expected;
        let (exact, accumulator) = (expected.exact.0, i128::from(expected.accumulator));
        let nodes = self.program.design.fitting_nodes();
        let forming = nodes.iter().zip(&expected.events).filter(|((node, _), _)| node.forms_sum());
        let any = forming.map(|(_, (_, high, low))| high + low).sum::<u64>() > 0;
        let equal = match self.run.judged {
            Judged::Requantised => expected.corrected.0 == i128::from(expected.output),
            Judged::Accumulator => int32(exact) == int32(accumulator),
        };
        any.then_some(match (exact == accumulator, equal) {
            (true, _) => Class::Transient,
            (false, true) => Class::Surviving,
            (false, false) => wrong,
        })
    }
}
