//! Any array while nobody samples it: a period at a time, its sums folded from the streams that the host drives.
//!
//! ```text
//!  sums stay      output (row i, column j): its steps are beats      left[i][beat] · above[beat][j]
//!  sums travel    output (vector v, column j): its steps are rows    left[i][v] · loaded[i][j]
//! ```
//!
//! Every step of every accumulator is formed and fitted, those of a whole period in the order of its outputs: what a register
//! shows in a cycle is one of them, and which one is the timing laws' to say. Events are told by output and step, and as counts
//! once the first one is known. Where an output has several accumulators, each is a sum of its own, and [`levels`] add them.
//! Tiles that share rows or columns wait for each other and are folded as one ([`waiting`]), so that a MAC's outputs fill
//! vector lanes, too. No register is held, so whoever samples gets the grid or [`super::Array`], from the first cycle on.
//!
//! Registers, latency: those of [`super::Array`]. Licence: exact products and exact sums over the lanes of a beat, formats that
//! fit a machine lane ([`licence`]). Where it is proved that no part of a sum leaves its format ([`Tile::stays_within`]), nothing is
//! fitted, and sums of several visits that meet in plain words are one. Not modelled: other designs; rests between beats.
//! Rules: R2–R6 through `num::adder`, R7 and R8 through `post`, R9.

mod behind;
mod kernel;
mod levels;
mod packed;
mod table;
mod tile;
mod told;
mod values;
mod waiting;

use std::sync::Arc;

use super::accumulate::Accumulate;
use super::grid::{Step, licence};
use super::{Array, Datapath, Inputs, Observer, Period, Port, Records, Watch};
use crate::design::{Design, Node};
use crate::num::Fit;
use crate::num::adder::{Adder, Exact};
use crate::num::lanes::Lane;
use behind::Behind;
use kernel::{BLOCK, Block, MOST_EDGES, Places, Thin, fold, fold_thin};
use levels::Levels;
use packed::{Extents, Packed};
use table::Table;
use tile::Tile;
use told::{Tell, Told};
use values::Values;
use waiting::{Batch, Stream, Waiting};

