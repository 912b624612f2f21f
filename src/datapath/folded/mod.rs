//! Any array while nobody samples it: a period at a time, its sums folded from the streams that the host drives.
//!
//! ```text
//!  sums stay      output (row i, column j): its steps are beats      left[i][beat] · above[beat][j]
//!  sums travel    output (vector v, column j): its steps are rows    left[i][v] · loaded[i][j]
//! ```
//!
//! Every step of every accumulator is formed and fitted, those of a whole period in the order of its outputs: what a register
//! shows in a cycle is one of them, and which one is the timing laws' to say. Events are told by output and step, and as counts
//! once the first one is known. Tiles that share rows or columns wait for each other and are folded as one
//! ([`waiting`]), so that a MAC's outputs fill vector lanes, too. No register is held, so whoever samples gets the grid or
//! [`super::Array`], from the first cycle on.
//!
//! Registers, latency: those of [`super::Array`]. Licence: exact products and exact sums over the lanes, formats that fit a
//! machine lane ([`licence`]). Not modelled: other designs; rests between beats.
//! Rules: R2–R6 through `num::adder`, R7 and R8 through `post`, R9.

mod behind;
mod kernel;
mod tile;
mod told;
mod waiting;

use std::sync::Arc;

use super::accumulate::Accumulate;
use super::grid::{Step, licence};
use super::{Array, Datapath, Inputs, Observer, Period, Port, Records, Watch};
use crate::design::{Design, Node};
use crate::num::adder::{Adder, Exact};
use crate::num::lanes::Lane;
use behind::Behind;
use kernel::{BLOCK, Block, MOST_EDGES, Thin, fold, fold_thin};
use tile::{Table, Tile};
use told::{Tell, Told};
use waiting::{Batch, Waiting};

/// The array for a design, when it has the licence.
pub fn folded(design: &Arc<Design>, records: &Records) -> Option<Box<dyn Datapath>> {
    let levels = design.level_ranges().iter().all(|range| range.always_fits);
    let is_one = design.after.is_empty();
    if !levels || !is_one || !design.product_steps.is_empty() || design.is_post_only() {
        return None;
    }
    if let Some(step) = licence::<i16>(design) {
        return Some(Box::new(Folded::new(design, records, step)));
    }
    if let Some(step) = licence::<i32>(design) {
        return Some(Box::new(Folded::new(design, records, step)));
    }
    let step = licence::<i64>(design)?;
    Some(Box::new(Folded::new(design, records, step)))
}

/// The block, its sums in lanes of `L`.
struct Folded<L> {
    design: Arc<Design>,
    records: Records,
    step: Step<L>,
    /// Smallest and largest sum over the lanes.
    terms: (i64, i64),
    accumulate: Accumulate,
    tile: Tile<L>,
    /// With a second buffer: what has been loaded for the tile that follows.
    next: Option<Arc<Vec<i32>>>,
    /// Accumulators of the tile's outputs, and how often each overflowed.
    sums: Table,
    behind: Behind,
    waiting: Waiting,
    /// Who is there once somebody samples.
    watched: Option<Box<dyn Datapath>>,
}

impl<L: Lane> Folded<L> {
    fn new(design: &Arc<Design>, records: &Records, step: Step<L>) -> Self {
        Folded {
            terms: super::grid::terms(design),
            accumulate: Accumulate::new(design),
            tile: Tile::new(design),
            next: None,
            sums: Table::default(),
            behind: Behind::new(design, records),
            waiting: Waiting::default(),
            watched: None,
            design: design.clone(),
            records: records.clone(),
            step,
        }
    }

    /// The same array with registers.
    fn held(&self) -> Box<dyn Datapath> {
        let plain = || Box::new(Array::new(self.design.clone(), self.records.clone())) as Box<dyn Datapath>;
        super::grid(&self.design, &self.records).unwrap_or_else(plain)
    }

    /// The operands that stay while a period is fed: with a second buffer, those that the period before has loaded.
    fn loaded(&mut self, period: &Period) -> Option<Arc<Vec<i32>>> {
        let load = period.load.as_ref()?;
        match self.design.array.load.and_then(|load| load.switch) {
            None => Some(load.rows.clone()),
            Some(_) => self.next.replace(load.rows.clone()),
        }
    }

