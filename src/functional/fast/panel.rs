//! Weights, analysed and packed once: panels of channels that take the same route.

use std::ops::Range;

use multiversion::multiversion;

use super::route::{Choice, Route, Width};
use super::rows::Positions;
use crate::lower::Program;
use crate::num::Overflow;

/// Positions of a block that is checked, the cheapest first; the more, the farther its sums can stray.
const BLOCKS: [usize; 4] = [128, 64, 32, 16];

/// Channels that take the same route, side by side.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Group of the convolution.
    pub group: usize,
    /// Output channels over all groups; those beyond are padding.
    pub channels: Vec<usize>,
    /// 16, 32 or 64.
    pub columns: usize,
    /// What all of them take.
    pub choice: Choice,
    /// Fitted start value of each column.
    pub starts: Vec<i64>,
    /// Of the dot product, where there is one.
    pub blocks: Vec<Block>,
    /// `[quads][columns][4]`
    pub eights: Vec<i8>,
    /// `[pairs][columns][2]`
    pub sixteens: Vec<i16>,
    /// `[positions][columns]`, for 16-bit lanes.
    pub steps: Vec<i16>,
    /// `[columns][positions]`, for walks inside blocks.
    pub by_column: Vec<i16>,
    /// `[positions][2][columns]`: what a 16-bit lane's event counts.
    pub marks: Vec<i16>,
    /// `[positions][columns]`, for 64-bit lanes.
    pub wides: Vec<i32>,
}

/// Neighbouring positions summed in one go.
#[derive(Debug, Clone)]
pub struct Block {
    /// First position.
    pub from: usize,
    /// One behind the last.
    pub to: usize,
    /// What every column is given before: the start (first block only), and what the base of 8-bit rows takes away.
    pub adds: Vec<i32>,
    /// How far the block's sums can stray, per column; `None` where it is proved that none leaves the rails.
    pub reach: Option<Reach>,
}

/// The weights of a block, one entry a column: with them and the range of the activations, how far any of the block's
/// prefixes can lie from where it began.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Σ of the positive weights.
    pub positive: Vec<i32>,
    /// Σ of the magnitudes of the negative ones.
    pub negative: Vec<i32>,
}

/// Where an accumulator may stand before a block so that none of its steps leaves the rails: inclusive, one entry a
/// column; low > high where no value is safe.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    pub low: Vec<i32>,
    pub high: Vec<i32>,
}

/// Sets the limits for effective activations in `low..=high`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
pub fn close_in(limits: &mut Limits, reach: &Reach, (low, high): (i32, i32), rails: (i64, i64)) {
    let (below, above) = (-i64::from(low.min(0)), i64::from(high.max(0)));
    limits.low.resize(reach.positive.len(), 0);
    limits.high.resize(reach.positive.len(), 0);
    let weights = reach.positive.iter().zip(&reach.negative);
    for ((low, high), (p, n)) in limits.low.iter_mut().zip(&mut limits.high).zip(weights) {
        let (p, n) = (i64::from(*p), i64::from(*n));
        let least = rails.0 + p * below + n * above;
        let most = rails.1 - p * above - n * below;
        // They close in from the rails, which fit 32 bits: where one passes the other, nothing is safe.
        let safe = least <= most;
        *low = if safe { least as i32 } else { i32::MAX };
        *high = if safe { most as i32 } else { i32::MIN };
    }
}

/// What packing needs to know beside the weights.
pub struct Facts<'a> {
    pub program: &'a Program,
    pub positions: &'a Positions,
    /// Effective activations.
    pub activations: (i64, i64),
    /// Added to the weights, by channel.
    pub offsets: &'a [i32],
    /// Events are counted.
    pub counts: bool,
}

impl Facts<'_> {
    fn lanes(&self) -> usize {
        self.program.design.array.lanes
    }
}

/// Positions of a block: whole beats, whole quads, about `wanted`.
fn block_size(lanes: usize, wanted: usize) -> usize {
    let even = if lanes.is_multiple_of(2) { 2 } else { 4 };
    let unit = if lanes.is_multiple_of(4) { lanes } else { lanes * even };
    unit * (wanted / unit).max(1)
}

/// Positions of the longest block that is checked.
pub fn longest_block(lanes: usize) -> usize {
    block_size(lanes, BLOCKS[0])
}

impl Panel {
    /// Packs the weights of `channels`.
    pub fn new(facts: &Facts, group: usize, channels: Vec<usize>, choice: Choice) -> Panel {
        let columns = columns_of(choice.route, channels.len());
        let mut starts: Vec<i64> = channels.iter().map(|n| facts.program.start(*n)).collect();
        starts.resize(columns, 0);
        let mut panel = Panel {
            group,
            channels,
            columns,
            choice,
            starts,
            blocks: Vec::new(),
            eights: Vec::new(),
            sixteens: Vec::new(),
            steps: Vec::new(),
            by_column: Vec::new(),
            marks: Vec::new(),
            wides: Vec::new(),
        };
        let weights = panel.spread(facts);
        match choice.route {
            Route::Exact | Route::Blocks => panel.pack_dot(facts, &weights),
            Route::Steps => panel.pack_steps(facts, &weights),
            Route::Lanes => panel.sixteens = interleaved::<2, i16>(&weights, columns, |w| w as i16),
            Route::Wide => panel.wides = weights,
            Route::Plain => {}
        }
        panel
    }

