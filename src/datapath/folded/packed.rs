//! The factors of a tile's products, in the order in which the kernels read them.

use std::sync::Arc;

use super::kernel::{BLOCK, squares_of_columns, squares_of_rows};
use super::waiting::{Batch, Stream};
use crate::datapath::Records;
use crate::datapath::operand::operand_sum;
use crate::design::{Array, Coding, Design, Operand};
use crate::num::lanes::Lane;

/// Bytes that are kept for the tiles that bring the same codes again.
const KEPT: usize = 1 << 21;

/// Of how many tiles, which are looked through one by one.
const MOST_KEPT: usize = 256;

/// Factors of so many bits, and so many of them, have sums of squares in 64 bits.
const SQUARES: (u32, usize) = (18, 1 << 28);

/// Outputs of a tile, and the products of each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extents {
    /// Positions.
    pub rows: usize,
    /// Channels.
    pub columns: usize,
    /// Steps of a sum, those of all its visits.
    pub steps: usize,
    /// Products of a step.
    pub lanes: usize,
}

impl Extents {
    /// Products of an output.
    pub fn width(&self) -> usize {
        self.steps * self.lanes
    }

    /// Blocks of columns.
    pub fn blocks(&self) -> usize {
        self.columns.div_ceil(BLOCK)
    }

    /// Whether there is one column, which would leave most of a block empty.
    pub fn is_thin(&self) -> bool {
        self.columns == 1
    }
}

/// Rows of scalars and columns of vectors, in lanes of `T`.
pub struct Packed<T> {
    scalars: Arc<Factors<T>>,
    vectors: Arc<Factors<[T; BLOCK]>>,
    kept_scalars: Vec<Kept<T>>,
    kept_vectors: Vec<Kept<[T; BLOCK]>>,
}

/// Factors of one side.
struct Factors<T> {
    all: Vec<T>,
    /// The largest sum of the squares of one output's; `None` where it might need more than 64 bits.
    squares: Option<u64>,
}

/// Factors made of codes, of a tile whose column 0 has this record.
struct Kept<T> {
    codes: Vec<Stream>,
    channel: usize,
    factors: Arc<Factors<T>>,
}

impl<T> Kept<T> {
    /// Those of the same codes, or those that are made of them, which are kept as long as there are not too many.
    fn factors(
        kept: &mut Vec<Kept<T>>,
        (codes, channel): (&[Stream], usize),
        make: impl FnOnce() -> Factors<T>,
    ) -> Arc<Factors<T>> {
        let same = |kept: &&Kept<T>| {
            let pairs = || kept.codes.iter().zip(codes);
            kept.channel == channel
                && kept.codes.len() == codes.len()
                && pairs().all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if let Some(kept) = kept.iter().find(same) {
            return kept.factors.clone();
        }
        let bytes = kept.iter().map(|kept| size_of_val(kept.factors.all.as_slice())).sum::<usize>();
        if kept.len() == MOST_KEPT || bytes > KEPT {
            kept.clear();
        }
        let factors = Arc::new(make());
        kept.push(Kept { codes: codes.to_vec(), channel, factors: factors.clone() });
        factors
    }
}

/// What multipliers see of one side's codes.
#[derive(Clone, Copy)]
struct Side<'a> {
    operand: &'a Operand,
    records: &'a Records,
}

impl Side<'_> {
    fn of<L: Lane>(&self, code: i32, record: usize) -> L {
        if self.is_plain() {
            return L::from_i32(code);
        }
        L::truncate(operand_sum(self.operand, code, self.records, Some(record)))
    }

    /// Codes of records that follow on each other.
    fn row<L: Lane>(&self, codes: &[i32], record: usize, places: &mut [L]) {
        let pairs = places.iter_mut().zip(codes);
        if self.is_plain() {
            return pairs.for_each(|(place, code)| *place = L::from_i32(*code));
        }
        pairs.zip(record..).for_each(|((place, code), record)| *place = self.of(*code, record));
    }

    /// Whether codes are factors.
    fn is_plain(&self) -> bool {
        self.operand.offset.is_none() && self.operand.coding == Coding::Integer
    }

    /// Whether sums of squares of so many factors fit 64 bits.
    fn has_squares(&self, width: usize) -> bool {
        self.operand.sum.width() <= SQUARES.0 && width <= SQUARES.1
    }
}

