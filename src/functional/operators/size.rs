//! What a node is about to allocate, counted before it is.

use super::Call;
use crate::error::Result;
use crate::limits::{bytes, check_room, element_count};
use crate::network::Tensor;

/// Bytes per input element that an operator may need beside its inputs: a copy as codes, and a result of the same
/// extents in the widest type.
const PER_INPUT: u64 = 12;

/// Bytes per element of a result that is larger than its inputs: in the widest type, and once more on the way.
const PER_OUTPUT: u64 = 12;

/// Refuses a node whose inputs could not be copied.
///
/// # Errors
/// There is no room for them.
pub fn check_inputs(call: &Call) -> Result<()> {
    let elements: Vec<usize> = call.inputs.iter().flatten().map(|tensor| tensor.len()).collect();
    let all = elements.iter().fold(0usize, |sum, n| sum.saturating_add(*n));
    check_room(bytes(&[all], PER_INPUT), || format!("what {} makes of {all} elements", call.node.kind))
}

/// Elements of a result (or a copy) of shape `shape`, for which there is room.
///
/// # Errors
/// The shape is too large, or there is no room for it.
pub fn room(shape: &[usize]) -> Result<usize> {
    let count = element_count(shape)?;
    check_room(bytes(&[count], PER_OUTPUT), || format!("a tensor of shape {shape:?}"))?;
    Ok(count)
}

/// As [`room`], for tensors side by side.
///
/// # Errors
/// As [`room`].
pub fn room_for_all(parts: &[&Tensor]) -> Result<()> {
    let all = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
    room(&[all]).map(drop)
}