    /// Every step of the tile's sums.
    fn accumulate(&mut self) {
        let (low, high) = self.tile.starts();
        let (least, most) = self.design.accumulator.register_fit().rails();
        let reach = |term: i64| i128::from(term) * self.tile.steps as i128;
        // No sum can leave the rails: nothing has to be fitted.
        let holds = i128::from(low) + reach(self.terms.0.min(0)) >= i128::from(least)
            && i128::from(high) + reach(self.terms.1.max(0)) <= i128::from(most);
        let Folded { tile, sums, .. } = self;
        sums.reset(tile.outputs());
        let lanes = tile.lanes;
        match self.step {
            // Where nothing is fitted every product may be a step of its own.
            _ if holds && tile.is_thin() => thin(Exact, tile, 1, sums),
            _ if holds => exact(tile, sums),
            Step::FullSaturate(adder) => run(adder, tile, lanes, sums),
            Step::FullWrap(adder) => run(adder, tile, lanes, sums),
            Step::RoomySaturate(adder) => run(adder, tile, lanes, sums),
            Step::RoomyWrap(adder) => run(adder, tile, lanes, sums),
        }
    }

    /// Tells of the accumulators' events, output by output and step by step, where it matters which is the first.
    fn tell(&self, told: &mut Told<'_>) {
        let Table { columns, high, low, .. } = &self.sums;
        let rows = if self.sums.any { usize::MAX } else { 0 };
        for (row, (high, low)) in
            high.chunks_exact(*columns).zip(low.chunks_exact(*columns)).enumerate().take(rows)
        {
            told.row(Node::Accumulator, row, [high, low], &mut |column, tell| {
                let mut acc = self.tile.start(column);
                for step in 0..self.tile.steps {
                    let next = self.accumulate.onto(acc, self.tile.sum(row, column, step));
                    if next.flags.any() {
                        tell(Some(step), next.flags);
                    }
                    acc = next.value;
                }
            });
        }
        // Start values that do not fit, each of its output (R9).
        let cut = &self.tile.cut;
        if cut.iter().any(|flags| flags.any()) {
            let high: Vec<u32> = cut.iter().map(|flags| flags.high.into()).collect();
            let low: Vec<u32> = cut.iter().map(|flags| flags.low.into()).collect();
            for row in 0..self.tile.outputs()[0] {
                let mut each = |column: usize, tell: &mut Tell<'_>| tell(Some(0), cut[column]);
                told.row(Node::AccumulatorStart, row, [&high, &low], &mut each);
            }
        }
    }

    /// Folds the tiles that wait.
    fn fold(&mut self, observer: &mut dyn Observer) {
        for Batch { period, left, above, first } in self.waiting.take() {
            let loaded = self.loaded(&period);
            let tiles = [left.len(), above.len()];
            self.tile.load(&self.design, (&self.accumulate, &self.records), &period, (left, above), loaded);
            let [rows, columns] = self.tile.outputs();
            let own = [rows / tiles[0], columns / tiles[1]];
            let mut told = Told { observer: &mut *observer, first, across: tiles[1], own };
            self.accumulate();
            self.tell(&mut told);
            let clamp = (&self.accumulate, self.design.accumulator.output_fit().is_some());
            self.behind.finish(clamp, &mut self.sums, &period, &mut told);
        }
    }
}

/// Folds every output of a tile, some rows and a block of columns at a time; a step adds so many products.
fn run<L: Lane, A: Adder<L>>(adder: A, tile: &Tile<L>, lanes: usize, sums: &mut Table) {
    if tile.is_thin() {
        return thin(adder, tile, lanes, sums);
    }
    // As many chains of additions as vector registers hold.
    match size_of::<L>() {
        2 => rows::<L, A, 4>(adder, tile, lanes, sums),
        4 => rows::<L, A, 2>(adder, tile, lanes, sums),
        _ => rows::<L, A, 1>(adder, tile, lanes, sums),
    }
}

