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

pub use route::Route;

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;

use super::kernels::{Isa, Kernels};
use crate::design::Design;
use crate::lower::{Counts, Gather, Outcome, Program, no_events};
use finish::{Events, Finish};
use panel::{Facts, Panel, Register};
use route::{Choice, Licence, Width, effective_weights};
use rows::{Image, Offset, Positions, Taps};
use run::{Feed, State};

/// Rows taken through all panels at once.
const ROWS: usize = 48;

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
    parameters: Vec<Vec<i64>>,
    counts: bool,
    isa: Isa,
    lanes: usize,
    positions: Positions,
    taps: Option<Taps>,
    offset: Offset,
    register: Register,
    panels: Vec<Panel>,
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
        let small = |v: i64| i32::try_from(v).unwrap_or_default();
        let base = small(activations.0);
        let facts = Facts { program, positions: &positions, activations, counts: options.counts };
        let panels = panels(&facts, &licence);
        let add = base - small(program.design.activation.format.min());
        Prepared {
            design: Arc::clone(&program.design),
            weights: program.weights.clone(),
            parameters: program.parameters.clone(),
            counts: options.counts,
            isa: Isa::new(options.kernels),
            lanes: program.design.array.lanes,
            taps: rows::taps(program, &positions),
            positions,
            offset: Offset { add, base },
            register: Register::of(program),
            panels,
        }
    }

    /// Whether this is the analysis of `program`: the same design, weights and parameters, counted alike.
    pub fn serves(&self, program: &Program, counts: bool) -> bool {
        self.counts == counts
            && (Arc::ptr_eq(&self.design, &program.design) || self.design == program.design)
            && self.parameters == program.parameters
            && self.taps.is_some() == matches!(program.gather, Gather::Convolution(_))
            && self.weights == program.weights
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
    /// When the program's channels or products are not those that were analysed.
    pub fn run(&self, program: &Program) -> Outcome {
        assert_eq!(self.weights.len(), program.weights.len(), "another layer's analysis");
        if self.panels.iter().any(|panel| panel.choice.route == Route::Plain) {
            return super::plain::run(program, self.counts);
        }
        let (rows, channels) = (program.shape.rows(), program.shape.channels());
        let mut accumulators = vec![0; rows * channels];
        let mut outputs = vec![0; rows * channels];
        let mut counts = vec![0; if self.counts { rows * channels } else { 0 }];
        let events = self.waves(program, &mut accumulators, &mut outputs, &mut counts);
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

    /// Images one wave after the other: those of a wave are laid out together, then all of their rows run.
    fn waves(
        &self,
        program: &Program,
        accumulators: &mut [i64],
        outputs: &mut [i64],
        counts: &mut [i64],
    ) -> Events {
        let (shape, channels) = (program.shape, program.shape.channels());
        let finish = Finish::new(program, self.counts);
        // Enough rows for every core, few enough images that memory stays flat.
        let wave = (4096 / shape.m).clamp(1, shape.images);
        let mut all = Events::new(&self.design);
        for images in (0..shape.images).step_by(wave) {
            let images = images..(images + wave).min(shape.images);
            let laid = self.layouts(program, images.clone());
            let chunk = chunk_rows(shape.m, images.len());
            let values = images.start * shape.m * channels..images.end * shape.m * channels;
            let mut tasks = Vec::new();
            let mut rest = Results {
                accumulators: &mut accumulators[values.clone()],
                outputs: &mut outputs[values.clone()],
                counts: if self.counts { &mut counts[values] } else { &mut [] },
            };
            for image in images.clone() {
                for m in (0..shape.m).step_by(chunk) {
                    let count = chunk.min(shape.m - m);
                    let (task, left) = rest.split(count * channels);
                    tasks.push((image, m, count, task));
                    rest = left;
                }
            }
            let events = tasks.into_par_iter().map_init(
                || (finish.clone(), Worker::default()),
                |(finish, worker), (image, m, count, results)| {
                    let source = Source { program, laid: &laid, first_image: images.start, image, m, count };
                    self.rows(&source, worker, finish, results)
                },
            );
            all = events.reduce(|| Events::new(&self.design), Events::join).join(all);
        }
        all
    }

    fn layouts(&self, program: &Program, images: std::ops::Range<usize>) -> Vec<Layouts> {
        let (Some(taps), Gather::Convolution(conv)) = (&self.taps, &program.gather) else {
            return Vec::new();
        };
        let groups = program.shape.groups;
        let all: Vec<[usize; 2]> = images.flat_map(|i| (0..groups).map(move |g| [i, g])).collect();
        all.into_par_iter()
            .map(|[image, group]| {
                let wants = self.wants(group);
                let at = [image, group];
                Layouts {
                    eights: wants.eights.then(|| Image::new(program, conv, taps, self.offset, at)),
                    sixteens: wants.sixteens.then(|| Image::new(program, conv, taps, self.offset, at)),
                    twins: wants.twins.then(|| Image::new(program, conv, taps, self.offset, at)),
                    wides: wants.wides.then(|| Image::new(program, conv, taps, self.offset, at)),
                }
            })
            .collect()
    }

    fn wants(&self, group: usize) -> Wants {
        let mut wants = Wants::default();
        for panel in self.panels.iter().filter(|panel| panel.group == group) {
            match (panel.choice.route, panel.choice.width) {
                (Route::Exact | Route::Blocks, Width::Eight) => wants.eights = true,
                (Route::Exact | Route::Blocks, _) => wants.sixteens = true,
                (Route::Steps, _) => wants.twins = true,
                (Route::Wide | Route::Plain, _) => wants.wides = true,
            }
        }
        wants
    }

    /// A few rows through every panel, then finished.
    fn rows(&self, source: &Source, worker: &mut Worker, finish: &mut Finish, results: Results) -> Events {
        let channels = source.program.shape.channels();
        let mut events = Events::new(&self.design);
        let mut fed = None;
        let mut inside = vec![false; if self.design.reduce.is_empty() { 0 } else { source.count * channels }];
        for panel in &self.panels {
            if fed != Some(panel.group) {
                self.gather(source, panel.group, &mut worker.feed);
                fed = Some(panel.group);
            }
            self.panel(panel, &worker.feed, &mut worker.state);
            scatter(panel, channels, &worker.state.values, results.accumulators);
            if self.counts {
                let state = &worker.state;
                events.levels(&state.levels);
                for (counts, r) in results.counts.chunks_exact_mut(channels).zip(0..) {
                    let at = r * panel.columns..(r + 1) * panel.columns;
                    let node = [&state.high[at.clone()], &state.low[at]];
                    events.accumulator(self.design.reduce.len(), panel, node, counts);
                }
                for (at, _) in state.touched.iter().enumerate().filter(|(_, touched)| **touched) {
                    inside[at / panel.columns * channels + panel.channels[at % panel.columns]] = true;
                }
            }
        }
        finish.rows(source, results, &|r, n| inside.get(r * channels + n) == Some(&true), &mut events);
        events
    }

    /// The rows of `source` in every form that the group's panels want.
    fn gather(&self, source: &Source, group: usize, feed: &mut Feed) {
        let Source { program, m, count, .. } = *source;
        let k = program.shape.k;
        feed.count = count;
        feed.stride = self.positions.k.len().next_multiple_of(4);
        let extents = [feed.stride, count];
        let wants = self.wants(group);
        if let Some(taps) = &self.taps {
            let at = (source.image - source.first_image) * program.shape.groups + group;
            let laid = &source.laid[at];
            laid.eights.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.eights));
            laid.sixteens.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.sixteens));
            laid.twins.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.twins));
            laid.wides.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.wides));
            return;
        }
        let codes = &program.activations[m * k..(m + count) * k];
        let (positions, offset) = (&self.positions, self.offset);
        if wants.eights {
            rows::matrix_rows(codes, k, positions, offset, extents, &mut feed.eights);
        }
        if wants.sixteens {
            rows::matrix_rows(codes, k, positions, offset, extents, &mut feed.sixteens);
        }
        if wants.twins {
            rows::matrix_rows(codes, k, positions, offset, extents, &mut feed.twins);
        }
        if wants.wides {
            rows::matrix_rows(codes, k, positions, offset, extents, &mut feed.wides);
        }
    }
}

