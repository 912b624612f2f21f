//! One accumulator and the requantizer behind it: what a sequential MAC and a tree have in common.
//!
//! ```text
//!  sum ─► + ─►[pe.acc]─┬─► requantizer ─► out.data
//!         ▲            │
//!  bias (first) ───────┘        last ─►[pe.done]
//! ```
//!
//! Registers: `pe.acc`, loaded by a valid beat; `pe.done`, 1 in the cycle after the edge that took a `last` beat; the
//! requantizer's. Rules: R3 order, R4–R6 fit, R9 bias.

use super::accumulate::Accumulate;
use super::control::Control;
use super::requantizer::Finished;
use super::{BIT, Port, Records, Requantizer, Watch, register};
use crate::design::{Design, Node};
use crate::num::Format;

/// The block.
pub struct Single {
    records: Records,
    acc: i64,
    done: bool,
    /// Record of the output in `acc`.
    record: usize,
    register: Format,
    accumulate: Accumulate,
    requantizer: Requantizer,
}

impl Single {
    pub fn new(design: &Design, records: Records) -> Self {
        Single {
            acc: 0,
            done: false,
            record: 0,
            register: design.accumulator.register,
            accumulate: Accumulate::new(design),
            requantizer: Requantizer::new(design, records.clone(), true),
            records,
        }
    }

    pub fn signals(&self) -> Vec<Port> {
        let mut ports = vec![
            register("pe.acc".to_string(), "accumulator", vec![], self.register),
            register("pe.done".to_string(), "accumulator", vec![], BIT),
        ];
        ports.extend(self.requantizer.signals());
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        sample.extend([self.acc, i64::from(self.done)]);
        let finished = self.accumulate.finish(self.acc).value;
        let input = Finished { values: &[finished], valid: self.done, record: self.record };
        self.requantizer.visit(input, sample);
    }

    /// The edge, for a sum and the control bits that stand at the adder.
    pub fn clock(&mut self, sum: i128, control: Control, watch: &mut dyn Watch) {
        let finished = self.accumulate.finish(self.acc);
        if self.done {
            watch.finished(&[finished.value]);
            if finished.flags.any() {
                watch.overflow(Node::AccumulatorOutput, 0, 0, finished.flags);
            }
        }
        let input = Finished { values: &[finished.value], valid: self.done, record: self.record };
        self.requantizer.clock(input, watch);
        let bias = self.accumulate.bias(&self.records, control.record);
        if let Some(next) = self.accumulate.next(self.acc, control.valid, control.first, bias, sum) {
            if control.first && bias.flags.any() {
                watch.overflow(Node::AccumulatorStart, 0, 0, bias.flags);
            }
            if next.flags.any() {
                watch.overflow(Node::Accumulator, 0, 0, next.flags);
            }
            self.acc = next.value;
        }
        self.done = control.valid && control.last;
        if self.done {
            self.record = control.record.unwrap_or_default();
        }
    }
}
