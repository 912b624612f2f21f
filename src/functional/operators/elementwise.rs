//! Sums, products, Relu and Clip.

use ndarray::ArrayD;

use super::pointwise::{PART, map, recoded, zip};
use super::{Call, isa, rails};
use crate::error::{Error, Kind, Result};
use crate::functional::kernels::codes::{add_i8, add_u8};
use crate::functional::kernels::{parts, zeros};
use crate::network::{DType, Tensor};
use crate::post::onnx;

pub(super) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match (a, b) {
        (Tensor::F32(a), Tensor::F32(b)) => Ok(Tensor::F32(zip(a, b, |a, b| a + b)?)),
        (Tensor::I32(a), Tensor::I32(b)) => Ok(Tensor::I32(zip(a, b, i32::wrapping_add)?)),
        (Tensor::I64(a), Tensor::I64(b)) => Ok(Tensor::I64(zip(a, b, i64::wrapping_add)?)),
        _ => Err(unlike(a, b)),
    }
}

pub(super) fn mul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match (a, b) {
        (Tensor::F32(a), Tensor::F32(b)) => Ok(Tensor::F32(zip(a, b, |a, b| a * b)?)),
        (Tensor::I32(a), Tensor::I32(b)) => Ok(Tensor::I32(zip(a, b, i32::wrapping_mul)?)),
        (Tensor::I64(a), Tensor::I64(b)) => Ok(Tensor::I64(zip(a, b, i64::wrapping_mul)?)),
        _ => Err(unlike(a, b)),
    }
}

fn unlike(a: &Tensor, b: &Tensor) -> Error {
    Error::new(Kind::Value, format!("operands of type {} and {}", a.dtype(), b.dtype()))
        .help("both must be float32, int32 or int64")
}

/// Inputs: a, its scale and zero point, b, its scale and zero point, the output's scale and zero point.
pub(super) fn quantized_add(call: &Call) -> Result<Tensor> {
    let (left, right) = (call.carrier(0, 1, 2)?, call.carrier(3, 4, 5)?);
    let out = call.output_carrier(6, 7, left.dtype)?;
    let codes = rails(out.dtype, out.zero_point)?;
    let (left, right) = ((left.scale, left.zero_point), (right.scale, right.zero_point));
    let sum = onnx::Sum::new(left, right, out.scale, codes);
    macro_rules! alike {
        ($variant:ident, $kernel:ident, $a:expr, $b:expr) => {
            if let (Some(a), Some(b)) = ($a.as_slice(), $b.as_slice()) {
                let mut sums = zeros(a.len());
                parts(&mut sums, PART, 1, &|index, out| {
                    let run = index * PART..index * PART + out.len();
                    $kernel(isa(), out, &a[run.clone()], &b[run], sum);
                });
                let sums = ArrayD::from_shape_vec($a.raw_dim(), sums).expect("one sum per pair");
                return Ok(Tensor::$variant(sums));
            }
        };
    }
    let (a, b) = (call.tensor(0)?, call.tensor(3)?);
    match (a, b) {
        (Tensor::U8(a), Tensor::U8(b)) if a.shape() == b.shape() && out.dtype == DType::U8 => {
            alike!(U8, add_u8, a, b);
        }
        (Tensor::I8(a), Tensor::I8(b)) if a.shape() == b.shape() && out.dtype == DType::I8 => {
            alike!(I8, add_i8, a, b);
        }
        _ => {}
    }
    if repeats_innermost(a.shape(), b.shape()) {
        let sum = onnx::Sum::new(right, left, out.scale, codes);
        return pairs(call, out.dtype, |a, b| sum.apply(b, a));
    }
    pairs(call, out.dtype, |a, b| sum.apply(a, b))
}

