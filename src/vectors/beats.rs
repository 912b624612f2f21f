//! `beats_in.hex` and `beats_out.hex`: transactions without their timing, for RTL with another latency.

use std::collections::VecDeque;

use super::Layout;
use super::channels::index_format;
use crate::design::Design;
use crate::num::Format;
use crate::trace::{Role, SignalTable};

/// Takes the skew out of the stimulus again: one record a beat of the schedule.
///
/// Fields, least significant first: `first` and `last` beat of an output (or tile), `channel` (record of
/// column 0 in channels.hex), `activation` [rows, lanes], `weight` [columns, lanes]. Where operands stay, a record is a load, or
/// a vector that passes them, and `load` says which, instead of `first` and `last`; the operand that it does not bring is 0.
/// Of a requantizer alone: `channel` and `value`.
pub struct InputBeats {
    pub layout: Layout,
    valid: usize,
    /// Whether beats are first and last ones of something.
    flags: bool,
    first: Option<usize>,
    last: Option<usize>,
    channel: usize,
    /// The activation and the weight, or what comes in at a requantizer alone.
    operands: Vec<Operand>,
    /// Most cycles by which a row or column lags row and column 0.
    lag: usize,
    window: VecDeque<Vec<i64>>,
    /// Outputs whose beats come in turn.
    banks: usize,
    /// Beats behind a clear cycle (`start = "zero"`) that are yet to come, and are their outputs' first.
    starting: usize,
    /// Without `in.last`, the latest beat: the one behind it, however much later, says whether it was the last.
    pending: Option<Vec<i64>>,
    load: Option<usize>,
    /// Of the memory: whether it accumulates, whether it is the output's last visit, and its address.
    visit: Vec<usize>,
    switch: Option<usize>,
    /// All PEs have switched, and no vector has passed since.
    switched: bool,
    /// Records of a tile's load.
    edges: usize,
    /// Loads whose tile has not begun.
    loads: VecDeque<Vec<i64>>,
}

/// What a beat says of the memory, where there is one.
const VISIT: [&str; 3] = ["in.accumulate", "in.output", "in.address"];

/// Where `last` is in a record.
const LAST: usize = 1;

/// The codes of one side: where they lie in a cycle's inputs, and how far each line lags.
struct Operand {
    at: usize,
    lines: usize,
    lanes: usize,
    hop: usize,
    /// It is loaded, and no beat brings it.
    stays: bool,
}

impl Operand {
    fn gather(&self, window: &VecDeque<Vec<i64>>, into: &mut Vec<i64>) {
        if self.stays {
            into.resize(into.len() + self.lines * self.lanes, 0);
            return;
        }
        for line in 0..self.lines {
            let at = self.at + line * self.lanes;
            let cycle = window.get(line * self.hop);
            into.extend((0..self.lanes).map(|lane| cycle.map_or(0, |values| values[at + lane])));
        }
    }
}

impl InputBeats {
    /// `None` when the table lacks the signals of a beat: a hand-made one.
    pub fn new(design: &Design, table: &SignalTable) -> Option<InputBeats> {
        let array = &design.array;
        let host = array.host_skews();
        // A latency is a small count; usize is at least 32 bits here.
        let hop = |registers: u32| if host { registers as usize } else { 0 };
        let [activations, weights] =
            array.port_shapes().map(|shape| shape.iter().product::<usize>() / array.lanes);
        // What stays is not skewed; what passes it comes from the left.
        let (down, right) =
            (hop(array.hop_down()), if array.sums_travel() { 0 } else { hop(array.hop_right()) });
        let hops = if array.is_turned() { [right, down] } else { [down, right] };
        let stays = |is_above: bool| array.sums_travel() && is_above;
        let operand = |name: &str, lines, hop, stays| {
            Some(Operand { at: input_offset(table, name)?, lines, lanes: array.lanes, hop, stays })
        };
        let operands = match design.is_post_only() {
            true => vec![operand("in.value", 1, 0, false)?],
            false => vec![
                operand("in.activation", activations, hops[0], stays(array.is_turned()))?,
                operand("in.weight", weights, hops[1], stays(!array.is_turned()))?,
            ],
        };
        let lag = operands.iter().map(|o| o.hop * (o.lines - 1)).max().unwrap_or(0);
        Some(InputBeats {
            layout: input_layout(design),
            valid: input_offset(table, "in.valid")?,
            first: input_offset(table, "in.first"),
            last: input_offset(table, "in.last"),
            channel: input_offset(table, "in.channel")?,
            lag,
            flags: !design.is_post_only(),
            load: input_offset(table, "in.load"),
            visit: VISIT.iter().filter_map(|name| input_offset(table, name)).collect(),
            switch: input_offset(table, "in.switch"),
            switched: false,
            edges: design.time().travel.map_or(0, |travel| travel.edges),
            loads: VecDeque::new(),
            operands,
            window: VecDeque::new(),
            banks: array.banks,
            starting: 0,
            pending: None,
        })
    }

