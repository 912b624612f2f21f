//! What becomes of a tile of accumulators, and where it goes.

use crate::functional::kernels::Isa;
use crate::functional::kernels::codes::{Lines, Rescale, rescale, turn};

/// From accumulators to the elements of the output.
pub(in crate::functional::operators) trait Finish: Sync {
    type Out: Copy + Default + Send + Sync;

    /// The sums of the channels from `first` on, at one position.
    fn row(&self, first: usize, sums: &[i32], out: &mut [Self::Out]);

    /// The sums of one channel, at neighbouring positions.
    fn plane(&self, channel: usize, sums: &[i32], out: &mut [Self::Out]);

    /// Rows of `tile`, one a position, into the planes of their channels: channel c goes to `to[c · step..]`.
    fn scatter(to: &mut [Self::Out], step: usize, tile: &[Self::Out], lines: Lines);
}

/// The accumulators themselves.
pub(in crate::functional::operators) struct AsSums;

impl Finish for AsSums {
    type Out = i32;

    fn row(&self, _: usize, sums: &[i32], out: &mut [i32]) {
        out.copy_from_slice(sums);
    }

    fn plane(&self, _: usize, sums: &[i32], out: &mut [i32]) {
        out.copy_from_slice(sums);
    }

    fn scatter(to: &mut [i32], step: usize, tile: &[i32], Lines { stride, extents: [rows, columns] }: Lines) {
        /// Neighbours that are written together.
        const RUN: usize = 16;
        for first in (0..rows).step_by(RUN) {
            let count = RUN.min(rows - first);
            let from = &tile[first * stride..];
            for column in 0..columns {
                let to = &mut to[column * step + first..][..count];
                to.iter_mut().zip(from[column..].iter().step_by(stride)).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// The bits of 8-bit codes.
pub(super) struct AsCodes<'a> {
    /// One a channel.
    pub factors: &'a [f32],
    pub how: Rescale,
    pub isa: Isa,
}

impl Finish for AsCodes<'_> {
    type Out = u8;

    fn row(&self, first: usize, sums: &[i32], out: &mut [u8]) {
        rescale(self.isa, out, sums, &self.factors[first..], self.how);
    }

    fn plane(&self, channel: usize, sums: &[i32], out: &mut [u8]) {
        let factors = [self.factors[channel]; 64];
        for (sums, out) in sums.chunks(factors.len()).zip(out.chunks_mut(factors.len())) {
            rescale(self.isa, out, sums, &factors, self.how);
        }
    }

    fn scatter(to: &mut [u8], step: usize, tile: &[u8], lines: Lines) {
        turn(to, |column| Some(column * step), tile, lines, 0);
    }
}
