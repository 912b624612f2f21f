//! An output-stationary array in vector form: the same registers as [`super::Array`], clock by
//! clock, an order of magnitude faster.
//!
//! ```text
//!  x stream of row i    … x0 x1 x2 x3 x4 …          each edge, for every row:
//!                            └──┬──┘ a window         acc[i][C-1 … 0] ← fit(acc + window × w vector)
//!  w vectors            … w(u-1) w(u) w(u+1) …      the window moves on by one element, the vector by one
//! ```
//!
//! Accumulators are stored and updated at every edge. All travelling registers are windows into the tile's
//! streams: nothing shifts, and `skew.*`, `pe.a`, `pe.w`, `pe.valid`, `pe.first` and `pe.product` are computed when visited. So
//! are drain and post registers, from the finished rows. The start value is in the accumulator from the tile's
//! first cycle and shown from the PE's first beat on.
//!
//! Registers, latency: those of [`super::Array`], whose ports it shows; `tests/lockstep.rs` holds
//! every register of every cycle equal.
//! Licence: one lane a PE, exact products, formats that fit a machine lane ([`shape`]). Not modelled: other
//! designs; rests between beats ([`Datapath::takes_rests`]); inputs other than a [`Period`] drives (tiles that overlap, bubbles
//! in the middle of a drain).
//! Rules: R2–R6 through `num::adder`, R7 and R8 through `post`, R9.

mod back;
mod kernel;
mod registers;
mod shape;
mod streams;
mod tile;

use std::mem::replace;
use std::ops::Range;
use std::sync::Arc;

use super::accumulate::Accumulate;
use super::{Array, Datapath, Inputs, Observer, Period, Port, Records, Watch};
use crate::design::{Design, Node, Start};
use crate::num::Flags;
use crate::num::adder::Adder;
use crate::num::lanes::Lane;
use back::Back;
use kernel::edges_of_four;
pub use kernel::{BLOCK, Block, MOST_EDGES};
use shape::Shape;
pub use shape::{Step, licence, terms};
use tile::Tile;

/// The grid for a design, when it has the licence.
pub fn grid(design: &Arc<Design>, records: &Records) -> Option<Box<dyn Datapath>> {
    let shape = Shape::new(design)?;
    if let Some(step) = licence::<i16>(design) {
        return Some(Box::new(Grid::new(design, records, shape, step)));
    }
    if let Some(step) = licence::<i32>(design) {
        return Some(Box::new(Grid::new(design, records, shape, step)));
    }
    let step = licence::<i64>(design)?;
    Some(Box::new(Grid::new(design, records, shape, step)))
}

/// The block, its accumulators in lanes of `L`.
struct Grid<L> {
    design: Arc<Design>,
    records: Records,
    shape: Shape,
    step: Step<L>,
    accumulate: Accumulate,
    ports: Vec<Port>,
    tile: Tile<L>,
    /// `[rows][blocks]`, columns reversed.
    blocks: Vec<Block<L>>,
    /// The tile before, which the deepest registers still show.
    before: Tile<L>,
    /// Tiles that are over, longest ago first: when their columns come again, their weights need no skewing.
    spare: Vec<Tile<L>>,
    back: Back,
    /// Events, high and low, `[rows][padded]`, and which rows have any, while they are told.
    counts: [Vec<u32>; 2],
    eventful: Vec<bool>,
}

/// What spare tiles may occupy: about half of a small second-level cache.
const SPARE_BYTES: usize = 1 << 19;

/// How events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tell {
    /// One by one, at the edge at which they happen.
    Each,
    /// As counts.
    Counts,
}

impl<L: Lane> Grid<L> {
    fn new(design: &Arc<Design>, records: &Records, shape: Shape, step: Step<L>) -> Self {
        let tile = Tile::new(&shape);
        let blocks = vec![Block::ZERO; shape.rows * shape.padded / BLOCK];
        Grid {
            accumulate: Accumulate::new(design),
            ports: Array::new(design.clone(), records.clone()).signals(),
            back: Back::new(design, records, &shape),
            before: tile.clone(),
            spare: Vec::new(),
            counts: [vec![0; shape.rows * shape.padded], vec![0; shape.rows * shape.padded]],
            eventful: vec![false; shape.rows],
            tile,
            blocks,
            design: design.clone(),
            records: records.clone(),
            shape,
            step,
        }
    }

