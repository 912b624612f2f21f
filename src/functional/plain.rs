//! The plain form: every output folded by itself, in parallel over output rows only.

use std::ops::ControlFlow;

use ndarray::Array2;
use rayon::prelude::*;

use super::fold::{self, Ended, Source, Visit, Visitor, fold};
use crate::design::Node;
use crate::lower::{Counts, Event, NodeEvents, Outcome, Program, no_events};
use crate::num::Fitted;

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
        let (program, m) = (self.program, self.m);
        let mut events = 0;
        let ended = follow(program, m, n, &mut |visit| {
            events += i64::from(visit.node == Node::Accumulator && visit.flags.any());
            self.event(visit, n);
            ControlFlow::Continue(())
        });
        let Ended { accumulator, output } = ended.continue_value().expect("the visitor goes on");
        self.row.accumulators.push(accumulator);
        self.row.outputs.push(output);
        self.row.counts.push(events);
    }

    fn event(&mut self, Visit { node, beat, flags, .. }: Visit, n: usize) {
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
    let [tile, row, column] = program.place(m, n);
    (tile, beat.unwrap_or(usize::MAX), row, column, node)
}

/// An output's first event.
pub(super) struct Found {
    pub order: Order,
    pub event: Event,
}

/// The first event of one output, if it comes before `limit`.
pub(super) fn first_of(program: &Program, m: usize, n: usize, limit: Option<Order>) -> Option<Found> {
    let design = &*program.design;
    let nodes = design.fitting_nodes();
    let mut found: Option<Found> = None;
    // A start's events come with the first beat, whose reduction is before it.
    let is_over = |found: &Option<Found>, visit: &Visit| {
        visit.node == Node::Accumulator
            && (found.is_some() || limit.is_some_and(|limit| limit < order(program, m, n, visit.beat, 0)))
    };
    let _ = follow(program, m, n, &mut |visit| {
        if visit.flags.any() {
            let index = design.node_index(visit.node);
            let order = order(program, m, n, visit.beat, index);
            let is_first = found.as_ref().is_none_or(|found| order < found.order);
            if is_first && limit.is_none_or(|limit| order < limit) {
                let (node, high) = (nodes[index].1.clone(), visit.flags.high);
                found = Some(Found { order, event: Event { node, m, n, beat: visit.beat, high } });
            }
        }
        if is_over(&found, &visit) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

/// Follows output (`m`, `n`) of a program: `visit` is told of every value at every node, in order.
pub fn follow(program: &Program, m: usize, n: usize, visit: &mut Visitor<'_>) -> ControlFlow<(), Ended> {
    let starts = [program.fitted_start(n)];
    fold(source(program, n, &starts), |beat, visit, into| reduced(program, (m, n), beat, visit, into), visit)
}

/// What the levels behind the last beat make of the accumulators of an output of channel `n`.
pub fn added(program: &Program, n: usize, accumulators: &[i64]) -> i64 {
    let added = fold::added(source(program, n, &[]), accumulators, &mut fold::nobody);
    added.continue_value().expect("nobody breaks off")
}

fn source<'a>(program: &'a Program, n: usize, starts: &'a [Fitted]) -> Source<'a> {
    Source {
        design: &program.design,
        starts,
        beats: program.beats(),
        parameters: &program.parameters,
        channel: n,
        cut: None,
    }
}

/// Appends what the accumulators of an output add in a beat: its products, behind their steps, reduced over the lanes.
pub(super) fn reduced(
    program: &Program,
    (m, n): (usize, usize),
    beat: usize,
    visit: &mut Visitor<'_>,
    into: &mut Vec<i128>,
) -> ControlFlow<()> {
    let design = &*program.design;
    let lanes = 0..design.array.lanes;
    let term = |lane| program.k_of(beat, lane).map_or(0, |k| program.product(m, n, k));
    if !design.product_steps.is_empty() {
        // A lane without a product has one of 0.
        let formed = |lane| {
            let [activation, weight] = program.k_of(beat, lane).map_or([0, 1], |k| program.factors(m, n, k));
            design.formed(activation, weight)
        };
        let terms = fold::stepped(lanes.map(formed).collect(), (&program.parameters, n), beat, visit)?;
        fold::entering(design, &fold::reduced(&design.reduce, terms, beat, visit)?, into);
        return ControlFlow::Continue(());
    }
    if design.reduce.is_empty() && design.after.is_empty() {
        into.push(lanes.map(term).sum());
        return ControlFlow::Continue(());
    }
    let terms: Vec<i128> = lanes.map(term).collect();
    fold::entering(design, &fold::reduced(&design.reduce, terms, beat, visit)?, into);
    ControlFlow::Continue(())
}
