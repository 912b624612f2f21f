//! One float32 matrix product through the kernels, each output in its own order of additions.
//!
//! B is laid out in strips of [`STRIP`] columns, as many at a time as [`SCRATCH`] holds; then threads share the rows.

use std::ops::Range;

use rayon::prelude::*;

use crate::functional::kernels::float::{self, Close, STRIP, Strip, TILE_ROWS};
use crate::functional::kernels::{Isa, Rows};
use crate::post::sgemm::{Order, folded};

#[cfg(test)]
mod tests;

/// Elements of B that are laid out at a time; one strip where that is more.
const SCRATCH: usize = 1 << 19;

/// Columns that [`Order::Groups`] takes at a time.
const GROUP_COLUMNS: usize = 512;

/// The right operand, `[depth][columns]`.
pub(super) trait Columns: Sync {
    /// Element (k, n) goes to `to[(k − first k) · stride + (n − first n)]`.
    fn fill(&self, to: &mut [f32], stride: usize, k: Range<usize>, n: Range<usize>);

    /// The elements, row by row, and how far apart the rows are, where they lie so in memory.
    fn in_place(&self) -> Option<(&[f32], usize)> {
        None
    }
}

/// A matrix: element (k, n) is `values[k · row + n · column]`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub row: usize,
    pub column: usize,
}

impl Columns for Matrix<'_> {
    fn fill(&self, to: &mut [f32], stride: usize, k: Range<usize>, n: Range<usize>) {
        for (line, k) in k.enumerate() {
            let to = &mut to[line * stride..][..n.len()];
            let from = &self.values[k * self.row + n.start * self.column..];
            if self.column == 1 {
                to.copy_from_slice(&from[..n.len()]);
            } else {
                to.iter_mut().zip(from.iter().step_by(self.column)).for_each(|(to, from)| *to = *from);
            }
        }
    }

    fn in_place(&self) -> Option<(&[f32], usize)> {
        (self.column == 1).then_some((self.values, self.row))
    }
}

/// `out ← alpha · A · B (+ out)`; A is `[rows][depth]`, `out` `[rows][columns]`.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub extents: [usize; 3],
    pub a: &'a [f32],
    pub b: &'a dyn Columns,
    pub order: Order,
    pub how: Close,
    pub isa: Isa,
    /// Whether threads share it.
    pub shared: bool,
}

