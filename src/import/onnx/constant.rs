//! The Constant operator: one value, in whichever attribute it stands.

use ndarray::{Array1, arr0};

use super::external::External;
use super::proto::{AttributeProto, NodeProto};
use super::tensor;
use crate::error::{Error, Kind, Result};
use crate::network::Tensor;

/// The tensor that a Constant node writes.
///
/// # Errors
/// No value or several, one of a type that is not carried ([`Kind::Unsupported`]), or a damaged one.
pub(super) fn value(proto: &NodeProto, external: &External) -> Result<Tensor> {
    let [only] = proto.attribute.as_slice() else {
        let message = format!("a Constant has one value, not {}", proto.attribute.len());
        return Err(Error::new(Kind::Malformed, message));
    };
    let name = only.name.as_deref().unwrap_or("");
    let missing = || Error::new(Kind::Malformed, format!("attribute {name} holds no value of its type"));
    Ok(match name {
        "value" => tensor::tensor(only.t.as_ref().ok_or_else(missing)?, external)?,
        "value_int" => Tensor::I64(arr0(only.i.ok_or_else(missing)?).into_dyn()),
        "value_float" => Tensor::F32(arr0(only.f.ok_or_else(missing)?).into_dyn()),
        "value_ints" => Tensor::I64(list(only, &only.ints)?),
        "value_floats" => Tensor::F32(list(only, &only.floats)?),
        other => {
            let message = format!("a Constant with the attribute {other:?} is not supported");
            return Err(Error::new(Kind::Unsupported, message));
        }
    })
}

/// # Errors
/// The attribute says that it is of another type.
fn list<T: Clone>(attribute: &AttributeProto, values: &[T]) -> Result<ndarray::ArrayD<T>> {
    /// `AttributeProto.AttributeType`: FLOATS and INTS; undefined in old files.
    const LISTS: [Option<i32>; 4] = [None, Some(0), Some(6), Some(7)];
    if LISTS.contains(&attribute.r#type) {
        return Ok(Array1::from(values.to_vec()).into_dyn());
    }
    Err(Error::new(Kind::Malformed, "an attribute that should be a list says that it is none"))
}
