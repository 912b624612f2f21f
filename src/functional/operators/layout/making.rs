//! Tensors made of shapes and counts, choices between tensors, running sums.

use ndarray::{ArrayD, Axis, IxDyn};

use super::indexing::extent;
use super::{Call, axis_of, integers};
use crate::error::{Error, Kind, Result};
use crate::functional::operators::pointwise::{broadcast_shape, repeated};
use crate::functional::operators::size::room;
use crate::network::{Layout, Tensor, element_count, for_tensor, map_tensor};

fn scalar(value: i64) -> Tensor {
    Tensor::I64(ndarray::arr0(value).into_dyn())
}

pub(super) fn shape(x: &Tensor, start: i64, end: Option<i64>) -> Result<Tensor> {
    let rank = i64::try_from(x.shape().len()).unwrap_or(i64::MAX);
    let cut = |at: i64| usize::try_from((if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank));
    let (start, end) = (cut(start).unwrap_or(0), cut(end.unwrap_or(rank)).unwrap_or(0));
    let extents: Vec<i64> =
        x.shape()[start.min(end)..end].iter().map(|d| i64::try_from(*d).unwrap_or(i64::MAX)).collect();
    Ok(Tensor::I64(ndarray::Array1::from(extents).into_dyn()))
}

pub(super) fn size(x: &Tensor) -> Result<Tensor> {
    Ok(scalar(i64::try_from(x.len()).unwrap_or(i64::MAX)))
}

pub(in crate::functional) fn choose(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let Tensor::Bool(condition) = condition else {
        return Err(Error::new(Kind::Value, format!("a condition of type {}", condition.dtype())));
    };
    let shape = broadcast_shape(&broadcast_shape(condition.shape(), a.shape())?, b.shape())?;
    macro_rules! chosen {
        ($($variant:ident),*) => {
            match (a, b) {
                $((Tensor::$variant(a), Tensor::$variant(b)) => {
                    let (a, b) = (repeated(a, &shape)?, repeated(b, &shape)?);
                    let condition = repeated(condition, &shape)?;
                    let chosen = ndarray::Zip::from(&condition).and(&a).and(&b);
                    Ok(Tensor::$variant(chosen.map_collect(|c, a, b| if *c { *a } else { *b })))
                })*
                _ => Err(Error::new(Kind::Value, format!("a choice of {} and {}", a.dtype(), b.dtype()))),
            }
        };
    }
    chosen!(U4, I4, U8, I8, U16, I16, U32, I32, U64, I64, F32, Bool)
}

/// The shape that input `index` holds.
fn shape_of(call: &Call, index: usize) -> Result<Vec<usize>> {
    integers(call, index)?.iter().map(|d| extent(*d, "an extent")).collect()
}

pub(super) fn constant(call: &Call, value: &Tensor) -> Result<Tensor> {
    let shape = shape_of(call, 0)?;
    room(&shape)?;
    if value.len() != 1 {
        return Err(Error::new(Kind::Value, format!("one value is needed, not {}", value.len())));
    }
    Ok(
        map_tensor!(value, a => ArrayD::from_elem(IxDyn(&shape), a.iter().copied().next().unwrap_or_default())),
    )
}

/// How many steps lead from `start` to before `limit`.
fn steps(start: f64, limit: f64, delta: f64) -> Result<usize> {
    let count = ((limit - start) / delta).ceil();
    if delta == 0.0 || !count.is_finite() {
        return Err(Error::new(Kind::Value, format!("from {start} to {limit} in steps of {delta}")));
    }
    // A float64 of at most 2^53 is an integer here; larger ones are refused by their size.
    room(&[count.max(0.0) as usize])
}

fn ends(call: &Call) -> Result<[f64; 3]> {
    let one = |index: usize| {
        let tensor = call.tensor(index)?;
        let value = match tensor {
            Tensor::F32(a) => a.first().map(|v| f64::from(*v)),
            Tensor::Bool(_) => None,
            other => other.to_i64()?.first().map(|v| *v as f64),
        };
        value.filter(|_| tensor.len() == 1).ok_or_else(|| {
            Error::new(Kind::Value, format!("input {index} must be one number, not {:?}", tensor.shape()))
        })
    };
    Ok([one(0)?, one(1)?, one(2)?])
}

pub(super) fn range(call: &Call) -> Result<Tensor> {
    macro_rules! ranged {
        ($($variant:ident: $add:expr),*) => {
            match (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?) {
                $((Tensor::$variant(start), Tensor::$variant(limit), Tensor::$variant(delta)) => {
                    let [first, _, step] = ends(call)?;
                    // The difference is taken in the elements' own type.
                    let _ = limit;
                    let count = steps(first, ends(call)?[1], step)?;
                    let (mut at, delta) = (start.iter().copied().next(), delta.iter().copied().next());
                    let values = (0..count).map(|_| {
                        let value = at.unwrap_or_default();
                        at = Some($add(value, delta.unwrap_or_default()));
                        value
                    });
                    Ok(Tensor::$variant(ndarray::Array1::from_iter(values).into_dyn()))
                })*
                (a, b, c) => Err(Error::new(
                    Kind::Value,
                    format!("a range of {}, {} and {}", a.dtype(), b.dtype(), c.dtype()),
                )),
            }
        };
    }
    ranged!(F32: |a: f32, b: f32| a + b, I16: i16::wrapping_add, I32: i32::wrapping_add, I64: i64::wrapping_add)
}

