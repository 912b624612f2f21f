//! Tiles that were fed and are not folded yet: those that share rows or columns, and visits of the same words, are folded
//! together, as one large tile.

use std::sync::Arc;

use crate::datapath::{Period, Visit};
use crate::design::{Array, Design};

/// Columns, and rows, that are folded together, about.
const MOST: [usize; 2] = [16, 256];

/// Codes of all their streams, about.
const MOST_CODES: usize = 1 << 20;

/// Outputs of a tile past which sums travel that is folded by itself: they fill whole blocks, and a cache.
const MANY: usize = 1 << 13;

/// A stream of codes.
pub type Stream = Arc<Vec<i32>>;

/// Tiles in rows and columns, in the order in which they were fed: row after row; or visits of one.
pub struct Batch {
    /// Of the first; its visit is that of all.
    pub period: Period,
    /// What came from the left, for each row of tiles, or each visit.
    pub left: Vec<Stream>,
    /// What came from above or was loaded, for each column of tiles, or each visit.
    pub above: Vec<Stream>,
    /// Visits that are behind each other in its sums.
    pub visits: usize,
    /// Which tile the first one is.
    pub first: usize,
}

impl Batch {
    /// Its visits, each by itself.
    pub fn apart(self) -> impl Iterator<Item = Batch> {
        let Batch { period, left, above, visits, first } = self;
        left.into_iter().zip(above).enumerate().map(move |(visit, (left, above))| {
            let mut period = period.clone();
            period.visit.accumulates |= visit > 0;
            period.visit.leaves &= visit + 1 == visits;
            Batch { period, left: vec![left], above: vec![above], visits: 1, first: first + visit }
        })
    }

    /// The tile whose outputs its sums are: of visits the last.
    pub fn tile(&self) -> usize {
        self.first + self.visits - 1
    }
}

/// Which tiles are folded together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joins {
    /// Those that share rows or columns.
    Beside,
    /// Visits of the same words, nothing being done to these on the way.
    Visits,
    /// None.
    Nothing,
}

/// The block.
pub struct Waiting {
    array: Array,
    joins: Joins,
    /// Of the first tile.
    period: Option<Period>,
    left: Vec<Stream>,
    above: Vec<Stream>,
    /// Tiles of the last row.
    beside: usize,
    /// Which tile the first one is.
    index: usize,
}

impl Waiting {
    pub fn new(design: &Design) -> Self {
        let is_plain = design.store_steps.is_empty() && design.load_steps.is_empty();
        let joins = match design.memory {
            Some(_) if is_plain => Joins::Visits,
            None if !design.array.is_turned() => Joins::Beside,
            _ => Joins::Nothing,
        };
        let none = || (Vec::new(), Vec::new());
        let (left, above) = none();
        Waiting { array: design.array, joins, period: None, left, above, beside: 0, index: 0 }
    }

    /// From now on visits are folded each by itself.
    pub fn part_visits(&mut self) {
        self.joins = Joins::Nothing;
    }

    /// Whether the next tile of those that wait would be this one.
    pub fn joins(&self, period: &Period) -> bool {
        let (Some(first), Some(left)) = (&self.period, self.left.last()) else { return true };
        let (array, across) = (&self.array, self.above.len());
        let codes = period.left.len().max(period.above.len()) * (across + self.left.len() + 1);
        match self.joins {
            _ if codes > MOST_CODES => return false,
            Joins::Nothing => return false,
            // A word that others began may hold anything.
            Joins::Visits => return !first.visit.accumulates && period.visit.accumulates,
            Joins::Beside if array.sums_travel() && period.feed.beats * array.columns > MANY => return false,
            Joins::Beside => {}
        }
        let is_row = Arc::ptr_eq(left, &period.left);
        let channel = |across: usize| first.channel + across * array.columns;
        match self.above.get(self.beside) {
            // What stays is loaded for every tile.
            Some(_) if array.sums_travel() => false,
            Some(above) => {
                is_row && Arc::ptr_eq(above, &period.above) && period.channel == channel(self.beside)
            }
            None if is_row => {
                self.left.len() == 1 && period.channel == channel(across) && across * array.columns < MOST[1]
            }
            None if array.sums_travel() => false,
            None => {
                Arc::ptr_eq(&self.above[0], &period.above)
                    && period.channel == first.channel
                    && self.left.len() * array.rows * array.banks < MOST[0]
            }
        }
    }

