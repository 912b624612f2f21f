//! Behind the sums of a tile: the clamp of a `saturate_output` register, the memory and the post steps.

use super::kernel::inside;
use super::table::Table;
use super::told::Told;
use crate::datapath::accumulate::Accumulate;
use crate::datapath::{Ended, Period, Records};
use crate::design::{Design, Memory, Node};
use crate::num::lanes::Rule;
use crate::num::{Fit, Fitted, Flags};
use crate::post::lanes::{Events, Lanes};
use crate::post::{Channel, Parameter, Step};

/// Values that go through the post steps at a time, about: with their numbers, a first-level cache holds them.
const AT_ONCE: usize = 1 << 10;

/// The block.
pub struct Behind {
    records: Records,
    memory: Option<Memory>,
    store: Vec<Step>,
    load: Vec<Step>,
    post: Vec<Step>,
    parameters: Vec<Parameter>,
    finished: Fit,
    /// Words of the outputs under way, `[rows][columns]` of their tile.
    words: Vec<i64>,
    vector: Option<Vector>,
}

/// The post steps in vector form, for so many rows and columns, with the numbers of a record.
struct Vector {
    extents: [usize; 2],
    record: Option<usize>,
    /// `None` where the formats do not allow it.
    lanes: Option<Lanes>,
    events: Events,
}

/// Events of one node, `[rows][columns]` of a tile.
struct Noted {
    node: Node,
    columns: usize,
    /// Empty until there is one.
    high: Vec<u32>,
    low: Vec<u32>,
}

impl Noted {
    fn new(node: Node, columns: usize) -> Noted {
        Noted { node, columns, high: Vec::new(), low: Vec::new() }
    }

    fn add(&mut self, at: usize, values: usize, flags: Flags) {
        if flags.any() {
            self.high.resize(values, 0);
            self.low.resize(values, 0);
            self.high[at] += u32::from(flags.high);
            self.low[at] += u32::from(flags.low);
        }
    }

    fn tell(&self, told: &mut Told<'_>) {
        told.once(self.node, [&self.high, &self.low], (self.columns, 0));
    }
}

impl Behind {
    pub fn new(design: &Design, records: &Records) -> Self {
        Behind {
            records: records.clone(),
            memory: design.memory,
            store: design.store_steps.clone(),
            load: design.load_steps.clone(),
            post: design.post.clone(),
            parameters: design.parameters.clone(),
            finished: design.finished(),
            words: Vec::new(),
            vector: None,
        }
    }

    /// What happens to the sums of a tile behind their registers, but for when.
    pub fn finish(
        &mut self,
        (accumulate, clamps): (&Accumulate, bool),
        sums: &mut Table,
        period: &Period,
        told: &mut Told<'_>,
    ) {
        let (columns, count) = (sums.columns, sums.values.len());
        if clamps {
            let mut noted = Noted::new(Node::AccumulatorOutput, columns);
            for (at, value) in sums.values.iter_mut().enumerate() {
                let fitted = accumulate.finish(*value);
                *value = fitted.value;
                noted.add(at, count, fitted.flags);
            }
            noted.tell(told);
        }
        if let Some(memory) = self.memory {
            self.meet(memory.fit(), sums, period, told);
            if !period.visit.leaves {
                return;
            }
        }
        if self.post.is_empty() {
            return told.ended(Ended::Both, &sums.values, columns);
        }
        told.ended(Ended::Accumulator, &sums.values, columns);
        self.run_post(sums, period, told);
        told.ended(Ended::Output, &sums.values, columns);
    }

