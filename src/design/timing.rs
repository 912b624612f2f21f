//! How long a matrix product takes, by formula: fixed latency, no stalls.
//!
//! Sequential and tree accept one beat a cycle, output after output, and end one idle cycle after the last
//! output. Output-stationary tiles do not overlap: skew in, drain R rows, then the next tile.

use super::{Dataflow, Design, Start};

/// Cycles of one matrix product [M, K] · [K, N] of one image and one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycles {
    /// Output tiles; outputs where there is one MAC or tree.
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

impl Design {
    /// Cycles that a tile takes beside its beats.
    fn overhead_cycles(&self) -> u128 {
        let clear = u128::from(self.accumulator.start == Start::Zero);
        match self.array.dataflow {
            Dataflow::Sequential | Dataflow::Tree => clear,
            Dataflow::OutputStationary => {
                let a = &self.array;
                let travel = u128::from(a.hop_weight) * (a.rows as u128 - 1)
                    + u128::from(a.hop_activation) * (a.columns as u128 - 1);
                let tail = u128::from(a.drain_latency) + u128::from(self.post_latency_cycles());
                clear + u128::from(self.front_latency_cycles()) + travel + a.rows as u128 + tail
            }
        }
    }

    /// Whether every output comes in the same cycle from both, whatever the work.
    pub fn is_timed_as(&self, other: &Design) -> bool {
        let laws = |design: &Design| (design.array.dataflow, design.overhead_cycles(), design.tail_cycles());
        laws(self) == laws(other)
    }

    /// Cycles behind the last tile until the machine is idle.
    fn tail_cycles(&self) -> u128 {
        match self.array.dataflow {
            Dataflow::Sequential | Dataflow::Tree => {
                u128::from(self.front_latency_cycles()) + 1 + u128::from(self.post_latency_cycles()) + 1
            }
            Dataflow::OutputStationary => 1,
        }
    }

    /// Cycles of one matrix product.
    pub fn cycles(&self, m: u64, k: u64, n: u64) -> Cycles {
        let (rows, columns) = (self.array.rows as u64, self.array.columns as u64);
        let tiles = u128::from(m.div_ceil(rows)) * u128::from(n.div_ceil(columns));
        let period = u128::from(self.beats(k)) + self.overhead_cycles();
        let total = tiles.saturating_mul(period).saturating_add(self.tail_cycles());
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
        let (beats, overhead) = (part("K", self.array.lanes), self.overhead_cycles());
        let period = if overhead == 0 { beats } else { format!("({beats} + {overhead})") };
        let (m, n) = (part("M", self.array.rows), part("N", self.array.columns));
        format!("{m} * {n} * {period} + {}", self.tail_cycles())
    }
}
