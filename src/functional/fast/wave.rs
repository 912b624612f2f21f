//! Which rows are computed when: images one wave after the other, each a few dozen rows at a time, on all cores.

use std::ops::Range;

use rayon::prelude::*;

use super::Prepared;
use super::panel::Panel;
use super::route::{Route, Width};
use super::rows::{self, Image};
use super::run::{Feed, State};
use crate::lower::{Gather, Program, Shape};
use crate::num::Format;

/// Codes of a matrix, one byte each.
#[derive(Debug, Clone, Copy)]
pub enum Bytes<'a> {
    /// 0..=255
    Unsigned(&'a [u8]),
    /// −128..=127
    Signed(&'a [i8]),
}

impl Bytes<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Bytes::Unsigned(codes) => codes.len(),
            Bytes::Signed(codes) => codes.len(),
        }
    }

    /// The first code outside `format`.
    pub(super) fn outside(&self, format: Format) -> Option<usize> {
        let out = |code: i128| !format.contains(code);
        match self {
            Bytes::Unsigned(_) if format.contains(0) && format.contains(255) => None,
            Bytes::Signed(_) if format.contains(-128) && format.contains(127) => None,
            Bytes::Unsigned(codes) => codes.iter().position(|code| out(i128::from(*code))),
            Bytes::Signed(codes) => codes.iter().position(|code| out(i128::from(*code))),
        }
    }
}

/// Where activations come from.
#[derive(Clone, Copy)]
pub enum Codes<'a> {
    /// In the program's own layout.
    Program(&'a Program),
    /// `[rows][k]`
    Bytes(Bytes<'a>),
}

/// The work of all waves.
pub struct Input<'a> {
    pub shape: Shape,
    pub codes: Codes<'a>,
}

/// Tables that rows are written to, cut off row by row.
pub trait Split: Send + Sized {
    /// The tables of the first so many outputs, and of the others.
    fn split(self, values: usize) -> (Self, Self);
}

/// Nothing is written.
impl Split for () {
    fn split(self, _: usize) -> (Self, Self) {
        ((), ())
    }
}

/// Which rows a task computes.
pub struct Source<'a, 'l> {
    codes: Codes<'a>,
    shape: Shape,
    laid: &'l [Layouts],
    first_image: usize,
    pub image: usize,
    /// First output position of the image.
    pub m: usize,
    pub count: usize,
}

/// Buffers that a thread uses again and again.
#[derive(Default)]
pub struct Worker<'a> {
    pub feed: Feed<'a>,
    pub state: State,
}

/// An image of a group in the forms that are wanted.
pub struct Layouts {
    eights: Option<Image<u8>>,
    sixteens: Option<Image<i16>>,
    twins: Option<Image<u32>>,
    wides: Option<Image<i32>>,
}

#[derive(Default)]
struct Wants {
    eights: bool,
    sixteens: bool,
    pieces: bool,
    /// Ranges of the rows of 8 and of 16 bits.
    surveys: [bool; 2],
    twins: bool,
    wides: bool,
}

/// Rows taken through all panels at once.
const ROWS: usize = 48;

/// Enough rows for every core, few enough images that memory stays flat.
const WAVE_ROWS: usize = 4096;

