//! The levels of a reduction: of a beat's lanes, and behind the last beat of the accumulators of those that are left.

use super::context::Context;
use super::file::{self, At};
use super::{Accumulator, AccumulatorOverflow, Array, Level, Start, steps};
use crate::error::{Error, Result};
use crate::num::{Format, Overflow};

/// Format and interval of what a level adds.
type State = (Format, (i128, i128));

/// Those of every beat, and those behind the last one.
pub(super) fn reduce(
    file: &file::File,
    (array, accumulator): (&Array, &Accumulator),
    product: State,
    context: &Context<'_>,
) -> Result<[Vec<Level>; 2]> {
    if array.lanes == 1 {
        return match file.reduce.first() {
            Some(first) => Err(context.wrong(&first.span(), "reduce", "changes nothing: array.lanes is 1")),
            None => Ok([Vec::new(), Vec::new()]),
        };
    }
    if file.reduce.is_empty() {
        return Ok([vec![exact_adder(array, product.0, context, file)?], Vec::new()]);
    }
    let mut terms = array.lanes;
    let mut state = product;
    let mut levels = [Vec::new(), Vec::new()];
    for (index, entry) in file.reduce.iter().enumerate() {
        let key = format!("reduce.{index}");
        if terms == 1 {
            return Err(context.wrong(&entry.span(), &key, "changes nothing: one term is left before it"));
        }
        let is_last = entry.when.as_ref().is_some_and(|when| **when == file::When::Last);
        if is_last && levels[1].is_empty() {
            behind_the_last(entry, &key, file, (array, accumulator), context)?;
            state = (accumulator.register, accumulator.range());
        }
        if !is_last && !levels[1].is_empty() {
            let what = "reduces every beat, but a level in front of it adds accumulators behind the last one";
            let span = entry.when.as_ref().map_or_else(|| entry.span(), At::span);
            return Err(context.wrong(&span, &format!("{key}.when"), what).help("when = \"last\""));
        }
        let (level, interval) = level(entry, &key, state, context)?;
        terms = level.outputs(terms);
        state = (level.format, interval);
        levels[usize::from(is_last)].push(level);
    }
    if terms != 1 {
        let what =
            format!("leaves {terms} terms of {} lanes, but the last level must leave one", array.lanes);
        let span = file.reduce.last().map(At::span).unwrap_or_default();
        return Err(context.wrong(&span, "reduce", what));
    }
    Ok(levels)
}

/// Refuses what an output of several accumulators has no place for.
fn behind_the_last(
    entry: &At<file::Reduce>,
    key: &str,
    file: &file::File,
    (array, accumulator): (&Array, &Accumulator),
    context: &Context<'_>,
) -> Result<()> {
    let span = entry.when.as_ref().map_or_else(|| entry.span(), At::span);
    let wrong = |what: &str, help: &str| -> Result<()> {
        let what = format!("is \"last\", {what}");
        let error: Error = context.wrong(&span, &format!("{key}.when"), what);
        Err(error.help(help))
    };
    const BEAT: &str = "or reduce every beat: when = \"beat\"";
    if array.is_grid() {
        let what = format!(
            "which gives an output several accumulators, but a PE of dataflow {:?} has one",
            array.dataflow.name()
        );
        return wrong(&what, "array.dataflow = \"sequential\" or \"tree\", or when = \"beat\"");
    }
    if array.banks > 1 {
        let what = format!(
            "which gives an output several accumulators, but {} outputs have one each in turn: accumulator.banks",
            array.banks
        );
        return wrong(&what, BEAT);
    }
    if file.memory.is_some() {
        return wrong("but [memory] cuts an output into visits, of which each has a last beat", BEAT);
    }
    if accumulator.start == Start::Bias {
        let what = "which gives an output several accumulators, and start = \"bias\" does not say in which of them it is";
        return wrong(
            what,
            "accumulator.start = \"overwrite\" or \"zero\", and add the bias in a post step: \
             { step = \"add\", value = \"bias\" } (R9)",
        );
    }
    if accumulator.overflow == AccumulatorOverflow::SaturateOutput {
        let what = "but overflow = \"saturate_output\" clamps one finished register";
        return wrong(
            what,
            "accumulator.overflow = \"wrap\", and the clamp as this level's format and overflow",
        );
    }
    Ok(())
}

fn exact_adder(array: &Array, product: Format, context: &Context<'_>, file: &file::File) -> Result<Level> {
    let (format, _) = sum_of(array.lanes, product, (0, 0)).ok_or_else(|| {
        let span = file.array.lanes.as_ref().map(At::span).unwrap_or_default();
        context.wrong(
            &span,
            "array.lanes",
            format!("sums {} products of {product}: more than 64 bits", array.lanes),
        )
    })?;
    let id = "reduce.0".to_string();
    Ok(Level { id, group: array.lanes, stride: 1, format, overflow: Overflow::Wrap, latency: 0 })
}

/// Exact format and interval of a sum of `group` terms.
pub(super) fn sum_of(group: usize, term: Format, interval: (i128, i128)) -> Option<(Format, (i128, i128))> {
    let group = i128::try_from(group).ok()?;
    let (low, high) = (i128::from(term.min()) * group, i128::from(term.max()) * group);
    Some((Format::holding(low, high)?, times_group(interval, group)))
}

/// The sums of a group's terms; a missing term of a ragged group is 0.
pub(super) fn times_group(interval: (i128, i128), group: i128) -> (i128, i128) {
    (interval.0.saturating_mul(group).min(0), interval.1.saturating_mul(group).max(0))
}

fn level(
    entry: &At<file::Reduce>,
    key: &str,
    (term, interval): (Format, (i128, i128)),
    context: &Context<'_>,
) -> Result<(Level, (i128, i128))> {
    let group = context.integer(&entry.group, &format!("{key}.group"), 2..=4096)? as usize;
    let stride = match &entry.stride {
        Some(stride) => context.integer(stride, &format!("{key}.stride"), 1..=4096)? as usize,
        None => 1,
    };
    let count = i128::try_from(group).expect("at most 4096");
    let exact = sum_of(group, term, interval).map(|(exact, _)| exact);
    let interval = times_group(interval, count);
    let node = steps::Node { format: &entry.format, overflow: &entry.overflow, at: entry.span(), key };
    let (format, overflow, interval) = steps::fitted(node, exact, Some(interval), context)?;
    let latency = context.latency(&entry.latency, &format!("{key}.latency"))?;
    Ok((Level { id: key.to_string(), group, stride, format, overflow, latency }, interval))
}
