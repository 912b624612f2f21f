//! The memory of partial sums: what an output's K is cut into, and where the parts meet.

use super::context::Context;
use super::file::{self, At, StepKind};
use super::names::Names;
use super::steps::{Place, Reader, State, range_of};
use super::{Accumulator, Array, Design, DrainOrder, Start, convert, product};
use crate::error::Result;
use crate::num::{Fit, Format, Overflow};
use crate::post::{NodeRange, Range, Step};

/// Partial sums between the visits of an output, each of some of its products: the first is stored, every later one is added
/// to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Of every word.
    pub format: Format,
    /// How a sum enters it.
    pub overflow: Overflow,
    /// Words of a column.
    pub depth: usize,
    /// Products of one visit where sums stay, a multiple of the lanes; `None`: all of K. Where sums travel, a column's.
    pub tile_k: Option<usize>,
    /// Registers between an address and what is read there.
    pub read_latency: u32,
    /// Cycles from one visit of a word until the next may come.
    pub write_latency: u32,
}

impl Memory {
    /// What the sum of a word and a visit goes through.
    pub fn fit(&self) -> Fit {
        Fit { format: self.format, overflow: self.overflow }
    }
}

impl Design {
    /// Steps of an output's accumulation between two visits of the memory; `None`: all of them are one visit's.
    pub fn visit_steps(&self) -> Option<usize> {
        let memory = self.memory?;
        match self.array.sums_travel() {
            true => Some(self.array.rows),
            false => memory.tile_k.map(|k| k / self.array.lanes),
        }
    }

    /// The most products that one sum has, where the hardware bounds them: those of a column, of a visit, or all that the host
    /// counts to.
    pub fn visit_products(&self) -> Option<usize> {
        let visit = self.visit_steps().map(|steps| steps * self.array.lanes);
        visit.into_iter().chain(self.array.column_products()).chain(self.order.max_k).min()
    }

    /// The most products that an output may have: those of a column without a memory, and what the host counts to.
    pub fn most_products(&self) -> Option<usize> {
        let column = self.array.column_products().filter(|_| self.memory.is_none());
        column.into_iter().chain(self.order.max_k).min()
    }

    /// What a finished sum is fitted into, before the post steps.
    pub fn finished(&self) -> Fit {
        let accumulator = &self.accumulator;
        let last = self.memory.map(|memory| memory.fit()).or(self.after.last().map(|level| level.fit()));
        last.or(accumulator.output_fit()).unwrap_or_else(|| accumulator.register_fit())
    }

    /// What data types and limits prove about the steps of sums on their way to a word, and of words that are read again.
    pub fn memory_ranges(&self) -> [Vec<NodeRange>; 2] {
        let (low, high) = self.finished().rails();
        let words = (i128::from(low), i128::from(high));
        [self.store_program().ranges(self.accumulator.range()), self.load_program().ranges(words)]
    }

    /// Every value that a finished sum can have.
    pub fn finished_range(&self) -> Range {
        let (low, high) = self.finished().rails();
        (i128::from(low), i128::from(high))
    }
}

pub(super) fn memory(
    file: &file::File,
    array: &Array,
    accumulator: &Accumulator,
    context: &Context<'_>,
) -> Result<Option<Memory>> {
    let Some(memory) = &file.memory else {
        context.idle(&file.order.tile_k, "order.tile_k", "without [memory] all of K is one sum")?;
        return Ok(None);
    };
    if accumulator.start == Start::Bias {
        let at = &file.accumulator.start;
        let what =
            "is \"bias\", which would enter with every visit of the memory: add it in a post step (R9)";
        return Err(context.wrong(&at.span(), "accumulator.start", what));
    }
    let depth = context.integer(&memory.depth, "memory.depth", 1..=1 << 20)? as usize;
    if !array.sums_travel() && depth < array.rows {
        let what = format!("is {depth}, but a tile has {} sums a column", array.rows);
        return Err(context.wrong(&memory.depth.span(), "memory.depth", what));
    }
    if let Some(drain) = array.drain.filter(|drain| drain.order != DrainOrder::Rows) {
        let order = drain.order.name();
        let what =
            format!("needs words of whole rows, but sums drain as {order:?}: array.drain.order = \"rows\"");
        return Err(context.wrong(&memory.depth.span(), "memory", what));
    }
    if array.banks > 1 {
        let what = format!(
            "has a word for one sum of a column, but {} are under way: accumulator.banks",
            array.banks
        );
        return Err(context.wrong(&memory.depth.span(), "memory", what));
    }
    let read_latency = context.latency(&memory.read_latency, "memory.read_latency")?;
    let write_latency = match &memory.write_latency {
        Some(at) => context.integer(at, "memory.write_latency", i64::from(read_latency) + 1..=128)?,
        None => read_latency + 1,
    };
    Ok(Some(Memory {
        format: memory.format.0,
        overflow: convert::overflow(*memory.overflow),
        depth,
        tile_k: tile_k(&file.order.tile_k, array, context)?,
        read_latency,
        write_latency,
    }))
}

/// The steps of the sums that are stored, and of the words that are read again.
pub(super) fn steps(
    file: &file::File,
    accumulator: &Accumulator,
    (memory, array): (Option<Memory>, &Array),
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<[Vec<Step>; 2]> {
    let (Some(file), Some(memory)) = (&file.memory, memory) else { return Ok([Vec::new(), Vec::new()]) };
    if let Some(first) = file.load.first().filter(|_| !array.sums_travel() && memory.tile_k.is_none()) {
        let what = "changes nothing: without order.tile_k all of K is one visit, and no word is read again";
        return Err(context.wrong(&first.span(), "memory.load", what));
    }
    let (low, high) = memory.fit().rails();
    let words = (i128::from(low), i128::from(high));
    let mut read = |list: &[At<file::Step>], key: &str, format: Format, interval: Range| {
        let Some(first) = list.first() else { return Ok(Vec::new()) };
        let state = State { range: range_of(format), signed: format.is_signed(), interval };
        let mut reader = Reader::new(accumulator, None, names, context).elsewhere();
        let (steps, _) = reader.list(list, key, state, Place::Memory)?;
        product::check_names(&steps, first, key, names, context)?;
        Ok(steps)
    };
    let store = read(&file.store, "memory.store", accumulator.format, accumulator.range())?;
    Ok([store, read(&file.load, "memory.load", memory.format, words)?])
}

/// Refuses what does not belong between a sum and its word.
pub(super) fn check_kind(
    kind: StepKind,
    span: &std::ops::Range<usize>,
    key: &str,
    context: &Context<'_>,
) -> Result<()> {
    match kind {
        StepKind::Bias | StepKind::ZeroPoint => {
            let what = "would enter with every visit of the memory: add it in [[post]] (R9)";
            Err(context.wrong(span, &format!("{key}.step"), what))
        }
        _ => Ok(()),
    }
}

fn tile_k(at: &Option<At<i64>>, array: &Array, context: &Context<'_>) -> Result<Option<usize>> {
    let Some(at) = at else { return Ok(None) };
    let k = context.integer(at, "order.tile_k", 1..=1 << 30)? as usize;
    match array.column_products() {
        Some(own) if own != k => {
            let what = format!("is {k}, but a column's operands that stay are {own}: leave it out");
            Err(context.wrong(&at.span(), "order.tile_k", what))
        }
        Some(_) => Ok(None),
        None if !k.is_multiple_of(array.lanes) => {
            let what = format!("is {k}, which is no multiple of {} lanes", array.lanes);
            Err(context.wrong(&at.span(), "order.tile_k", what))
        }
        None => Ok(Some(k)),
    }
}
