//! How finished accumulators leave an array.
//!
//! ```text
//!  one PE       last ─►[pe.done]   pe.acc ─► requantizer
//!  with rows    pe.acc of the bottom row ─►[drain]… ─► requantizer; every row moves down by one while in.drain is 1
//! ```
//!
//! Registers: `pe.done`, 1 in the cycle after the edge that took a `last` beat; `drain` `[columns]` and `drain.valid` in
//! drain_latency stages, data loaded behind a valid row, valid bits at every edge. Not modelled: capture registers.

use super::control::Control;
use super::requantizer::Finished;
use super::words::Visit;
use super::{BIT, Inputs, Port, register, stage_name};
use crate::design::Array;
use crate::num::Format;

/// The block.
pub enum Exit {
    /// An output is finished by its last beat.
    Last {
        done: bool,
        /// Record of the output in the accumulator, and which visit it is.
        record: usize,
        visit: Visit,
    },
    /// Rows leave one after the other, the last one first. By stage: one value per column, and their valid bit.
    Rows(Vec<(Vec<i64>, bool)>),
}

impl Exit {
    pub fn new(array: &Array) -> Self {
        if array.drains() {
            Exit::Rows(vec![(vec![0; array.columns], false); array.drain_latency as usize])
        } else {
            Exit::Last { done: false, record: 0, visit: Visit::default() }
        }
    }

    pub fn signals(&self, columns: usize, format: Format) -> Vec<Port> {
        match self {
            Exit::Last { .. } => vec![register("pe.done".to_string(), "accumulator", vec![], BIT)],
            Exit::Rows(stages) => {
                let stage = |stage: usize| {
                    let name = |base: &str| stage_name(base, stage as u32);
                    let data = register(name("drain"), "drain", vec![columns], format);
                    [data, register(name("drain.valid"), "drain", vec![], BIT)]
                };
                (0..stages.len()).flat_map(stage).collect()
            }
        }
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        match self {
            Exit::Last { done, .. } => sample.push(i64::from(*done)),
            Exit::Rows(stages) => {
                for (values, valid) in stages {
                    sample.extend_from_slice(values);
                    sample.push(i64::from(*valid));
                }
            }
        }
    }

    /// Whether what stands in the bottom row leaves with this edge.
    pub fn takes(&self, inputs: &Inputs) -> bool {
        match self {
            Exit::Last { done, .. } => *done,
            Exit::Rows(_) => inputs.drain,
        }
    }

    /// What stands in front of the requantizers while `leaving` stands in the bottom row.
    pub fn shows(&self, leaving: &[i64], inputs: &Inputs) -> Finished {
        let (values, valid, record, visit) = match self {
            Exit::Last { done, record, visit } => (leaving, *done, *record, *visit),
            Exit::Rows(stages) => match stages.last() {
                Some((values, valid)) => (values.as_slice(), *valid, inputs.channel, inputs.visit),
                None => (leaving, inputs.drain, inputs.channel, inputs.visit),
            },
        };
        Finished { values: values.to_vec(), valid: vec![valid], record: vec![record], visits: vec![visit] }
    }

    /// The edge, behind the accumulators.
    pub fn clock(&mut self, leaving: Vec<i64>, inputs: &Inputs) {
        let Exit::Rows(stages) = self else { return };
        let mut next = (leaving, inputs.drain);
        for (values, valid) in stages {
            let (old, was_valid) = (values.clone(), *valid);
            // Valid bits always load; data only behind a valid input.
            *valid = next.1;
            if next.1 {
                *values = next.0;
            }
            next = (old, was_valid);
        }
    }

    /// The edge, for the control bits that stand at the adders.
    pub fn arrive(&mut self, controls: &[Control]) {
        if let Exit::Last { done, record, visit } = self {
            let control = controls[0];
            *done = control.valid && control.last;
            if *done {
                (*record, *visit) = (control.record.unwrap_or_default(), control.visit);
            }
        }
    }
}
