//! What the host drives between two points at which the schedule can change: one tile of an array, one
//! output of a sequential MAC or a tree.

use std::collections::VecDeque;
use std::iter::StepBy;
use std::ops::Range;
use std::sync::Arc;

use super::feed::{Feed, Slot};
use super::words::Visit;
use super::{Inputs, Watch};
use crate::design::{Array, LoadKind, Node};
use crate::num::Flags;

/// A tile's streams, unskewed, and when its drain happens. Cycles count from the period's start.
#[derive(Debug, Clone, Default)]
pub struct Period {
    /// Cycles until the next period starts.
    pub cycles: usize,
    /// Cycles in front of what is fed.
    pub opening: usize,
    /// Which cycle of a stream is which beat, or the clear cycle, or a rest.
    pub feed: Feed,
    /// `[rows · lanes][beats]`: stream by stream. The same rows come again with every tile beside it.
    pub left: Arc<Vec<i32>>,
    /// `[beats][columns · lanes]`: beat by beat, where sums stay. The same columns come again with every tile below.
    pub above: Arc<Vec<i32>>,
    /// The operands that stay, which are loaded meanwhile; `None` where sums stay.
    pub load: Option<Loading>,
    /// The cycle in which all PEs switch to what was loaded.
    pub switch: Option<usize>,
    /// Rows of the array, live or not.
    pub rows: usize,
    /// Columns of the array, live or not.
    pub columns: usize,
    /// Pairs of operands per PE and beat.
    pub lanes: usize,
    /// Outputs of a PE whose beats come in turn.
    pub banks: usize,
    /// Whether activations stay, and weights come from the left.
    pub turned: bool,
    /// What comes in at a requantizer alone.
    pub value: i64,
    /// The same of many outputs, one after the other, for a datapath that takes them so; empty where a period has but one.
    pub values: Vec<i64>,
    /// Parameter record of column 0, of the first vector where each has its own.
    pub channel: usize,
    /// Records from one vector to the next.
    pub channel_step: usize,
    /// With a memory: whether its tile's sums are added to what is there, and whether they are outputs then.
    pub visit: Visit,
    /// What rests in front of the first beat hold.
    pub held: Held,
    /// The periods before, the latest first, whose outer rows and columns may still be on their way.
    pub past: VecDeque<Past>,
    /// Whether the next period may begin before outer rows and columns have been fed.
    pub overlaps: bool,
    /// Where nothing drains, the channel is driven only from the clear cycle or first beat to the last one.
    pub channel_with_beat: bool,
    /// Cycles by which row i (column j) is delayed, per row (column); 0 unless the host skews.
    pub skew_rows: usize,
    /// The same per column.
    pub skew_columns: usize,
    /// Whether every row has its own control bits.
    pub control_per_row: bool,
    /// First cycle of the drain, where accumulators move.
    pub drain: Option<usize>,
    /// Cycles that it takes.
    pub chain: usize,
}

/// What a period that is over was fed with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    cycles: usize,
    opening: usize,
    feed: Feed,
    left: Arc<Vec<i32>>,
    above: Arc<Vec<i32>>,
    held: Held,
}

/// A tile as one of its lines is fed with it.
struct Fed<'a> {
    feed: &'a Feed,
    left: &'a [i32],
    above: &'a [i32],
    held: &'a Held,
}

/// A load of operands that stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loading {
    /// Its first cycle; none where no tile is left to be loaded.
    pub at: Option<usize>,
    /// How it reaches the rows.
    pub kind: LoadKind,
    /// `[rows][columns · lanes]`
    pub rows: Arc<Vec<i32>>,
}

/// What the last beat of the tile before brought; 0 before there was one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// `[rows · lanes]`
    pub left: Vec<i32>,
    /// `[columns · lanes]`, where sums stay.
    pub above: Vec<i32>,
    /// What came in at a requantizer alone.
    pub value: i64,
    /// Parameter record of column 0.
    pub channel: usize,
}

impl Period {
    fn slot(&self, cycle: usize, delay: usize) -> Slot {
        cycle.checked_sub(self.opening + delay).map_or(Slot::Idle, |at| self.feed.slot(at))
    }

