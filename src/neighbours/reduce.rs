//! Edits of the reduction levels.

use super::{Class, Fault, Hardware, Neighbours, Site, other_latencies, other_sign, other_widths};
use crate::design::{Level, overflow_name};
use crate::num::Overflow;

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    let levels = hardware.design.reduce.iter().enumerate();
    Box::new(levels.flat_map(move |(index, level)| of_level(hardware, index, level)))
}

fn of_level<'a>(hardware: &'a Hardware, index: usize, level: &'a Level) -> Neighbours<'a> {
    let site = move |key, class| Site { hardware, key, node: &level.id, class };
    let formats = other_widths(level.format).chain(other_sign(level.format)).map(move |other| {
        let what = format!("format {other} for {}", level.format);
        site("reduce.*.format", Class::Value).edit(&what, |design| design.reduce[index].format = other)
    });
    let rules = Overflow::ALL.into_iter().filter(|other| *other != level.overflow).map(move |other| {
        let what = format!("overflow {} for {}", overflow_name(other), overflow_name(level.overflow));
        site("reduce.*.overflow", Class::Value).edit(&what, |design| design.reduce[index].overflow = other)
    });
    let low = site("reduce.*.format", Class::Value).fault("lowest bit dropped", Fault::ReduceLow(index, 1));
    let strides = other_stride(hardware, index).into_iter().map(move |other| {
        let what = format!("stride {other} for {}", level.stride);
        site("reduce.*.stride", Class::Order).edit(&what, |design| design.reduce[index].stride = other)
    });
    let latencies = other_latencies(level.latency).map(move |other| {
        let what = format!("latency {other} for {}", level.latency);
        site("reduce.*.latency", Class::Time).edit(&what, |design| design.reduce[index].latency = other)
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
    let inputs =
        design.reduce[..index].iter().fold(design.array.lanes, |inputs, level| level.outputs(inputs));
    let level = &design.reduce[index];
    let distant = inputs / level.group;
    let other = if level.stride == 1 { distant } else { 1 };
    (inputs.is_multiple_of(level.group) && other != level.stride && other > 0).then_some(other)
}
