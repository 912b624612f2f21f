//! Tiles that were fed and are not folded yet: those that share rows or columns, visits of the same words, and tiles beside each
//! other of such visits are folded together, as one large tile.

use std::sync::Arc;

use crate::datapath::Period;
use crate::design::{Array, Design};

/// Columns, and rows, that are folded together, about.
const MOST: [usize; 2] = [16, 256];

/// Codes of all their streams, about.
const MOST_CODES: usize = 1 << 20;

/// Outputs of a tile past which sums travel that is folded by itself: they fill whole blocks, and a cache.
const MANY: usize = 1 << 13;

/// A stream of codes.
pub type Stream = Arc<Vec<i32>>;

/// Tiles in rows and columns, in the order in which they were fed: row after row. Where a tile has several visits there is one row.
pub struct Batch {
    /// Of the first; its visit is that of all.
    pub period: Period,
    /// What came from the left, for each row of tiles, or each visit.
    pub left: Vec<Stream>,
    /// What came from above or was loaded, for each column of tiles, and each of its visits.
    pub above: Vec<Stream>,
    /// Visits that are behind each other in its sums.
    pub visits: usize,
    /// Which tile, or visit, the first one is.
    pub first: usize,
}

impl Batch {
    /// Its visits, each by itself.
    pub fn apart(self) -> impl Iterator<Item = Batch> {
        let Batch { period, left, above, visits, first } = self;
        above.into_iter().enumerate().map(move |(at, above)| {
            let (tile, visit) = (at / visits, at % visits);
            let mut period = period.clone();
            period.channel += tile * period.columns;
            period.visit.accumulates |= visit > 0;
            period.visit.leaves &= visit + 1 == visits;
            Batch {
                period,
                left: vec![left[visit].clone()],
                above: vec![above],
                visits: 1,
                first: first + at,
            }
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
    /// Visits of the same words, nothing being done to these on the way, and tiles beside each other whose rows they share.
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
            Joins::Visits => return self.joins_visits(first, period),
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

    /// The same of a visit: of the first tile, or of one beside it with the same visits.
    fn joins_visits(&self, first: &Period, period: &Period) -> bool {
        // A word that others began may hold anything.
        if first.visit.accumulates {
            return false;
        }
        if !first.visit.leaves {
            return period.visit.accumulates;
        }
        let visits = self.left.len();
        let (tile, visit) = (self.above.len() / visits, self.above.len() % visits);
        !self.array.is_turned()
            && tile * self.array.columns < MOST[0]
            && Arc::ptr_eq(&self.left[visit], &period.left)
            && period.channel == first.channel + tile * self.array.columns
            && (period.visit.accumulates, period.visit.leaves) == (visit > 0, visit + 1 == visits)
    }

    /// Takes a tile that joins, with what stays in it, if something does.
    pub fn push(&mut self, period: &Period, loaded: Option<Stream>) {
        let above = loaded.unwrap_or_else(|| period.above.clone());
        let first = self.period.get_or_insert_with(|| period.clone());
        if self.joins == Joins::Visits {
            if !first.visit.leaves || self.above.is_empty() {
                first.visit.leaves = period.visit.leaves;
                self.left.push(period.left.clone());
            }
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
            return visited(Batch { period, visits: left.len(), left, above, first });
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

/// Whole tiles, and the visits of another that has only begun.
fn visited(mut all: Batch) -> Vec<Batch> {
    let Batch { visits, first, .. } = all;
    let whole = all.above.len() / visits * visits;
    let begun = all.above.split_off(whole);
    if begun.is_empty() {
        return vec![all];
    }
    let mut period = all.period.clone();
    period.channel += whole / visits * period.columns;
    period.visit.leaves = false;
    let left = all.left[..begun.len()].to_vec();
    let begun = Batch { period, visits: begun.len(), left, above: begun, first: first + whole };
    vec![all, begun]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Visits of tiles, by row, tile beside and visit, which are three; each is first, visits, streams that were loaded.
    fn visits(fed: &[[usize; 3]]) -> Vec<[usize; 3]> {
        let text = include_str!("../../../hw_models/ws8x8_bcast_s8_acc24_mem32/design.toml");
        let design = Design::parse(text, std::path::Path::new("design.toml"), &[]).unwrap();
        let streams = |count: i32| (0..count).map(|at| Arc::new(vec![at])).collect::<Vec<_>>();
        let (left, above) = (streams(9), streams(9));
        let (mut waiting, mut found) = (Waiting::new(&design), Vec::new());
        let mut take = |waiting: &mut Waiting| {
            let batches = waiting.take().into_iter();
            found.extend(batches.map(|batch| [batch.first, batch.visits, batch.above.len()]));
        };
        for [row, tile, visit] in fed {
            let mut period = Period::of(&design.array);
            (period.left, period.channel) = (left[row * 3 + visit].clone(), tile * 8);
            period.visit.accumulates = *visit > 0;
            period.visit.leaves = *visit == 2;
            if !waiting.joins(&period) {
                take(&mut waiting);
            }
            waiting.push(&period, Some(above[tile * 3 + visit].clone()));
        }
        take(&mut waiting);
        found
    }

    #[test]
    fn visits_of_tiles_beside_each_other_are_folded_together() {
        let tile = |row: usize, tile: usize| (0..3).map(move |visit| [row, tile, visit]);
        let of =
            |tiles: &[[usize; 2]]| tiles.iter().flat_map(|[row, at]| tile(*row, *at)).collect::<Vec<_>>();
        // Sixteen columns, then those of the tile behind them.
        let all = of(&[[0, 0], [0, 1], [0, 2]]);
        assert_eq!(visits(&all), [[0, 3, 6], [6, 3, 3]]);
        // The second one has only begun, and so has the first.
        assert_eq!(visits(&all[..5]), [[0, 3, 3], [3, 2, 2]]);
        assert_eq!(visits(&all[..2]), [[0, 2, 2]]);
        // Other rows, and channels that do not follow.
        assert_eq!(visits(&of(&[[0, 0], [1, 1]])), [[0, 3, 3], [3, 3, 3]]);
        assert_eq!(visits(&of(&[[0, 0], [0, 2]])), [[0, 3, 3], [3, 3, 3]]);
        // Words that others began are folded one by one.
        assert_eq!(visits(&all[1..4]), [[0, 1, 1], [1, 1, 1], [2, 1, 1]]);
    }

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