    /// Takes a tile that joins, with what stays in it, if something does.
    pub fn push(&mut self, period: &Period, loaded: Option<Stream>) {
        let above = loaded.unwrap_or_else(|| period.above.clone());
        let first = self.period.get_or_insert_with(|| period.clone());
        if self.joins == Joins::Visits {
            first.visit = Visit { leaves: period.visit.leaves, ..first.visit };
            self.left.push(period.left.clone());
            self.above.push(above);
            return;
        }
        match self.left.last() {
            Some(left) if Arc::ptr_eq(left, &period.left) => self.beside += 1,
            _ => {
                self.left.push(period.left.clone());
                self.beside = 1;
            }
        }
        if self.beside > self.above.len() {
            self.above.push(above);
        }
    }

    /// What waits, whole rows and the beginning of another one.
    pub fn take(&mut self) -> Vec<Batch> {
        let Some(period) = self.period.take() else { return vec![] };
        let (mut left, above) = (std::mem::take(&mut self.left), std::mem::take(&mut self.above));
        let (first, across) = (self.index, above.len());
        if self.joins == Joins::Visits {
            self.index += across;
            return vec![Batch { period, left, above, visits: across, first }];
        }
        self.index += (left.len() - 1) * across + self.beside;
        if self.beside == across {
            return vec![Batch { period, left, above, visits: 1, first }];
        }
        let last = left.split_off(left.len() - 1);
        let begun = Batch {
            period: period.clone(),
            left: last,
            above: above[..self.beside].to_vec(),
            visits: 1,
            first: first + left.len() * across,
        };
        vec![Batch { period, left, above, visits: 1, first }, begun]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tiles by row and column; each is first, rows, columns.
    fn batches(columns: usize, tiles: &[[usize; 2]]) -> Vec<[usize; 3]> {
        let text = include_str!("../../../hw_models/os4x2_l4_s8_acc32/design.toml");
        let design = Design::parse(text, std::path::Path::new("design.toml"), &[]).unwrap();
        let streams = |count: i32| (0..count).map(|at| Arc::new(vec![at])).collect::<Vec<_>>();
        let (left, above) = (streams(9), streams(9));
        let (mut waiting, mut found) = (Waiting::new(&design), Vec::new());
        let mut take = |waiting: &mut Waiting| {
            let batches = waiting.take().into_iter();
            found.extend(batches.map(|batch| [batch.first, batch.left.len(), batch.above.len()]));
        };
        for [row, column] in tiles {
            let mut period = Period::of(&design.array);
            (period.left, period.above) = (left[*row].clone(), above[*column].clone());
            period.channel = column * columns;
            if !waiting.joins(&period) {
                take(&mut waiting);
            }
            waiting.push(&period, None);
        }
        take(&mut waiting);
        found
    }

    #[test]
    fn whole_rows_are_folded_together_and_what_was_begun_by_itself() {
        let rows = |rows: usize, columns: usize| {
            (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column])).collect::<Vec<_>>()
        };
        assert_eq!(batches(2, &rows(2, 3)), [[0, 2, 3]]);
        assert_eq!(batches(2, &rows(2, 3)[..5]), [[0, 1, 3], [3, 1, 2]]);
        // Four rows of PEs each: sixteen positions at a time.
        assert_eq!(batches(2, &rows(5, 2)), [[0, 4, 2], [8, 1, 2]]);
        // Another row than that of the columns before, and channels that do not follow.
        assert_eq!(batches(2, &[[0, 0], [0, 1], [1, 1], [1, 0]]), [[0, 1, 2], [2, 1, 1], [3, 1, 1]]);
        assert_eq!(batches(3, &rows(2, 2)), [[0, 1, 1], [1, 1, 1], [2, 1, 1], [3, 1, 1]]);
    }
}
