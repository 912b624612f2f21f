//! Elements picked by their places: slices, pieces, repetitions, borders.

use ndarray::{ArrayD, Axis, IxDyn};

use super::{Call, NONE, axes_of, axis_of, either, integers, picked};
use crate::error::{Error, Kind, Result};
use crate::functional::operators::linear;
use crate::functional::operators::pointwise::broadcast_shape;
use crate::functional::operators::size::room;
use crate::network::{PadMode, Tensor, map_tensor};

/// An extent from a tensor of integers.
pub(super) fn extent(value: i64, what: &str) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::new(Kind::Value, format!("{what} is {value}")))
}

pub(super) fn expand(call: &Call) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let wanted: Result<Vec<usize>> = integers(call, 1)?.iter().map(|d| extent(*d, "an extent")).collect();
    let shape = broadcast_shape(x.shape(), &wanted?)?;
    // Axes that join in front have an extent of 1.
    let x = x.reshaped(&[vec![1; shape.len() - x.shape().len()].as_slice(), x.shape()].concat())?;
    picked(&x, &shape, |axis| (0..shape[axis]).map(|at| if x.shape()[axis] == 1 { 0 } else { at }).collect())
}

pub(super) fn tile(call: &Call) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let repeats = integers(call, 1)?;
    if repeats.len() != x.shape().len() {
        let message = format!("{} repeats for {} axes", repeats.len(), x.shape().len());
        return Err(Error::new(Kind::Value, message));
    }
    let shape: Result<Vec<usize>> = repeats
        .iter()
        .zip(x.shape())
        .map(|(repeats, d)| Ok(extent(*repeats, "a repeat")?.saturating_mul(*d)))
        .collect();
    let shape = shape?;
    picked(x, &shape, |axis| (0..shape[axis]).map(|at| at % x.shape()[axis]).collect())
}

/// The indices from `start` to before `end` in steps, cut to an axis of `extent`.
fn steps(start: i64, end: i64, step: i64, extent: usize) -> Result<Vec<usize>> {
    if step == 0 {
        return Err(Error::new(Kind::Value, "a step is 0"));
    }
    let d = i128::try_from(extent).unwrap_or(i128::MAX);
    let (start, end, step) = (i128::from(start), i128::from(end), i128::from(step));
    let from_front = |at: i128| if at < 0 { at + d } else { at };
    let (low, high) = if step > 0 { (0, d) } else { (-1, d - 1) };
    // The largest int32 and int64 say "to the end", which is the beginning for steps backwards.
    let open = end == i128::from(i32::MAX) || end == i128::from(i64::MAX);
    let end = if open && step < 0 { -1 } else { from_front(end) };
    let (start, end) = (from_front(start).max(0).min(high), end.max(low).min(high));
    let count = if step > 0 { (end - start + step - 1) / step } else { (start - end - step - 1) / -step };
    let count = if extent == 0 { 0 } else { count.max(0) };
    let at = |i: i128| usize::try_from(start + i * step).unwrap_or(0);
    Ok((0..count).map(at).collect())
}

/// `fixed`: starts, ends and axes of the attributes.
pub(super) fn slice(call: &Call, fixed: &[Option<Vec<i64>>; 3]) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let given = |index: usize| either(call, fixed[index - 1].as_deref(), index);
    let starts = given(1)?.map_or_else(|| integers(call, 1), Ok)?;
    let ends = given(2)?.map_or_else(|| integers(call, 2), Ok)?;
    let count = starts.len();
    let axes = given(3)?.unwrap_or_else(|| (0..i64::try_from(count).unwrap_or(0)).collect());
    let strides = if call.optional(4).is_some() { integers(call, 4)? } else { vec![1; count] };
    if [ends.len(), axes.len(), strides.len()] != [count; 3] {
        let message =
            format!("{count} starts, {} ends, {} axes, {} steps", ends.len(), axes.len(), strides.len());
        return Err(Error::new(Kind::Value, message));
    }
    axes_of(&axes, x.shape().len())?;
    let mut lists: Vec<Option<Vec<usize>>> = vec![None; x.shape().len()];
    for (i, axis) in axes.iter().enumerate() {
        let axis = axis_of(*axis, x.shape().len())?;
        room(&[x.shape()[axis]])?;
        lists[axis] = Some(steps(starts[i], ends[i], strides[i], x.shape()[axis])?);
    }
    let shape: Vec<usize> =
        lists.iter().zip(x.shape()).map(|(list, d)| list.as_ref().map_or(*d, Vec::len)).collect();
    picked(x, &shape, |axis| lists[axis].clone().unwrap_or_else(|| (0..shape[axis]).collect()))
}

