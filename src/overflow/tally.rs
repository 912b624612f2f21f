//! What is counted over the outputs of one run. Merging is associative and commutative, so that the answer does not
//! depend on how the outputs were spread over threads.

use super::replay::Visit;
use super::{Class, Exact};
use crate::design::Node;
use crate::lower::Program;
use crate::num::Fit;
use crate::simulate::Timing;

/// Where an output or one of its beats stands in the schedule: tile, beat, row, column.
pub(super) type Order = [usize; 4];

/// A value outside a format, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub order: Order,
    pub m: usize,
    pub n: usize,
    pub excess: Exact,
    pub visit: Visit,
}

/// Events above and below a format.
pub(super) type Both = [u64; 2];

/// One node.
#[derive(Debug, Clone)]
pub(super) struct NodeTally {
    /// Outputs with at least one event here.
    pub outputs: u64,
    pub channels: Vec<Both>,
    /// Empty behind the accumulator, and for start values, which all enter with the first.
    pub beats: Vec<Both>,
    pub pes: Vec<Both>,
    pub first: Option<Found>,
    pub largest: Option<Found>,
}

/// One output channel; what its outputs became: transient, surviving, wrong.
#[derive(Debug, Clone)]
pub(super) struct ChannelTally {
    pub became: [u64; 3],
    /// Of the nodes that form the sum.
    pub first: Option<Found>,
    /// Of the nodes that form the sum.
    pub excess: Exact,
}

/// An output with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Output {
    pub order: Order,
    pub m: usize,
    pub n: usize,
    /// What its accumulator would hold.
    pub exact: i128,
    /// What would leave the post steps for it.
    pub corrected: i128,
}

/// One run of a layer, or a part of its outputs.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub nodes: Vec<NodeTally>,
    pub channels: Vec<ChannelTally>,
    /// Outputs with events at post steps, and nothing taken from their sums.
    pub only_post: u64,
    /// Events of the accumulator by cycle of the tile's period.
    pub cycles: Vec<Both>,
    /// The first transient and the first surviving output.
    pub examples: [Option<Output>; 2],
    /// The first outputs whose result differs, at most `cap`.
    pub wrong: Vec<Output>,
    cap: usize,
}

/// What the cells of a tally are filed under.
pub(super) struct Grid<'a> {
    pub program: &'a Program,
    pub timing: Timing,
    nodes: Vec<Node>,
}

impl<'a> Grid<'a> {
    pub fn new(program: &'a Program) -> Grid<'a> {
        let nodes = program.design.fitting_nodes().into_iter().map(|(node, _)| node).collect();
        Grid { program, timing: Timing::new(program), nodes }
    }

    pub fn empty(&self, cap: usize) -> Tally {
        let (program, array) = (self.program, &self.program.design.array);
        let channels = program.shape.channels();
        let node = |node: &Node| NodeTally {
            outputs: 0,
            channels: vec![[0; 2]; channels],
            beats: match node {
                Node::Product(_) | Node::Reduce(_) | Node::Accumulator => vec![[0; 2]; program.beats()],
                _ => Vec::new(),
            },
            pes: vec![[0; 2]; array.rows * array.columns],
            first: None,
            largest: None,
        };
        let channel = ChannelTally { became: [0; 3], first: None, excess: Exact(0) };
        Tally {
            nodes: self.nodes.iter().map(node).collect(),
            channels: vec![channel; channels],
            only_post: 0,
            cycles: vec![[0; 2]; self.timing.period_cycles(0)],
            examples: [None; 2],
            wrong: Vec::new(),
            cap,
        }
    }
}

impl Tally {
    /// Files one event.
    pub fn event(&mut self, grid: &Grid, m: usize, n: usize, visit: Visit) {
        let design = &grid.program.design;
        let [tile, row, column] = grid.program.place(m, n);
        let ([pe_row, pe_column], _) =
            grid.program.map().place([row, column], visit.beat.unwrap_or_default());
        let node = &mut self.nodes[design.node_index(visit.node)];
        let side = usize::from(visit.flags.low);
        node.channels[n][side] += 1;
        node.pes[pe_row * design.array.columns + pe_column][side] += 1;
        if let Some(beat) = visit.beat
            && let Some(events) = node.beats.get_mut(beat)
        {
            events[side] += 1;
        }
        let order = [tile, visit.beat.unwrap_or(usize::MAX), row, column];
        let found = Found { order, m, n, excess: excess(grid, &visit), visit };
        keep(&mut node.first, found, first);
        keep(&mut node.largest, found, largest);
        if visit.node == Node::Accumulator {
            let cycle =
                grid.timing.cycle_of(visit.node, 0, visit.beat, [row, column]) - grid.timing.tile_start(0);
            // A pipelined tile's last edges lie in the next one's period.
            let period = self.cycles.len();
            self.cycles[usize::try_from(cycle).unwrap_or_default() % period][side] += 1;
        }
        if visit.node.forms_sum() {
            let channel = &mut self.channels[n];
            keep(&mut channel.first, found, first);
            channel.excess = channel.excess.max(found.excess);
        }
    }

