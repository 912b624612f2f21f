//! Blocks of positions against panels of channels.

use std::ops::Range;

use super::finish::{Finish, Sums};
use super::image::Frame;
use super::panels::{Panels, WIDEST};
use super::{Job, Sliding, Terms};
use crate::functional::kernels::codes::{Bytes, Lines, total};
use crate::functional::kernels::{Begin, Rows, dot8, numbered, parts_with, zeros};

/// Positions of a block: their accumulators stay in the cache, and a panel's weights are read once for all.
const BLOCK: usize = 96;

/// Bytes of an image that are laid out at a time.
const LAID_OUT: usize = 1 << 18;

/// Rows of a matrix below which threads share the channels instead.
const FEW_ROWS: usize = 12;

/// Accumulators of a block, in one pass.
const ACCUMULATORS: usize = BLOCK * WIDEST;

const NOTHING: [i32; WIDEST] = [0; WIDEST];

/// What a thread keeps.
#[derive(Default)]
struct Scratch {
    /// One for each view.
    images: Vec<Vec<u8>>,
    places: Vec<u32>,
    /// One after the other for each pass.
    acc: Vec<i32>,
    /// One list a pass.
    totals: Vec<Vec<i32>>,
}

/// Neighbouring positions: the first byte of the first, and how many.
type Piece = (usize, usize);

/// How the runs of a panel meet bytes.
struct Meet<'a> {
    /// Of each pass.
    panels: &'a [Panels],
    /// Where a run begins, from a position's first byte on.
    starts: &'a [usize],
    /// Products of a run.
    length: usize,
    /// Bytes from one position to the next.
    step: usize,
}

impl Terms<'_> {
    pub(super) fn matrix_panels(&self) -> Option<Panels> {
        let order: Vec<usize> = (0..self.weights.k).collect();
        Panels::new(self, 0, self.weights.channels, &order, 1)
    }
}

impl Sliding {
    pub(super) fn new(terms: &[Terms], frame: Frame, groups: usize) -> Option<Sliding> {
        let at_once = frame.rows_at_once(LAID_OUT, BLOCK)?;
        let n = terms[0].weights.channels / groups;
        let (order, starts) = frame.runs();
        let of_group = |group: usize| {
            terms.iter().map(|terms| Panels::new(terms, group * n, n, &order, starts.len())).collect()
        };
        let panels: Vec<Vec<Panels>> = (0..groups).map(of_group).collect::<Option<_>>()?;
        let length = order.len() / starts.len();
        Some(Sliding { frame, panels, starts, length, at_once })
    }
}

