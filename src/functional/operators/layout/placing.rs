//! Elements picked from, and put at, places that indices name: several axes at a time, or one of an element's own.

use ndarray::{ArrayD, IxDyn};

use super::indexing::index_of;
use super::{Call, axis_of};
use crate::error::{Error, Kind, Result};
use crate::functional::operators::size::room;
use crate::network::{Joining, Tensor, map_tensor};

/// Slices of a tensor, each at the place that a row of indices names along its first axes.
struct Slices {
    /// Where each begins, in elements.
    starts: Vec<usize>,
    /// Elements of each.
    length: usize,
    /// Extents of the slices: of the indices without their last axis, then of one slice.
    shape: Vec<usize>,
}

/// Elements between one place along an axis and the next.
fn stride(shape: &[usize], axis: usize) -> usize {
    shape[axis + 1..].iter().fold(1usize, |n, extent| n.saturating_mul(*extent))
}

/// # Errors
/// Indices that name no place of `shape`, of which the first `batch` axes are the indices' own.
fn slices(indices: &Tensor, shape: &[usize], batch: usize) -> Result<Slices> {
    let list = indices.to_i64()?;
    let wrong = || {
        let message = format!("indices of shape {:?} into shape {shape:?}, {batch} batch axes", list.shape());
        Error::new(Kind::Value, message)
    };
    let (&depth, lead) = list.shape().split_last().ok_or_else(wrong)?;
    let fits = depth > 0 && batch <= lead.len() && batch.saturating_add(depth) <= shape.len();
    if !fits || lead[..batch] != shape[..batch] {
        return Err(wrong());
    }
    let of_batch = shape[batch..].iter().fold(1usize, |n, extent| n.saturating_mul(*extent));
    let rows_of_batch = lead[batch..].iter().product::<usize>().max(1);
    let flat: Vec<i64> = list.iter().copied().collect();
    let start = |(row, places): (usize, &[i64])| {
        let first = (row / rows_of_batch).saturating_mul(of_batch);
        places.iter().zip(batch..).try_fold(first, |start, (place, axis)| {
            Ok(start + index_of(*place, shape[axis])? * stride(shape, axis))
        })
    };
    let starts = flat.chunks_exact(depth).enumerate().map(start).collect::<Result<_>>()?;
    let tail = &shape[batch + depth..];
    let length = stride(shape, batch + depth - 1);
    Ok(Slices { starts, length, shape: [lead, tail].concat() })
}

pub(super) fn gather_nd(call: &Call, batch: usize) -> Result<Tensor> {
    let x = call.tensor(0)?;
    let Slices { starts, length, shape } = slices(call.tensor(1)?, x.shape(), batch)?;
    room(&shape)?;
    Ok(map_tensor!(x, a => {
        let a = a.as_standard_layout();
        let elements = a.as_slice().unwrap_or(&[]);
        let found = starts.iter().flat_map(|start| elements[*start..*start + length].iter().copied());
        ArrayD::from_shape_vec(IxDyn(&shape), found.collect()).expect("one slice per row of indices")
    }))
}

pub(super) fn scatter_nd(call: &Call, joining: Joining) -> Result<Tensor> {
    let (x, updates) = (call.tensor(0)?, call.tensor(2)?);
    let Slices { starts, length, shape } = slices(call.tensor(1)?, x.shape(), 0)?;
    if updates.shape() != shape {
        let message = format!("updates of shape {:?}, where the indices name {shape:?}", updates.shape());
        return Err(Error::new(Kind::Value, message));
    }
    let places = starts.iter().flat_map(|start| *start..*start + length);
    placed(x, updates, places, joining)
}