    /// The tile under way becomes the one before; its successor has the numbers of `channel`.
    fn turn(&mut self, channel: usize) {
        let kept = self.spare.iter().position(|tile| tile.channel == channel);
        let full = self.spare.len() + 1 >= SPARE_BYTES / self.tile.bytes().max(1);
        let next = match kept {
            Some(place) => self.spare.remove(place),
            None if full && !self.spare.is_empty() => self.spare.remove(0),
            None => Tile::new(&self.shape),
        };
        self.spare.push(replace(&mut self.before, replace(&mut self.tile, next)));
        if self.tile.starts.is_empty() || self.tile.channel != channel {
            (self.tile.starts, self.tile.cut) = self.starts(channel);
        }
        for row in self.blocks.chunks_mut(self.shape.padded / BLOCK) {
            for (block, acc) in row.iter_mut().zip(&self.tile.starts) {
                *block = Block { acc: *acc, ..Block::ZERO };
            }
        }
        self.back.bind(channel);
    }

    /// What a row's accumulators start from: R9, the bias fitted by their own rule; and where that took something.
    fn starts(&self, channel: usize) -> (Vec<[L; BLOCK]>, Vec<(usize, Flags)>) {
        let mut cut = Vec::new();
        let mut starts = vec![[L::ZERO; BLOCK]; self.shape.padded / BLOCK];
        if self.design.accumulator.start == Start::Bias {
            for column in 0..self.shape.columns {
                let place = self.shape.padded - 1 - column;
                let bias = self.accumulate.bias(&self.records, Some(channel + column));
                starts[place / BLOCK][place % BLOCK] = L::truncate(bias.value);
                if bias.flags.any() {
                    cut.push((column, bias.flags));
                }
            }
        }
        (starts, cut)
    }

    /// `cycles` edges of the tile under way.
    fn advance(&mut self, cycles: usize, tell: Tell, watch: &mut dyn Watch) {
        let from = self.tile.now;
        let mut at = from;
        while at < from + cycles {
            let to = (from + cycles).min(at + MOST_EDGES);
            self.accumulate(at, to);
            self.tell_starts(at, to, tell, watch);
            self.tell(tell, watch);
            at = to;
        }
        self.leave(from, from + cycles, tell, watch);
        self.back.advance(&self.shape, &self.tile, [from, from + cycles], tell, watch);
        self.tile.now = from + cycles;
    }

    /// The accumulators' edges of cycles `from..to`, row by row: no row needs another's accumulators.
    fn accumulate(&mut self, from: usize, to: usize) {
        let across = self.shape.padded / BLOCK;
        let mut row = 0;
        while row < self.shape.rows {
            let edges = self.edges_of(row, from, to);
            // Four rows of 64-bit lanes would not fit the registers.
            let together = across == 1
                && size_of::<L>() < 8
                && self.shape.travels()
                && row + 4 <= self.shape.rows
                && (row + 1..row + 4).all(|other| self.edges_of(other, from, to) == edges);
            let rows = if together { 4 } else { 1 };
            if !edges.is_empty() {
                match self.step {
                    Step::FullSaturate(adder) => self.accumulate_rows(adder, row, rows, edges),
                    Step::FullWrap(adder) => self.accumulate_rows(adder, row, rows, edges),
                    Step::RoomySaturate(adder) => self.accumulate_rows(adder, row, rows, edges),
                    Step::RoomyWrap(adder) => self.accumulate_rows(adder, row, rows, edges),
                }
            }
            row += rows;
        }
    }

    /// A row's edges in cycles `from..to`, in its own time; before its first beat and after its last one it
    /// multiplies by zeros.
    fn edges_of(&self, row: usize, from: usize, to: usize) -> Range<usize> {
        let shape = &self.shape;
        let written = self.tile.streams.written();
        if written.beats == 0 {
            return 0..0;
        }
        let end = written.length() + shape.time.hop_column * (shape.columns - 1);
        let delay = shape.time.front() + row * shape.time.hop_row;
        from.saturating_sub(delay).max(written.clears)..to.saturating_sub(delay).min(end)
    }

