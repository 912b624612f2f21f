//! Blocks of positions against panels of channels.

use std::ops::Range;

use rayon::prelude::*;

use super::finish::Finish;
use super::image::Frame;
use super::panels::{Panel, Panels, WIDEST};
use super::{Sliding, Terms};
use crate::functional::kernels::codes::{Byte, Lines, total};
use crate::functional::kernels::{Begin, Rows, dot8, zeros};

/// Positions of a block: their accumulators stay in the cache, and a panel's weights are read once for all.
const BLOCK: usize = 96;

/// Bytes of an image that are laid out at a time.
const LAID_OUT: usize = 1 << 18;

/// Rows of a matrix below which threads share the channels instead.
const FEW_ROWS: usize = 12;

const NOTHING: [i32; WIDEST] = [0; WIDEST];

/// What a thread keeps.
struct Scratch<T> {
    image: Vec<u8>,
    places: Vec<u32>,
    acc: Vec<i32>,
    tile: Vec<T>,
    totals: Vec<i32>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Scratch {
            image: Vec::new(),
            places: Vec::new(),
            acc: Vec::new(),
            tile: Vec::new(),
            totals: Vec::new(),
        }
    }
}

/// Neighbouring positions: the first byte of the first, and how many.
type Piece = (usize, usize);

