//! Tiles that were fed and are not folded yet: those that share rows or columns are folded together, as one large tile.

use std::sync::Arc;

use crate::datapath::Period;
use crate::design::Array;

/// Columns, and rows, that are folded together, about.
const MOST: [usize; 2] = [16, 256];

/// Codes of all their streams, about.
const MOST_CODES: usize = 1 << 20;

/// A stream of codes.
pub type Stream = Arc<Vec<i32>>;

/// Tiles in rows and columns, in the order in which they were fed: row after row.
pub struct Batch {
    /// Of the first.
    pub period: Period,
    /// What came from the left, for each row of tiles.
    pub left: Vec<Stream>,
    /// What came from above, for each column of tiles.
    pub above: Vec<Stream>,
    /// Which tile the first one is.
    pub first: usize,
}

/// The block.
#[derive(Default)]
pub struct Waiting {
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
    /// Whether the next tile of those that wait would be this one.
    pub fn joins(&self, array: &Array, period: &Period) -> bool {
        let (Some(first), Some(left)) = (&self.period, self.left.last()) else { return true };
        let channel = |across: usize| first.channel + across * array.columns;
        let is_row = Arc::ptr_eq(left, &period.left);
        let across = self.above.len();
        let codes = period.left.len().max(period.above.len()) * (across + self.left.len() + 1);
        match self.above.get(self.beside) {
            _ if array.sums_travel() || codes > MOST_CODES => false,
            Some(above) => {
                is_row && Arc::ptr_eq(above, &period.above) && period.channel == channel(self.beside)
            }
            None if is_row => {
                self.left.len() == 1 && period.channel == channel(across) && across * array.columns < MOST[1]
            }
            None => {
                Arc::ptr_eq(&self.above[0], &period.above)
                    && period.channel == first.channel
                    && self.left.len() * array.rows * array.banks < MOST[0]
            }
        }
    }

    /// Takes a tile that joins.
    pub fn push(&mut self, period: &Period) {
        self.period.get_or_insert_with(|| period.clone());
        match self.left.last() {
            Some(left) if Arc::ptr_eq(left, &period.left) => self.beside += 1,
            _ => {
                self.left.push(period.left.clone());
                self.beside = 1;
            }
        }
        if self.beside > self.above.len() {
            self.above.push(period.above.clone());
        }
    }

    /// What waits, whole rows and the beginning of another one.
    pub fn take(&mut self) -> Vec<Batch> {
        let Some(period) = self.period.take() else { return vec![] };
        let (mut left, above) = (std::mem::take(&mut self.left), std::mem::take(&mut self.above));
        let (first, across) = (self.index, above.len());
        self.index += (left.len() - 1) * across + self.beside;
        if self.beside == across {
            return vec![Batch { period, left, above, first }];
        }
        let last = left.split_off(left.len() - 1);
        let begun = Batch {
            period: period.clone(),
            left: last,
            above: above[..self.beside].to_vec(),
            first: first + left.len() * across,
        };
        vec![Batch { period, left, above, first }, begun]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Design;

    /// Tiles by row and column; each is first, rows, columns.
    fn batches(columns: usize, tiles: &[[usize; 2]]) -> Vec<[usize; 3]> {
        let text = include_str!("../../../hw_models/os4x2_l4_s8_acc32/design.toml");
        let array = Design::parse(text, std::path::Path::new("design.toml"), &[]).unwrap().array;
        let streams = |count: i32| (0..count).map(|at| Arc::new(vec![at])).collect::<Vec<_>>();
        let (left, above) = (streams(9), streams(9));
        let (mut waiting, mut found) = (Waiting::default(), Vec::new());
        let mut take = |waiting: &mut Waiting| {
            let batches = waiting.take().into_iter();
            found.extend(batches.map(|batch| [batch.first, batch.left.len(), batch.above.len()]));
        };
        for [row, column] in tiles {
            let mut period = Period::of(&array);
            (period.left, period.above) = (left[*row].clone(), above[*column].clone());
            period.channel = column * columns;
            if !waiting.joins(&array, &period) {
                take(&mut waiting);
            }
            waiting.push(&period);
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
