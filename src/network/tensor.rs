//! A dense tensor whose element type is known at run time: the carrier of codes, accumulators and floats.

use std::fmt;

use ndarray::{ArrayD, IxDyn};

use crate::error::{Error, Kind, Result};
use crate::limits::element_count;
use crate::num::Format;

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DType {
    /// uint8.
    U8,
    /// int8.
    I8,
    /// uint4, each element in a byte of its own.
    U4,
    /// int4, each element in a byte of its own.
    I4,
    /// uint16.
    U16,
    /// int16.
    I16,
    /// uint32.
    U32,
    /// int32.
    I32,
    /// uint64.
    U64,
    /// int64.
    I64,
    /// IEEE 754 binary32.
    F32,
    /// Truth values, one byte each.
    Bool,
}

impl DType {
    /// numpy's name: `uint8`, `float32`, …
    pub const fn name(self) -> &'static str {
        match self {
            DType::U8 => "uint8",
            DType::I8 => "int8",
            DType::U4 => "uint4",
            DType::I4 => "int4",
            DType::U16 => "uint16",
            DType::I16 => "int16",
            DType::U32 => "uint32",
            DType::I32 => "int32",
            DType::U64 => "uint64",
            DType::I64 => "int64",
            DType::F32 => "float32",
            DType::Bool => "bool",
        }
    }

    /// Whether elements can be codes or accumulators; float32 and bool cannot.
    pub const fn is_integer(self) -> bool {
        !matches!(self, DType::F32 | DType::Bool)
    }

    /// Size of one element in bytes.
    pub const fn size_bytes(self) -> usize {
        match self {
            DType::U4 | DType::I4 | DType::U8 | DType::I8 | DType::Bool => 1,
            DType::U16 | DType::I16 => 2,
            DType::U32 | DType::I32 | DType::F32 => 4,
            DType::U64 | DType::I64 => 8,
        }
    }

    /// The integer format of the element; `None` for float32, bool, and uint64, which has no [`Format`].
    pub const fn format(self) -> Option<Format> {
        match self {
            DType::U8 => Format::unsigned(8),
            DType::I8 => Format::signed(8),
            DType::U4 => Format::unsigned(4),
            DType::I4 => Format::signed(4),
            DType::U16 => Format::unsigned(16),
            DType::I16 => Format::signed(16),
            DType::U32 => Format::unsigned(32),
            DType::I32 => Format::signed(32),
            DType::I64 => Format::signed(64),
            DType::U64 | DType::F32 | DType::Bool => None,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A dense tensor in C order.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// uint8 elements.
    U8(ArrayD<u8>),
    /// int8 elements.
    I8(ArrayD<i8>),
    /// uint4 elements.
    U4(ArrayD<u8>),
    /// int4 elements.
    I4(ArrayD<i8>),
    /// uint16 elements.
    U16(ArrayD<u16>),
    /// int16 elements.
    I16(ArrayD<i16>),
    /// uint32 elements.
    U32(ArrayD<u32>),
    /// int32 elements.
    I32(ArrayD<i32>),
    /// uint64 elements.
    U64(ArrayD<u64>),
    /// int64 elements.
    I64(ArrayD<i64>),
    /// float32 elements.
    F32(ArrayD<f32>),
    /// Truth values.
    Bool(ArrayD<bool>),
}

/// Runs one expression for whatever array a [`Tensor`] holds.
macro_rules! for_tensor {
    ($tensor:expr, $array:ident => $body:expr) => {
        match $tensor {
            $crate::network::Tensor::U8($array) => $body,
            $crate::network::Tensor::I8($array) => $body,
            $crate::network::Tensor::U4($array) => $body,
            $crate::network::Tensor::I4($array) => $body,
            $crate::network::Tensor::U16($array) => $body,
            $crate::network::Tensor::I16($array) => $body,
            $crate::network::Tensor::U32($array) => $body,
            $crate::network::Tensor::I32($array) => $body,
            $crate::network::Tensor::U64($array) => $body,
            $crate::network::Tensor::I64($array) => $body,
            $crate::network::Tensor::F32($array) => $body,
            $crate::network::Tensor::Bool($array) => $body,
        }
    };
}

/// As `for_tensor!`, and wraps the resulting array in the same variant.
macro_rules! map_tensor {
    ($tensor:expr, $array:ident => $body:expr) => {
        match $tensor {
            $crate::network::Tensor::U8($array) => $crate::network::Tensor::U8($body),
            $crate::network::Tensor::I8($array) => $crate::network::Tensor::I8($body),
            $crate::network::Tensor::U4($array) => $crate::network::Tensor::U4($body),
            $crate::network::Tensor::I4($array) => $crate::network::Tensor::I4($body),
            $crate::network::Tensor::U16($array) => $crate::network::Tensor::U16($body),
            $crate::network::Tensor::I16($array) => $crate::network::Tensor::I16($body),
            $crate::network::Tensor::U32($array) => $crate::network::Tensor::U32($body),
            $crate::network::Tensor::I32($array) => $crate::network::Tensor::I32($body),
            $crate::network::Tensor::U64($array) => $crate::network::Tensor::U64($body),
            $crate::network::Tensor::I64($array) => $crate::network::Tensor::I64($body),
            $crate::network::Tensor::F32($array) => $crate::network::Tensor::F32($body),
            $crate::network::Tensor::Bool($array) => $crate::network::Tensor::Bool($body),
        }
    };
}

pub(crate) use {for_tensor, map_tensor};

impl Tensor {
    /// Element type, by which the variant was chosen.
    pub fn dtype(&self) -> DType {
        match self {
            Tensor::U8(_) => DType::U8,
            Tensor::I8(_) => DType::I8,
            Tensor::U4(_) => DType::U4,
            Tensor::I4(_) => DType::I4,
            Tensor::U16(_) => DType::U16,
            Tensor::I16(_) => DType::I16,
            Tensor::U32(_) => DType::U32,
            Tensor::I32(_) => DType::I32,
            Tensor::U64(_) => DType::U64,
            Tensor::I64(_) => DType::I64,
            Tensor::F32(_) => DType::F32,
            Tensor::Bool(_) => DType::Bool,
        }
    }

    /// Extents, outermost first; `[]` for a scalar.
    pub fn shape(&self) -> &[usize] {
        for_tensor!(self, a => a.shape())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        for_tensor!(self, a => a.len())
    }

    /// Whether some extent is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same elements in C order under another shape.
    ///
    /// # Errors
    /// The element counts differ, or the shape is too large.
    pub fn reshaped(&self, shape: &[usize]) -> Result<Tensor> {
        if element_count(shape)? != self.len() {
            let message = format!("{} elements cannot take shape {shape:?}", self.len());
            return Err(Error::new(Kind::Value, message));
        }
        let flat = |len| IxDyn(&[len]);
        Ok(map_tensor!(self, a => {
            let elements: Vec<_> = a.iter().copied().collect();
            let array = ndarray::Array::from_shape_vec(flat(elements.len()), elements);
            array.and_then(|a| a.into_shape_with_order(IxDyn(shape))).expect("counted above")
        }))
    }

    /// Every element as i64 in C order; truth values as 0 and 1.
    ///
    /// # Errors
    /// float32, and a uint64 above 2^63 − 1.
    pub fn to_i64(&self) -> Result<ArrayD<i64>> {
        match self {
            Tensor::U8(a) | Tensor::U4(a) => Ok(a.mapv(i64::from)),
            Tensor::I8(a) | Tensor::I4(a) => Ok(a.mapv(i64::from)),
            Tensor::U16(a) => Ok(a.mapv(i64::from)),
            Tensor::I16(a) => Ok(a.mapv(i64::from)),
            Tensor::U32(a) => Ok(a.mapv(i64::from)),
            Tensor::I32(a) => Ok(a.mapv(i64::from)),
            Tensor::I64(a) => Ok(a.clone()),
            Tensor::Bool(a) => Ok(a.mapv(i64::from)),
            Tensor::U64(a) => match a.indexed_iter().find(|(_, v)| i64::try_from(**v).is_err()) {
                None => Ok(a.mapv(u64::cast_signed)),
                Some((at, value)) => {
                    let message =
                        format!("element {:?} is {value}, outside int64", ndarray::Dimension::slice(&at));
                    Err(Error::new(Kind::Value, message))
                }
            },
            Tensor::F32(_) => Err(Error::new(Kind::Value, "integer elements are needed, not float32")),
        }
    }

    /// Every element as i32, for operand codes.
    ///
    /// # Errors
    /// uint32, a dtype wider than int32, float32, and bool.
    pub fn to_i32(&self) -> Result<ArrayD<i32>> {
        match self {
            Tensor::U8(a) | Tensor::U4(a) => Ok(a.mapv(i32::from)),
            Tensor::I8(a) | Tensor::I4(a) => Ok(a.mapv(i32::from)),
            Tensor::U16(a) => Ok(a.mapv(i32::from)),
            Tensor::I16(a) => Ok(a.mapv(i32::from)),
            Tensor::I32(a) => Ok(a.clone()),
            other => Err(Error::new(
                Kind::Value,
                format!("codes of at most 32 bits are needed, not {}", other.dtype()),
            )),
        }
    }

    /// Codes back into their integer type, clamped to it.
    ///
    /// # Panics
    /// When `dtype` is float32, bool or uint64: callers take the dtype from a zero point, which is none of them.
    pub fn from_codes(codes: ArrayD<i32>, dtype: DType) -> Tensor {
        // Each `as` follows a clamp into the target's range, so none can lose a bit.
        match dtype {
            DType::U8 => Tensor::U8(codes.mapv(|v| v.clamp(0, 255) as u8)),
            DType::I8 => Tensor::I8(codes.mapv(|v| v.clamp(-128, 127) as i8)),
            DType::U4 => Tensor::U4(codes.mapv(|v| v.clamp(0, 15) as u8)),
            DType::I4 => Tensor::I4(codes.mapv(|v| v.clamp(-8, 7) as i8)),
            DType::U16 => Tensor::U16(codes.mapv(|v| v.clamp(0, 65535) as u16)),
            DType::I16 => Tensor::I16(codes.mapv(|v| v.clamp(-32768, 32767) as i16)),
            DType::U32 => Tensor::U32(codes.mapv(|v| v.max(0) as u32)),
            DType::I32 => Tensor::I32(codes),
            DType::I64 => Tensor::I64(codes.mapv(i64::from)),
            DType::U64 | DType::F32 | DType::Bool => panic!("{dtype} is no code type"),
        }
    }
}