    fn accumulate_rows<A: Adder<L>>(&mut self, adder: A, row: usize, rows: usize, edges: Range<usize>) {
        let (shape, streams) = (&self.shape, &self.tile.streams);
        let across = shape.padded / BLOCK;
        if let Some(four) = self.blocks[row * across..].first_chunk_mut::<4>().filter(|_| rows == 4) {
            let feeds =
                [0, 1, 2, 3].map(|next| streams.feed(shape, [row + next, 0], edges.start, edges.len()));
            return edges_of_four(adder, four, feeds.map(|feed| feed.activations), feeds[0].weights);
        }
        for (block, state) in self.blocks[row * across..][..across].iter_mut().enumerate() {
            kernel::edges(adder, state, streams.feed(shape, [row, block], edges.start, edges.len()));
        }
    }

    /// Empties the event counters.
    fn tell(&mut self, tell: Tell, watch: &mut dyn Watch) {
        let [high, low] = &mut self.counts;
        kernel::take_counts(&mut self.blocks, &mut self.eventful, high, low);
        let (columns, padded) = (self.shape.columns, self.shape.padded);
        for (row, _) in self.eventful.iter().enumerate().filter(|(_, eventful)| **eventful) {
            let columns = row * padded..row * padded + columns;
            report(tell, watch, Node::Accumulator, row, [&high[columns.clone()], &low[columns]]);
        }
    }

    /// Start values that enter their accumulators in cycles `from..to`, each with its PE's first beat, and do not fit.
    fn tell_starts(&mut self, from: usize, to: usize, tell: Tell, watch: &mut dyn Watch) {
        let (shape, written) = (&self.shape, self.tile.streams.written());
        if self.tile.cut.is_empty() || written.beats == 0 {
            return;
        }
        let [high, low] = &mut self.counts;
        let (high, low) = (&mut high[..shape.columns], &mut low[..shape.columns]);
        for row in 0..shape.rows {
            let begins = written.clears + shape.time.front() + row * shape.time.hop_row;
            let entering = |column: usize| (from..to).contains(&(begins + column * shape.time.hop_column));
            high.fill(0);
            low.fill(0);
            for (column, flags) in self.tile.cut.iter().filter(|(column, _)| entering(*column)) {
                (high[*column], low[*column]) = (flags.high.into(), flags.low.into());
            }
            if high.iter().chain(&*low).any(|count| *count > 0) {
                report(tell, watch, Node::AccumulatorStart, row, [high, low]);
            }
        }
    }

    /// Rows that leave the array in cycles `from..to`, the last one first.
    fn leave(&mut self, from: usize, to: usize, tell: Tell, watch: &mut dyn Watch) {
        let Some(start) = self.tile.drain else { return };
        let (rows, columns, across) = (self.shape.rows, self.shape.columns, self.shape.padded / BLOCK);
        let leaving = from.saturating_sub(start)..to.saturating_sub(start).min(rows);
        if leaving.is_empty() {
            return;
        }
        let blocks = &self.blocks[(rows - leaving.end) * across..(rows - leaving.start) * across];
        let finished = &mut self.tile.finished[leaving.start * columns..leaving.end * columns];
        kernel::show_rows(blocks, across, columns, finished);
        for (number, finished) in leaving.zip(finished.chunks_exact_mut(columns)) {
            if self.design.accumulator.output_fit().is_some() {
                // One by one an event is told of the row that leaves; a count names the row it came from.
                let row = if tell == Tell::Each { 0 } else { rows - 1 - number };
                let [high, low] = &mut self.counts;
                clamp(&self.accumulate, finished, [&mut high[..columns], &mut low[..columns]], |counts| {
                    report(tell, watch, Node::AccumulatorOutput, row, counts);
                });
            }
            watch.finished(0, finished);
        }
    }

    /// What PE(row, column) has accumulated, its start value included.
    fn accumulator(&self, row: usize, column: usize) -> i64 {
        let place = self.shape.padded - 1 - column;
        let block = row * self.shape.padded / BLOCK + place / BLOCK;
        self.blocks[block].acc[place % BLOCK].to_i64()
    }

    /// Cycles that nobody samples: events as counts. While the first event is still to be found, they are
    /// rehearsed; where that finds some, they are done in small pieces, and those with events edge by edge.
    fn hurry(&mut self, cycles: usize, observer: &mut dyn Observer) {
        let (mut left, mut piece) = (cycles, cycles);
        while left > 0 {
            let count = piece.min(left);
            if observer.watch().counts_suffice() {
                self.advance(left, Tell::Counts, observer.watch());
                return observer.edges(left);
            }
            if self.rehearse(count, observer.watch()) {
                observer.edges(count);
            } else if count > CLOSE_LOOK {
                piece = CLOSE_LOOK;
                continue;
            } else {
                for _ in 0..count {
                    self.advance(1, Tell::Each, observer.watch());
                    observer.edge();
                }
            }
            left -= count;
        }
    }