/// The array for a design, when it has the licence.
pub fn folded(design: &Arc<Design>, records: &Records) -> Option<Box<dyn Datapath>> {
    let levels = design.level_ranges().iter().all(|range| range.always_fits);
    if design.is_post_only() {
        return Some(Box::new(Values::new(design, records)));
    }
    if !levels || !design.product_steps.is_empty() {
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

/// How many tiles, those that were folded together as one, took which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Routes {
    /// Step by step, each fitted.
    pub steps: u64,
    /// Sums that nothing has to be fitted in.
    pub exact: u64,
    /// Such sums in narrower lanes than their register.
    pub narrow: u64,
    /// Several visits of the same words as one.
    pub visits: u64,
    /// Values of a requantizer alone.
    pub values: u64,
}

/// The block, its sums in lanes of `L`.
struct Folded<L> {
    design: Arc<Design>,
    records: Records,
    step: Step<L>,
    accumulate: Accumulate,
    /// Of every accumulator of an output.
    tiles: Vec<Tile<L>>,
    /// With a second buffer: what has been loaded for the tile that follows.
    next: Option<Stream>,
    /// Those of the tile's outputs, and how often each overflowed.
    sums: Vec<Table>,
    levels: Levels,
    behind: Behind,
    waiting: Waiting,
    routes: Routes,
    /// Who is there once somebody samples.
    watched: Option<Box<dyn Datapath>>,
}

impl<L: Lane> Folded<L> {
    fn new(design: &Arc<Design>, records: &Records, step: Step<L>) -> Self {
        Folded {
            accumulate: Accumulate::new(design),
            tiles: (0..design.partial_sums()).map(|sum| Tile::new(design, sum)).collect(),
            next: None,
            sums: (0..design.partial_sums()).map(|_| Table::default()).collect(),
            levels: Levels::new(design),
            behind: Behind::new(design, records),
            waiting: Waiting::new(design),
            routes: Routes::default(),
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
    fn loaded(&mut self, period: &Period) -> Option<Stream> {
        let load = period.load.as_ref()?;
        match self.design.array.load.and_then(|load| load.switch) {
            None => Some(load.rows.clone()),
            Some(_) => self.next.replace(load.rows.clone()),
        }
    }

    /// Every step of the tile's sums.
    fn accumulate(&mut self, batch: &Batch) {
        let Folded { tiles, sums, design, records, routes, .. } = self;
        let rails = design.accumulator.register_fit().rails();
        let in_32 = (rails.0.max(i32::MIN.into()), rails.1.min(i32::MAX.into()));
        for (tile, sums) in tiles.iter_mut().zip(sums) {
            let Extents { rows, columns, lanes, .. } = tile.extents;
            sums.reset(rows, columns);
            if let Some(narrow) = tile.narrow().filter(|_| tile.stays_within(in_32)) {
                routes.narrow += 1;
                exact(tile, narrow, sums);
                continue;
            }
            tile.widen(design, records, batch);
            // No sum can leave the rails: nothing has to be fitted.
            if tile.stays_within(rails) {
                routes.exact += 1;
                exact(tile, &tile.own, sums);
                continue;
            }
            routes.steps += 1;
            match self.step {
                Step::FullSaturate(adder) => run(adder, tile, lanes, sums),
                Step::FullWrap(adder) => run(adder, tile, lanes, sums),
                Step::RoomySaturate(adder) => run(adder, tile, lanes, sums),
                Step::RoomyWrap(adder) => run(adder, tile, lanes, sums),
            }
        }
    }

    /// Whether no sum of a batch's visits can leave a register, the clamp behind it or a word, whatever part of it that holds.
    fn visits_are_one(&self) -> bool {
        let accumulator = &self.design.accumulator;
        let fits =
            [Some(accumulator.register_fit()), accumulator.output_fit(), self.design.memory.map(|m| m.fit())];
        let inside = |fit: Fit| self.tiles.iter().all(|tile| tile.stays_within(fit.rails()));
        fits.into_iter().flatten().all(inside)
    }

    /// Tells of the accumulators' events, output by output and step by step, where it matters which is the first.
    fn tell(&mut self, told: &mut Told<'_>) {
        let [sums, others @ ..] = self.sums.as_mut_slice() else { return };
        others.iter().for_each(|other| sums.join(other));
        let (Table { columns, high, low, any, .. }, tiles) = (&*sums, &self.tiles);
        let rows = if *any { usize::MAX } else { 0 };
        for (row, (high, low)) in
            high.chunks_exact(*columns).zip(low.chunks_exact(*columns)).enumerate().take(rows)
        {
            told.row(Node::Accumulator, row, [high, low], &mut |column, tell| {
                let mut accs = vec![tiles[0].starts[column]; tiles.len()];
                for step in 0..tiles[0].extents.steps {
                    for (acc, tile) in accs.iter_mut().zip(tiles) {
                        let next = self.accumulate.onto(*acc, tile.sum(row, column, step));
                        if next.flags.any() {
                            tell(Some(step), next.flags);
                        }
                        *acc = next.value;
                    }
                }
            });
        }
        // Start values that do not fit, each of its output (R9).
        let cut = &tiles[0].cut;
        if cut.iter().any(|flags| flags.any()) {
            let high: Vec<u32> = cut.iter().map(|flags| flags.high.into()).collect();
            let low: Vec<u32> = cut.iter().map(|flags| flags.low.into()).collect();
            for row in 0..tiles[0].extents.rows {
                let mut each = |column: usize, tell: &mut Tell<'_>| tell(Some(0), cut[column]);
                told.row(Node::AccumulatorStart, row, [&high, &low], &mut each);
            }
        }
    }

    fn load(&mut self, batch: &Batch) {
        for tile in &mut self.tiles {
            tile.load(&self.design, (&self.accumulate, &self.records), batch);
        }
    }

    /// What becomes of a batch that is loaded.
    fn finish(&mut self, batch: &Batch, observer: &mut dyn Observer) {
        self.accumulate(batch);
        let Extents { rows, columns, .. } = self.tiles[0].extents;
        let [left, above] = [batch.left.len(), batch.above.len()].map(|streams| streams / batch.visits);
        // Where activations stay, their tiles are below each other.
        let [down, across] = if self.design.array.is_turned() { [above, left] } else { [left, above] };
        let own = [rows / down, columns / across];
        let mut told = Told { observer, first: batch.tile(), across, step: batch.visits, own };
        self.tell(&mut told);
        self.levels.finish(&mut self.sums, &mut told);
        let clamp = (&self.accumulate, self.design.accumulator.output_fit().is_some());
        self.behind.finish(clamp, &mut self.sums[0], &batch.period, &mut told);
    }

    /// Folds the tiles that wait.
    fn fold(&mut self, observer: &mut dyn Observer) {
        for batch in self.waiting.take() {
            self.load(&batch);
            if batch.visits == 1 || self.visits_are_one() {
                self.routes.visits += u64::from(batch.visits > 1);
                self.finish(&batch, observer);
                continue;
            }
            self.waiting.part_visits();
            for visit in batch.apart() {
                self.load(&visit);
                self.finish(&visit, observer);
            }
        }
    }
}

/// Folds every output of a tile, some rows and a block of columns at a time; a step adds so many products.
fn run<L: Lane, A: Adder<L>>(adder: A, tile: &Tile<L>, lanes: usize, sums: &mut Table) {
    if tile.extents.is_thin() {
        return thin(adder, (&tile.extents, &tile.own, tile.starts[0]), lanes, sums);
    }
    // As many chains of additions as vector registers hold.
    match size_of::<L>() {
        2 => rows::<L, A, 4>(adder, tile, lanes, sums),
        4 => rows::<L, A, 2>(adder, tile, lanes, sums),
        _ => rows::<L, A, 1>(adder, tile, lanes, sums),
    }
}

/// Sums that nothing has to be fitted in, a block of columns of all rows at a time; lanes of `T` hold what they end as.
fn exact<L: Lane, T: Lane>(tile: &Tile<L>, packed: &Packed<T>, sums: &mut Table) {
    let extents = &tile.extents;
    if extents.is_thin() {
        // Every product may be a step of its own.
        return thin(Exact, (extents, packed, tile.starts[0]), 1, sums);
    }
    let vectors = packed.vectors().chunks_exact(extents.width());
    for (block, vectors) in vectors.enumerate() {
        let first = block * BLOCK;
        let places = Places { stride: sums.columns, columns: BLOCK.min(sums.columns - first) };
        kernel::exact(&mut sums.values[first..], places, &tile.begin(block), packed.scalars(), vectors);
    }
}

/// One column: row by row.
fn thin<T: Lane, A: Adder<T>>(
    adder: A,
    (extents, packed, start): (&Extents, &Packed<T>, i64),
    lanes: usize,
    sums: &mut Table,
) {
    let width = extents.width();
    let vector = &packed.vectors().as_flattened()[..width];
    for (row, scalars) in packed.scalars().chunks_exact(width).enumerate() {
        let mut one = Thin { acc: T::truncate(start), high: 0, low: 0 };
        fold_thin(adder, &mut one, scalars, vector, lanes);
        sums.put(row, (one.acc.to_i64(), one.high, one.low));
    }
}

fn rows<L: Lane, A: Adder<L>, const ROWS: usize>(adder: A, tile: &Tile<L>, lanes: usize, sums: &mut Table) {
    let rows = tile.extents.rows;
    let whole = rows / ROWS * ROWS;
    for row in (0..whole).step_by(ROWS) {
        some::<L, A, ROWS>(adder, tile, (row, lanes), sums);
    }
    for row in whole..rows {
        some::<L, A, 1>(adder, tile, (row, lanes), sums);
    }
}

fn some<L: Lane, A: Adder<L>, const ROWS: usize>(
    adder: A,
    tile: &Tile<L>,
    (row, lanes): (usize, usize),
    sums: &mut Table,
) {
    let width = tile.extents.width();
    for (block, vectors) in tile.own.vectors().chunks_exact(width).enumerate() {
        let mut state = [Block { acc: tile.begin(block), ..Block::<L>::ZERO }; ROWS];
        // Counters of 16 bits survive so many steps.
        for first in (0..width).step_by(MOST_EDGES * lanes) {
            let some = first..width.min(first + MOST_EDGES * lanes);
            let mut scalars: [&[L]; ROWS] = [&[]; ROWS];
            for (next, scalars) in scalars.iter_mut().enumerate() {
                *scalars = &tile.own.scalars()[(row + next) * width..][some.clone()];
            }
            fold(adder, &mut state, scalars, &vectors[some], lanes);
            for (next, state) in state.iter_mut().enumerate() {
                sums.count([row + next, block * BLOCK], state);
            }
        }
        for (next, state) in state.iter().enumerate() {
            sums.take([row + next, block * BLOCK], &state.acc);
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

    fn routes(&self) -> Routes {
        self.routes
    }

    fn run(&mut self, period: &Period, observer: &mut dyn Observer) {
        if observer.unsampled_cycles() < period.cycles || self.watched.is_some() {
            self.fold(observer);
            let mut watched = self.watched.take().unwrap_or_else(|| self.held());
            watched.run(period, observer);
            self.watched = Some(watched);
            return;
        }
        let is_fed = period.feed.beats > 0;
        if !is_fed || !self.waiting.joins(period) {
            self.fold(observer);
        }
        // A load without beats belongs to the tile that follows.
        let loaded = self.loaded(period);
        if is_fed {
            self.waiting.push(period, loaded);
        }
        observer.edges(period.cycles);
    }
}
