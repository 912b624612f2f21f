//! Operators on shapes and places. Most pick elements by an index for every axis: see [`pick`].

mod indexing;
mod making;
mod placing;

use ndarray::{ArrayD, IxDyn};

use super::size::room;
use super::{Call, axis_of};
use crate::error::{Error, Kind, Result};
use crate::network::{Layout, Tensor, map_tensor};
pub(in crate::functional) use making::{choose, most_elements};

pub(super) fn evaluate(call: &Call, layout: &Layout) -> Result<Vec<Tensor>> {
    let one = match layout {
        Layout::Split { axis, sizes } => return indexing::split(call, *axis, sizes.as_deref()),
        Layout::Dropout => return dropout(call),
        Layout::Unsqueeze { axes } => unsqueeze(call, axes.as_deref()),
        Layout::Squeeze { axes } => squeeze(call, axes.as_deref()),
        Layout::Expand => indexing::expand(call),
        Layout::Tile => indexing::tile(call),
        Layout::Slice { fixed } => indexing::slice(call, fixed),
        Layout::Gather { axis } => indexing::gather(call, *axis),
        Layout::GatherElements { axis } => indexing::gather_elements(call, *axis),
        Layout::GatherNd { batch } => placing::gather_nd(call, *batch),
        Layout::ScatterNd { joining } => placing::scatter_nd(call, *joining),
        Layout::ScatterElements { axis, joining } => placing::scatter_elements(call, *axis, *joining),
        Layout::Pad { mode, pads, value } => indexing::pad(call, *mode, pads.as_deref(), *value),
        Layout::Shape { start, end } => making::shape(call.tensor(0)?, *start, *end),
        Layout::Size => making::size(call.tensor(0)?),
        Layout::Where => making::choose(call.tensor(0)?, call.tensor(1)?, call.tensor(2)?),
        Layout::ConstantOfShape { value } => making::constant(call, value),
        Layout::Range => making::range(call),
        Layout::SpaceToDepth { block } => space_to_depth(call.tensor(0)?, *block),
        Layout::DepthToSpace { block, columns_first } => {
            depth_to_space(call.tensor(0)?, *block, *columns_first)
        }
        Layout::CumSum { exclusive, reverse } => making::running_sum(call, *exclusive, *reverse),
        Layout::Trilu { upper } => indexing::triangle(call, *upper),
        Layout::NonZero => making::non_zero(call.tensor(0)?),
    };
    Ok(vec![one?])
}

/// Where no element is picked.
pub(super) const NONE: usize = usize::MAX;

/// The elements of `x` at every combination of one index per axis; `fill` where one of them is [`NONE`].
///
/// The lists are as long as the output's extents; nothing is empty.
pub(super) fn pick<T: Copy>(x: &ArrayD<T>, lists: &[Vec<usize>], fill: T) -> ArrayD<T> {
    let shape: Vec<usize> = lists.iter().map(Vec::len).collect();
    let standard = x.as_standard_layout();
    let elements = standard.as_slice().unwrap_or(&[]);
    let mut out = Vec::with_capacity(shape.iter().product());
    let strides: Vec<usize> = (0..shape.len()).map(|axis| x.shape()[axis + 1..].iter().product()).collect();
    let Some((columns, outer)) = lists.split_last() else {
        return x.clone();
    };
    // The row of the output that is written, as positions in `outer`.
    let mut at = vec![0; outer.len()];
    loop {
        let row = outer.iter().zip(&at).zip(&strides).try_fold(0usize, |sum, ((list, at), stride)| {
            (list[*at] != NONE).then(|| sum + list[*at] * stride)
        });
        out.extend(columns.iter().map(|column| match row {
            Some(row) if *column != NONE => elements[row + column],
            _ => fill,
        }));
        let Some(axis) = (0..at.len()).rev().find(|axis| at[*axis] + 1 < outer[*axis].len()) else { break };
        at[axis] += 1;
        at[axis + 1..].fill(0);
    }
    ArrayD::from_shape_vec(IxDyn(&shape), out).expect("one element per position")
}

/// As [`pick`], of a shape for which there is room, where lists are made only if there is something to pick.
fn picked(x: &Tensor, shape: &[usize], list: impl Fn(usize) -> Vec<usize>) -> Result<Tensor> {
    room(shape)?;
    room(&[shape.iter().fold(0usize, |sum, extent| sum.saturating_add(*extent))])?;
    if shape.contains(&0) {
        return Ok(empty(x, shape));
    }
    let lists: Vec<Vec<usize>> = (0..shape.len()).map(list).collect();
    Ok(map_tensor!(x, a => pick(a, &lists, Default::default())))
}

