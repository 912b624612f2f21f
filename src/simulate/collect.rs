//! Follows a datapath: gathers the outcome and hands samples on in chunks.

use ndarray::Array2;

use super::{Located, Run, Timing};
use crate::datapath::{Ended, Inputs, Observer, Tiles, Watch, visit_inputs};
use crate::design::Node;
use crate::error::{Error, Result};
use crate::lower::{Counts, Event, Map, Outcome, Program, Tile, no_events};
use crate::num::Flags;
use crate::trace::{Chunk, Sink};

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
    /// None while all of them are the accumulators.
    outputs: Option<Array2<i64>>,
    /// The tile of the events that are told as counts.
    under_way: Tile,
    /// First cycle of the tile after it.
    under_way_until: u64,
    /// The tile that had the last event.
    last: Tile,
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
        row: usize,
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
            outputs: None,
            under_way: program.tile(0),
            last: program.tile(0),
            under_way_until: timing.tile_start(1),
            finished: Leaving::new(program),
            delivered: Leaving::new(program),
            counts: counts.then(none),
            first: None,
            sinks,
            chunk: Chunk { first_cycle: 0, values: Vec::new() },
            row,
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
        let (map, tiles) = (self.program.map(), self.program.tile_count());
        let expected = tiles / map.visits * map.leaving();
        let all = |leaving: &Leaving| leaving.columns.iter().all(|column| column.done == expected);
        assert!(all(&self.finished) && all(&self.delivered), "every row leaves the datapath once");
        let first_cycle = self.first.as_ref().map(|f| f.cycle);
        if let Some(counts) = &mut self.counts {
            counts.first = self.first.map(|f| f.event);
        }
        let outputs = self.outputs.unwrap_or_else(|| self.accumulators.clone());
        let outcome = Outcome { accumulators: self.accumulators, outputs, counts: self.counts };
        Ok(Run { outcome, cycles: self.cycle, first_cycle })
    }

    /// The tile of the cycle.
    fn tile_under_way(&mut self) -> Tile {
        if self.cycle >= self.under_way_until {
            let index = self.timing.tile_at(self.cycle);
            self.under_way = self.program.tile(index);
            self.under_way_until = self.timing.tile_start(index + 1);
        }
        self.under_way
    }

    /// The tile of an event: mostly that of the one before.
    fn tile_of_event(&mut self, index: usize) -> Tile {
        if self.last.index != index {
            self.last = self.finished.map.tile_at(index);
        }
        self.last
    }

    /// Row and channel of the outcome that a row and column of a tile work on.
    fn output(&mut self, tile: usize, at: [usize; 2]) -> Option<[usize; 2]> {
        let tile = self.tile_of_event(tile);
        self.finished.map.output(tile, at)
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
        if !self.map.leaves_by_row() || !self.map.is_straight() {
            for (exit, value) in values.iter().enumerate() {
                if let Some(at) = self.map.output(tile, self.map.leaves(nth, first + exit)) {
                    into[at] = *value;
                }
            }
        } else {
            let live = live_row(&self.map, tile, row, into).get_mut(column..).unwrap_or_default();
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
fn live_row<'a>(map: &Map, tile: Tile, row: usize, of: &'a mut Array2<i64>) -> &'a mut [i64] {
    let Some([m, n]) = map.output(tile, [row, 0]) else { return &mut [] };
    let (width, columns) = (of.ncols(), map.columns_of(tile));
    of.as_slice_mut().map_or(&mut [], |all| &mut all[m * width + n..][..columns])
}

/// Counts an event of output (m, n), and keeps the first in schedule order.
fn note(
    program: &Program,
    counts: &mut Counts,
    first: &mut Option<First>,
    (node, at, cycle): (Node, Located, u64),
    ([m, n], flags): ([usize; 2], Flags),
) {
    let index = program.design.node_index(node);
    let events = &mut counts.nodes[index];
    events.high += u64::from(flags.high);
    events.low += u64::from(flags.low);
    if node == Node::Accumulator {
        counts.accumulator[[m, n]] += 1;
    }
    let order = (at.tile, at.beat.unwrap_or(usize::MAX), at.row, at.column, index);
    if first.as_ref().is_none_or(|first| order < first.order) {
        let event = Event { node: events.node.clone(), m, n, beat: at.beat, high: flags.high };
        *first = Some(First { order, event, cycle });
    }
}

