//! TensorProto → Tensor, and the element types goldpath carries.

use ndarray::{ArrayD, IxDyn};

use super::external::External;
use super::proto::TensorProto;
use crate::error::{Error, Kind, Result};
use crate::network::{DType, Tensor, element_count};

/// `TensorProto.DataType` by its number.
pub(super) fn element_type(code: i32) -> Result<DType> {
    const NAMES: [&str; 24] = [
        "undefined",
        "float",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "double",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
        "float8e4m3fn",
        "float8e4m3fnuz",
        "float8e5m2",
        "float8e5m2fnuz",
        "uint4",
        "int4",
        "float4e2m1",
    ];
    Ok(match code {
        1 => DType::F32,
        2 => DType::U8,
        3 => DType::I8,
        4 => DType::U16,
        5 => DType::I16,
        6 => DType::I32,
        7 => DType::I64,
        9 => DType::Bool,
        12 => DType::U32,
        13 => DType::U64,
        21 => DType::U4,
        22 => DType::I4,
        other => {
            let name = usize::try_from(other).ok().and_then(|i| NAMES.get(i)).unwrap_or(&"unknown");
            return Err(Error::new(
                Kind::Unsupported,
                format!("element type {name} ({other}) is not supported"),
            )
            .help("supported: float (32 bits), bool and the integers of 4, 8, 16, 32 and 64 bits"));
        }
    })
}

/// Reads an initialiser or attribute, from `raw_data`, from the field of its type or from the file it names.
pub(super) fn tensor(proto: &TensorProto, external: &External) -> Result<Tensor> {
    let dtype = element_type(proto.data_type.unwrap_or(0))?;
    let shape: Result<Vec<usize>, _> = proto.dims.iter().map(|d| usize::try_from(*d)).collect();
    let shape =
        shape.map_err(|_| Error::new(Kind::Malformed, format!("impossible shape {:?}", proto.dims)))?;
    let elements = element_count(&shape)?;
    let size = match dtype {
        DType::U4 | DType::I4 => elements.div_ceil(2),
        dtype => elements.saturating_mul(dtype.size_bytes()),
    };
    let read = (proto.data_location == Some(1)).then(|| external.read(&proto.external_data, size as u64));
    let read = read.transpose()?;
    let raw = read.as_deref().or(proto.raw_data.as_deref());
    let fields = Fields { raw, shape: &shape };
    Ok(match dtype {
        DType::F32 => Tensor::F32(fields.read(f32::from_le_bytes, &proto.float_data, |v| Some(*v))?),
        DType::U8 => {
            Tensor::U8(fields.read(u8::from_le_bytes, &proto.int32_data, |v| u8::try_from(*v).ok())?)
        }
        DType::I8 => {
            Tensor::I8(fields.read(i8::from_le_bytes, &proto.int32_data, |v| i8::try_from(*v).ok())?)
        }
        DType::U4 => Tensor::U4(fields.nibbles(&proto.int32_data, |nibble| nibble)?),
        // Two's complement.
        DType::I4 => Tensor::I4(fields.nibbles(&proto.int32_data, |n| (n << 4).cast_signed() >> 4)?),
        DType::U16 => {
            Tensor::U16(fields.read(u16::from_le_bytes, &proto.int32_data, |v| u16::try_from(*v).ok())?)
        }
        DType::I16 => {
            Tensor::I16(fields.read(i16::from_le_bytes, &proto.int32_data, |v| i16::try_from(*v).ok())?)
        }
        DType::I32 => Tensor::I32(fields.read(i32::from_le_bytes, &proto.int32_data, |v| Some(*v))?),
        DType::I64 => Tensor::I64(fields.read(i64::from_le_bytes, &proto.int64_data, |v| Some(*v))?),
        DType::U32 => {
            Tensor::U32(fields.read(u32::from_le_bytes, &proto.uint64_data, |v| u32::try_from(*v).ok())?)
        }
        DType::Bool => {
            Tensor::Bool(fields.read(|[byte]: [u8; 1]| byte != 0, &proto.int32_data, |v| Some(*v != 0))?)
        }
        DType::U64 => Tensor::U64(fields.read(u64::from_le_bytes, &proto.uint64_data, |v| Some(*v))?),
    })
}

struct Fields<'a> {
    /// The elements' bytes; none where they stand in the field of their type.
    raw: Option<&'a [u8]>,
    shape: &'a [usize],
}

impl Fields<'_> {
    /// Two elements a byte, the first one below; in the field of their type, a number holds one byte.
    fn nibbles<T>(&self, typed: &[i32], decode: impl Fn(u8) -> T) -> Result<ArrayD<T>> {
        let elements: usize = self.shape.iter().product();
        let wrong = |what: String| Error::new(Kind::Malformed, what);
        let bytes: Vec<u8> = match self.raw {
            Some(raw) => raw.to_vec(),
            None => typed
                .iter()
                .map(|v| u8::try_from(*v & 0xff).map_err(|_| wrong("an element exceeds its type".to_owned())))
                .collect::<Result<_>>()?,
        };
        if bytes.len() != elements.div_ceil(2) {
            let message = format!("shape {:?} is not held by {} bytes", self.shape, bytes.len());
            return Err(wrong(format!("{message}, two elements each")));
        }
        let nibbles = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]).take(elements).map(decode);
        Ok(ArrayD::from_shape_vec(IxDyn(self.shape), nibbles.collect()).expect("counted above"))
    }

    fn read<T, S, const N: usize>(
        &self,
        decode: impl Fn([u8; N]) -> T,
        typed: &[S],
        narrow: impl Fn(&S) -> Option<T>,
    ) -> Result<ArrayD<T>> {
        let elements: Vec<T> = match self.raw {
            Some(raw) if raw.len() % N != 0 => {
                let message = format!("{} bytes of data are no whole number of {N}-byte elements", raw.len());
                return Err(Error::new(Kind::Malformed, message));
            }
            Some(raw) => raw.chunks_exact(N).map(|c| decode(c.try_into().expect("chunks of N"))).collect(),
            None => typed
                .iter()
                .map(|v| narrow(v).ok_or_else(|| Error::new(Kind::Malformed, "an element exceeds its type")))
                .collect::<Result<_>>()?,
        };
        let found = elements.len();
        ArrayD::from_shape_vec(IxDyn(self.shape), elements).map_err(|_| {
            Error::new(Kind::Malformed, format!("shape {:?} does not hold {found} elements", self.shape))
        })
    }
}