impl Prepared {
    /// Does `work` for a few rows at a time; `scratch` is made once a thread. The answers come in the order of the rows.
    pub(super) fn waves<'a, R: Split, S, T: Send>(
        &self,
        input: &Input<'a>,
        results: R,
        scratch: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, &Source<'a, '_>, R) -> T + Sync,
    ) -> Vec<T> {
        let (shape, channels) = (input.shape, input.shape.channels());
        let wave = (WAVE_ROWS / shape.m.max(1)).clamp(1, shape.images);
        let (mut answers, mut rest) = (Vec::new(), results);
        for first in (0..shape.images).step_by(wave) {
            let images = first..(first + wave).min(shape.images);
            let laid = self.layouts(input, images.clone());
            let chunk = chunk_rows(shape.m, images.len());
            let mut tasks = Vec::new();
            for image in images {
                for m in (0..shape.m).step_by(chunk) {
                    let count = chunk.min(shape.m - m);
                    let (task, left) = rest.split(count * channels);
                    tasks.push((image, m, count, task));
                    rest = left;
                }
            }
            let (codes, laid) = (input.codes, laid.as_slice());
            let run = |tasks: Vec<(usize, usize, usize, R)>| -> Vec<T> {
                let mut scratch = scratch();
                let one = |(image, m, count, results)| {
                    let source = Source { codes, shape, laid, first_image: first, image, m, count };
                    work(&mut scratch, &source, results)
                };
                tasks.into_iter().map(one).collect()
            };
            let done: Vec<Vec<T>> = shares(tasks).into_par_iter().map(run).collect();
            answers.extend(done.into_iter().flatten());
        }
        answers
    }

    fn layouts(&self, input: &Input, images: Range<usize>) -> Vec<Layouts> {
        let (Some(taps), Codes::Program(program)) = (&self.taps, input.codes) else { return Vec::new() };
        let Gather::Convolution(conv) = &program.gather else { return Vec::new() };
        let all: Vec<[usize; 2]> =
            images.flat_map(|i| (0..program.shape.groups).map(move |g| [i, g])).collect();
        all.into_par_iter()
            .map(|at| {
                let wants = self.wants(at[1]);
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
        for Panel { choice, .. } in self.panels.iter().filter(|panel| panel.group == group) {
            match (choice.route, choice.width) {
                (Route::Lanes, _) => (wants.sixteens, wants.pieces) = (true, true),
                (Route::Exact | Route::Blocks, Width::Eight) => wants.eights = true,
                (Route::Exact | Route::Blocks, _) => wants.sixteens = true,
                (Route::Steps, _) => wants.twins = true,
                (Route::Wide | Route::Plain, _) => wants.wides = true,
            }
        }
        let looks = |width| {
            let mut panels = self.panels.iter().filter(|panel| panel.group == group);
            panels.any(|Panel { choice, .. }| choice.route == Route::Blocks && choice.width == width)
        };
        wants.surveys = [looks(Width::Eight), looks(Width::Sixteen)];
        wants.pieces |= self.tracks;
        wants
    }

    /// The rows of `source` in every form that the group's panels want.
    pub(super) fn feed<'a>(&self, source: &Source<'a, '_>, group: usize, worker: &mut Worker<'a>) {
        let feed = &mut worker.feed;
        feed.count = source.count;
        feed.stride = self.positions.k.len().next_multiple_of(4);
        let wants = self.wants(group);
        feed.direct = None;
        if let Some(taps) = &self.taps {
            let (m, extents) = (source.m, [feed.stride, feed.count]);
            let laid = &source.laid[(source.image - source.first_image) * source.shape.groups + group];
            laid.eights.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.eights));
            laid.sixteens.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.sixteens));
            laid.twins.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.twins));
            laid.wides.iter().for_each(|i| i.rows(taps, m, extents, &mut feed.wides));
        } else {
            match source.codes {
                Codes::Program(program) => self.matrix(&program.activations, source, &wants, feed),
                Codes::Bytes(Bytes::Unsigned(codes)) if self.takes_bytes(codes, source, &wants) => {
                    feed.stride = self.shape.k;
                    feed.direct = Some(&codes[source.m * self.shape.k..]);
                }
                Codes::Bytes(Bytes::Unsigned(codes)) => self.matrix(codes, source, &wants, feed),
                Codes::Bytes(Bytes::Signed(codes)) => self.matrix(codes, source, &wants, feed),
            }
        }
        for (wanted, width) in wants.surveys.into_iter().zip([Width::Eight, Width::Sixteen]) {
            if wanted {
                feed.survey(width);
            }
        }
        if wants.pieces {
            feed.cut(&self.pieces, &self.halves);
        }
    }

    /// Whether the kernels' rows of 8 bits are the caller's own. The last quad of a row may reach into the next one, where
    /// its weights are 0; behind the last row there is nothing to reach into.
    fn takes_bytes(&self, codes: &[u8], source: &Source, wants: &Wants) -> bool {
        let only = wants.eights && !(wants.sixteens || wants.twins || wants.wides);
        let as_they_are = self.positions.plain && self.offset.add == 0 && self.offset.base == 0;
        let k = self.shape.k;
        let end = (source.m + source.count - 1) * k + k.next_multiple_of(4);
        only && as_they_are && self.positions.k.len() == k && end <= codes.len()
    }

    fn matrix<C: rows::Code>(&self, codes: &[C], source: &Source, wants: &Wants, feed: &mut Feed) {
        let k = source.shape.k;
        let codes = &codes[source.m * k..(source.m + source.count) * k];
        let (positions, offset, extents) = (&self.positions, self.offset, [feed.stride, feed.count]);
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

/// Neighbouring tasks together, a few lots of nearly one size for every thread: so that buffers are made a few times
/// only, and threads end together.
fn shares<T>(tasks: Vec<T>) -> Vec<Vec<T>> {
    let threads = rayon::current_num_threads();
    let (count, lots) = (tasks.len(), if threads == 1 { 1 } else { 4 * threads });
    let mut tasks = tasks.into_iter();
    let lot = |i: usize| tasks.by_ref().take((i + 1) * count / lots - i * count / lots).collect();
    (0..lots).map(lot).collect()
}

/// Rows of a task: a few tasks for every thread, none longer than [`ROWS`].
fn chunk_rows(m: usize, images: usize) -> usize {
    let shares = (3 * rayon::current_num_threads()).div_ceil(images);
    m.div_ceil(shares).next_multiple_of(6).clamp(6, ROWS)
}
