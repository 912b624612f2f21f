//! Follows a datapath: gathers the outcome and hands samples on in chunks.

use ndarray::Array2;

use super::{Located, Run, Timing};
use crate::datapath::{Inputs, Observer, Watch, visit_inputs};
use crate::design::Node;
use crate::error::{Error, Result};
use crate::lower::{Counts, Event, Map, Outcome, Program, Tile, no_events};
use crate::num::Flags;
use crate::trace::{Chunk, SignalTable, Sink};

/// Values of a chunk, about: large enough to make a call cheap, small enough to stay in the cache.
const CHUNK_VALUES: usize = 1 << 16;

/// Schedule order of events: tile, beat (behind the accumulator: after all beats), row, column, node.
type Order = (usize, usize, usize, usize, usize);

struct First {
    order: Order,
    event: Event,
    cycle: u64,
}

/// The observer of a simulation.
pub struct Collector<'a, 'b> {
    program: &'a Program,
    timing: &'a Timing,
    cycle: u64,
    accumulators: Array2<i64>,
    outputs: Array2<i64>,
    /// The tile of the events that are told as counts.
    under_way: Tile,
    /// First cycle of the tile after it.
    under_way_until: u64,
    finished: Leaving,
    delivered: Leaving,
    counts: Option<Counts>,
    first: Option<First>,
    sinks: &'a mut [&'b mut dyn Sink],
    chunk: Chunk,
    row: usize,
    error: Option<Error>,
}

impl<'a, 'b> Collector<'a, 'b> {
    pub fn new(
        program: &'a Program,
        timing: &'a Timing,
        counts: bool,
        table: &SignalTable,
        sinks: &'a mut [&'b mut dyn Sink],
    ) -> Self {
        let shape = (program.shape.rows(), program.shape.channels());
        let zeros = || Array2::zeros(shape);
        let none = || Counts { accumulator: zeros(), nodes: no_events(&program.design), first: None };
        Collector {
            program,
            timing,
            cycle: 0,
            accumulators: zeros(),
            outputs: zeros(),
            under_way: program.tile(0),
            under_way_until: timing.tile_start(1),
            finished: Leaving::new(program),
            delivered: Leaving::new(program),
            counts: counts.then(none),
            first: None,
            sinks,
            chunk: Chunk { first_cycle: 0, values: Vec::new() },
            row: table.row(),
            error: None,
        }
    }

    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// A sink's error, as soon as the period in which it happened is over.
    pub fn fail_early(&mut self) -> Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    pub fn finish(mut self) -> Result<Run> {
        self.flush();
        self.fail_early()?;
        let expected = self.program.output_tiles().count() * self.program.map().leaving();
        let all = |leaving: &Leaving| leaving.columns.iter().all(|column| column.done == expected);
        assert!(all(&self.finished) && all(&self.delivered), "every row leaves the datapath once");
        let first_cycle = self.first.as_ref().map(|f| f.cycle);
        if let Some(counts) = &mut self.counts {
            counts.first = self.first.map(|f| f.event);
        }
        let outcome = Outcome { accumulators: self.accumulators, outputs: self.outputs, counts: self.counts };
        Ok(Run { outcome, cycles: self.cycle, first_cycle })
    }

    fn flush(&mut self) {
        if self.chunk.values.is_empty() || self.error.is_some() {
            return;
        }
        let sent = self.sinks.iter_mut().try_for_each(|sink| sink.chunk(&self.chunk));
        self.error = sent.err();
        self.chunk.first_cycle += (self.chunk.values.len() / self.row) as u64;
        self.chunk.values.clear();
    }
}

/// Where the next values that leave the datapath belong: tiles in order, and in a tile as the map says.
struct Leaving {
    map: Map,
    /// All columns together, or where sums leave skewed, each by itself.
    columns: Vec<Column>,
}

/// How far some columns are.
#[derive(Clone)]
struct Column {
    tile: Tile,
    /// Values of the tile that are still to come.
    left: usize,
    /// Values that have left, over all tiles.
    done: usize,
}

impl Leaving {
    fn new(program: &Program) -> Self {
        let (map, array) = (program.map(), &program.design.array);
        let column = Column { tile: program.tile(0), left: map.leaving(), done: 0 };
        let exits = if array.leaves_apart() { array.exits() } else { 1 };
        Leaving { map, columns: vec![column; exits] }
    }

    /// Stores values of the columns from `first` on, unless they are idle. `under_way` is a tile that may be the next.
    fn store(
        &mut self,
        program: &Program,
        under_way: Tile,
        first: usize,
        values: &[i64],
        into: &mut Array2<i64>,
    ) {
        let of = if self.columns.len() > 1 { first } else { 0 };
        let at = &mut self.columns[of];
        if at.left == 0 {
            let next = at.tile.index + self.map.visits;
            // Mostly the same tile: no need to work it out again.
            at.tile = if under_way.index == next { under_way } else { program.tile(next) };
            at.left = self.map.leaving();
        }
        at.left -= 1;
        at.done += 1;
        let (tile, nth) = (at.tile, self.map.leaving() - 1 - at.left);
        let [row, column] = self.map.leaves(nth, first);
        if !self.map.leaves_by_row() {
            for (exit, value) in values.iter().enumerate() {
                let [row, column] = self.map.leaves(nth, first + exit);
                if row < program.rows_of(tile) && column < program.columns_of(tile) {
                    into[[program.output_row(tile, row), program.output_channel(tile, column)]] = *value;
                }
            }
        } else if row < program.rows_of(tile) {
            let live = live_row(program, tile, row, into).get_mut(column..).unwrap_or_default();
            let count = live.len().min(values.len());
            copy(&mut live[..count], &values[..count]);
        }
    }
}

