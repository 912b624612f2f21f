//! Edits of what the layer brings: whose numbers a channel gets, and on how many bits.

use super::{Class, Fault, Hardware, Neighbours, Site, other_sign, other_widths};
use crate::post::{Parameter, Per};

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    // What comes in is read as the accumulator's edits say.
    let value = hardware.design.value_parameter();
    let all = hardware.design.parameters.iter().enumerate().filter(move |(index, _)| value != Some(*index));
    Box::new(all.flat_map(move |(index, parameter)| of_parameter(hardware, index, parameter)))
}

fn of_parameter<'a>(hardware: &'a Hardware, index: usize, parameter: &'a Parameter) -> Neighbours<'a> {
    let site = move |key, class| Site { hardware, key, node: &parameter.name, class };
    let format = parameter.format;
    let formats = other_widths(format).chain(other_sign(format)).map(move |other| {
        let what = format!("port {other} for {format}");
        site("parameters.*.format", Class::Value)
            .edit(&what, |design| design.parts.parameters[index].format = other)
    });
    let by_channel = parameter.per == Per::Channel;
    let neighbours = [(1, "of the next channel"), (-1, "of the channel before")];
    let neighbours = neighbours.into_iter().filter(move |_| by_channel).map(move |(by, what)| {
        site("parameters.*.per", Class::Parameter).fault(what, Fault::OtherChannel(index, by))
    });
    let first = by_channel.then(|| {
        site("parameters.*.per", Class::Parameter)
            .edit("of the first channel for all", |design| design.parts.parameters[index].per = Per::Layer)
    });
    Box::new(formats.chain(neighbours).chain(first))
}
