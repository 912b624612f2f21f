//! Panels over some rows of activations: accumulators and events, by each panel's route.

use super::panel::{Block, Limits, Panel, close_in};
use super::route::{Route, Width};
use super::step::{self, Walked};
use super::{Prepared, level};
use crate::functional::kernels::{self, Begin, Isa, MOST_STEPS, Piece, Rows, Step16, Step32};
use crate::num::lanes::Rule;
use crate::num::{Format, Overflow};

/// Positions of one call of the 16-bit lanes: weights and marks stay in the first cache, and a byte counts them.
const STEPS: usize = 128;
const _: () = assert!(STEPS <= MOST_STEPS);

/// Rows of one image and group, in every form that the panels of the group want.
#[derive(Default)]
pub struct Feed<'a> {
    pub count: usize,
    /// Elements of a row, all forms: positions, rounded up.
    pub stride: usize,
    /// Rows of 8 bits that are fed as the caller has them.
    pub direct: Option<&'a [u8]>,
    pub eights: Vec<u8>,
    pub sixteens: Vec<i16>,
    pub twins: Vec<u32>,
    pub wides: Vec<i32>,
    /// The 16-bit rows cut into pieces, `[rows][pieces]`.
    pub pieces: Vec<u32>,
    ranges8: Vec<(i32, i32)>,
    ranges16: Vec<(i32, i32)>,
}

/// Positions whose smallest and largest activation are known.
const SEGMENT: usize = 16;

