//! The fast engine: the values and events of `plain`, by whichever route is licensed.
//!
//! [`Prepared`] analyses and packs the weights of a layer once: every channel gets a [`Route`], channels of one route
//! lie side by side in panels. A run gathers a few dozen rows of activations at a time, takes them through all panels,
//! and finishes them (output clamp, post steps) while they are warm. Rows are independent: they run on all cores, and
//! the result does not depend on how many there are.

mod finish;
mod first;
mod level;
mod panel;
mod route;
mod rows;
mod run;
mod step;
mod track;
mod wave;

pub use route::Route;
pub use rows::Code;
pub use track::{Prefixes, Tracker, Widths, prefixes};
pub use wave::Bytes;

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use super::kernels::{Isa, Kernels, Piece};
use crate::design::{Design, Node};
use crate::error::{Error, Kind, Result};
use crate::lower::{Counts, Outcome, Program, Shape, no_events};
use finish::{Events, Finish};
use panel::{Facts, Panel, Register};
use route::{Choice, Licence, Width, columns, weight_offsets};
use rows::{Offset, Positions, Taps};
use wave::{Codes, Input, Source, Split, Worker};

/// What a run is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Event counts per output and node, and the first event.
    pub counts: bool,
    /// Which copy of the kernels; one that this machine lacks is replaced by its best.
    pub kernels: Kernels,
}

impl Options {
    /// The best kernels of this machine.
    pub fn new(counts: bool) -> Options {
        Options { counts, kernels: Kernels::best() }
    }
}

/// A layer whose weights have been analysed and packed: it runs any activations of the same shape.
#[derive(Debug, Clone)]
pub struct Prepared {
    design: Arc<Design>,
    /// What the analysis rests on, to be recognised again.
    weights: Vec<i32>,
    parameters: Arc<Vec<Vec<i64>>>,
    counts: bool,
    isa: Isa,
    lanes: usize,
    shape: Shape,
    positions: Positions,
    /// The positions as 16-bit pairs, cut where a beat ends; and which half of its pair each piece takes.
    pieces: Vec<Piece>,
    halves: Vec<u32>,
    taps: Option<Taps>,
    offset: Offset,
    register: Register,
    /// Rows can be stepped on 32-bit lanes: activations fit 16 bits, and the sum of any accumulator and any term 32.
    roomy: bool,
    /// So does every prefix of a block.
    short: bool,
    panels: Vec<Panel>,
    /// Prefixes are asked for, not a run.
    tracks: bool,
}

/// How many channels a route computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The route.
    pub route: Route,
    /// Output channels, over all groups.
    pub channels: usize,
}

impl Prepared {
    /// Analyses and packs the weights of `program`.
    pub fn new(program: &Program, options: Options) -> Prepared {
        let licence = Licence::new(program, options.counts);
        let positions = Positions::new(program);
        let activations = licence.activations();
        let offsets = weight_offsets(program);
        let counts = options.counts;
        let facts = Facts { program, positions: &positions, activations, offsets: &offsets, counts };
        let panels = panels(&facts, &|n, column| licence.choose(n, column));
        Prepared::with(program, options, panels, activations, positions)
    }

    fn with(
        program: &Program,
        options: Options,
        panels: Vec<Panel>,
        activations: (i64, i64),
        positions: Positions,
    ) -> Prepared {
        let small = |v: i64| i32::try_from(v).unwrap_or_default();
        let base = small(activations.0);
        // Operands beyond 32 bits take the plain route, which does not look at these.
        let add = base.wrapping_sub(small(program.design.activation.format.min()));
        let lanes = program.design.array.lanes;
        let (pieces, halves) = rows::pieces(positions.k.len(), lanes);
        let register = Register::of(program);
        let reach = activations.0.abs().max(activations.1.abs());
        let weights = panels.iter().flat_map(|panel| &panel.by_column).map(|w| i64::from(*w).abs()).max();
        let block = i64::try_from(panel::longest_block(lanes)).unwrap_or(i64::MAX);
        let short = reach.saturating_mul(weights.unwrap_or(0)).saturating_mul(block) <= i64::from(i32::MAX);
        Prepared {
            design: Arc::clone(&program.design),
            weights: program.weights.clone(),
            parameters: program.parameters.clone(),
            counts: options.counts,
            isa: Isa::new(options.kernels),
            lanes,
            shape: program.shape,
            pieces,
            halves,
            taps: rows::taps(program, &positions),
            positions,
            offset: Offset { add, base },
            register,
            roomy: register.is_roomy() && reach <= i64::from(i16::MAX),
            short,
            panels,
            tracks: false,
        }
    }

    /// Whether this is the analysis of `program`: the same design, weights, parameters and geometry, counted alike.
    /// Rows and images may differ in number.
    pub fn serves(&self, program: &Program, counts: bool) -> bool {
        self.counts == counts
            && (Arc::ptr_eq(&self.design, &program.design) || self.design == program.design)
            && self.parameters == program.parameters
            && self.shape == Shape { images: self.shape.images, m: self.shape.m, ..program.shape }
            && self.weights == program.weights
            && self.taps == rows::taps(program, &self.positions)
    }

