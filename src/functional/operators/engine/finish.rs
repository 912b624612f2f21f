//! What becomes of a tile of accumulators, and where it goes.

use crate::functional::kernels::Isa;
use crate::functional::kernels::codes::{Lines, Look, Rescale, RescaleWide, Share, WIDE_SUMS, rescale, turn};

/// The sums of every pass, of the same outputs.
#[derive(Clone, Copy)]
pub(in crate::functional::operators) struct Sums<'a> {
    pub all: &'a [i32],
    /// From the first sum of a pass to that of the next.
    pub step: usize,
    /// Outputs.
    pub count: usize,
}

impl<'a> Sums<'a> {
    fn of(self, pass: usize) -> &'a [i32] {
        &self.all[pass * self.step..][..self.count]
    }
}

/// From accumulators to the elements of the output.
pub(in crate::functional::operators) trait Finish: Sync {
    type Out: Copy + Default + Send + Sync;

    /// The sums of the channels from `first` on, at one position.
    fn row(&self, first: usize, sums: Sums, out: &mut [Self::Out]);

    /// The sums of one channel, at neighbouring positions.
    fn plane(&self, channel: usize, sums: Sums, out: &mut [Self::Out]);

    /// Rows of `tile`, one a position, into the planes of their channels: channel c goes to `to[c · step..]`.
    fn scatter(to: &mut [Self::Out], step: usize, tile: &[Self::Out], lines: Lines) {
        /// Neighbours that are written together.
        const RUN: usize = 16;
        let Lines { stride, extents: [rows, columns] } = lines;
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

/// The accumulators themselves, of a single pass.
pub(super) struct AsSums;

impl Finish for AsSums {
    type Out = i32;

    fn row(&self, _: usize, sums: Sums, out: &mut [i32]) {
        out.copy_from_slice(sums.of(0));
    }

    fn plane(&self, _: usize, sums: Sums, out: &mut [i32]) {
        out.copy_from_slice(sums.of(0));
    }
}

/// The bits of 8-bit codes, of a single pass.
pub(super) struct AsCodes<'a> {
    /// One a channel.
    pub factors: &'a [f32],
    pub how: Rescale,
    pub isa: Isa,
}

impl Finish for AsCodes<'_> {
    type Out = u8;

    fn row(&self, first: usize, sums: Sums, out: &mut [u8]) {
        rescale(self.isa, out, sums.of(0), &self.factors[first..], self.how);
    }

    fn plane(&self, channel: usize, sums: Sums, out: &mut [u8]) {
        let factors = [self.factors[channel]; 64];
        for (sums, out) in sums.of(0).chunks(factors.len()).zip(out.chunks_mut(factors.len())) {
            rescale(self.isa, out, sums, &factors, self.how);
        }
    }

    fn scatter(to: &mut [u8], step: usize, tile: &[u8], lines: Lines) {
        turn(to, |column| Some(column * step), tile, lines, Look::PLAIN);
    }
}

/// Codes of any width, of the sums of several passes.
pub(in crate::functional::operators) struct AsWide<'a, T> {
    /// What a sum of each pass counts: powers of two, up to [`MOST_PASSES`] of them.
    pub weights: &'a [f64],
    /// By channel, what the sums lack.
    pub begin: &'a [f64],
    /// One a channel.
    pub factors: &'a [f32],
    pub how: Rescale,
    pub isa: Isa,
    /// The kernel for the type.
    pub rescale: RescaleWide<T>,
}

/// Two bytes with two.
const MOST_PASSES: usize = 4;

impl<T> AsWide<'_, T> {
    fn codes(&self, sums: Sums, from: usize, out: &mut [T], begin: &[f64], factors: &[f32]) {
        let mut shares = [Share { sums: &[], weight: 0.0 }; MOST_PASSES];
        for (pass, (share, weight)) in shares.iter_mut().zip(self.weights).enumerate() {
            *share = Share { sums: &sums.of(pass)[from..], weight: *weight };
        }
        (self.rescale)(self.isa, out, begin, &shares[..self.weights.len()], factors, self.how);
    }
}

impl<T: Copy + Default + Send + Sync> Finish for AsWide<'_, T> {
    type Out = T;

    fn row(&self, first: usize, sums: Sums, out: &mut [T]) {
        self.codes(sums, 0, out, &self.begin[first..], &self.factors[first..]);
    }

    fn plane(&self, channel: usize, sums: Sums, out: &mut [T]) {
        let (begin, factors) = ([self.begin[channel]; WIDE_SUMS], [self.factors[channel]; WIDE_SUMS]);
        for (index, out) in out.chunks_mut(WIDE_SUMS).enumerate() {
            self.codes(sums, index * WIDE_SUMS, out, &begin, &factors);
        }
    }
}