/// Panels of every group: channels of one route side by side, in the order of their numbers.
fn panels(facts: &Facts, licence: &Licence) -> Vec<Panel> {
    let shape = facts.program.shape;
    let mut panels = Vec::new();
    for group in 0..shape.groups {
        let mut by_choice: BTreeMap<Choice, Vec<(usize, Vec<i32>)>> = BTreeMap::new();
        for n in group * shape.n..(group + 1) * shape.n {
            let weights = effective_weights(facts.program, n);
            by_choice.entry(licence.choose(n, &weights)).or_default().push((n, weights));
        }
        for (choice, members) in by_choice {
            let mut members = members.as_slice();
            for width in panel::widths(members.len(), choice.route) {
                let (these, rest) = members.split_at(width);
                let weights: Vec<&[i32]> = these.iter().map(|(_, w)| w.as_slice()).collect();
                let channels = these.iter().map(|(n, _)| *n).collect();
                panels.push(Panel::new(facts, group, channels, choice, &weights));
                members = rest;
            }
        }
    }
    panels
}

/// Rows of a task: a few tasks for every thread, none longer than [`ROWS`].
fn chunk_rows(m: usize, images: usize) -> usize {
    let shares = (3 * rayon::current_num_threads()).div_ceil(images);
    m.div_ceil(shares).next_multiple_of(6).clamp(6, ROWS)
}