/// Adds counts of events of a row of tiles side by side, the first of which is `tile`.
fn count(
    program: &Program,
    counts: &mut Counts,
    (map, tile): (&Map, Tile),
    (node, row): (Node, usize),
    [high, low]: [&[u32]; 2],
) {
    let Some(first) = map.first_output(tile, row) else { return };
    // Against the order of the PEs, those that idle are the first.
    let idle =
        if map.is_straight() { 0 } else { (0..).take_while(|at| map.channel(tile, *at).is_none()).count() };
    let columns = map.columns_from(tile, high.len());
    let (high, low) = (&high[idle..idle + columns], &low[idle..idle + columns]);
    let events = &mut counts.nodes[program.design.node_index(node)];
    let (mut highs, mut lows) = (0, 0);
    for (high, low) in high.iter().zip(low) {
        highs += high;
        lows += low;
    }
    events.high += u64::from(highs);
    events.low += u64::from(lows);
    if node != Node::Accumulator {
        return;
    }
    let pairs = high.iter().zip(low).map(|(high, low)| i64::from(high + low));
    if !map.is_straight() {
        for (column, count) in (idle..).zip(pairs) {
            if let Some(at) = map.output(tile, [row, column]) {
                counts.accumulator[at] += count;
            }
        }
    } else if let Some(all) = counts.accumulator.as_slice_mut() {
        let [m, n] = first;
        let own = &mut all[m * program.shape.channels() + n..][..columns];
        own.iter_mut().zip(pairs).for_each(|(own, count)| *own += count);
    }
}

impl Watch for Collector<'_, '_> {
    fn overflow(&mut self, node: Node, row: usize, column: usize, flags: Flags) {
        if self.counts.is_none() {
            return;
        }
        let at = self.timing.locate(node, [row, column], self.cycle);
        // What idles has no events.
        let Some(output) = self.output(at.tile, [at.row, at.column]) else { return };
        let Some(counts) = &mut self.counts else { return };
        note(self.program, counts, &mut self.first, (node, at, self.cycle), (output, flags));
    }

    fn overflows(&mut self, node: Node, row: usize, high: &[u32], low: &[u32]) {
        let tile = self.tile_under_way();
        if let Some(counts) = &mut self.counts {
            count(self.program, counts, (&self.finished.map, tile), (node, row), [high, low]);
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
        let outputs = self.outputs.get_or_insert_with(|| Array2::zeros(self.accumulators.raw_dim()));
        self.delivered.store(self.program, tile, column, values, outputs);
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

    fn knows_first(&self, tile: usize) -> bool {
        let first = self.first.as_ref().map(|first| first.order.0);
        self.counts.is_none() || first.is_some_and(|first| first + self.finished.map.visits <= tile)
    }

    fn located(&mut self, tile: usize, node: Node, output: [usize; 2], step: Option<usize>, flags: Flags) {
        let Some(of) = self.output(tile, output) else { return };
        let Some(counts) = &mut self.counts else { return };
        let at = self.timing.output_of(node, tile, output, step);
        let cycle = self.timing.cycle_in(node, tile, at.beat, output);
        note(self.program, counts, &mut self.first, (node, at, cycle), (of, flags));
    }

    fn counted(&mut self, tiles: Tiles, node: Node, row: usize, [high, low]: [&[u32]; 2]) {
        let map = self.finished.map;
        // Where PEs are counted as outputs are, channels of tiles side by side follow on each other.
        let together = if map.is_straight() { high.len() } else { map.tile[1] };
        let counted = high.chunks(together).zip(low.chunks(together));
        for (index, (high, low)) in tiles.zip(counted) {
            let tile = self.tile_of_event(index);
            let Some(counts) = &mut self.counts else { return };
            count(self.program, counts, (&map, tile), (node, row), [high, low]);
        }
    }

    fn tiles(&mut self, tiles: Tiles, what: Ended, values: &[i64], stride: usize) {
        let leaves = self.finished.map.leaving() * tiles.len();
        let leave = |leaving: &mut Leaving| leaving.columns.iter_mut().for_each(|exit| exit.done += leaves);
        if what != Ended::Output {
            leave(&mut self.finished);
        }
        if what != Ended::Accumulator {
            leave(&mut self.delivered);
        }
        let into = match what {
            Ended::Accumulator | Ended::Both => &mut self.accumulators,
            Ended::Output => self.outputs.get_or_insert_with(|| Array2::zeros(self.accumulators.raw_dim())),
        };
        let map = &self.finished.map;
        let Some(first) = tiles.clone().next().map(|tile| map.tile_at(tile)) else { return };
        if let (true, Some([m, n])) = (map.is_straight(), map.output(first, [0, 0])) {
            let (live, all) = (map.columns_from(first, stride), into.ncols());
            let rows = into.as_slice_mut().unwrap_or_default()[m * all + n..].chunks_mut(all);
            for (row, values) in rows.take(map.rows_of(first)).zip(values.chunks(stride)) {
                copy(&mut row[..live], &values[..live]);
            }
            return;
        }
        for (at, tile) in tiles.enumerate() {
            let (tile, before) = (map.tile_at(tile), at * map.tile[1]);
            for (row, values) in values.chunks(stride).enumerate() {
                for (column, value) in values[before..][..map.tile[1]].iter().enumerate() {
                    if let Some(at) = map.output(tile, [row, column]) {
                        into[at] = *value;
                    }
                }
            }
        }
    }

    fn edge(&mut self) {
        self.cycle += 1;
    }

    fn edges(&mut self, count: usize) {
        // A cycle count in memory fits 64 bits.
        self.cycle += count as u64;
    }
}
