//! The post-processing pipeline behind the accumulators: one requantizer per column.
//!
//! ```text
//!  value ─► step 0 ─►[post.0]─► step 1 ─►[post.1]─► … ─► out.data
//!  valid ───────────►[.valid]──────────►[.valid]─► … ─► out.valid
//! ```
//!
//! Registers: `post.K` `[columns]` and `post.K.valid` for each step with latency ≥ 1; further stages of
//! one step have suffix `.s`. Data registers load only behind a valid input, valid bits at every edge.
//! Latency: the sum of the steps' latencies; none at all is combinational.
//! Not modelled: the parameters' own pipeline registers (a stage's record travels beside it, untraced).
//! Rules: R7 and R8 through `post`, R6.

use super::{BIT, Direction, Port, Records, Watch, register, stage_name};
use crate::design::{Design, Node};
use crate::num::Format;
use crate::post::Step;

/// What stands between two steps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stage {
    data: Vec<i64>,
    valid: bool,
    /// Parameter record of column 0.
    record: usize,
}

/// The steps of a design, for `columns` values side by side.
pub struct Requantizer {
    steps: Vec<Step>,
    columns: usize,
    /// By step, then by stage.
    stages: Vec<Vec<Stage>>,
    accumulator: Format,
    records: Records,
    scalar: bool,
}

/// What enters the requantizers in one cycle.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'a> {
    pub values: &'a [i64],
    pub valid: bool,
    pub record: usize,
}

impl Requantizer {
    /// One PE has no column axis.
    pub fn new(design: &Design, records: Records) -> Self {
        let columns = design.array.columns;
        let empty = Stage { data: vec![0; columns], valid: false, record: 0 };
        let stages = design.post.iter().map(|s| vec![empty.clone(); s.latency as usize]).collect();
        let accumulator = design.accumulator.format;
        let scalar = !design.array.is_grid();
        Requantizer { steps: design.post.clone(), columns, stages, accumulator, records, scalar }
    }

    /// Registers, then `out.valid` and `out.data`.
    pub fn signals(&self) -> Vec<Port> {
        let shape = if self.scalar { vec![] } else { vec![self.columns] };
        let mut format = self.accumulator;
        let mut ports = Vec::new();
        for step in &self.steps {
            format = step.format.unwrap_or(format);
            for stage in 0..step.latency {
                let name = stage_name(&step.id, stage);
                let valid = stage_name(&format!("{}.valid", step.id), stage);
                ports.push(register(name, &step.id, shape.clone(), format));
                ports.push(register(valid, &step.id, vec![], BIT));
            }
        }
        let output = |name: &str, shape, format| Port {
            name: name.to_string(),
            node: "interface".to_string(),
            direction: Direction::Output,
            shape,
            format,
        };
        ports.push(output("out.valid", vec![], BIT));
        ports.push(output("out.data", shape, format));
        ports
    }

    /// Appends registers and outputs; `input` matters to the outputs of a pipeline without registers.
    pub fn visit(&self, input: Finished<'_>, sample: &mut Vec<i64>) {
        for stage in self.stages.iter().flatten() {
            sample.extend_from_slice(&stage.data);
            sample.push(i64::from(stage.valid));
        }
        let (valid, data) = self.output(input);
        sample.push(i64::from(valid));
        if valid { sample.extend_from_slice(&data) } else { sample.resize(sample.len() + self.columns, 0) }
    }

    /// What stands on `out.valid` and `out.data` (where valid).
    pub fn output(&self, input: Finished<'_>) -> (bool, Vec<i64>) {
        let registered = self.steps.iter().rposition(|s| s.latency > 0);
        let (from, x) = match registered.and_then(|at| self.stages[at].last().map(|s| (at + 1, s))) {
            Some((from, s)) => (from, Finished { values: &s.data, valid: s.valid, record: s.record }),
            None => (0, input),
        };
        if !x.valid {
            return (false, vec![]);
        }
        let finish = |(column, value): (usize, &i64)| {
            let last = self.steps[from..].iter().fold(i128::from(*value), |value, step| {
                step.apply(value, &self.records, x.record + column).value
            });
            // The last step always has a format of at most 64 bits.
            last as i64
        };
        (true, x.values.iter().enumerate().map(finish).collect())
    }

    /// The edge. Steps are walked in order; each reads what the old state of its predecessor shows.
    pub fn clock(&mut self, input: Finished<'_>, watch: &mut dyn Watch) {
        if !input.valid && self.stages.iter().flatten().all(|stage| !stage.valid) {
            // Every valid bit stays 0 and every data register holds.
            return;
        }
        let (valid, data) = self.output(input);
        if valid {
            watch.output(&data);
        }
        let mut values: Vec<i128> = input.values.iter().map(|v| i128::from(*v)).collect();
        let (mut valid, mut record) = (input.valid, input.record);
        for (index, step) in self.steps.iter().enumerate() {
            if valid {
                for (column, value) in values.iter_mut().enumerate() {
                    let stepped = step.apply(*value, &self.records, record + column);
                    if stepped.flags.any() {
                        watch.overflow(Node::Post(index), 0, column, stepped.flags);
                    }
                    *value = stepped.value;
                }
            }
            let stages = &mut self.stages[index];
            if let Some(old) = stages.last().cloned() {
                shift(stages, &values, valid, record);
                values = old.data.iter().map(|v| i128::from(*v)).collect();
                (valid, record) = (old.valid, old.record);
            }
        }
    }
}

/// Moves one step's stages on by one, last stage first so that every stage reads old state.
fn shift(stages: &mut [Stage], values: &[i128], valid: bool, record: usize) {
    for at in (1..stages.len()).rev() {
        let (before, after) = stages.split_at_mut(at);
        let (from, to) = (&before[at - 1], &mut after[0]);
        to.valid = from.valid;
        if from.valid {
            to.data.copy_from_slice(&from.data);
            to.record = from.record;
        }
    }
    stages[0].valid = valid;
    if valid {
        // A step with registers has a format, so its values fit an i64.
        stages[0].data.iter_mut().zip(values).for_each(|(to, from)| *to = *from as i64);
        stages[0].record = record;
    }
}
