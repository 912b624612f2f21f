//! One tile's operands in the order of its sums, and what becomes of them.

use std::sync::Arc;

use super::kernel::{BLOCK, Block};
use super::waiting::Stream;
use crate::datapath::accumulate::Accumulate;
use crate::datapath::operand::operand_sum;
use crate::datapath::{Period, Records};
use crate::design::{Array, Coding, Design, Operand};
use crate::num::Flags;
use crate::num::lanes::Lane;

/// Vectors that are kept for the tiles that bring the same columns again.
const KEPT: usize = 1 << 17;

/// Of how many tiles, which are looked through one by one.
const MOST_KEPT: usize = 256;

/// The streams of one tile as factors: rows that share a scalar, columns side by side.
pub struct Tile<L> {
    /// Rows of outputs with scalars of their own: positions, or where sums travel vectors.
    pub rows: usize,
    /// Of the array, and of the tiles side by side.
    columns: usize,
    /// Steps of a sum.
    pub steps: usize,
    pub lanes: usize,
    /// Whether vectors are channels: the tile's columns.
    pub turned: bool,
    /// Whether columns come again with the tiles below: where sums stay.
    comes_again: bool,
    /// `[rows][steps][lanes]`
    pub scalars: Arc<Vec<L>>,
    /// `[blocks][steps][lanes]`; of one column, `[steps][lanes]` side by side.
    vectors: Arc<Vec<[L; BLOCK]>>,
    /// What sums start from, by column of the tile (R9), and on which side it lay outside.
    starts: Vec<i64>,
    pub cut: Vec<Flags>,
    kept: Vec<Kept<[L; BLOCK]>>,
    kept_scalars: Vec<Kept<L>>,
}

/// Factors made of codes, of a tile whose column 0 has this record.
struct Kept<T> {
    codes: Vec<Arc<Vec<i32>>>,
    channel: usize,
    factors: Arc<Vec<T>>,
}

impl<T> Kept<T> {
    fn find(kept: &[Kept<T>], codes: &[Arc<Vec<i32>>], channel: usize) -> Option<Arc<Vec<T>>> {
        let same = |kept: &&Kept<T>| {
            let pairs = || kept.codes.iter().zip(codes);
            kept.channel == channel
                && kept.codes.len() == codes.len()
                && pairs().all(|(a, b)| Arc::ptr_eq(a, b))
        };
        kept.iter().find(same).map(|kept| kept.factors.clone())
    }

    /// Keeps factors, as long as there are not too many.
    fn keep(
        kept: &mut Vec<Kept<T>>,
        codes: Vec<Arc<Vec<i32>>>,
        channel: usize,
        factors: &Arc<Vec<T>>,
        most: usize,
    ) {
        if kept.len() == MOST_KEPT || kept.iter().map(|kept| kept.factors.len()).sum::<usize>() > most {
            kept.clear();
        }
        kept.push(Kept { codes, channel, factors: factors.clone() });
    }
}

impl<L: Lane> Tile<L> {
    pub fn new(design: &Design) -> Self {
        Tile {
            rows: 0,
            columns: design.array.columns,
            steps: 0,
            lanes: design.array.lanes,
            turned: design.array.is_turned(),
            comes_again: !design.array.sums_travel(),
            scalars: Arc::default(),
            vectors: Arc::default(),
            starts: Vec::new(),
            cut: Vec::new(),
            kept: Vec::new(),
            kept_scalars: Vec::new(),
        }
    }

    /// Blocks of columns.
    pub fn blocks(&self) -> usize {
        self.columns.div_ceil(BLOCK)
    }

    /// Whether there is one column, which would leave most of a block empty.
    pub fn is_thin(&self) -> bool {
        self.columns == 1
    }

    /// What the sum of a row starts from, of one column.
    pub fn first(&self, row: usize) -> i64 {
        self.starts[if self.turned { row } else { 0 }]
    }

    /// Rows and columns of the tile's outputs.
    pub fn outputs(&self) -> [usize; 2] {
        if self.turned { [self.columns, self.rows] } else { [self.rows, self.columns] }
    }

    pub fn vectors(&self) -> &[[L; BLOCK]] {
        &self.vectors
    }

    /// What the sums of a block of columns start from.
    #[inline]
    pub fn begin(&self, row: usize, block: usize, acc: &mut [L; BLOCK]) {
        if self.turned {
            acc.fill(L::truncate(self.starts[row]));
            return;
        }
        let starts = self.starts.get(block * BLOCK..).unwrap_or_default();
        for (acc, start) in acc.iter_mut().zip(starts) {
            *acc = L::truncate(*start);
        }
    }

