//! Weights as the kernels want them.

use rayon::prelude::*;

use super::{Elements, Terms};
use crate::functional::fast::Code;
use crate::functional::operators::size::room;
use crate::network::DType;

/// Output channels of a panel; the last one may be narrower.
pub(super) const WIDEST: usize = 64;

/// The weights of one group: `[panel][run][quad][columns][4]`.
pub(super) struct Panels {
    codes: Vec<i8>,
    /// Channels, and how many with those that fill the last panel.
    channels: usize,
    padded: usize,
    /// Runs of products whose activations are neighbours, and quads in each.
    runs: usize,
    quads: usize,
    /// By channel, what every sum begins with.
    begin: Vec<i32>,
    /// By channel, the factor of the sum of a row's activations; empty when all are 0.
    tilt: Vec<i32>,
}

/// One panel.
pub(super) struct Panel<'a> {
    /// Its first channel, how many there are, and how many columns that makes.
    pub first: usize,
    pub channels: usize,
    pub columns: usize,
    codes: &'a [i8],
    runs: usize,
    pub begin: &'a [i32],
    pub tilt: &'a [i32],
}

impl Panels {
    /// Channels `first..first + channels` of the layer; `order` says which product is meant by each place of each of the
    /// `runs`.
    pub fn new(terms: &Terms, first: usize, channels: usize, order: &[usize], runs: usize) -> Option<Panels> {
        let last = channels % WIDEST;
        let padded =
            channels - last + if last == 0 { 0 } else { last.next_multiple_of(16).next_power_of_two() };
        let quads = (order.len() / runs).div_ceil(4);
        let depth = runs * quads * 4;
        room(&[padded, depth]).ok()?;
        let mut panels = Panels {
            codes: vec![0; padded * depth],
            channels,
            padded,
            runs,
            quads,
            begin: vec![0; padded],
            tilt: Vec::new(),
        };
        let shift = match terms.weights.codes {
            Elements::U8(_) | Elements::Wide(_, DType::U8) => 128,
            _ => 0,
        };
        let order: Vec<usize> = order.iter().map(|k| k * terms.weights.step[0]).collect();
        let parts = panels.codes.par_chunks_mut(WIDEST * depth).zip(panels.begin.par_chunks_mut(WIDEST));
        parts.enumerate().for_each(|(panel, (codes, sums))| {
            let at = panel * WIDEST;
            let used = WIDEST.min(channels - at);
            let base = (first + at) * terms.weights.step[1];
            let mut pack =
                Pack { to: codes, sums, order: &order, runs, shift, base, step: terms.weights.step[1], used };
            match terms.weights.codes {
                Elements::U8(codes) => pack.from(codes),
                Elements::I8(codes) => pack.from(codes),
                Elements::Wide(codes, _) => pack.from(codes),
            }
        });
        let (zero, k) = (i32::from(terms.view.zero), order.len() as i32);
        let offset = |channel: usize| terms.numbers.weight_zero(first + channel) - shift;
        for channel in 0..channels {
            let bias = terms.numbers.bias.map_or(0, |bias| bias[first + channel]);
            let both = k.wrapping_mul(zero).wrapping_mul(offset(channel));
            let sum = panels.begin[channel];
            panels.begin[channel] = bias.wrapping_sub(zero.wrapping_mul(sum)).wrapping_add(both);
        }
        if (0..channels).any(|channel| offset(channel) != 0) {
            panels.tilt = (0..padded).map(|c| if c < channels { -offset(c) } else { 0 }).collect();
        }
        Some(panels)
    }

    pub fn count(&self) -> usize {
        self.channels.div_ceil(WIDEST)
    }

    /// Bytes that a run's activations must have.
    pub fn reach(&self) -> usize {
        self.quads * 4
    }

    pub fn tilts(&self) -> bool {
        !self.tilt.is_empty()
    }

    pub fn panel(&self, index: usize) -> Panel<'_> {
        let (first, depth) = (index * WIDEST, self.runs * self.quads * 4);
        let columns = WIDEST.min(self.padded - first);
        let tilt = if self.tilts() { &self.tilt[first..][..columns] } else { &[] };
        Panel {
            first,
            channels: WIDEST.min(self.channels - first),
            columns,
            codes: &self.codes[first * depth..][..columns * depth],
            runs: self.runs,
            begin: &self.begin[first..][..columns],
            tilt,
        }
    }
}

impl Panel<'_> {
    /// The weights of one run.
    pub fn run(&self, run: usize) -> &[i8] {
        let length = self.codes.len() / self.runs;
        &self.codes[run * length..][..length]
    }
}

/// One panel on the way.
struct Pack<'a> {
    to: &'a mut [i8],
    /// Σ w′ of every channel.
    sums: &'a mut [i32],
    order: &'a [usize],
    runs: usize,
    shift: i32,
    /// The first element of the first channel, and from one channel to the next.
    base: usize,
    step: usize,
    used: usize,
}

impl Pack<'_> {
    fn from<W: Code>(&mut self, codes: &[W]) {
        let length = self.order.len() / self.runs;
        let quads = length.div_ceil(4);
        for (run, order) in self.order.chunks_exact(length).enumerate() {
            match self.step {
                1 => self.lines(codes, order, run * quads),
                _ => self.filters(codes, order, run * quads),
            }
        }
    }

    /// Channels lie side by side: a quad is four lines of them. The run begins with quad `first`.
    fn lines<W: Code>(&mut self, codes: &[W], order: &[usize], first: usize) {
        let columns = self.sums.len();
        for (quad, four) in order.chunks(4).enumerate() {
            let to = &mut self.to[(first + quad) * columns * 4..][..columns * 4];
            for (place, k) in four.iter().enumerate() {
                let line = &codes[self.base + k..][..self.used];
                for ((to, sum), code) in to.as_chunks_mut::<4>().0.iter_mut().zip(&mut *self.sums).zip(line) {
                    // Inside −128..128.
                    let code = code.code() - self.shift;
                    to[place] = code as i8;
                    *sum = sum.wrapping_add(code);
                }
            }
        }
    }

    /// The products of a channel lie together.
    fn filters<W: Code>(&mut self, codes: &[W], order: &[usize], first: usize) {
        let columns = self.sums.len();
        let to = &mut self.to[first * columns * 4..][..order.len().div_ceil(4) * columns * 4];
        // A run of a pointwise filter is in order.
        let in_order = order.windows(2).all(|pair| pair[1] == pair[0] + 1).then_some(order[0]);
        for channel in 0..self.used {
            let filter = &codes[self.base + channel * self.step..];
            let places = to.as_chunks_mut::<4>().0.iter_mut().skip(channel).step_by(columns);
            let mut sum = 0i32;
            let mut put = |to: &mut i8, code: W| {
                // Inside −128..128.
                let code = code.code() - self.shift;
                *to = code as i8;
                sum = sum.wrapping_add(code);
            };
            match in_order {
                Some(start) => {
                    let quads = filter[start..][..order.len()].chunks(4);
                    places.zip(quads).for_each(|(to, four)| {
                        to.iter_mut().zip(four).for_each(|(to, code)| put(to, *code));
                    });
                }
                None => places.zip(order.chunks(4)).for_each(|(to, four)| {
                    to.iter_mut().zip(four).for_each(|(to, k)| put(to, filter[*k]));
                }),
            }
            self.sums[channel] = self.sums[channel].wrapping_add(sum);
        }
    }
}