    /// Files what became of an output with events: transient, surviving, or neither.
    pub fn output(&mut self, class: Option<Class>, output: Output) {
        let index = match class {
            Some(Class::Transient) => 0,
            Some(Class::Surviving) => 1,
            _ => 2,
        };
        self.channels[output.n].became[index] += 1;
        match self.examples.get_mut(index) {
            Some(example) if example.is_none_or(|e| output.order < e.order) => *example = Some(output),
            Some(_) => {}
            None => {
                self.wrong.push(output);
                // Only the first ones are ever looked at.
                if self.wrong.len() > self.cap.saturating_mul(2) {
                    self.trim();
                }
            }
        }
    }

    fn trim(&mut self) {
        self.wrong.sort_unstable_by_key(|o| o.order);
        self.wrong.truncate(self.cap);
    }

    /// Both parts together; `wrong` is then in order and within the cap.
    pub fn merged(mut self, other: Tally) -> Tally {
        for (node, more) in self.nodes.iter_mut().zip(other.nodes) {
            node.outputs += more.outputs;
            add(&mut node.channels, &more.channels);
            add(&mut node.beats, &more.beats);
            add(&mut node.pes, &more.pes);
            more.first.into_iter().for_each(|found| keep(&mut node.first, found, first));
            more.largest.into_iter().for_each(|found| keep(&mut node.largest, found, largest));
        }
        for (channel, more) in self.channels.iter_mut().zip(other.channels) {
            channel.became.iter_mut().zip(more.became).for_each(|(sum, more)| *sum += more);
            more.first.into_iter().for_each(|found| keep(&mut channel.first, found, first));
            channel.excess = channel.excess.max(more.excess);
        }
        self.only_post += other.only_post;
        add(&mut self.cycles, &other.cycles);
        for (example, more) in self.examples.iter_mut().zip(other.examples) {
            *example = example.iter().chain(&more).min_by_key(|e| e.order).copied();
        }
        self.wrong.extend(other.wrong);
        self.trim();
        self
    }
}

fn add(sums: &mut [Both], more: &[Both]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = [sum[0] + more[0], sum[1] + more[1]];
    }
}

/// How far outside the rails a value lay.
fn excess(grid: &Grid, visit: &Visit) -> Exact {
    let fit = grid.program.design.fit_of(visit.node);
    Exact(fit.map(Fit::rails).map_or(0, |(low, high)| {
        if visit.flags.high { visit.entering - i128::from(high) } else { i128::from(low) - visit.entering }
    }))
}

/// Keeps the better of two.
fn keep(best: &mut Option<Found>, found: Found, better: fn(&Found, &Found) -> bool) {
    if best.as_ref().is_none_or(|best| better(&found, best)) {
        *best = Some(found);
    }
}

fn first(a: &Found, b: &Found) -> bool {
    a.order < b.order
}

/// The first of equals.
fn largest(a: &Found, b: &Found) -> bool {
    (b.excess, a.order) < (a.excess, b.order)
}