    /// What the sum of an output of the tile starts from.
    pub fn start(&self, column: usize) -> i64 {
        self.starts[column]
    }

    /// The smallest and the largest of them.
    pub fn starts(&self) -> (i64, i64) {
        let ends = (self.starts.iter().min(), self.starts.iter().max());
        (ends.0.copied().unwrap_or_default(), ends.1.copied().unwrap_or_default())
    }

    /// What a step adds to the sum of an output of the tile.
    pub fn sum(&self, row: usize, column: usize, step: usize) -> i128 {
        let [row, column] = if self.turned { [column, row] } else { [row, column] };
        let width = self.steps * self.lanes;
        let scalars = &self.scalars[row * width..][..width];
        let factor = |at: usize| match self.is_thin() {
            true => self.vectors.as_flattened()[at],
            false => self.vectors[column / BLOCK * width + at][column % BLOCK],
        };
        let of = |at: usize| i128::from(scalars[at].to_i64()) * i128::from(factor(at).to_i64());
        (step * self.lanes..(step + 1) * self.lanes).map(of).sum()
    }

    /// Takes a period's streams, those from the left of tiles below each other, those from above of tiles side by side;
    /// `loaded` are the operands that stay.
    pub fn load(
        &mut self,
        design: &Design,
        (accumulate, records): (&Accumulate, &Records),
        period: &Period,
        (lefts, above): (Vec<Stream>, Vec<Stream>),
        loaded: Option<Arc<Vec<i32>>>,
    ) {
        let array = &design.array;
        let beats = period.feed.beats;
        let travels = loaded.is_some();
        self.rows = if travels { beats } else { lefts.len() * array.rows * array.banks };
        self.steps = if travels { array.rows } else { beats / array.banks };
        let sides = [&design.activation, &design.weight];
        let [left, other] = if self.turned { [sides[1], sides[0]] } else { sides };
        self.load_scalars(array, (Factors { operand: left, records }, lefts), travels, period);
        let (codes, apart) = match loaded {
            Some(loaded) => (vec![loaded], 1),
            None => (above, array.banks),
        };
        self.columns = array.columns * codes.len();
        // The weights of a column have its channel's offset.
        let column_step = array.record_step();
        self.vectors =
            self.columns_of(codes, apart, (Factors { operand: other, records }, column_step), period);
        let starts = if self.turned { self.rows } else { self.columns };
        let bias = |at: usize| {
            let step = if self.turned { period.channel_step } else { 1 };
            let record = period.channel + at * step;
            accumulate.bias(records, Some(record))
        };
        (self.starts, self.cut) = (0..starts).map(bias).map(|bias| (bias.value, bias.flags)).unzip();
    }

