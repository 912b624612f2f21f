//! Conv, MatMul, Gemm and Softmax that stayed float32.
//!
//! ONNX fixes no order of summation: this is ONNX Runtime's (see [`onnx::dot`]). Integer layers never come here.

use ndarray::{ArrayD, Axis, IxDyn};

use super::size::room;
use super::{Call, axis_of, elementwise::broadcast_shape};
use crate::error::{Error, Kind, Result};
use crate::network::{Conv, Gemm, Tensor};
use crate::post::onnx;

pub(super) fn matmul(a: &ArrayD<f32>, b: &ArrayD<f32>) -> Result<Tensor> {
    let (sa, sb) = (a.shape(), b.shape());
    let undefined =
        || Error::new(Kind::Value, format!("a product of shapes {sa:?} and {sb:?} is not defined"));
    if sa.len() < 2 || sb.len() < 2 || sa[sa.len() - 1] != sb[sb.len() - 2] {
        return Err(undefined());
    }
    let batch = broadcast_shape(&sa[..sa.len() - 2], &sb[..sb.len() - 2])?;
    let (m, k, n) = (sa[sa.len() - 2], sa[sa.len() - 1], sb[sb.len() - 1]);
    let full = |x: usize, y: usize| [batch.as_slice(), &[x, y]].concat();
    room(&full(m, k))?;
    room(&full(k, n))?;
    let count = room(&full(m, n))?;
    let a: Vec<f32> = a.broadcast(IxDyn(&full(m, k))).ok_or_else(undefined)?.iter().copied().collect();
    let b: Vec<f32> = b.broadcast(IxDyn(&full(k, n))).ok_or_else(undefined)?.iter().copied().collect();
    let product = |index: usize| {
        let (row, column) = (index / n, index % n);
        let weights = b[row / m * k * n..][..k * n].iter().skip(column).step_by(n);
        onnx::dot(None, a[row * k..][..k].iter().copied().zip(weights.copied()), onnx::PACKED_BLOCK)
    };
    let out = ArrayD::from_shape_vec(IxDyn(&full(m, n)), (0..count).map(product).collect());
    Ok(Tensor::F32(out.expect("counted above")))
}

/// alpha · A · B + beta · C; the sum starts from C.
pub(super) fn gemm(call: &Call, gemm: &Gemm) -> Result<Tensor> {
    let turn = |a: &ArrayD<f32>, on: bool| if on { a.clone().reversed_axes() } else { a.clone() };
    let (a, b) = (turn(call.f32(0)?, gemm.transpose_a), turn(call.f32(1)?, gemm.transpose_b));
    let (&[m, k], &[inner, n]) = (a.shape(), b.shape()) else {
        return Err(Error::new(Kind::Value, "Gemm takes matrices"));
    };
    if k != inner {
        let message = format!("a product of shapes {:?} and {:?} is not defined", a.shape(), b.shape());
        return Err(Error::new(Kind::Value, message));
    }
    room(&[m, n])?;
    let bias = call.optional(2).map(|_| call.f32(2)).transpose()?;
    let bias = match bias {
        None => None,
        Some(c) => Some(c.broadcast(IxDyn(&[m, n])).ok_or_else(|| {
            Error::new(Kind::Value, format!("a bias of shape {:?} for a result of {m}×{n}", c.shape()))
        })?),
    };
    let out = ArrayD::from_shape_fn(IxDyn(&[m, n]), |at| {
        let terms = (0..k).map(|k| (gemm.alpha * a[[at[0], k].as_slice()], b[[k, at[1]].as_slice()]));
        let start = bias.as_ref().map(|c| gemm.beta * c[[at[0], at[1]].as_slice()]);
        onnx::dot(start, terms, onnx::PACKED_BLOCK)
    });
    Ok(Tensor::F32(out))
}

pub(super) fn conv(call: &Call, conv: &Conv) -> Result<Tensor> {
    let (x, w) = (call.f32(0)?, call.f32(1)?);
    let wrong = |what: &str| {
        Error::new(Kind::Value, format!("{what}: input {:?}, weights {:?}", x.shape(), w.shape()))
    };
    let (&[images, channels, height, width], &[cout, cin, _, _]) = (x.shape(), w.shape()) else {
        return Err(wrong("only 2-D convolutions are supported in float32"));
    };
    if cin.checked_mul(conv.groups) != Some(channels) || cout % conv.groups != 0 {
        return Err(wrong("channels and groups do not match"));
    }
    let window = conv.sliding.window(2, Some(&w.shape()[2..]))?;
    let placed = window.place([height, width]).ok_or_else(|| wrong("the window does not fit"))?;
    let bias = call.optional(2).map(|_| call.f32(2)).transpose()?;
    if bias.is_some_and(|b| b.shape() != [cout]) {
        return Err(wrong("one bias per output channel is needed"));
    }
    let shape = [images, cout, placed.output[0], placed.output[1]];
    room(&shape)?;
    let block = onnx::convolution_block(cin * window.taps(), placed.output[0] * placed.output[1]);
    let per_group = cout / conv.groups;
    let out = ArrayD::from_shape_fn(IxDyn(&shape), |at| {
        let first = at[1] / per_group * cin;
        let terms = (0..cin * window.taps()).map(|k| {
            let (c, tap) = (k / window.taps(), k % window.taps());
            let (kh, kw) = (tap / window.kernel[1], tap % window.kernel[1]);
            let h = (at[2] * window.stride[0] + kh * window.dilation[0]).checked_sub(placed.pad[0]);
            let v = (at[3] * window.stride[1] + kw * window.dilation[1]).checked_sub(placed.pad[1]);
            // A tap outside the image is a term 0: it counts for the blocks.
            let activation = match (h.filter(|h| *h < height), v.filter(|v| *v < width)) {
                (Some(h), Some(v)) => x[[at[0], first + c, h, v].as_slice()],
                _ => 0.0,
            };
            (activation, w[[at[1], c, kh, kw].as_slice()])
        });
        onnx::dot(None, terms, block) + bias.map_or(0.0, |b| b[[at[1]].as_slice()])
    });
    Ok(Tensor::F32(out))
}

/// exp(x − max) / Σ exp(x − max) along `axis`; `flatten`: along everything from `axis` on.
pub(super) fn softmax(x: &ArrayD<f32>, axis: i64, flatten: bool) -> Result<Tensor> {
    let axis = axis_of(axis, x.ndim())?;
    let mut out = x.clone();
    let normalise = |mut lane: ndarray::ArrayViewMut1<f32>| {
        let top = lane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        lane.mapv_inplace(|v| (v - top).exp());
        let sum: f32 = lane.iter().sum();
        lane.mapv_inplace(|v| v / sum);
    };
    if flatten {
        let rows: usize = x.shape()[..axis].iter().product();
        let rest: usize = x.shape()[axis..].iter().product();
        let flat = Tensor::F32(out).reshaped(&[rows, rest])?;
        let Tensor::F32(mut flat) = flat else { return Ok(flat) };
        flat.lanes_mut(Axis(1)).into_iter().for_each(normalise);
        return Tensor::F32(flat).reshaped(x.shape());
    }
    out.lanes_mut(Axis(axis)).into_iter().for_each(normalise);
    Ok(Tensor::F32(out))
}
