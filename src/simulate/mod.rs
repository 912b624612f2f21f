//! A program on a datapath, clock by clock: a trace to whoever wants one, and the outcome.
//!
//! Cycles are assigned here and nowhere else ([`Timing`]); inputs are driven and everything is sampled
//! strictly before the edge that ends the cycle (R11). Memory does not grow with the number of cycles.

mod collect;
mod gaps;
mod timing;

pub use gaps::{Gaps, resting};
pub use timing::{Located, Timing};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::datapath::{self, Datapath, Direction, Feed, Loading, Period, Port, Visit};
use crate::design::Load;
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{bytes, check_room};
use crate::lower::{Map, Outcome, Program, Tile};
use crate::trace::{Role, Signal, SignalTable, Sink};
use collect::Collector;

/// What a simulation is asked for besides values.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Event counts per output and node.
    pub counts: bool,
    /// Told the number of cycles done so far, now and then.
    pub progress: Option<&'a dyn Fn(u64)>,
    /// Idle cycles of the host between beats.
    pub gaps: Gaps,
}

/// What a simulation yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Values and events, to be compared with the functional engine's.
    pub outcome: Outcome,
    /// Cycles simulated, the idle ones at the end included.
    pub cycles: u64,
    /// Cycle whose edge stores the value of `outcome.counts.first`.
    pub first_cycle: Option<u64>,
}

/// Runs a program on the datapath its design describes, and streams every cycle to `sinks`.
///
/// # Errors
/// As [`run_on`].
pub fn run(program: &Program, options: Options<'_>, sinks: &mut [&mut dyn Sink]) -> Result<Run> {
    check_array(program)?;
    let records = program.records();
    let build = if options.gaps.is_none() { datapath::build } else { datapath::plain };
    let mut datapath = build(&program.design, &records);
    run_with(program, (datapath.as_mut(), records), options, sinks)
}

/// Runs a program on a given datapath: a faster form, or two in [`datapath::Lockstep`].
///
/// # Errors
/// More than 65536 parameter records, which the channel port cannot count; gaps for a datapath that is not made for them;
/// whatever a sink reports.
pub fn run_on(
    program: &Program,
    datapath: &mut dyn Datapath,
    options: Options<'_>,
    sinks: &mut [&mut dyn Sink],
) -> Result<Run> {
    run_with(program, (datapath, program.records()), options, sinks)
}

fn run_with(
    program: &Program,
    (datapath, records): (&mut dyn Datapath, Arc<Vec<Vec<i64>>>),
    options: Options<'_>,
    sinks: &mut [&mut dyn Sink],
) -> Result<Run> {
    check_channels(program)?;
    if !options.gaps.is_none() && !datapath.takes_rests() {
        return Err(Error::new(Kind::Unsupported, "this datapath wants beat after beat, without gaps"));
    }
    let timing = Timing::with(program, options.gaps);
    // Where nobody samples, nobody asks what the signals are.
    let table = (!sinks.is_empty()).then(|| signal_table(program, datapath, &timing));
    for (sink, table) in sinks.iter_mut().zip(table.iter().cycle()) {
        sink.begin(table)?;
    }
    let has_sinks = table.is_some();
    let row = table.as_ref().map_or(0, SignalTable::row);
    let mut collector = Collector::new(program, &timing, options.counts, row, sinks);
    let mut host = Host::new(program, &timing, records);
    if let Some(period) = host.lead() {
        datapath.run(period, &mut collector);
    }
    while host.next.index < host.tiles {
        // Whoever samples sees them cycle by cycle.
        let many = !has_sinks && datapath.takes_values();
        datapath.run(host.tiles(many), &mut collector);
        collector.fail_early()?;
        if let Some(progress) = options.progress {
            progress(collector.cycle());
        }
    }
    datapath.run(host.idle(timing.tail_cycles()), &mut collector);
    let run = collector.finish()?;
    for sink in sinks.iter_mut() {
        sink.finish()?;
    }
    Ok(run)
}

/// The signals of a program's trace: inputs, registers, outputs.
fn signal_table(program: &Program, datapath: &dyn Datapath, timing: &Timing) -> SignalTable {
    let ports = datapath::input_ports(&program.design).into_iter().chain(datapath.signals());
    let signals = ports.map(signal).collect();
    SignalTable { design: program.design.name.clone(), signals, cycles: timing.total_cycles() }
}