    /// What comes from the left. Without an offset, a tile's channel is nothing to it.
    fn load_scalars(
        &mut self,
        array: &Array,
        (own, lefts): (Factors<'_>, Vec<Arc<Vec<i32>>>),
        travels: bool,
        period: &Period,
    ) {
        let channel = if own.operand.offset.is_some() { period.channel } else { 0 };
        if let Some(kept) = Kept::find(&self.kept_scalars, &lefts, channel) {
            self.scalars = kept;
            return;
        }
        let (steps, lanes, banks, beats) = (self.steps, self.lanes, array.banks, period.feed.beats);
        let record = |vector: usize| period.channel + vector * period.channel_step;
        let mut scalars = vec![L::ZERO; self.rows * steps * lanes];
        // Of stream `row` and `lane`, beat by beat: from where on, and how far apart.
        let all = lefts.iter().flat_map(|left| left.chunks_exact(lanes * beats).take(array.rows));
        for (row, streams) in all.enumerate() {
            for (lane, stream) in streams.chunks_exact(beats).enumerate() {
                if travels {
                    let places = scalars[row * lanes + lane..].iter_mut().step_by(steps * lanes);
                    for (vector, (place, code)) in places.zip(stream).enumerate() {
                        *place = own.of(*code, record(vector));
                    }
                    continue;
                }
                for bank in 0..banks {
                    let output = (row * banks + bank) * steps * lanes;
                    let places = scalars[output + lane..].iter_mut().step_by(lanes).take(steps);
                    for (place, code) in places.zip(stream[bank..].iter().step_by(banks)) {
                        *place = own.of(*code, period.channel);
                    }
                }
            }
        }
        self.scalars = Arc::new(scalars);
        Kept::keep(&mut self.kept_scalars, lefts, channel, &self.scalars, KEPT * BLOCK);
    }

    /// `[steps · apart][columns][lanes]` codes of each tile, of which every `apart`-th step counts, block by block.
    fn columns_of(
        &mut self,
        codes: Vec<Arc<Vec<i32>>>,
        apart: usize,
        (factors, column_step): (Factors<'_>, usize),
        period: &Period,
    ) -> Arc<Vec<[L; BLOCK]>> {
        if let Some(kept) = Kept::find(&self.kept, &codes, period.channel) {
            return kept;
        }
        let (width, own) = (self.steps * self.lanes, self.columns / codes.len());
        let blocks = if self.is_thin() { width.div_ceil(BLOCK) } else { self.blocks() * width };
        let mut vectors = vec![[L::ZERO; BLOCK]; blocks];
        for (tile, codes) in codes.iter().enumerate() {
            let steps = codes.chunks_exact(own * self.lanes).step_by(apart).take(self.steps);
            if self.is_thin() {
                for (factor, code) in vectors.as_flattened_mut().iter_mut().zip(steps.flatten()) {
                    *factor = factors.of(*code, period.channel);
                }
                continue;
            }
            for (step, codes) in steps.enumerate() {
                for (column, codes) in (tile * own..).zip(codes.chunks_exact(self.lanes)) {
                    let block = &mut vectors[column / BLOCK * width + step * self.lanes..][..self.lanes];
                    for (vector, code) in block.iter_mut().zip(codes) {
                        vector[column % BLOCK] = factors.of(*code, period.channel + column * column_step);
                    }
                }
            }
        }
        self.keep(codes, period.channel, vectors)
    }

    /// Keeps vectors where their columns come again.
    fn keep(
        &mut self,
        codes: Vec<Arc<Vec<i32>>>,
        channel: usize,
        vectors: Vec<[L; BLOCK]>,
    ) -> Arc<Vec<[L; BLOCK]>> {
        let vectors = Arc::new(vectors);
        if self.comes_again {
            Kept::keep(&mut self.kept, codes, channel, &vectors, KEPT);
        }
        vectors
    }
}

/// What multipliers see of one side's codes.
#[derive(Clone, Copy)]
struct Factors<'a> {
    operand: &'a Operand,
    records: &'a Records,
}

impl Factors<'_> {
    fn of<L: Lane>(&self, code: i32, record: usize) -> L {
        if self.operand.offset.is_none() && self.operand.coding == Coding::Integer {
            return L::from_i32(code);
        }
        L::truncate(operand_sum(self.operand, code, self.records, Some(record)))
    }
}

/// A number of every output of a tile, `[rows][columns]`, and its events at one node.
#[derive(Debug, Default)]
pub struct Table {
    pub columns: usize,
    pub values: Vec<i64>,
    pub high: Vec<u32>,
    pub low: Vec<u32>,
    /// Whether there is an event at all.
    pub any: bool,
}

impl Table {
    pub fn reset(&mut self, [rows, columns]: [usize; 2]) {
        self.columns = columns;
        self.values.resize(rows * columns, 0);
        let any = std::mem::take(&mut self.any);
        for counts in [&mut self.high, &mut self.low] {
            if any {
                counts.clear();
            }
            counts.resize(self.values.len(), 0);
        }
    }

    /// Places of a block's columns, from `column` of kernel row `row` on: as many as there are, so far apart.
    fn places(&self, turned: bool, [row, column]: [usize; 2]) -> (usize, usize, usize) {
        match turned {
            false => (row * self.columns + column, 1, BLOCK.min(self.columns - column)),
            true => {
                let rows = self.values.len() / self.columns;
                (column * self.columns + row, self.columns, BLOCK.min(rows - column))
            }
        }
    }

    /// Empties a block's counters.
    pub fn count<L: Lane>(&mut self, turned: bool, at: [usize; 2], state: &mut Block<L>) {
        if state.high.iter().chain(&state.low).all(|count| *count == L::ZERO) {
            return;
        }
        self.any = true;
        let (place, step, count) = self.places(turned, at);
        for column in 0..count {
            self.high[place + column * step] += state.high[column].to_count();
            self.low[place + column * step] += state.low[column].to_count();
        }
        (state.high, state.low) = ([L::ZERO; BLOCK], [L::ZERO; BLOCK]);
    }

    /// Stores the sum of a row of one column, with its events.
    pub fn put(&mut self, turned: bool, row: usize, (value, high, low): (i64, u32, u32)) {
        let (place, ..) = self.places(turned, [row, 0]);
        (self.values[place], self.high[place], self.low[place]) = (value, high, low);
        self.any |= high + low > 0;
    }

    /// Stores a block's sums.
    pub fn take<L: Lane>(&mut self, turned: bool, at: [usize; 2], acc: &[L; BLOCK]) {
        let (place, step, count) = self.places(turned, at);
        for (column, acc) in acc[..count].iter().enumerate() {
            self.values[place + column * step] = acc.to_i64();
        }
    }
}