    fn expect_extents(&self, program: &Program) {
        let extents = |shape: Shape| [shape.groups, shape.k, shape.n];
        assert_eq!(extents(self.shape), extents(program.shape), "another layer's analysis");
    }

    /// Which routes compute how many channels, fastest first.
    pub fn routes(&self) -> Vec<Share> {
        let mut shares = BTreeMap::new();
        for panel in &self.panels {
            *shares.entry(panel.choice.route).or_insert(0) += panel.channels.len();
        }
        shares.into_iter().map(|(route, channels)| Share { route, channels }).collect()
    }

    /// The outcome of `program`, which this analysis must serve.
    ///
    /// # Panics
    /// When the program's channels or products are not those that were analysed. Other weights give wrong numbers: ask
    /// [`Prepared::serves`] where they may have changed.
    pub fn run(&self, program: &Program) -> Outcome {
        self.expect_extents(program);
        if self.panels.iter().any(|panel| panel.choice.route == Route::Plain) {
            return super::plain::run(program, self.counts);
        }
        let (rows, channels) = (program.shape.rows(), program.shape.channels());
        let mut accumulators = vec![0; rows * channels];
        let mut outputs = vec![0; rows * channels];
        let mut counts = vec![0; if self.counts { rows * channels } else { 0 }];
        let results = Results { accumulators: &mut accumulators, outputs: &mut outputs, counts: &mut counts };
        let finish = Finish::new(program, self.counts);
        let input = Input { shape: program.shape, codes: Codes::Program(program) };
        let events = self.waves(
            &input,
            results,
            || (finish.clone(), Worker::default()),
            |(finish, worker), source, results| self.rows(source, worker, finish, results),
        );
        let events = events.into_iter().fold(Events::new(&self.design), Events::join);
        let table = |values| Array2::from_shape_vec((rows, channels), values).expect("one value per output");
        let counts = self.counts.then(|| {
            let mut nodes = no_events(&self.design);
            for (node, [high, low]) in nodes.iter_mut().zip(&events.nodes) {
                (node.high, node.low) = (*high, *low);
            }
            let counts = table(counts);
            let first = events.tile.and_then(|tile| first::event(program, tile, &counts));
            Counts { accumulator: counts, nodes, first }
        });
        Outcome { accumulators: table(accumulators), outputs: table(outputs), counts }
    }

    /// Values only, or values and counts, of a matrix product into the caller's tables: `codes` are `[rows][k]`,
    /// `accumulators` and `counts` `[rows][channels]`. `counts` of node `accumulator` may be empty: then nobody counts.
    /// Returns how many sums lay above and below the format; start values are not counted. No output is formed and no first event looked for.
    ///
    /// # Errors
    /// A layer that is no matrix product, or sums beyond 64 bits; a register of more than 32 bits; tables that do not
    /// fit; a code outside the operand's format; counts from an analysis that does not count.
    pub fn accumulate(
        &self,
        codes: Bytes<'_>,
        accumulators: &mut [i32],
        counts: &mut [u32],
    ) -> Result<[u64; 2]> {
        let channels = self.shape.channels();
        let rows = self.check(&codes, accumulators.len(), counts.len())?;
        let shape = Shape { images: 1, m: rows, ..self.shape };
        let results = Accumulators { values: accumulators, counts };
        let narrow = self.narrowing();
        let input = Input { shape, codes: Codes::Bytes(codes) };
        let totals = self.waves(&input, results, Worker::default, |worker, source, results| {
            let mut totals = [0, 0];
            self.feed(source, 0, worker);
            for panel in &self.panels {
                self.panel(panel, &worker.feed, &mut worker.state);
                worker.state.scatter(panel, narrow, channels, results.values);
                if !results.counts.is_empty() {
                    let sides = worker.state.tally(panel, channels, results.counts);
                    totals = [totals[0] + sides[0], totals[1] + sides[1]];
                }
            }
            finish::clamp_narrow(&self.design, results.values);
            totals
        });
        Ok(totals.into_iter().fold([0, 0], |a, b| [a[0] + b[0], a[1] + b[1]]))
    }

    /// Rows of a matrix of bytes, if the tables fit.
    fn check(&self, codes: &Bytes, values: usize, counts: usize) -> Result<usize> {
        let refuse = |message: &str| Err(Error::new(Kind::Value, message));
        let channels = self.shape.channels();
        if self.taps.is_some() || self.panels.iter().any(|panel| panel.choice.route == Route::Plain) {
            return Err(Error::new(Kind::Unsupported, "bytes are taken by matrix products up to 64 bits"));
        }
        if self.register.width > 32 || (self.register.width == 32 && !self.register.signed) {
            return refuse("an accumulator of more than 32 bits does not fit a table of i32");
        }
        if counts > 0 && !self.counts {
            return refuse("the analysis was made for values only");
        }
        let rows = values / channels;
        if values != rows * channels || codes.len() != rows * self.shape.k || (counts > 0 && counts != values)
        {
            return refuse("codes are [rows][k], accumulators and counts [rows][channels]");
        }
        match codes.outside(self.design.activation.format) {
            Some(at) => refuse(&format!("code {at} lies outside {}", self.design.activation.format)),
            None => Ok(rows),
        }
    }

