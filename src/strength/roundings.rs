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
        let each = counts.filter(|count| *count > 0).flat_map(|count| Rounds::ALL.map(|to| (count, to)));
        let goal = |(count, to): (u32, Rounds)| {
            let (up, tie) = to.of();
            if tie && ties_to(rounding).is_none() {
                return None;
            }
            let direction = if up { "up" } else { "down" };
            let what = if tie { "a tie " } else { "" };
            Some(Goal {
                name: format!("{}: shift by {count} rounds {what}{direction} and matters", step.id),
                what: What::Rounds { step: index, count, to },
                impossible: never_rounds(rounding, count, to, ranges[index].entering),
            })
        };
        each.filter_map(goal).collect()
    };
    design.post.iter().enumerate().flat_map(of_step).collect()
}

/// Which ties go up: by sign, and by whether the lower neighbour is odd. None: no rule for ties.
fn ties_to(rounding: Rounding) -> Option<fn(Tie) -> bool> {
    match rounding {
        Rounding::HalfUp => Some(|_| true),
        Rounding::HalfDown => Some(|_| false),
        Rounding::HalfAway => Some(|tie| !tie.negative),
        Rounding::HalfZero => Some(|tie| tie.negative),
        Rounding::HalfEven => Some(|tie| tie.odd),
        Rounding::HalfOdd => Some(|tie| !tie.odd),
        Rounding::Floor | Rounding::Ceil | Rounding::Trunc | Rounding::Away => None,
    }
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
    let ties_up = ties_to(rounding).filter(|_| tie);
    let goes = |ties_up: fn(Tie) -> bool, negative, odd| ties_up(Tie { negative, odd }) == up;
    let sides = [(true, false), (true, true), (false, false), (false, true)];
    let of_rule = |ties_up| sides.into_iter().any(|(negative, odd)| goes(ties_up, negative, odd));
    if never.contains(&rounding) || ties_up.is_some_and(|ties_up| !of_rule(ties_up)) {
        return Some(format!("it is {rounding}"));
    }
    let ties_up = ties_up?;
    let half = 1_i128 << (count.clamp(1, 120) - 1);
    // The first tie of a kind at or above a value: they come every four halves.
    let first = |at_least: i128, odd: bool| {
        let place = if odd { 3 * half } else { half };
        at_least + (place - at_least).rem_euclid(4 * half)
    };
    let comes = |(negative, odd): (bool, bool)| {
        let (low, high) = if negative { (into.0, into.1.min(-1)) } else { (into.0.max(1), into.1) };
        goes(ties_up, negative, odd) && first(low, odd) <= high
    };
    (!sides.into_iter().any(comes)).then(|| format!("only {}..{} comes there", into.0, into.1))
}

/// Legal counts of a shift.
pub(super) fn counts((least, most): Range) -> std::ops::RangeInclusive<u32> {
    let count = |value: i128| u32::try_from(value.clamp(0, i128::from(MAX_SHIFT))).unwrap_or(MAX_SHIFT);
    count(least)..=count(most)
}
