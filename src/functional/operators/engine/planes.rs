//! Convolutions of few channels (depthwise ones above all), plane by plane: no panel would be filled.

use rayon::prelude::*;

use super::finish::Finish;
use super::image::Frame;
use super::{Elements, Terms};
use crate::functional::kernels::codes::{Byte, add_scaled};
use crate::functional::kernels::zeros;

/// Whether groups of `cin` channels to `channels` ones are for planes.
pub(super) fn are_better(channels: usize, cin: usize) -> bool {
    channels < 8 && cin < 4
}

/// How many phases an image has, no more than columns, and the columns of each.
fn phase_extents(frame: &Frame) -> [usize; 2] {
    let (width, step) = (frame.input[1], frame.window.stride[1]);
    [step.min(width), width.div_ceil(step)]
}

/// What a thread keeps.
#[derive(Default)]
struct Scratch {
    /// a of every pixel: `[height][column modulo the stride][columns]`, so that a tap's activations are neighbours.
    phases: Vec<i32>,
    sums: Vec<i32>,
}

impl Terms<'_> {
    /// As [`Terms::convolution`].
    pub(super) fn planes<B: Byte, F: Finish>(
        &self,
        x: &[B],
        groups: usize,
        frame: &Frame,
        finish: &F,
    ) -> Vec<F::Out> {
        let n = self.weights.channels / groups;
        let pixels = frame.input[0] * frame.input[1];
        let parts = x.len() / (frame.channels * pixels);
        let mut out = zeros(parts * n * frame.outputs());
        let parts = out.par_chunks_mut(n * frame.outputs()).enumerate();
        parts.for_each_init(Scratch::default, |scratch, (index, out)| {
            let group = index % groups;
            let planes = &x[index * frame.channels * pixels..][..frame.channels * pixels];
            let Scratch { phases, sums } = scratch;
            sums.clear();
            for channel in group * n..(group + 1) * n {
                let bias = self.numbers.bias.map_or(0, |bias| bias[channel]);
                sums.resize(sums.len() + frame.outputs(), bias);
            }
            for (cin, plane) in planes.chunks_exact(pixels).enumerate() {
                self.split(phases, plane, frame);
                for (offset, sums) in sums.chunks_exact_mut(frame.outputs()).enumerate() {
                    self.add_plane(sums, phases, frame, [group * n + offset, cin]);
                }
            }
            let lines = out.chunks_exact_mut(frame.outputs()).zip(sums.chunks_exact(frame.outputs()));
            lines.enumerate().for_each(|(offset, (out, sums))| finish.plane(group * n + offset, sums, out));
        });
        out
    }

    /// One plane as numbers.
    fn split<B: Byte>(&self, phases: &mut Vec<i32>, plane: &[B], frame: &Frame) {
        let (width, step) = (frame.input[1], frame.window.stride[1]);
        let [count, columns] = phase_extents(frame);
        phases.clear();
        phases.resize(frame.input[0] * count * columns, 0);
        let number = |code: &B| i32::from(code.bits() ^ self.flip) - i32::from(self.zero);
        for (line, to) in plane.chunks_exact(width).zip(phases.chunks_exact_mut(count * columns)) {
            for (phase, to) in to.chunks_exact_mut(columns).enumerate() {
                let from = line.get(phase..).unwrap_or_default().iter().step_by(step);
                to.iter_mut().zip(from).for_each(|(to, code)| *to = number(code));
            }
        }
    }

    /// The products of one input plane for one output channel.
    fn add_plane(&self, sums: &mut [i32], phases: &[i32], frame: &Frame, [channel, cin]: [usize; 2]) {
        let (window, [height, width]) = (frame.window, frame.input);
        let ([top, left], across) = (frame.placed.pad, frame.placed.output[1]);
        let [count, columns] = phase_extents(frame);
        for tap in 0..window.taps() {
            let (down, right) = (tap / window.kernel[1], tap % window.kernel[1]);
            let weight = self.weight(cin * window.taps() + tap, channel);
            // Output column x meets input column x · stride + right − left, inside the image for x in `inside`.
            let shift = right * window.dilation[1];
            let first = left.saturating_sub(shift).div_ceil(window.stride[1]);
            let end = (width + left).saturating_sub(shift).div_ceil(window.stride[1]).min(across);
            if first >= end {
                continue;
            }
            let column = first * window.stride[1] + shift - left;
            let (phase, from) = (column % window.stride[1], column / window.stride[1]);
            for (row, sums) in sums.chunks_exact_mut(across).enumerate() {
                let y = (row * window.stride[0] + down * window.dilation[0]).checked_sub(top);
                let Some(y) = y.filter(|y| *y < height) else { continue };
                let line = &phases[(y * count + phase) * columns + from..];
                add_scaled(self.isa, &mut sums[first..end], line, weight);
            }
        }
    }

    /// w of one product.
    fn weight(&self, k: usize, channel: usize) -> i32 {
        let at = k * self.weights.step[0] + channel * self.weights.step[1];
        let code = match self.weights.codes {
            Elements::U8(codes) => i32::from(codes[at]),
            Elements::I8(codes) => i32::from(codes[at]),
            Elements::Wide(codes, _) => codes[at],
        };
        code - self.numbers.weight_zero(channel)
    }
}