    /// A few rows through every panel, then finished.
    fn rows<'a>(
        &self,
        source: &Source<'a, '_>,
        worker: &mut Worker<'a>,
        finish: &mut Finish,
        results: Results,
    ) -> Events {
        let channels = self.shape.channels();
        let mut events = Events::new(&self.design);
        let (mut fed, narrow) = (None, self.narrowing());
        let mut inside = vec![false; if self.design.reduce.is_empty() { 0 } else { source.count * channels }];
        for panel in &self.panels {
            if fed != Some(panel.group) {
                self.feed(source, panel.group, worker);
                fed = Some(panel.group);
            }
            self.panel(panel, &worker.feed, &mut worker.state);
            let state = &worker.state;
            state.scatter(panel, narrow, channels, results.accumulators);
            if self.counts && state.any {
                events.levels(&state.levels);
                let sides = state.tally(panel, channels, results.counts);
                events.add(self.design.node_index(Node::Accumulator), sides);
                for (at, _) in state.touched.iter().enumerate().filter(|(_, touched)| **touched) {
                    inside[at / panel.columns * channels + panel.channels[at % panel.columns]] = true;
                }
            }
        }
        finish.rows(source, results, &|r, n| inside.get(r * channels + n) == Some(&true), &mut events);
        events
    }
}

/// Panels of every group: channels of one choice side by side, in the order of their numbers.
fn panels(facts: &Facts, choose: &dyn Fn(usize, &route::Column) -> Choice) -> Vec<Panel> {
    let shape = facts.program.shape;
    let mut panels = Vec::new();
    for group in 0..shape.groups {
        let mut by_choice: BTreeMap<Choice, Vec<usize>> = BTreeMap::new();
        let columns = columns(facts.program, group, facts.offsets);
        for (n, column) in (group * shape.n..).zip(&columns) {
            by_choice.entry(choose(n, column)).or_default().push(n);
        }
        join_few(facts, &mut by_choice);
        for (choice, members) in by_choice {
            let mut members = members.as_slice();
            for width in panel::widths(members.len(), choice.route) {
                let (these, rest) = members.split_at(width);
                panels.push((group, these.to_vec(), choice));
                members = rest;
            }
        }
    }
    panels
        .into_par_iter()
        .map(|(group, channels, choice)| Panel::new(facts, group, channels, choice))
        .collect()
}

/// Exact channels of 8 bits may go in blocks as well, if every term stays as small as blocks ask for: their blocks are
/// checked, and always found safe.
fn join_few(facts: &Facts, by_choice: &mut BTreeMap<Choice, Vec<usize>>) {
    let reach = facts.activations.0.abs().max(facts.activations.1.abs());
    let lanes = i64::try_from(facts.program.design.array.lanes).unwrap_or(i64::MAX);
    let small = reach.saturating_mul(128).saturating_mul(lanes) < 1 << 30;
    let [exact, blocks] = [Route::Exact, Route::Blocks].map(|route| Choice { route, width: Width::Eight });
    let count = |choice| by_choice.get(choice).map_or(0, Vec::len);
    if small && panel::better_together(count(&exact), count(&blocks)) {
        let mut members = by_choice.remove(&exact).unwrap_or_default();
        let joined = by_choice.entry(blocks).or_default();
        joined.append(&mut members);
        joined.sort_unstable();
    }
}

/// Where a run writes: `[rows][channels]` each; no counts when nobody counts.
struct Results<'a> {
    accumulators: &'a mut [i64],
    outputs: &'a mut [i64],
    counts: &'a mut [i64],
}

impl Split for Results<'_> {
    fn split(self, values: usize) -> (Self, Self) {
        let counts = values.min(self.counts.len());
        let (a, accumulators) = self.accumulators.split_at_mut(values);
        let (o, outputs) = self.outputs.split_at_mut(values);
        let (c, rest) = self.counts.split_at_mut(counts);
        (Results { accumulators: a, outputs: o, counts: c }, Results { accumulators, outputs, counts: rest })
    }
}

/// Where accumulators alone are written: `[rows][channels]` each.
struct Accumulators<'a> {
    values: &'a mut [i32],
    counts: &'a mut [u32],
}

impl Split for Accumulators<'_> {
    fn split(self, values: usize) -> (Self, Self) {
        let counts = values.min(self.counts.len());
        let (v, values) = self.values.split_at_mut(values);
        let (c, rest) = self.counts.split_at_mut(counts);
        (Accumulators { values: v, counts: c }, Accumulators { values, counts: rest })
    }
}
