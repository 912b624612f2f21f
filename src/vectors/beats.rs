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
/// column 0 in channels.hex), `activation` [rows, lanes], `weight` [columns, lanes].
pub struct InputBeats {
    pub layout: Layout,
    valid: usize,
    first: usize,
    last: Option<usize>,
    channel: usize,
    activation: Operand,
    weight: Operand,
    /// Most cycles by which a row or column lags row and column 0.
    lag: usize,
    window: VecDeque<Vec<i64>>,
    /// A clear cycle (`start = "zero"`) came before the next beat.
    cleared: bool,
    /// Without `in.last`, the latest beat: the one behind it, however much later, says whether it was the last.
    pending: Option<Vec<i64>>,
}

/// Where `last` is in a record.
const LAST: usize = 1;

/// The codes of one side: where they lie in a cycle's inputs, and how far each line lags.
struct Operand {
    at: usize,
    lines: usize,
    lanes: usize,
    hop: usize,
}

impl Operand {
    fn gather(&self, window: &VecDeque<Vec<i64>>, into: &mut Vec<i64>) {
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
        let activation = Operand {
            at: input_offset(table, "in.activation")?,
            lines: array.rows,
            lanes: array.lanes,
            hop: hop(array.hop_weight),
        };
        let weight = Operand {
            at: input_offset(table, "in.weight")?,
            lines: array.columns,
            lanes: array.lanes,
            hop: hop(array.hop_activation),
        };
        let lag = |o: &Operand| o.hop * (o.lines - 1);
        Some(InputBeats {
            layout: input_layout(design),
            valid: input_offset(table, "in.valid")?,
            first: input_offset(table, "in.first")?,
            last: input_offset(table, "in.last"),
            channel: input_offset(table, "in.channel")?,
            lag: lag(&activation).max(lag(&weight)),
            activation,
            weight,
            window: VecDeque::new(),
            cleared: false,
            pending: None,
        })
    }

    /// Takes the inputs of the next cycle; the beat that became complete, if any.
    pub fn cycle(&mut self, inputs: &[i64]) -> Option<Vec<i64>> {
        self.window.push_back(inputs.to_vec());
        if self.window.len() > self.lag { self.oldest() } else { None }
    }

    /// After the last cycle: one more beat, until there is none.
    pub fn rest(&mut self) -> Option<Vec<i64>> {
        while !self.window.is_empty() {
            let beat = self.oldest();
            if beat.is_some() {
                return beat;
            }
        }
        self.pending.take()
    }

    fn oldest(&mut self) -> Option<Vec<i64>> {
        let now = self.window.front()?;
        let (valid, first) = (now[self.valid] != 0, now[self.first] != 0);
        let starts = first || self.cleared;
        let beat = valid.then(|| {
            let last = self.last.is_none_or(|at| now[at] != 0);
            let mut record = vec![i64::from(starts), i64::from(last), now[self.channel]];
            self.activation.gather(&self.window, &mut record);
            self.weight.gather(&self.window, &mut record);
            record
        });
        self.cleared = !valid && starts;
        self.window.pop_front();
        match beat {
            Some(beat) if self.last.is_none() => {
                let mut before = self.pending.replace(beat)?;
                before[LAST] = i64::from(starts);
                Some(before)
            }
            beat => beat,
        }
    }
}

pub fn input_layout(design: &Design) -> Layout {
    let array = &design.array;
    let flag = Format::unsigned(1).unwrap_or_else(|| unreachable!("u1 is a format"));
    let lines = |count: usize| array.edge_shape(count);
    Layout::new([
        ("first", &[][..], flag),
        ("last", &[][..], flag),
        ("channel", &[][..], index_format()),
        ("activation", &lines(array.rows)[..], design.activation.format),
        ("weight", &lines(array.columns)[..], design.weight.format),
    ])
}

/// Values before a signal in a cycle's inputs.
fn input_offset(table: &SignalTable, name: &str) -> Option<usize> {
    let inputs = || table.signals.iter().take_while(|s| s.role == Role::Input);
    let index = inputs().position(|s| s.name == name)?;
    Some(inputs().take(index).map(crate::trace::Signal::instances).sum())
}
