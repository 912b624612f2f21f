//! The order of the work: a lazy walk over beats, without cycle numbers.
//!
//! Loops, outermost first: image, group, m_tile, n_tile, k. Rows of a tile are output positions, columns
//! are output channels. A sequential MAC and a tree have tiles of one output.

use super::{Program, Tile};
use crate::post;

/// One step of a tile: every lane of every PE gets one pair of operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The tile it belongs to.
    pub tile: Tile,
    /// Beat of the tile, from 0.
    pub index: usize,
    /// Whether it starts every output of the tile.
    pub first: bool,
    /// Whether it finishes every output of the tile.
    pub last: bool,
}

impl Program {
    /// Beats of one tile: ceil(K / lanes).
    pub fn beats(&self) -> usize {
        self.shape.k.div_ceil(self.design.array.lanes)
    }

    fn tile_grid(&self) -> [usize; 2] {
        let array = &self.design.array;
        [self.shape.m.div_ceil(array.rows), self.shape.n.div_ceil(array.columns)]
    }

    /// How many tiles the whole program has: images · groups · tiles down · tiles across.
    pub fn tile_count(&self) -> usize {
        let [down, across] = self.tile_grid();
        self.shape.images * self.shape.groups * down * across
    }

    /// The tile at `index` of the loop nest.
    pub fn tile(&self, index: usize) -> Tile {
        let [down, across] = self.tile_grid();
        let n0 = index % across * self.design.array.columns;
        let m0 = index / across % down * self.design.array.rows;
        let group = index / (across * down) % self.shape.groups;
        let image = index / (across * down * self.shape.groups);
        Tile { index, image, group, m0, n0 }
    }

    /// Index of the tile that computes row `m` and channel `n` of the outcome.
    pub fn tile_of(&self, m: usize, n: usize) -> usize {
        let [down, across] = self.tile_grid();
        let array = &self.design.array;
        let (image, position) = (m / self.shape.m, m % self.shape.m);
        let (group, channel) = (n / self.shape.n, n % self.shape.n);
        let band = (image * self.shape.groups + group) * down + position / array.rows;
        band * across + channel / array.columns
    }

    /// Every beat of every tile, in order.
    pub fn schedule(&self) -> impl Iterator<Item = Beat> + '_ {
        let beats = self.beats();
        (0..self.tile_count()).map(|index| self.tile(index)).flat_map(move |tile| {
            (0..beats).map(move |index| Beat { tile, index, first: index == 0, last: index + 1 == beats })
        })
    }

    /// Which k a lane works on in a beat; `None` when the lane idles.
    pub fn k_of(&self, beat: usize, lane: usize) -> Option<usize> {
        let k = self.design.order.lane_map.k_of(beat, lane, [self.beats(), self.design.array.lanes]);
        (k < self.shape.k).then_some(k)
    }

    /// Rows of the tile that carry an output; the others idle.
    pub fn rows_of(&self, tile: Tile) -> usize {
        self.design.array.rows.min(self.shape.m - tile.m0)
    }

    /// Columns of the tile that carry an output; the others idle.
    pub fn columns_of(&self, tile: Tile) -> usize {
        self.design.array.columns.min(self.shape.n - tile.n0)
    }

    /// Row of the outcome for row `row` of a tile.
    pub fn output_row(&self, tile: Tile, row: usize) -> usize {
        tile.image * self.shape.m + tile.m0 + row
    }

    /// Column of the outcome for column `column` of a tile.
    pub fn output_channel(&self, tile: Tile, column: usize) -> usize {
        tile.group * self.shape.n + tile.n0 + column
    }

    /// Parameter records of one group: its channels, padded to whole tiles.
    pub fn records_per_group(&self) -> usize {
        self.shape.n.div_ceil(self.design.array.columns) * self.design.array.columns
    }

    /// Record of column 0 of a tile: what `in.channel` carries.
    pub fn record_of(&self, tile: Tile) -> usize {
        tile.group * self.records_per_group() + tile.n0
    }

    /// The parameters as the hardware sees them: one entry per design parameter, of length 1 (per layer) or
    /// `groups · records_per_group` (per channel). A padding record holds 0 clamped into the parameter's limits.
    pub fn records(&self) -> Vec<Vec<i64>> {
        let padded = self.records_per_group();
        let pad = |parameter: &post::Parameter, values: &Vec<i64>| match parameter.per {
            post::Per::Layer => values.clone(),
            post::Per::Channel => values
                .chunks(self.shape.n)
                .flat_map(|group| {
                    let idle = 0.clamp(parameter.min, parameter.max);
                    group.iter().copied().chain(std::iter::repeat(idle)).take(padded)
                })
                .collect(),
        };
        self.design.parameters.iter().zip(&self.parameters).map(|(p, values)| pad(p, values)).collect()
    }
}