/// How a panel's runs meet bytes.
struct Meet<'a> {
    panels: &'a Panels,
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

    /// `[rows][k]` times the weights: `[rows][channels]`.
    pub(super) fn matrix<B: Byte, F: Finish>(&self, x: &[B], panels: &Panels, finish: &F) -> Vec<F::Out> {
        let (k, n) = (self.weights.k, self.weights.channels);
        let rows = x.len() / k;
        let meet = Meet { panels, starts: &[0], length: k, step: panels.reach() };
        let mut out = zeros(rows * n);
        let threads = rayon::current_num_threads();
        let lay_out = |image: &mut Vec<u8>, rows: Range<usize>| {
            image.clear();
            for row in x[rows.start * k..rows.end * k].chunks_exact(k) {
                image.extend(row.iter().map(|code| code.bits() ^ self.flip));
                image.resize(image.len().next_multiple_of(4), 0);
            }
        };
        if rows <= FEW_ROWS && panels.count() > 1 {
            let mut scratch = Scratch::<F::Out>::default();
            lay_out(&mut scratch.image, 0..rows);
            let image = &scratch.image;
            let parts: Vec<Vec<F::Out>> = (0..panels.count())
                .into_par_iter()
                .with_min_len(4)
                .map_init(Scratch::<F::Out>::default, |scratch, index| {
                    let panel = panels.panel(index);
                    let mut part = vec![F::Out::default(); rows * panel.channels];
                    let Scratch { acc, totals, .. } = scratch;
                    self.totals(totals, image, &meet, &[(0, rows)]);
                    self.sums(acc, image, &meet, &[(0, rows)], &panel, totals);
                    for (out, sums) in
                        part.chunks_exact_mut(panel.channels).zip(acc.chunks_exact(panel.columns))
                    {
                        finish.row(panel.first, &sums[..panel.channels], out);
                    }
                    part
                })
                .collect();
            for (index, part) in parts.iter().enumerate() {
                let panel = panels.panel(index);
                for (part, out) in part.chunks_exact(panel.channels).zip(out.chunks_exact_mut(n)) {
                    out[panel.first..][..panel.channels].copy_from_slice(part);
                }
            }
            return out;
        }
        let share = rows.div_ceil(threads).next_multiple_of(6).min(BLOCK);
        let parts = out.par_chunks_mut(share * n).enumerate();
        parts.for_each_init(Scratch::<F::Out>::default, |scratch, (index, out)| {
            let Scratch { image, acc, totals, .. } = scratch;
            let count = out.len() / n;
            lay_out(image, index * share..index * share + count);
            self.totals(totals, image, &meet, &[(0, count)]);
            for panel in (0..panels.count()).map(|index| panels.panel(index)) {
                self.sums(acc, image, &meet, &[(0, count)], &panel, totals);
                for (out, sums) in out.chunks_exact_mut(n).zip(acc.chunks_exact(panel.columns)) {
                    finish.row(
                        panel.first,
                        &sums[..panel.channels],
                        &mut out[panel.first..][..panel.channels],
                    );
                }
            }
        });
        out
    }

    pub(super) fn sliding(&self, frame: Frame, groups: usize) -> Option<Sliding> {
        let at_once = frame.rows_at_once(LAID_OUT, BLOCK)?;
        let n = self.weights.channels / groups;
        let (order, starts) = frame.runs();
        let panels = |group: usize| Panels::new(self, group * n, n, &order, starts.len());
        let panels: Vec<Panels> = (0..groups).map(panels).collect::<Option<_>>()?;
        let length = order.len() / starts.len();
        Some(Sliding { frame, panels, starts, length, at_once })
    }

    /// `[images][groups · cin][height][width]` under the weights' windows: `[images][channels][positions]`.
    pub(super) fn convolution<B: Byte, F: Finish>(
        &self,
        x: &[B],
        sliding: &Sliding,
        finish: &F,
    ) -> Vec<F::Out> {
        let (frame, groups) = (&sliding.frame, sliding.panels.len());
        let n = self.weights.channels / groups;
        let size = n * frame.outputs();
        let plane = frame.channels * frame.input[0] * frame.input[1];
        let parts = x.len() / plane;
        let mut out = zeros(parts * size);
        let threads = rayon::current_num_threads();
        let part = |scratch: &mut Scratch<F::Out>, index: usize, rows: Range<usize>, out: &mut [F::Out]| {
            let planes = &x[index * plane..][..plane];
            self.rows(scratch, planes, rows, (sliding, index % groups), (finish, out));
        };
        let height = frame.placed.output[0];
        if parts >= threads {
            let parts = out.par_chunks_mut(size).enumerate();
            parts.for_each_init(Scratch::default, |scratch, (index, out)| {
                part(scratch, index, 0..height, out)
            });
            return out;
        }
        // Threads share the rows of an image.
        let share = height.div_ceil(threads);
        for (index, out) in out.chunks_mut(size).enumerate() {
            let parts: Vec<(Range<usize>, Vec<F::Out>)> = (0..height.div_ceil(share))
                .into_par_iter()
                .map_init(Scratch::default, |scratch, part_index| {
                    let rows = part_index * share..((part_index + 1) * share).min(height);
                    let mut made = vec![F::Out::default(); n * rows.len() * frame.placed.output[1]];
                    part(scratch, index, rows.clone(), &mut made);
                    (rows, made)
                })
                .collect();
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
    fn rows<B: Byte, F: Finish>(
        &self,
        scratch: &mut Scratch<F::Out>,
        planes: &[B],
        rows: Range<usize>,
        (sliding, group): (&Sliding, usize),
        (finish, out): (&F, &mut [F::Out]),
    ) {
        let Sliding { frame, starts, length, at_once, .. } = sliding;
        let channel = group * self.weights.channels / sliding.panels.len();
        let (panels, step) = (&sliding.panels[group], frame.step());
        let meet = &Meet { panels, starts, length: *length, step };
        let across = frame.placed.output[1];
        let all = rows.len() * across;
        let Scratch { image, places, acc, tile, totals } = scratch;
        tile.resize(BLOCK * WIDEST, F::Out::default());
        for first in rows.clone().step_by(*at_once) {
            let some = first..(first + at_once).min(rows.end);
            frame.fill(image, places, planes, some.clone(), [self.zero, self.flip]);
            let mut at = (first - rows.start) * across;
            for block in blocks(frame, some.len()) {
                let count: usize = block.iter().map(|(_, count)| count).sum();
                self.totals(totals, image, meet, &block);
                for panel in (0..meet.panels.count()).map(|index| meet.panels.panel(index)) {
                    self.sums(acc, image, meet, &block, &panel, totals);
                    for (tile, sums) in
                        tile.chunks_exact_mut(WIDEST).zip(acc.chunks_exact(panel.columns)).take(count)
                    {
                        finish.row(
                            channel + panel.first,
                            &sums[..panel.channels],
                            &mut tile[..panel.channels],
                        );
                    }
                    let lines = Lines { stride: WIDEST, extents: [count, panel.channels] };
                    F::scatter(&mut out[panel.first * all + at..], all, tile, lines);
                }
                at += count;
            }
        }
    }

    /// Σ a′ of every position, where it matters.
    fn totals(&self, totals: &mut Vec<i32>, image: &[u8], meet: &Meet, block: &[Piece]) {
        totals.clear();
        if !meet.panels.tilts() {
            return;
        }
        for (at, count) in block {
            totals.extend((0..*count).map(|position| {
                let run = |start: &usize| {
                    total(self.isa, &image[at + position * meet.step + start..][..meet.length])
                };
                meet.starts.iter().map(run).fold(0, i32::wrapping_add)
            }));
        }
    }

    /// The accumulators of a block: `[positions][columns]`.
    fn sums(
        &self,
        acc: &mut Vec<i32>,
        image: &[u8],
        meet: &Meet,
        block: &[Piece],
        panel: &Panel,
        totals: &[i32],
    ) {
        let mut done = 0;
        acc.resize(BLOCK * WIDEST, 0);
        for (at, count) in block {
            let acc = &mut acc[done * panel.columns..];
            for (run, start) in meet.starts.iter().enumerate() {
                let add = if run == 0 { panel.begin } else { &NOTHING[..] };
                let rows = Rows { codes: &image[at + start..], stride: meet.step, count: *count };
                dot8(self.isa, acc, Begin { add, first: run == 0 }, rows, panel.run(run), panel.columns);
            }
            done += count;
        }
        for (total, acc) in totals.iter().zip(acc.chunks_exact_mut(panel.columns)) {
            for (acc, tilt) in acc.iter_mut().zip(panel.tilt) {
                *acc = acc.wrapping_add(tilt.wrapping_mul(*total));
            }
        }
    }
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
