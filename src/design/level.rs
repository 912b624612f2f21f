//! Which inputs a reduction level adds together.

use super::Level;
use crate::num::Fit;

impl Level {
    /// What the exact sum of a group goes through.
    pub fn fit(&self) -> Fit {
        Fit { format: self.format, overflow: self.overflow }
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
