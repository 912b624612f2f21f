//! The plain form: R2, R3, R8 and R9 as a loop, in parallel over output rows only.

use ndarray::Array2;
use rayon::prelude::*;

use crate::design::{AccumulatorOverflow, Level, Node};
use crate::lower::{Counts, Event, NodeEvents, Outcome, Program, no_events};
use crate::num::{Fitted, Flags, Overflow, fit};
use crate::post;

/// Where an output stands in the schedule, and its first event: tile, beat, row, column, node.
type Order = (usize, usize, usize, usize, usize);

/// One output row: values and events.
struct Row {
    accumulators: Vec<i64>,
    outputs: Vec<i64>,
    counts: Vec<i64>,
    nodes: Vec<NodeEvents>,
    first: Option<(Order, Event)>,
}

/// Runs a program. Counting costs little, so it only decides what is kept.
pub fn run(program: &Program, counts: bool) -> Outcome {
    let rows: Vec<Row> = (0..program.shape.rows()).into_par_iter().map(|m| output_row(program, m)).collect();
    let table = |pick: fn(&Row) -> &[i64]| {
        Array2::from_shape_fn((rows.len(), program.shape.channels()), |(m, n)| pick(&rows[m])[n])
    };
    let gather_counts = || {
        let mut nodes = no_events(&program.design);
        for row in &rows {
            for (sum, events) in nodes.iter_mut().zip(&row.nodes) {
                sum.high += events.high;
                sum.low += events.low;
            }
        }
        let first = rows.iter().filter_map(|r| r.first.as_ref()).min_by_key(|f| f.0);
        Counts { accumulator: table(|r| &r.counts), nodes, first: first.map(|f| f.1.clone()) }
    };
    Outcome {
        accumulators: table(|r| &r.accumulators),
        outputs: table(|r| &r.outputs),
        counts: counts.then(gather_counts),
    }
}

/// All channels of one output position.
fn output_row(program: &Program, m: usize) -> Row {
    let mut walk = Walk::new(program, m);
    for n in 0..program.shape.channels() {
        walk.output(n);
    }
    walk.row
}

struct Walk<'a> {
    program: &'a Program,
    image: usize,
    position: usize,
    m: usize,
    row: Row,
}

impl<'a> Walk<'a> {
    fn new(program: &'a Program, m: usize) -> Self {
        let row = Row {
            accumulators: Vec::new(),
            outputs: Vec::new(),
            counts: Vec::new(),
            nodes: no_events(&program.design),
            first: None,
        };
        Walk { program, image: m / program.shape.m, position: m % program.shape.m, m, row }
    }

    /// One output: bias, products in order, clamp, post-processing.
    fn output(&mut self, n: usize) {
        let program = self.program;
        let design = &*program.design;
        let accumulator = &design.accumulator;
        let rule = accumulator.step_rule();
        let mut events = 0;
        let mut acc = program.start(n);
        for beat in 0..program.beats() {
            let sum = self.lane_sum(beat, n);
            let Fitted { value, flags } = fit(i128::from(acc) + sum, accumulator.register, rule);
            acc = value;
            events += i64::from(flags.any());
            self.event(Node::Accumulator, Some(beat), n, flags);
        }
        if accumulator.overflow == AccumulatorOverflow::SaturateOutput {
            let Fitted { value, flags } = fit(i128::from(acc), accumulator.format, Overflow::Saturate);
            acc = value;
            self.event(Node::AccumulatorOutput, None, n, flags);
        }
        let out = post::run(&design.post, acc, &program.parameters, n, |step, flags| {
            self.event(Node::Post(step), None, n, flags);
        });
        self.row.accumulators.push(acc);
        self.row.outputs.push(out);
        self.row.counts.push(events);
    }

    /// The products of one beat, reduced over the lanes.
    fn lane_sum(&mut self, beat: usize, n: usize) -> i128 {
        let (program, m) = (self.program, self.m);
        reduced(program, m, n, beat, &mut |level, flags| {
            self.event(Node::Reduce(level), Some(beat), n, flags)
        })
    }

    fn event(&mut self, node: Node, beat: Option<usize>, n: usize, flags: Flags) {
        if !flags.any() {
            return;
        }
        let index = self.program.design.node_index(node);
        let order = self.order(beat, n, index);
        let events = &mut self.row.nodes[index];
        events.high += u64::from(flags.high);
        events.low += u64::from(flags.low);
        if self.row.first.as_ref().is_none_or(|(first, _)| order < *first) {
            let event = Event { node: events.node.clone(), m: self.m, n, beat, high: flags.high };
            self.row.first = Some((order, event));
        }
    }

    /// Where an event stands in the schedule.
    fn order(&self, beat: Option<usize>, n: usize, node: usize) -> Order {
        let (shape, array) = (self.program.shape, &self.program.design.array);
        let (group, channel) = (n / shape.n, n % shape.n);
        let down = shape.m.div_ceil(array.rows);
        let across = shape.n.div_ceil(array.columns);
        let band = (self.image * shape.groups + group) * down + self.position / array.rows;
        let tile = band * across + channel / array.columns;
        (tile, beat.unwrap_or(usize::MAX), self.position % array.rows, channel % array.columns, node)
    }
}

/// The products of one beat of an output, reduced over the lanes; `event` is told of every group that a level fits.
pub(super) fn reduced(
    program: &Program,
    m: usize,
    n: usize,
    beat: usize,
    event: &mut dyn FnMut(usize, Flags),
) -> i128 {
    let lanes = 0..program.design.array.lanes;
    let term = |lane| program.k_of(beat, lane).map_or(0, |k| program.product(m, n, k));
    if program.design.reduce.is_empty() {
        return lanes.map(term).sum();
    }
    let mut terms: Vec<i128> = lanes.map(term).collect();
    for (index, level) in program.design.reduce.iter().enumerate() {
        terms = (0..level.outputs(terms.len()))
            .map(|output| {
                let Fitted { value, flags } = reduce(level, &terms, output);
                event(index, flags);
                i128::from(value)
            })
            .collect();
    }
    terms.iter().sum()
}

fn reduce(level: &Level, terms: &[i128], output: usize) -> Fitted {
    let exact = level.terms(output).filter_map(|input| terms.get(input)).sum();
    fit(exact, level.format, level.overflow)
}