    /// Keeps the load of a cycle, if it has one.
    fn keep_load(&mut self, inputs: &[i64]) {
        if self.load.is_none_or(|at| inputs[at] == 0) {
            return;
        }
        let mut record = vec![1];
        record.resize(2 + self.visit.len(), 0);
        for operand in &self.operands {
            let codes = inputs[operand.at..][..operand.lines * operand.lanes].iter();
            record.extend(codes.map(|code| if operand.stays { *code } else { 0 }));
        }
        self.loads.push_back(record);
    }

    /// Takes the inputs of the next cycle; the records that became complete: a tile's loads come in front of its vectors,
    /// whenever they were loaded.
    pub fn cycle(&mut self, inputs: &[i64]) -> Vec<Vec<i64>> {
        self.window.push_back(inputs.to_vec());
        let records = if self.window.len() > self.lag { self.oldest() } else { Vec::new() };
        self.keep_load(inputs);
        records
    }

    /// After the last cycle: the records that are left.
    pub fn rest(&mut self) -> Vec<Vec<i64>> {
        let mut records = Vec::new();
        while !self.window.is_empty() {
            records.extend(self.oldest());
        }
        records.extend(self.pending.take());
        records
    }

    fn oldest(&mut self) -> Vec<Vec<i64>> {
        let Some(now) = self.window.front() else { return Vec::new() };
        let bit = |at: Option<usize>| at.is_some_and(|at| now[at] != 0);
        let valid = bit(Some(self.valid));
        let first = bit(self.first);
        let starts = first || self.starting > 0;
        let switches = bit(self.switch);
        let beat = valid.then(|| {
            let last = self.last.is_none_or(|at| now[at] != 0);
            let mut record = match self.load {
                Some(_) => vec![0],
                None if self.flags => vec![i64::from(starts), i64::from(last)],
                None => vec![],
            };
            record.extend(self.visit.iter().chain([&self.channel]).map(|at| now[*at]));
            self.operands.iter().for_each(|operand| operand.gather(&self.window, &mut record));
            record
        });
        self.window.pop_front();
        if self.load.is_some() {
            return self.passing(beat, starts, switches);
        }
        match valid {
            true => self.starting = self.starting.saturating_sub(1),
            false if first => self.starting = self.banks,
            false => {}
        }
        match beat {
            Some(beat) if self.last.is_none() && self.flags => {
                let Some(mut before) = self.pending.replace(beat) else { return Vec::new() };
                before[LAST] = i64::from(starts);
                vec![before]
            }
            beat => beat.into_iter().collect(),
        }
    }

    /// A vector, if there is one, behind the loads that it waits for.
    fn passing(&mut self, vector: Option<Vec<i64>>, starts: bool, switches: bool) -> Vec<Vec<i64>> {
        let Some(vector) = vector else {
            self.switched |= switches;
            return Vec::new();
        };
        // With one buffer whatever was loaded is used.
        let is_new = self.first.map_or(self.switch.is_none() || self.switched, |_| starts);
        self.switched = switches;
        let count = if is_new { self.edges.min(self.loads.len()) } else { 0 };
        self.loads.drain(..count).chain([vector]).collect()
    }
}

pub fn input_layout(design: &Design) -> Layout {
    let flag = Format::unsigned(1).unwrap_or_else(|| unreachable!("u1 is a format"));
    if design.is_post_only() {
        return Layout::new([
            ("channel", &[][..], index_format()),
            ("value", &[][..], design.value_format()),
        ]);
    }
    let [activation, weight] = design.array.port_shapes();
    let flags: &[&str] = if design.array.sums_travel() { &["load"] } else { &["first", "last"] };
    let visit: &[&str] = if design.memory.is_some() { &["accumulate", "output"] } else { &[] };
    let address = design.memory.filter(|_| design.array.sums_travel());
    let address = address.map(|memory| ("address", &[][..], Format::index(memory.depth)));
    let flags = flags.iter().chain(visit).map(|name| (*name, &[][..], flag));
    Layout::new(flags.chain(address).chain([
        ("channel", &[][..], index_format()),
        ("activation", &activation[..], design.activation.format),
        ("weight", &weight[..], design.weight.format),
    ]))
}

/// Values before a signal in a cycle's inputs.
fn input_offset(table: &SignalTable, name: &str) -> Option<usize> {
    let inputs = || table.signals.iter().take_while(|s| s.role == Role::Input);
    let index = inputs().position(|s| s.name == name)?;
    Some(inputs().take(index).map(crate::trace::Signal::instances).sum())
}
