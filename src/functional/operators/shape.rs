//! Reshape, Flatten, Transpose and Concat: elements change places, never values. QLinearConcat and QLinearWhere rescale
//! them.

use ndarray::{ArrayViewD, Axis, IxDyn};

use super::pointwise::recoded;
use super::size::room_for_all;
use super::{Call, axis_of, layout, rails};
use crate::error::{Error, Kind, Result};
use crate::network::{Carrier, Tensor, element_count, map_tensor};
use crate::post::onnx::{self, Codes};

pub(super) fn flatten(x: &Tensor, axis: i64) -> Result<Tensor> {
    let rank = x.shape().len();
    let all = usize::try_from(axis).is_ok_and(|a| a == rank);
    let axis = if all { rank } else { axis_of(axis, rank)? };
    let (rows, columns) = x.shape().split_at(axis);
    x.reshaped(&[rows.iter().product(), columns.iter().product()])
}

/// The shape is input 1; 0 keeps an extent (unless `allow_zero`), −1 takes what is left.
pub(super) fn reshape(call: &Call, allow_zero: bool) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let wanted = call.tensor(1)?.to_i64()?;
    let bad = |what: &str| {
        Error::new(Kind::Value, format!("shape {:?}: {what}", wanted.iter().collect::<Vec<_>>()))
    };
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (index, extent) in wanted.iter().enumerate() {
        shape.push(match *extent {
            0 if !allow_zero => {
                *x.shape().get(index).ok_or_else(|| bad("0 names an axis the input does not have"))?
            }
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            other => usize::try_from(other).map_err(|_| bad("an extent is negative, or -1 twice"))?,
        });
    }
    if let Some(index) = open {
        let known = element_count(&shape)?;
        if known == 0 || x.len() % known != 0 {
            return Err(bad("the elements do not divide"));
        }
        shape[index] = x.len() / known;
    }
    x.reshaped(&shape)
}

pub(super) fn transpose(x: &Tensor, perm: Option<&[i64]>) -> Result<Tensor> {
    let rank = x.shape().len();
    let axes: Vec<usize> = match perm {
        None => (0..rank).rev().collect(),
        Some(perm) => perm.iter().map(|p| axis_of(*p, rank)).collect::<Result<_>>()?,
    };
    let mut seen = axes.clone();
    seen.sort_unstable();
    if seen != (0..rank).collect::<Vec<_>>() {
        return Err(Error::new(Kind::Malformed, format!("perm {axes:?} is no permutation of {rank} axes")));
    }
    Ok(map_tensor!(x, a => a.view().permuted_axes(IxDyn(&axes)).as_standard_layout().into_owned()))
}

pub(in crate::functional) fn concat(parts: &[&Tensor], axis: i64) -> Result<Tensor> {
    let first = parts.first().ok_or_else(|| Error::new(Kind::Malformed, "Concat of nothing"))?;
    let axis = Axis(axis_of(axis, first.shape().len())?);
    room_for_all(parts)?;
    // One arm per element type: the parts must all be of the first one's.
    macro_rules! join {
        ($($variant:ident),*) => {
            match first {
                $(Tensor::$variant(_) => {
                    let views: Result<Vec<ArrayViewD<_>>> = parts
                        .iter()
                        .map(|part| match part {
                            Tensor::$variant(a) => Ok(a.view()),
                            other => Err(Error::new(
                                Kind::Value,
                                format!("{} and {} cannot be concatenated", first.dtype(), other.dtype()),
                            )),
                        })
                        .collect();
                    let joined = ndarray::concatenate(axis, &views?);
                    Tensor::$variant(joined.map_err(|e| {
                        let shapes: Vec<_> = parts.iter().map(|p| p.shape()).collect();
                        Error::new(Kind::Value, format!("shapes {shapes:?} cannot be concatenated")).because(e)
                    })?.as_standard_layout().into_owned())
                })*
            }
        };
    }
    Ok(join!(U4, I4, U8, I8, U16, I16, U32, I32, U64, I64, F32, Bool))
}

/// Inputs: the output's scale and zero point, then codes, scale and zero point of every part.
pub(super) fn quantized_concat(call: &Call, axis: i64) -> Result<Tensor> {
    let parts = call.inputs.len().saturating_sub(2);
    if parts == 0 || !parts.is_multiple_of(3) {
        return Err(Error::new(
            Kind::Malformed,
            format!("{parts} inputs are not (codes, scale, zero point) triples"),
        ));
    }
    let out = call.output_carrier(0, 1, call.tensor(2)?.dtype())?;
    let rule = rails(out.dtype, out.zero_point)?;
    let rescaled = (0..parts / 3).map(|part| rescaled(call, 2 + 3 * part, out, rule));
    let rescaled = rescaled.collect::<Result<Vec<_>>>()?;
    concat(&rescaled.iter().collect::<Vec<_>>(), axis)
}

/// Inputs: the condition, codes, scale and zero point of two tensors, and the output's scale and zero point.
pub(super) fn quantized_choice(call: &Call) -> Result<Tensor> {
    let out = call.output_carrier(7, 8, call.tensor(1)?.dtype())?;
    let rule = rails(out.dtype, out.zero_point)?;
    let [a, b] = [rescaled(call, 1, out, rule)?, rescaled(call, 4, out, rule)?];
    layout::choose(call.tensor(0)?, &a, &b)
}

/// The codes of input `at`, whose scale and zero point are the inputs behind it, at the output's.
fn rescaled(call: &Call, at: usize, out: Carrier, rule: Codes) -> Result<Tensor> {
    let carrier = call.carrier(at, at + 1, at + 2)?;
    recoded(call.tensor(at)?, out.dtype, |code| {
        onnx::quantize(onnx::dequantize(code, carrier.zero_point, carrier.scale), out.scale, rule)
    })
}
