//! Convolution in one and two dimensions: the windows of a group are the right operand, the filters the left one.

use std::ops::Range;

use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::product::{Columns, Job, Matrix};
use super::{isa, values};
use crate::error::{Error, Kind, Result};
use crate::functional::kernels::float::{Close, STRIP};
use crate::functional::kernels::zeros;
use crate::functional::operators::Call;
use crate::functional::operators::size::room;
use crate::network::{Conv, Placed, Tensor, Window};
use crate::post::sgemm::Convolution;

/// What the windows of one group and image hold: `[channels · taps][positions]`. A tap outside the image is 0.
struct Patches<'a> {
    image: &'a [f32],
    input: [usize; 2],
    window: Window,
    placed: Placed,
}

impl Columns for Patches<'_> {
    fn fill(&self, to: &mut [f32], stride: usize, k: Range<usize>, n: Range<usize>) {
        let ([height, width], columns) = (self.input, self.placed.output[1]);
        let (taps, [_, across]) = (self.window.taps(), self.window.kernel);
        for (line, k) in k.enumerate() {
            let mut to = &mut to[line * stride..][..n.len()];
            let plane = &self.image[k / taps * height * width..][..height * width];
            let (down, right) = (k % taps / across, k % taps % across);
            let (mut row, mut column) = (n.start / columns, n.start % columns);
            while !to.is_empty() {
                let (piece, rest) = to.split_at_mut((columns - column).min(to.len()));
                let y = row * self.window.stride[0] + down * self.window.dilation[0];
                match y.checked_sub(self.placed.pad[0]).filter(|y| *y < height) {
                    None => piece.fill(0.0),
                    Some(y) => {
                        let first = column * self.window.stride[1] + right * self.window.dilation[1];
                        copy(
                            piece,
                            &plane[y * width..][..width],
                            first,
                            self.placed.pad[1],
                            self.window.stride[1],
                        );
                    }
                }
                (to, row, column) = (rest, row + 1, 0);
            }
        }
    }
}

/// Element i is that of `line` at `first + i · step − pad`, 0 outside.
fn copy(to: &mut [f32], line: &[f32], first: usize, pad: usize, step: usize) {
    let before = pad.saturating_sub(first).div_ceil(step).min(to.len());
    let inside = (line.len() + pad).saturating_sub(first).div_ceil(step).clamp(before, to.len());
    to[..before].fill(0.0);
    to[inside..].fill(0.0);
    let to = &mut to[before..inside];
    if to.is_empty() {
        return;
    }
    let from = &line[first + before * step - pad..];
    match step {
        1 => to.copy_from_slice(&from[..to.len()]),
        2 => {
            let (pairs, last) = from.as_chunks::<2>();
            to.iter_mut().zip(pairs).for_each(|(to, pair)| *to = pair[0]);
            // The last one may have no neighbour.
            if let (Some(to), Some(from)) = (to.get_mut(pairs.len()), last.first()) {
                *to = *from;
            }
        }
        _ => to.iter_mut().zip(from.chunks(step)).for_each(|(to, from)| *to = from[0]),
    }
}

/// Extents of a convolution, checked.
struct Frame {
    images: usize,
    filters: usize,
    channels: usize,
    input: [usize; 2],
    window: Window,
    placed: Placed,
}

fn frame(x: &[usize], w: &[usize], conv: &Conv) -> Result<Frame> {
    let wrong = |what: &str| Error::new(Kind::Value, format!("{what}: input {x:?}, weights {w:?}"));
    let (&[images, channels, ref spatial @ ..], &[filters, cin, ref kernel @ ..]) = (x, w) else {
        return Err(wrong("a convolution needs images and channels"));
    };
    let input = match *spatial {
        [width] => [1, width],
        [height, width] => [height, width],
        _ => return Err(wrong("convolutions over one, two and three axes are supported in float32")),
    };
    if kernel.len() != spatial.len() {
        return Err(wrong("the ranks do not match"));
    }
    let divides = conv.groups > 0 && filters.is_multiple_of(conv.groups);
    if cin.checked_mul(conv.groups) != Some(channels) || !divides {
        return Err(wrong("channels and groups do not match"));
    }
    let window = conv.sliding.window(spatial.len(), Some(kernel))?;
    let placed = window.place(input).ok_or_else(|| wrong("the window does not fit"))?;
    Ok(Frame { images, filters: filters / conv.groups, channels: cin, input, window, placed })
}