/// Sums that nothing has to be fitted in, a block of columns of all rows at a time.
fn exact<L: Lane>(tile: &Tile<L>, sums: &mut Table) {
    let width = tile.steps * tile.lanes;
    let mut ended = vec![[L::ZERO; BLOCK]; tile.rows];
    for block in 0..tile.blocks() {
        for (row, acc) in ended.iter_mut().enumerate() {
            tile.begin(row, block, acc);
        }
        kernel::exact(&mut ended, &tile.scalars, &tile.vectors()[block * width..][..width]);
        for (row, acc) in ended.iter().enumerate() {
            sums.take(tile.turned, [row, block * BLOCK], acc);
        }
    }
}

/// One column: row by row.
fn thin<L: Lane, A: Adder<L>>(adder: A, tile: &Tile<L>, lanes: usize, sums: &mut Table) {
    let width = tile.steps * tile.lanes;
    let vector = &tile.vectors().as_flattened()[..width];
    for (row, scalars) in tile.scalars.chunks_exact(width).enumerate() {
        let mut one = Thin { acc: L::truncate(tile.first(row)), high: 0, low: 0 };
        fold_thin(adder, &mut one, scalars, vector, lanes);
        sums.put(tile.turned, row, (one.acc.to_i64(), one.high, one.low));
    }
}

fn rows<L: Lane, A: Adder<L>, const ROWS: usize>(adder: A, tile: &Tile<L>, lanes: usize, sums: &mut Table) {
    let whole = tile.rows / ROWS * ROWS;
    for row in (0..whole).step_by(ROWS) {
        some::<L, A, ROWS>(adder, tile, (row, lanes), sums);
    }
    for row in whole..tile.rows {
        some::<L, A, 1>(adder, tile, (row, lanes), sums);
    }
}

fn some<L: Lane, A: Adder<L>, const ROWS: usize>(
    adder: A,
    tile: &Tile<L>,
    (row, lanes): (usize, usize),
    sums: &mut Table,
) {
    let width = tile.steps * tile.lanes;
    for block in 0..tile.blocks() {
        let mut state = [Block::<L>::ZERO; ROWS];
        for (next, state) in state.iter_mut().enumerate() {
            tile.begin(row + next, block, &mut state.acc);
        }
        let vectors = &tile.vectors()[block * width..][..width];
        // Counters of 16 bits survive so many steps.
        for first in (0..width).step_by(MOST_EDGES * lanes) {
            let some = first..width.min(first + MOST_EDGES * lanes);
            let mut scalars: [&[L]; ROWS] = [&[]; ROWS];
            for (next, scalars) in scalars.iter_mut().enumerate() {
                *scalars = &tile.scalars[(row + next) * width..][some.clone()];
            }
            fold(adder, &mut state, scalars, &vectors[some], lanes);
            for (next, state) in state.iter_mut().enumerate() {
                sums.count(tile.turned, [row + next, block * BLOCK], state);
            }
        }
        for (next, state) in state.iter().enumerate() {
            sums.take(tile.turned, [row + next, block * BLOCK], &state.acc);
        }
    }
}

impl<L: Lane> Datapath for Folded<L> {
    fn signals(&self) -> Vec<Port> {
        Array::new(self.design.clone(), self.records.clone()).signals()
    }

    /// Of what is clocked cycle by cycle; a folded period has no registers to show.
    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        match &self.watched {
            Some(watched) => watched.visit(inputs, sample),
            None => self.held().visit(inputs, sample),
        }
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        let mut watched = self.watched.take().unwrap_or_else(|| self.held());
        watched.clock(inputs, watch);
        self.watched = Some(watched);
    }

    fn takes_rests(&self) -> bool {
        false
    }

    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        if observer.samples() || self.watched.is_some() {
            self.fold(observer);
            let mut watched = self.watched.take().unwrap_or_else(|| self.held());
            watched.run(period, observer);
            self.watched = Some(watched);
            return;
        }
        let is_fed = period.feed.beats > 0;
        let (array, is_alone) = (&self.design.array, self.design.memory.is_some());
        if !is_fed || is_alone || !self.waiting.joins(array, period) {
            self.fold(observer);
        }
        match is_fed {
            true => self.waiting.push(period),
            // A load belongs to the tile that follows.
            false => drop(self.loaded(period)),
        }
        observer.edges(period.cycles);
    }
}
