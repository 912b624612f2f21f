//! Triangular registers in front of one edge of an array: index i is delayed by `i · hop` cycles.
//!
//! ```text
//!  port[0] ───────────────────────► edge[0]
//!  port[1] ─►[hop stages]─────────► edge[1]
//!  port[2] ─►[2 · hop stages]─────► edge[2]
//! ```
//!
//! Registers: index i, stage s, lane, free-running. Latency: as drawn. Not modelled: nothing.

/// One triangle of `T`, `lanes` wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triangle<T> {
    hop: usize,
    lanes: usize,
    stages: Vec<T>,
}

impl<T: Copy + Default> Triangle<T> {
    pub fn new(extent: usize, hop: usize, lanes: usize) -> Self {
        let count = hop * (extent * extent.saturating_sub(1) / 2) * lanes;
        Triangle { hop, lanes, stages: vec![T::default(); count] }
    }

    /// Every register: index by index, stage by stage, lane by lane.
    pub fn stages(&self) -> &[T] {
        &self.stages
    }

    /// Registers in front of index `i`.
    fn row(&self, index: usize) -> std::ops::Range<usize> {
        let before = self.hop * (index * index.saturating_sub(1) / 2) * self.lanes;
        before..before + self.hop * index * self.lanes
    }

    /// What the array sees at `index` while the port carries `port`.
    pub fn edge<'a>(&'a self, index: usize, port: &'a [T]) -> &'a [T] {
        let row = &self.stages[self.row(index)];
        match row.len().checked_sub(self.lanes) {
            Some(last) => &row[last..],
            None => &port[index * self.lanes..(index + 1) * self.lanes],
        }
    }

    /// The edge: every stage takes the one in front of it.
    pub fn clock(&mut self, port: &[T]) {
        for (index, code) in port.chunks_exact(self.lanes).enumerate() {
            let range = self.row(index);
            let row = &mut self.stages[range];
            if !row.is_empty() {
                row.rotate_right(self.lanes);
                row[..self.lanes].copy_from_slice(code);
            }
        }
    }
}