fn signal(port: Port) -> Signal {
    let role = match port.direction {
        Direction::Input => Role::Input,
        Direction::Register => Role::Register,
        Direction::Output => Role::Output,
    };
    Signal { name: port.name, node: port.node, role, shape: port.shape, format: port.format }
}

/// Refuses an array whose registers, or whose streams of one tile, would not fit in memory.
fn check_array(program: &Program) -> Result<()> {
    let array = &program.design.array;
    let depth = 4 + program.design.operand_latency as usize + program.design.product_latency as usize;
    let registers = bytes(&[array.rows, array.columns, array.lanes, depth], 8);
    let above = if array.sums_travel() { 0 } else { array.columns };
    let streams = bytes(&[array.rows + above, array.lanes, program.tile_beats()], 8);
    check_room(registers.saturating_add(streams), || {
        format!("an array of {} x {} x {} multipliers", array.rows, array.columns, array.lanes)
    })
    .map_err(|e| e.at(Place::Signal("array".into())))
}

/// `in.channel` is a 16-bit port.
fn check_channels(program: &Program) -> Result<()> {
    let records = program.shape.groups * program.records_per_group();
    if records > 1 << 16 {
        let message = format!("{records} parameter records: the channel port counts to 65536");
        return Err(Error::new(Kind::Unsupported, message).help("use --engine functional"));
    }
    Ok(())
}

/// Elements of streams that are kept.
const MOST_KEPT: usize = 1 << 22;

/// What keeping a stream costs beside it, in elements.
const KEPT_BESIDE: usize = 32;

/// Values of a requantizer alone that come in one period where nobody samples.
const MOST_VALUES: usize = 1 << 10;

/// Prepares what is driven, one period at a time, in buffers that are used again.
struct Host<'a> {
    program: &'a Program,
    timing: &'a Timing,
    map: Map,
    records: Arc<Vec<Vec<i64>>>,
    records_per_group: usize,
    tiles: usize,
    /// The next one.
    next: Tile,
    /// Of tiles with an even number, and of those with an odd one.
    paces: [Pace; 2],
    period: Period,
    left: Kept,
    above: Kept,
}

/// What the laws say of a tile's period.
#[derive(Clone, Copy)]
struct Pace {
    cycles: usize,
    feed: Feed,
    load: usize,
    drain: Option<usize>,
    switch: Option<usize>,
}

impl Pace {
    fn of(timing: &Timing, index: usize) -> Pace {
        Pace {
            cycles: timing.period_cycles(index),
            feed: *timing.feed(index),
            load: timing.load(index),
            drain: timing.drain_start(index),
            switch: timing.switch(index),
        }
    }
}

/// Streams that come again: those of a row for every tile beside it, those of a column for every tile below.
#[derive(Default)]
struct Kept {
    /// Image, group, first row or column, and visit.
    streams: BTreeMap<[usize; 4], Arc<Vec<i32>>>,
    /// The one that was asked for last: tiles beside each other, or below, have the same.
    last: Option<([usize; 4], Arc<Vec<i32>>)>,
    elements: usize,
}

impl Kept {
    fn stream(&mut self, key: [usize; 4], make: impl FnOnce(&mut Vec<i32>)) -> Arc<Vec<i32>> {
        if let Some((_, last)) = self.last.as_ref().filter(|(last, _)| *last == key) {
            return last.clone();
        }
        let stream = self.look_up(key, make);
        self.last = Some((key, stream.clone()));
        stream
    }

    fn look_up(&mut self, key: [usize; 4], make: impl FnOnce(&mut Vec<i32>)) -> Arc<Vec<i32>> {
        if let Some(kept) = self.streams.get(&key) {
            return kept.clone();
        }
        let mut stream = Vec::new();
        make(&mut stream);
        // A short one costs as much as its place among the others.
        let elements = stream.len() + KEPT_BESIDE;
        if self.elements + elements > MOST_KEPT {
            *self = Kept::default();
        }
        self.elements += elements;
        let stream = Arc::new(stream);
        self.streams.insert(key, stream.clone());
        stream
    }
}

impl<'a> Host<'a> {
    fn new(program: &'a Program, timing: &'a Timing, records: Arc<Vec<Vec<i64>>>) -> Self {
        let period = Period::of(&program.design.array);
        Host {
            program,
            timing,
            map: program.map(),
            records,
            records_per_group: program.records_per_group(),
            tiles: program.tile_count(),
            next: program.tile(0),
            paces: [0, 1].map(|index| Pace::of(timing, index)),
            period,
            left: Kept::default(),
            above: Kept::default(),
        }
    }

