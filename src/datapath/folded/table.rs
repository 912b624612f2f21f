//! A number of every output of a tile, and its events.

use super::kernel::{BLOCK, Block};
use crate::num::lanes::Lane;

/// A number of every output of a tile, `[rows][columns]`, and its events at one node.
#[derive(Debug, Default)]
pub struct Table {
    pub columns: usize,
    pub values: Vec<i64>,
    /// Empty until there is an event.
    pub high: Vec<u32>,
    pub low: Vec<u32>,
    /// Whether there is an event at all.
    pub any: bool,
}

impl Table {
    pub fn reset(&mut self, rows: usize, columns: usize) {
        self.columns = columns;
        self.values.resize(rows * columns, 0);
        self.any = false;
        self.high.clear();
        self.low.clear();
    }

    /// There is an event.
    fn note(&mut self) {
        if !std::mem::replace(&mut self.any, true) {
            self.high.resize(self.values.len(), 0);
            self.low.resize(self.values.len(), 0);
        }
    }

    /// Takes the events of another one, which is as large.
    pub fn join(&mut self, other: &Table) {
        if other.any {
            self.note();
            self.high.iter_mut().zip(&other.high).for_each(|(own, other)| *own += other);
            self.low.iter_mut().zip(&other.low).for_each(|(own, other)| *own += other);
        }
    }

    /// Where a block's columns are, from `column` of a row on, and how many there are.
    fn places(&self, [row, column]: [usize; 2]) -> (usize, usize) {
        (row * self.columns + column, BLOCK.min(self.columns - column))
    }

    /// Empties a block's counters.
    pub fn count<L: Lane>(&mut self, at: [usize; 2], state: &mut Block<L>) {
        if state.high.iter().chain(&state.low).all(|count| *count == L::ZERO) {
            return;
        }
        self.note();
        let (place, count) = self.places(at);
        for column in 0..count {
            self.high[place + column] += state.high[column].to_count();
            self.low[place + column] += state.low[column].to_count();
        }
        (state.high, state.low) = ([L::ZERO; BLOCK], [L::ZERO; BLOCK]);
    }

    /// Stores the sum of a row of one column, with its events.
    pub fn put(&mut self, row: usize, (value, high, low): (i64, u32, u32)) {
        self.values[row] = value;
        if high + low > 0 {
            self.note();
            (self.high[row], self.low[row]) = (high, low);
        }
    }

    /// Stores a block's sums.
    pub fn take<L: Lane>(&mut self, at: [usize; 2], acc: &[L; BLOCK]) {
        let (place, count) = self.places(at);
        for (value, acc) in self.values[place..place + count].iter_mut().zip(acc) {
            *value = acc.to_i64();
        }
    }
}
