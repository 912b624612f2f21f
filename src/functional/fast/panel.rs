//! Weights, analysed and packed once: panels of channels that take the same route.

use super::route::{Choice, Route, Width};
use super::rows::Positions;
use crate::lower::Program;
use crate::num::Overflow;

/// Positions of a block whose end is checked; blocks are whole beats and whole quads.
const BLOCK: usize = 64;

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
    /// `[positions][columns]`, for 16-bit lanes and for walks inside blocks.
    pub steps: Vec<i16>,
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
    /// Where an accumulator may stand before the block so that none of its steps leaves the rails, per column;
    /// empty where that is proved.
    pub limits: Option<Limits>,
}

/// Inclusive, one entry a column; low > high where no value is safe.
#[derive(Debug, Clone)]
pub struct Limits {
    pub low: Vec<i32>,
    pub high: Vec<i32>,
}

impl Limits {
    fn new(rails: (i64, i64), excursions: &[Excursion]) -> Limits {
        // A limit outside 32 bits lies outside the rails: nothing is safe.
        let limit = |e: &Excursion| match (i32::try_from(rails.0 - e.low), i32::try_from(rails.1 - e.high)) {
            (Ok(low), Ok(high)) => (low, high),
            _ => (i32::MAX, i32::MIN),
        };
        let (low, high) = excursions.iter().map(limit).unzip();
        Limits { low, high }
    }
}

/// What packing needs to know beside the weights.
pub struct Facts<'a> {
    pub program: &'a Program,
    pub positions: &'a Positions,
    /// Effective activations.
    pub activations: (i64, i64),
    /// Events are counted.
    pub counts: bool,
}

impl Facts<'_> {
    fn lanes(&self) -> usize {
        self.program.design.array.lanes
    }

    /// Whole beats, whole quads, about [`BLOCK`].
    fn block(&self) -> usize {
        let lanes = self.lanes();
        let unit =
            if lanes.is_multiple_of(4) { lanes } else { lanes * if lanes.is_multiple_of(2) { 2 } else { 4 } };
        unit * (BLOCK / unit).max(1)
    }
}

impl Panel {
    /// Packs `channels` (weights k by k, one list a channel).
    pub fn new(
        facts: &Facts,
        group: usize,
        channels: Vec<usize>,
        choice: Choice,
        weights: &[&[i32]],
    ) -> Panel {
        let columns = match (choice.route, channels.len()) {
            (Route::Wide | Route::Plain, _) | (_, ..=16) => 16,
            (_, ..=32) => 32,
            _ => 64,
        };
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
            marks: Vec::new(),
            wides: Vec::new(),
        };
        let by_position = panel.spread(facts.positions, weights);
        match choice.route {
            Route::Exact | Route::Blocks => panel.pack_dot(facts, &by_position),
            Route::Steps => panel.pack_steps(facts, &by_position),
            Route::Wide => panel.wides = by_position,
            Route::Plain => {}
        }
        panel
    }

    /// `[positions][columns]`; 0 where a lane idles or a column has no channel.
    fn spread(&self, positions: &Positions, weights: &[&[i32]]) -> Vec<i32> {
        let mut spread = vec![0; positions.k.len() * self.columns];
        for (j, column) in weights.iter().enumerate() {
            let to = spread.iter_mut().skip(j).step_by(self.columns);
            for (to, k) in to.zip(&positions.k) {
                *to = k.map_or(0, |k| column[k as usize]);
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
            self.steps = weights.iter().map(|w| *w as i16).collect();
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
            return vec![self.block(facts, weights, 0..positions, None)];
        }
        let rule = facts.program.design.accumulator.step_rule();
        let rails = rule.rails(facts.program.design.accumulator.register);
        // The range of everything so far, as long as nothing has left the rails.
        let mut reached: Vec<(i64, i64)> = self.starts.iter().map(|s| (*s, *s)).collect();
        let (mut blocks, mut proved_to) = (Vec::new(), 0);
        let size = facts.block();
        for from in (0..positions).step_by(size) {
            let to = (from + size).min(positions);
            let excursions: Vec<Excursion> = (0..columns)
                .map(|j| excursion(facts, &weights[from * columns..to * columns], columns, j))
                .collect();
            let inside =
                |(r, e): (&(i64, i64), &Excursion)| r.0 + e.low >= rails.0 && r.1 + e.high <= rails.1;
            if proved_to == from && reached.iter().zip(&excursions).all(inside) {
                for (reached, e) in reached.iter_mut().zip(&excursions) {
                    *reached = (reached.0 + e.sum.0, reached.1 + e.sum.1);
                }
                proved_to = to;
                continue;
            }
            blocks.push(self.block(facts, weights, from..to, Some(Limits::new(rails, &excursions))));
        }
        if proved_to > 0 {
            // One pass without a check.
            blocks.insert(0, self.block(facts, weights, 0..proved_to, None));
        }
        blocks
    }

    fn block(
        &self,
        facts: &Facts,
        weights: &[i32],
        at: std::ops::Range<usize>,
        limits: Option<Limits>,
    ) -> Block {
        let columns = self.columns;
        let base = if self.choice.width == Width::Eight { facts.activations.0 } else { 0 };
        let adds = (0..columns)
            .map(|j| {
                let column = weights[at.start * columns + j..at.end * columns].iter().step_by(columns);
                let sum: i64 = column.map(|w| i64::from(*w)).sum();
                let start = if at.start == 0 { self.starts[j] } else { 0 };
                // Modulo 2^32, like everything that is added to it.
                base.wrapping_mul(sum).wrapping_add(start) as i32
            })
            .collect();
        Block { from: at.start, to: at.end, adds, limits }
    }
}

/// How far the sums of a block can stray from where it began, over all activations: at the end of any beat, and at the
/// end of the block.
struct Excursion {
    low: i64,
    high: i64,
    sum: (i64, i64),
}

fn excursion(facts: &Facts, weights: &[i32], columns: usize, j: usize) -> Excursion {
    let (least, most) = facts.activations;
    let (mut sum, mut low, mut high) = ((0, 0), 0, 0);
    let lanes = facts.lanes();
    for (p, w) in weights[j..].iter().step_by(columns).enumerate() {
        let ends = [least * i64::from(*w), most * i64::from(*w)];
        sum = (sum.0 + ends[0].min(ends[1]), sum.1 + ends[0].max(ends[1]));
        if (p + 1).is_multiple_of(lanes) {
            (low, high) = (low.min(sum.0), high.max(sum.1));
        }
    }
    Excursion { low, high, sum }
}

/// `[positions][columns]` → `[positions / N][columns][N]`, padded with 0.
fn interleaved<const N: usize, T: Copy + Default>(
    weights: &[i32],
    columns: usize,
    of: fn(i32) -> T,
) -> Vec<T> {
    let positions = weights.len() / columns;
    let mut packed = vec![T::default(); positions.div_ceil(N) * N * columns];
    for (p, row) in weights.chunks_exact(columns).enumerate() {
        let to = packed[p / N * N * columns + p % N..].iter_mut().step_by(N);
        for (to, w) in to.zip(row) {
            *to = of(*w);
        }
    }
    packed
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
        let accumulator = &program.design.accumulator;
        let (low, high) = accumulator.step_rule().rails(accumulator.register);
        Register {
            low,
            high,
            width: accumulator.register.width(),
            signed: accumulator.register.is_signed(),
            wraps: accumulator.step_rule() == Overflow::Wrap,
        }
    }
}