    /// What a line that is late by `delay` is fed in a cycle, and the tile it belongs to: the period's or a past one's.
    fn fed(&self, cycle: usize, delay: usize) -> (Slot, Fed<'_>) {
        let mut ago = delay.saturating_sub(cycle);
        for past in self.past.iter().take_while(|_| cycle < delay) {
            if let Some(at) = past.cycles.checked_sub(ago) {
                let slot = at.checked_sub(past.opening).map_or(Slot::Idle, |at| past.feed.slot(at));
                let Past { feed, left, above, held, .. } = past;
                return (slot, Fed { feed, left, above, held });
            }
            ago -= past.cycles;
        }
        let Period { feed, left, above, held, .. } = self;
        (self.slot(cycle, delay), Fed { feed, left, above, held })
    }

    /// Remembers this period where the next one may begin before its outer rows and columns have been fed.
    pub fn pass(&mut self) {
        let (rows, columns) = (self.rows.saturating_sub(1), self.columns.saturating_sub(1));
        let late = (rows * self.skew_rows).max(columns * self.skew_columns);
        if !self.overlaps || late == 0 {
            return;
        }
        self.past.push_front(Past {
            cycles: self.cycles,
            opening: self.opening,
            feed: self.feed,
            left: self.left.clone(),
            above: self.above.clone(),
            held: self.held.clone(),
        });
        let mut cycles = 0;
        let mut is_late = |past: &Past| {
            let before = cycles;
            cycles += past.cycles;
            before < late
        };
        let kept = self.past.iter().take_while(|past| is_late(past)).count();
        self.past.truncate(kept);
    }

    /// What an array drives in every tile: extents, skew, which side stays.
    pub fn of(array: &Array) -> Period {
        let skew = |hop: u32| if array.host_skews() { hop as usize } else { 0 };
        Period {
            rows: array.rows,
            columns: array.columns,
            lanes: array.lanes,
            banks: array.banks,
            turned: array.is_turned(),
            channel_step: usize::from(array.is_turned()),
            skew_rows: skew(array.hop_down()),
            skew_columns: if array.sums_travel() { 0 } else { skew(array.hop_right()) },
            control_per_row: array.host_skews(),
            chain: if array.drains() { array.leaving() } else { 0 },
            channel_with_beat: !array.drains(),
            overlaps: array.is_grid() && !array.drains(),
            ..Period::default()
        }
    }

    /// What its last beat brings; `None` when it has none.
    pub fn last(&self) -> Option<Held> {
        let last = self.feed.beats.checked_sub(1)?;
        let (streams, width) = (self.rows * self.lanes, self.columns * self.lanes);
        let left = (0..streams).map(|stream| self.left[stream * self.feed.beats + last]).collect();
        let above = self.above.get(last * width..(last + 1) * width).unwrap_or_default().to_vec();
        Some(Held { left, above, value: self.value, channel: self.channel + last * self.channel_step })
    }

    /// The inputs of one cycle, skewed as the design asks of its host.
    pub fn drive(&self, cycle: usize, inputs: &mut Inputs) {
        inputs.valid.clear();
        inputs.first.clear();
        inputs.last.clear();
        let controls = if self.control_per_row { self.rows } else { 1 };
        for row in 0..controls {
            let (slot, Fed { feed, .. }) = self.fed(cycle, row * self.skew_rows);
            inputs.valid.push(matches!(slot, Slot::Beat(_)));
            inputs.last.push(matches!(slot, Slot::Beat(beat) if beat + self.banks >= feed.beats));
            // With a clear cycle it alone is marked; without one the first beat is.
            inputs.first.push(match slot {
                Slot::Beat(beat) => feed.clears == 0 && beat < self.banks,
                slot => slot == Slot::Clear,
            });
        }
        let here = self.slot(cycle, 0);
        inputs.channel = match here {
            Slot::Idle if self.channel_with_beat => 0,
            Slot::Lead => self.held.channel,
            Slot::Beat(beat) | Slot::Rest(beat) => self.channel + beat * self.channel_step,
            _ => self.channel,
        };
        inputs.value = match here {
            Slot::Lead => self.held.value,
            Slot::Beat(_) | Slot::Rest(_) => self.value,
            _ => 0,
        };
        // Like the channel, it comes with the beat where nothing drains.
        inputs.visit = match here {
            Slot::Idle if self.channel_with_beat => Visit::default(),
            Slot::Beat(beat) | Slot::Rest(beat) if self.load.is_some() => {
                Visit { address: beat, ..self.visit }
            }
            _ => self.visit,
        };
        inputs.drain = self.drain.is_some_and(|start| (start..start + self.chain).contains(&cycle));
        let (left, above) = match self.turned {
            false => (&mut inputs.activation, &mut inputs.weight),
            true => (&mut inputs.weight, &mut inputs.activation),
        };
        left.clear();
        for row in 0..self.rows {
            let (slot, Fed { feed, left: codes, held, .. }) = self.fed(cycle, row * self.skew_rows);
            self.drive_line(slot, row, |stream, beat| codes[stream * feed.beats + beat], &held.left, left);
        }
        let Some(load) = &self.load else {
            let width = self.columns * self.lanes;
            above.clear();
            for column in 0..self.columns {
                let (slot, Fed { above: codes, held, .. }) = self.fed(cycle, column * self.skew_columns);
                let code = |stream: usize, beat: usize| codes[beat * width + stream];
                self.drive_line(slot, column, code, &held.above, above);
            }
            return;
        };
        inputs.switch = self.switch == Some(cycle);
        (inputs.load, inputs.load_row) = load.drive(cycle, [self.rows, self.columns * self.lanes], above);
    }

