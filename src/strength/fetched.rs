//! The operands of one tile as hardware reads them, each read once and met by every PE of its row or column.

use crate::lower::Tile;

/// Operands of a tile that are kept at most; what a deeper tile has is read product by product.
const KEPT: usize = 1 << 22;

/// What makes one operand of a tile another than that of the tile before: image, group, first row or channel.
type Place = [usize; 3];

/// Rows of activations and columns of weights, lane by lane of every beat.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    tile: Option<usize>,
    activations: Lines,
    weights: Lines,
}

#[derive(Debug, Default)]
struct Lines {
    place: Option<Place>,
    values: Vec<i64>,
}

impl Lines {
    fn fill(&mut self, place: Place, values: impl Iterator<Item = i64>) {
        if self.place != Some(place) {
            self.place = Some(place);
            self.values.clear();
            self.values.extend(values);
        }
    }
}

/// Rows, columns, beats and lanes of an array and its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extents {
    pub rows: usize,
    pub columns: usize,
    pub beats: usize,
    pub lanes: usize,
}

impl Fetched {
    /// Makes this the operands of `tile`, if they are worth keeping: of `activation(row, beat, lane)` and
    /// `weight(column, beat, lane)`.
    pub fn fetch(
        &mut self,
        tile: Tile,
        extents: Extents,
        activation: impl Fn(usize, usize, usize) -> i64,
        weight: impl Fn(usize, usize, usize) -> i64,
    ) {
        let Extents { rows, columns, beats, lanes } = extents;
        let line = beats.saturating_mul(lanes);
        self.tile = None;
        if line.saturating_mul(rows.max(columns)) > KEPT {
            return;
        }
        let all = |count: usize| {
            (0..count).flat_map(move |at| {
                (0..beats).flat_map(move |beat| (0..lanes).map(move |lane| (at, beat, lane)))
            })
        };
        let of = [tile.image, tile.group, tile.m0];
        self.activations.fill(of, all(rows).map(|(row, beat, lane)| activation(row, beat, lane)));
        let of = [0, tile.group, tile.n0];
        self.weights.fill(of, all(columns).map(|(column, beat, lane)| weight(column, beat, lane)));
        self.tile = Some(tile.index);
    }

    /// The lanes of a beat: activations of a row, weights of a column. `None`: they are not of this tile.
    pub fn beat(
        &self,
        tile: Tile,
        [row, column]: [usize; 2],
        beat: usize,
        extents: Extents,
    ) -> Option<[&[i64]; 2]> {
        let Extents { beats, lanes, .. } = extents;
        let of = |at: usize| (at * beats + beat) * lanes..(at * beats + beat + 1) * lanes;
        let is_here = self.tile == Some(tile.index);
        is_here.then(|| [&self.activations.values[of(row)], &self.weights.values[of(column)]])
    }
}
