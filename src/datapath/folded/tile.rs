//! One tile, or several that are folded as one: the factors of its sums, and what they start from. Where an output has several
//! accumulators, those of one of them.

use super::kernel::BLOCK;
use super::packed::{Extents, Packed};
use super::waiting::Batch;
use crate::datapath::Records;
use crate::datapath::accumulate::Accumulate;
use crate::datapath::grid::terms;
use crate::design::Design;
use crate::num::Flags;
use crate::num::lanes::Lane;

/// Tiles as rows of scalars, positions, and columns of vectors, channels.
pub struct Tile<L> {
    pub extents: Extents,
    /// Those whose products it adds.
    lanes: Vec<usize>,
    /// Smallest and largest sum over the lanes.
    terms: (i64, i64),
    /// Factors in 32 bits, where `L` is wider.
    narrow: Packed<i32>,
    pub own: Packed<L>,
    /// What sums start from, by column of the tile (R9), and on which side it lay outside.
    pub starts: Vec<i64>,
    pub cut: Vec<Flags>,
    /// The smallest and the largest of them.
    ends: (i64, i64),
    /// Parameter record of column 0.
    channel: Option<usize>,
}

impl<L: Lane> Tile<L> {
    /// Of an output's accumulators one.
    pub fn new(design: &Design, accumulator: usize) -> Self {
        Tile {
            extents: Extents::default(),
            lanes: design.lanes_of(accumulator),
            terms: terms(design),
            narrow: Packed::default(),
            own: Packed::default(),
            starts: Vec::new(),
            cut: Vec::new(),
            ends: (0, 0),
            channel: None,
        }
    }

    /// Whether sums may be formed in narrower lanes than steps.
    const IS_WIDE: bool = size_of::<L>() > size_of::<i32>();

    /// Factors in 32 bits, which they fit; of sums that do not, [`Tile::widen`] makes others.
    pub fn narrow(&self) -> Option<&Packed<i32>> {
        Self::IS_WIDE.then_some(&self.narrow)
    }

    /// Takes tiles.
    pub fn load(&mut self, design: &Design, (accumulate, records): (&Accumulate, &Records), batch: &Batch) {
        let (array, beats) = (&design.array, batch.period.feed.beats);
        let (left, above) = (batch.left.len() / batch.visits, batch.above.len() / batch.visits);
        let (rows, columns, steps) = match (array.sums_travel(), array.is_turned()) {
            (true, true) => (above * array.columns, beats, array.rows),
            (true, false) => (beats, above * array.columns, array.rows),
            (false, _) => (left * array.rows * array.banks, above * array.columns, beats / array.banks),
        };
        self.extents = Extents { rows, columns, steps: steps * batch.visits, lanes: self.lanes.len() };
        match Self::IS_WIDE {
            true => self.narrow.load(design, records, (&self.extents, &self.lanes), batch),
            false => self.own.load(design, records, (&self.extents, &self.lanes), batch),
        }
        let channel = batch.period.channel;
        if (self.channel.replace(channel), self.starts.len()) == (Some(channel), columns) {
            return;
        }
        let bias = |at: usize| accumulate.bias(records, Some(channel + at));
        (self.starts, self.cut) = (0..columns).map(bias).map(|bias| (bias.value, bias.flags)).unzip();
        let ends = (self.starts.iter().min(), self.starts.iter().max());
        self.ends = (ends.0.copied().unwrap_or_default(), ends.1.copied().unwrap_or_default());
    }

    /// Makes factors in lanes of `L` where there are only narrower ones.
    pub fn widen(&mut self, design: &Design, records: &Records, batch: &Batch) {
        if Self::IS_WIDE {
            self.own.load(design, records, (&self.extents, &self.lanes), batch);
        }
    }

    /// Whether it is proved that no part of a sum leaves `rails`, by the formats, or by the factors themselves.
    pub fn stays_within(&self, (least, most): (i64, i64)) -> bool {
        let (low, high) = self.ends;
        let of_formats = |term: i64| i128::from(term) * self.extents.steps as i128;
        let reach = if Self::IS_WIDE { self.narrow.reach() } else { self.own.reach() };
        let reach = reach.unwrap_or(i128::MAX);
        let below = reach.min(-of_formats(self.terms.0.min(0)));
        let above = reach.min(of_formats(self.terms.1.max(0)));
        i128::from(low) - below >= i128::from(least) && i128::from(high) + above <= i128::from(most)
    }

    /// What a step adds to the sum of an output of the tile.
    pub fn sum(&self, row: usize, column: usize, step: usize) -> i128 {
        self.own.sum(&self.extents, [row, column], step)
    }

    /// What sums of a block of columns start from.
    pub fn begin<T: Lane>(&self, block: usize) -> [T; BLOCK] {
        let mut acc = [T::ZERO; BLOCK];
        let starts = self.starts.get(block * BLOCK..).unwrap_or_default();
        for (acc, start) in acc.iter_mut().zip(starts) {
            *acc = T::truncate(*start);
        }
        acc
    }
}
