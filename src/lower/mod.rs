//! A layer meets a design: which product is formed when, and with which numbers it is finished.

mod gather;
mod layer;
mod map;
mod outcome;
mod parameters;
mod product;
mod requantize;
mod schedule;
mod terms;
mod zero_point;

pub use map::Map;
pub use outcome::{Counts, Event, NodeEvents, Outcome, no_events};
pub use parameters::{Numbers, bind_numbers};
pub use product::{check_depth, check_extents};
pub use requantize::output_recoding;
pub use zero_point::{folded_zero_point, recoding};

use std::sync::Arc;

use crate::design::Design;

/// One invocation of a design: the operands as codes, where each (m, n, k) lies, and the parameters.
///
/// Both engines run this and nothing else. It holds no cycle numbers.
#[derive(Debug, Clone)]
pub struct Program {
    /// The hardware that all of the numbers below were checked against.
    pub design: Arc<Design>,
    /// How many outputs, and how many products each.
    pub shape: Shape,
    /// Activation codes in the tensor's own layout, inside `design.activation.format`.
    pub activations: Vec<i32>,
    /// Weight codes `[groups][k][n]`, k in *scheduled* order, inside `design.weight.format`.
    pub weights: Vec<i32>,
    /// How (image, group, m, k) becomes an index into `activations`.
    pub gather: Gather,
    /// One entry per design parameter, of length 1 (per layer) or `groups · n` (per channel).
    pub parameters: Arc<Vec<Vec<i64>>>,
}

/// Extents of the work. A plain matrix product has one image and one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Images of a batch; each has `m` output positions.
    pub images: usize,
    /// Groups of a convolution; each has its own `k` and `n`.
    pub groups: usize,
    /// Output positions per image: rows of A, or OH · OW.
    pub m: usize,
    /// Products per output.
    pub k: usize,
    /// Output channels per group.
    pub n: usize,
}

impl Shape {
    /// Output rows over all images.
    pub fn rows(&self) -> usize {
        self.images * self.m
    }

    /// Output columns over all groups.
    pub fn channels(&self) -> usize {
        self.groups * self.n
    }
}

/// Where the activation of (image, group, m, k) lies.
#[derive(Debug, Clone)]
pub enum Gather {
    /// Row-major `[m][k]`; element k of the schedule is column `k`.
    Matrix,
    /// An NCHW tensor walked by address, never copied.
    Convolution(Box<Convolution>),
}

/// Address schedule of a 2-D convolution over `[images, groups · cin, height, width]`.
#[derive(Debug, Clone)]
pub struct Convolution {
    /// Input channels per group.
    pub cin: usize,
    /// Of the input image.
    pub height: usize,
    /// Of the input image.
    pub width: usize,
    /// Taps, `[height, width]`.
    pub kernel: [usize; 2],
    /// Input positions from one output to the next, `[height, width]`.
    pub stride: [usize; 2],
    /// Input positions from one tap to the next, `[height, width]`.
    pub dilation: [usize; 2],
    /// Top and left padding.
    pub pad: [usize; 2],
    /// Output height and width.
    pub output: [usize; 2],
    /// The code fed for a tap outside the image: the activation's zero point.
    pub padding_code: i32,
    /// (kh, kw, cin) of each k, in scheduled order.
    pub taps: Vec<[usize; 3]>,
}

/// One tile of the output: rows `m0..m0+rows` of one image, channels `n0..n0+columns` of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tile {
    /// Its place in the schedule, from 0.
    pub index: usize,
    /// Image, the outermost loop.
    pub image: usize,
    /// Group, inside the image.
    pub group: usize,
    /// First output position.
    pub m0: usize,
    /// First output channel of the group.
    pub n0: usize,
    /// Which visit of the memory, from 0.
    pub visit: usize,
}
