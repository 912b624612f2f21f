//! Convolution over three axes: as over two, with windows of volumes as the right operand.

use std::ops::Range;

use ndarray::{ArrayD, IxDyn};

use super::product::{Columns, Job};
use super::{isa, values};
use crate::error::{Error, Kind, Result};
use crate::functional::kernels::float::{Close, STRIP};
use crate::functional::operators::Call;
use crate::functional::operators::size::room;
use crate::network::{Conv, Placed, Tensor, Window};
use crate::post::sgemm::Convolution;

/// What the windows of one group and volume hold: `[channels · taps][positions]`. A tap outside is 0.
struct Patches<'a> {
    volume: &'a [f32],
    input: [usize; 3],
    windows: &'a [Window],
    placed: &'a [Placed],
}

/// An index along each of three axes.
fn apart(index: usize, extents: [usize; 3]) -> [usize; 3] {
    [index / (extents[1] * extents[2]), index / extents[2] % extents[1], index % extents[2]]
}

impl Patches<'_> {
    fn at(&self, k: usize, n: usize) -> f32 {
        let of = |axis: usize| (self.windows[axis].kernel[1], self.placed[axis].output[1]);
        let (kernel, output) = ([of(0).0, of(1).0, of(2).0], [of(0).1, of(1).1, of(2).1]);
        let taps: usize = kernel.iter().product();
        let (tap, position) = (apart(k % taps, kernel), apart(n, output));
        let mut at = k / taps;
        for axis in 0..3 {
            let window = &self.windows[axis];
            let place = position[axis] * window.stride[1] + tap[axis] * window.dilation[1];
            match place.checked_sub(self.placed[axis].pad[1]).filter(|p| *p < self.input[axis]) {
                Some(place) => at = at * self.input[axis] + place,
                None => return 0.0,
            }
        }
        self.volume[at]
    }
}

impl Columns for Patches<'_> {
    fn fill(&self, to: &mut [f32], stride: usize, k: Range<usize>, n: Range<usize>) {
        for (line, k) in k.enumerate() {
            let to = &mut to[line * stride..][..n.len()];
            to.iter_mut().zip(n.clone()).for_each(|(to, n)| *to = self.at(k, n));
        }
    }
}

/// `[images, channels, depth, height, width]`.
pub(super) fn conv(call: &Call, conv: &Conv) -> Result<Tensor> {
    let (x, w) = (call.f32(0)?, call.f32(1)?);
    let wrong = |what: &str| {
        Error::new(Kind::Value, format!("{what}: input {:?}, weights {:?}", x.shape(), w.shape()))
    };
    let (&[images, channels, depth, height, width], &[filters, cin, ..]) = (x.shape(), w.shape()) else {
        return Err(wrong("volumes and their weights are needed"));
    };
    let kernel = &w.shape()[2..];
    let divides = conv.groups > 0 && filters.is_multiple_of(conv.groups);
    if kernel.len() != 3 || cin.checked_mul(conv.groups) != Some(channels) || !divides {
        return Err(wrong("channels and groups do not match"));
    }
    let bias = call.optional(2).map(|_| call.f32(2)).transpose()?;
    if bias.is_some_and(|bias| bias.shape() != [filters]) {
        return Err(wrong("one bias per output channel is needed"));
    }
    let input = [depth, height, width];
    let windows = conv.sliding.each_axis(kernel)?;
    let placed: Option<Vec<Placed>> =
        windows.iter().zip(input).map(|(window, extent)| window.place([1, extent])).collect();
    let placed = placed.ok_or_else(|| wrong("the window does not fit"))?;
    let mut shape = vec![images, filters];
    shape.extend(placed.iter().map(|placed| placed.output[1]));
    let mut out = vec![0.0f32; room(&shape)?];
    let (own, taps): (usize, usize) = (filters / conv.groups, kernel.iter().product());
    let (outputs, terms) = (shape[2..].iter().product::<usize>(), room(&[cin, taps])?);
    room(&[terms, STRIP])?;
    if outputs == 0 || own == 0 {
        return Ok(Tensor::F32(ArrayD::zeros(IxDyn(&shape))));
    }
    let plain = windows
        .iter()
        .zip(&placed)
        .all(|(window, placed)| (window.stride[1], placed.pad[1], placed.pad_end[1]) == (1, 0, 0));
    // As of an image of one row: what holds for images alone does not hold here.
    let order = Convolution {
        filters: own,
        channels: cin,
        input: [1, depth * height * width],
        kernel: [1, taps],
        output: [1, outputs],
        plain,
        dense: false,
    }
    .order();
    let (x, w, bias) = (values(x), values(w), bias.map(values));
    let size = cin * depth * height * width;
    let mut scratch = Vec::new();
    for (index, out) in out.chunks_exact_mut(own * outputs).enumerate() {
        let group = index % conv.groups;
        let patches =
            Patches { volume: &x[index * size..][..size], input, windows: &windows, placed: &placed };
        Job {
            extents: [own, outputs, terms],
            a: &w[group * own * terms..][..own * terms],
            b: &patches,
            order,
            how: Close { alpha: 1.0, add: false },
            isa: isa(),
            shared: true,
        }
        .run(out, &mut scratch);
        if let Some(bias) = &bias {
            let bias = &bias[group * own..][..own];
            for (out, bias) in out.chunks_exact_mut(outputs).zip(bias) {
                out.iter_mut().for_each(|out| *out += bias);
            }
        }
    }
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), out).expect("counted above")))
}
