//! What can be proved about a layer without running it: the range of every value that can enter a node, over every
//! input the operand's format (or a calibration) allows, in scheduled order.
//!
//! A bound on the final sum licenses wrapping accumulators only. One that saturates at every step is licensed by the
//! range of every *prefix*: w = (4, −3) on x in 2..=3 ends in 6 at most but has been at 12.
//!
//! - [`accumulator_ranges`]: what the fast engine's exact route rests on; [`block_excursions`]: how far the sums of some
//!   beats can stray, over every input (the fast engine closes in further, with the activations that it has)
//! - [`LayerBounds`]: every bound that is known for a layer ([`Kind`]), and every node's range in the design as it is
//! - [`range_of_codes`]: what a layer's sum can be on whatever hardware, for those who have no design yet
//! - [`entering_ranges_of`]: the same where the network computes weights or zero points itself
//! - [`Witness`]: the input that makes a bound true: one bit less, and it overflows
//! - [`Summary`]: the above for a report; [`Dead`]: channels whose sums reach no output code, and the widths without them
//!
//! Ranges are sets of the form "every scheduled element may be any code of its range, whatever the others are": what
//! [`Inputs`] says. Over those sets both ends of a range are reached, unless a reduction level can overflow and wraps.

mod accumulator;
mod codes;
mod computed;
mod dead;
mod inputs;
mod layer;
mod loops;
mod nodes;
mod norms;
mod summary;
mod terms;
mod width;
mod witness;

pub use crate::num::Exact;
pub use codes::{range_of_codes, width_of_codes};
pub use computed::{entering_ranges, entering_ranges_of};
pub use dead::{Dead, DeadChannel};
pub use inputs::Inputs;
pub use layer::{Bound, Kind, LayerBounds, Proof};
pub use nodes::{NodeBounds, Proved};
pub use norms::{Norm, a2q_largest_norm, a2q_plus_largest_norm};
pub use summary::{BoundSummary, NodeSummary, Summary};
pub use width::rule_of_thumb_width;
pub use witness::Witness;

use crate::lower::Program;
use terms::{Channels, Ends, Terms, Weights, Word, Work, beats, has_lossy_levels, on_all};

/// Inclusive, exact.
pub type Range = (i128, i128);

/// Per output channel, the range of every value that enters the accumulator: the fitted start plus each prefix of
/// beats, as long as nothing has left its format; with a memory, each prefix of a visit's. Where a reduction level can change a value, its format and rule
/// bound every group.
pub fn accumulator_ranges(program: &Program, inputs: &Inputs) -> Vec<Range> {
    let work = Prefixes { levels: has_lossy_levels(program) };
    on_all(program, inputs, Weights::Layer, &work).into_iter().flatten().collect()
}

/// Per block of `block_beats` beats (at least 1; the last may be shorter) and output channel, the range of what each
/// prefix of the block has added since the block began. An accumulator that enters a block at v and for which v plus
/// both ends lie in its register overflows nowhere in it.
pub fn block_excursions(program: &Program, inputs: &Inputs, block_beats: usize) -> Vec<Vec<Range>> {
    let work = Blocks { levels: has_lossy_levels(program), beats: block_beats.max(1) };
    let mut pieces = on_all(program, inputs, Weights::Layer, &work).into_iter();
    let mut blocks = pieces.next().unwrap_or_default();
    for piece in pieces {
        blocks.iter_mut().zip(piece).for_each(|(block, more)| block.extend(more));
    }
    blocks
}

struct Prefixes {
    levels: bool,
}

impl Work for Prefixes {
    type Out = Vec<Range>;

    fn run<T: Word>(&self, terms: &Terms<'_>, channels: &Channels) -> Vec<Range> {
        let starts: Vec<T> =
            channels.numbers(terms.program).map(|n| T::from(terms.program.start(n))).collect();
        let mut sums = vec![Ends { low: starts.clone(), high: starts }; terms.program.design.partial_sums()];
        let mut prefixes = sums[0].clone();
        let zeros = Ends::new(channels.len(), T::from(0));
        let visit = terms.program.map().steps;
        beats(terms, self.levels, &mut |beat: usize, lane: usize, term: &Ends<T>| {
            let sum = &mut sums[lane];
            if beat > 0 && beat.is_multiple_of(visit) {
                // Every visit of the memory begins anew.
                sum.copy(&zeros);
            }
            sum.add(term);
            // The start itself does not enter.
            if beat == 0 && lane == 0 { prefixes.copy(sum) } else { prefixes.join(sum) }
        });
        prefixes.ranges()
    }
}

struct Blocks {
    levels: bool,
    beats: usize,
}

impl Work for Blocks {
    type Out = Vec<Vec<Range>>;

    fn run<T: Word>(&self, terms: &Terms<'_>, channels: &Channels) -> Vec<Vec<Range>> {
        let zero = Ends::new(channels.len(), T::from(0));
        let lanes = terms.program.design.partial_sums();
        let (mut sums, mut excursion) = (vec![zero.clone(); lanes], zero);
        let mut blocks = Vec::with_capacity(terms.program.beats().div_ceil(self.beats));
        let last = terms.program.beats().saturating_sub(1);
        beats(terms, self.levels, &mut |beat: usize, lane: usize, term: &Ends<T>| {
            let sum = &mut sums[lane];
            match beat.is_multiple_of(self.beats) {
                true => sum.copy(term),
                false => sum.add(term),
            }
            if beat.is_multiple_of(self.beats) && lane == 0 {
                excursion.copy(sum);
            } else {
                excursion.join(sum);
            }
            if lane + 1 == lanes && ((beat + 1).is_multiple_of(self.beats) || beat == last) {
                blocks.push(excursion.ranges());
            }
        });
        blocks
    }
}
