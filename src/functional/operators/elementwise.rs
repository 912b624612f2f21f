//! Sums, products, Relu and Clip, with ONNX's broadcasting.

use multiversion::multiversion;
use ndarray::{ArrayD, ArrayViewD, IxDyn, Zip};
use rayon::prelude::*;

use super::size::room;
use super::{Call, rails};
use crate::error::{Error, Kind, Result};
use crate::network::Tensor;
use crate::post::onnx;

/// The shape that both broadcast to: axes are matched from the back, an extent of 1 is repeated.
pub(in crate::functional) fn broadcast_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let extent =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    let shape: Option<Vec<usize>> = (0..rank)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (m, n) if m == n || n == 1 => Some(m),
            (1, n) => Some(n),
            _ => None,
        })
        .collect();
    let shape =
        shape.ok_or_else(|| Error::new(Kind::Value, format!("shapes {a:?} and {b:?} do not broadcast")))?;
    room(&shape)?;
    Ok(shape)
}

pub(super) fn zip<T: Copy, U>(
    a: &ArrayD<T>,
    b: &ArrayD<T>,
    combine: impl Fn(T, T) -> U,
) -> Result<ArrayD<U>> {
    let shape = broadcast_shape(a.shape(), b.shape())?;
    let (a, b) = (repeated(a, &shape)?, repeated(b, &shape)?);
    Ok(Zip::from(&a).and(&b).map_collect(|a, b| combine(*a, *b)))
}

pub(super) fn repeated<'a, T>(array: &'a ArrayD<T>, shape: &[usize]) -> Result<ArrayViewD<'a, T>> {
    array.broadcast(IxDyn(shape)).ok_or_else(|| {
        Error::new(Kind::Value, format!("shape {:?} does not broadcast to {shape:?}", array.shape()))
    })
}

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
    let (a, b) = (call.codes(0)?, call.codes(3)?);
    let (left, right) = (call.carrier(0, 1, 2)?, call.carrier(3, 4, 5)?);
    let out = call.output_carrier(6, 7, left.dtype)?;
    let codes = rails(out.dtype, out.zero_point)?;
    let (left, right) = ((left.scale, left.zero_point), (right.scale, right.zero_point));
    let sum = if repeats_innermost(a.shape(), b.shape()) {
        let sum = onnx::Sum::new(right, left, out.scale, codes);
        zip(&a, &b, |a, b| sum.apply(b, a))?
    } else if let (true, Some(a_codes), Some(b_codes)) = (a.shape() == b.shape(), a.as_slice(), b.as_slice())
    {
        let mut sums = vec![0; a_codes.len()];
        let parts = sums.par_chunks_mut(PART).zip(a_codes.par_chunks(PART)).zip(b_codes.par_chunks(PART));
        let sum = onnx::Sum::new(left, right, out.scale, codes);
        parts.for_each(|((out, a), b)| add_codes(out, a, b, sum));
        ArrayD::from_shape_vec(a.raw_dim(), sums).expect("one sum per pair")
    } else {
        let sum = onnx::Sum::new(left, right, out.scale, codes);
        zip(&a, &b, |a, b| sum.apply(a, b))?
    };
    Ok(Tensor::from_codes(sum, out.dtype))
}

/// Codes that one thread adds at a time.
const PART: usize = 1 << 14;

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2+fma",
    "x86_64+avx2+bmi1+bmi2+fma"
))]
fn add_codes(out: &mut [i32], a: &[i32], b: &[i32], sum: onnx::Sum) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = sum.apply(*a, *b);
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
    let (a, b) = (call.codes(0)?, call.codes(3)?);
    let (left, right) = (call.carrier(0, 1, 2)?, call.carrier(3, 4, 5)?);
    let out = call.output_carrier(6, 7, left.dtype)?;
    let codes = rails(out.dtype, out.zero_point)?;
    let factor = onnx::factor(left.scale, right.scale, out.scale);
    let product = zip(&a, &b, |a, b| {
        let exact = (a - left.zero_point).wrapping_mul(b - right.zero_point);
        onnx::requantize_product(exact, factor, codes)
    })?;
    Ok(Tensor::from_codes(product, out.dtype))
}

pub(super) fn relu(x: &Tensor) -> Result<Tensor> {
    match x {
        Tensor::F32(a) => Ok(Tensor::F32(a.mapv(|v| if v < 0.0 { 0.0 } else { v }))),
        codes => Ok(Tensor::from_codes(codes.to_i32()?.mapv(|v| v.max(0)), codes.dtype())),
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
            Tensor::$variant($values.mapv(|v| onnx::clip(v, low, high)))
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