    /// The streams from above of a tile, where sums stay.
    fn above(&mut self, tile: Tile) -> Arc<Vec<i32>> {
        let Host { program, records, above, .. } = self;
        let key = [0, tile.group, tile.n0, tile.visit];
        above.stream(key, |stream| program.above_stream(tile, records, stream))
    }

    /// The streams from the left: activations, or where these stay, weights.
    fn left(&mut self, tile: Tile) -> Arc<Vec<i32>> {
        let Host { program, map, records, left, .. } = self;
        let key = match map.is_turned() {
            false => [tile.image, tile.group, tile.m0, tile.visit],
            true => [0, tile.group, tile.n0, tile.visit],
        };
        left.stream(key, |stream| program.left_stream(tile, records, stream))
    }

    /// The load of a tile's operands from cycle `at` of the period on; of no tile, nothing.
    fn load(&self, tile: Option<Tile>, at: usize) -> Option<Loading> {
        let (program, load) = (self.program, self.program.design.array.load?);
        let tile = tile.filter(|tile| tile.index < self.tiles);
        let is_one = tile.is_some();
        let rows = tile.map_or_else(Vec::new, |tile| program.loaded(tile, &self.records));
        Some(Loading { at: is_one.then_some(at), kind: load.kind, rows: Arc::new(rows) })
    }

    /// Cycles in front of the first tile, in which its operands are loaded.
    fn lead(&mut self) -> Option<&Period> {
        let cycles = self.timing.lead_cycles();
        self.period.load = self.load(Some(self.next), 0);
        self.period.cycles = cycles;
        self.period.feed = Feed::default();
        self.period.switch = self.timing.switch(0).map(|_| cycles - 1);
        (cycles > 0).then_some(&self.period)
    }

    /// The next tile; of a requantizer alone, where `many` are taken, so many outputs, which are tiles of one cycle each.
    fn tiles(&mut self, many: bool) -> &Period {
        let tile = self.next;
        self.tile();
        let count = if many { MOST_VALUES.min(self.program.shape.n - tile.n0) } else { 1 };
        let Host { program, map, next, period, records, timing, .. } = self;
        period.values.clear();
        if let (Some(value), true) = (program.design.value_parameter(), count > 1) {
            period.values.extend_from_slice(&records[value][period.channel..period.channel + count]);
            *next = map.tile_at(tile.index + count);
            // Cycles in memory.
            period.cycles = (timing.tile_start(next.index) - timing.tile_start(tile.index)) as usize;
        }
        period
    }

    fn tile(&mut self) {
        let (program, tile) = (self.program, self.next);
        self.next = self.map.following(tile);
        let Pace { cycles, feed, load, drain, switch } = self.paces[tile.index % 2];
        let held = feed.rests.map(|_| self.period.last().unwrap_or_default());
        let left = self.left(tile);
        self.period.pass();
        if let Some(held) = held {
            self.period.held = held;
        }
        match program.design.array.load {
            None => self.period.above = self.above(tile),
            // With a second buffer, the next tile's hides behind this one.
            Some(Load { switch: Some(_), .. }) => self.period.load = self.load(Some(self.next), load),
            Some(_) => self.period.load = self.load(Some(tile), load),
        }
        let period = &mut self.period;
        period.left = left;
        period.cycles = cycles;
        period.opening = self.timing.opening();
        period.feed = feed;
        period.channel = tile.group * self.records_per_group + tile.n0;
        period.value =
            program.design.value_parameter().map_or(0, |index| self.records[index][period.channel]);
        period.visit =
            Visit { accumulates: tile.visit > 0, leaves: tile.visit + 1 == self.map.visits, address: 0 };
        period.drain = drain;
        period.switch = switch.filter(|_| tile.index + 1 < self.tiles);
    }

    /// Cycles without a beat: the pipeline runs empty. An array keeps holding the last tile's channel.
    fn idle(&mut self, cycles: usize) -> &Period {
        self.period.pass();
        self.period.cycles = cycles;
        self.period.feed = Feed::default();
        self.period.drain = None;
        self.period.switch = None;
        self.period.load = self.load(None, 0);
        &self.period
    }
}
