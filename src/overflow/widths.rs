//! How wide the accumulator of a layer has to be: for these inputs, and for every input.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{Inputs, Range, accumulator_ranges, minimal_width};
use crate::design::Accumulator;
use crate::functional::{Kernels, Tracker};
use crate::lower::Program;

/// Bits of a layer's accumulator register, of the design's signedness and overflow rule. They speak of the accumulator
/// alone, fed by the reduction levels as they are: what a level takes away is missing at every width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WidthsEntry {
    /// What the design has.
    pub register: u32,
    /// The least at which nothing overflows in it on the inputs that ran, start values included; none above 64.
    pub observed: Option<u32>,
    /// The least at which nothing can overflow in it, whatever the codes that enter the layer; none above 64.
    pub proved: Option<u32>,
}

/// What has entered, and what can, over the runs so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Needed {
    observed: Option<Range>,
    proved: Option<Range>,
    /// The layer's weights, analysed when it ran first.
    tracker: Option<Tracker>,
}

impl Needed {
    /// Adds a run.
    pub fn add(&mut self, program: &Program) {
        let known = self.tracker.as_ref().is_some_and(|tracker| tracker.serves(program));
        let tracker = match self.tracker.take() {
            Some(tracker) if known => tracker,
            _ => Tracker::new(program, Kernels::best()),
        };
        let prefixes = tracker.prefixes(program);
        self.tracker = Some(tracker);
        let ends = prefixes.low.iter().zip(&prefixes.high).map(|(l, h)| (i128::from(*l), i128::from(*h)));
        // A wider register would not cut the bias: R9 fits it.
        let biases: Vec<i128> = (0..program.shape.channels()).map(|n| i128::from(program.bias(n))).collect();
        let starts = || biases.iter().map(|bias| (*bias, *bias));
        join(&mut self.observed, ends.chain(starts()));
        if known {
            // What is proved depends on the weights alone.
            return;
        }
        let uncut = |(n, (low, high)): (usize, Range)| {
            let cut = biases[n] - i128::from(program.start(n));
            (low + cut, high + cut)
        };
        let ranges = accumulator_ranges(program, &Inputs::Format);
        join(&mut self.proved, ranges.into_iter().enumerate().map(uncut).chain(starts()));
    }

    pub fn widths(&self, accumulator: &Accumulator) -> WidthsEntry {
        let register = accumulator.register;
        let width = |range: Option<Range>| {
            minimal_width(range.unwrap_or((0, 0)), register.is_signed(), accumulator.step_rule())
        };
        WidthsEntry { register: register.width(), observed: width(self.observed), proved: width(self.proved) }
    }
}

fn join(range: &mut Option<Range>, more: impl Iterator<Item = Range>) {
    for (low, high) in more {
        *range = Some(range.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
    }
}