/// Inputs: x and the axis.
pub(super) fn running_sum(call: &Call, exclusive: bool, reverse: bool) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let axis = *integers(call, 1)?.first().ok_or_else(|| Error::new(Kind::Value, "no axis is given"))?;
    let axis = Axis(axis_of(axis, x.shape().len())?);
    macro_rules! summed {
        ($($variant:ident: $add:expr),*) => {
            match x {
                $(Tensor::$variant(a) => {
                    let mut out = a.clone();
                    for mut lane in out.lanes_mut(axis) {
                        if reverse {
                            lane.invert_axis(Axis(0));
                        }
                        let mut sum = None;
                        for value in lane.iter_mut() {
                            let with = sum.map_or(*value, |sum| $add(sum, *value));
                            *value = if exclusive { sum.unwrap_or_default() } else { with };
                            sum = Some(with);
                        }
                    }
                    Ok(Tensor::$variant(out))
                })*
                other => Err(Error::new(Kind::Value, format!("running sums of {}", other.dtype()))),
            }
        };
    }
    summed!(F32: |a: f32, b: f32| a + b, I32: i32::wrapping_add, I64: i64::wrapping_add,
        U32: u32::wrapping_add, U64: u64::wrapping_add)
}

pub(super) fn non_zero(x: &Tensor) -> Result<Tensor> {
    let rank = x.shape().len().max(1);
    room(&[x.len(), rank])?;
    let flat: Vec<usize> = for_tensor!(x, a => {
        let zero = a.iter().copied().next().map(|_| Default::default());
        a.iter().enumerate().filter(|(_, v)| Some(**v) != zero).map(|(at, _)| at).collect()
    });
    let shape = if x.shape().is_empty() { &[1] } else { x.shape() };
    let mut out = Vec::with_capacity(rank * flat.len());
    for axis in 0..rank {
        let stride: usize = shape[axis + 1..].iter().product();
        out.extend(flat.iter().map(|at| i64::try_from(at / stride % shape[axis]).unwrap_or(i64::MAX)));
    }
    let out = ArrayD::from_shape_vec(IxDyn(&[rank, flat.len()]), out);
    Ok(Tensor::I64(out.expect("one index per axis and element")))
}

/// How many elements the outputs have together, at most; none where it cannot be told.
pub(in crate::functional) fn most_elements(call: &Call, layout: &Layout) -> Option<usize> {
    let first = call.tensor(0).ok()?;
    let product = |shape: &[usize]| element_count(shape).ok();
    match layout {
        Layout::ConstantOfShape { .. } => product(&shape_of(call, 0).ok()?),
        Layout::Expand => product(&broadcast_shape(first.shape(), &shape_of(call, 1).ok()?).ok()?),
        Layout::Tile => shape_of(call, 1).ok()?.iter().try_fold(first.len(), |n, r| n.checked_mul(*r)),
        Layout::Range => {
            let [start, limit, delta] = ends(call).ok()?;
            steps(start, limit, delta).ok()
        }
        Layout::Pad { pads, .. } => {
            let borders = super::indexing::borders(call, pads.as_deref()).ok()?;
            let longer = borders.iter().zip(first.shape()).map(|((front, behind), d)| {
                let more = usize::try_from((*front).max(0))
                    .ok()?
                    .checked_add(usize::try_from((*behind).max(0)).ok()?)?;
                d.checked_add(more)
            });
            product(&longer.collect::<Option<Vec<_>>>()?)
        }
        Layout::Gather { axis } => {
            let axis = axis_of(*axis, first.shape().len()).ok()?;
            (first.len() / first.shape()[axis].max(1)).checked_mul(call.tensor(1).ok()?.len())
        }
        Layout::GatherElements { .. } => Some(call.tensor(1).ok()?.len()),
        Layout::GatherNd { batch } => {
            let indices = call.tensor(1).ok()?;
            let depth = indices.shape().last().copied().filter(|depth| *depth > 0)?;
            let tail = first.shape().get(batch.checked_add(depth)?..)?;
            (indices.len() / depth).checked_mul(tail.iter().product())
        }
        Layout::Where => {
            let (a, b) = (call.tensor(1).ok()?, call.tensor(2).ok()?);
            let shape = broadcast_shape(&broadcast_shape(first.shape(), a.shape()).ok()?, b.shape()).ok()?;
            product(&shape)
        }
        Layout::NonZero => first.len().checked_mul(first.shape().len().max(1)),
        Layout::Shape { .. } | Layout::Size => Some(first.shape().len() + 1),
        Layout::Dropout => first.len().checked_mul(2),
        _ => Some(first.len()),
    }
}
