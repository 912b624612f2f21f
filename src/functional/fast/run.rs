//! Panels over some rows of activations: accumulators and events, by each panel's route.

use super::panel::{Block, Panel};
use super::route::{Route, Width};
use super::step::{self, Walked};
use super::{Prepared, level};
use crate::functional::kernels::{self, Begin, Isa, MOST_STEPS, Rows, Step16};
use crate::num::{Format, Overflow};

/// Positions of one call of the 16-bit lanes: weights and marks stay in the first cache, and a byte counts them.
const STEPS: usize = 128;
const _: () = assert!(STEPS <= MOST_STEPS);

/// Rows of one image and group, in every form that the panels of the group want.
#[derive(Default)]
pub struct Feed {
    pub count: usize,
    /// Elements of a row, all forms: positions, rounded up.
    pub stride: usize,
    pub eights: Vec<u8>,
    pub sixteens: Vec<i16>,
    pub twins: Vec<u32>,
    pub wides: Vec<i32>,
}

/// What a panel did to its rows, `[rows][columns]`.
#[derive(Default)]
pub struct State {
    /// In the accumulator's register.
    pub values: Vec<i64>,
    /// Sums above and below the rails, per output; empty when nobody counts.
    pub high: Vec<u32>,
    pub low: Vec<u32>,
    /// The same for reduction levels, over the whole panel.
    pub levels: Vec<[u64; 2]>,
    /// Which outputs had an event at a level; empty without levels.
    pub touched: Vec<bool>,
    narrow: Vec<i32>,
    lanes: Vec<i16>,
    marks: Vec<i16>,
    flags: Vec<u64>,
}

impl State {
    /// Whether 32-bit values lie in `narrow` instead of `values`.
    fn widen(&mut self) {
        self.values.clear();
        self.values.extend(self.narrow.iter().map(|v| i64::from(*v)));
    }
}

impl Prepared {
    /// Runs `panel` over `feed`; the result is left in `state`.
    pub(super) fn panel(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        let values = feed.count * panel.columns;
        state.levels.clear();
        state.touched.clear();
        state.high.clear();
        state.low.clear();
        state.high.resize(values, 0);
        state.low.resize(values, 0);
        match panel.choice.route {
            Route::Exact => self.exact(panel, feed, state),
            Route::Blocks => self.blocks(panel, feed, state),
            Route::Steps => self.steps(panel, feed, state),
            Route::Wide | Route::Plain => level::run(self, panel, feed, state),
        }
    }

    /// A dot product, then R4 where the register is narrower than 32 bits.
    fn exact(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        state.narrow.resize(feed.count * panel.columns, 0);
        dot(self.isa, panel, feed, &panel.blocks[0], &mut state.narrow, true);
        state.widen();
        if self.register.wraps {
            let Some(format) = Format::new(self.register.width, self.register.signed) else { return };
            step::wrap(&mut state.values, format);
        }
    }

    fn blocks(&self, panel: &Panel, feed: &Feed, state: &mut State) {
        state.narrow.clear();
        state.narrow.resize(feed.count * panel.columns, 0);
        for (r, row) in state.narrow.chunks_exact_mut(panel.columns).enumerate() {
            debug_assert!(r < feed.count);
            row.iter_mut().zip(&panel.starts).for_each(|(to, start)| *to = *start as i32);
        }
        let mut patches: Vec<Patch> = Vec::new();
        for block in &panel.blocks {
            self.look_ahead(panel, feed, block, state, &mut patches);
            dot(self.isa, panel, feed, block, &mut state.narrow, block.from == 0);
            for patch in patches.drain(..) {
                state.narrow[patch.at] = patch.value;
            }
        }
        state.widen();
    }

    /// Walks those that could leave the rails inside the block; the others are safe by its limits.
    fn look_ahead(
        &self,
        panel: &Panel,
        feed: &Feed,
        block: &Block,
        state: &mut State,
        patches: &mut Vec<Patch>,
    ) {
        let Some(limits) = &block.limits else { return };
        let columns = panel.columns;
        state.flags.clear();
        state.flags.resize(feed.count, 0);
        step::flag(&state.narrow, limits, &mut state.flags);
        for r in 0..feed.count {
            let mut flags = state.flags[r];
            if flags == 0 {
                continue;
            }
            let at = r * columns;
            // Walking all columns side by side costs as much as a few of them one by one.
            if flags.count_ones() as usize * 8 > columns {
                let mut row: Vec<i32> = state.narrow[at..at + columns].to_vec();
                let codes = self.codes(panel, feed, r, block);
                let counts = [&mut state.high[at..at + columns], &mut state.low[at..at + columns]];
                let weights = &panel.steps[block.from * columns..block.to * columns];
                step::row(&self.register, &mut row, counts, &codes, weights, self.lanes);
                patches.extend(row.iter().enumerate().map(|(j, value)| Patch { at: at + j, value: *value }));
                continue;
            }
            let codes = self.codes(panel, feed, r, block);
            while flags != 0 {
                let j = flags.trailing_zeros() as usize;
                flags &= flags - 1;
                let weights = panel.steps[block.from * columns + j..].iter().step_by(columns);
                let start = state.narrow[at + j];
                let Walked { value, high, low } =
                    step::walk(&self.register, start, &codes, weights.copied(), self.lanes);
                state.high[at + j] += high;
                state.low[at + j] += low;
                patches.push(Patch { at: at + j, value });
            }
        }
    }

    /// Effective activations of row `r` in a block.
    fn codes(&self, panel: &Panel, feed: &Feed, r: usize, block: &Block) -> Vec<i32> {
        let at = r * feed.stride + block.from..r * feed.stride + block.to;
        match panel.choice.width {
            Width::Eight => feed.eights[at].iter().map(|c| i32::from(*c) + self.offset.base).collect(),
            _ => feed.sixteens[at].iter().map(|c| i32::from(*c)).collect(),
        }
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
            for ((mark, high), low) in state.marks.iter().zip(&mut state.high).zip(&mut state.low) {
                *high += u32::from(*mark as u16 & 0xff);
                *low += u32::from(*mark as u16 >> 8);
            }
        }
        state.values.clear();
        state.values.extend(state.lanes.iter().map(|v| i64::from(*v)));
    }

    /// The rule of the register, for whoever fits values one by one.
    pub(super) fn rule(&self) -> (Format, Overflow) {
        let accumulator = &self.design.accumulator;
        (accumulator.register, accumulator.step_rule())
    }
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
            let rows = Rows { codes: &feed.eights[..], stride: feed.stride, count: feed.count };
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
