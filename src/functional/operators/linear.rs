//! QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear and Cast.

use ndarray::{ArrayD, arr0};
use rayon::prelude::*;

use super::pointwise::{PART, in_order, map};
use super::{Call, axis_of, isa, rails};
use crate::error::{Error, Kind, Result};
use crate::functional::kernels;
use crate::network::{DType, Tensor, map_tensor};
use crate::post::onnx::{self, Codes};

pub(super) fn quantize(call: &Call, axis: i64, dtype: Option<DType>) -> Result<Tensor> {
    let x = call.f32(0)?;
    let scales = call.scales(1)?;
    let dtype = match (call.optional(2), dtype) {
        (Some(zero), _) => zero.dtype(),
        (None, dtype) => dtype.unwrap_or(DType::U8),
    };
    let zeros = call.zero_points(2, dtype)?;
    let slices = Slices::new(x.shape(), axis, scales.len(), zeros.len())?;
    let rules: Vec<Codes> =
        (0..scales.len()).map(|i| rails(dtype, zeros[i.min(zeros.len() - 1)])).collect::<Result<_>>()?;
    macro_rules! to {
        ($variant:ident, $kernel:ident) => {
            Tensor::$variant(slices.map(x, |out, x, slice| {
                kernels::float::$kernel(isa(), out, x, scales[slice], rules[slice]);
            }))
        };
    }
    Ok(match dtype {
        DType::U8 => to!(U8, quantize_u8),
        DType::I8 => to!(I8, quantize_i8),
        DType::U16 => to!(U16, quantize_u16),
        DType::I16 => to!(I16, quantize_i16),
        other => return Err(rails(other, 0).err().unwrap_or_else(|| unlike_codes(other))),
    })
}

fn unlike_codes(dtype: DType) -> Error {
    Error::new(Kind::Unsupported, format!("quantising to {dtype} is not supported"))
}

pub(super) fn dequantize(call: &Call, axis: i64) -> Result<Tensor> {
    let tensor = call.tensor(0)?;
    let scales = call.scales(1)?;
    let zeros = call.zero_points(2, tensor.dtype())?;
    let slices = Slices::new(tensor.shape(), axis, scales.len(), zeros.len())?;
    let zero = |slice: usize| zeros[slice.min(zeros.len() - 1)];
    macro_rules! from {
        ($codes:expr, $kernel:ident) => {
            slices.map($codes, |out, codes, slice| {
                kernels::float::$kernel(isa(), out, codes, zero(slice), scales[slice]);
            })
        };
    }
    Ok(Tensor::F32(match tensor {
        Tensor::U8(codes) => from!(codes, dequantize_u8),
        Tensor::I8(codes) => from!(codes, dequantize_i8),
        Tensor::U16(codes) => from!(codes, dequantize_u16),
        Tensor::I16(codes) => from!(codes, dequantize_i16),
        other => slices.map(&other.to_i32()?, |out, codes, slice| {
            out.iter_mut().zip(codes).for_each(|(real, code)| {
                *real = onnx::dequantize(*code, zero(slice), scales[slice]);
            });
        }),
    }))
}

/// Per tensor (one slice, the whole) or one slice per index of an axis.
struct Slices {
    count: usize,
    /// Elements of a slice that lie side by side.
    inner: usize,
}

impl Slices {
    fn new(shape: &[usize], axis: i64, scales: usize, zeros: usize) -> Result<Slices> {
        if zeros == 0 || (zeros != 1 && zeros != scales) {
            return Err(Error::new(
                Kind::Value,
                format!("{scales} scales and {zeros} zero points do not match"),
            ));
        }
        if scales == 1 {
            return Ok(Slices { count: 1, inner: shape.iter().product() });
        }
        let axis = axis_of(axis, shape.len())?;
        if shape[axis] != scales {
            let message = format!("{scales} scales for the {} slices of axis {axis}", shape[axis]);
            return Err(Error::new(Kind::Value, message));
        }
        Ok(Slices { count: scales, inner: shape[axis + 1..].iter().product() })
    }

    /// What `rule` makes of every run of elements, told the slice that they belong to; in parallel.
    fn map<T: Copy + Sync, U: Copy + Default + Send + Sync>(
        &self,
        x: &ArrayD<T>,
        rule: impl Fn(&mut [U], &[T], usize) + Sync,
    ) -> ArrayD<U> {
        let values = in_order(x);
        let mut out = kernels::zeros(values.len());
        if self.count == 1 {
            kernels::parts(&mut out, PART, 1, &|index, out| {
                let x = &values[index * PART..][..out.len()];
                rule(out, x, 0);
            });
        } else if !values.is_empty() {
            kernels::parts(&mut out, self.inner, PART.div_ceil(self.inner), &|index, out| {
                rule(out, &values[index * self.inner..][..self.inner], index % self.count);
            });
        }
        ArrayD::from_shape_vec(x.raw_dim(), out).expect("as many as there were")
    }
}

