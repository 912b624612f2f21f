//! Maxima and means over windows and over whole images.

use std::borrow::Cow;

use ndarray::{ArrayD, IxDyn};

use super::size::room;
use super::{Call, rails};
use crate::error::{Error, Kind, Result};
use crate::functional::kernels::parts_with;
use crate::network::{Placed, Sliding, Tensor, Window};
use crate::post::onnx::{self, Summation};

/// A window placed on `[images, channels, height, width]`, or on `[images, channels, width]` as a row of height 1.
struct Frame {
    window: Window,
    placed: Placed,
    planes: usize,
    size: [usize; 2],
    output: Vec<usize>,
}

impl Frame {
    fn new(sliding: &Sliding, shape: &[usize]) -> Result<Frame> {
        let wrong = |what: String| Err(Error::new(Kind::Value, what));
        if shape.len() < 3 {
            return wrong(format!("pooling over shape {shape:?}"));
        }
        let window = sliding.window(shape.len() - 2, None)?;
        let size = [if shape.len() == 4 { shape[2] } else { 1 }, shape[shape.len() - 1]];
        let Some(placed) = window.place(size) else {
            return wrong(format!(
                "a {:?} window does not fit an image of {}×{}",
                window.kernel, size[0], size[1]
            ));
        };
        if placed
            .pad
            .iter()
            .chain(&placed.pad_end)
            .zip(window.kernel.iter().chain(&window.kernel))
            .any(|(p, k)| p >= k)
            && window.dilation == [1, 1]
        {
            return wrong(format!(
                "padding {:?} and {:?} reaches past the kernel {:?}",
                placed.pad, placed.pad_end, window.kernel
            ));
        }
        let mut output = shape[..2].to_vec();
        output.extend(&placed.output[4 - shape.len()..]);
        room(&output)?;
        // Every tap of every output position is looked at once per axis.
        room(&window.kernel)?;
        (0..2).try_for_each(|axis| room(&[placed.output[axis], window.kernel[axis]]).map(drop))?;
        Ok(Frame { window, placed, planes: shape[0] * shape[1], size, output })
    }

    /// Reduces every window to one element; windows in row order, `reduce` sees the taps inside the image. Planes run in
    /// parallel.
    fn pool<T: Copy + Sync, U: Copy + Default + Send>(
        &self,
        x: &ArrayD<T>,
        reduce: impl Fn(Taps<T>) -> U + Sync,
    ) -> ArrayD<U> {
        let elements = x.as_slice().map_or_else(|| x.iter().copied().collect(), Cow::Borrowed);
        let plane = self.size[0] * self.size[1];
        let lines: Vec<Reach> = (0..self.placed.output[0]).map(|o| self.reach(0, o)).collect();
        let columns: Vec<Reach> = (0..self.placed.output[1]).map(|o| self.reach(1, o)).collect();
        let mut out = vec![U::default(); self.output.iter().product()];
        let windows = lines.len() * columns.len();
        let out_of_planes = &mut out[..self.planes * windows];
        parts_with(out_of_planes, windows, 1, &|taps: &mut Vec<T>, index, out| {
            let image = &elements[index * plane..][..plane];
            for (line, out) in lines.iter().zip(out.chunks_exact_mut(columns.len())) {
                for (column, out) in columns.iter().zip(out) {
                    taps.clear();
                    for h in &line.inside {
                        let row = &image[h * self.size[1]..][..self.size[1]];
                        taps.extend(column.inside.iter().map(|w| row[*w]));
                    }
                    let padded = line.padded * column.padded;
                    *out = reduce(Taps { inside: taps, columns: column.inside.len(), padded });
                }
            }
        });
        ArrayD::from_shape_vec(IxDyn(&self.output), out).expect("one result per output position")
    }

    /// What the window covers on one axis at output position `o`.
    fn reach(&self, axis: usize, o: usize) -> Reach {
        let [size, pad, end] = [self.size[axis], self.placed.pad[axis], self.placed.pad_end[axis]];
        let start = o * self.window.stride[axis];
        let at = (0..self.window.kernel[axis]).map(|k| start + k * self.window.dilation[axis]);
        Reach {
            inside: at.clone().filter_map(|i| i.checked_sub(pad)).filter(|i| *i < size).collect(),
            padded: at.filter(|i| *i < size + pad + end).count(),
        }
    }
}