impl<T: Lane> Default for Packed<T> {
    fn default() -> Self {
        Packed {
            scalars: Arc::new(Factors { all: Vec::new(), squares: None }),
            vectors: Arc::new(Factors { all: Vec::new(), squares: None }),
            kept_scalars: Vec::new(),
            kept_vectors: Vec::new(),
        }
    }
}

impl<T: Lane> Packed<T> {
    /// `[rows][steps][lanes]`
    pub fn scalars(&self) -> &[T] {
        &self.scalars.all
    }

    /// `[blocks][steps][lanes]`; of one column, `[steps][lanes]` side by side.
    pub fn vectors(&self) -> &[[T; BLOCK]] {
        &self.vectors.all
    }

    /// A bound of every part of every sum, on either side of 0: |Σ s·v| ≤ √(Σ s²) · √(Σ v²) (Cauchy and Schwarz), and a part has
    /// no more squares than the whole.
    pub fn reach(&self) -> Option<i128> {
        let (scalars, vectors) = (self.scalars.squares?, self.vectors.squares?);
        // A root of 128 bits has 64.
        Some((u128::from(scalars) * u128::from(vectors)).isqrt() as i128)
    }

    /// The products of an output's step.
    pub fn sum(&self, extents: &Extents, [row, column]: [usize; 2], step: usize) -> i128 {
        let width = extents.width();
        let scalars = &self.scalars()[row * width..][..width];
        let factor = |at: usize| match extents.is_thin() {
            true => self.vectors().as_flattened()[at],
            false => self.vectors()[column / BLOCK * width + at][column % BLOCK],
        };
        let of = |at: usize| i128::from(scalars[at].to_i64()) * i128::from(factor(at).to_i64());
        (step * extents.lanes..(step + 1) * extents.lanes).map(of).sum()
    }

    /// Takes `lanes` of the streams of tiles.
    pub fn load(
        &mut self,
        design: &Design,
        records: &Records,
        (extents, lanes): (&Extents, &[usize]),
        batch: &Batch,
    ) {
        let array = &design.array;
        let channel = batch.period.channel;
        let activations = Side { operand: &design.activation, records };
        let weights = Side { operand: &design.weight, records };
        let [rows, columns] =
            if array.is_turned() { [&batch.above, &batch.left] } else { [&batch.left, &batch.above] };
        let layout = Layout { array, extents, lanes, beats: batch.period.feed.beats, visits: batch.visits };
        let width = extents.width();
        let scalars = || {
            let all = layout.scalars(activations, rows);
            let squares = activations.has_squares(width).then(|| squares_of_rows(&all, width));
            Factors { all, squares }
        };
        let vectors = || {
            let all = layout.vectors(weights, columns, channel);
            let squares = weights.has_squares(width).then(|| match extents.is_thin() {
                true => squares_of_rows(all.as_flattened(), all.len() * BLOCK),
                false => squares_of_columns(&all, width),
            });
            Factors { all, squares }
        };
        // What stays is loaded for every tile anew. The weights of a column have its channel's offset; without one, a tile's
        // channel is nothing to them.
        let own = if weights.is_plain() { 0 } else { channel };
        let (travels, turned) = (array.sums_travel(), array.is_turned());
        self.scalars = match travels && turned {
            true => Arc::new(scalars()),
            false => Kept::factors(&mut self.kept_scalars, (rows, 0), scalars),
        };
        self.vectors = match travels && !turned {
            true => Arc::new(vectors()),
            false => Kept::factors(&mut self.kept_vectors, (columns, own), vectors),
        };
    }
}

/// Where codes of streams belong.
struct Layout<'a> {
    array: &'a Array,
    extents: &'a Extents,
    /// Those whose products are added, of all lanes of the array.
    lanes: &'a [usize],
    beats: usize,
    visits: usize,
}

