//! Accumulators of the integer layers by their framework's rule: exact products, summed in int32 that wraps, or in int64
//! where the codes have 16 bits.

use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::size::room;
use crate::error::{Error, Kind, Result};
use crate::network::{Geometry, Layer, Placed, Window};

/// What products are summed in.
pub(super) trait Sum: Copy + Send + Sync {
    fn new(value: i32) -> Self;
    /// self + a · b.
    fn plus(self, a: Self, b: Self) -> Self;
}

impl Sum for i32 {
    fn new(value: i32) -> i32 {
        value
    }

    /// Wraps, as ONNX Runtime's does.
    fn plus(self, a: i32, b: i32) -> i32 {
        self.wrapping_add(a.wrapping_mul(b))
    }
}

impl Sum for i64 {
    fn new(value: i32) -> i64 {
        i64::from(value)
    }

    /// Products of codes of 16 bits have 34, and no sum of the memory's size leaves 64.
    fn plus(self, a: i64, b: i64) -> i64 {
        self.wrapping_add(a.wrapping_mul(b))
    }
}

/// Σ (x − zx)(w − zw) + bias.
pub(super) fn accumulate<T: Sum>(layer: &Layer, x: &ArrayD<i32>) -> Result<ArrayD<T>> {
    match layer.geometry {
        Geometry::Matrix => Ok(accumulate_matrix(layer, x)),
        Geometry::Convolution { groups, window } => accumulate_convolution(layer, x, groups, window),
    }
}

fn accumulate_matrix<T: Sum>(layer: &Layer, x: &ArrayD<i32>) -> ArrayD<T> {
    let (k, n) = (layer.k(), layer.channels());
    let zero = layer.input_carrier.zero_point;
    let weights: Vec<T> = layer
        .weights
        .codes
        .iter()
        .enumerate()
        .map(|(i, w)| T::new(w - layer.weight_zero_point(i % n.max(1))))
        .collect();
    let start: Vec<T> = match &layer.bias {
        Some(bias) => bias.iter().map(|b| T::new(*b)).collect(),
        None => vec![T::new(0); n],
    };
    let activations: Vec<T> = x.iter().map(|v| T::new(v - zero)).collect();
    let rows: Vec<T> = activations
        .par_chunks(k.max(1))
        .flat_map_iter(|row| {
            let mut sums = start.clone();
            for (x, weights) in row.iter().zip(weights.chunks_exact(n.max(1))) {
                add_scaled(&mut sums, weights, *x);
            }
            sums
        })
        .collect();
    let mut shape = x.shape().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = n;
    }
    ArrayD::from_shape_vec(IxDyn(&shape), rows).expect("n sums per row of k")
}

/// `sums += scale · values`.
fn add_scaled<T: Sum>(sums: &mut [T], values: &[T], scale: T) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = sum.plus(*value, scale);
    }
}

fn accumulate_convolution<T: Sum>(
    layer: &Layer,
    x: &ArrayD<i32>,
    groups: usize,
    window: Window,
) -> Result<ArrayD<T>> {
    let (shape, kernel) = (x.shape().to_vec(), layer.weights.codes.shape().to_vec());
    let [images, channels, height, width] = shape[..] else {
        return Err(Error::new(Kind::Value, format!("a 2-D convolution over shape {shape:?}")));
    };
    let cin = kernel[1];
    if cin.checked_mul(groups) != Some(channels) {
        let message = format!("{channels} input channels for {groups} groups of {cin}");
        return Err(Error::new(Kind::Value, message));
    }
    let placed = window.place([height, width]).ok_or_else(|| {
        Error::new(
            Kind::Value,
            format!("a {:?} window does not fit an image of {height}×{width}", window.kernel),
        )
    })?;
    let out_shape = [images, kernel[0], placed.output[0], placed.output[1]];
    room(&out_shape)?;
    let (m, n) = (placed.output[0] * placed.output[1], kernel[0] / groups);
    let zero = layer.input_carrier.zero_point;
    let codes: Vec<T> = x.iter().map(|v| T::new(v - zero)).collect();
    let weights: Vec<T> = layer
        .weights
        .codes
        .iter()
        .enumerate()
        .map(|(i, w)| T::new(w - layer.weight_zero_point(i / layer.k().max(1))))
        .collect();
    let sums: Vec<T> = (0..images * groups)
        .into_par_iter()
        .flat_map_iter(|index| {
            let (group, plane) = (index % groups, height * width);
            let image = &codes[index * cin * plane..][..cin * plane];
            let mut sums = Vec::with_capacity(n * m);
            for channel in group * n..(group + 1) * n {
                let start = T::new(layer.bias.as_ref().map_or(0, |b| b[channel]));
                sums.extend(std::iter::repeat_n(start, m));
            }
            let mut row = vec![T::new(0); m];
            for tap in 0..cin * window.taps() {
                let (c, position) = (tap / window.taps(), tap % window.taps());
                let at = [position / window.kernel[1], position % window.kernel[1]];
                gather(&mut row, &image[c * plane..][..plane], [height, width], &window, &placed, at);
                for channel in 0..n {
                    let weight = weights[(group * n + channel) * cin * window.taps() + tap];
                    add_scaled(&mut sums[channel * m..][..m], &row, weight);
                }
            }
            sums
        })
        .collect();
    Ok(ArrayD::from_shape_vec(IxDyn(&out_shape), sums).expect("n · m sums per image and group"))
}

/// What one tap sees at every output position; 0, the effective value of the padding, outside the image.
fn gather<T: Sum>(
    row: &mut [T],
    plane: &[T],
    size: [usize; 2],
    window: &Window,
    placed: &Placed,
    at: [usize; 2],
) {
    let coordinate = |axis: usize, o: usize| {
        (o * window.stride[axis] + at[axis] * window.dilation[axis])
            .checked_sub(placed.pad[axis])
            .filter(|i| *i < size[axis])
    };
    for (oh, line) in row.chunks_exact_mut(placed.output[1]).enumerate() {
        let source = coordinate(0, oh).map(|ih| &plane[ih * size[1]..][..size[1]]);
        for (ow, value) in line.iter_mut().enumerate() {
            *value = source.and_then(|line| coordinate(1, ow).map(|iw| line[iw])).unwrap_or(T::new(0));
        }
    }
}