/// One axis of a window: coordinates inside the image, and how many taps lie inside image and padding.
struct Reach {
    inside: Vec<usize>,
    padded: usize,
}

/// A window's taps.
struct Taps<'a, T> {
    /// Those inside the image, row by row, each of `columns`.
    inside: &'a [T],
    columns: usize,
    /// How many lie inside image and padding.
    padded: usize,
}

pub(super) fn max(call: &Call, sliding: &Sliding) -> Result<Tensor> {
    if call.node.outputs.iter().skip(1).any(Option::is_some) {
        return Err(Error::new(Kind::Unsupported, "MaxPool's output Indices is not supported"));
    }
    let x = call.tensor(0)?;
    let frame = Frame::new(sliding, x.shape())?;
    match x {
        Tensor::F32(a) => Ok(Tensor::F32(
            frame.pool(a, |taps| taps.inside.iter().copied().fold(f32::NEG_INFINITY, f32::max)),
        )),
        codes => {
            let lowest = codes.dtype().format().map_or(0, |f| i32::try_from(f.min()).unwrap_or(i32::MIN));
            let maxima =
                frame.pool(&codes.to_i32()?, |taps| taps.inside.iter().copied().max().unwrap_or(lowest));
            Ok(Tensor::from_codes(maxima, codes.dtype()))
        }
    }
}

/// Which taps a mean counts.
#[derive(Clone, Copy)]
enum Counted {
    Inside,
    /// Those outside image and padding, which only a partial window of `ceil_mode` has, are left out.
    WithPadding,
    /// Even those.
    Kernel,
}

impl Counted {
    fn of(count_padding: bool) -> Counted {
        if count_padding { Counted::WithPadding } else { Counted::Inside }
    }
}

/// Means over windows.
fn averages(x: &ArrayD<f32>, frame: &Frame, counted: Counted, order: Summation) -> ArrayD<f32> {
    frame.pool(x, |taps| {
        let count = match counted {
            Counted::Inside => taps.inside.len(),
            Counted::WithPadding => taps.padded,
            Counted::Kernel => frame.window.taps(),
        };
        onnx::mean(taps.inside, taps.columns, count, order)
    })
}

impl Frame {
    /// Which of MlasPool's kernels takes the window.
    fn summation(&self, rank: usize) -> Summation {
        const WIDEST: usize = 2048 - 3;
        let Window { kernel, stride, .. } = self.window;
        let whole = kernel == self.size && stride == [1, 1] && self.placed.output == [1, 1];
        let width = self.size[1] + self.placed.pad[1] + self.placed.pad_end[1];
        match whole {
            true => Summation::Lanes,
            false if rank == 4 && stride[1] <= 2 && kernel.iter().all(|k| *k <= 32) && width <= WIDEST => {
                Summation::Columns
            }
            false => Summation::Rows,
        }
    }
}

/// `columns_first`: in the order of ONNX Runtime's kernels for opsets before 19.
pub(super) fn average(
    call: &Call,
    sliding: &Sliding,
    count_padding: bool,
    columns_first: bool,
) -> Result<Tensor> {
    let x = call.f32(0)?;
    let frame = Frame::new(sliding, x.shape())?;
    // MlasPool cannot leave taps out, so ONNX Runtime uses its plain loop there.
    let mlas = columns_first && !(sliding.ceil && count_padding);
    let order = if mlas { frame.summation(x.ndim()) } else { Summation::Rows };
    Ok(Tensor::F32(averages(x, &frame, Counted::of(count_padding), order)))
}

