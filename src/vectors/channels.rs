//! `channels.hex`: the post-processing parameters of each output channel, one record a channel.

use super::Layout;
use crate::design::Design;
use crate::lower::Program;
use crate::num::Format;
use crate::post::{Parameter, Per};

/// The parameters of a record: all but what comes in at a requantizer alone, which has a port of its own.
pub fn parameters(design: &Design) -> impl Iterator<Item = (usize, &Parameter)> {
    let value = design.value_parameter();
    design.parameters.iter().enumerate().filter(move |(index, _)| value != Some(*index))
}

/// The record: every such parameter in order, least significant first.
pub fn layout(design: &Design) -> Layout {
    let scalar: &[usize] = &[];
    Layout::new(parameters(design).map(|(_, p)| (p.name.as_str(), scalar, p.format)))
}

/// Format of `in.channel`, the number of a record.
pub fn index_format() -> Format {
    Format::unsigned(16).unwrap_or_else(|| unreachable!("u16 is a format"))
}

/// All records in order: groups one after another, each padded to whole tiles of columns. A per-layer parameter
/// is repeated in every record.
pub fn records(program: &Program) -> impl Iterator<Item = Vec<i64>> + '_ {
    let values = program.records();
    let count = program.shape.groups * program.records_per_group();
    (0..count).map(move |index| {
        let of = |(at, p): (usize, &Parameter)| match p.per {
            Per::Layer => values[at][0],
            Per::Channel => values[at][index],
        };
        parameters(&program.design).map(of).collect()
    })
}
