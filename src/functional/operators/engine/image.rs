//! The image of a group as rows of bytes: channels innermost, so that the taps of a kernel's row are neighbours, with the
//! padding in place.

use std::ops::Range;

use crate::functional::kernels::codes::{Bytes, Lines, Look, turn};
use crate::functional::operators::size::room;
use crate::network::{Placed, Window};

/// Bytes beyond the last pixel that a kernel may read; they meet weights of 0.
const SLACK: usize = 4;

/// A place that no output looks at.
const NOWHERE: u32 = u32::MAX;

/// A window on the images of a group.
pub(super) struct Frame {
    pub window: Window,
    pub placed: Placed,
    /// Height and width.
    pub input: [usize; 2],
    pub channels: usize,
    /// Pixels of a line: as far as the windows of an output row reach.
    pub width: usize,
}

impl Frame {
    /// None where it does not fit.
    pub fn new(window: Window, input: [usize; 2], channels: usize) -> Option<Frame> {
        let placed = window.place(input)?;
        let mut frame = Frame { window, placed, input, channels, width: 0 };
        if placed.output.contains(&0) || channels == 0 || window.taps() == 0 {
            return None;
        }
        frame.width = frame.reach(1, placed.output[1]);
        Some(frame)
    }

    fn reach(&self, axis: usize, outputs: usize) -> usize {
        (outputs - 1) * self.window.stride[axis]
            + (self.window.kernel[axis] - 1) * self.window.dilation[axis]
            + 1
    }

    pub fn outputs(&self) -> usize {
        self.placed.output[0] * self.placed.output[1]
    }

    /// Bytes from one output position to the next.
    pub fn step(&self) -> usize {
        self.window.stride[1] * self.channels
    }

    /// Output rows whose lines are laid out at a time: about `bytes` of them, but no fewer than make `positions`. None where
    /// there is no room for them: strides and padding may be far larger than the image.
    pub fn rows_at_once(&self, bytes: usize, positions: usize) -> Option<usize> {
        let [rows, across] = self.placed.output;
        let line = self.width.saturating_mul(self.channels).saturating_mul(self.window.stride[0]);
        let at_once = (bytes / line).max(positions.div_ceil(across)).min(rows);
        room(&[self.reach(0, at_once), self.width, self.channels]).ok().map(|_| at_once)
    }

    /// Whether the positions of all rows follow on one another.
    pub fn is_one_line(&self) -> bool {
        self.window.kernel == [1, 1] && self.window.stride == [1, 1]
    }

    /// Taps whose activations are neighbours make a run: which products it has, one run after the other; and where each
    /// begins, from a position's first byte on.
    pub fn runs(&self) -> (Vec<usize>, Vec<usize>) {
        let ([down, across], [dy, dx]) = (self.window.kernel, self.window.dilation);
        let taps = down * across;
        let product = |tap: usize, channel: usize| channel * taps + tap;
        let order = (0..taps).flat_map(|tap| (0..self.channels).map(move |channel| product(tap, channel)));
        let at = |tap: usize| (tap / across * dy * self.width + tap % across * dx) * self.channels;
        let starts = match dx == 1 || across == 1 {
            true => (0..down).map(|row| at(row * across)).collect(),
            false => (0..taps).map(at).collect(),
        };
        (order.collect(), starts)
    }

    /// One byte of what the output rows `rows` look at, from `planes`, `[channels][height][width]`.
    pub fn fill<B: Bytes>(
        &self,
        to: &mut Vec<u8>,
        places: &mut Vec<u32>,
        planes: &[B],
        rows: Range<usize>,
        (padding, look): (u8, Look),
    ) {
        let [height, width] = self.input;
        to.clear();
        to.resize(self.reach(0, rows.len()) * self.width * self.channels + SLACK, padding);
        let [top, left] = self.placed.pad;
        // Lines are counted with the padding above.
        let first = rows.start * self.window.stride[0];
        let lines = first..first + self.reach(0, rows.len());
        let inside = lines.start.saturating_sub(top)..(lines.end.saturating_sub(top)).min(height);
        if inside.is_empty() {
            return;
        }
        let [down, across] = self.window.stride;
        let is_sparse = self.window.kernel == [1, 1] && (down, across) != (1, 1);
        places.clear();
        for y in inside.clone() {
            let line = y + top - first;
            let skipped = is_sparse && !line.is_multiple_of(down);
            places.extend((left..left + width).map(|x| {
                match x >= self.width || skipped || (is_sparse && !x.is_multiple_of(across)) {
                    true => NOWHERE,
                    // Room was asked for, which no tensor of 2^32 bytes has.
                    false => ((line * self.width + x) * self.channels) as u32,
                }
            }));
        }
        let lines = Lines { stride: height * width, extents: [self.channels, inside.len() * width] };
        let place = |pixel: usize| Some(places[pixel]).filter(|at| *at != NOWHERE).map(|at| at as usize);
        turn(to, place, &planes[inside.start * width..], lines, look);
    }
}
