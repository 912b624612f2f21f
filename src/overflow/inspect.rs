//! One run of a layer: which outputs are looked at again, and what became of them.

use ndarray::Array3;
use rayon::prelude::*;

use super::Class;
use super::replay::{Ended, Requantizer, Row, Weights};
use super::tally::{Grid, Output, Tally};
use crate::design::{AccumulatorOverflow, Node};
use crate::lower::{Counts, Outcome, Program};

/// Whose difference makes an output differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// The design's post steps.
    Requantised,
    /// The accumulator itself, as int32: a layer without an output scale.
    Accumulator,
}

/// A run, counted: the tally, and the accumulator's events per output, `[2, rows, channels]` (high, low).
pub(super) struct Inspected {
    pub tally: Tally,
    pub table: Array3<i64>,
}

/// What has to be looked at again, by what the engine has counted.
struct Needs {
    /// A reduction level had events: every output.
    every_sum: bool,
    /// A post step had events: every requantisation.
    every_post: bool,
    /// The rails of the clamp behind the register: an output that ends there may have been clamped.
    clamp: Option<[i64; 2]>,
}

impl Needs {
    fn new(program: &Program, counts: &Counts) -> Needs {
        let design = &program.design;
        let any = |wanted: fn(Node) -> bool| {
            let nodes = design.fitting_nodes();
            nodes.iter().zip(&counts.nodes).any(|((node, _), e)| wanted(*node) && e.high + e.low > 0)
        };
        let (format, overflow) = (design.accumulator.format, design.accumulator.overflow);
        let clamps =
            overflow == AccumulatorOverflow::SaturateOutput && any(|node| node == Node::AccumulatorOutput);
        Needs {
            every_sum: any(|node| matches!(node, Node::Reduce(_))),
            every_post: any(|node| matches!(node, Node::Post(_))),
            clamp: clamps.then_some([format.min(), format.max()]),
        }
    }
}

/// Looks at every output of a run that had an event; `outcome` has counts.
///
/// # Panics
/// When the replay of an output differs from what the engine said of it.
pub(super) fn inspect(program: &Program, outcome: &Outcome, judged: Judged, cap: usize) -> Inspected {
    let grid = Grid::new(program);
    let (rows, channels) = (program.shape.rows(), program.shape.channels());
    let empty = || grid.empty(cap);
    let counts = outcome.counts.as_ref().filter(|c| c.nodes.iter().any(|n| n.high + n.low > 0));
    let Some(counts) = counts else {
        return Inspected { tally: empty(), table: Array3::zeros([2, rows, channels]) };
    };
    let needs = Needs::new(program, counts);
    let (weights, requantizer) = (Weights::new(program, 0..channels), Requantizer::new(program));
    let mut cells = vec![[0_i64; 2]; rows * channels];
    let look = |mut tally: Tally, (m, cells): (usize, &mut [[i64; 2]])| {
        let row = Row::new(program, &weights, m);
        let mut line = Line { grid: &grid, requantizer: &requantizer, outcome, judged, row, m };
        for (n, cell) in cells.iter_mut().enumerate() {
            line.output(n, &needs, counts, cell, &mut tally);
        }
        tally
    };
    let tally =
        cells.par_chunks_mut(channels).enumerate().fold(empty, look).reduce(empty, |a, b| a.merged(b));
    for (node, counted) in tally.nodes.iter().zip(&counts.nodes) {
        let sum = |side: usize| node.channels.iter().map(|c| c[side]).sum::<u64>();
        let found = (sum(0), sum(1));
        assert_eq!(found, (counted.high, counted.low), "the replay finds every event of {}", counted.node);
    }
    let table = Array3::from_shape_fn([2, rows, channels], |(side, m, n)| cells[m * channels + n][side]);
    Inspected { tally, table }
}

/// One output row.
struct Line<'a> {
    grid: &'a Grid<'a>,
    requantizer: &'a Requantizer,
    outcome: &'a Outcome,
    judged: Judged,
    row: Row<'a>,
    m: usize,
}

impl Line<'_> {
    fn output(&mut self, n: usize, needs: &Needs, counts: &Counts, cell: &mut [i64; 2], tally: &mut Tally) {
        let (m, grid) = (self.m, self.grid);
        let accumulator = self.outcome.accumulators[[m, n]];
        let clamped = needs.clamp.is_some_and(|rails| rails.contains(&accumulator));
        if needs.every_sum || clamped || counts.accumulator[[m, n]] > 0 {
            let mut events = 0;
            let ended = self.row.replay(n, &mut |visit| {
                events += u64::from(!matches!(visit.node, Node::Reduce(_)));
                if visit.node == Node::Accumulator {
                    cell[usize::from(visit.flags.low)] += 1;
                }
                tally.event(grid, m, n, visit);
            });
            assert_eq!(ended.accumulator, accumulator, "both engines end alike at output [{m}, {n}]");
            if events > 0 {
                self.classify(n, ended, tally);
            }
        }
        if needs.every_post {
            let visit = &mut |visit| tally.event(grid, m, n, visit);
            self.requantizer.run(grid.program, n, i128::from(accumulator), visit);
        }
    }

    fn classify(&self, n: usize, Ended { accumulator, exact }: Ended, tally: &mut Tally) {
        let corrected = self.requantizer.run(self.grid.program, n, exact, &mut |_| {});
        let equal = match self.judged {
            Judged::Requantised => corrected == i128::from(self.outcome.outputs[[self.m, n]]),
            Judged::Accumulator => int32(exact) == int32(i128::from(accumulator)),
        };
        let class = match exact == i128::from(accumulator) {
            true => Some(Class::Transient),
            false => equal.then_some(Class::Surviving),
        };
        let [tile, row, column] = self.grid.place(self.m, n);
        let order = [tile, 0, row, column];
        tally.output(class, Output { order, m: self.m, n, exact, corrected });
    }
}

/// What an int32 tensor holds of a sum: the framework's own accumulators wrap there.
pub(super) fn int32(sum: i128) -> i32 {
    // Reduction modulo 2^32 is what is asked for.
    sum as i32
}
