//! What follows the last beat: the output clamp, the post steps, and the sums of events.

use super::Results;
use super::wave::Source;
use crate::design::{Design, Node};
use crate::lower::Program;
use crate::num::Flags;
use crate::post::lanes;

/// Events of some rows.
#[derive(Debug, Clone)]
pub struct Events {
    /// High and low by fitting node.
    pub nodes: Vec<[u64; 2]>,
    /// The first tile in which anything happened.
    pub tile: Option<usize>,
}

impl Events {
    pub fn new(design: &Design) -> Events {
        Events { nodes: vec![[0; 2]; design.fitting_nodes().len()], tile: None }
    }

    pub fn join(mut self, other: Events) -> Events {
        for (sum, more) in self.nodes.iter_mut().zip(&other.nodes) {
            *sum = [sum[0] + more[0], sum[1] + more[1]];
        }
        self.tile = [self.tile, other.tile].into_iter().flatten().min();
        self
    }

    /// Adds what happened at the reduction levels of a panel.
    pub fn levels(&mut self, levels: &[[u64; 2]]) {
        for (sum, more) in self.nodes.iter_mut().zip(levels) {
            *sum = [sum[0] + more[0], sum[1] + more[1]];
        }
    }

    /// Adds what happened at a node.
    pub fn add(&mut self, node: usize, [high, low]: [u64; 2]) {
        let sum = &mut self.nodes[node];
        *sum = [sum[0] + high, sum[1] + low];
    }

    fn at(&mut self, tile: usize) {
        self.tile = Some(self.tile.map_or(tile, |first| first.min(tile)));
    }
}

/// How rows are finished.
#[derive(Clone)]
pub struct Finish<'a> {
    program: &'a Program,
    counts: bool,
    /// The post steps on 64-bit lanes, where they are licensed, and what happens there.
    lanes: Option<(lanes::Lanes, lanes::Events)>,
    /// Channels of the row under way with an event behind the accumulator.
    behind: Vec<bool>,
    /// Channels whose bias the register does not hold: an event of each output, and how many a row so has.
    cut: Vec<bool>,
    starts: [u64; 2],
}

impl<'a> Finish<'a> {
    pub fn new(program: &'a Program, counts: bool) -> Self {
        let (design, channels) = (&program.design, program.shape.channels());
        let lanes =
            lanes::Lanes::new(&design.post, design.accumulator.format, &design.parameters, [1, channels]);
        let lanes = lanes.map(|mut lanes| {
            lanes.bind(&program.parameters, 0);
            (lanes, lanes::Events::new(design.post.len(), channels))
        });
        let flags: Vec<Flags> = (0..channels).map(|n| program.fitted_start(n).flags).collect();
        let side = |pick: fn(&Flags) -> bool| flags.iter().filter(|flags| pick(flags)).count() as u64;
        let starts = [side(|flags| flags.high), side(|flags| flags.low)];
        let cut = flags.iter().map(|flags| flags.any()).collect();
        Finish { program, counts, lanes, behind: vec![false; channels], cut, starts }
    }

    /// Clamps, post-processes, and notes where the first event may be. `inside` tells whether a channel of a row had an
    /// event at a reduction level.
    pub fn rows(
        &mut self,
        source: &Source,
        results: Results,
        inside: &dyn Fn(usize, usize) -> bool,
        events: &mut Events,
    ) {
        let channels = self.program.shape.channels();
        let first = source.image * self.program.shape.m + source.m;
        let rows = results.accumulators.chunks_exact_mut(channels);
        for (at, (values, out)) in rows.zip(results.outputs.chunks_exact_mut(channels)).enumerate() {
            self.behind.fill(false);
            self.clamp(values, events);
            out.copy_from_slice(values);
            self.post(out, events);
            if self.counts {
                let counts = &results.counts[at * channels..(at + 1) * channels];
                self.starts(events);
                let happened = |n: usize| counts[n] != 0 || self.behind[n] || inside(at, n) || self.cut[n];
                self.touch(first + at, &happened, events);
            }
        }
    }

    /// A row's start values that do not fit.
    fn starts(&self, events: &mut Events) {
        let design = &self.program.design;
        if design.accumulator.bias.is_some() {
            events.add(design.node_index(Node::AccumulatorStart), self.starts);
        }
    }

    /// The first tile of row `m` with such a channel in each group.
    fn touch(&self, m: usize, happened: &dyn Fn(usize) -> bool, events: &mut Events) {
        let shape = self.program.shape;
        for group in 0..shape.groups {
            let mut channels = group * shape.n..(group + 1) * shape.n;
            // Tiles of a row come from left to right.
            if events.tile.is_some_and(|first| first <= self.program.tile_of(m, channels.start)) {
                continue;
            }
            if let Some(n) = channels.find(|n| happened(*n)) {
                events.at(self.program.tile_of(m, n));
            }
        }
    }

    fn clamp(&mut self, values: &mut [i64], events: &mut Events) {
        let design = &self.program.design;
        let Some(clamp) = design.accumulator.output_fit() else { return };
        let node = &mut events.nodes[design.node_index(Node::AccumulatorOutput)];
        for (value, behind) in values.iter_mut().zip(&mut self.behind) {
            let fitted = clamp.of(i128::from(*value));
            node[0] += u64::from(fitted.flags.high);
            node[1] += u64::from(fitted.flags.low);
            *behind |= fitted.flags.any();
            *value = fitted.value;
        }
    }

    fn post(&mut self, values: &mut [i64], events: &mut Events) {
        let design = &self.program.design;
        if design.post.is_empty() {
            return;
        }
        let node = design.node_index(Node::Post(0));
        let Some((lanes, counters)) = &mut self.lanes else {
            for (n, value) in values.iter_mut().enumerate() {
                *value = self.program.post(n).run(*value, |step, flags| {
                    self.behind[n] = true;
                    events.nodes[node + step][0] += u64::from(flags.high);
                    events.nodes[node + step][1] += u64::from(flags.low);
                });
            }
            return;
        };
        if !lanes.run(values, counters) {
            return;
        }
        for (step, (high, low)) in counters.high.iter_mut().zip(&mut counters.low).enumerate() {
            for (side, counts) in [high, low].into_iter().enumerate() {
                for (count, behind) in counts.iter_mut().zip(&mut self.behind) {
                    events.nodes[node + step][side] += u64::from(*count);
                    *behind |= *count != 0;
                    *count = 0;
                }
            }
        }
    }
}

/// The output clamp on 32-bit tables.
pub fn clamp_narrow(design: &Design, values: &mut [i32]) {
    if let Some(clamp) = design.accumulator.output_fit() {
        for value in values {
            // No wider than the register, which fits.
            *value = clamp.of(i128::from(*value)).value as i32;
        }
    }
}
