//! The order of the work, without cycle numbers.
//!
//! Loops, outermost first: image, group, m_tile, n_tile (or n_tile, m_tile), k. Rows of a tile are output positions, columns
//! are output channels. A sequential MAC has tiles of one output; where operands stay, a tile is all that one load of them
//! serves.

use std::sync::Arc;

use super::{Map, Program, Tile};
use crate::post;

impl Program {
    /// Beats of one output, which are the steps of its accumulation: ceil(K / lanes).
    pub fn beats(&self) -> usize {
        self.shape.k.div_ceil(self.design.array.lanes)
    }

    /// Which product meets where.
    pub fn map(&self) -> Map {
        Map::new(&self.design, self.shape)
    }

    /// What the host feeds in one tile: its outputs' beats, or the vectors that pass operands that stay.
    pub fn tile_beats(&self) -> usize {
        let map = self.map();
        map.vectors().unwrap_or(map.steps.min(self.beats()) * map.banks())
    }

    /// How many tiles the whole program has: images · groups · tiles down · tiles across · visits of the memory.
    pub fn tile_count(&self) -> usize {
        self.map().tile_count()
    }

    /// The tile at `index` of the loop nest.
    pub fn tile(&self, index: usize) -> Tile {
        self.map().tile_at(index)
    }

    /// The first tile of every set of outputs, in order: the others of its visits follow it.
    pub fn output_tiles(&self) -> impl Iterator<Item = Tile> + '_ {
        (0..self.tile_count()).step_by(self.map().visits).map(|index| self.tile(index))
    }

    /// Index of the (first) tile that computes row `m` and channel `n` of the outcome.
    pub fn tile_of(&self, m: usize, n: usize) -> usize {
        self.place(m, n)[0]
    }

    /// Tile (of several visits the first), and row and column of the tile, of row `m` and channel `n` of the outcome.
    pub fn place(&self, m: usize, n: usize) -> [usize; 3] {
        self.map().find(m, n)
    }

    /// Which k a lane works on in a beat of an output, or in a row of PEs past which its sum travels; `None` when it idles.
    pub fn k_of(&self, beat: usize, lane: usize) -> Option<usize> {
        self.works_on()(beat, lane)
    }

    /// [`Program::k_of`] for many beats and lanes.
    pub(super) fn works_on(&self) -> impl Fn(usize, usize) -> Option<usize> + use<> {
        let (beats, lanes, all) = (self.beats(), self.design.array.lanes, self.shape.k);
        let lane_map = self.design.order.lane_map;
        move |beat, lane| {
            let k = lane_map.k_of(beat, lane, [beats, lanes]);
            (beat < beats && k < all).then_some(k)
        }
    }

    /// The position, of an image, that a row of a tile works on; `None`: it idles.
    pub fn position(&self, tile: Tile, row: usize) -> Option<usize> {
        self.map().position(tile, row)
    }

    /// The channel, of a group, that a column of a tile works on; `None`: it idles.
    pub fn channel(&self, tile: Tile, column: usize) -> Option<usize> {
        self.map().channel(tile, column)
    }

    /// Row and channel of the outcome that a row and column of a tile work on; `None`: they idle.
    pub fn output(&self, tile: Tile, at: [usize; 2]) -> Option<[usize; 2]> {
        self.map().output(tile, at)
    }

    /// Parameter records of one group: its channels, padded to whole tiles.
    pub fn records_per_group(&self) -> usize {
        self.shape.n.next_multiple_of(Map::tile(&self.design, self.shape)[1])
    }

    /// Record of column 0 of a tile: what `in.channel` carries.
    pub fn record_of(&self, tile: Tile) -> usize {
        tile.group * self.records_per_group() + tile.n0
    }

    /// The parameters as the hardware sees them: one entry per design parameter, of length 1 (per layer) or
    /// `groups · records_per_group` (per channel): the record of a column is `record_of` its tile, and the column. A padding
    /// record holds 0 clamped into the parameter's limits.
    pub fn records(&self) -> Arc<Vec<Vec<i64>>> {
        let (per_group, map) = (self.records_per_group(), self.map());
        if map.is_straight() && per_group == self.shape.n {
            return self.parameters.clone();
        }
        let pad = |parameter: &post::Parameter, values: &Vec<i64>| {
            if parameter.per == post::Per::Layer {
                return values.clone();
            }
            let idle = 0.clamp(parameter.min, parameter.max);
            let mut records = Vec::with_capacity(self.shape.groups * per_group);
            if map.is_straight() {
                for (group, values) in (1..).zip(values.chunks_exact(self.shape.n)) {
                    records.extend_from_slice(values);
                    records.resize(group * per_group, idle);
                }
                return records;
            }
            let record = |record: usize| map.recorded(record).map_or(idle, |n| values[n]);
            records.extend((0..self.shape.groups * per_group).map(record));
            records
        };
        let all = self.design.parameters.iter().zip(self.parameters.iter());
        Arc::new(all.map(|(p, values)| pad(p, values)).collect())
    }
}
