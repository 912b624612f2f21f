//! Levels behind the last beat: the accumulators of an output, added to one sum.
//!
//! ```text
//!  pe.acc 0 ─┐
//!  pe.acc 1 ─┴ + ─ fit ─►[reduce.i]… ─┐
//!  pe.acc 2 ─┐                        ├ + ─ fit ─►[reduce.i+1]… ─► requantizers
//!  pe.acc 3 ─┴ + ─ fit ─►[reduce.i]… ─┘
//!  pe.done ─────────────►[.valid]… ──────────────►[.valid]…
//! ```
//!
//! Registers: `reduce.i` `[exits, terms]` and `reduce.i.valid` for each level with latency ≥ 1, in that many stages; data loads
//! behind a valid bit only, valid bits at every edge. Latency: that of the levels (law C).
//! Not modelled: the parameters' own registers (a record travels beside its sums, untraced). Rules: R3 one fit a group, R4–R6.

use super::products::reduce;
use super::requantizer::Finished;
use super::words::Visit;
use super::{BIT, Port, Watch, register, stage_name};
use crate::design::{Design, Level, Node};

/// What stands between two stages.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stage {
    /// `[exits][terms]`
    values: Vec<i64>,
    valid: bool,
    /// Of each exit.
    record: Vec<usize>,
}

/// The block.
pub struct After {
    levels: Vec<Level>,
    /// Accumulators of an output, and the terms behind each level.
    terms: Vec<usize>,
    exits: usize,
    shape: Vec<usize>,
    /// By level, then by stage.
    stages: Vec<Vec<Stage>>,
}

impl After {
    /// `None` where an output has one accumulator.
    pub fn new(design: &Design) -> Option<Self> {
        if design.after.is_empty() {
            return None;
        }
        let mut terms = vec![design.partial_sums()];
        for level in &design.after {
            terms.push(level.outputs(terms[terms.len() - 1]));
        }
        let exits = design.array.exits();
        let stages = design.after.iter().zip(&terms[1..]).map(|(level, terms)| {
            let empty = Stage { values: vec![0; exits * terms], valid: false, record: vec![0; exits] };
            vec![empty; level.latency as usize]
        });
        Some(After {
            stages: stages.collect(),
            levels: design.after.clone(),
            terms,
            exits,
            shape: design.array.exit_shape(),
        })
    }

    pub fn signals(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        for ((level, terms), stages) in self.levels.iter().zip(&self.terms[1..]).zip(&self.stages) {
            for stage in 0..stages.len() {
                let name = |base: &str| stage_name(base, stage as u32);
                let shape = self.shape.iter().copied().chain([*terms]).collect();
                ports.push(register(name(&level.id), &level.id, shape, level.format));
                ports.push(register(name(&format!("{}.valid", level.id)), &level.id, vec![], BIT));
            }
        }
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        for stage in self.stages.iter().flatten() {
            sample.extend_from_slice(&stage.values);
            sample.push(i64::from(stage.valid));
        }
    }

    /// What stands in front of the requantizers. `front` says of what stands at the exits whether an output has had its last
    /// beat, and its record; `acc` are the accumulators, `[exits][accumulators]`.
    pub fn shows(&self, front: &Finished, acc: &[i64]) -> Finished {
        let mut here = self.entering(front, acc);
        for index in 0..self.levels.len() {
            here = match self.stages[index].last() {
                Some(behind) => behind.clone(),
                None => Stage { values: self.added(index, &here, &mut |_, _| {}), ..here },
            };
        }
        self.finished(here)
    }

    /// The edge; what stood in front of the requantizers before it.
    pub fn clock(&mut self, front: &Finished, acc: &[i64], watch: &mut dyn Watch) -> Finished {
        let mut here = self.entering(front, acc);
        for index in 0..self.levels.len() {
            let valid = here.valid;
            let values = self.added(index, &here, &mut |exit, flags| {
                if valid {
                    watch.overflow(Node::After(index), 0, exit, flags);
                }
            });
            here.values = values;
            if let Some(behind) = self.stages[index].last().cloned() {
                let mut next = here;
                for stage in &mut self.stages[index] {
                    let old = stage.clone();
                    // Data only behind a valid bit.
                    *stage = if next.valid { next } else { Stage { valid: false, ..stage.clone() } };
                    next = old;
                }
                here = behind;
            }
        }
        let finished = self.finished(here);
        if finished.valid[0] {
            watch.finished(0, &finished.values);
        }
        finished
    }

    fn entering(&self, front: &Finished, acc: &[i64]) -> Stage {
        Stage { values: acc.to_vec(), valid: front.valid[0], record: front.record.clone() }
    }

    /// What a level makes of the terms in front of it, exit by exit.
    fn added(&self, index: usize, here: &Stage, event: &mut dyn FnMut(usize, crate::num::Flags)) -> Vec<i64> {
        let mut values = Vec::with_capacity(self.exits * self.terms[index + 1]);
        for (exit, terms) in here.values.chunks_exact(self.terms[index]).enumerate() {
            reduce(&self.levels[index], terms, &mut values, &mut |flags| event(exit, flags));
        }
        values
    }

    /// The last level leaves one sum.
    fn finished(&self, Stage { values, valid, record }: Stage) -> Finished {
        Finished { values, valid: vec![valid], record, visits: vec![Visit::default()] }
    }
}
