//! What right shifts do to the values that they round.

use super::goals::{Goal, What, per_channel};
use super::stages::Rounds;
use crate::design::Design;
use crate::num::{MAX_SHIFT, Rounding};
use crate::post::{Operand, Range, Rounded, Step, Tie};

/// Every count of every right shift, rounding up and down where it matters, and ties where they have a rule of their own.
pub(super) fn roundings(design: &Design) -> Vec<Goal> {
    let ranges = design.step_ranges();
    let of_step = |(index, step): (usize, &Step)| {
        let Some((Rounded::Shift(count), rounding)) = step.op.rounds() else { return Vec::new() };
        let counts = match count {
            Operand::Parameter(_) if !per_channel(design, count) => 0..=0,
            _ => counts(count.range(&design.parameters)),
        };
        // What a stated adder wraps, and a design has no other, may end on either side.
        let wraps = step.op.adder().is_some();
        let each = counts.filter(|count| *count > 0).flat_map(|count| Rounds::ALL.map(|to| (count, to)));
        let goal = |(count, to): (u32, Rounds)| {
            let (up, tie) = to.of();
            if tie && !TIES.into_iter().any(|tie| goes(rounding, tie, up)) {
                return None;
            }
            let direction = if up { "up" } else { "down" };
            let what = if tie { "a tie " } else { "" };
            Some(Goal {
                name: format!("{}: shift by {count} rounds {what}{direction} and matters", step.id),
                what: What::Rounds { step: index, count, to },
                impossible: never_rounds(rounding, count, to, ranges[index].entering).filter(|_| !wraps),
            })
        };
        each.filter_map(goal).collect()
    };
    design.post.iter().enumerate().flat_map(of_step).collect()
}

/// Every kind of tie.
const TIES: [Tie; 4] = [
    Tie { negative: true, odd: false },
    Tie { negative: true, odd: true },
    Tie { negative: false, odd: false },
    Tie { negative: false, odd: true },
];

/// Whether a rule for ties sends this one up, or down.
fn goes(rounding: Rounding, tie: Tie, up: bool) -> bool {
    let goes_up = match rounding {
        Rounding::HalfUp => true,
        Rounding::HalfDown => false,
        Rounding::HalfAway => !tie.negative,
        Rounding::HalfZero => tie.negative,
        Rounding::HalfEven => tie.odd,
        Rounding::HalfOdd => !tie.odd,
        Rounding::Floor | Rounding::Ceil | Rounding::Trunc | Rounding::Away => return false,
    };
    goes_up == up
}

/// Why a shift never rounds so.
fn never_rounds(rounding: Rounding, count: u32, to: Rounds, into: Range) -> Option<String> {
    let (up, tie) = to.of();
    // Of two, halves are all there is to round.
    let never = match (up, count) {
        (true, 1) => [Rounding::Floor, Rounding::HalfDown],
        (true, _) => [Rounding::Floor; 2],
        (false, 1) => [Rounding::Ceil, Rounding::HalfUp],
        (false, _) => [Rounding::Ceil; 2],
    };
    if never.contains(&rounding) {
        return Some(format!("it is {rounding}"));
    }
    let half = 1_i128 << (count.clamp(1, 120) - 1);
    // The first tie of a kind at or above a value: they come every four halves.
    let first = |at_least: i128, odd: bool| {
        let place = if odd { 3 * half } else { half };
        at_least + (place - at_least).rem_euclid(4 * half)
    };
    let comes = |tie: Tie| {
        let (low, high) = if tie.negative { (into.0, into.1.min(-1)) } else { (into.0.max(1), into.1) };
        goes(rounding, tie, up) && first(low, tie.odd) <= high
    };
    (tie && !TIES.into_iter().any(comes)).then(|| format!("only {}..{} comes there", into.0, into.1))
}

/// Legal counts of a shift.
pub(super) fn counts((least, most): Range) -> std::ops::RangeInclusive<u32> {
    let count = |value: i128| u32::try_from(value.clamp(0, i128::from(MAX_SHIFT))).unwrap_or(MAX_SHIFT);
    count(least)..=count(most)
}
