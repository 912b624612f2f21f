//! The memory of partial sums: what an earlier visit of an output has left is added to the sum of this one.
//!
//! ```text
//!  finished sum ─►[memory.sum]…─► store ─► + ─ fit ─► word ─►[memory.out]─► requantizer, behind an output's last visit
//!  address ─► word ──(read_latency)─► load ─┘ 0 behind its first one
//! ```
//!
//! Registers: `memory.sum` `[columns]` and `memory.sum.valid` in read_latency stages, `memory.out` and `memory.out.valid`; data
//! loads behind a valid bit only. One word a column and address, untraced. Latency: read_latency, and 1 of an output.
//! Not modelled: what the address of a word that is under way reads (`lower` refuses such a schedule).
//! Rules: R3 to R6; R7 and R8 for the steps of what is stored and of what is loaded, which have no registers.

use super::requantizer::Finished;
use super::{BIT, Port, Records, Watch, register, stage_name};
use crate::design::{Design, Node};
use crate::num::{Fit, Format};
use crate::post::{Channel, Step};

/// What a visit is to its output, and where its word is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visit {
    /// Added to the word, not stored over it.
    pub accumulates: bool,
    /// The output's last: the word leaves.
    pub leaves: bool,
    /// Of its word, where the host drives it.
    pub address: usize,
}

/// The block.
pub struct Words {
    fit: Fit,
    store: Vec<Step>,
    load: Vec<Step>,
    records: Records,
    accumulator: Format,
    columns: usize,
    shape: Vec<usize>,
    /// Where sums drain, rows come in order: the next one's address.
    counter: Option<usize>,
    rows: usize,
    /// Sums whose word is being read, the latest first.
    reads: Vec<Finished>,
    /// `[depth][columns]`
    words: Vec<i64>,
    out: Finished,
}

impl Words {
    /// `None` where there is no memory.
    pub fn new(design: &Design, records: &Records) -> Option<Self> {
        let (memory, array) = (design.memory?, &design.array);
        let groups = if array.leaves_skewed() { array.columns } else { 1 };
        let empty = Finished::none(array.columns, groups);
        Some(Words {
            fit: memory.fit(),
            store: design.store_steps.clone(),
            load: design.load_steps.clone(),
            records: records.clone(),
            accumulator: design.accumulator.format,
            columns: array.columns,
            shape: array.column_shape(),
            counter: array.drain.map(|_| 0),
            rows: array.rows,
            reads: vec![empty.clone(); memory.read_latency as usize],
            words: vec![0; memory.depth * array.columns],
            out: empty,
        })
    }

    pub fn signals(&self) -> Vec<Port> {
        let valid = if self.out.valid.len() == 1 { vec![] } else { self.shape.clone() };
        let mut ports = Vec::new();
        let mut pair = |name: &str, stage: u32, format| {
            ports.push(register(stage_name(name, stage), "memory", self.shape.clone(), format));
            ports.push(register(stage_name(&format!("{name}.valid"), stage), "memory", valid.clone(), BIT));
        };
        (0..self.reads.len()).for_each(|stage| pair("memory.sum", stage as u32, self.accumulator));
        pair("memory.out", 0, self.fit.format);
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        for stage in self.reads.iter().chain([&self.out]) {
            sample.extend_from_slice(&stage.values);
            sample.extend(stage.valid.iter().map(|valid| i64::from(*valid)));
        }
    }

    /// What stands in front of the requantizers.
    pub fn shows(&self) -> &Finished {
        &self.out
    }

    /// The edge, for the sum that stands in front of the memory.
    pub fn clock(&mut self, mut sum: Finished, watch: &mut dyn Watch) {
        if let Some(address) = &mut self.counter
            && sum.valid[0]
        {
            sum.visits[0].address = *address;
            *address = (*address + 1) % self.rows;
        }
        let here = match self.reads.last() {
            Some(read) => read.clone(),
            None => sum.clone(),
        };
        self.add(&here, watch);
        let mut next = sum;
        for stage in &mut self.reads {
            let old = stage.clone();
            stage.take(&next, |_| true);
            next = old;
        }
    }

    /// Adds a sum to its word, columns that have a valid bit of their own by themselves.
    fn add(&mut self, sum: &Finished, watch: &mut dyn Watch) {
        let mut word = sum.clone();
        let together = self.columns / sum.valid.len();
        for group in (0..sum.valid.len()).filter(|group| sum.valid[*group]) {
            let Visit { accumulates, leaves, address } = sum.visits[group];
            for column in group * together..(group + 1) * together {
                let channel = sum.record[column];
                let steps = |steps| Channel { steps, numbers: &self.records, channel };
                let stored = steps(&self.store).run(sum.values[column], |step, flags| {
                    watch.overflow(Node::Store(step), 0, column, flags);
                });
                let place = &mut self.words[address * self.columns + column];
                let before = match accumulates {
                    false => 0,
                    true => steps(&self.load).run(*place, |step, flags| {
                        watch.overflow(Node::Load(step), 0, column, flags);
                    }),
                };
                let fitted = self.fit.of(i128::from(before) + i128::from(stored));
                if fitted.flags.any() {
                    watch.overflow(Node::Memory, 0, column, fitted.flags);
                }
                (*place, word.values[column]) = (fitted.value, fitted.value);
            }
            if leaves {
                watch.finished(group * together, &word.values[group * together..(group + 1) * together]);
            }
        }
        self.out.take(&word, |visit| visit.leaves);
    }
}