/// Scale and zero point of codes that are to hold all of `values`, which one pass over them finds.
///
/// # Errors
/// A value that is not finite.
pub(super) fn dynamic_parameters(values: &[f32]) -> Result<(f32, i32)> {
    let (low, high) = values
        .par_chunks(PART)
        .map(|part| kernels::float::extremes(isa(), part))
        .reduce(|| (0.0, 0.0), |a, b| (if a.0.is_nan() || a.0 < b.0 { a.0 } else { b.0 }, a.1.max(b.1)));
    if !(low.is_finite() && high.is_finite()) {
        let bad = values.iter().find(|value| !value.is_finite()).copied().unwrap_or(f32::NAN);
        return Err(Error::new(Kind::Value, format!("a value of {bad} cannot be quantised dynamically")));
    }
    Ok(onnx::dynamic_parameters(low, high))
}

/// Codes, scale, zero point.
pub(super) fn dynamic_quantize(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.f32(0)?;
    let values = in_order(x);
    let (scale, zero) = dynamic_parameters(&values)?;
    let rule = rails(DType::U8, zero)?;
    let mut codes = kernels::zeros(values.len());
    kernels::parts(&mut codes, PART, 1, &|index, codes| {
        let x = &values[index * PART..][..codes.len()];
        kernels::float::quantize_u8(isa(), codes, x, scale, rule);
    });
    let codes = ArrayD::from_shape_vec(x.raw_dim(), codes).expect("one code per value");
    let zero = arr0(zero).into_dyn();
    Ok(vec![Tensor::U8(codes), Tensor::F32(arr0(scale).into_dyn()), Tensor::from_codes(zero, DType::U8)])
}

/// Integer to integer wraps; integer to float32 rounds to even; float to integer is the C++ cast of an x86-64, which ONNX
/// leaves open outside the target's range (see [`onnx::cast_i32`]).
pub(super) fn cast(x: &Tensor, to: DType) -> Result<Tensor> {
    // `as` is the rule here: modulo the target's width, or to the nearest float32.
    macro_rules! to {
        ($variant:ident, $type:ty, $float:expr) => {
            Tensor::$variant(match x {
                Tensor::F32(a) => map(a, $float),
                Tensor::U8(a) | Tensor::U4(a) => map(a, |v| v as $type),
                Tensor::I8(a) | Tensor::I4(a) => map(a, |v| v as $type),
                Tensor::U16(a) => map(a, |v| v as $type),
                Tensor::I16(a) => map(a, |v| v as $type),
                Tensor::U32(a) => map(a, |v| v as $type),
                Tensor::I32(a) => map(a, |v| v as $type),
                Tensor::U64(a) => map(a, |v| v as $type),
                Tensor::I64(a) => map(a, |v| v as $type),
                Tensor::Bool(a) => map(a, |v| u8::from(v) as $type),
            })
        };
    }
    Ok(match to {
        same if same == x.dtype() => map_tensor!(x, a => a.clone()),
        DType::F32 => to!(F32, f32, |v| v),
        DType::U8 => to!(U8, u8, |v| onnx::cast_i32(v) as u8),
        DType::I8 => to!(I8, i8, |v| onnx::cast_i32(v) as i8),
        DType::U4 | DType::I4 => {
            // The low four bits; of int4, in two's complement.
            let low = cast(x, DType::I32)?.to_i32()?.mapv(|v| v & 15);
            Tensor::from_codes(if to == DType::U4 { low } else { low.mapv(|v| (v ^ 8) - 8) }, to)
        }
        DType::U16 => to!(U16, u16, |v| onnx::cast_i32(v) as u16),
        DType::I16 => to!(I16, i16, |v| onnx::cast_i32(v) as i16),
        DType::U32 => to!(U32, u32, |v| onnx::cast_i64(v) as u32),
        DType::I32 => to!(I32, i32, onnx::cast_i32),
        DType::U64 => to!(U64, u64, onnx::cast_u64),
        DType::I64 => to!(I64, i64, onnx::cast_i64),
        // NaN is no zero.
        DType::Bool => Tensor::Bool(match x {
            Tensor::F32(a) => a.mapv(|v| v != 0.0),
            Tensor::U64(a) => a.mapv(|v| v != 0),
            integer => integer.to_i64()?.mapv(|v| v != 0),
        }),
    })
}
