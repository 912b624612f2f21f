//! The plain form: R2, R3, R8 and R9 as a loop, in parallel over output rows only.

use ndarray::Array2;
use rayon::prelude::*;

use crate::design::{AccumulatorOverflow, Level, Node};
use crate::lower::{Counts, Event, NodeEvents, Outcome, Program, no_events};
use crate::num::{Fitted, Flags, Overflow, fit};
use crate::post;

/// Where an output stands in the schedule, and its first event: tile, beat, row, column, node.
pub(super) type Order = (usize, usize, usize, usize, usize);

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
        Walk { program, m, row }
    }

    /// One output: bias, products in order, clamp, post-processing.
    fn output(&mut self, n: usize) {
        let program = self.program;
        let design = &*program.design;
        let accumulator = &design.accumulator;
        let rule = accumulator.step_rule();
        let mut events = 0;
        let Fitted { value: mut acc, flags } = program.fitted_start(n);
        self.event(Node::AccumulatorStart, Some(0), n, flags);
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
        let order = order(self.program, self.m, n, beat, index);
        let events = &mut self.row.nodes[index];
        events.high += u64::from(flags.high);
        events.low += u64::from(flags.low);
        if self.row.first.as_ref().is_none_or(|(first, _)| order < *first) {
            let event = Event { node: events.node.clone(), m: self.m, n, beat, high: flags.high };
            self.row.first = Some((order, event));
        }
    }
}

/// Where an event of output (`m`, `n`) stands in the schedule.
fn order(program: &Program, m: usize, n: usize, beat: Option<usize>, node: usize) -> Order {
    let (shape, array) = (program.shape, &program.design.array);
    let [row, column] = [m % shape.m % array.rows, n % shape.n % array.columns];
    (program.tile_of(m, n), beat.unwrap_or(usize::MAX), row, column, node)
}

/// An output's first event.
pub(super) struct Found {
    pub order: Order,
    pub event: Event,
}

/// The first event of one output, if it comes before `limit`.
pub(super) fn first_of(program: &Program, m: usize, n: usize, limit: Option<Order>) -> Option<Found> {
    let design = &*program.design;
    let accumulator = &design.accumulator;
    let rule = accumulator.step_rule();
    let nodes = design.fitting_nodes();
    let mut found: Option<Found> = None;
    let mut note = |node: Node, beat: Option<usize>, flags: Flags| {
        let index = design.node_index(node);
        let order = order(program, m, n, beat, index);
        let is_first = found.as_ref().is_none_or(|found| order < found.order);
        if flags.any() && is_first && limit.is_none_or(|limit| order < limit) {
            let event = Event { node: nodes[index].1.clone(), m, n, beat, high: flags.high };
            found = Some(Found { order, event });
        }
        flags.any()
    };
    let Fitted { value: mut acc, flags } = program.fitted_start(n);
    // With the first beat, whose reduction comes before it.
    let mut any = note(Node::AccumulatorStart, Some(0), flags);
    for beat in 0..program.beats() {
        let sum = reduced(program, m, n, beat, &mut |level, flags| {
            any |= note(Node::Reduce(level), Some(beat), flags);
        });
        let Fitted { value, flags } = fit(i128::from(acc) + sum, accumulator.register, rule);
        acc = value;
        any |= note(Node::Accumulator, Some(beat), flags);
        if any || limit.is_some_and(|limit| limit < order(program, m, n, Some(beat), 0)) {
            return found;
        }
    }
    if accumulator.overflow == AccumulatorOverflow::SaturateOutput {
        let Fitted { value, flags } = fit(i128::from(acc), accumulator.format, Overflow::Saturate);
        acc = value;
        note(Node::AccumulatorOutput, None, flags);
    }
    post::run(&design.post, acc, &program.parameters, n, |step, flags| {
        note(Node::Post(step), None, flags);
    });
    found
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