/// An index counted from the front.
pub(super) fn index_of(index: i64, extent: usize) -> Result<usize> {
    axis_of(index, extent)
        .map_err(|_| Error::new(Kind::Value, format!("index {index} of an axis of extent {extent}")))
}

pub(super) fn gather(call: &Call, axis: i64) -> Result<Tensor> {
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?);
    let axis = axis_of(axis, x.shape().len())?;
    let list: Result<Vec<usize>> =
        integers(call, 1)?.iter().map(|index| index_of(*index, x.shape()[axis])).collect();
    let list = list?;
    let mut shape = x.shape().to_vec();
    shape[axis] = list.len();
    let found =
        picked(x, &shape, |other| if other == axis { list.clone() } else { (0..shape[other]).collect() })?;
    found.reshaped(&[&x.shape()[..axis], indices.shape(), &x.shape()[axis + 1..]].concat())
}

pub(super) fn gather_elements(call: &Call, axis: i64) -> Result<Tensor> {
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?.to_i64()?);
    let axis = axis_of(axis, x.shape().len())?;
    let fits = |(other, (wanted, there)): (usize, (&usize, &usize))| other == axis || wanted <= there;
    let pairs = || indices.shape().iter().zip(x.shape()).enumerate();
    if indices.ndim() != x.shape().len() || !pairs().all(fits) {
        let message = format!("indices of shape {:?} into shape {:?}", indices.shape(), x.shape());
        return Err(Error::new(Kind::Value, message));
    }
    let found: Result<Vec<usize>> = indices.iter().map(|i| index_of(*i, x.shape()[axis])).collect();
    let found = ArrayD::from_shape_vec(indices.raw_dim(), found?).expect("as many as indices");
    Ok(map_tensor!(x, a => ArrayD::from_shape_fn(found.raw_dim(), |mut at| {
        at[axis] = found[&at];
        a[at]
    })))
}

pub(super) fn split(call: &Call, axis: i64, sizes: Option<&[i64]>) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    let axis = axis_of(axis, x.shape().len())?;
    let (extent_there, pieces) = (x.shape()[axis], call.node.outputs.len());
    let sizes: Vec<usize> = match either(call, sizes, 1)? {
        Some(sizes) => sizes.iter().map(|d| extent(*d, "a piece")).collect::<Result<_>>()?,
        None => {
            let each = extent_there.div_ceil(pieces.max(1));
            (0..pieces).map(|i| extent_there.saturating_sub(i * each).min(each)).collect()
        }
    };
    let whole = sizes.iter().try_fold(0usize, |sum, size| sum.checked_add(*size));
    if whole != Some(extent_there) || sizes.len() != pieces {
        let message = format!("an extent of {extent_there} into {pieces} pieces of {sizes:?}");
        return Err(Error::new(Kind::Value, message));
    }
    let mut start = 0;
    let cut = sizes.iter().map(|size| {
        let from = start;
        start += size;
        map_tensor!(x, a => {
            let part = a.slice_axis(Axis(axis), ndarray::Slice::from(from..from + size));
            part.as_standard_layout().into_owned()
        })
    });
    Ok(cut.collect())
}

/// Which element of an axis of `extent` lies at `at`, counted from its first one, beyond its borders.
fn border(at: i128, kept: (i128, i128), mode: PadMode) -> usize {
    let (low, high) = kept;
    if (low..high).contains(&at) {
        return usize::try_from(at).unwrap_or(NONE);
    }
    let count = high - low;
    let inside = match mode {
        PadMode::Constant => return NONE,
        PadMode::Edge => at.clamp(low, high - 1),
        PadMode::Wrap => low + (at - low).rem_euclid(count),
        PadMode::Reflect => {
            let period = 2 * (count - 1).max(1);
            let there = (at - low).rem_euclid(period);
            low + if there < count { there } else { period - there }
        }
    };
    usize::try_from(inside.clamp(low, high - 1)).unwrap_or(NONE)
}

