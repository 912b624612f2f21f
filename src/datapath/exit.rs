//! How finished accumulators that stay leave their PEs.
//!
//! ```text
//!  no rows      last ─►[pe.done]   pe.acc ─► requantizers
//!  parallel     every PE so, by itself
//!  diagonal     every row: the pe.acc of its PE whose pe.done is 1 ─► the row's requantizer
//!  rows         pe.acc of the last row ─►[drain]… ─► requantizers; every row moves down by one while in.drain is 1; or up, or
//!               columns likewise
//!  captured     pe.done: pe.acc ─►[pe.result]; when the last PE has its own, these move by one an edge, and leave
//! ```
//!
//! Registers: `pe.done`, 1 in the cycle after the edge that took a `last` beat (`[rows, columns]` where PEs finish one after the
//! other); `pe.result` `[rows, columns]`; `drain` and `drain.valid` in drain.latency stages, data loaded behind a valid bit, valid
//! bits at every edge. Not modelled: how many of the captured sums are still to leave, and the records beside them.

use super::control::Control;
use super::requantizer::Finished;
use super::words::Visit;
use super::{BIT, Inputs, Port, register, stage_name};
use crate::design::{Array, DrainOrder};
use crate::num::Format;

/// A sum on its way out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    value: i64,
    /// Which of its PE's accumulators it is in.
    bank: usize,
    /// Of its channel, and which visit it is.
    record: usize,
    visit: Visit,
}

/// The block.
pub struct Exit {
    array: Array,
    /// Of every PE: whether its last beat has just been taken; record and visit of that one.
    done: Vec<(bool, Sum)>,
    /// What has been taken over; empty where nothing is.
    results: Vec<Sum>,
    /// Places of a chain that have left since it began to move.
    left: usize,
    /// Whether captured sums move.
    moves: bool,
    stages: Vec<Finished>,
}

impl Exit {
    pub fn new(array: &Array) -> Self {
        let pes = array.rows * array.columns;
        let (exits, groups) = (array.exits(), if array.leaves_apart() { array.exits() } else { 1 });
        let drain = array.drain;
        let latency = drain.map_or(0, |drain| drain.latency as usize);
        Exit {
            done: vec![(false, Sum::default()); pes],
            results: vec![Sum::default(); if drain.is_some_and(|drain| drain.capture) { pes } else { 0 }],
            left: 0,
            moves: false,
            stages: vec![Finished::none(exits, groups); latency],
            array: *array,
        }
    }

    /// Shape of `pe.done`.
    fn done_shape(&self) -> Vec<usize> {
        if self.array.hop_right() + self.array.hop_down() > 0 { self.array.pe_shape() } else { vec![] }
    }

    /// Of registers in the accumulator's own format, and of what leaves in the other.
    pub fn signals(&self, register_format: Format, format: Format) -> Vec<Port> {
        let mut ports = Vec::new();
        if !self.array.drains() {
            ports.push(register("pe.done".to_string(), "accumulator", self.done_shape(), BIT));
        }
        if !self.results.is_empty() {
            let shape = self.array.pe_shape();
            ports.push(register("pe.result".to_string(), "drain", shape, register_format));
        }
        let shape = self.array.exit_shape();
        let valid = if self.array.leaves_apart() { shape.clone() } else { vec![] };
        for stage in 0..self.stages.len() {
            let name = |base: &str| stage_name(base, stage as u32);
            ports.push(register(name("drain"), "drain", shape.clone(), format));
            ports.push(register(name("drain.valid"), "drain", valid.clone(), BIT));
        }
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        if !self.array.drains() {
            let shown = self.done_shape().iter().product();
            sample.extend(self.done[..shown].iter().map(|(done, _)| i64::from(*done)));
        }
        sample.extend(self.results.iter().map(|sum| sum.value));
        for stage in &self.stages {
            sample.extend_from_slice(&stage.values);
            sample.extend(stage.valid.iter().map(|valid| i64::from(*valid)));
        }
    }