impl Job<'_> {
    /// `scratch` is kept from one job to the next.
    pub fn run(&self, out: &mut [f32], scratch: &mut Vec<f32>) {
        let [rows, columns, depth] = self.extents;
        if depth == 0 || !matches!(self.order, Order::Blocks(_)) {
            out.iter_mut().filter(|_| !self.how.add).for_each(|out| *out = 0.0);
        }
        if rows == 0 || columns == 0 || depth == 0 {
            return;
        }
        match self.order {
            Order::Groups => self.groups(out, scratch),
            Order::Lanes { outputs } => self.lanes(out, scratch, outputs),
            Order::Blocks(block) if rows <= TILE_ROWS => self.few_rows(out, scratch, block),
            Order::Blocks(block) => self.blocks(out, scratch, block),
        }
    }

    /// The least work a thread takes.
    fn grain(&self, least: usize) -> usize {
        if self.shared { least } else { usize::MAX }
    }

    /// Strip number `strip` of B, in place or laid out in `scratch`; and its columns.
    fn strip<'s>(&'s self, strip: usize, scratch: &'s mut Vec<f32>) -> (Strip<'s>, Range<usize>) {
        let [_, columns, depth] = self.extents;
        let range = strip * STRIP..((strip + 1) * STRIP).min(columns);
        if range.len() == STRIP
            && let Some((values, stride)) = self.b.in_place()
        {
            return (Strip { values: &values[range.start..], stride, depth }, range);
        }
        scratch.resize(scratch.len().max(depth * STRIP), 0.0);
        self.b.fill(scratch, STRIP, 0..depth, range.clone());
        (Strip { values: scratch, stride: STRIP, depth }, range)
    }

    /// So few rows that B is read once: threads share the strips.
    fn few_rows(&self, out: &mut [f32], scratch: &mut Vec<f32>, block: usize) {
        let [rows, columns, _] = self.extents;
        let strips = columns.div_ceil(STRIP);
        let part = |scratch: &mut Vec<f32>, out: &[f32], index: usize| {
            let (strip, range) = self.strip(index, scratch);
            let mut part = vec![0.0; rows * range.len()];
            for (part, out) in part.chunks_exact_mut(range.len()).zip(out.chunks_exact(columns)) {
                part.copy_from_slice(&out[range.clone()]);
            }
            self.tiles(&mut part, range.len(), 0..range.len(), 0, strip, block);
            (part, range)
        };
        let put = |out: &mut [f32], (part, range): (Vec<f32>, Range<usize>)| {
            for (part, out) in part.chunks_exact(range.len()).zip(out.chunks_exact_mut(columns)) {
                out[range.clone()].copy_from_slice(part);
            }
        };
        if self.shared && strips > 1 {
            let parts: Vec<_> = (0..strips)
                .into_par_iter()
                .with_min_len(4)
                .map_init(Vec::new, |scratch, index| part(scratch, out, index))
                .collect();
            parts.into_iter().for_each(|part| put(out, part));
        } else {
            (0..strips).for_each(|index| {
                let part = part(scratch, out, index);
                put(out, part);
            });
        }
    }

    fn blocks(&self, out: &mut [f32], scratch: &mut Vec<f32>, block: usize) {
        let [rows, columns, depth] = self.extents;
        let strips = columns.div_ceil(STRIP);
        let at_once = (SCRATCH / (depth * STRIP)).clamp(1, strips);
        let threads = if self.shared { rayon::current_num_threads() } else { 1 };
        let share = rows.div_ceil(threads).next_multiple_of(4);
        for first in (0..strips).step_by(at_once) {
            let count = at_once.min(strips - first);
            scratch.resize(scratch.len().max(count * depth * STRIP), 0.0);
            let laid_out = scratch[..count * depth * STRIP].par_chunks_exact_mut(depth * STRIP);
            laid_out.with_min_len(self.grain(1)).enumerate().for_each(|(index, to)| {
                let start = (first + index) * STRIP;
                self.b.fill(to, STRIP, 0..depth, start..(start + STRIP).min(columns));
            });
            let parts = out.par_chunks_mut(share * columns).with_min_len(self.grain(1));
            parts.enumerate().for_each(|(index, out)| {
                for (strip, values) in scratch.chunks_exact(depth * STRIP).take(count).enumerate() {
                    let start = (first + strip) * STRIP;
                    let range = start..(start + STRIP).min(columns);
                    let strip = Strip { values, stride: STRIP, depth };
                    self.tiles(out, columns, range, index * share, strip, block);
                }
            });
        }
    }

    /// The columns `range` of `out`, rows of `stride` from row `first` of A on: block by block, tile by tile.
    fn tiles(
        &self,
        out: &mut [f32],
        stride: usize,
        range: Range<usize>,
        first: usize,
        strip: Strip,
        block: usize,
    ) {
        let depth = strip.depth;
        let mut tile = [0.0; TILE_ROWS * STRIP];
        for k in (0..depth).step_by(block) {
            let part =
                Strip { values: &strip.values[k * strip.stride..], depth: block.min(depth - k), ..strip };
            let how = Close { add: self.how.add || k > 0, ..self.how };
            for (index, out) in out.chunks_mut(TILE_ROWS * stride).enumerate() {
                let codes = &self.a[(first + index * TILE_ROWS) * depth + k..];
                let rows = Rows { codes, stride: depth, count: out.len() / stride };
                float::fused(self.isa, &mut tile, rows, part);
                for (out, sums) in out.chunks_exact_mut(stride).zip(tile.chunks_exact(STRIP)) {
                    float::close(self.isa, &mut out[range.clone()], &sums[..range.len()], how);
                }
            }
        }
    }

    /// One row.
    fn groups(&self, out: &mut [f32], scratch: &mut Vec<f32>) {
        let [_, _, depth] = self.extents;
        let width = if self.b.in_place().is_some() {
            GROUP_COLUMNS
        } else {
            (SCRATCH / depth).clamp(STRIP, GROUP_COLUMNS)
        };
        let part = |scratch: &mut Vec<f32>, index: usize, out: &mut [f32]| {
            let start = index * width;
            if let Some((values, stride)) = self.b.in_place() {
                return float::groups(self.isa, out, self.a, &values[start..], stride);
            }
            scratch.resize(scratch.len().max(depth * width), 0.0);
            self.b.fill(scratch, width, 0..depth, start..start + out.len());
            float::groups(self.isa, out, self.a, scratch, width);
        };
        if self.shared && out.len() > width {
            let parts = out.par_chunks_mut(width).enumerate();
            parts.for_each_init(Vec::new, |scratch, (index, out)| part(scratch, index, out));
        } else {
            out.chunks_mut(width).enumerate().for_each(|(index, out)| part(scratch, index, out));
        }
    }

    /// One row or one column.
    fn lanes(&self, out: &mut [f32], scratch: &mut Vec<f32>, outputs: usize) {
        const ROWS: usize = 64;
        let [_, columns, depth] = self.extents;
        let put = |out: &mut f32, index: usize, row: &[f32], column: &[f32]| {
            *out += folded(float::lanes(self.isa, row, column), index, outputs);
        };
        if columns == 1 {
            scratch.resize(scratch.len().max(depth), 0.0);
            self.b.fill(scratch, 1, 0..depth, 0..1);
            let column = &scratch[..depth];
            let rows = out.par_iter_mut().zip(self.a.par_chunks_exact(depth));
            let rows = rows.with_min_len(self.grain(ROWS)).enumerate();
            rows.for_each(|(index, (out, row))| put(out, index, row, column));
        } else {
            let each = out.par_iter_mut().with_min_len(self.grain(ROWS)).enumerate();
            each.for_each_init(
                || vec![0.0; depth],
                |column, (index, out)| {
                    self.b.fill(column, 1, 0..depth, index..index + 1);
                    put(out, index, self.a, column);
                },
            );
        }
    }
}
