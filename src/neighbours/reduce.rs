//! Edits of the reduction levels, of a beat's and of those behind the last one.

use super::{Class, Fault, Hardware, Neighbours, Site, other_latencies, other_sign, other_widths};
use crate::design::{AccumulatorOverflow, Design, Level, Start, overflow_name};
use crate::num::{Format, Overflow};

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    let design = &hardware.design;
    let levels = design.reduce.iter().chain(&design.after).enumerate();
    Box::new(levels.flat_map(move |(index, level)| of_level(hardware, index, level)).chain(moved(hardware)))
}

/// The level at an index over those of a beat and those behind the last one.
fn at(design: &mut Design, index: usize) -> &mut Level {
    let beat = design.reduce.len();
    if index < beat { &mut design.parts.reduce[index] } else { &mut design.parts.after[index - beat] }
}

fn of_level<'a>(hardware: &'a Hardware, index: usize, level: &'a Level) -> Neighbours<'a> {
    let site = move |key, class| Site { hardware, key, node: &level.id, class };
    let formats = other_widths(level.format).chain(other_sign(level.format)).map(move |other| {
        let what = format!("format {other} for {}", level.format);
        site("reduce.*.format", Class::Value).edit(&what, |design| at(design, index).format = other)
    });
    let rules = Overflow::ALL.into_iter().filter(|other| *other != level.overflow).map(move |other| {
        let what = format!("overflow {} for {}", overflow_name(other), overflow_name(level.overflow));
        site("reduce.*.overflow", Class::Value).edit(&what, |design| at(design, index).overflow = other)
    });
    let low = site("reduce.*.format", Class::Value).fault("lowest bit dropped", Fault::ReduceLow(index, 1));
    let strides = other_stride(hardware, index).into_iter().map(move |other| {
        let what = format!("stride {other} for {}", level.stride);
        site("reduce.*.stride", Class::Order).edit(&what, |design| at(design, index).stride = other)
    });
    let latencies = other_latencies(level.latency).map(move |other| {
        let what = format!("latency {other} for {}", level.latency);
        site("reduce.*.latency", Class::Time).edit(&what, |design| at(design, index).latency = other)
    });
    let all: [Neighbours<'a>; 5] = [
        Box::new(formats),
        Box::new(rules),
        Box::new(std::iter::once(low)),
        Box::new(strides),
        Box::new(latencies),
    ];
    Box::new(all.into_iter().flatten())
}

/// Neighbours for distant terms, and the other way round, where both are whole groups.
fn other_stride(hardware: &Hardware, index: usize) -> Option<usize> {
    let design = &hardware.design;
    let levels: Vec<&Level> = design.reduce.iter().chain(&design.after).collect();
    let inputs = levels[..index].iter().fold(design.array.lanes, |inputs, level| level.outputs(inputs));
    let level = levels[index];
    let distant = inputs / level.group;
    let other = if level.stride == 1 { distant } else { 1 };
    (inputs.is_multiple_of(level.group) && other != level.stride && other > 0).then_some(other)
}

/// A level on the other side of the accumulators: what is added behind the last beat is added in every beat, or the last one of
/// a beat behind the last beat. Where such a design can be stated.
fn moved(hardware: &Hardware) -> Neighbours<'_> {
    let design = &hardware.design;
    let accumulator = &design.accumulator;
    let takes_several = !design.array.is_grid()
        && design.array.banks == 1
        && design.memory.is_none()
        && accumulator.start != Start::Bias
        && accumulator.overflow != AccumulatorOverflow::SaturateOutput;
    let first = design.after.first().and_then(|level| {
        let entering = design.level_ranges().last().map_or(design.term_format(), |_| {
            design.reduce.last().map_or(design.term_format(), |level| level.format)
        });
        Some((refitted(level, &design.after_ranges()[0], entering)?, true))
    });
    let last = design.reduce.last().filter(|_| takes_several).and_then(|level| {
        let ranges = design.level_ranges();
        Some((refitted(level, ranges.last()?, accumulator.register)?, false))
    });
    Box::new(first.into_iter().chain(last).map(move |(level, is_after)| {
        let site = Site { hardware, key: "reduce.*.when", node: &level.id, class: Class::Order };
        let what = if is_after { "when beat for last" } else { "when last for beat" };
        site.edit(what, |design| match is_after {
            true => {
                design.parts.after.remove(0);
                design.parts.reduce.push(level.clone());
            }
            false => {
                design.parts.reduce.pop();
                design.parts.after.insert(0, level.clone());
            }
        })
    }))
}

/// The level among other terms: one that changes no sum is as wide as these make it.
fn refitted(level: &Level, range: &crate::post::NodeRange, entering: Format) -> Option<Level> {
    if !range.always_fits {
        return Some(level.clone());
    }
    let group = i128::try_from(level.group).ok()?;
    let format = Format::holding(i128::from(entering.min()) * group, i128::from(entering.max()) * group)?;
    Some(Level { format, overflow: Overflow::Wrap, ..level.clone() })
}