    /// Sums meet their words, which they then are.
    fn meet(&mut self, fit: Fit, sums: &mut Table, period: &Period, told: &mut Told<'_>) {
        let (columns, count) = (sums.columns, sums.values.len());
        let accumulates = period.visit.accumulates;
        self.words.resize(count, 0);
        let is_plain = self.store.is_empty() && self.load.is_empty();
        if is_plain && self.meet_inside(fit, accumulates, &mut sums.values) {
            return;
        }
        let rule = Rule::<i64>::new(fit.format, fit.overflow);
        let nodes = (0..self.store.len()).map(Node::Store).chain((0..self.load.len()).map(Node::Load));
        let mut noted: Vec<Noted> = nodes.map(|node| Noted::new(node, columns)).collect();
        let mut met = Noted::new(Node::Memory, columns);
        for (at, value) in sums.values.iter_mut().enumerate() {
            let word = &mut self.words[at];
            let mut before = if accumulates { *word } else { 0 };
            if !is_plain {
                let channel = period.channel + at % columns;
                let steps = |steps| Channel { steps, numbers: &self.records, channel };
                *value = steps(&self.store).run(*value, |step, flags| noted[step].add(at, count, flags));
                if accumulates {
                    let first = self.store.len();
                    before = steps(&self.load)
                        .run(before, |step, flags| noted[first + step].add(at, count, flags));
                }
            }
            let Fitted { value: fitted, flags } = match &rule {
                Some(rule) => rule.add(before, *value),
                None => fit.of(i128::from(before) + i128::from(*value)),
            };
            met.add(at, count, flags);
            (*word, *value) = (fitted, fitted);
        }
        noted.iter().chain([&met]).for_each(|noted| noted.tell(told));
    }

    /// The same where every sum lies inside its word's format; otherwise nothing is done.
    fn meet_inside(&mut self, fit: Fit, accumulates: bool, sums: &mut [i64]) -> bool {
        let (low, high) = fit.rails();
        if !accumulates {
            let fits = inside(sums, (low, high));
            if fits {
                self.words.copy_from_slice(sums);
            }
            return fits;
        }
        let met = |word: i64, sum: i64| (word.wrapping_add(sum), word.overflowing_add(sum).1);
        let pairs = self.words.iter().zip(sums.iter());
        let outside = pairs.fold(false, |outside, (word, sum)| {
            let (met, overflows) = met(*word, *sum);
            outside | overflows | (met < low) | (met > high)
        });
        if outside {
            return false;
        }
        for (word, sum) in self.words.iter_mut().zip(sums) {
            *sum += *word;
            *word = *sum;
        }
        true
    }

    /// Finished values of a tile become outputs.
    fn run_post(&mut self, sums: &mut Table, period: &Period, told: &mut Told<'_>) {
        let (columns, count) = (sums.columns, sums.values.len());
        self.prepare(count / columns, columns);
        let Some(Vector { lanes: Some(lanes), record, events, extents: [rows, _] }) = &mut self.vector else {
            return self.run_steps(sums, period, told);
        };
        if record.replace(period.channel) != Some(period.channel) {
            lanes.bind(&self.records, period.channel);
        }
        for (first, values) in (0..).step_by(*rows).zip(sums.values.chunks_mut(*rows * columns)) {
            if !lanes.run(values, events) {
                continue;
            }
            for (step, (high, low)) in events.high.iter_mut().zip(&mut events.low).enumerate() {
                let (high, low) = (&mut high[..values.len()], &mut low[..values.len()]);
                told.once(Node::Post(step), [high, low], (columns, first));
                high.fill(0);
                low.fill(0);
            }
        }
    }

    fn run_steps(&mut self, sums: &mut Table, period: &Period, told: &mut Told<'_>) {
        let (columns, count) = (sums.columns, sums.values.len());
        let mut noted: Vec<Noted> =
            (0..self.post.len()).map(|step| Noted::new(Node::Post(step), columns)).collect();
        for (at, output) in sums.values.iter_mut().enumerate() {
            let mut value = i128::from(*output);
            for (step, noted) in self.post.iter().zip(&mut noted) {
                let stepped = step.apply(value, &self.records, period.channel + at % columns);
                noted.add(at, count, stepped.flags);
                value = stepped.value;
            }
            // The last step always has a format of at most 64 bits.
            *output = value as i64;
        }
        noted.iter().for_each(|noted| noted.tell(told));
    }

    /// The vector form for a tile of so many rows and columns.
    fn prepare(&mut self, rows: usize, columns: usize) {
        let rows = rows.min((AT_ONCE / columns).max(1));
        if self.vector.as_ref().is_some_and(|vector| vector.extents == [rows, columns]) {
            return;
        }
        let lanes = Lanes::new(&self.post, self.finished.format, &self.parameters, [rows, columns]);
        let events = Events::new(self.post.len(), rows * columns);
        self.vector = Some(Vector { extents: [rows, columns], record: None, lanes, events });
    }
}
