//! Every accumulator width in one pass: the exact sum of each output, and the smallest and largest value that enters
//! the accumulator while nothing has overflowed.
//!
//! Before its first overflow a sum does not depend on the accumulator's width, so an output whose start fits overflows
//! at a width exactly when its prefix range leaves that format.

use ndarray::Array2;
use rayon::prelude::*;

use super::panel::{Facts, Panel};
use super::route::{Choice, Licence, Route, Width, columns, weight_offsets};
use super::rows::Positions;
use super::wave::{Codes, Input, Split, Worker};
use super::{Options, Prepared, panels};
use crate::functional::fold::nobody;
use crate::functional::kernels::{self, Kernels, Rows, Track};
use crate::functional::plain::reduced;
use crate::lower::Program;
use crate::num::{Overflow, needed_bits_64};

/// Per output, `[rows, channels]`, of an accumulator wide enough for everything. With a memory, an output's visits begin at 0
/// each, and its sum is its word, as the memory fits it. Of several accumulators, the smallest and the largest value of any, and
/// the exact sum of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// The start value, unfitted, plus every beat.
    pub sums: Array2<i64>,
    /// Smallest value entering the accumulator over all beats; the start itself does not count.
    pub low: Array2<i64>,
    /// Largest value entering the accumulator over all beats.
    pub high: Array2<i64>,
}

/// Weights analysed and packed for the prefixes of any activations.
#[derive(Debug, Clone)]
pub struct Tracker(Option<Prepared>);

impl Tracker {
    /// Analyses the weights of `program`.
    pub fn new(program: &Program, kernels: Kernels) -> Tracker {
        Tracker(tracking(program, Options { counts: false, kernels }))
    }

    /// Whether this is the analysis of `program`.
    pub fn serves(&self, program: &Program) -> bool {
        self.0.as_ref().is_some_and(|prepared| prepared.serves(program, false))
    }

    /// The prefixes of `program`.
    ///
    /// # Panics
    /// When the program's channels or products are not those that were analysed. Other weights give wrong numbers: ask
    /// [`Tracker::serves`] where they may have changed.
    pub fn prefixes(&self, program: &Program) -> Prefixes {
        if let Some(prepared) = &self.0 {
            return prepared.prefixes(program);
        }
        let (rows, channels) = (program.shape.rows(), program.shape.channels());
        let all = (0..rows * channels).into_par_iter();
        let values: Vec<[i64; 3]> = all.map(|i| plain(program, i / channels, i % channels)).collect();
        let table =
            |at: usize| Array2::from_shape_fn((rows, channels), |(m, n)| values[m * channels + n][at]);
        Prefixes { sums: table(0), low: table(1), high: table(2) }
    }

    /// Every accumulator width at once: for each channel, how many outputs need how many bits. No table of outputs is
    /// kept.
    ///
    /// # Panics
    /// As [`Tracker::prefixes`].
    pub fn widths(&self, program: &Program) -> Vec<Widths> {
        let channels = program.shape.channels();
        let Some(prepared) = &self.0 else {
            let prefixes = self.prefixes(program);
            let mut widths = vec![[0; 65]; channels];
            for ((at, low), high) in prefixes.low.indexed_iter().zip(&prefixes.high) {
                widths[at.1][bits(*low, *high)] += 1;
            }
            return widths;
        };
        prepared.widths(program)
    }
}

/// How many outputs of a channel need how many bits: entry `w` of 0..=64 counts those whose prefixes fit a signed
/// accumulator of `w` bits and no narrower one. Those that no accumulator holds are counted at 64.
pub type Widths = [u64; 65];

/// The entry that counts an output with these prefixes.
fn bits(low: i64, high: i64) -> usize {
    needed_bits_64(low, high, true, Overflow::Wrap) as usize
}

/// Prefix ranges of every output of a program. Reduction levels act as the design says; the accumulator's own format
/// and overflow have no part in it.
pub fn prefixes(program: &Program) -> Prefixes {
    Tracker::new(program, Kernels::best()).prefixes(program)
}

