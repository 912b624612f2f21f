//! How long a matrix product takes, by formula: fixed latency, no stalls, by the laws of [`super::Time`].

use super::Design;

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
    /// Whether every output comes in the same cycle from both, whatever the work.
    pub fn is_timed_as(&self, other: &Design) -> bool {
        let laws = |design: &Design| (design.array.dataflow, design.overhead_cycles(), design.time().tail());
        laws(self) == laws(other)
    }

    /// Cycles that a tile takes beside its beats.
    fn overhead_cycles(&self) -> usize {
        let time = self.time();
        time.period(time.clears)
    }

    /// Cycles of one matrix product.
    pub fn cycles(&self, m: u64, k: u64, n: u64) -> Cycles {
        let (rows, columns) = (self.array.rows as u64, self.array.columns as u64);
        let tiles = u128::from(m.div_ceil(rows)) * u128::from(n.div_ceil(columns));
        let period = u128::from(self.beats(k)) + self.overhead_cycles() as u128;
        let total = tiles.saturating_mul(period).saturating_add(self.time().tail() as u128);
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
        format!("{m} * {n} * {period} + {}", self.time().tail())
    }
}
