//! ConvTranspose in float32: every input position spreads its products over a window of the output.
//!
//! ONNX Runtime's order: a matrix product over the channels of a group, in blocks of 128 terms by fused multiply-adds;
//! its results are added to the output tap by tap, and the bias last. To the last bit, but for images of one position.

use ndarray::{ArrayD, IxDyn};

use super::Call;
use super::size::room;
use crate::error::{Error, Kind, Result};
use crate::network::{AutoPad, ConvTranspose, Tensor, Window};
use crate::post::sgemm::Order;

/// MlasSgemm's block with a transposed left operand.
const BLOCK: usize = 128;

/// One spatial axis: what is cut off in front, and the output's extent.
fn placed(
    of: &ConvTranspose,
    window: &Window,
    axis: usize,
    rank: usize,
    extent: usize,
) -> Result<(usize, usize)> {
    let [_, kernel] = window.kernel;
    let wrong = || {
        let message = format!("a window of {kernel} over an extent of {extent} leaves no output");
        Error::new(Kind::Value, message)
    };
    let more = of.more.get(axis).copied().unwrap_or(0);
    let stride = window.stride[1];
    let reach = (kernel.checked_sub(1).ok_or_else(wrong)?)
        .checked_mul(window.dilation[1])
        .and_then(|n| n.checked_add(1))
        .ok_or_else(wrong)?;
    let whole = (extent.checked_sub(1).ok_or_else(wrong)?)
        .checked_mul(stride)
        .and_then(|n| n.checked_add(reach)?.checked_add(more))
        .ok_or_else(wrong)?;
    let halves = |output: usize| {
        let total = whole.saturating_sub(output);
        let front = if of.sliding.padding == AutoPad::SameUpper { total / 2 } else { total - total / 2 };
        (front, output)
    };
    let (front, output) = match (of.output.get(axis).copied(), &of.sliding.padding) {
        // Positions that no product reaches hold the bias.
        (Some(wanted), _) => halves(wanted),
        (None, AutoPad::SameUpper | AutoPad::SameLower) => halves(extent.saturating_mul(stride).min(whole)),
        (None, AutoPad::Explicit(pads)) => {
            let pad = |at: usize| pads.get(axis + at * rank).copied().unwrap_or(0);
            let cut = pad(0).saturating_add(pad(1));
            (pad(0), whole.checked_sub(cut).ok_or_else(wrong)?)
        }
    };
    if output == 0 { Err(wrong()) } else { Ok((front, output)) }
}

/// One axis of a position, and of the output that its tap reaches.
struct Along<'a> {
    window: &'a Window,
    front: usize,
    input: usize,
    output: usize,
}

/// The output position that a tap of an input position reaches, both in row order; none outside.
fn reached(axes: &[Along<'_>], mut position: usize, mut tap: usize) -> Option<usize> {
    let (mut at, mut step) = (0, 1);
    for axis in axes.iter().rev() {
        let [_, kernel] = axis.window.kernel;
        let place = position % axis.input * axis.window.stride[1] + tap % kernel * axis.window.dilation[1];
        at += place.checked_sub(axis.front).filter(|place| *place < axis.output)? * step;
        step *= axis.output;
        (position, tap) = (position / axis.input, tap / kernel);
    }
    Some(at)
}

pub(super) fn transposed(call: &Call, of: &ConvTranspose) -> Result<Tensor> {
    let (x, w) = (call.f32(0)?, call.f32(1)?);
    let wrong = |what: &str| {
        Error::new(Kind::Value, format!("{what}: input {:?}, weights {:?}", x.shape(), w.shape()))
    };
    let rank = x.ndim().checked_sub(2).filter(|rank| (1..=3).contains(rank) && w.ndim() == rank + 2);
    let rank = rank.ok_or_else(|| wrong("rows, images or volumes are needed"))?;
    let (channels, per_group) = (x.shape()[1], w.shape()[1]);
    if w.shape()[0] != channels || channels % of.groups != 0 || x.is_empty() || w.is_empty() {
        return Err(wrong("channels and groups do not match"));
    }
    let windows = of.sliding.each_axis(&w.shape()[2..])?;
    if windows.iter().any(|window| window.stride[1] == 0 || window.dilation[1] == 0) {
        return Err(wrong("a stride or dilation is 0"));
    }
    let along = |(axis, window)| {
        let input = x.shape()[2 + axis];
        let (front, output) = placed(of, window, axis, rank, input)?;
        Ok(Along { window, front, input, output })
    };
    let axes: Vec<Along> = windows.iter().enumerate().map(along).collect::<Result<_>>()?;
    let outputs = per_group.checked_mul(of.groups).ok_or_else(|| wrong("too many channels"))?;
    let mut shape = vec![x.shape()[0], outputs];
    shape.extend(axes.iter().map(|axis| axis.output));
    let mut out = vec![0.0f32; room(&shape)?];
    let bias = call.optional(2).map(|_| call.f32(2)).transpose()?;
    if bias.is_some_and(|b| b.len() != outputs) {
        return Err(wrong("one bias per output channel is needed"));
    }
    let (x_values, w_values): (Vec<f32>, Vec<f32>) =
        (x.iter().copied().collect(), w.iter().copied().collect());
    let plane: usize = x.shape()[2..].iter().product();
    let (taps, inner): (usize, usize) = (w.shape()[2..].iter().product(), channels / of.groups);
    let size: usize = shape[2..].iter().product();
    for (index, result) in out.chunks_exact_mut(size).enumerate() {
        let (image, channel) = (index / outputs, index % outputs);
        let (first, own) = (channel / per_group * inner, channel % per_group);
        for tap in 0..taps {
            for position in 0..plane {
                let Some(at) = reached(&axes, position, tap) else { continue };
                let terms = (first..first + inner).map(|c| {
                    let weight = w_values[(c * per_group + own) * taps + tap];
                    (x_values[(image * channels + c) * plane + position], weight)
                });
                result[at] += Order::Blocks(BLOCK).sum(0, None, 1.0, terms);
            }
        }
        if let Some(bias) = bias {
            let bias = bias.iter().nth(channel).copied().unwrap_or(0.0);
            result.iter_mut().for_each(|v| *v += bias);
        }
    }
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), out).expect("one value per position")))
}