    /// Its channels, where they lie side by side.
    pub fn neighbours(&self) -> Option<Range<usize>> {
        let (first, last) = (*self.channels.first()?, *self.channels.last()?);
        (last + 1 - first == self.channels.len()).then_some(first..last + 1)
    }

    /// Effective weights `[positions][columns]`; 0 where a lane idles or a column has no channel.
    fn spread(&self, facts: &Facts) -> Vec<i32> {
        let shape = facts.program.shape;
        let first = self.group * shape.n;
        let mut spread = vec![0; facts.positions.k.len() * self.columns];
        for (to, k) in spread.chunks_exact_mut(self.columns).zip(&facts.positions.k) {
            let Some(k) = k else { continue };
            let row = &facts.program.weights[(self.group * shape.k + *k as usize) * shape.n..][..shape.n];
            for (to, n) in to.iter_mut().zip(&self.channels) {
                *to = row[n - first].wrapping_add(facts.offsets[*n]);
            }
        }
        spread
    }

    fn pack_dot(&mut self, facts: &Facts, weights: &[i32]) {
        let columns = self.columns;
        self.blocks = self.block_list(facts, weights);
        match self.choice.width {
            Width::Eight => self.eights = interleaved::<4, i8>(weights, columns, |w| w as i8),
            _ => self.sixteens = interleaved::<2, i16>(weights, columns, |w| w as i16),
        }
        if self.choice.route == Route::Blocks {
            if self.choice.width == Width::Eight {
                self.sixteens = interleaved::<2, i16>(weights, columns, |w| w as i16);
            }
            let positions = weights.len() / columns;
            self.by_column = vec![0; weights.len()];
            for (p, row) in weights.chunks_exact(columns).enumerate() {
                for (j, w) in row.iter().enumerate() {
                    self.by_column[j * positions + p] = *w as i16;
                }
            }
        }
    }

    fn pack_steps(&mut self, facts: &Facts, weights: &[i32]) {
        self.steps = weights.iter().map(|w| *w as i16).collect();
        if facts.counts {
            for row in self.steps.chunks_exact(self.columns) {
                self.marks.extend(row.iter().map(|w| if *w < 0 { 256 } else { 1 }));
                self.marks.extend(row.iter().map(|w| if *w < 0 { 1 } else { 256 }));
            }
        }
    }

    /// Blocks in order: first one that is proved whole, then checked ones.
    fn block_list(&self, facts: &Facts, weights: &[i32]) -> Vec<Block> {
        let (positions, columns) = (weights.len() / self.columns, self.columns);
        if self.choice.route == Route::Exact {
            return vec![self.block(facts, weights, 0..positions, false)];
        }
        let rails = facts.program.design.accumulator.register_fit().rails();
        let (size, all) = fitting_blocks(facts, weights, columns, rails);
        // The range of everything so far, as long as nothing has left the rails.
        let mut reached: Vec<(i64, i64)> = self.starts.iter().map(|s| (*s, *s)).collect();
        let (mut blocks, mut proved_to) = (Vec::new(), 0);
        for (from, excursions) in (0..positions).step_by(size).zip(&all) {
            let to = (from + size).min(positions);
            let inside =
                |(r, e): (&(i64, i64), &Excursion)| r.0 + e.low >= rails.0 && r.1 + e.high <= rails.1;
            if proved_to == from && reached.iter().zip(excursions).all(inside) {
                for (reached, e) in reached.iter_mut().zip(excursions) {
                    *reached = (reached.0 + e.sum.0, reached.1 + e.sum.1);
                }
                proved_to = to;
                continue;
            }
            blocks.push(self.block(facts, weights, from..to, true));
        }
        if proved_to > 0 {
            // One pass without a check.
            blocks.insert(0, self.block(facts, weights, 0..proved_to, false));
        }
        blocks
    }

    fn block(&self, facts: &Facts, weights: &[i32], at: Range<usize>, checked: bool) -> Block {
        let columns = self.columns;
        let base = if self.choice.width == Width::Eight { facts.activations.0 } else { 0 };
        let mut sums = vec![0_i64; columns];
        let [mut positive, mut negative] = [vec![0_i32; columns], vec![0_i32; columns]];
        for row in weights[at.start * columns..at.end * columns].chunks_exact(columns) {
            sums.iter_mut().zip(row).for_each(|(sum, w)| *sum += i64::from(*w));
            if checked {
                // At most 128 or 4 beats of 4096 lanes: below 2^14 weights of 16 bits.
                positive.iter_mut().zip(row).for_each(|(sum, w)| *sum += (*w).max(0));
                negative.iter_mut().zip(row).for_each(|(sum, w)| *sum -= (*w).min(0));
            }
        }
        let reach = checked.then_some(Reach { positive, negative });
        let start = |j: usize| if at.start == 0 { self.starts[j] } else { 0 };
        // Modulo 2^32, like everything that is added to it.
        let add = |(j, sum): (usize, &i64)| base.wrapping_mul(*sum).wrapping_add(start(j)) as i32;
        let adds = sums.iter().enumerate().map(add).collect();
        Block { from: at.start, to: at.end, adds, reach }
    }
}

