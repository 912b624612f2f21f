//! What the host drives between two points at which the schedule can change: one tile of an array, one
//! output of a sequential MAC or a tree.

use std::sync::Arc;

use super::feed::{Feed, Slot};
use super::{Inputs, Watch};

/// A tile's streams, unskewed, and when its drain happens. Cycles count from the period's start.
#[derive(Debug, Clone, Default)]
pub struct Period {
    /// Cycles until the next period starts.
    pub cycles: usize,
    /// Which cycle of a stream is which beat, or the clear cycle, or a rest.
    pub feed: Feed,
    /// `[rows · lanes][beats]`: stream by stream.
    pub activation: Vec<i32>,
    /// `[beats][columns · lanes]`: beat by beat. The same columns come again with every tile below.
    pub weight: Arc<Vec<i32>>,
    /// Rows of the array, live or not.
    pub rows: usize,
    /// Columns of the array, live or not.
    pub columns: usize,
    /// Pairs of operands per PE and beat.
    pub lanes: usize,
    /// Parameter record of column 0.
    pub channel: usize,
    /// What rests in front of the first beat hold.
    pub held: Held,
    /// Where nothing drains, the channel is driven only from the clear cycle or first beat to the last one.
    pub channel_with_beat: bool,
    /// Cycles by which row i (column j) is delayed, per row (column); 0 unless the host skews.
    pub skew_rows: usize,
    /// The same per column.
    pub skew_columns: usize,
    /// Whether every row has its own control bits.
    pub control_per_row: bool,
    /// First cycle of the drain; `rows` cycles long.
    pub drain: Option<usize>,
}

/// What the last beat of the tile before brought; 0 before there was one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// `[rows · lanes]`
    pub activation: Vec<i32>,
    /// `[columns · lanes]`
    pub weight: Vec<i32>,
    /// Parameter record of column 0.
    pub channel: usize,
}

impl Period {
    fn slot(&self, cycle: usize, delay: usize) -> Slot {
        cycle.checked_sub(delay).map_or(Slot::Idle, |at| self.feed.slot(at))
    }

    /// What its last beat brings; `None` when it has none.
    pub fn last(&self) -> Option<Held> {
        let last = self.feed.beats.checked_sub(1)?;
        let (streams, width) = (self.rows * self.lanes, self.columns * self.lanes);
        let activation = (0..streams).map(|stream| self.activation[stream * self.feed.beats + last]);
        let weight = self.weight[last * width..][..width].to_vec();
        Some(Held { activation: activation.collect(), weight, channel: self.channel })
    }

    /// The inputs of one cycle, skewed as the design asks of its host.
    pub fn drive(&self, cycle: usize, inputs: &mut Inputs) {
        inputs.valid.clear();
        inputs.first.clear();
        let controls = if self.control_per_row { self.rows } else { 1 };
        for row in 0..controls {
            let slot = self.slot(cycle, row * self.skew_rows);
            inputs.valid.push(matches!(slot, Slot::Beat(_)));
            // With a clear cycle it alone is marked; without one the first beat is.
            inputs.first.push(slot == if self.feed.clears > 0 { Slot::Clear } else { Slot::Beat(0) });
        }
        let here = self.slot(cycle, 0);
        inputs.last = here == Slot::Beat(self.feed.beats.wrapping_sub(1));
        inputs.channel = match here {
            Slot::Idle if self.channel_with_beat => 0,
            Slot::Lead => self.held.channel,
            _ => self.channel,
        };
        inputs.drain = self.drain.is_some_and(|start| (start..start + self.rows).contains(&cycle));
        let by_stream = |stream: usize, beat: usize| self.activation[stream * self.feed.beats + beat];
        let (rows, columns) = ([self.rows, self.skew_rows], [self.columns, self.skew_columns]);
        self.drive_edge(cycle, by_stream, &self.held.activation, rows, &mut inputs.activation);
        let width = self.columns * self.lanes;
        let by_beat = |stream: usize, beat: usize| self.weight[beat * width + stream];
        self.drive_edge(cycle, by_beat, &self.held.weight, columns, &mut inputs.weight);
    }

    /// One edge of the array: `extent` streams of `lanes` codes, the i-th delayed by `i · skew`.
    fn drive_edge(
        &self,
        cycle: usize,
        code: impl Fn(usize, usize) -> i32,
        held: &[i32],
        [extent, skew]: [usize; 2],
        into: &mut Vec<i32>,
    ) {
        into.clear();
        for index in 0..extent {
            let streams = index * self.lanes..(index + 1) * self.lanes;
            match self.slot(cycle, index * skew) {
                Slot::Beat(beat) | Slot::Rest(beat) => into.extend(streams.map(|stream| code(stream, beat))),
                Slot::Lead | Slot::Settle if !held.is_empty() => into.extend_from_slice(&held[streams]),
                _ => into.resize(into.len() + self.lanes, 0),
            }
        }
    }
}

/// Whoever follows a period: samples before each edge, events at it.
pub trait Observer {
    /// Whether every cycle is to be sampled; visiting is not free.
    fn samples(&self) -> bool;

    /// One cycle, before its edge: inputs, then registers and outputs as [`super::Datapath::visit`] shows them.
    fn sample(&mut self, inputs: &Inputs, sample: &[i64]);

    /// Who is told about the edge that ends this cycle.
    fn watch(&mut self) -> &mut dyn Watch;

    /// The edge is over.
    fn edge(&mut self);

    /// How many cycles from here on nobody samples.
    fn unsampled_cycles(&self) -> usize {
        if self.samples() { 0 } else { usize::MAX }
    }

    /// `count` edges are over.
    fn edges(&mut self, count: usize) {
        (0..count).for_each(|_| self.edge());
    }
}
