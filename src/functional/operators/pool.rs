//! Maxima and means over windows and over whole images.

use ndarray::{ArrayD, IxDyn};

use super::{Call, rails};
use crate::error::{Error, Kind, Result};
use crate::network::{Placed, Sliding, Tensor, Window, element_count};
use crate::post::onnx;

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
        element_count(&output)?;
        Ok(Frame { window, placed, planes: shape[0] * shape[1], size, output })
    }

    /// Calls `reduce` with the taps inside the image, in row order, and how many lie inside image and padding.
    fn pool<T: Copy, U>(&self, x: &ArrayD<T>, reduce: impl Fn(&[T], usize) -> U) -> ArrayD<U> {
        let elements: Vec<T> = x.iter().copied().collect();
        let (plane, mut taps) = (self.size[0] * self.size[1], Vec::with_capacity(self.window.taps()));
        let mut out = Vec::with_capacity(self.output.iter().product());
        for index in 0..self.planes {
            let image = &elements[index * plane..][..plane];
            for oh in 0..self.placed.output[0] {
                for ow in 0..self.placed.output[1] {
                    taps.clear();
                    let mut padded = 0;
                    for tap in 0..self.window.taps() {
                        let kernel = [tap / self.window.kernel[1], tap % self.window.kernel[1]];
                        let at = [0, 1].map(|a| {
                            [oh, ow][a] * self.window.stride[a] + kernel[a] * self.window.dilation[a]
                        });
                        let inside =
                            |a: usize| at[a].checked_sub(self.placed.pad[a]).filter(|i| *i < self.size[a]);
                        if let (Some(h), Some(w)) = (inside(0), inside(1)) {
                            taps.push(image[h * self.size[1] + w]);
                        }
                        let reach = |a: usize| self.size[a] + self.placed.pad[a] + self.placed.pad_end[a];
                        padded += usize::from(at[0] < reach(0) && at[1] < reach(1));
                    }
                    out.push(reduce(&taps, padded));
                }
            }
        }
        ArrayD::from_shape_vec(IxDyn(&self.output), out).expect("one result per output position")
    }
}

pub(super) fn max(call: &Call, sliding: &Sliding) -> Result<Tensor> {
    if call.node.outputs.iter().skip(1).any(Option::is_some) {
        return Err(Error::new(Kind::Unsupported, "MaxPool's output Indices is not supported"));
    }
    let x = call.tensor(0)?;
    let frame = Frame::new(sliding, x.shape())?;
    match x {
        Tensor::F32(a) => {
            Ok(Tensor::F32(frame.pool(a, |taps, _| taps.iter().copied().fold(f32::NEG_INFINITY, f32::max))))
        }
        codes => {
            let lowest = codes.dtype().format().map_or(0, |f| i32::try_from(f.min()).unwrap_or(i32::MIN));
            let maxima = frame.pool(&codes.to_i32()?, |taps, _| taps.iter().copied().max().unwrap_or(lowest));
            Ok(Tensor::from_codes(maxima, codes.dtype()))
        }
    }
}

/// The float32 mean of a window: summed in row order, then divided.
fn mean(taps: &[f32], count: usize) -> f32 {
    taps.iter().fold(0.0f32, |sum, v| sum + v) / count as f32
}

fn averages(x: &ArrayD<f32>, sliding: &Sliding, count_padding: bool) -> Result<ArrayD<f32>> {
    let frame = Frame::new(sliding, x.shape())?;
    Ok(frame.pool(x, |taps, padded| mean(taps, if count_padding { padded } else { taps.len() })))
}

pub(super) fn average(call: &Call, sliding: &Sliding, count_padding: bool) -> Result<Tensor> {
    Ok(Tensor::F32(averages(call.f32(0)?, sliding, count_padding)?))
}

/// Inputs: x, its scale and zero point, the output's scale and zero point.
pub(super) fn quantized_average(call: &Call, sliding: &Sliding, count_padding: bool) -> Result<Tensor> {
    let carrier = call.carrier(0, 1, 2)?;
    let out = call.output_carrier(3, 4, carrier.dtype)?;
    let real = call.codes(0)?.mapv(|c| onnx::dequantize(c, carrier.zero_point, carrier.scale));
    let codes = rails(out.dtype, out.zero_point)?;
    let means = averages(&real, sliding, count_padding)?;
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
    let means = elements.chunks_exact(plane).map(|taps| mean(taps, plane)).collect();
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), means).expect("one mean per plane")))
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
