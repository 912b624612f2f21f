//! Conv, MatMul, Gemm and Softmax that stayed float32: sums from the left, every operation rounded to float32.
//!
//! ONNX fixes no order of summation, so a framework may differ in the last bits; integer layers never come here.

use ndarray::{ArrayD, Axis, IxDyn};

use super::{Call, axis_of, elementwise::broadcast_shape};
use crate::error::{Error, Kind, Result};
use crate::network::{Conv, Gemm, Tensor, element_count};

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
    element_count(&full(m, n))?;
    let a: Vec<f32> = a.broadcast(IxDyn(&full(m, k))).ok_or_else(undefined)?.iter().copied().collect();
    let b: Vec<f32> = b.broadcast(IxDyn(&full(k, n))).ok_or_else(undefined)?.iter().copied().collect();
    let mut out = vec![0.0f32; element_count(&full(m, n))?];
    if n > 0 && k > 0 {
        for (index, sums) in out.chunks_exact_mut(n).enumerate() {
            let weights = &b[index / m * k * n..][..k * n];
            for (x, row) in a[index * k..][..k].iter().zip(weights.chunks_exact(n)) {
                sums.iter_mut().zip(row).for_each(|(sum, w)| *sum += x * w);
            }
        }
    }
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&full(m, n)), out).expect("counted above")))
}

pub(super) fn gemm(call: &Call, gemm: &Gemm) -> Result<Tensor> {
    if call.f32(0)?.ndim() != 2 || call.f32(1)?.ndim() != 2 {
        return Err(Error::new(Kind::Value, "Gemm takes matrices"));
    }
    let turn = |a: &ArrayD<f32>, on: bool| if on { a.clone().reversed_axes() } else { a.clone() };
    let product = matmul(&turn(call.f32(0)?, gemm.transpose_a), &turn(call.f32(1)?, gemm.transpose_b))?;
    let Tensor::F32(product) = product else { return Ok(product) };
    let product = product.mapv(|v| v * gemm.alpha);
    match call.optional(2) {
        None => Ok(Tensor::F32(product)),
        Some(_) => {
            let bias = call.f32(2)?.mapv(|v| v * gemm.beta);
            super::elementwise::add(&Tensor::F32(product), &Tensor::F32(bias))
        }
    }
}

pub(super) fn conv(call: &Call, conv: &Conv) -> Result<Tensor> {
    let (x, w) = (call.f32(0)?, call.f32(1)?);
    let wrong = |what: &str| {
        Error::new(Kind::Value, format!("{what}: input {:?}, weights {:?}", x.shape(), w.shape()))
    };
    let [images, channels, height, width] = x.shape()[..] else {
        return Err(wrong("only 2-D convolutions in float32"));
    };
    let [cout, cin, _, _] = w.shape()[..] else { return Err(wrong("only 2-D convolutions in float32")) };
    if channels != cin * conv.groups || cout % conv.groups != 0 {
        return Err(wrong("channels and groups do not match"));
    }
    let window = conv.sliding.window(2, Some(&w.shape()[2..]))?;
    let placed = window.place([height, width]).ok_or_else(|| wrong("the window does not fit"))?;
    let bias = call.optional(2).map(|_| call.f32(2)).transpose()?;
    if bias.is_some_and(|b| b.len() != cout) {
        return Err(wrong("one bias per output channel is needed"));
    }
    let shape = [images, cout, placed.output[0], placed.output[1]];
    element_count(&shape)?;
    let per_group = cout / conv.groups;
    let out = ArrayD::from_shape_fn(IxDyn(&shape), |at| {
        let first = at[1] / per_group * cin;
        let mut sum = 0.0f32;
        for c in 0..cin {
            for (kh, kw) in (0..window.taps()).map(|t| (t / window.kernel[1], t % window.kernel[1])) {
                let h = (at[2] * window.stride[0] + kh * window.dilation[0]).checked_sub(placed.pad[0]);
                let v = (at[3] * window.stride[1] + kw * window.dilation[1]).checked_sub(placed.pad[1]);
                if let (Some(h), Some(v)) = (h.filter(|h| *h < height), v.filter(|v| *v < width)) {
                    sum += x[[at[0], first + c, h, v].as_slice()] * w[[at[1], c, kh, kw].as_slice()];
                }
            }
        }
        sum + bias.and_then(|b| b.iter().nth(at[1])).unwrap_or(&0.0)
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
