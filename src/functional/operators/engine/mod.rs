//! The framework's integer layers straight from their tensors of 8-bit codes: ONNX Runtime's accumulator is int32 that wraps,
//! so that products may be added in any order, and offsets be taken out of the sums afterwards.
//!
//! With activations a = a′ − A, a′ in 0..256, and weights w = w′ − W, w′ in −128..128:
//! Σ a·w = Σ a′·w′ − W·Σ a′ − A·Σ w′ + K·A·W modulo 2^32. The first sum is a kernel's, the second one a row's, the rest a
//! channel's. [`accumulate`](super::accumulate) stays the definition; `tests.rs` holds the two equal.
//!
//! A wider code is the sum of its bytes, each at its place, so that a sum of them is one of several such [`Pass`]es.

mod finish;
mod image;
mod panels;
mod planes;
mod product;
#[cfg(test)]
mod tests;

use ndarray::{ArrayD, IxDyn};

use super::isa;
use super::pointwise::in_order;
use super::size::room;
use crate::functional::kernels::Isa;
use crate::functional::kernels::codes::{Bytes, Look, Rescale};
use crate::network::{DType, Geometry, Tensor, per_channel};
pub(super) use finish::AsWide;
use finish::{AsCodes, AsSums, Finish};
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

/// One byte of every activation, with one of every weight.
pub(super) struct Pass<'a> {
    /// The bit that the activations' byte begins at.
    pub from: u32,
    /// That byte has a sign.
    pub is_signed: bool,
    /// As many and as they lie in every pass.
    pub weights: Weights<'a>,
    pub numbers: Numbers<'a>,
}

/// A layer, ready to meet inputs of one type.
pub(super) struct Job<'a> {
    /// One for each pass.
    terms: Vec<Terms<'a>>,
    /// The bytes of the activations that the passes look at, each once.
    views: Vec<View>,
    plan: Plan,
    isa: Isa,
}

/// What is multiplied, and with what.
struct Terms<'a> {
    weights: Weights<'a>,
    numbers: Numbers<'a>,
    /// Which of the views it meets, and that.
    index: usize,
    view: View,
}

/// A byte of every activation.
#[derive(Clone, Copy, PartialEq)]
struct View {
    /// A: what stands for 0 among the kernels' unsigned activations, and for a tap outside the image.
    zero: u8,
    /// 128 exchanged makes a signed code unsigned.
    look: Look,
}

/// How it is computed: with the panels of every pass.
enum Plan {
    Matrix(Vec<Panels>),
    Convolution(Sliding),
    Planes(Frame, usize),
}

/// A convolution by panels.
struct Sliding {
    frame: Frame,
    /// One list a group: for each pass.
    panels: Vec<Vec<Panels>>,
    /// Where each run of products begins, from a position's first byte on, and how many products it has.
    starts: Vec<usize>,
    length: usize,
    /// Output rows whose input is laid out at a time.
    at_once: usize,
}

impl<'a> Job<'a> {
    /// For inputs of shape `input`, but for the number of rows or images. None where plain loops are to do it, or to tell
    /// what is wrong.
    pub fn new(geometry: &Geometry, passes: Vec<Pass<'a>>, input: &[usize], isa: Isa) -> Option<Job<'a>> {
        let (mut views, mut terms) = (Vec::new(), Vec::new());
        for Pass { from, is_signed, weights, numbers } in passes {
            let offset = if is_signed { 128 } else { 0 };
            let zero = u8::try_from(numbers.input_zero + offset).ok()?;
            let view = View { zero, look: Look { from, flip: offset as u8 } };
            let index = views.iter().position(|known| *known == view).unwrap_or_else(|| {
                views.push(view);
                views.len() - 1
            });
            terms.push(Terms { weights, numbers, index, view });
        }
        let weights = terms.first()?.weights;
        if weights.k == 0 || weights.channels == 0 {
            return None;
        }
        let plan = match geometry {
            Geometry::Matrix if input.last() == Some(&weights.k) => {
                Plan::Matrix(terms.iter().map(Terms::matrix_panels).collect::<Option<_>>()?)
            }
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
                    false => Plan::Convolution(Sliding::new(&terms, frame, *groups)?),
                }
            }
        };
        Some(Job { terms, views, plan, isa })
    }

    /// The outputs for `x`, whole rows or images.
    pub fn on<F: Finish>(&self, x: &Tensor, finish: &F) -> Option<Vec<F::Out>> {
        match x {
            Tensor::U8(x) => self.of(&in_order(x), finish),
            Tensor::I8(x) => self.of(&in_order(x), finish),
            Tensor::U16(x) => self.of(&in_order(x), finish),
            Tensor::I16(x) => self.of(&in_order(x), finish),
            _ => None,
        }
    }

    fn of<B: Bytes, F: Finish>(&self, x: &[B], finish: &F) -> Option<Vec<F::Out>> {
        if x.is_empty() {
            return None;
        }
        match &self.plan {
            Plan::Matrix(panels) => Some(self.matrix(x, panels, finish)),
            Plan::Convolution(sliding) => Some(self.convolution(x, sliding, finish)),
            Plan::Planes(frame, groups) => Some(self.planes(x, *groups, frame, finish)),
        }
    }

    /// Products of an output, and output channels.
    fn extents(&self) -> [usize; 2] {
        [self.terms[0].weights.k, self.terms[0].weights.channels]
    }
}

/// The output, of shape `shape`, for the input `x` of 8-bit codes, taken as of shape `input`; none where plain loops are to
/// do it, or to tell what is wrong.
pub(super) fn run(
    geometry: &Geometry,
    weights: Weights,
    numbers: Numbers,
    (x, input): (&Tensor, &[usize]),
    shape: &[usize],
    output: &Output,
) -> Option<Tensor> {
    let is_signed = match x {
        Tensor::U8(_) => false,
        Tensor::I8(_) => true,
        _ => return None,
    };
    if room(shape).ok()? == 0 {
        return None;
    }
    let pass = Pass { from: 0, is_signed, weights, numbers };
    let job = Job::new(geometry, vec![pass], input, isa())?;
    let dims = IxDyn(shape);
    match output {
        Output::Sums => ArrayD::from_shape_vec(dims, job.on(x, &AsSums)?).ok().map(Tensor::I32),
        Output::Codes(dtype, factors, how) => {
            let codes = job.on(x, &AsCodes { factors, how: *how, isa: job.isa })?;
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