    /// Runs `cycles`, unless they have an event: then nothing has happened, and false is returned.
    fn rehearse(&mut self, cycles: usize, watch: &mut dyn Watch) -> bool {
        let (blocks, now) = (self.blocks.clone(), self.tile.now);
        let mut rehearsal = Rehearsal::default();
        self.advance(cycles, Tell::Counts, &mut rehearsal);
        if rehearsal.eventful {
            (self.blocks, self.tile.now) = (blocks, now);
        } else {
            rehearsal.perform(self.shape.columns, watch);
        }
        !rehearsal.eventful
    }
}

/// Cycles that are looked at one by one when the first event is among them.
const CLOSE_LOOK: usize = 4;

/// Keeps what a watch would be told.
#[derive(Debug, Default)]
struct Rehearsal {
    eventful: bool,
    finished: Vec<i64>,
    outputs: Vec<i64>,
}

impl Rehearsal {
    fn perform(&self, columns: usize, watch: &mut dyn Watch) {
        self.finished.chunks_exact(columns).for_each(|row| watch.finished(0, row));
        self.outputs.chunks_exact(columns).for_each(|row| watch.output(0, row));
    }
}

impl Watch for Rehearsal {
    fn overflow(&mut self, _: Node, _: usize, _: usize, _: Flags) {
        self.eventful = true;
    }

    fn overflows(&mut self, _: Node, _: usize, _: &[u32], _: &[u32]) {
        self.eventful = true;
    }

    fn finished(&mut self, _: usize, values: &[i64]) {
        self.finished.extend_from_slice(values);
    }

    fn output(&mut self, _: usize, values: &[i64]) {
        self.outputs.extend_from_slice(values);
    }
}

/// A finished row into the accumulator's format; `outside` is told where it was not.
fn clamp(
    rule: &Accumulate,
    row: &mut [i64],
    [high, low]: [&mut [u32]; 2],
    outside: impl FnOnce([&[u32]; 2]),
) {
    let mut any = false;
    for (column, value) in row.iter_mut().enumerate() {
        let fitted = rule.finish(*value);
        (high[column], low[column]) = (fitted.flags.high.into(), fitted.flags.low.into());
        *value = fitted.value;
        any |= fitted.flags.high | fitted.flags.low;
    }
    if any {
        outside([high, low]);
    }
}

fn report(tell: Tell, watch: &mut dyn Watch, node: Node, row: usize, [high, low]: [&[u32]; 2]) {
    if tell == Tell::Counts {
        return watch.overflows(node, row, high, low);
    }
    for column in 0..high.len() {
        let flags = Flags { high: high[column] > 0, low: low[column] > 0 };
        if flags.high || flags.low {
            watch.overflow(node, row, column, flags);
        }
    }
}

impl<L: Lane> Datapath for Grid<L> {
    fn signals(&self) -> Vec<Port> {
        self.ports.clone()
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        self.registers(inputs, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        if inputs.first[0] {
            self.turn(inputs.channel);
            self.tile.begin(&self.shape, usize::from(!inputs.valid[0]));
        }
        self.tile.take(&self.shape, &self.design, &self.records, inputs);
        self.advance(1, Tell::Each, watch);
    }

    /// Its streams have a beat in every place.
    fn takes_rests(&self) -> bool {
        false
    }

    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        if period.feed.beats > 0 {
            self.turn(period.channel);
            self.tile.load(&self.shape, &self.design, &self.records, period);
        }
        let (mut inputs, mut sample, mut cycle) = (Inputs::default(), Vec::new(), 0);
        while cycle < period.cycles {
            let unsampled = observer.unsampled_cycles().min(period.cycles - cycle);
            if unsampled > 0 {
                self.hurry(unsampled, observer);
                cycle += unsampled;
                continue;
            }
            period.drive(cycle, &mut inputs);
            sample.clear();
            self.visit(&inputs, &mut sample);
            observer.sample(&inputs, &sample);
            self.advance(1, Tell::Each, observer.watch());
            observer.edge();
            cycle += 1;
        }
    }
}
