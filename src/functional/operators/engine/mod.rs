//! The framework's integer layers straight from their tensors of 8-bit codes: ONNX Runtime's accumulator is int32 that wraps,
//! so that products may be added in any order, and offsets be taken out of the sums afterwards.
//!
//! With activations a = a′ − A, a′ in 0..256, and weights w = w′ − W, w′ in −128..128:
//! Σ a·w = Σ a′·w′ − W·Σ a′ − A·Σ w′ + K·A·W modulo 2^32. The first sum is a kernel's, the second one a row's, the rest a
//! channel's. [`accumulate`](super::accumulate) stays the definition; `tests.rs` holds the two equal.

mod finish;
mod image;
mod panels;
mod planes;
mod product;
#[cfg(test)]
mod tests;

use ndarray::{ArrayD, IxDyn};

use super::size::room;
use crate::functional::kernels::codes::{Byte, Rescale};
use crate::functional::kernels::{Isa, Kernels};
use crate::network::{DType, Geometry, Tensor, per_channel};
pub(super) use finish::AsSums;
use finish::{AsCodes, Finish};
use image::Frame;
use panels::Panels;

/// Weights as they lie in a tensor: element k of channel n is `codes[k · step[0] + n · step[1]]`.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub codes: Elements<'a>,
    pub step: [usize; 2],
    /// Output channels of all groups.
    pub channels: usize,
    /// Products per output.
    pub k: usize,
}

/// Codes of 8 bits, as a model or a [`Layer`](crate::network::Layer) has them.
#[derive(Clone, Copy)]
pub(super) enum Elements<'a> {
    U8(&'a [u8]),
    I8(&'a [i8]),
    /// Widened; of the type.
    Wide(&'a [i32], DType),
}

impl<'a> Elements<'a> {
    /// None of other types, or where they do not lie in order.
    pub fn of(tensor: &'a Tensor) -> Option<Elements<'a>> {
        match tensor {
            Tensor::U8(codes) => codes.as_slice().map(Elements::U8),
            Tensor::I8(codes) => codes.as_slice().map(Elements::I8),
            _ => None,
        }
    }
}

/// The numbers of a layer beside its weights; lists have one entry, or one a channel.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub input_zero: i32,
    pub zero_points: &'a [i32],
    pub bias: Option<&'a [i32]>,
}

impl Numbers<'_> {
    fn weight_zero(&self, channel: usize) -> i32 {
        per_channel(self.zero_points, channel)
    }
}

/// What becomes of the accumulators.
pub(super) enum Output {
    /// They are the layer's output.
    Sums,
    /// Codes of 8 bits, by one factor a channel.
    Codes(DType, Vec<f32>, Rescale),
}

/// A layer, ready to meet inputs of one type.
pub(super) struct Job<'a> {
    terms: Terms<'a>,
    plan: Plan,
}

/// What is multiplied, and with what.
struct Terms<'a> {
    weights: Weights<'a>,
    numbers: Numbers<'a>,
    /// A: what stands for 0 among the kernels' unsigned activations, and for a tap outside the image.
    zero: u8,
    /// Exchanged in every activation: 128 makes a signed code unsigned.
    flip: u8,
    isa: Isa,
}

/// How it is computed.
enum Plan {
    Matrix(Panels),
    Convolution(Sliding),
    Planes(Frame, usize),
}

/// A convolution by panels, one for each group.
struct Sliding {
    frame: Frame,
    panels: Vec<Panels>,
    /// Where each run of products begins, from a position's first byte on, and how many products it has.
    starts: Vec<usize>,
    length: usize,
    /// Output rows whose input is laid out at a time.
    at_once: usize,
}

impl<'a> Job<'a> {
    /// For inputs of shape `input`, but for the number of rows or images, and codes of 8 bits, signed or not. None where
    /// plain loops are to do it, or to tell what is wrong.
    pub fn new(
        geometry: &Geometry,
        weights: Weights<'a>,
        numbers: Numbers<'a>,
        input: &[usize],
        is_signed: bool,
    ) -> Option<Job<'a>> {
        let offset = if is_signed { 128 } else { 0 };
        let zero = u8::try_from(numbers.input_zero + offset).ok()?;
        let isa = Isa::new(Kernels::best());
        let terms = Terms { weights, numbers, zero, flip: offset as u8, isa };
        if weights.k == 0 || weights.channels == 0 {
            return None;
        }
        let plan = match geometry {
            Geometry::Matrix if input.last() == Some(&weights.k) => Plan::Matrix(terms.matrix_panels()?),
            Geometry::Matrix => return None,
            Geometry::Convolution { groups, window } => {
                let &[_, channels, height, width] = input else { return None };
                let cin = weights.k / window.taps().max(1);
                let divides = *groups > 0 && weights.channels.is_multiple_of(*groups);
                if cin.checked_mul(*groups) != Some(channels) || !divides {
                    return None;
                }
                let frame = Frame::new(*window, [height, width], cin)?;
                match planes::are_better(weights.channels / groups, cin) {
                    true => Plan::Planes(frame, *groups),
                    false => Plan::Convolution(terms.sliding(frame, *groups)?),
                }
            }
        };
        Some(Job { terms, plan })
    }

    /// The outputs for `x`, whole rows or images.
    pub fn on<F: Finish>(&self, x: Elements, finish: &F) -> Option<Vec<F::Out>> {
        match x {
            Elements::U8(x) => self.of(x, finish),
            Elements::I8(x) => self.of(x, finish),
            Elements::Wide(..) => None,
        }
    }

    fn of<B: Byte, F: Finish>(&self, x: &[B], finish: &F) -> Option<Vec<F::Out>> {
        if x.is_empty() {
            return None;
        }
        match &self.plan {
            Plan::Matrix(panels) => Some(self.terms.matrix(x, panels, finish)),
            Plan::Convolution(sliding) => Some(self.terms.convolution(x, sliding, finish)),
            Plan::Planes(frame, groups) => Some(self.terms.planes(x, *groups, frame, finish)),
        }
    }
}

/// The output, of shape `shape`, for the input `x`, taken as of shape `input`; none where plain loops are to do it, or to
/// tell what is wrong.
pub(super) fn run(
    geometry: &Geometry,
    weights: Weights,
    numbers: Numbers,
    (x, input): (&Tensor, &[usize]),
    shape: &[usize],
    output: &Output,
) -> Option<Tensor> {
    let x = Elements::of(x)?;
    if room(shape).ok()? == 0 {
        return None;
    }
    let job = Job::new(geometry, weights, numbers, input, matches!(x, Elements::I8(_)))?;
    let dims = IxDyn(shape);
    match output {
        Output::Sums => ArrayD::from_shape_vec(dims, job.on(x, &AsSums)?).ok().map(Tensor::I32),
        Output::Codes(dtype, factors, how) => {
            let codes = job.on(x, &AsCodes { factors, how: *how, isa: job.terms.isa })?;
            match dtype {
                DType::U8 => ArrayD::from_shape_vec(dims, codes).ok().map(Tensor::U8),
                DType::I8 => {
                    let codes = codes.into_iter().map(u8::cast_signed).collect();
                    ArrayD::from_shape_vec(dims, codes).ok().map(Tensor::I8)
                }
                _ => None,
            }
        }
    }
}
