//! Which (m, n, k) meets where: an array's part times the work's.
//!
//! An output of a tile has a row (position) and a column (channel), and its sum has steps, one beat's lanes each. Where sums
//! stay, an output is a PE and its steps are fed beat by beat. Where they travel, a step is a row of PEs, and what is fed beat
//! by beat are vectors: a position each, or where activations stay, a channel each.

use super::Shape;
use crate::design::Array;

/// The places of a program's products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Map {
    /// Positions and channels of a tile.
    pub tile: [usize; 2],
    /// Rows of PEs.
    rows: usize,
    travels: bool,
    turned: bool,
}

impl Map {
    pub(super) fn new(array: &Array, shape: Shape) -> Map {
        let (travels, turned) = (array.sums_travel(), array.is_turned());
        let tile = match (travels, turned) {
            (false, _) => [array.rows, array.columns],
            (true, false) => [shape.m, array.columns],
            (true, true) => [array.columns, shape.n],
        };
        Map { tile, rows: array.rows, travels, turned }
    }

    /// Whether activations stay: columns are positions, and vectors channels.
    pub fn is_turned(&self) -> bool {
        self.turned
    }

    /// Steps of a sum that there are PEs for, where sums travel.
    pub fn steps(&self) -> Option<usize> {
        self.travels.then_some(self.rows)
    }

    /// Vectors of a tile, where sums travel.
    pub fn vectors(&self) -> Option<usize> {
        self.travels.then(|| self.tile[usize::from(self.turned)])
    }

    /// The PE of step `step` of an output, row and column of its tile, and the fed beat in which it is formed.
    pub fn place(&self, [row, column]: [usize; 2], step: usize) -> ([usize; 2], usize) {
        match (self.travels, self.turned) {
            (false, _) => ([row, column], step),
            (true, false) => ([step, column], row),
            (true, true) => ([step, row], column),
        }
    }

    /// The inverse of [`Map::place`]: the output, row and column of its tile, that a PE works on in a fed beat, and which step
    /// of it.
    pub fn meets(&self, [row, column]: [usize; 2], beat: usize) -> ([usize; 2], usize) {
        match (self.travels, self.turned) {
            (false, _) => ([row, column], beat),
            (true, false) => ([beat, column], row),
            (true, true) => ([column, beat], row),
        }
    }

    /// Rows of values that leave the array's columns in one tile.
    pub fn leaving(&self) -> usize {
        self.vectors().unwrap_or(self.rows)
    }

    /// The output, row and column of its tile, that leaves a column as so many-th of its tile, from 0: the last row first, or
    /// vector after vector.
    pub fn leaves(&self, nth: usize, column: usize) -> [usize; 2] {
        match (self.travels, self.turned) {
            (false, _) => [self.rows - 1 - nth, column],
            (true, false) => [nth, column],
            (true, true) => [column, nth],
        }
    }
}
