//! Behind the sums of a tile: the clamp of a `saturate_output` register, the memory, the post steps, and the order in which
//! values leave.

use super::tile::Table;
use crate::datapath::accumulate::Accumulate;
use crate::datapath::{Observer, Period, Records};
use crate::design::{Array, Design, Memory, Node};
use crate::num::lanes::Rule;
use crate::num::{Fit, Fitted, Flags};
use crate::post::lanes::{Events, Lanes};
use crate::post::{Channel, Parameter, Step};

/// Values that go through the post steps at a time, about.
const AT_ONCE: usize = 1 << 12;

/// The block.
pub struct Behind {
    array: Array,
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

    fn tell(&self, observer: &mut dyn Observer) {
        tell(self.node, [&self.high, &self.low], (self.columns, 0), observer);
    }
}

/// Tells of the events of outputs from row `first` on, each at most one.
fn tell(node: Node, [high, low]: [&[u32]; 2], (columns, first): (usize, usize), observer: &mut dyn Observer) {
    let in_counts = observer.watch().counts_suffice();
    let rows = high.chunks_exact(columns).zip(low.chunks_exact(columns));
    for (row, (high, low)) in (first..).zip(rows) {
        if high.iter().chain(low).all(|count| *count == 0) {
            continue;
        }
        if in_counts {
            observer.watch().overflows(node, row, high, low);
            continue;
        }
        for column in 0..columns {
            let flags = Flags { high: high[column] > 0, low: low[column] > 0 };
            if flags.any() {
                observer.located(node, [row, column], None, flags);
            }
        }
    }
}

impl Behind {
    pub fn new(design: &Design, records: &Records) -> Self {
        Behind {
            array: design.array,
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
        observer: &mut dyn Observer,
    ) {
        let (columns, count) = (sums.columns, sums.values.len());
        if clamps {
            let mut noted = Noted::new(Node::AccumulatorOutput, columns);
            for (at, value) in sums.values.iter_mut().enumerate() {
                let fitted = accumulate.finish(*value);
                *value = fitted.value;
                noted.add(at, count, fitted.flags);
            }
            noted.tell(observer);
        }
        if let Some(memory) = self.memory {
            self.meet(memory.fit(), sums, period, observer);
            if !period.visit.leaves {
                return;
            }
        }
        self.leave(&sums.values, columns, &mut |exit, values| observer.watch().finished(exit, values));
        self.run_post(sums, period, observer);
        self.leave(&sums.values, columns, &mut |exit, values| observer.watch().output(exit, values));
    }

    /// Sums meet their words, which they then are.
    fn meet(&mut self, fit: Fit, sums: &mut Table, period: &Period, observer: &mut dyn Observer) {
        let (columns, count) = (sums.columns, sums.values.len());
        let accumulates = period.visit.accumulates;
        self.words.resize(count, 0);
        let rule = Rule::<i64>::new(fit.format, fit.overflow);
        let is_plain = self.store.is_empty() && self.load.is_empty();
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
        noted.iter().chain([&met]).for_each(|noted| noted.tell(observer));
    }

    /// Finished values of a tile become outputs.
    fn run_post(&mut self, sums: &mut Table, period: &Period, observer: &mut dyn Observer) {
        let (columns, count) = (sums.columns, sums.values.len());
        if self.post.is_empty() {
            return;
        }
        self.prepare(count / columns, columns);
        let Some(Vector { lanes: Some(lanes), record, events, extents: [rows, _] }) = &mut self.vector else {
            return self.run_steps(sums, period, observer);
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
                tell(Node::Post(step), [high, low], (columns, first), observer);
                high.fill(0);
                low.fill(0);
            }
        }
    }

    fn run_steps(&mut self, sums: &mut Table, period: &Period, observer: &mut dyn Observer) {
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
        noted.iter().for_each(|noted| noted.tell(observer));
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

    /// Values of a tile, `[rows][columns]`, in the order in which they leave each exit.
    fn leave(&self, values: &[i64], columns: usize, tell: &mut dyn FnMut(usize, &[i64])) {
        let array = &self.array;
        let (travels, turned) = (array.sums_travel(), array.is_turned());
        let exits = array.exits();
        let leaving = values.len() / exits;
        let of = |exit: usize, nth: usize| match (travels, turned) {
            (false, _) => array.left_by(exit, nth),
            (true, false) => [nth, exit],
            (true, true) => [exit, nth],
        };
        let by_row = !turned && !array.leaves_otherwise() && !array.leaves_apart();
        let mut side_by_side = Vec::with_capacity(exits);
        for nth in 0..leaving {
            if by_row {
                let row = of(0, nth)[0];
                tell(0, &values[row * columns..][..columns]);
                continue;
            }
            side_by_side.clear();
            side_by_side.extend(
                (0..exits).map(|exit| of(exit, nth)).map(|[row, column]| values[row * columns + column]),
            );
            if array.leaves_apart() {
                side_by_side.chunks_exact(1).enumerate().for_each(|(exit, value)| tell(exit, value));
            } else {
                tell(0, &side_by_side);
            }
        }
    }
}
