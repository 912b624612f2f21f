//! Convolutions of few channels (depthwise ones above all), plane by plane: no panel would be filled.

use super::finish::{Finish, Sums};
use super::image::Frame;
use super::{Elements, Job, Terms, View};
use crate::functional::kernels::codes::{Bytes, add_scaled};
use crate::functional::kernels::{Isa, parts_with, zeros};

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

impl Job<'_> {
    /// As [`Job::convolution`].
    pub(super) fn planes<B: Bytes, F: Finish>(
        &self,
        x: &[B],
        groups: usize,
        frame: &Frame,
        finish: &F,
    ) -> Vec<F::Out> {
        let n = self.extents()[1] / groups;
        let pixels = frame.input[0] * frame.input[1];
        let parts = x.len() / (frame.channels * pixels);
        let outputs = frame.outputs();
        let mut out = zeros(parts * n * outputs);
        parts_with(&mut out, n * outputs, 1, &|scratch: &mut Scratch, index, out| {
            let group = index % groups;
            let planes = &x[index * frame.channels * pixels..][..frame.channels * pixels];
            let Scratch { phases, sums } = scratch;
            sums.clear();
            for terms in &self.terms {
                let first = sums.len();
                for channel in group * n..(group + 1) * n {
                    let bias = terms.numbers.bias.map_or(0, |bias| bias[channel]);
                    sums.resize(sums.len() + outputs, bias);
                }
                for (cin, plane) in planes.chunks_exact(pixels).enumerate() {
                    split(phases, plane, frame, terms.view);
                    for (offset, sums) in sums[first..].chunks_exact_mut(outputs).enumerate() {
                        terms.add_plane(self.isa, sums, phases, frame, [group * n + offset, cin]);
                    }
                }
            }
            for (offset, out) in out.chunks_exact_mut(outputs).enumerate() {
                let sums = Sums { all: &sums[offset * outputs..], step: n * outputs, count: outputs };
                finish.plane(group * n + offset, sums, out);
            }
        });
        out
    }
}

/// A byte of one plane as numbers.
fn split<B: Bytes>(phases: &mut Vec<i32>, plane: &[B], frame: &Frame, View { zero, look }: View) {
    let (width, step) = (frame.input[1], frame.window.stride[1]);
    let [count, columns] = phase_extents(frame);
    phases.clear();
    phases.resize(frame.input[0] * count * columns, 0);
    for (line, to) in plane.chunks_exact(width).zip(phases.chunks_exact_mut(count * columns)) {
        for (phase, to) in to.chunks_exact_mut(columns).enumerate() {
            let from = line.get(phase..).unwrap_or_default().iter().step_by(step);
            to.iter_mut().zip(from).for_each(|(to, code)| *to = i32::from(look.at(*code)) - i32::from(zero));
        }
    }
}

impl Terms<'_> {
    /// The products of one input plane for one output channel.
    fn add_plane(
        &self,
        isa: Isa,
        sums: &mut [i32],
        phases: &[i32],
        frame: &Frame,
        [channel, cin]: [usize; 2],
    ) {
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
                add_scaled(isa, &mut sums[first..end], line, weight);
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
