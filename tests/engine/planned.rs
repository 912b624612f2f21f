//! An observer in front of another one, that is sampled in some cycles of a period only.

use goldpath::datapath::{Ended, Inputs, Observer, Tiles, Watch};
use goldpath::design::Node;
use goldpath::num::Flags;

/// Passes everything on but samples, which it takes where planned.
pub struct Planned<'a> {
    inner: &'a mut dyn Observer,
    plan: &'a [bool],
    /// Cycles of the period that are over.
    pub cycle: usize,
    /// By cycle.
    pub samples: Vec<(usize, Vec<i64>)>,
}

impl<'a> Planned<'a> {
    /// `plan` says of every cycle of the period whether it is sampled.
    pub fn new(inner: &'a mut dyn Observer, plan: &'a [bool]) -> Self {
        Planned { inner, plan, cycle: 0, samples: Vec::new() }
    }
}

impl Observer for Planned<'_> {
    fn samples(&self) -> bool {
        self.plan[self.cycle]
    }

    fn sample(&mut self, _: &Inputs, sample: &[i64]) {
        self.samples.push((self.cycle, sample.to_vec()));
    }

    fn watch(&mut self) -> &mut dyn Watch {
        self.inner.watch()
    }

    fn knows_first(&self, tile: usize) -> bool {
        self.inner.knows_first(tile)
    }

    fn located(&mut self, tile: usize, node: Node, output: [usize; 2], step: Option<usize>, flags: Flags) {
        self.inner.located(tile, node, output, step, flags);
    }

    fn counted(&mut self, tiles: Tiles, node: Node, row: usize, counts: [&[u32]; 2]) {
        self.inner.counted(tiles, node, row, counts);
    }

    fn tiles(&mut self, tiles: Tiles, what: Ended, values: &[i64], stride: usize) {
        self.inner.tiles(tiles, what, values, stride);
    }

    fn edge(&mut self) {
        self.cycle += 1;
        self.inner.edge();
    }

    fn unsampled_cycles(&self) -> usize {
        self.plan[self.cycle..].iter().take_while(|sampled| !**sampled).count()
    }
}
