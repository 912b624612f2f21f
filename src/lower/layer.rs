//! A network's layer on a design: weights in scheduled order, zero points, and the numbers of its post steps.

use std::sync::Arc;

use ndarray::ArrayD;

use super::parameters::bind_numbers;
use super::product::check_extents;
use super::requantize::post_numbers;
use super::zero_point::Codes;
use super::{Convolution, Gather, Program, Shape};
use crate::design::{Design, KernelAxis};
use crate::error::{Error, Kind, Place, Result};
use crate::limits::element_count;
use crate::network::{Geometry, Layer, Placed, Window};

impl Program {
    /// A convolution or matrix product of a network through `design`, for input codes of the layer's shape.
    ///
    /// Zero points are subtracted in front of the multiplier where the design has an offset there, and folded into
    /// the bias where it has not. A layer without an output scale runs with idle post parameters: only the
    /// accumulators of its outcome mean something (`vectors::case::requantized` makes others up).
    ///
    /// # Errors
    /// A shape that does not fit the layer, codes outside their operand's format, a weight zero point without an
    /// offset in the design, a parameter outside its limits; all at the layer's name.
    pub fn layer(design: Arc<Design>, layer: &Layer, input: &ArrayD<i32>) -> Result<Program> {
        lower(design, layer, input).map_err(|error| within(&layer.name, error))
    }
}

fn within(layer: &str, mut error: Error) -> Error {
    error.place = match error.place {
        Place::Signal(name) => Place::Signal(format!("{layer}: {name}")),
        Place::Nowhere => Place::Signal(layer.to_string()),
        placed => placed,
    };
    error
}

fn lower(design: Arc<Design>, layer: &Layer, input: &ArrayD<i32>) -> Result<Program> {
    if design.is_post_only() {
        let message = "the design is a requantizer alone, which multiplies nothing: no layer runs on it";
        return Err(Error::new(Kind::Unsupported, message)
            .help("it takes made-up values (vectors --case), or yours as parameter value (--params)"));
    }
    let codes = Codes::new(&design, layer, input)?;
    let (shape, gather) = match &layer.geometry {
        Geometry::Matrix => matrix(layer, input)?,
        Geometry::Convolution { groups, window } => {
            convolution(&design, layer, input, *groups, window, codes.activation_zero_point)?
        }
    };
    check_extents(shape)?;
    let weights = match &gather {
        Gather::Matrix => codes.weights.iter().copied().collect(),
        Gather::Convolution(conv) => scheduled_weights(&codes.weights, conv, shape),
    };
    let mut numbers = codes.offsets(&design, layer)?;
    if let Some(bias) = codes.bias(&design, layer, &weights, shape)? {
        numbers.insert("bias".to_string(), bias);
    }
    numbers.extend(post_numbers(&design, layer)?);
    let parameters = bind_numbers(&design, &numbers, shape.channels())?;
    let program = Program { design, shape, activations: codes.activations, weights, gather, parameters };
    program.check_work()?;
    Ok(program)
}

fn matrix(layer: &Layer, input: &ArrayD<i32>) -> Result<(Shape, Gather)> {
    let (k, n) = (layer.k(), layer.channels());
    match input.shape().split_last() {
        Some((last, rows)) if *last == k => {
            let m = rows.iter().product();
            Ok((Shape { images: 1, groups: 1, m, k, n }, Gather::Matrix))
        }
        _ => Err(misfit(input, &format!("[…, {k}]"))),
    }
}

fn misfit(input: &ArrayD<i32>, wanted: &str) -> Error {
    Error::new(Kind::Value, format!("an input of shape {wanted} is needed, not {:?}", input.shape()))
}

fn convolution(
    design: &Design,
    layer: &Layer,
    input: &ArrayD<i32>,
    groups: usize,
    window: &Window,
    padding_code: i32,
) -> Result<(Shape, Gather)> {
    let &[channels, cin, kh, kw] = layer.weights.codes.shape() else {
        let shape = layer.weights.codes.shape();
        return Err(Error::new(Kind::Value, format!("weights of shape {shape:?} are no 2-D convolution")));
    };
    let &[images, depth, height, width] = input.shape() else {
        return Err(misfit(input, "[images, channels, height, width]"));
    };
    let meets = cin.checked_mul(groups) == Some(depth);
    if groups == 0 || !channels.is_multiple_of(groups) || !meets || window.kernel != [kh, kw] {
        let message = format!("weights {channels}×{cin}×{kh}×{kw} in {groups} groups do not fit the input");
        return Err(Error::new(Kind::Value, format!("{message} {:?}", input.shape())));
    }
    let Some(Placed { pad, output, .. }) = window.place([height, width]) else {
        return Err(Error::new(Kind::Value, format!("the kernel does not fit the image {height}×{width}")));
    };
    element_count(&[images, channels, output[0], output[1]])?;
    let shape = Shape { images, groups, m: output[0] * output[1], k: cin * kh * kw, n: channels / groups };
    let conv = Convolution {
        cin,
        height,
        width,
        kernel: window.kernel,
        stride: window.stride,
        dilation: window.dilation,
        pad,
        output,
        padding_code,
        taps: taps(design.order.kernel, [kh, kw, cin]),
    };
    Ok((shape, Gather::Convolution(Box::new(conv))))
}

/// (kh, kw, cin) of each k: the axes of `order`, outermost first.
fn taps(order: [KernelAxis; 3], extents: [usize; 3]) -> Vec<[usize; 3]> {
    let axes = order.map(|axis| match axis {
        KernelAxis::Kh => 0,
        KernelAxis::Kw => 1,
        KernelAxis::Cin => 2,
    });
    let [outer, middle, inner] = axes.map(|axis| extents[axis]);
    let mut taps = Vec::with_capacity(outer * middle * inner);
    for index in 0..outer * middle * inner {
        let mut tap = [0; 3];
        tap[axes[0]] = index / (middle * inner);
        tap[axes[1]] = index / inner % middle;
        tap[axes[2]] = index % inner;
        taps.push(tap);
    }
    taps
}

/// Channels that are read side by side: their weights lie far apart.
const SIDE_BY_SIDE: usize = 16;

/// `[groups · n, cin, kh, kw]` → `[groups][k][n]`, k in scheduled order.
fn scheduled_weights(weights: &ArrayD<i32>, conv: &Convolution, shape: Shape) -> Vec<i32> {
    let weights = weights.as_standard_layout();
    let weights = weights.as_slice().expect("a standard layout is one slice");
    let [height, width] = conv.kernel;
    let offsets: Vec<usize> =
        conv.taps.iter().map(|[kh, kw, cin]| (cin * height + kh) * width + kw).collect();
    let mut scheduled = vec![0; weights.len()];
    let per_group = shape.k * shape.n;
    for (to, from) in scheduled.chunks_mut(per_group.max(1)).zip(weights.chunks(per_group.max(1))) {
        for first in (0..shape.n).step_by(SIDE_BY_SIDE) {
            let last = (first + SIDE_BY_SIDE).min(shape.n);
            for (row, offset) in to.chunks_exact_mut(shape.n).zip(&offsets) {
                for (n, code) in (first..last).zip(&mut row[first..last]) {
                    *code = from[n * shape.k + offset];
                }
            }
        }
    }
    scheduled
}
