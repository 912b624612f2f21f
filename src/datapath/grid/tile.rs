//! The tile in the array: its streams, its numbers, and how far it has come.

use std::sync::Arc;

use super::kernel::BLOCK;
use super::shape::Shape;
use super::streams::Streams;
use crate::datapath::operand::operand_sum;
use crate::datapath::{Inputs, Period, Records};
use crate::design::{Design, Operand};
use crate::num::Flags;
use crate::num::lanes::Lane;

/// One tile, from its first cycle until the next one's.
#[derive(Debug, Clone)]
pub struct Tile<L> {
    pub streams: Streams<L>,
    /// Whether anything was ever fed; until then every register holds its reset value.
    pub started: bool,
    /// Edges since the tile's first cycle.
    pub now: usize,
    /// First cycle of the drain.
    pub drain: Option<usize>,
    /// Parameter record of column 0.
    pub channel: usize,
    /// Offsets of the operands: the activation's, and each column's weight's.
    offset: i32,
    offsets: Vec<i32>,
    /// What every row's accumulators start from, columns reversed; empty until known.
    pub starts: Vec<[L; BLOCK]>,
    /// Columns whose bias the register does not hold.
    pub cut: Vec<(usize, Flags)>,
    /// Finished values in the order in which rows leave: `[rows][columns]`.
    pub finished: Vec<i64>,
    /// The weight codes in the streams, to see that a tile has the last one's.
    weights: Arc<Vec<i32>>,
}

/// Where a code enters the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Row(usize),
    Column(usize),
}

impl<L: Lane> Tile<L> {
    pub fn new(shape: &Shape) -> Self {
        Tile {
            streams: Streams::new(),
            started: false,
            now: 0,
            drain: None,
            channel: 0,
            offset: 0,
            offsets: vec![0; shape.columns],
            starts: Vec::new(),
            cut: Vec::new(),
            finished: vec![0; shape.rows * shape.columns],
            weights: Arc::default(),
        }
    }

    /// About what the streams occupy.
    pub fn bytes(&self) -> usize {
        self.streams.elements() * size_of::<L>()
    }

    /// Rows that have left the array.
    pub fn drained(&self, shape: &Shape) -> usize {
        self.drain.map_or(0, |start| self.now.saturating_sub(start).min(shape.rows))
    }

    /// The row that left the array as number `leaving`.
    pub fn finished_row(&self, shape: &Shape, leaving: usize) -> &[i64] {
        &self.finished[leaving * shape.columns..][..shape.columns]
    }

    fn set_channel(&mut self, design: &Design, records: &Records, channel: usize) {
        self.channel = channel;
        // The licence saw to it that codes with offsets have at most 31 bits.
        let offset = |operand: &Operand, record| operand_sum(operand, 0, records, Some(record)) as i32;
        self.offset = offset(&design.activation, 0);
        if design.weight.offset.is_some() {
            for (column, value) in self.offsets.iter_mut().enumerate() {
                *value = offset(&design.weight, channel + column);
            }
        }
    }

    /// Begins with a whole period's streams.
    pub fn load(&mut self, shape: &Shape, design: &Design, records: &Records, period: &Period) {
        let moved = self.channel != period.channel && design.weight.offset.is_some();
        self.set_channel(design, records, period.channel);
        let beats = period.feed.beats;
        let same = self.streams.restart(shape, period.feed.clears, beats) && !moved;
        (self.started, self.now, self.drain) = (true, 0, period.drain);
        for row in 0..shape.rows {
            let codes = &period.left[row * beats..][..beats];
            self.streams.fill_row(shape, row, codes, self.offset);
        }
        if !same || !(Arc::ptr_eq(&self.weights, &period.above) || self.weights == period.above) {
            self.weights = period.above.clone();
            self.streams.fill_weights(shape, &period.above, &self.offsets);
        }
    }

    /// Begins with nothing, in a cycle that is marked first.
    pub fn begin(&mut self, shape: &Shape, clears: usize) {
        self.streams.restart(shape, clears, 0);
        self.weights = Arc::default();
        (self.started, self.now, self.drain) = (true, 0, None);
    }

    /// Takes one cycle's inputs.
    pub fn take(&mut self, shape: &Shape, design: &Design, records: &Records, inputs: &Inputs) {
        self.set_channel(design, records, inputs.channel);
        if inputs.drain {
            self.drain.get_or_insert(self.now);
        }
        if inputs.valid[0] {
            self.streams.extend(shape, self.now);
        }
        let written = self.streams.written();
        for row in 0..shape.rows {
            let delay = if shape.host_skews { row * shape.time.hop_row } else { 0 };
            let Some(time) = self.now.checked_sub(delay).filter(|time| written.contains(*time)) else {
                continue;
            };
            let value = L::from_i32(inputs.activation[row].wrapping_add(self.offset));
            self.streams.set_activation(shape, row, time, value);
        }
        for column in 0..shape.columns {
            let delay = if shape.host_skews { column * shape.time.hop_column } else { 0 };
            let Some(time) = self.now.checked_sub(delay).filter(|time| written.contains(*time)) else {
                continue;
            };
            let value = L::from_i32(inputs.weight[column].wrapping_add(self.offsets[column]));
            self.streams.set_weight(shape, column, time, value);
        }
    }

    /// What entered row or column `edge` of the array `time` cycles after the tile began.
    pub fn code(&self, shape: &Shape, edge: Edge, time: usize) -> i64 {
        if !self.streams.written().contains(time) {
            return 0;
        }
        match edge {
            Edge::Row(row) => self.streams.activation(shape, row, time).to_i64() - i64::from(self.offset),
            Edge::Column(column) => {
                self.streams.weight(shape, column, time).to_i64() - i64::from(self.offsets[column])
            }
        }
    }

    pub fn valid(&self, time: usize) -> bool {
        self.streams.written().contains(time)
    }

    pub fn first(&self, time: usize) -> bool {
        self.started && time == 0 && self.streams.written().length() > 0
    }

    pub fn offsets(&self, column: usize) -> (i64, i64) {
        (self.offset.into(), self.offsets[column].into())
    }
}
