//! One tile's operands as the array meets them: in order of a row's own time, skewed once when written.
//!
//! Row time u counts from the tile's start, less the delay of row i: what PE(i, 0) multiplies in cycle
//! `u + d0 + h_w·i` is beat u (less the clear cycle), and PE(i, j) multiplies beat `u − h_a·j`. Weights are
//! stored with that skew, so one vector of them serves all columns of all rows. Activations that travel one
//! register a column are their own stream read at consecutive places; with any other hop they are stored like
//! weights. Outside its beats a stream is 0 and moves no accumulator.

use crate::num::lanes::Lane;

use super::kernel::{BLOCK, Feed, fill, fill_skewed};
use super::shape::Shape;

/// Streams of one tile. Values are codes with the operands' offsets added.
#[derive(Debug, Clone)]
pub struct Streams<L> {
    activations: Vec<L>,
    weights: Vec<L>,
    /// Beats that there is room for, the clear cycle among them.
    room: usize,
    /// What has been written, where the rest is 0.
    written: Written,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub clears: usize,
    pub beats: usize,
}

impl Written {
    /// Cycles of a stream, from the tile's start.
    pub fn length(self) -> usize {
        self.clears + self.beats
    }

    pub fn contains(self, time: usize) -> bool {
        (self.clears..self.length()).contains(&time)
    }
}

impl<L: Lane> Streams<L> {
    pub fn new() -> Self {
        Streams { activations: Vec::new(), weights: Vec::new(), room: 0, written: Written::default() }
    }

    pub fn elements(&self) -> usize {
        self.activations.len() + self.weights.len()
    }

    pub fn written(&self) -> Written {
        self.written
    }

    /// Elements of a row's activation stream.
    fn row_length(shape: &Shape, room: usize) -> usize {
        let edges = room + shape.time.hop_column * (shape.columns - 1);
        if shape.travels() { edges + shape.padded - 1 } else { edges * shape.padded }
    }

    /// Makes room for `beats`, all 0; leaves what is there when it is exactly as long, and then returns true.
    pub fn restart(&mut self, shape: &Shape, clears: usize, beats: usize) -> bool {
        let written = Written { clears, beats };
        if self.written == written && beats > 0 {
            return true;
        }
        self.written = written;
        self.room = self.room.max(written.length());
        self.activations.clear();
        self.activations.resize(shape.rows * Self::row_length(shape, self.room), L::ZERO);
        self.weights.clear();
        let edges = self.room + shape.time.hop_column * (shape.columns - 1);
        self.weights.resize(edges * shape.padded, L::ZERO);
        false
    }

    /// Declares one more beat, in cycle `time`; what is there stays.
    pub fn extend(&mut self, shape: &Shape, time: usize) {
        self.written.beats = self.written.beats.max(time + 1 - self.written.clears);
        if self.written.length() <= self.room {
            return;
        }
        let (old, room) = (Self::row_length(shape, self.room), 2 * self.written.length());
        let new = Self::row_length(shape, room);
        let mut activations = vec![L::ZERO; shape.rows * new];
        for (from, to) in self.activations.chunks(old.max(1)).zip(activations.chunks_mut(new)) {
            to[..from.len()].copy_from_slice(from);
        }
        self.activations = activations;
        let edges = room + shape.time.hop_column * (shape.columns - 1);
        self.weights.resize(edges * shape.padded, L::ZERO);
        self.room = room;
    }

    /// Place of row `row`'s beat in cycle `time`, as PE(row, 0) meets it.
    fn activation_place(&self, shape: &Shape, row: usize, time: usize) -> usize {
        let start = row * Self::row_length(shape, self.room);
        if shape.travels() { start + shape.padded - 1 + time } else { start + (time + 1) * shape.padded - 1 }
    }

    fn weight_place(shape: &Shape, column: usize, time: usize) -> usize {
        (time + shape.time.hop_column * column) * shape.padded + shape.padded - 1 - column
    }

    pub fn activation(&self, shape: &Shape, row: usize, time: usize) -> L {
        self.activations[self.activation_place(shape, row, time)]
    }

    pub fn weight(&self, shape: &Shape, column: usize, time: usize) -> L {
        self.weights[Self::weight_place(shape, column, time)]
    }

    pub fn set_activation(&mut self, shape: &Shape, row: usize, time: usize, value: L) {
        let place = self.activation_place(shape, row, time);
        if shape.travels() {
            self.activations[place] = value;
            return;
        }
        // Column j meets it h_a·j later, and comes j places before column 0.
        for column in 0..shape.columns {
            self.activations[place + column * shape.time.hop_column * shape.padded - column] = value;
        }
    }

    pub fn set_weight(&mut self, shape: &Shape, column: usize, time: usize, value: L) {
        self.weights[Self::weight_place(shape, column, time)] = value;
    }

    /// Takes all of a row's codes.
    pub fn fill_row(&mut self, shape: &Shape, row: usize, codes: &[i32], offset: i32) {
        let (clears, beats) = (self.written.clears, self.written.beats);
        if shape.travels() {
            let place = self.activation_place(shape, row, clears);
            return fill(&mut self.activations[place..place + beats], codes, offset);
        }
        for (beat, code) in codes.iter().enumerate() {
            self.set_activation(shape, row, clears + beat, L::from_i32(code.wrapping_add(offset)));
        }
    }

    /// Takes all weights, beat by beat.
    pub fn fill_weights(&mut self, shape: &Shape, codes: &[i32], offsets: &[i32]) {
        let skewed = &mut self.weights[self.written.clears * shape.padded..];
        fill_skewed(skewed, shape.padded, shape.time.hop_column, codes, offsets);
    }

    /// What block `block` of `row` multiplies at `count` edges from row time `start` on.
    pub fn feed(&self, shape: &Shape, [row, block]: [usize; 2], start: usize, count: usize) -> Feed<'_, L> {
        let step = if shape.travels() { 1 } else { shape.padded };
        let stride = shape.padded;
        let from = row * Self::row_length(shape, self.room) + start * step + block * BLOCK;
        let activations = &self.activations[from..from + (count - 1) * step + BLOCK];
        let from = start * stride + block * BLOCK;
        let weights = &self.weights[from..from + (count - 1) * stride + BLOCK];
        Feed { activations, step, weights, stride }
    }
}
