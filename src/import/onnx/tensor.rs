//! TensorProto → Tensor, and the element types goldpath carries.

use ndarray::{ArrayD, IxDyn};

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
        other => {
            let name = usize::try_from(other).ok().and_then(|i| NAMES.get(i)).unwrap_or(&"unknown");
            return Err(Error::new(
                Kind::Unsupported,
                format!("element type {name} ({other}) is not supported"),
            )
            .help("supported: float (32 bits), bool and the integers of 8, 16, 32 and 64 bits"));
        }
    })
}

/// Reads an initialiser or attribute, from `raw_data` or from the field of its type.
pub(super) fn tensor(proto: &TensorProto) -> Result<Tensor> {
    if proto.data_location == Some(1) {
        return Err(Error::new(Kind::Unsupported, "its data lies in an external file").help(
            "save the model as one file: onnx.save(onnx.load(path), path, save_as_external_data=False)",
        ));
    }
    let dtype = element_type(proto.data_type.unwrap_or(0))?;
    let shape: Result<Vec<usize>, _> = proto.dims.iter().map(|d| usize::try_from(*d)).collect();
    let shape =
        shape.map_err(|_| Error::new(Kind::Malformed, format!("impossible shape {:?}", proto.dims)))?;
    element_count(&shape)?;
    let fields = Fields { proto, shape: &shape };
    Ok(match dtype {
        DType::F32 => Tensor::F32(fields.read(f32::from_le_bytes, &proto.float_data, |v| Some(*v))?),
        DType::U8 => {
            Tensor::U8(fields.read(u8::from_le_bytes, &proto.int32_data, |v| u8::try_from(*v).ok())?)
        }
        DType::I8 => {
            Tensor::I8(fields.read(i8::from_le_bytes, &proto.int32_data, |v| i8::try_from(*v).ok())?)
        }
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
    proto: &'a TensorProto,
    shape: &'a [usize],
}

impl Fields<'_> {
    fn read<T, S, const N: usize>(
        &self,
        decode: impl Fn([u8; N]) -> T,
        typed: &[S],
        narrow: impl Fn(&S) -> Option<T>,
    ) -> Result<ArrayD<T>> {
        let elements: Vec<T> = match &self.proto.raw_data {
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