impl Job<'_> {
    /// `[rows][k]` times the weights: `[rows][channels]`.
    pub(super) fn matrix<B: Bytes, F: Finish>(&self, x: &[B], panels: &[Panels], finish: &F) -> Vec<F::Out> {
        let [k, n] = self.extents();
        let rows = x.len() / k;
        let meet = Meet { panels, starts: &[0], length: k, step: panels[0].reach() };
        let threads = rayon::current_num_threads();
        if rows <= FEW_ROWS && panels[0].count() > 1 {
            return self.few_rows(x, &meet, finish);
        }
        let mut out = zeros(rows * n);
        let share = rows.div_ceil(threads).next_multiple_of(6).min(BLOCK);
        parts_with(&mut out, share * n, 1, &|scratch: &mut Scratch, index, out| {
            let count = out.len() / n;
            self.lay_out(&mut scratch.images, &x[index * share * k..][..count * k]);
            let Scratch { images, acc, totals, .. } = scratch;
            self.totals(totals, images, &meet, &[(0, count)]);
            for panel in 0..panels[0].count() {
                self.sums(acc, images, &meet, &[(0, count)], panel, totals);
                let panel = panels[0].panel(panel);
                for (position, out) in out.chunks_exact_mut(n).enumerate() {
                    let sums = row(acc, position, panel.columns, panel.channels);
                    finish.row(panel.first, sums, &mut out[panel.first..][..panel.channels]);
                }
            }
        });
        out
    }

    /// Threads share the channels.
    fn few_rows<B: Bytes, F: Finish>(&self, x: &[B], meet: &Meet, finish: &F) -> Vec<F::Out> {
        let [k, n] = self.extents();
        let (rows, panels) = (x.len() / k, &meet.panels[0]);
        let mut out = zeros(rows * n);
        let (mut images, mut totals) = (Vec::new(), Vec::new());
        self.lay_out(&mut images, x);
        self.totals(&mut totals, &images, meet, &[(0, rows)]);
        let part = |acc: &mut Vec<i32>, index: usize| {
            let panel = panels.panel(index);
            let mut part = vec![F::Out::default(); rows * panel.channels];
            self.sums(acc, &images, meet, &[(0, rows)], index, &totals);
            for (position, out) in part.chunks_exact_mut(panel.channels).enumerate() {
                finish.row(panel.first, row(acc, position, panel.columns, panel.channels), out);
            }
            part
        };
        let parts: Vec<Vec<F::Out>> = numbered(panels.count(), 4, &part);
        for (index, part) in parts.iter().enumerate() {
            let panel = panels.panel(index);
            for (part, out) in part.chunks_exact(panel.channels).zip(out.chunks_exact_mut(n)) {
                out[panel.first..][..panel.channels].copy_from_slice(part);
            }
        }
        out
    }

    /// Rows of a matrix for every view, each a whole number of quads.
    fn lay_out<B: Bytes>(&self, images: &mut Vec<Vec<u8>>, rows: &[B]) {
        images.resize_with(self.views.len(), Vec::new);
        for (image, view) in images.iter_mut().zip(&self.views) {
            image.clear();
            for row in rows.chunks_exact(self.extents()[0]) {
                image.extend(row.iter().map(|code| view.look.at(*code)));
                image.resize(image.len().next_multiple_of(4), 0);
            }
        }
    }

    /// `[images][groups · cin][height][width]` under the weights' windows: `[images][channels][positions]`.
    pub(super) fn convolution<B: Bytes, F: Finish>(
        &self,
        x: &[B],
        sliding: &Sliding,
        finish: &F,
    ) -> Vec<F::Out> {
        let (frame, groups) = (&sliding.frame, sliding.panels.len());
        let n = self.extents()[1] / groups;
        let size = n * frame.outputs();
        let plane = frame.channels * frame.input[0] * frame.input[1];
        let parts = x.len() / plane;
        let mut out = zeros(parts * size);
        let threads = rayon::current_num_threads();
        type Kept<T> = (Scratch, Vec<T>);
        let part = |kept: &mut Kept<F::Out>, index: usize, rows: Range<usize>, out: &mut [F::Out]| {
            let planes = &x[index * plane..][..plane];
            self.rows(kept, planes, rows, (sliding, index % groups), (finish, out));
        };
        let height = frame.placed.output[0];
        if parts >= threads {
            parts_with(&mut out, size, 1, &|kept, index, out| part(kept, index, 0..height, out));
            return out;
        }
        // Threads share the rows of an image.
        let share = height.div_ceil(threads);
        for (index, out) in out.chunks_mut(size).enumerate() {
            let some = |kept: &mut Kept<F::Out>, part_index: usize| {
                let rows = part_index * share..((part_index + 1) * share).min(height);
                let mut made = vec![F::Out::default(); n * rows.len() * frame.placed.output[1]];
                part(kept, index, rows.clone(), &mut made);
                (rows, made)
            };
            let parts: Vec<(Range<usize>, Vec<F::Out>)> = numbered(height.div_ceil(share), 1, &some);
            for (rows, made) in parts {
                let (at, length) = (rows.start * frame.placed.output[1], rows.len() * frame.placed.output[1]);
                for (made, out) in made.chunks_exact(length).zip(out.chunks_exact_mut(frame.outputs())) {
                    out[at..][..length].copy_from_slice(made);
                }
            }
        }
        out
    }

    /// Output rows `rows` of one image and group into `out`, `[channels][positions of these rows]`.
    fn rows<B: Bytes, F: Finish>(
        &self,
        (scratch, tile): &mut (Scratch, Vec<F::Out>),
        planes: &[B],
        rows: Range<usize>,
        (sliding, group): (&Sliding, usize),
        (finish, out): (&F, &mut [F::Out]),
    ) {
        let Sliding { frame, starts, length, at_once, .. } = sliding;
        let channel = group * self.extents()[1] / sliding.panels.len();
        let (panels, step) = (&sliding.panels[group], frame.step());
        let meet = &Meet { panels, starts, length: *length, step };
        let across = frame.placed.output[1];
        let all = rows.len() * across;
        let Scratch { images, places, acc, totals } = scratch;
        images.resize_with(self.views.len(), Vec::new);
        tile.resize(ACCUMULATORS, F::Out::default());
        for first in rows.clone().step_by(*at_once) {
            let some = first..(first + at_once).min(rows.end);
            for (image, view) in images.iter_mut().zip(&self.views) {
                frame.fill(image, places, planes, some.clone(), (view.zero, view.look));
            }
            let mut at = (first - rows.start) * across;
            for block in blocks(frame, some.len()) {
                let count: usize = block.iter().map(|(_, count)| count).sum();
                self.totals(totals, images, meet, &block);
                for panel in 0..panels[0].count() {
                    self.sums(acc, images, meet, &block, panel, totals);
                    let panel = panels[0].panel(panel);
                    for (position, tile) in tile.chunks_exact_mut(WIDEST).take(count).enumerate() {
                        let sums = row(acc, position, panel.columns, panel.channels);
                        finish.row(channel + panel.first, sums, &mut tile[..panel.channels]);
                    }
                    let lines = Lines { stride: WIDEST, extents: [count, panel.channels] };
                    F::scatter(&mut out[panel.first * all + at..], all, tile, lines);
                }
                at += count;
            }
        }
    }

    /// By pass, Σ a′ of every position, where it matters.
    fn totals(&self, totals: &mut Vec<Vec<i32>>, images: &[Vec<u8>], meet: &Meet, block: &[Piece]) {
        totals.resize_with(self.terms.len(), Vec::new);
        for ((totals, terms), panels) in totals.iter_mut().zip(&self.terms).zip(meet.panels) {
            totals.clear();
            if !panels.tilts() {
                continue;
            }
            let image = &images[terms.index];
            for (at, count) in block {
                totals.extend((0..*count).map(|position| {
                    let run = |start: &usize| {
                        total(self.isa, &image[at + position * meet.step + start..][..meet.length])
                    };
                    meet.starts.iter().map(run).fold(0, i32::wrapping_add)
                }));
            }
        }
    }

    /// The accumulators of a block and panel: `[pass][positions][columns]`.
    fn sums(
        &self,
        acc: &mut Vec<i32>,
        images: &[Vec<u8>],
        meet: &Meet,
        block: &[Piece],
        panel: usize,
        totals: &[Vec<i32>],
    ) {
        acc.resize(self.terms.len() * ACCUMULATORS, 0);
        for (pass, acc) in acc.chunks_exact_mut(ACCUMULATORS).enumerate() {
            let image = &images[self.terms[pass].index];
            let panel = meet.panels[pass].panel(panel);
            let mut done = 0;
            for (at, count) in block {
                let acc = &mut acc[done * panel.columns..];
                for (run, start) in meet.starts.iter().enumerate() {
                    let add = if run == 0 { panel.begin } else { &NOTHING[..] };
                    let rows = Rows { codes: &image[at + start..], stride: meet.step, count: *count };
                    dot8(self.isa, acc, Begin { add, first: run == 0 }, rows, panel.run(run), panel.columns);
                }
                done += count;
            }
            for (total, acc) in totals[pass].iter().zip(acc.chunks_exact_mut(panel.columns)) {
                for (acc, tilt) in acc.iter_mut().zip(panel.tilt) {
                    *acc = acc.wrapping_add(tilt.wrapping_mul(*total));
                }
            }
        }
    }
}

/// The sums of one position.
fn row(acc: &[i32], position: usize, columns: usize, channels: usize) -> Sums<'_> {
    Sums { all: &acc[position * columns..], step: ACCUMULATORS, count: channels }
}

/// The positions of so many output rows, in blocks of at most [`BLOCK`].
fn blocks(frame: &Frame, rows: usize) -> Vec<Vec<Piece>> {
    let across = frame.placed.output[1];
    let lines = match frame.is_one_line() {
        true => vec![(0, rows * across)],
        false => {
            let line = frame.window.stride[0] * frame.width * frame.channels;
            (0..rows).map(|row| (row * line, across)).collect()
        }
    };
    let (mut blocks, mut block, mut held) = (Vec::new(), Vec::new(), 0);
    for (start, length) in lines {
        for first in (0..length).step_by(BLOCK) {
            let count = BLOCK.min(length - first);
            if held + count > BLOCK {
                blocks.push(std::mem::take(&mut block));
                held = 0;
            }
            block.push((start + first * frame.step(), count));
            held += count;
        }
    }
    blocks.push(block);
    blocks
}