/// `rule` of every pair of codes of inputs 0 and 3; its results lie inside the type's range.
fn pairs(call: &Call, dtype: DType, rule: impl Fn(i32, i32) -> i32 + Sync) -> Result<Tensor> {
    match (call.tensor(0)?, call.tensor(3)?, dtype) {
        (Tensor::U8(a), Tensor::U8(b), DType::U8) => {
            Ok(Tensor::U8(zip(a, b, |a, b| rule(a.into(), b.into()) as u8)?))
        }
        (Tensor::I8(a), Tensor::I8(b), DType::I8) => {
            Ok(Tensor::I8(zip(a, b, |a, b| rule(a.into(), b.into()) as i8)?))
        }
        _ => Ok(Tensor::from_codes(zip(&call.codes(0)?, &call.codes(3)?, rule)?, dtype)),
    }
}

/// `a` alone is repeated along the innermost axis on which the two extend.
fn repeats_innermost(a: &[usize], b: &[usize]) -> bool {
    let extents = |shape: &[usize]| {
        shape.iter().rev().copied().chain(std::iter::repeat(1)).take(a.len().max(b.len())).collect::<Vec<_>>()
    };
    extents(a)
        .into_iter()
        .zip(extents(b))
        .find(|(m, n)| *m != 1 || *n != 1)
        .is_some_and(|(m, n)| m == 1 && n != 1)
}

/// Inputs as [`quantized_add`].
pub(super) fn quantized_mul(call: &Call) -> Result<Tensor> {
    let (left, right) = (call.carrier(0, 1, 2)?, call.carrier(3, 4, 5)?);
    let out = call.output_carrier(6, 7, left.dtype)?;
    let codes = rails(out.dtype, out.zero_point)?;
    let factor = onnx::factor(left.scale, right.scale, out.scale);
    pairs(call, out.dtype, |a, b| {
        let exact = (a - left.zero_point).wrapping_mul(b - right.zero_point);
        onnx::requantize_product(exact, factor, codes)
    })
}

pub(super) fn relu(x: &Tensor) -> Result<Tensor> {
    match x {
        Tensor::F32(a) => Ok(Tensor::F32(map(a, |v| if v < 0.0 { 0.0 } else { v }))),
        codes => recoded(codes, codes.dtype(), |code| code.max(0)),
    }
}

/// Bounds are inputs 1 and 2 since opset 11, attributes before.
pub(super) fn clip(call: &Call, low: Option<f32>, high: Option<f32>) -> Result<Tensor> {
    let x = call.tensor(0)?;
    for bound in [1, 2].into_iter().filter_map(|i| call.optional(i)) {
        if bound.dtype() != x.dtype() || bound.len() != 1 {
            return Err(Error::new(Kind::Value, format!("a bound must be one {} number", x.dtype())));
        }
    }
    // A bound that is left out is the type's own, and finite.
    macro_rules! clip {
        ($variant:ident, $values:expr, $low:expr, $high:expr) => {{
            let bound = |i: usize| match call.optional(i) {
                Some(Tensor::$variant(bound)) => bound.first().copied(),
                _ => None,
            };
            let (low, high) = (bound(1).unwrap_or($low), bound(2).unwrap_or($high));
            Tensor::$variant(map($values, |v| onnx::clip(v, low, high)))
        }};
    }
    Ok(match x {
        Tensor::F32(v) => clip!(F32, v, low.unwrap_or(f32::MIN), high.unwrap_or(f32::MAX)),
        Tensor::U8(v) => clip!(U8, v, u8::MIN, u8::MAX),
        Tensor::I8(v) => clip!(I8, v, i8::MIN, i8::MAX),
        Tensor::U4(v) => clip!(U4, v, 0, 15),
        Tensor::I4(v) => clip!(I4, v, -8, 7),
        Tensor::U16(v) => clip!(U16, v, u16::MIN, u16::MAX),
        Tensor::I16(v) => clip!(I16, v, i16::MIN, i16::MAX),
        Tensor::U32(v) => clip!(U32, v, u32::MIN, u32::MAX),
        Tensor::I32(v) => clip!(I32, v, i32::MIN, i32::MAX),
        Tensor::U64(v) => clip!(U64, v, u64::MIN, u64::MAX),
        Tensor::I64(v) => clip!(I64, v, i64::MIN, i64::MAX),
        Tensor::Bool(_) => return Err(Error::new(Kind::Value, "bool has no bounds")),
    })
}