/// Inputs: x, its scale and zero point, the output's scale and zero point.
pub(super) fn quantized_average(call: &Call, sliding: &Sliding, count_padding: bool) -> Result<Tensor> {
    // ONNX Runtime computes a window that is the whole image as QLinearGlobalAveragePool.
    let frame = Frame::new(sliding, call.tensor(0)?.shape())?;
    if frame.window.kernel == frame.size && frame.placed.pad == [0, 0] && frame.placed.pad_end == [0, 0] {
        return quantized_global_average(call);
    }
    let carrier = call.carrier(0, 1, 2)?;
    let out = call.output_carrier(3, 4, carrier.dtype)?;
    let real = call.codes(0)?.mapv(|c| onnx::dequantize(c, carrier.zero_point, carrier.scale));
    let codes = rails(out.dtype, out.zero_point)?;
    let counted = if count_padding { Counted::Kernel } else { Counted::Inside };
    let means = averages(&real, &frame, counted, Summation::Rows);
    Ok(Tensor::from_codes(means.mapv(|v| onnx::quantize_average(v, out.scale, codes)), out.dtype))
}

/// Elements per plane, and the output shape with every spatial axis of extent 1.
fn planes(shape: &[usize]) -> Result<(usize, Vec<usize>)> {
    if shape.len() < 3 || shape.contains(&0) {
        return Err(Error::new(Kind::Value, format!("global pooling over shape {shape:?}")));
    }
    let mut output = vec![1; shape.len()];
    output[..2].copy_from_slice(&shape[..2]);
    Ok((shape[2..].iter().product(), output))
}

pub(super) fn global_average(x: &ArrayD<f32>) -> Result<Tensor> {
    let (plane, shape) = planes(x.shape())?;
    let elements: Vec<f32> = x.iter().copied().collect();
    let means =
        elements.chunks_exact(plane).map(|taps| onnx::mean(taps, plane, plane, Summation::Lanes)).collect();
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), means).expect("one mean per plane")))
}

/// |x|^p, added up, ^(1/p).
fn norm(taps: &[f32], p: i64) -> f32 {
    let power = |base: f32, p: f64| f64::from(base).powf(p);
    let sum = taps.iter().fold(0.0f32, |sum, v| (f64::from(sum) + power(v.abs(), p as f64)) as f32);
    power(sum, f64::from(1.0 / p as f32)) as f32
}

pub(super) fn lp(call: &Call, sliding: &Sliding, p: i64) -> Result<Tensor> {
    let x = call.f32(0)?;
    let frame = Frame::new(sliding, x.shape())?;
    Ok(Tensor::F32(frame.pool(x, |taps| norm(taps.inside, p))))
}

pub(super) fn global_lp(x: &ArrayD<f32>, p: i64) -> Result<Tensor> {
    let (plane, shape) = planes(x.shape())?;
    let elements: Vec<f32> = x.iter().copied().collect();
    let norms = elements.chunks_exact(plane).map(|taps| norm(taps, p)).collect();
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), norms).expect("one norm per plane")))
}

pub(super) fn global_max(x: &ArrayD<f32>) -> Result<Tensor> {
    let (plane, shape) = planes(x.shape())?;
    let elements: Vec<f32> = x.iter().copied().collect();
    let largest = |taps: &[f32]| taps.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let maxima = elements.chunks_exact(plane).map(largest).collect();
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), maxima).expect("one maximum per plane")))
}

/// Inputs as [`quantized_average`].
pub(super) fn quantized_global_average(call: &Call) -> Result<Tensor> {
    let x = call.codes(0)?;
    let (plane, shape) = planes(x.shape())?;
    let carrier = call.carrier(0, 1, 2)?;
    let out = call.output_carrier(3, 4, carrier.dtype)?;
    let codes = rails(out.dtype, out.zero_point)?;
    let factor = onnx::global_average_factor(carrier.scale, out.scale, plane);
    let elements: Vec<i32> = x.iter().map(|c| c - carrier.zero_point).collect();
    let sums = elements.chunks_exact(plane).map(|taps| taps.iter().fold(0i32, |sum, v| sum.wrapping_add(*v)));
    let means = sums.map(|sum| onnx::requantize(sum, factor, codes)).collect();
    let means = ArrayD::from_shape_vec(IxDyn(&shape), means).expect("one mean per plane");
    Ok(Tensor::from_codes(means, out.dtype))
}