pub(super) fn scatter_elements(call: &Call, axis: i64, joining: Joining) -> Result<Tensor> {
    let (x, indices, updates) = (call.tensor(0)?, call.tensor(1)?.to_i64()?, call.tensor(2)?);
    let axis = axis_of(axis, x.shape().len())?;
    let inside = |(other, (wanted, there)): (usize, (&usize, &usize))| other == axis || wanted <= there;
    let fits = indices.ndim() == x.shape().len()
        && updates.shape() == indices.shape()
        && indices.shape().iter().zip(x.shape()).enumerate().all(inside);
    if !fits {
        let (at, new, there) = (indices.shape(), updates.shape(), x.shape());
        let message = format!("updates of shape {new:?} at indices of shape {at:?} into shape {there:?}");
        return Err(Error::new(Kind::Value, message));
    }
    let strides: Vec<usize> = (0..x.shape().len()).map(|axis| stride(x.shape(), axis)).collect();
    let place = |(at, index): (IxDyn, &i64)| -> Result<usize> {
        let along = |a: usize| if a == axis { index_of(*index, x.shape()[a]) } else { Ok(at[a]) };
        (0..strides.len()).try_fold(0, |sum, a| Ok(sum + along(a)? * strides[a]))
    };
    let places = indices.indexed_iter().map(place).collect::<Result<Vec<_>>>()?;
    placed(x, updates, places.into_iter(), joining)
}

/// `x` with an element of `updates` at each of the places, one after the other.
fn placed(
    x: &Tensor,
    updates: &Tensor,
    places: impl Iterator<Item = usize>,
    joining: Joining,
) -> Result<Tensor> {
    fn all<T: Joined>(
        x: &ArrayD<T>,
        updates: &ArrayD<T>,
        places: impl Iterator<Item = usize>,
        joining: Joining,
    ) -> ArrayD<T> {
        let mut elements: Vec<T> = x.iter().copied().collect();
        for (place, update) in places.zip(updates) {
            elements[place] = elements[place].joined(*update, joining);
        }
        ArrayD::from_shape_vec(x.raw_dim(), elements).expect("as many as there were")
    }
    macro_rules! of_one_type {
        ($($variant:ident),*) => {
            match (x, updates) {
                (Tensor::Bool(_), _) if joining != Joining::Last => {
                    Err(Error::new(Kind::Unsupported, "a reduction of bools is not supported"))
                }
                $((Tensor::$variant(a), Tensor::$variant(updates)) => {
                    Ok(Tensor::$variant(all(a, updates, places, joining)))
                })*
                _ => {
                    let message = format!("updates are {}, the data is {}", updates.dtype(), x.dtype());
                    Err(Error::new(Kind::Value, message))
                }
            }
        };
    }
    of_one_type!(U8, I8, U16, I16, U32, I32, U64, I64, F32, Bool)
}

/// An element and an update of it.
trait Joined: Copy {
    fn joined(self, update: Self, joining: Joining) -> Self;
}

macro_rules! joined {
    ($($type:ty: $add:path, $mul:path);*) => {
        $(impl Joined for $type {
            fn joined(self, update: Self, joining: Joining) -> Self {
                match joining {
                    Joining::Last => update,
                    Joining::Add => $add(self, update),
                    Joining::Mul => $mul(self, update),
                    Joining::Min => if update < self { update } else { self },
                    Joining::Max => if update > self { update } else { self },
                }
            }
        })*
    };
}
// Integers wrap.
joined!(
    u8: u8::wrapping_add, u8::wrapping_mul;
    i8: i8::wrapping_add, i8::wrapping_mul;
    u16: u16::wrapping_add, u16::wrapping_mul;
    i16: i16::wrapping_add, i16::wrapping_mul;
    u32: u32::wrapping_add, u32::wrapping_mul;
    i32: i32::wrapping_add, i32::wrapping_mul;
    u64: u64::wrapping_add, u64::wrapping_mul;
    i64: i64::wrapping_add, i64::wrapping_mul;
    f32: std::ops::Add::add, std::ops::Mul::mul
);

impl Joined for bool {
    fn joined(self, update: Self, _: Joining) -> Self {
        update
    }
}
