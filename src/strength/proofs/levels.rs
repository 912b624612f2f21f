//! Reduction levels that no input tells apart, of a beat's and of those behind the last one.

use super::Verdict;
use crate::design::{Design, Level};
use crate::num::Overflow;

/// The levels of a beat.
pub(super) fn of_a_beat(ours: &Design, its: &Design) -> Verdict {
    if ours.reduce.len() != its.reduce.len() {
        // A level that is on the other side of the last beat: see [`behind_the_last`].
        return if ours.after.len() == its.after.len() { Verdict::Unknown } else { Verdict::Same };
    }
    let mut pairs = ours.reduce.iter().zip(&its.reduce).enumerate();
    let Some((index, (our, its))) = pairs.find(|(_, (our, its))| our != its) else { return Verdict::Same };
    if our.stride != its.stride {
        return Verdict::when(ours.has_exact_levels(), "no level changes a sum, whatever it adds first");
    }
    let range = ours.level_ranges()[index].unfitted.unwrap_or((i128::MIN, i128::MAX));
    let fits = our.fit().holds(range) && its.fit().holds(range);
    Verdict::when(fits, format!("{} is {}..{}, which fits both", our.id, range.0, range.1))
}

/// The levels behind the last beat, and on which side of it a level is.
pub(super) fn behind_the_last(ours: &Design, its: &Design) -> Verdict {
    if ours.after.len() != its.after.len() {
        return moved(ours, its);
    }
    let mut pairs = ours.after.iter().zip(&its.after).enumerate();
    let Some((index, (our, its))) = pairs.find(|(_, (our, its))| our != its) else { return Verdict::Same };
    if our.stride != its.stride {
        return Verdict::when(
            adds_all(ours),
            "no level in front of the last one changes a sum, and that one adds all",
        );
    }
    let ranges = ours.after_ranges();
    let range = ranges[index].unfitted.unwrap_or((i128::MIN, i128::MAX));
    let fits = our.fit().holds(range) && its.fit().holds(range);
    Verdict::when(fits, format!("{} is {}..{}, which fits both", our.id, range.0, range.1))
}

/// One level is on the other side of the accumulators.
fn moved(ours: &Design, its: &Design) -> Verdict {
    let at = ours.reduce.len().min(its.reduce.len());
    let all =
        |design: &Design| -> Vec<Level> { design.reduce.iter().chain(&design.after).cloned().collect() };
    let (our, other) = (all(ours), all(its));
    let alike = |(index, (our, its)): (usize, (&Level, &Level))| {
        our == its || (index == at && (our.group, our.stride) == (its.group, its.stride))
    };
    let is_one = ours.reduce.len().abs_diff(its.reduce.len()) == 1
        && our.len() == other.len()
        && our.iter().zip(&other).enumerate().all(alike);
    let adds_alike = |design: &Design| design.has_exact_levels() && is_modular(design);
    let is_so = is_one
        && adds_alike(ours)
        && adds_alike(its)
        && ours.finished() == its.finished()
        && ours.accumulator == its.accumulator;
    Verdict::when(is_so, "sums that wrap are the same wherever their parts are added")
}

/// Whether accumulators, and whatever adds them, wrap, no step of it to more bits than the one before: the sum is then that of
/// all products, wherever they were added.
pub(super) fn is_modular(design: &Design) -> bool {
    let mut width = design.accumulator.register.width();
    let mut narrows = |level: &Level| {
        let is_so = level.overflow == Overflow::Wrap && level.format.width() <= width;
        width = level.format.width();
        is_so
    };
    design.accumulator.step_rule() == Overflow::Wrap && design.after.iter().all(&mut narrows)
}

/// Lanes in the opposite order, which exchanges the accumulators: the last level adds all of them, whatever it makes of the sum.
pub(super) fn crossed(design: &Design) -> Option<String> {
    let is_so = design.reduce.is_empty() && adds_all(design);
    is_so.then(|| "the lanes' accumulators are all added, in whatever order".to_owned())
}

/// Whether what the last level sums is the exact sum of all accumulators.
fn adds_all(design: &Design) -> bool {
    let mut ranges = design.after_ranges();
    ranges.pop();
    ranges.iter().all(|range| range.always_fits)
}