/// Elements in front of and behind every axis.
pub(super) fn borders(call: &Call, pads: Option<&[i64]>) -> Result<Vec<(i64, i64)>> {
    let rank = call.tensor(0)?.shape().len();
    let pads = either(call, pads, 1)?.ok_or_else(|| Error::new(Kind::Malformed, "no pads are given"))?;
    let axes = match call.optional(3) {
        Some(_) => {
            let axes = integers(call, 3)?;
            axes_of(&axes, rank)?;
            axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?
        }
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * axes.len() {
        let message = format!("{} pads for {} axes", pads.len(), axes.len());
        return Err(Error::new(Kind::Value, message));
    }
    let mut borders = vec![(0, 0); rank];
    for (i, axis) in axes.iter().enumerate() {
        borders[*axis] = (pads[i], pads[axes.len() + i]);
    }
    Ok(borders)
}

pub(super) fn pad(call: &Call, mode: PadMode, pads: Option<&[i64]>, value: f32) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let borders = borders(call, pads)?;
    let mut shape = Vec::with_capacity(borders.len());
    let mut kept = Vec::with_capacity(borders.len());
    for (axis, (front, behind)) in borders.iter().enumerate() {
        let d = i128::try_from(x.shape()[axis]).unwrap_or(i128::MAX);
        let (front, behind) = (i128::from(*front), i128::from(*behind));
        let (low, high) = ((-front).max(0), d - (-behind).max(0));
        let extent = front + d + behind;
        // Mirrors and edges need something to repeat.
        if extent < 0 || high < low || (mode != PadMode::Constant && high == low && extent > 0) {
            let message = format!("axis {axis} of extent {d} padded by {front} and {behind}");
            return Err(Error::new(Kind::Value, message));
        }
        shape.push(usize::try_from(extent).unwrap_or(usize::MAX));
        kept.push((front, (low, high)));
    }
    let list = |axis: usize| -> Vec<usize> {
        let (front, kept) = kept[axis];
        (0..shape[axis]).map(|at| border(i128::try_from(at).unwrap_or(0) - front, kept, mode)).collect()
    };
    let fill = match call.optional(2) {
        Some(fill) if fill.dtype() == x.dtype() && fill.len() == 1 => fill.clone(),
        Some(fill) => {
            let message = format!("{} {:?} to fill {} with", fill.dtype(), fill.shape(), x.dtype());
            return Err(Error::new(Kind::Value, message));
        }
        None => linear::cast(&Tensor::F32(ndarray::arr0(value).into_dyn()), x.dtype())?,
    };
    room(&shape)?;
    room(&[shape.iter().fold(0usize, |sum, extent| sum.saturating_add(*extent))])?;
    if shape.contains(&0) {
        return Ok(super::empty(x, &shape));
    }
    let lists: Vec<Vec<usize>> = (0..shape.len()).map(list).collect();
    macro_rules! padded {
        ($($variant:ident),*) => {
            match (x, &fill) {
                $((Tensor::$variant(a), Tensor::$variant(fill)) => {
                    let fill = fill.first().copied().unwrap_or_default();
                    // A tensor without elements is filled whole.
                    Ok(Tensor::$variant(if a.is_empty() {
                        ArrayD::from_elem(IxDyn(&shape), fill)
                    } else {
                        super::pick(a, &lists, fill)
                    }))
                })*
                _ => Err(Error::new(Kind::Value, "the fill is of another type")),
            }
        };
    }
    padded!(U4, I4, U8, I8, U16, I16, U32, I32, U64, I64, F32, Bool)
}

/// Keeps the triangle above (or below) the diagonal that lies `k` to the right of the main one.
pub(super) fn triangle(call: &Call, upper: bool) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let rank = x.shape().len();
    if rank < 2 {
        return Err(Error::new(Kind::Value, format!("a triangle of shape {:?}", x.shape())));
    }
    let k = match call.optional(1) {
        Some(_) => i128::from(*integers(call, 1)?.first().unwrap_or(&0)),
        None => 0,
    };
    Ok(map_tensor!(x, a => {
        let mut kept = a.clone();
        for (at, value) in kept.indexed_iter_mut() {
            let place = |axis: usize| i128::try_from(at[axis]).unwrap_or(0);
            let right_of = place(rank - 1) - place(rank - 2) - k;
            if (upper && right_of < 0) || (!upper && right_of > 0) {
                *value = Default::default();
            }
        }
        kept
    }))
}
