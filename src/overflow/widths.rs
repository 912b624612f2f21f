//! How wide the accumulator of a layer has to be: for these inputs, and for every input.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{Range, entering_ranges};
use crate::design::Accumulator;
use crate::functional::{Kernels, Tracker};
use crate::lower::Program;
use crate::num::Format;

/// Bits of a layer's accumulator register, of the design's signedness and overflow rule. They speak of the accumulator
/// alone, fed by the reduction levels as they are: what a level takes away is missing at every width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WidthsEntry {
    /// What the design has.
    pub register: u32,
    /// The least at which nothing overflows in it on the inputs that ran, start values included; none above 64.
    pub observed: Option<u32>,
    /// The least at which nothing can overflow in it, whatever the codes that enter the layer, and whatever weights and
    /// zero points the network computes for it; none above 64, or when nothing is proved.
    pub proved: Option<u32>,
}

/// What has entered, and what can, over the runs so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Needed {
    observed: Option<Range>,
    proved: Option<Range>,
    /// Nothing can be.
    unproved: bool,
    /// The layer's weights, analysed when it ran first.
    tracker: Option<Tracker>,
}

impl Needed {
    /// Adds a run; `computed`: what is proved of a layer of which the network computes some numbers.
    pub fn add(&mut self, program: &Program, computed: Option<&Result<Vec<Range>, String>>) {
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
        match computed {
            Some(Ok(ranges)) => join(&mut self.proved, ranges.iter().copied()),
            Some(Err(_)) => self.unproved = true,
            // What is proved depends on the weights alone.
            None if known => {}
            None => join(&mut self.proved, entering_ranges(program).into_iter()),
        }
    }

    pub fn widths(&self, accumulator: &Accumulator) -> WidthsEntry {
        let fit = accumulator.register_fit();
        let width = |range: Option<Range>| fit.narrowest(range.unwrap_or((0, 0))).map(Format::width);
        let proved = if self.unproved { None } else { width(self.proved) };
        WidthsEntry { register: fit.format.width(), observed: width(self.observed), proved }
    }
}

fn join(range: &mut Option<Range>, more: impl Iterator<Item = Range>) {
    for (low, high) in more {
        *range = Some(range.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
    }
}
