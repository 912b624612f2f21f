//! QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear and Cast.

use ndarray::{ArrayD, Axis, arr0};

use super::{Call, axis_of, rails};
use crate::error::{Error, Kind, Result};
use crate::network::{DType, Tensor, map_tensor};
use crate::post::onnx;

pub(super) fn quantize(call: &Call, axis: i64, dtype: Option<DType>) -> Result<Tensor> {
    let x = call.f32(0)?;
    let scales = call.scales(1)?;
    let dtype = match (call.optional(2), dtype) {
        (Some(zero), _) => zero.dtype(),
        (None, dtype) => dtype.unwrap_or(DType::U8),
    };
    let zeros = call.zero_points(2, dtype)?;
    let slices = Slices::new(x.shape(), axis, scales.len(), zeros.len())?;
    let mut codes = ArrayD::<i32>::zeros(x.raw_dim());
    for slice in slices.each() {
        let (scale, rule) = (scales[slice], rails(dtype, zeros[slice.min(zeros.len() - 1)])?);
        slices.pick_mut(&mut codes, slice).zip_mut_with(&slices.pick(x, slice), |code, x| {
            *code = onnx::quantize(*x, scale, rule);
        });
    }
    Ok(Tensor::from_codes(codes, dtype))
}

pub(super) fn dequantize(call: &Call, axis: i64) -> Result<Tensor> {
    let tensor = call.tensor(0)?;
    let codes = tensor.to_i32()?;
    let scales = call.scales(1)?;
    let zeros = call.zero_points(2, tensor.dtype())?;
    let slices = Slices::new(codes.shape(), axis, scales.len(), zeros.len())?;
    let mut real = ArrayD::<f32>::zeros(codes.raw_dim());
    for slice in slices.each() {
        let (scale, zero) = (scales[slice], zeros[slice.min(zeros.len() - 1)]);
        slices.pick_mut(&mut real, slice).zip_mut_with(&slices.pick(&codes, slice), |real, code| {
            *real = onnx::dequantize(*code, zero, scale);
        });
    }
    Ok(Tensor::F32(real))
}

/// Per tensor (one slice, the whole) or one slice per index of an axis.
struct Slices {
    axis: Option<Axis>,
    count: usize,
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
            return Ok(Slices { axis: None, count: 1 });
        }
        let axis = axis_of(axis, shape.len())?;
        if shape[axis] != scales {
            let message = format!("{scales} scales for the {} slices of axis {axis}", shape[axis]);
            return Err(Error::new(Kind::Value, message));
        }
        Ok(Slices { axis: Some(Axis(axis)), count: scales })
    }

    fn each(&self) -> std::ops::Range<usize> {
        0..self.count
    }

    fn pick<'a, T>(&self, array: &'a ArrayD<T>, slice: usize) -> ndarray::ArrayViewD<'a, T> {
        self.axis.map_or_else(|| array.view(), |axis| array.index_axis(axis, slice))
    }

    fn pick_mut<'a, T>(&self, array: &'a mut ArrayD<T>, slice: usize) -> ndarray::ArrayViewMutD<'a, T> {
        match self.axis {
            Some(axis) => array.index_axis_mut(axis, slice),
            None => array.view_mut(),
        }
    }
}

/// Codes, scale, zero point.
pub(super) fn dynamic_quantize(call: &Call) -> Result<Vec<Tensor>> {
    let x = call.f32(0)?;
    if let Some(bad) = x.iter().find(|v| !v.is_finite()) {
        return Err(Error::new(Kind::Value, format!("a value of {bad} cannot be quantised dynamically")));
    }
    let low = x.iter().copied().fold(0.0f32, f32::min);
    let high = x.iter().copied().fold(0.0f32, f32::max);
    let (scale, zero) = onnx::dynamic_parameters(low, high);
    let rule = rails(DType::U8, zero)?;
    let codes = x.mapv(|v| onnx::quantize(v, scale, rule));
    let zero = arr0(zero).into_dyn();
    Ok(vec![
        Tensor::from_codes(codes, DType::U8),
        Tensor::F32(arr0(scale).into_dyn()),
        Tensor::from_codes(zero, DType::U8),
    ])
}

/// Integer to integer wraps, float to integer truncates and saturates, integer to float32 rounds to even.
pub(super) fn cast(x: &Tensor, to: DType) -> Result<Tensor> {
    // `as` is the rule here: ONNX leaves the conversions to the C++ casts that these are.
    macro_rules! to {
        ($variant:ident, $type:ty) => {
            match x {
                Tensor::F32(a) => Tensor::$variant(a.mapv(|v| v as $type)),
                integer => Tensor::$variant(integer.to_i64()?.mapv(|v| v as $type)),
            }
        };
    }
    Ok(match to {
        same if same == x.dtype() => map_tensor!(x, a => a.clone()),
        DType::F32 => to!(F32, f32),
        DType::U8 => to!(U8, u8),
        DType::I8 => to!(I8, i8),
        DType::U16 => to!(U16, u16),
        DType::I16 => to!(I16, i16),
        DType::U32 => to!(U32, u32),
        DType::I32 => to!(I32, i32),
        DType::U64 => to!(U64, u64),
        DType::I64 => to!(I64, i64),
        // NaN is no zero.
        DType::Bool => Tensor::Bool(match x {
            Tensor::F32(a) => a.mapv(|v| v != 0.0),
            integer => integer.to_i64()?.mapv(|v| v != 0),
        }),
    })
}