/// `[rows][columns]` of a panel into the columns of its channels.
fn scatter(panel: &Panel, channels: usize, values: &[i64], into: &mut [i64]) {
    let live = panel.channels.len();
    let Some(first) = panel.channels.first().copied() else { return };
    let dense = panel.channels[live - 1] - first + 1 == live;
    for (row, values) in into.chunks_exact_mut(channels).zip(values.chunks_exact(panel.columns)) {
        if dense {
            row[first..first + live].copy_from_slice(&values[..live]);
            continue;
        }
        for (channel, value) in panel.channels.iter().zip(values) {
            row[*channel] = *value;
        }
    }
}

/// Images of a wave in the forms that are wanted.
struct Layouts {
    eights: Option<Image<u8>>,
    sixteens: Option<Image<i16>>,
    twins: Option<Image<u32>>,
    wides: Option<Image<i32>>,
}

#[derive(Default)]
struct Wants {
    eights: bool,
    sixteens: bool,
    twins: bool,
    wides: bool,
}

/// Which rows a task computes.
struct Source<'a> {
    program: &'a Program,
    laid: &'a [Layouts],
    first_image: usize,
    image: usize,
    /// First output position of the image.
    m: usize,
    count: usize,
}

/// Where a task writes: `[rows][channels]` each; no counts when nobody counts.
struct Results<'a> {
    accumulators: &'a mut [i64],
    outputs: &'a mut [i64],
    counts: &'a mut [i64],
}

impl<'a> Results<'a> {
    fn split(self, values: usize) -> (Results<'a>, Results<'a>) {
        let counts = values.min(self.counts.len());
        let (a, accumulators) = self.accumulators.split_at_mut(values);
        let (o, outputs) = self.outputs.split_at_mut(values);
        let (c, rest) = self.counts.split_at_mut(counts);
        (Results { accumulators: a, outputs: o, counts: c }, Results { accumulators, outputs, counts: rest })
    }
}

/// Buffers that a thread uses again and again.
#[derive(Default)]
struct Worker {
    feed: Feed,
    state: State,
}