    /// One row or column of the array: `lanes` codes.
    fn drive_line(
        &self,
        slot: Slot,
        index: usize,
        code: impl Fn(usize, usize) -> i32,
        held: &[i32],
        into: &mut Vec<i32>,
    ) {
        let streams = index * self.lanes..(index + 1) * self.lanes;
        match slot {
            Slot::Beat(beat) | Slot::Rest(beat) => into.extend(streams.map(|stream| code(stream, beat))),
            Slot::Lead | Slot::Settle if !held.is_empty() => into.extend_from_slice(&held[streams]),
            _ => into.resize(into.len() + self.lanes, 0),
        }
    }
}

impl Loading {
    /// Drives what is loaded in a cycle, else zeros: whether something is, and which row of PEs takes it.
    fn drive(&self, cycle: usize, [rows, width]: [usize; 2], into: &mut Vec<i32>) -> (bool, usize) {
        into.clear();
        let edges = if self.kind == LoadKind::AtOnce { 1 } else { rows };
        let edge = self.at.and_then(|at| cycle.checked_sub(at)).filter(|edge| *edge < edges);
        let (from, row) = match (self.kind, edge) {
            (LoadKind::AtOnce, Some(_)) => (0..rows * width, 0),
            (LoadKind::Row, Some(edge)) => (edge * width..(edge + 1) * width, edge),
            (LoadKind::Shift, Some(edge)) => ((rows - 1 - edge) * width..(rows - edge) * width, 0),
            (LoadKind::AtOnce, None) => return idle(into, rows * width),
            (LoadKind::Row | LoadKind::Shift, None) => return idle(into, width),
        };
        into.extend_from_slice(&self.rows[from]);
        (true, row)
    }
}

fn idle(into: &mut Vec<i32>, width: usize) -> (bool, usize) {
    into.resize(width, 0);
    (false, 0)
}

/// Which of an output's last values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its accumulator, or the word of its memory.
    Accumulator,
    /// What leaves the datapath.
    Output,
    /// Both, where nothing is between them.
    Both,
}

/// Tiles side by side as they are numbered where each visit is one that was fed; of several visits, the last.
pub type Tiles = StepBy<Range<usize>>;

/// Whoever follows a period: samples before each edge, events at it. Registers are shown to whoever samples a cycle of the first
/// period: a datapath may fold periods in which nobody does, and then has none.
pub trait Observer {
    /// Whether every cycle is to be sampled; visiting is not free.
    fn samples(&self) -> bool;

    /// One cycle, before its edge: inputs, then registers and outputs as [`super::Datapath::visit`] shows them.
    fn sample(&mut self, inputs: &Inputs, sample: &[i64]);

    /// Who is told about the edge that ends this cycle.
    fn watch(&mut self) -> &mut dyn Watch;

    /// Whether nothing that is told from `tile` on can be the first event: that is known, or nobody asks.
    fn knows_first(&self, tile: usize) -> bool;

    /// An event of an output, row and column of a tile that was fed, and of which step of its sum where it is one of several:
    /// told in any order and without its cycle.
    fn located(&mut self, tile: usize, node: Node, output: [usize; 2], step: Option<usize>, flags: Flags);

    /// As many events as the counts say, by column of tiles side by side; only when [`Observer::knows_first`] of all of them.
    fn counted(&mut self, tiles: Tiles, node: Node, row: usize, counts: [&[u32]; 2]);

    /// What the outputs of tiles side by side that were fed end as, row by row, `stride` values apart.
    fn tiles(&mut self, tiles: Tiles, what: Ended, values: &[i64], stride: usize);

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
