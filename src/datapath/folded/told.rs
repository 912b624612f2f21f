//! Tiles that were folded as one, and whoever is told of each by itself.

use crate::datapath::{Ended, Observer};
use crate::design::Node;
use crate::num::Flags;

/// Who takes an event: of which step of its sum, where it is one of several.
pub type Tell<'a> = dyn FnMut(Option<usize>, Flags) + 'a;

/// Tells the events of a column.
pub type Each<'a> = dyn FnMut(usize, &mut Tell<'_>) + 'a;

/// Who is told of the tiles from `first` on, `across` to a row of tiles, each of so many rows and columns. The next tile is `step`
/// further on: a visit each was fed.
pub struct Told<'a> {
    pub observer: &'a mut dyn Observer,
    pub first: usize,
    pub across: usize,
    pub step: usize,
    pub own: [usize; 2],
}

impl Told<'_> {
    /// Tells of the events of an output row at a node, in counts by column; where it matters which is the first, `each` is asked
    /// for those of a column.
    pub fn row(&mut self, node: Node, row: usize, [high, low]: [&[u32]; 2], each: &mut Each<'_>) {
        let any = |counts: &[u32]| counts.iter().fold(0, |any, count| any | count) != 0;
        if !any(high) && !any(low) {
            return;
        }
        let [rows, columns] = self.own;
        let (first, row) = (self.first + row / rows * self.across * self.step, row % rows);
        let (mut tile, mut before) = (first, 0);
        // Mostly the first event is in one of the first tiles.
        while before < high.len() && !self.observer.knows_first(tile) {
            for own in (0..columns).filter(|own| high[before + own] + low[before + own] > 0) {
                let mut tell = |step, flags| self.observer.located(tile, node, [row, own], step, flags);
                each(before + own, &mut tell);
            }
            (tile, before) = (tile + self.step, before + columns);
        }
        if before < high.len() {
            let counts = [&high[before..], &low[before..]];
            let tiles = (tile..first + self.across * self.step).step_by(self.step);
            self.observer.counted(tiles, node, row, counts);
        }
    }

    /// Tells of the events of outputs `columns` to a row, from row `first` on, each at most one.
    pub fn once(&mut self, node: Node, [high, low]: [&[u32]; 2], (columns, first): (usize, usize)) {
        let rows = high.chunks_exact(columns).zip(low.chunks_exact(columns));
        for (row, (high, low)) in (first..).zip(rows) {
            let flags = |column: usize| Flags { high: high[column] > 0, low: low[column] > 0 };
            self.row(node, row, [high, low], &mut |column, tell| tell(None, flags(column)));
        }
    }

    /// Tells what all outputs end as, `columns` to a row.
    pub fn ended(&mut self, what: Ended, values: &[i64], columns: usize) {
        let rows = self.own[0] * columns;
        let across = self.across * self.step;
        for (first, values) in (self.first..).step_by(across).zip(values.chunks_exact(rows)) {
            self.observer.tiles((first..first + across).step_by(self.step), what, values, columns);
        }
    }
}