/// No elements, under a shape with an extent of 0.
pub(super) fn empty(like: &Tensor, shape: &[usize]) -> Tensor {
    map_tensor!(like, a => {
        // The annotation takes the element type from `a`.
        let mut none = a.clone();
        none = ArrayD::from_shape_vec(IxDyn(shape), Vec::new()).unwrap_or(none);
        none
    })
}

/// Integers of input `index`, whatever their type.
fn integers(call: &Call, index: usize) -> Result<Vec<i64>> {
    Ok(call.tensor(index)?.to_i64()?.iter().copied().collect())
}

/// An attribute, or the input that took its place; none without either.
pub(super) fn either(call: &Call, attribute: Option<&[i64]>, index: usize) -> Result<Option<Vec<i64>>> {
    match (attribute, call.optional(index)) {
        (Some(list), _) => Ok(Some(list.to_vec())),
        (None, Some(_)) => integers(call, index).map(Some),
        (None, None) => Ok(None),
    }
}

/// Axes counted from the front, each once.
pub(super) fn axes_of(axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let mut found = axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?;
    let given = found.len();
    found.sort_unstable();
    found.dedup();
    if found.len() != given {
        return Err(Error::new(Kind::Value, format!("axes {axes:?} name one axis twice")));
    }
    Ok(found)
}

fn unsqueeze(call: &Call, axes: Option<&[i64]>) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let axes = either(call, axes, 1)?.ok_or_else(|| Error::new(Kind::Malformed, "no axes are given"))?;
    let rank = x.shape().len().saturating_add(axes.len());
    room(&vec![1; rank.min(crate::limits::MAX_RANK + 1)])?;
    let axes = axes_of(&axes, rank)?;
    let mut extents = x.shape().iter();
    let shape: Vec<usize> = (0..rank)
        .map(|axis| if axes.contains(&axis) { 1 } else { extents.next().copied().unwrap_or(1) })
        .collect();
    x.reshaped(&shape)
}

fn squeeze(call: &Call, axes: Option<&[i64]>) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let rank = x.shape().len();
    let axes = match either(call, axes, 1)? {
        Some(axes) => axes_of(&axes, rank)?,
        None => (0..rank).filter(|axis| x.shape()[*axis] == 1).collect(),
    };
    if let Some(axis) = axes.iter().find(|axis| x.shape()[**axis] != 1) {
        let message = format!("axis {axis} of shape {:?} has an extent other than 1", x.shape());
        return Err(Error::new(Kind::Value, message));
    }
    let kept: Vec<usize> =
        (0..rank).filter(|axis| !axes.contains(axis)).map(|axis| x.shape()[axis]).collect();
    x.reshaped(&kept)
}

fn dropout(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.tensor(0)?;
    if let Some(Tensor::Bool(training)) = call.optional(2)
        && training.iter().any(|on| *on)
    {
        return Err(Error::new(Kind::Unsupported, "Dropout in training is not supported"));
    }
    let mask = ArrayD::from_elem(IxDyn(x.shape()), true);
    Ok(vec![x.clone(), Tensor::Bool(mask)])
}

/// Extents of an image: `[images, channels, height, width]`.
fn image(x: &Tensor) -> Result<[usize; 4]> {
    <[usize; 4]>::try_from(x.shape())
        .map_err(|_| Error::new(Kind::Value, format!("an image has 4 axes, not shape {:?}", x.shape())))
}

fn divided(extent: usize, by: usize, what: &str) -> Result<usize> {
    if by == 0 || !extent.is_multiple_of(by) {
        return Err(Error::new(Kind::Value, format!("{extent} {what} do not divide into blocks of {by}")));
    }
    Ok(extent / by)
}

fn space_to_depth(x: &Tensor, block: usize) -> Result<Tensor> {
    let [n, c, h, w] = image(x)?;
    let (h, w) = (divided(h, block, "rows")?, divided(w, block, "columns")?);
    let cut = x.reshaped(&[n, c, h, block, w, block])?;
    let moved = super::shape::transpose(&cut, Some(&[0, 3, 5, 1, 2, 4]))?;
    moved.reshaped(&[n, c * block * block, h, w])
}

fn depth_to_space(x: &Tensor, block: usize, columns_first: bool) -> Result<Tensor> {
    let [n, c, h, w] = image(x)?;
    let c = divided(c, block * block, "channels")?;
    let (cut, perm) = match columns_first {
        true => ([n, c, block, block, h, w], [0, 1, 4, 2, 5, 3]),
        false => ([n, block, block, c, h, w], [0, 3, 4, 1, 5, 2]),
    };
    super::shape::transpose(&x.reshaped(&cut)?, Some(&perm))?.reshaped(&[n, c, h * block, w * block])
}
