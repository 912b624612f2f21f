//! The post-processing pipeline behind the accumulators: one requantizer per exit, which is a column, a row or a PE.
//!
//! ```text
//!  value ─► step 0 ─►[post.0]─► step 1 ─►[post.1]─► … ─► out.data
//!  valid ───────────►[.valid]──────────►[.valid]─► … ─► out.valid
//! ```
//!
//! Registers: `post.K` `[exits]` and `post.K.valid` (one bit, or `[exits]` where they leave apart) for each step with latency
//! ≥ 1; further stages of one step have suffix `.s`. Data registers load only behind a valid input, valid bits at every edge.
//! Latency: the sum of the steps' latencies; none at all is combinational. A step that does not run and is bypassed by a wire adds
//! none: its registers hold.
//! Not modelled: the parameters' own pipeline registers (a stage's record travels beside it, untraced).
//! Rules: R7 and R8 through `post`, R6.

use super::words::Visit;
use super::{BIT, Direction, Port, Records, Watch, register, stage_name};
use crate::design::{Design, Node};
use crate::num::Format;
use crate::post::Step;

/// What stands between two steps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stage {
    data: Vec<i64>,
    /// One bit, or one per exit where they leave apart.
    valid: Vec<bool>,
    /// Parameter record of each value.
    record: Vec<usize>,
}

/// The steps of a design, for as many values side by side as an array has exits.
pub struct Requantizer {
    steps: Vec<Step>,
    exits: usize,
    /// By step, then by stage.
    stages: Vec<Vec<Stage>>,
    accumulator: Format,
    records: Records,
    shape: Vec<usize>,
    /// Exits that a valid bit serves.
    together: usize,
    /// Whether values go around a step's registers.
    around: Vec<bool>,
}

/// What enters the requantizers in one cycle.
#[derive(Debug, Clone)]
pub struct Finished {
    /// One per exit.
    pub values: Vec<i64>,
    /// One bit, or one per exit where they leave apart.
    pub valid: Vec<bool>,
    /// Parameter record of each value.
    pub record: Vec<usize>,
    /// Of the memory, where there is one; as many as valid bits.
    pub visits: Vec<Visit>,
}

impl Finished {
    /// Nothing, at exits that have so many valid bits.
    pub fn none(exits: usize, groups: usize) -> Finished {
        Finished {
            values: vec![0; exits],
            valid: vec![false; groups],
            record: vec![0; exits],
            visits: vec![Visit::default(); groups],
        }
    }

    /// A register's next state: valid bits always load, everything else behind one; `is_valid` says of which visits it is.
    pub fn take(&mut self, next: &Finished, is_valid: impl Fn(&Visit) -> bool) {
        let together = self.values.len() / self.valid.len();
        for group in 0..self.valid.len() {
            self.valid[group] = next.valid[group] && is_valid(&next.visits[group]);
            if self.valid[group] {
                let exits = group * together..(group + 1) * together;
                self.values[exits.clone()].copy_from_slice(&next.values[exits.clone()]);
                self.record[exits.clone()].copy_from_slice(&next.record[exits]);
                self.visits[group] = next.visits[group];
            }
        }
    }
}

impl Requantizer {
    /// One PE has no column axis.
    pub fn new(design: &Design, records: Records) -> Self {
        let exits = design.array.exits();
        let groups = if design.array.leaves_apart() { exits } else { 1 };
        let empty = Stage { data: vec![0; exits], valid: vec![false; groups], record: vec![0; exits] };
        let stages = design.post.iter().map(|s| vec![empty.clone(); s.latency as usize]).collect();
        let accumulator = design.finished().format;
        Requantizer {
            around: design.post.iter().map(|step| step.registers(&records) < step.latency).collect(),
            steps: design.post.clone(),
            exits,
            stages,
            accumulator,
            records,
            shape: design.array.exit_shape(),
            together: exits / groups,
        }
    }

    fn valid_shape(&self) -> Vec<usize> {
        if self.together == self.exits { vec![] } else { self.shape.clone() }
    }

