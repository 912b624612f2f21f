//! Edits of the memory of partial sums.

use super::{Class, Fault, Hardware, Neighbours, Site, other_latencies, other_widths};
use crate::design::overflow_name;
use crate::num::Overflow;

const RULES: [Overflow; 3] = [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric];

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    let Some(memory) = hardware.design.memory else { return Box::new(std::iter::empty()) };
    let site = move |key, class| Site { hardware, key, node: "memory", class };
    let formats = other_widths(memory.format).map(move |other| {
        let what = format!("format {other} for {}", memory.format);
        site("memory.format", Class::Value).edit(&what, |design| {
            design.parts.memory.iter_mut().for_each(|memory| memory.format = other);
        })
    });
    let rules = RULES.into_iter().filter(move |other| *other != memory.overflow).map(move |other| {
        let what = format!("overflow {} for {}", overflow_name(other), overflow_name(memory.overflow));
        site("memory.overflow", Class::Value).edit(&what, |design| {
            design.parts.memory.iter_mut().for_each(|memory| memory.overflow = other);
        })
    });
    let latencies = other_latencies(memory.read_latency).map(move |other| {
        let what = format!("read_latency {other} for {}", memory.read_latency);
        site("memory.read_latency", Class::Time).edit(&what, |design| {
            design.parts.memory.iter_mut().for_each(|memory| memory.read_latency = other);
        })
    });
    let replaced =
        site("order.tile_k", Class::Order).fault("every visit overwrites the word", Fault::Overwritten);
    let steps = super::product::of_memory(hardware);
    Box::new(steps.chain(formats).chain(rules).chain(latencies).chain([replaced]))
}