    /// What stands in front of the exits: sums as they are in their registers, `acc` `[rows, columns, banks]`.
    pub fn front(&self, acc: &[i64], inputs: &Inputs) -> Finished {
        let Array { columns, .. } = self.array;
        let nth = |exit: usize| {
            let [row, column] = self.array.left_by(exit, self.left);
            row * columns + column
        };
        let exits = 0..self.array.exits();
        if self.array.drains() {
            let record = |exit| inputs.channel + nth(exit) % columns;
            // The chain moves: what leaves is at its end.
            return Finished {
                values: exits.clone().map(|exit| acc[self.end(exit)]).collect(),
                valid: vec![inputs.drain],
                record: exits.map(record).collect(),
                visits: vec![inputs.visit],
            };
        }
        if !self.results.is_empty() {
            let sums: Vec<Sum> = exits.map(|exit| self.results[self.end(exit)]).collect();
            return Finished {
                values: sums.iter().map(|sum| sum.value).collect(),
                valid: vec![self.moves],
                record: sums.iter().map(|sum| sum.record).collect(),
                visits: vec![sums[0].visit],
            };
        }
        let finished = |exit: usize| match self.array.drain.map(|drain| drain.order) {
            Some(DrainOrder::Diagonal) => {
                let row = exit * columns..(exit + 1) * columns;
                row.clone().find(|pe| self.done[*pe].0).unwrap_or(row.start)
            }
            _ => exit,
        };
        let pes: Vec<usize> = exits.map(finished).collect();
        let groups = if self.array.leaves_apart() { pes.len() } else { 1 };
        Finished {
            values: pes.iter().map(|pe| acc[*pe * self.array.banks + self.done[*pe].1.bank]).collect(),
            valid: pes[..groups].iter().map(|pe| self.done[*pe].0).collect(),
            record: pes.iter().map(|pe| self.done[*pe].1.record).collect(),
            visits: pes[..groups].iter().map(|pe| self.done[*pe].1.visit).collect(),
        }
    }

    /// The PE at the end of an exit's chain.
    fn end(&self, exit: usize) -> usize {
        let [row, column] = self.array.left_by(exit, 0);
        row * self.array.columns + column
    }

    /// What stands in front of the requantizers, while `front` stands in front of the exits.
    pub fn shows(&self, front: Finished) -> Finished {
        self.stages.last().cloned().unwrap_or(front)
    }

    /// One move of a chain: every place takes its predecessor's value, the first one `empty`.
    pub fn move_on<T: Copy>(array: &Array, chain: &mut [T], empty: T) {
        let from = chain.to_vec();
        for exit in 0..array.exits() {
            let place = |nth: usize| {
                let [row, column] = array.left_by(exit, nth);
                row * array.columns + column
            };
            for nth in 0..array.leaving() {
                chain[place(nth)] = if nth + 1 < array.leaving() { from[place(nth + 1)] } else { empty };
            }
        }
    }

    /// The edge: `front` as it is finished, sums as they were in front of it, and which banks take which beats' sums.
    pub fn clock(&mut self, front: Finished, acc: &[i64], taken: &[(Control, usize)], inputs: &Inputs) {
        let mut next = front;
        for stage in &mut self.stages {
            let old = stage.clone();
            stage.take(&next, |_| true);
            next = old;
        }
        if self.array.drains() {
            self.left = if inputs.drain { self.left + 1 } else { 0 };
            self.left %= self.array.leaving();
            return;
        }
        if !self.results.is_empty() {
            self.capture(acc);
        }
        for (pe, ((control, bank), done)) in taken.iter().zip(&mut self.done).enumerate() {
            done.0 = control.valid && control.last;
            if done.0 {
                let record = control.record.unwrap_or_default() + pe % self.array.columns;
                done.1 = Sum { value: 0, bank: *bank, record, visit: control.visit };
            }
        }
    }

    /// Captured sums move, and finished ones are captured.
    fn capture(&mut self, acc: &[i64]) {
        if self.moves {
            Exit::move_on(&self.array, &mut self.results, Sum::default());
            self.left += 1;
            self.moves = self.left < self.array.leaving();
        }
        for (pe, (_, sum)) in self.done.iter().enumerate().filter(|(_, (done, _))| *done) {
            self.results[pe] = Sum { value: acc[pe], ..*sum };
        }
        if self.done.last().is_some_and(|(done, _)| *done) {
            (self.moves, self.left) = (true, 0);
        }
    }
}