impl Frame {
    /// How MlasConv is asked for one image and group.
    fn convolution(&self) -> Convolution {
        let Placed { pad, pad_end, output } = self.placed;
        Convolution {
            filters: self.filters,
            channels: self.channels,
            input: self.input,
            kernel: self.window.kernel,
            output,
            plain: self.window.stride == [1, 1] && pad == [0, 0] && pad_end == [0, 0],
            dense: self.window.dilation == [1, 1],
        }
    }
}

pub(in crate::functional::operators) fn conv(call: &Call, conv: &Conv) -> Result<Tensor> {
    let (x, w) = (call.f32(0)?, call.f32(1)?);
    let frame = frame(x.shape(), w.shape(), conv)?;
    let bias = call.optional(2).map(|_| call.f32(2)).transpose()?;
    let cout = frame.filters * conv.groups;
    if bias.is_some_and(|b| b.shape() != [cout]) {
        let message =
            format!("one bias per output channel is needed: {cout}, not {:?}", bias.map(|b| b.shape()));
        return Err(Error::new(Kind::Value, message));
    }
    let mut shape = vec![frame.images, cout];
    shape.extend(&frame.placed.output[4 - x.ndim()..]);
    let mut out: Vec<f32> = zeros(room(&shape)?);
    let depth = frame.channels * frame.window.taps();
    room(&[depth, STRIP])?;
    let (x, w, bias) = (values(x), values(w), bias.map(values));
    let convolution = frame.convolution();
    let outputs = frame.placed.output[0] * frame.placed.output[1];
    let image = frame.channels * frame.input[0] * frame.input[1];
    let parts = frame.images * conv.groups;
    if outputs == 0 || frame.filters == 0 {
        return Ok(Tensor::F32(ArrayD::zeros(IxDyn(&shape))));
    }
    // Many images and groups run side by side, else threads share each.
    let shared = parts < rayon::current_num_threads();
    let part = |scratch: &mut Vec<f32>, index: usize, out: &mut [f32]| {
        let group = index % conv.groups;
        let image = &x[index * image..][..image];
        let matrix = Matrix { values: image, row: outputs, column: 1 };
        let patches = Patches { image, input: frame.input, window: frame.window, placed: frame.placed };
        let pointwise = convolution.plain && frame.window.taps() == 1;
        Job {
            extents: [frame.filters, outputs, depth],
            a: &w[group * frame.filters * depth..][..frame.filters * depth],
            b: if pointwise { &matrix } else { &patches },
            order: convolution.order(),
            how: Close { alpha: 1.0, add: false },
            isa: isa(),
            shared,
        }
        .run(out, scratch);
        if let Some(bias) = &bias {
            let bias = &bias[group * frame.filters..][..frame.filters];
            for (out, bias) in out.chunks_exact_mut(outputs).zip(bias) {
                out.iter_mut().for_each(|out| *out += bias);
            }
        }
    };
    let size = frame.filters * outputs;
    if shared {
        let mut scratch = Vec::new();
        out.chunks_exact_mut(size).enumerate().for_each(|(index, out)| part(&mut scratch, index, out));
    } else {
        let parts = out.par_chunks_exact_mut(size).enumerate();
        parts.for_each_init(Vec::new, |scratch, (index, out)| part(scratch, index, out));
    }
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), out).expect("counted above")))
}