impl Layout<'_> {
    /// Which tile a stream is of, and where in its sums its products begin: visits are behind each other.
    fn begins(&self, stream: usize) -> (usize, usize) {
        (stream / self.visits, stream % self.visits * (self.extents.width() / self.visits))
    }

    fn scalars<T: Lane>(&self, side: Side<'_>, streams: &[Stream]) -> Vec<T> {
        let Layout { array, extents, lanes, beats, .. } = *self;
        let (width, banks) = (extents.width(), array.banks);
        let mut scalars = vec![T::ZERO; extents.rows * width];
        for (index, codes) in streams.iter().enumerate() {
            let (tile, from) = self.begins(index);
            if array.is_turned() {
                // [rows][columns · lanes]: a column is a position.
                let first = tile * array.columns * width + from;
                for (row, codes) in codes.chunks_exact(array.columns * array.lanes).enumerate() {
                    for (column, codes) in codes.chunks_exact(array.lanes).enumerate() {
                        let places = scalars[first + column * width + row * lanes.len()..].iter_mut();
                        places.zip(lanes).for_each(|(place, lane)| *place = side.of(codes[*lane], 0));
                    }
                }
                continue;
            }
            // Of stream `row` and `lane`, beat by beat.
            for (row, streams) in codes.chunks_exact(array.lanes * beats).take(array.rows).enumerate() {
                for (at, lane) in lanes.iter().enumerate() {
                    let stream = &streams[lane * beats..][..beats];
                    let (first, apart, every) = match array.sums_travel() {
                        true => (tile * beats * width + from + row * lanes.len() + at, width, 1),
                        false => ((tile * array.rows + row) * banks * width + from + at, lanes.len(), banks),
                    };
                    for bank in 0..every {
                        let places = scalars[first + bank * width..].iter_mut().step_by(apart);
                        let put = |(place, code): (&mut T, &i32)| *place = side.of(*code, 0);
                        match every {
                            1 => places.zip(stream).for_each(put),
                            _ => places.zip(stream[bank..].iter().step_by(every)).for_each(put),
                        }
                    }
                }
            }
        }
        scalars
    }

    fn vectors<T: Lane>(&self, side: Side<'_>, streams: &[Stream], channel: usize) -> Vec<[T; BLOCK]> {
        let Layout { array, extents, lanes, beats, .. } = *self;
        let (width, is_thin) = (extents.width(), extents.is_thin());
        let blocks = if is_thin { width.div_ceil(BLOCK) } else { extents.blocks() * width };
        let mut vectors = vec![[T::ZERO; BLOCK]; blocks];
        // Product `at` of column `column`.
        let place = |at: usize, column: usize| match is_thin {
            true => at,
            false => (column / BLOCK * width + at) * BLOCK + column % BLOCK,
        };
        let flat = vectors.as_flattened_mut();
        for (index, codes) in streams.iter().enumerate() {
            let (tile, from) = self.begins(index);
            if array.is_turned() {
                // [rows · lanes][channels]
                let rows = codes.chunks_exact(array.lanes * beats);
                let streams = rows.flat_map(|row| lanes.iter().map(|lane| &row[lane * beats..][..beats]));
                for (at, codes) in (from..).zip(streams) {
                    for (part, codes) in codes.chunks(BLOCK).enumerate() {
                        let column = part * BLOCK;
                        side.row(codes, channel + column, &mut flat[place(at, column)..]);
                    }
                }
                continue;
            }
            // [steps · banks][columns][lanes], of which every bank is given the same.
            let own = tile * array.columns;
            let apart = if array.sums_travel() { 1 } else { array.banks };
            let steps = codes.chunks_exact(array.columns * array.lanes).step_by(apart);
            for (step, mut codes) in steps.take((width - from) / lanes.len()).enumerate() {
                if array.lanes == 1 && !is_thin {
                    let mut column = own;
                    while !codes.is_empty() {
                        let (part, rest) = codes.split_at(codes.len().min(BLOCK - column % BLOCK));
                        side.row(part, channel + column, &mut flat[place(from + step, column)..]);
                        (column, codes) = (column + part.len(), rest);
                    }
                    continue;
                }
                for (column, codes) in (own..).zip(codes.chunks_exact(array.lanes)) {
                    for (at, lane) in (from + step * lanes.len()..).zip(lanes) {
                        flat[place(at, column)] = side.of(codes[*lane], channel + column);
                    }
                }
            }
        }
        vectors
    }
}
