//! One run of a layer: which outputs are looked at again, and what became of them.

use ndarray::Array3;
use rayon::prelude::*;

use super::Class;
use super::replay::{Ended, Requantizer, Row, Visit, Weights};
use super::tally::{Grid, Output, Tally};
use crate::design::Node;
use crate::lower::{Counts, Outcome, Program};

/// Whose difference makes an output differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// The design's post steps.
    Requantised,
    /// The accumulator itself, as int32: a layer without an output scale.
    Accumulator,
}

/// A run, counted: the tally, and events per output, `[2, rows, channels]` (high, low), of every node that forms the
/// sum, in datapath order.
pub(super) struct Inspected {
    pub tally: Tally,
    pub tables: Vec<Array3<i64>>,
}

/// What has to be looked at again, by what the engine has counted.
struct Needs {
    /// A step of products, a reduction level or a memory had events: every output.
    every_sum: bool,
    /// Channels whose start value the register does not hold: all of their outputs.
    cut: Vec<bool>,
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
        let clamp = design.accumulator.output_fit().filter(|_| any(|node| node == Node::AccumulatorOutput));
        Needs {
            every_sum: any(|node| {
                let is_part = matches!(node, Node::Store(_) | Node::Load(_) | Node::Memory);
                is_part || matches!(node, Node::Product(_) | Node::Reduce(_) | Node::After(_))
            }),
            cut: (0..program.shape.channels()).map(|n| program.fitted_start(n).flags.any()).collect(),
            every_post: any(|node| matches!(node, Node::Post(_))),
            clamp: clamp.map(|clamp| clamp.rails().into()),
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
    let forming = program.design.fitting_nodes().iter().filter(|(node, _)| node.forms_sum()).count();
    let any = |c: &&Counts| c.nodes.iter().any(|n| n.high + n.low > 0);
    let Some(counts) = outcome.counts.as_ref().filter(any) else {
        return Inspected { tally: empty(), tables: vec![Array3::zeros([2, rows, channels]); forming] };
    };
    let needs = Needs::new(program, counts);
    let (weights, requantizer) = (Weights::new(program, 0..channels), Requantizer::new(program));
    let mut cells = vec![[0_i64; 2]; rows * channels * forming];
    let look = |mut tally: Tally, (m, cells): (usize, &mut [[i64; 2]])| {
        let row = Row::new(program, &weights, m);
        let seen = vec![false; counts.nodes.len()];
        let mut line = Line { grid: &grid, requantizer: &requantizer, outcome, judged, row, m, seen };
        for (n, cells) in cells.chunks_exact_mut(forming).enumerate() {
            line.output(n, &needs, counts, cells, &mut tally);
        }
        tally
    };
    let tally = cells
        .par_chunks_mut(channels * forming)
        .enumerate()
        .fold(empty, look)
        .reduce(empty, |a, b| a.merged(b));
    for (node, counted) in tally.nodes.iter().zip(&counts.nodes) {
        let sum = |side: usize| node.channels.iter().map(|c| c[side]).sum::<u64>();
        let found = (sum(0), sum(1));
        assert_eq!(found, (counted.high, counted.low), "the replay finds every event of {}", counted.node);
    }
    let table = |node: usize| {
        let cell = |(side, m, n): (usize, usize, usize)| cells[(m * channels + n) * forming + node][side];
        Array3::from_shape_fn([2, rows, channels], cell)
    };
    Inspected { tally, tables: (0..forming).map(table).collect() }
}

/// One output row.
struct Line<'a> {
    grid: &'a Grid<'a>,
    requantizer: &'a Requantizer,
    outcome: &'a Outcome,
    judged: Judged,
    row: Row<'a>,
    m: usize,
    /// Nodes with an event of the output at hand.
    seen: Vec<bool>,
}

impl Line<'_> {
    /// `cells` has one entry for every node that forms the sum.
    fn output(
        &mut self,
        n: usize,
        needs: &Needs,
        counts: &Counts,
        cells: &mut [[i64; 2]],
        tally: &mut Tally,
    ) {
        let (m, grid) = (self.m, self.grid);
        let (design, seen) = (&*grid.program.design, &mut self.seen);
        seen.fill(false);
        let accumulator = self.outcome.accumulators[[m, n]];
        let clamped = needs.clamp.is_some_and(|rails| rails.contains(&accumulator));
        let mut fitted = None;
        if needs.every_sum || needs.cut[n] || clamped || counts.accumulator[[m, n]] > 0 {
            let mut events = 0;
            let ended = self.row.replay(n, &mut |visit| {
                let node = design.node_index(visit.node);
                events += 1;
                seen[node] = true;
                cells[node][usize::from(visit.flags.low)] += 1;
                tally.event(grid, m, n, visit);
            });
            assert_eq!(ended.accumulator, accumulator, "both engines end alike at output [{m}, {n}]");
            fitted = (events > 0).then_some(ended);
        }
        if needs.every_post {
            let visit = &mut |visit: Visit| {
                seen[design.node_index(visit.node)] = true;
                tally.event(grid, m, n, visit);
            };
            self.requantizer.run(grid.program, n, i128::from(accumulator), visit);
        }
        tally.only_post += u64::from(fitted.is_none() && seen.contains(&true));
        tally.nodes.iter_mut().zip(&*seen).for_each(|(node, seen)| node.outputs += u64::from(*seen));
        if let Some(ended) = fitted {
            self.classify(n, ended, tally);
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
        let [tile, row, column] = self.grid.program.place(self.m, n);
        let order = [tile, 0, row, column];
        tally.output(class, Output { order, m: self.m, n, exact, corrected });
    }
}

/// What an int32 tensor holds of a sum: the framework's own accumulators wrap there.
pub(super) fn int32(sum: i128) -> i32 {
    // Reduction modulo 2^32 is what is asked for.
    sum as i32
}