impl Feed<'_> {
    fn eights(&self) -> &[u8] {
        self.direct.unwrap_or(&self.eights)
    }

    /// Notes the smallest and largest element of every segment, over all rows.
    pub fn survey(&mut self, width: Width) {
        match width {
            Width::Eight => {
                let codes = self.direct.unwrap_or(&self.eights);
                survey(codes, [self.stride, self.count], &mut self.ranges8);
            }
            _ => survey(&self.sixteens, [self.stride, self.count], &mut self.ranges16),
        }
    }

    /// Between which two the effective activations of these positions lie.
    fn range(&self, width: Width, at: std::ops::Range<usize>, base: i32) -> (i32, i32) {
        let segments = at.start / SEGMENT..at.end.div_ceil(SEGMENT);
        let (ranges, base) = match width {
            Width::Eight => (&self.ranges8, base),
            _ => (&self.ranges16, 0),
        };
        let range = ranges[segments].iter().fold((i32::MAX, i32::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        (range.0 + base, range.1 + base)
    }

    /// Cuts the 16-bit rows into pieces.
    pub fn cut(&mut self, pieces: &[Piece], halves: &[u32]) {
        // Every position for itself: the commonest cut, and one that becomes vector instructions.
        let single = halves.iter().all(|half| *half != u32::MAX);
        self.pieces.resize(self.count * pieces.len(), 0);
        let rows = self.pieces.chunks_exact_mut(pieces.len());
        for (to, row) in rows.zip(self.sixteens.chunks_exact(self.stride)) {
            let pairs = row.as_chunks::<2>().0;
            if single {
                let (both, last) = to.as_chunks_mut::<2>();
                if let Some(last) = last.first_mut() {
                    *last = u32::from(pairs[both.len()][0] as u16);
                }
                for (to, [even, odd]) in both.iter_mut().zip(pairs) {
                    *to = [u32::from(*even as u16), u32::from(*odd as u16) << 16];
                }
                continue;
            }
            for (to, (piece, half)) in to.iter_mut().zip(pieces.iter().zip(halves)) {
                let [low, high] = pairs[piece.pair as usize].map(|code| u32::from(code as u16));
                *to = (low | high << 16) & half;
            }
        }
    }
}

/// Position by position over all rows, then segment by segment.
fn survey<E: Copy + Ord + Into<i32>>(codes: &[E], [stride, count]: [usize; 2], ranges: &mut Vec<(i32, i32)>) {
    let (mut low, mut high) = (codes[..stride].to_vec(), codes[..stride].to_vec());
    for row in codes.chunks_exact(stride).take(count) {
        for ((low, high), code) in low.iter_mut().zip(&mut high).zip(row) {
            (*low, *high) = ((*low).min(*code), (*high).max(*code));
        }
    }
    let of = |(low, high): (&[E], &[E])| {
        let low = low.iter().copied().min().map_or(0, Into::into);
        (low, high.iter().copied().max().map_or(0, Into::into))
    };
    ranges.clear();
    ranges.extend(low.chunks(SEGMENT).zip(high.chunks(SEGMENT)).map(of));
}

/// What a panel did to its rows, `[rows][columns]`.
#[derive(Default)]
pub struct State {
    /// Accumulators of the routes with 32-bit lanes.
    pub narrow: Vec<i32>,
    /// Of the 16-bit lanes.
    pub lanes: Vec<i16>,
    /// Of the 64-bit lanes.
    pub wide: Vec<i64>,
    /// Sums above and below the rails, per output.
    pub high: Vec<u32>,
    pub low: Vec<u32>,
    /// Whether any of them is not 0.
    pub any: bool,
    /// Events at reduction levels, over the whole panel.
    pub levels: Vec<[u64; 2]>,
    /// Which outputs had an event at a level; empty without levels.
    pub touched: Vec<bool>,
    marks: Vec<i16>,
    flags: Vec<u64>,
}

/// A table that accumulators are written to.
pub trait Cell: Copy + Send + Sync {
    /// A value that is known to fit.
    fn of(value: i64) -> Self;

    /// The same of many.
    fn fill(to: &mut [Self], from: &[i32]) {
        to.iter_mut().zip(from).for_each(|(to, value)| *to = Self::of(i64::from(*value)));
    }
}

impl Cell for i64 {
    fn of(value: i64) -> Self {
        value
    }
}

impl Cell for i32 {
    fn of(value: i64) -> Self {
        value as i32
    }

    fn fill(to: &mut [Self], from: &[i32]) {
        to.copy_from_slice(from);
    }
}

impl Cell for u32 {
    fn of(value: i64) -> Self {
        value as u32
    }
}

impl State {
    fn clear(&mut self, values: usize) {
        if self.any || self.high.len() != values {
            self.high.clear();
            self.low.clear();
            self.high.resize(values, 0);
            self.low.resize(values, 0);
        }
        self.any = false;
        self.levels.clear();
        self.touched.clear();
    }

    /// Writes the counts of a panel's outputs; returns how many lay above and below in all.
    pub fn tally<C: Cell>(&self, panel: &Panel, channels: usize, into: &mut [C]) -> [u64; 2] {
        let mut sides = [0, 0];
        if !self.any {
            let zero = C::of(0);
            for row in into.chunks_exact_mut(channels) {
                match panel.neighbours() {
                    Some(side_by_side) => row[side_by_side].fill(zero),
                    None => panel.channels.iter().for_each(|channel| row[*channel] = zero),
                }
            }
            return sides;
        }
        let rows = self.high.chunks_exact(panel.columns).zip(self.low.chunks_exact(panel.columns));
        for (row, (highs, lows)) in into.chunks_exact_mut(channels).zip(rows) {
            for ((channel, high), low) in panel.channels.iter().zip(highs).zip(lows) {
                sides = [sides[0] + u64::from(*high), sides[1] + u64::from(*low)];
                row[*channel] = C::of(i64::from(*high) + i64::from(*low));
            }
        }
        sides
    }

    /// `[rows][columns]` of a panel into the columns of its channels.
    pub fn scatter<C: Cell>(
        &self,
        panel: &Panel,
        narrow: Option<Rule<i64>>,
        channels: usize,
        into: &mut [C],
    ) {
        let dense = panel.neighbours();
        let rows = into.chunks_exact_mut(channels);
        let place = |row: &mut [C], value: &dyn Fn(usize) -> i64| {
            for (j, channel) in panel.channels.iter().enumerate() {
                row[*channel] = C::of(value(j));
            }
        };
        macro_rules! each {
            ($values:expr, $of:expr) => {
                for (row, values) in rows.zip($values.chunks_exact(panel.columns)) {
                    if let Some(side_by_side) = dense.clone() {
                        let to = row[side_by_side].iter_mut();
                        to.zip(values).for_each(|(to, value)| *to = C::of($of(*value)));
                    } else {
                        place(row, &|j| $of(values[j]));
                    }
                }
            };
        }
        let copied = matches!(panel.choice.route, Route::Blocks | Route::Lanes)
            || (panel.choice.route == Route::Exact && narrow.is_none());
        if let (true, Some(side_by_side)) = (copied, dense.clone()) {
            for (row, values) in rows.zip(self.narrow.chunks_exact(panel.columns)) {
                C::fill(&mut row[side_by_side.clone()], &values[..side_by_side.len()]);
            }
            return;
        }
        match (panel.choice.route, narrow) {
            (Route::Wide | Route::Plain, _) => each!(self.wide, |v: i64| v),
            (Route::Steps, _) => each!(self.lanes, |v: i16| i64::from(v)),
            (Route::Exact, Some(rule)) => each!(self.narrow, |v: i32| rule.wrap(0, i64::from(v))),
            _ => each!(self.narrow, |v: i32| i64::from(v)),
        }
    }
}

impl Prepared {
    /// R4 for exact sums, where the register is not the 32-bit lane itself.
    pub(super) fn narrowing(&self) -> Option<Rule<i64>> {
        let whole = self.register.width == 32 && self.register.signed;
        let format = Format::new(self.register.width, self.register.signed)?;
        if self.register.wraps && !whole { Rule::new(format, Overflow::Wrap) } else { None }
    }

    /// Runs `panel` over `feed`; the result is left in `state`.
    pub(super) fn panel(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        state.clear(feed.count * panel.columns);
        match panel.choice.route {
            Route::Exact => {
                state.narrow.resize(feed.count * panel.columns, 0);
                dot(self.isa, panel, feed, &panel.blocks[0], &mut state.narrow, true);
            }
            Route::Blocks => self.blocks(panel, feed, state),
            Route::Steps => self.steps(panel, feed, state),
            Route::Lanes => self.lanes32(panel, feed, state),
            Route::Wide | Route::Plain => level::run(self, panel, feed, state),
        }
    }

    fn blocks(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        self.begin(panel, feed, state);
        let mut look = Look::default();
        for block in &panel.blocks {
            self.look_ahead(panel, feed, block, state, &mut look);
            dot(self.isa, panel, feed, block, &mut state.narrow, block.from == 0);
            for patch in look.patches.drain(..) {
                state.narrow[patch.at] = patch.value;
            }
        }
    }

    /// Start values on 32-bit lanes.
    fn begin(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        state.narrow.clear();
        for _ in 0..feed.count {
            state.narrow.extend(panel.starts.iter().map(|start| *start as i32));
        }
    }

    /// Walks those that could leave the rails inside the block; the others are safe by its limits.
    fn look_ahead(&self, panel: &Panel, feed: &Feed, block: &Block, state: &mut State, look: &mut Look) {
        let Some(reach) = &block.reach else { return };
        let columns = panel.columns;
        let range = feed.range(panel.choice.width, block.from..block.to, self.offset.base);
        close_in(&mut look.limits, reach, range, (self.register.low, self.register.high));
        state.flags.resize(feed.count, 0);
        let limits = [&look.limits.low[..], &look.limits.high];
        if !kernels::flag(self.isa, &state.narrow, limits, &mut state.flags) {
            return;
        }
        look.rows.clear();
        for r in 0..feed.count {
            let mut flags = state.flags[r];
            // Stepping all columns side by side costs as much as a look at a third of them.
            if self.roomy && flags.count_ones() as usize * 3 > columns {
                look.rows.push(r);
                continue;
            }
            if flags != 0 {
                self.codes(panel, feed, r, block.from..block.to, &mut look.codes);
            }
            let (at, positions) = (r * columns, panel.by_column.len() / columns);
            while flags != 0 {
                let j = flags.trailing_zeros() as usize;
                flags &= flags - 1;
                let weights = &panel.by_column[j * positions..][block.from..block.to];
                let start = state.narrow[at + j];
                if self.short && kernels::stays(self.isa, &look.codes, weights, self.room(start)) {
                    continue;
                }
                let Walked { value, high, low } =
                    step::walk(&self.register, start, &look.codes, weights, self.lanes);
                state.high[at + j] += high;
                state.low[at + j] += low;
                state.any |= high + low > 0;
                look.patches.push(Patch { at: at + j, value });
            }
        }
        if !look.rows.is_empty() {
            self.step_rows(panel, feed, block, state, look);
        }
    }

    /// How far sums may stray from `start` without leaving the rails.
    fn room(&self, start: i32) -> [i32; 2] {
        let start = i64::from(start);
        let limit = |v: i64| i32::try_from(v).unwrap_or(if v < 0 { i32::MIN } else { i32::MAX });
        [limit(self.register.low - start), limit(self.register.high - start)]
    }

    /// All columns of some rows through a block, on 32-bit lanes.
    fn step_rows(&self, panel: &Panel, feed: &Feed, block: &Block, state: &mut State, look: &mut Look) {
        let columns = panel.columns;
        // Blocks begin with a pair and a beat.
        let first = self.pieces.partition_point(|piece| (piece.pair as usize) < block.from / 2);
        let end = self.pieces.partition_point(|piece| (piece.pair as usize) < block.to.div_ceil(2));
        let pieces = &self.pieces[first..end];
        look.dwords.clear();
        look.acc.clear();
        for r in &look.rows {
            self.codes(panel, feed, *r, block.from..block.to, &mut look.codes);
            let half = |p: usize| look.codes.get(p).map_or(0, |code| u32::from(*code as u16));
            look.dwords.extend(pieces.iter().zip(&self.halves[first..end]).map(|(piece, mask)| {
                let p = piece.pair as usize * 2 - block.from;
                (half(p) | half(p + 1) << 16) & mask
            }));
            look.acc.extend_from_slice(&state.narrow[r * columns..(r + 1) * columns]);
        }
        let values = look.acc.len();
        let [mut high, mut low] = [vec![0; values], vec![0; values]];
        let rows = Rows { codes: &look.dwords[..], stride: pieces.len(), count: look.rows.len() };
        let weights = (&panel.sixteens[..], columns);
        kernels::steps32(
            self.isa,
            &mut look.acc,
            [&mut high, &mut low],
            self.step32(),
            pieces,
            rows,
            weights,
        );
        for (from, r) in look.rows.iter().enumerate() {
            for j in 0..columns {
                let (at, from) = (r * columns + j, from * columns + j);
                state.high[at] += high[from];
                state.low[at] += low[from];
                state.any |= high[from] + low[from] > 0;
                look.patches.push(Patch { at, value: look.acc[from] });
            }
        }
    }

    fn step32(&self) -> Step32 {
        Step32 {
            // The licence: rails inside 31 bits.
            low: self.register.low as i32,
            high: self.register.high as i32,
            wrap: self.register.wraps.then_some(self.register.width),
        }
    }

    /// Effective activations of row `r` at some positions.
    fn codes(&self, panel: &Panel, feed: &Feed, r: usize, at: std::ops::Range<usize>, into: &mut Vec<i32>) {
        let at = r * feed.stride + at.start..r * feed.stride + at.end;
        into.clear();
        match panel.choice.width {
            Width::Eight => into.extend(feed.eights()[at].iter().map(|c| i32::from(*c) + self.offset.base)),
            _ => into.extend(feed.sixteens[at].iter().map(|c| i32::from(*c))),
        }
    }

    fn lanes32(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        self.begin(panel, feed, state);
        let rows = Rows { codes: &feed.pieces[..], stride: self.pieces.len(), count: feed.count };
        let State { narrow, high, low, .. } = state;
        let counts: [&mut [u32]; 2] = if self.counts { [high, low] } else { [&mut [], &mut []] };
        let weights = (&panel.sixteens[..], panel.columns);
        kernels::steps32(self.isa, narrow, counts, self.step32(), &self.pieces, rows, weights);
        state.any = state.high.iter().zip(&state.low).any(|(high, low)| high + low > 0);
    }

    fn steps(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        let columns = panel.columns;
        let step = match self.register.wraps {
            true => Step16::Wrap { width: self.register.width },
            // The licence: rails inside 16 bits.
            false => Step16::Saturate { low: self.register.low as i16, high: self.register.high as i16 },
        };
        state.lanes.clear();
        for _ in 0..feed.count {
            state.lanes.extend(panel.starts.iter().map(|s| *s as i16));
        }
        let positions = panel.steps.len() / columns;
        for from in (0..positions).step_by(STEPS) {
            let to = (from + STEPS).min(positions);
            let rows = Rows { codes: &feed.twins[..], stride: feed.stride, count: feed.count };
            let rows = rows.part(0, feed.count, from);
            let weights = &panel.steps[from * columns..to * columns];
            if !self.counts {
                kernels::steps16(self.isa, &mut state.lanes, step, rows, weights, columns);
                continue;
            }
            state.marks.clear();
            state.marks.resize(state.lanes.len(), 0);
            let marks = &panel.marks[from * 2 * columns..to * 2 * columns];
            let lanes = [&mut state.lanes[..], &mut state.marks[..]];
            kernels::counted_steps16(self.isa, lanes, step, rows, [weights, marks], columns);
            let mut any = 0;
            for ((mark, high), low) in state.marks.iter().zip(&mut state.high).zip(&mut state.low) {
                any |= mark;
                *high += u32::from(*mark as u16 & 0xff);
                *low += u32::from(*mark as u16 >> 8);
            }
            state.any |= any != 0;
        }
    }

    /// The rule of the register, for whoever fits values one by one.
    pub(super) fn rule(&self) -> (Format, Overflow) {
        let accumulator = &self.design.accumulator;
        (accumulator.register, accumulator.step_rule())
    }
}

/// What a look ahead needs room for.
#[derive(Default)]
struct Look {
    limits: Limits,
    patches: Vec<Patch>,
    codes: Vec<i32>,
    /// Rows that are stepped whole, their pieces and accumulators.
    rows: Vec<usize>,
    dwords: Vec<u32>,
    acc: Vec<i32>,
}

/// A value that was walked, for its place in the accumulators.
struct Patch {
    at: usize,
    value: i32,
}

/// Adds a block's products to the accumulators of all rows.
fn dot(isa: Isa, panel: &Panel, feed: &Feed, block: &Block, acc: &mut [i32], first: bool) {
    let (columns, begin) = (panel.columns, Begin { add: &block.adds, first });
    match panel.choice.width {
        Width::Eight => {
            let rows = Rows { codes: feed.eights(), stride: feed.stride, count: feed.count };
            let weights = &panel.eights[block.from * columns..block.to.next_multiple_of(4) * columns];
            kernels::dot8(isa, acc, begin, rows.part(0, feed.count, block.from), weights, columns);
        }
        _ => {
            let rows = Rows { codes: &feed.sixteens[..], stride: feed.stride, count: feed.count };
            let weights = &panel.sixteens[block.from * columns..block.to.next_multiple_of(2) * columns];
            kernels::dot16(isa, acc, begin, rows.part(0, feed.count, block.from), weights, columns);
        }
    }
}