/// A row of the commonest width is a few vectors, not a call.
fn copy(to: &mut [i64], from: &[i64]) {
    match (to.as_mut_array::<16>(), from.as_array::<16>()) {
        (Some(to), Some(from)) => *to = *from,
        _ => to.copy_from_slice(from),
    }
}

/// The elements of an outcome that a tile's row fills.
fn live_row<'a>(program: &Program, tile: Tile, row: usize, of: &'a mut Array2<i64>) -> &'a mut [i64] {
    let (width, columns) = (of.ncols(), program.columns_of(tile));
    let at = program.output_row(tile, row) * width + program.output_channel(tile, 0);
    of.as_slice_mut().map_or(&mut [], |all| &mut all[at..at + columns])
}

/// Counts an event, and keeps the first in schedule order.
fn note(
    program: &Program,
    counts: &mut Counts,
    first: &mut Option<First>,
    (node, at, cycle): (Node, Located, u64),
    flags: Flags,
) {
    let index = program.design.node_index(node);
    let events = &mut counts.nodes[index];
    events.high += u64::from(flags.high);
    events.low += u64::from(flags.low);
    let tile = program.tile(at.tile);
    let (m, n) = (program.output_row(tile, at.row), program.output_channel(tile, at.column));
    if node == Node::Accumulator {
        counts.accumulator[[m, n]] += 1;
    }
    let order = (at.tile, at.beat.unwrap_or(usize::MAX), at.row, at.column, index);
    if first.as_ref().is_none_or(|first| order < first.order) {
        let event = Event { node: events.node.clone(), m, n, beat: at.beat, high: flags.high };
        *first = Some(First { order, event, cycle });
    }
}

impl Watch for Collector<'_, '_> {
    fn overflow(&mut self, node: Node, row: usize, column: usize, flags: Flags) {
        let Some(counts) = &mut self.counts else { return };
        let program = self.program;
        let at = self.timing.locate(node, [row, column], self.cycle);
        let tile = program.tile(at.tile);
        if at.row >= program.rows_of(tile) || at.column >= program.columns_of(tile) {
            return;
        }
        note(program, counts, &mut self.first, (node, at, self.cycle), flags);
    }

    fn overflows(&mut self, node: Node, row: usize, high: &[u32], low: &[u32]) {
        let Some(counts) = &mut self.counts else { return };
        let program = self.program;
        if self.cycle >= self.under_way_until {
            let index = self.timing.tile_at(self.cycle);
            self.under_way = program.tile(index);
            self.under_way_until = self.timing.tile_start(index + 1);
        }
        let tile = self.under_way;
        if row >= program.rows_of(tile) {
            return;
        }
        let columns = program.columns_of(tile);
        let (high, low) = (&high[..columns], &low[..columns]);
        let events = &mut counts.nodes[program.design.node_index(node)];
        let (mut highs, mut lows) = (0, 0);
        for (high, low) in high.iter().zip(low) {
            highs += high;
            lows += low;
        }
        events.high += u64::from(highs);
        events.low += u64::from(lows);
        if node == Node::Accumulator {
            let totals = live_row(program, tile, row, &mut counts.accumulator);
            for (total, (high, low)) in totals.iter_mut().zip(high.iter().zip(low)) {
                *total += i64::from(high + low);
            }
        }
    }

    fn counts_suffice(&self) -> bool {
        let behind = |first: &First| self.timing.is_behind(first.order.0, first.event.beat, self.cycle);
        self.counts.is_none() || self.first.as_ref().is_some_and(behind)
    }

    fn finished(&mut self, column: usize, values: &[i64]) {
        self.finished.store(self.program, self.under_way, column, values, &mut self.accumulators);
    }

    fn output(&mut self, column: usize, values: &[i64]) {
        let tile = self.finished.columns[0].tile;
        self.delivered.store(self.program, tile, column, values, &mut self.outputs);
    }
}

impl Observer for Collector<'_, '_> {
    fn samples(&self) -> bool {
        !self.sinks.is_empty()
    }

    fn sample(&mut self, inputs: &Inputs, sample: &[i64]) {
        visit_inputs(&self.program.design, inputs, &mut self.chunk.values);
        self.chunk.values.extend_from_slice(sample);
        if self.chunk.values.len() >= CHUNK_VALUES {
            self.flush();
        }
    }

    fn watch(&mut self) -> &mut dyn Watch {
        self
    }

    fn located(&mut self, node: Node, [row, column]: [usize; 2], step: Option<usize>, flags: Flags) {
        let (Some(counts), program) = (&mut self.counts, self.program) else { return };
        let fed = self.timing.tile_at(self.cycle);
        let tile = program.tile(fed);
        if row >= program.rows_of(tile) || column >= program.columns_of(tile) {
            return;
        }
        let at = self.timing.output_of(node, fed, [row, column], step);
        let cycle = self.timing.cycle_in(node, fed, at.beat, [row, column]);
        note(program, counts, &mut self.first, (node, at, cycle), flags);
    }

    fn edge(&mut self) {
        self.cycle += 1;
    }

    fn edges(&mut self, count: usize) {
        // A cycle count in memory fits 64 bits.
        self.cycle += count as u64;
    }
}
