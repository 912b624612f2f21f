//! How long a matrix product takes, by formula: fixed latency, no stalls, by the laws of [`super::Time`].

use super::{Design, Time};
use crate::post;

/// Cycles of one matrix product [M, K] · [K, N] of one image and one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycles {
    /// Output tiles; outputs where there is one MAC or tree; loads of operands that stay.
    pub tiles: u128,
    /// Cycles from one tile's first beat to the next one's.
    pub period: u128,
    /// Cycles from the first beat to the last output, and what must pass before the next product.
    pub total: u128,
    /// M·K·N useful products.
    pub products: u128,
    /// Multipliers · total cycles.
    pub slots: u128,
}

/// What a tile is fed for, which M, K or N says, and how many tiles there are.
struct Extents {
    /// Beats or vectors of a tile.
    fed: &'static str,
    /// What divides the positions, and the channels, into tiles; 0: nothing does.
    tiles: [usize; 2],
}

impl Design {
    /// Whether every output comes in the same cycle from both, whatever the work.
    pub fn is_timed_as(&self, other: &Design) -> bool {
        let bits: Vec<usize> = self.wire_bits().chain(other.wire_bits()).collect();
        // Each bit adds its own cycles: none of them set, and each alone, says all.
        let alone = |set: Option<usize>| {
            let numbers = |design: &Design| -> Vec<Vec<i64>> {
                (0..design.parameters.len()).map(|index| vec![i64::from(set == Some(index))]).collect()
            };
            self.is_timed_with(&numbers(self), other, &numbers(other))
        };
        std::iter::once(None).chain(bits.into_iter().map(Some)).all(alone)
    }

    /// Parameters that decide about registers.
    fn wire_bits(&self) -> impl Iterator<Item = usize> {
        self.post.iter().filter_map(|step| match step.wire() {
            Some((post::Operand::Parameter(index), _)) => Some(index),
            _ => None,
        })
    }

    /// The same of one layer, with its numbers as either reads them.
    pub fn is_timed_with(&self, own: &[Vec<i64>], other: &Design, its: &[Vec<i64>]) -> bool {
        let period =
            |time: &Time, fed: usize| time.period([time.clears, time.clears + fed], time.clears + fed);
        // A period grows with what is fed, evenly or from a certain length on.
        let after = |time: &Time| time.after_delay(time.after.len());
        let laws = |design: &Design, numbers: &[Vec<i64>]| {
            let time = design.time_with(numbers);
            let long = 4 * (time.corner() + time.operand + time.rows) + 64;
            let corners = [[0, 0], [0, time.columns - 1], [time.rows - 1, 0]];
            (
                corners.map(|pe| time.travel.is_none().then(|| time.finished(0, pe, 0) + after(&time))),
                design.array.dataflow,
                [0, long].map(|fed| period(&time, fed)),
                time.lead(),
                time.tail(),
                time.opening(),
                time.leaves(0),
            )
        };
        laws(self, own) == laws(other, its)
    }

    fn extents(&self) -> Extents {
        let array = &self.array;
        match (array.sums_travel(), array.is_turned()) {
            (false, _) => Extents { fed: "K", tiles: [array.rows * array.banks, array.columns] },
            (true, false) => Extents { fed: "M", tiles: [0, array.columns] },
            (true, true) => Extents { fed: "N", tiles: [array.columns, 0] },
        }
    }

    /// Cycles of one matrix product.
    pub fn cycles(&self, m: u64, k: u64, n: u64) -> Cycles {
        let extents = self.extents();
        let tiles = |extent: u64, by: usize| u128::from(if by == 0 { 1 } else { extent.div_ceil(by as u64) });
        let tiles = tiles(m, extents.tiles[0]) * tiles(n, extents.tiles[1]);
        let beats = self.beats(k);
        let steps = self.visit_steps().map_or(beats, |steps| steps as u64);
        let visits = if self.memory.is_some() { beats.div_ceil(steps.max(1)) } else { 1 };
        let words = self.memory.map_or(u64::MAX, |memory| memory.depth as u64);
        let fed = match extents.fed {
            _ if self.is_post_only() => 1,
            // Beats of several outputs come in turn.
            "K" => beats.min(steps).saturating_mul(self.array.banks as u64),
            "M" => m.min(words),
            _ => n.min(words),
        };
        let parts = match extents.fed {
            "K" => 1,
            "M" => m.div_ceil(words),
            _ => n.div_ceil(words),
        };
        let tiles = tiles * u128::from(visits) * u128::from(parts);
        let time = self.time();
        // A product that fits in memory has extents that fit.
        let fed = usize::try_from(fed).unwrap_or(usize::MAX / 4).min(usize::MAX / 4);
        let period = time.period([time.clears, time.clears + fed], time.clears + fed) as u128;
        let total = tiles.saturating_mul(period).saturating_add((time.lead() + time.tail()) as u128);
        let multipliers = (self.array.rows * self.array.columns * self.array.lanes) as u128;
        Cycles {
            tiles,
            period,
            total,
            products: (u128::from(m) * u128::from(n)).saturating_mul(u128::from(k)),
            slots: total.saturating_mul(multipliers),
        }
    }

    /// [`Design::cycles`] with M, K and N left open.
    pub fn cycle_formula(&self) -> String {
        let part = |extent: &str, by: usize| match by {
            1 => extent.to_string(),
            _ => format!("ceil({extent}/{by})"),
        };
        let (time, extents) = (self.time(), self.extents());
        if self.is_post_only() {
            return format!("N + {}", time.tail());
        }
        let lanes = if time.travel.is_some() { 1 } else { self.array.lanes };
        let fed = match (self.memory, self.visit_steps()) {
            (None, _) if self.array.banks > 1 => {
                format!("{} * {}", self.array.banks, part(extents.fed, lanes))
            }
            (None, _) => part(extents.fed, lanes),
            (Some(memory), _) if time.travel.is_some() => format!("min({}, {})", extents.fed, memory.depth),
            (Some(_), Some(steps)) => format!("min({}, {steps})", part(extents.fed, lanes)),
            (Some(_), None) => part(extents.fed, lanes),
        };
        // Evenly, or not below the cycles between two loads.
        let least = time.period([time.clears, time.clears], time.clears);
        let long = 4 * least + 64;
        let grows = time.period([time.clears, time.clears + long], time.clears + long) - long;
        let period = match (grows, least) {
            (0, 0) => fed,
            (grows, least) if grows == least => format!("({fed} + {grows})"),
            (0, least) => format!("max({fed}, {least})"),
            (grows, least) => format!("max({fed} + {grows}, {least})"),
        };
        let tiles = ["M", "N"].into_iter().zip(extents.tiles).filter(|(_, by)| *by > 0);
        let mut tiles: Vec<String> = tiles.map(|(extent, by)| part(extent, by)).collect();
        if let Some(memory) = self.memory {
            tiles.extend(time.travel.map(|_| part(extents.fed, memory.depth)));
            tiles.extend(self.visit_steps().map(|steps| part("K", steps * self.array.lanes)));
        }
        format!("{} * {period} + {}", tiles.join(" * "), time.lead() + time.tail())
    }
}
