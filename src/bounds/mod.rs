//! What can be proved about a layer without running it: the range of every value that can enter a node, over every
//! input the operand's format (or a calibration) allows, in scheduled order.
//!
//! A bound on the final sum licenses wrapping accumulators only. One that saturates at every step is licensed by the
//! range of every *prefix*, which is what is computed here: w = (4, −3) on x in 2..=3 ends in 6 at most but has been
//! at 12.

use crate::lower::Program;
use crate::post::{self, bind};

/// Inclusive, exact.
pub type Range = (i128, i128);

/// Which codes the activations can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// Every code of the operand's format.
    Format,
    /// `low..=high` for every activation; where a convolution pads, its padding code, too.
    Calibrated {
        /// Smallest code.
        low: i64,
        /// Largest code.
        high: i64,
    },
}

impl Inputs {
    /// The codes that scheduled element `k` can have.
    pub fn codes(&self, program: &Program) -> (i64, i64) {
        let format = program.design.activation.format;
        let (low, high) = match *self {
            Inputs::Format => (format.min(), format.max()),
            Inputs::Calibrated { low, high } => (low.max(format.min()), high.min(format.max())),
        };
        match &program.gather {
            crate::lower::Gather::Matrix => (low, high),
            crate::lower::Gather::Convolution(conv) => {
                (low.min(i64::from(conv.padding_code)), high.max(i64::from(conv.padding_code)))
            }
        }
    }
}

/// Per output channel, the range of every value that enters the accumulator: the fitted start plus each prefix of
/// beats, as long as nothing has left its format. Where a reduction level can change a value, the last level's format
/// bounds each beat.
pub fn accumulator_ranges(program: &Program, inputs: &Inputs) -> Vec<Range> {
    let codes = inputs.codes(program);
    (0..program.shape.channels()).map(|n| accumulator_range(program, codes, n)).collect()
}

fn accumulator_range(program: &Program, codes: (i64, i64), n: usize) -> Range {
    let design = &program.design;
    let start = i128::from(program.start(n));
    let (mut low, mut high, mut range) = (start, start, None::<Range>);
    let lossy = design.node_ranges().iter().take(design.reduce.len()).any(|level| !level.always_fits);
    let level = design.reduce.last().filter(|_| lossy).map(|l| l.overflow.rails(l.format));
    let groups = level
        .map(|_| design.reduce.iter().fold(design.array.lanes, |terms, level| level.outputs(terms)) as i128);
    for beat in 0..program.beats() {
        let term = match (level, groups) {
            (Some((l, h)), Some(groups)) => (i128::from(l) * groups, i128::from(h) * groups),
            _ => (0..design.array.lanes)
                .filter_map(|lane| program.k_of(beat, lane))
                .map(|k| product_range(program, codes, k, n))
                .fold((0, 0), |sum, p| (sum.0 + p.0, sum.1 + p.1)),
        };
        (low, high) = (low + term.0, high + term.1);
        range = Some(range.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
    }
    range.unwrap_or((start, start))
}

fn product_range(program: &Program, (low, high): (i64, i64), k: usize, n: usize) -> Range {
    let (design, shape) = (&program.design, program.shape);
    let offset = |o: Option<post::Operand>| o.map_or(0, |o| i128::from(bind(o, &program.parameters, n)));
    let w = i128::from(program.weight(n / shape.n, k, n % shape.n)) + offset(design.weight.offset);
    let a = offset(design.activation.offset);
    let (x, y) = ((i128::from(low) + a) * w, (i128::from(high) + a) * w);
    (x.min(y), x.max(y))
}
