//! Which inputs a reduction level adds together, and how many accumulators the levels of a beat leave.

use super::{Accumulator, Design, Level};
use crate::num::{Fit, Overflow};

impl Level {
    /// What the exact sum of a group goes through.
    pub fn fit(&self) -> Fit {
        Fit { format: self.format, overflow: self.overflow }
    }

    /// The same with the exact overflow rule.
    pub(super) fn without_rule(&self) -> Level {
        Level { overflow: Overflow::Wrap, ..self.clone() }
    }

    /// Sums this level makes of `inputs` terms.
    ///
    /// Inputs come in blocks of `group · stride`; a block makes `stride` sums. Stride 1 pairs neighbours.
    pub fn outputs(&self, inputs: usize) -> usize {
        let block = self.group * self.stride;
        inputs / block * self.stride + (inputs % block).min(self.stride)
    }

    /// The inputs that sum `output` adds. Those at or beyond the level's input count are missing: 0.
    pub fn terms(&self, output: usize) -> impl Iterator<Item = usize> {
        let first = output / self.stride * self.group * self.stride + output % self.stride;
        (0..self.group).map({
            let stride = self.stride;
            move |i| first + i * stride
        })
    }
}

impl Design {
    /// Accumulators of an output: one, or where levels add them behind the last beat, one for each term that the levels of a
    /// beat leave of its lanes.
    pub fn partial_sums(&self) -> usize {
        match self.after.is_empty() {
            true => 1,
            false => self.reduce.iter().fold(self.array.lanes, |inputs, level| level.outputs(inputs)),
        }
    }

    /// The accumulator as what is behind sees it: of several, a register of their sum.
    pub(crate) fn summed(&self) -> Accumulator {
        self.after.last().map_or(self.accumulator, |level| self.accumulator.behind(level))
    }

    /// The lanes whose products one of those accumulators adds, in order.
    pub fn lanes_of(&self, accumulator: usize) -> Vec<usize> {
        if self.after.is_empty() {
            return (0..self.array.lanes).collect();
        }
        let mut terms = vec![accumulator];
        for level in self.reduce.iter().rev() {
            terms = terms.into_iter().flat_map(|term| level.terms(term).collect::<Vec<_>>()).collect();
        }
        // A missing term is no lane.
        terms.retain(|lane| *lane < self.array.lanes);
        terms.sort_unstable();
        terms
    }
}