/// [sum, low, high] of one output, clamped to 64 bits: a bias of 64 bits, or operands whose offsets make them as wide
/// as 32, can leave them, and then so do they every accumulator's format.
fn plain(program: &Program, m: usize, n: usize) -> [i64; 3] {
    let (design, beats) = (&program.design, program.beats());
    let (mut low, mut high) = (i128::MAX, i128::MIN);
    let mut sums = vec![i128::from(program.bias(n)); design.partial_sums()];
    let mut terms = Vec::with_capacity(sums.len());
    let mut word = None;
    let [store, load] = [design.store_program(), design.load_program()]
        .map(|steps| (steps.channel(&program.parameters, n), steps.steps.len()));
    let steps = design.visit_steps().unwrap_or(beats).max(1);
    for first in (0..beats).step_by(steps) {
        for beat in first..beats.min(first + steps) {
            terms.clear();
            let added = reduced(program, (m, n), beat, &mut nobody, &mut terms);
            added.continue_value().expect("nobody breaks off");
            for (sum, term) in sums.iter_mut().zip(&terms) {
                *sum += term;
                (low, high) = (low.min(*sum), high.max(*sum));
            }
        }
        if let Some(memory) = design.memory {
            let before = word.map_or(0, |word| load.0.through(0..load.1, word));
            let met = memory.fit().of(before + store.0.through(0..store.1, sums[0]));
            (word, sums[0]) = (Some(i128::from(met.value)), 0);
        }
    }
    [word.unwrap_or(sums.iter().sum()), low, high]
        .map(|v| v.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

/// An analysis for 32-bit prefixes, where every operand fits 16 bits and every sum 32.
fn tracking(program: &Program, options: Options) -> Option<Prepared> {
    if program.design.memory.is_some() || !program.design.after.is_empty() {
        // The visits of an output begin at 0 each, or it has several accumulators.
        return None;
    }
    let licence = Licence::new(program, false);
    let offsets = weight_offsets(program);
    let fits = |n: usize| {
        let shift = i128::from(program.bias(n)) - i128::from(program.start(n));
        licence.is_exact() && licence.range_fits(n, shift)
    };
    let all = (0..program.shape.groups).all(|group| {
        let columns = columns(program, group, &offsets);
        let first = group * program.shape.n;
        columns.iter().enumerate().all(|(at, c)| licence.is_sixteen(c) && fits(first + at))
    });
    if !all {
        return None;
    }
    let positions = Positions::new(program);
    let activations = licence.activations();
    let facts = Facts { program, positions: &positions, activations, offsets: &offsets, counts: false };
    let panels = panels(&facts, &|_, _| Choice { route: Route::Exact, width: Width::Sixteen });
    let mut prepared = Prepared::with(program, options, panels, activations, positions);
    prepared.tracks = true;
    Some(prepared)
}

impl Prepared {
    fn prefixes(&self, program: &Program) -> Prefixes {
        self.expect_extents(program);
        let (rows, channels) = (program.shape.rows(), program.shape.channels());
        let [mut sums, mut low, mut high] = [(); 3].map(|()| vec![0; rows * channels]);
        let tables = Tables { sums: &mut sums, low: &mut low, high: &mut high };
        let starts: Vec<i64> = (0..channels).map(|n| program.bias(n)).collect();
        let input = Input { shape: program.shape, codes: Codes::Program(program) };
        let scratch = || (Worker::default(), [(); 3].map(|()| Vec::new()));
        self.waves(&input, tables, scratch, |(worker, state), source, mut tables| {
            let mut fed = None;
            for panel in &self.panels {
                if fed != Some(panel.group) {
                    self.feed(source, panel.group, worker);
                    fed = Some(panel.group);
                }
                self.track(panel, worker, &starts, state);
                tables.write(panel, channels, state);
            }
        });
        let table = |values| Array2::from_shape_vec((rows, channels), values).expect("one value per output");
        Prefixes { sums: table(sums), low: table(low), high: table(high) }
    }

    fn widths(&self, program: &Program) -> Vec<Widths> {
        self.expect_extents(program);
        let channels = program.shape.channels();
        let starts: Vec<i64> = (0..channels).map(|n| program.bias(n)).collect();
        let input = Input { shape: program.shape, codes: Codes::Program(program) };
        let scratch = || (Worker::default(), [(); 3].map(|()| Vec::new()));
        let parts = self.waves(&input, (), scratch, |(worker, state), source, ()| {
            let mut widths = vec![[0; 65]; channels];
            let mut fed = None;
            for panel in &self.panels {
                if fed != Some(panel.group) {
                    self.feed(source, panel.group, worker);
                    fed = Some(panel.group);
                }
                self.track(panel, worker, &starts, state);
                let rows = state[1].chunks_exact(panel.columns).zip(state[2].chunks_exact(panel.columns));
                for (low, high) in rows {
                    for ((n, low), high) in panel.channels.iter().zip(low).zip(high) {
                        widths[*n][bits(i64::from(*low), i64::from(*high))] += 1;
                    }
                }
            }
            widths
        });
        let add = |mut sum: Vec<Widths>, part: Vec<Widths>| {
            for (sum, part) in sum.iter_mut().flatten().zip(part.iter().flatten()) {
                *sum += part;
            }
            sum
        };
        parts.into_iter().fold(vec![[0; 65]; channels], add)
    }

    fn track(&self, panel: &Panel, worker: &Worker, starts: &[i64], state: &mut [Vec<i32>; 3]) {
        let feed = &worker.feed;
        let [acc, low, high] = state;
        let values = feed.count * panel.columns;
        acc.clear();
        acc.resize(values, 0);
        for row in acc.chunks_exact_mut(panel.columns) {
            // The licence: bias and sums fit 32 bits.
            row.iter_mut().zip(&panel.channels).for_each(|(to, n)| *to = starts[*n] as i32);
        }
        low.clear();
        low.resize(values, i32::MAX);
        high.clear();
        high.resize(values, i32::MIN);
        let rows = Rows { codes: &feed.pieces[..], stride: self.pieces.len(), count: feed.count };
        let track = Track { low, high };
        kernels::track16(self.isa, acc, track, &self.pieces, rows, &panel.sixteens, panel.columns);
    }
}

struct Tables<'a> {
    sums: &'a mut [i64],
    low: &'a mut [i64],
    high: &'a mut [i64],
}

impl Tables<'_> {
    fn write(&mut self, panel: &Panel, channels: usize, state: &[Vec<i32>; 3]) {
        let Some(first) = panel.channels.first().copied() else { return };
        // All channels take this route, so they lie side by side.
        let to = first..first + panel.channels.len();
        let tables = [&mut *self.sums, &mut *self.low, &mut *self.high];
        for (table, values) in tables.into_iter().zip(state) {
            for (row, values) in table.chunks_exact_mut(channels).zip(values.chunks_exact(panel.columns)) {
                row[to.clone()].iter_mut().zip(values).for_each(|(to, value)| *to = i64::from(*value));
            }
        }
    }
}

impl Split for Tables<'_> {
    fn split(self, values: usize) -> (Self, Self) {
        let (s, sums) = self.sums.split_at_mut(values);
        let (l, low) = self.low.split_at_mut(values);
        let (h, high) = self.high.split_at_mut(values);
        (Tables { sums: s, low: l, high: h }, Tables { sums, low, high })
    }
}
