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
    let wrong = || {
        let message = format!("a window of {:?} over an extent of {extent} leaves no output", window.kernel);
        Error::new(Kind::Value, message)
    };
    // A row is an image of height 1: its only axis is the second.
    let own = (axis + rank).checked_sub(2);
    let of_axis = |list: &[usize]| own.and_then(|axis| list.get(axis).copied());
    let more = of_axis(&of.more).unwrap_or(0);
    let stride = window.stride[axis];
    let reach = (window.kernel[axis].checked_sub(1).ok_or_else(wrong)?)
        .checked_mul(window.dilation[axis])
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
    let (front, output) = match (of_axis(&of.output), &of.sliding.padding) {
        // Positions that no product reaches hold the bias.
        (Some(wanted), _) => halves(wanted),
        (None, AutoPad::SameUpper | AutoPad::SameLower) => halves(extent.saturating_mul(stride).min(whole)),
        (None, AutoPad::Explicit(pads)) => {
            let pad = |at: usize| own.and_then(|axis| pads.get(axis + at * rank).copied()).unwrap_or(0);
            let cut = pad(0).saturating_add(pad(1));
            (pad(0), whole.checked_sub(cut).ok_or_else(wrong)?)
        }
    };
    if output == 0 { Err(wrong()) } else { Ok((front, output)) }
}

pub(super) fn transposed(call: &Call, of: &ConvTranspose) -> Result<Tensor> {
    let (x, w) = (call.f32(0)?, call.f32(1)?);
    let wrong = |what: &str| {
        Error::new(Kind::Value, format!("{what}: input {:?}, weights {:?}", x.shape(), w.shape()))
    };
    let rank = x.ndim().checked_sub(2).filter(|rank| (1..=2).contains(rank) && w.ndim() == rank + 2);
    let rank = rank.ok_or_else(|| wrong("images or rows are needed"))?;
    let (channels, per_group) = (x.shape()[1], w.shape()[1]);
    if w.shape()[0] != channels || channels % of.groups != 0 || x.is_empty() || w.is_empty() {
        return Err(wrong("channels and groups do not match"));
    }
    let window = of.sliding.window(rank, Some(&w.shape()[2..]))?;
    let size = [if rank == 2 { x.shape()[2] } else { 1 }, x.shape()[rank + 1]];
    if window.stride.contains(&0) || window.dilation.contains(&0) {
        return Err(wrong("a stride or dilation is 0"));
    }
    let (top, height) = placed(of, &window, 0, rank, size[0])?;
    let (left, width) = placed(of, &window, 1, rank, size[1])?;
    let outputs = per_group.checked_mul(of.groups).ok_or_else(|| wrong("too many channels"))?;
    room(&[x.shape()[0], outputs, height, width])?;
    let bias = call.optional(2).map(|_| call.f32(2)).transpose()?;
    if bias.is_some_and(|b| b.len() != outputs) {
        return Err(wrong("one bias per output channel is needed"));
    }
    let (x_values, w_values): (Vec<f32>, Vec<f32>) =
        (x.iter().copied().collect(), w.iter().copied().collect());
    let (plane, taps, inner) = (size[0] * size[1], window.taps(), channels / of.groups);
    let mut out = vec![0.0f32; x.shape()[0] * outputs * height * width];
    for (index, result) in out.chunks_exact_mut(height * width).enumerate() {
        let (image, channel) = (index / outputs, index % outputs);
        let (first, own) = (channel / per_group * inner, channel % per_group);
        for tap in 0..taps {
            let (kh, kw) = (tap / window.kernel[1], tap % window.kernel[1]);
            for position in 0..plane {
                let (h, v) = (position / size[1], position % size[1]);
                let row = (h * window.stride[0] + kh * window.dilation[0]).checked_sub(top);
                let column = (v * window.stride[1] + kw * window.dilation[1]).checked_sub(left);
                let (Some(row), Some(column)) = (row.filter(|r| *r < height), column.filter(|c| *c < width))
                else {
                    continue;
                };
                let terms = (first..first + inner).map(|c| {
                    let weight = w_values[(c * per_group + own) * taps + tap];
                    (x_values[(image * channels + c) * plane + position], weight)
                });
                result[row * width + column] += Order::Blocks(BLOCK).sum(0, None, 1.0, terms);
            }
        }
        if let Some(bias) = bias {
            let bias = bias.iter().nth(channel).copied().unwrap_or(0.0);
            result.iter_mut().for_each(|v| *v += bias);
        }
    }
    let shape = if rank == 2 {
        vec![x.shape()[0], outputs, height, width]
    } else {
        vec![x.shape()[0], outputs, width]
    };
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&shape), out).expect("one value per position")))
}
