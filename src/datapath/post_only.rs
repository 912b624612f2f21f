//! A requantizer alone.
//!
//! ```text
//!  in.value ─► post ─► out.data
//!  in.valid ─────────► out.valid
//! ```
//!
//! Registers: the requantizer's; none in front of it. Latency: the sum of the steps' latencies. Not modelled: as the requantizer.
//! Rules: R7 and R8; R4 to R6 where what comes in is read by a narrower port.

use super::accumulate::Accumulate;
use super::requantizer::{Finished, Requantizer};
use super::words::Visit;
use super::{Datapath, Inputs, Port, Records, Watch};
use crate::design::{Design, Node};
use crate::num::Fitted;

/// The block.
pub struct PostOnly {
    read: Accumulate,
    requantizer: Requantizer,
}

impl PostOnly {
    /// All registers 0; `records` bring the numbers of its steps.
    pub fn new(design: &Design, records: Records) -> Self {
        PostOnly { read: Accumulate::new(design), requantizer: Requantizer::new(design, records) }
    }

    /// What stands in front of the steps, and how it was read from the port.
    fn standing(&self, inputs: &Inputs) -> (Finished, Fitted) {
        let read = self.read.onto(inputs.value, 0);
        let finished = Finished {
            values: vec![self.read.finish(read.value).value],
            valid: vec![inputs.valid[0]],
            record: vec![inputs.channel],
            visits: vec![Visit::default()],
        };
        (finished, read)
    }
}

impl Datapath for PostOnly {
    fn signals(&self) -> Vec<Port> {
        self.requantizer.signals()
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.requantizer.visit(&self.standing(inputs).0, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        let (finished, read) = self.standing(inputs);
        if finished.valid[0] {
            if read.flags.any() {
                watch.overflow(Node::AccumulatorStart, 0, 0, read.flags);
            }
            watch.finished(0, &finished.values);
        }
        self.requantizer.clock(&finished, watch);
    }
}