/// How far the sums of a block can stray from where it began, over all activations: at the end of any beat, and at the
/// end of the block.
#[derive(Debug, Clone, Copy)]
struct Excursion {
    low: i64,
    high: i64,
    sum: (i64, i64),
}

/// The excursions of every column in one block.
fn excursions(facts: &Facts, weights: &[i32], columns: usize) -> Vec<Excursion> {
    let (least, most) = facts.activations;
    let mut all = vec![Excursion { low: 0, high: 0, sum: (0, 0) }; columns];
    let lanes = facts.lanes();
    for (p, row) in weights.chunks_exact(columns).enumerate() {
        let ends_beat = (p + 1).is_multiple_of(lanes);
        for (e, w) in all.iter_mut().zip(row) {
            let ends = [least * i64::from(*w), most * i64::from(*w)];
            e.sum = (e.sum.0 + ends[0].min(ends[1]), e.sum.1 + ends[0].max(ends[1]));
            if ends_beat {
                (e.low, e.high) = (e.low.min(e.sum.0), e.high.max(e.sum.1));
            }
        }
    }
    all
}

/// The largest blocks that stray, in the mean, less than a third of the way between the rails; else the smallest.
fn fitting_blocks(
    facts: &Facts,
    weights: &[i32],
    columns: usize,
    rails: (i64, i64),
) -> (usize, Vec<Vec<Excursion>>) {
    let of = |size: usize| -> Vec<Vec<Excursion>> {
        weights.chunks(size * columns).map(|block| excursions(facts, block, columns)).collect()
    };
    let room = (i128::from(rails.1) - i128::from(rails.0)) / 3;
    let strays = |all: &[Vec<Excursion>]| {
        let total: i128 = all.iter().flatten().map(|e| i128::from(e.high) - i128::from(e.low)).sum();
        let count = all.iter().map(Vec::len).sum::<usize>().max(1);
        total / i128::try_from(count).unwrap_or(1)
    };
    let sizes = BLOCKS.map(|wanted| block_size(facts.lanes(), wanted));
    let fitting = sizes.iter().map(|size| (*size, of(*size))).find(|(_, all)| strays(all) <= room);
    let smallest = sizes[BLOCKS.len() - 1];
    fitting.unwrap_or_else(|| (smallest, of(smallest)))
}

/// `[positions][columns]` → `[positions / N][columns][N]`, padded with 0.
fn interleaved<const N: usize, T: Copy + Default>(
    weights: &[i32],
    columns: usize,
    of: impl Fn(i32) -> T,
) -> Vec<T> {
    let positions = weights.len() / columns;
    let mut packed = vec![T::default(); positions.div_ceil(N) * N * columns];
    for (p, row) in weights.chunks_exact(columns).enumerate() {
        let to = &mut packed[p / N * N * columns..][..N * columns];
        for (to, w) in to.as_chunks_mut::<N>().0.iter_mut().zip(row) {
            to[p % N] = of(*w);
        }
    }
    packed
}

/// Columns of the panel that so many channels need, at most 64.
fn columns_of(route: Route, channels: usize) -> usize {
    match (route, channels) {
        (Route::Wide | Route::Plain, _) | (_, ..=16) => 16,
        (_, ..=32) => 32,
        _ => 64,
    }
}

/// Whether a few exact channels cost less among those that go in blocks than in panels of their own.
pub fn better_together(exact: usize, blocks: usize) -> bool {
    let columns = |channels| -> usize {
        widths(channels, Route::Blocks).into_iter().map(|width| columns_of(Route::Blocks, width)).sum()
    };
    exact < blocks && columns(exact + blocks) < columns(exact) + columns(blocks)
}

/// Splits the channels of one route into panels: as wide as they fill.
pub fn widths(mut channels: usize, route: Route) -> Vec<usize> {
    let most = if matches!(route, Route::Wide | Route::Plain) { 16 } else { 64 };
    let mut widths = Vec::new();
    while channels > 0 {
        widths.push(channels.min(most));
        channels -= channels.min(most);
    }
    widths
}

/// The accumulator's rule, as blocks and walks need it.
#[derive(Debug, Clone, Copy)]
pub struct Register {
    pub low: i64,
    pub high: i64,
    pub width: u32,
    pub signed: bool,
    pub wraps: bool,
}

impl Register {
    pub fn of(program: &Program) -> Register {
        let register = program.design.accumulator.register_fit();
        let (low, high) = register.rails();
        Register {
            low,
            high,
            width: register.format.width(),
            signed: register.format.is_signed(),
            wraps: register.overflow == Overflow::Wrap,
        }
    }

    /// The sum of any value between the rails and a term below 2^30 fits 32 bits, and a wrapping one is signed.
    pub fn is_roomy(&self) -> bool {
        self.low >= -(1 << 30) && self.high <= 1 << 30 && (self.signed || !self.wraps)
    }
}