    /// Registers, then `out.valid` and `out.data`.
    pub fn signals(&self) -> Vec<Port> {
        let shape = &self.shape;
        let mut format = self.accumulator;
        let mut ports = Vec::new();
        for step in &self.steps {
            format = step.format.unwrap_or(format);
            for stage in 0..step.latency {
                let name = stage_name(&step.id, stage);
                let valid = stage_name(&format!("{}.valid", step.id), stage);
                ports.push(register(name, &step.id, shape.clone(), format));
                ports.push(register(valid, &step.id, self.valid_shape(), BIT));
            }
        }
        let output = |name: &str, shape: Vec<usize>, format| Port {
            name: name.to_string(),
            node: "interface".to_string(),
            direction: Direction::Output,
            shape,
            format,
        };
        ports.push(output("out.valid", self.valid_shape(), BIT));
        ports.push(output("out.data", shape.clone(), format));
        ports
    }

    /// Appends registers and outputs; `input` matters to the outputs of a pipeline without registers.
    pub fn visit(&self, input: &Finished, sample: &mut Vec<i64>) {
        for stage in self.stages.iter().flatten() {
            sample.extend_from_slice(&stage.data);
            sample.extend(stage.valid.iter().map(|valid| i64::from(*valid)));
        }
        let (valid, data) = self.output(input);
        sample.extend(valid.iter().map(|valid| i64::from(*valid)));
        sample.extend_from_slice(&data);
    }

    /// What stands on `out.valid` and `out.data` (0 where not valid).
    pub fn output(&self, input: &Finished) -> (Vec<bool>, Vec<i64>) {
        let is_registered = |at: &usize| self.steps[*at].latency > 0 && !self.around[*at];
        let registered = (0..self.steps.len()).rfind(is_registered);
        let (from, values, valid, record) =
            match registered.and_then(|at| self.stages[at].last().map(|s| (at + 1, s))) {
                Some((from, s)) => (from, &s.data, &s.valid, &s.record),
                None => (0, &input.values, &input.valid, &input.record),
            };
        if !valid.contains(&true) {
            return (valid.clone(), vec![0; self.exits]);
        }
        let finish = |(exit, value): (usize, &i64)| {
            if !valid[exit / self.together] {
                return 0;
            }
            let record = record[exit];
            let last = self.steps[from..]
                .iter()
                .fold(i128::from(*value), |value, step| step.apply(value, &self.records, record).value);
            // The last step always has a format of at most 64 bits.
            last as i64
        };
        (valid.clone(), values.iter().enumerate().map(finish).collect())
    }

    /// The edge. Steps are walked in order; each reads what the old state of its predecessor shows.
    pub fn clock(&mut self, input: &Finished, watch: &mut dyn Watch) {
        let any = |valid: &[bool]| valid.contains(&true);
        if !any(&input.valid) && self.stages.iter().flatten().all(|stage| !any(&stage.valid)) {
            // Every valid bit stays 0 and every data register holds.
            return;
        }
        let (valid, data) = self.output(input);
        for (group, data) in data.chunks_exact(self.together).enumerate().filter(|(group, _)| valid[*group]) {
            watch.output(group * self.together, data);
        }
        let mut values: Vec<i128> = input.values.iter().map(|v| i128::from(*v)).collect();
        let (mut valid, mut record) = (input.valid.clone(), input.record.clone());
        for (index, step) in self.steps.iter().enumerate() {
            for (exit, value) in values.iter_mut().enumerate() {
                if !valid[exit / self.together] {
                    continue;
                }
                let stepped = step.apply(*value, &self.records, record[exit]);
                if stepped.flags.any() {
                    watch.overflow(Node::Post(index), 0, exit, stepped.flags);
                }
                *value = stepped.value;
            }
            let stages = &mut self.stages[index];
            if let Some(old) = stages.last().filter(|_| !self.around[index]).cloned() {
                shift(stages, &values, &valid, &record, self.together);
                values = old.data.iter().map(|v| i128::from(*v)).collect();
                (valid, record) = (old.valid, old.record);
            }
        }
    }
}

/// Moves one step's stages on by one, last stage first so that every stage reads old state.
fn shift(stages: &mut [Stage], values: &[i128], valid: &[bool], record: &[usize], together: usize) {
    // A step with registers has a format, so its values fit an i64.
    let data = values.iter().map(|value| *value as i64).collect();
    let mut next = Stage { data, valid: valid.to_vec(), record: record.to_vec() };
    for stage in stages {
        let old = stage.clone();
        for group in (0..next.valid.len()).filter(|group| next.valid[*group]) {
            let exits = group * together..(group + 1) * together;
            stage.data[exits.clone()].copy_from_slice(&next.data[exits.clone()]);
            stage.record[exits.clone()].copy_from_slice(&next.record[exits]);
        }
        stage.valid = next.valid;
        next = old;
    }
}
