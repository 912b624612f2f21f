//! Operators on single elements, by one tensor, two, or any number; BatchNormalization; codes by a table.
//!
//! float32 is exact to the last bit, but for Sin, Cos and Pow: those are the C library's functions, within 1 unit in
//! the last place of ONNX Runtime's.

use multiversion::multiversion;
use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::pointwise::{PART, broadcast_shape, in_order, recoded, repeated, zip};
use super::{Call, rails};
use crate::error::{Error, Kind, Result};
use crate::network::{Binary, DType, Lookup, Tensor, Unary, Variadic};
use crate::post::{float, onnx};

pub(super) fn unary(x: &Tensor, unary: Unary) -> Result<Tensor> {
    macro_rules! signed {
        ($variant:ident, $a:ident) => {
            match unary {
                Unary::Abs => Ok(Tensor::$variant($a.mapv(|v| v.wrapping_abs()))),
                Unary::Neg => Ok(Tensor::$variant($a.mapv(|v| v.wrapping_neg()))),
                Unary::Sign => Ok(Tensor::$variant($a.mapv(|v| v.signum()))),
                _ => Err(undefined(x)),
            }
        };
    }
    macro_rules! unsigned {
        ($variant:ident, $a:ident) => {
            match unary {
                Unary::Abs => Ok(x.clone()),
                Unary::Sign => Ok(Tensor::$variant($a.mapv(|v| v.min(1)))),
                _ => Err(undefined(x)),
            }
        };
    }
    match x {
        Tensor::F32(a) if unary == Unary::IsNaN => Ok(Tensor::Bool(a.mapv(f32::is_nan))),
        Tensor::F32(_) if unary == Unary::Not => Err(undefined(x)),
        Tensor::F32(a) => {
            let mut values = in_order(a).into_owned();
            // Whole registers in every part: only the last one has a tail.
            values.par_chunks_mut(PART).for_each(|part| real(unary, part));
            Ok(Tensor::F32(ArrayD::from_shape_vec(a.raw_dim(), values).expect("as many as before")))
        }
        Tensor::Bool(a) if unary == Unary::Not => Ok(Tensor::Bool(a.mapv(|v| !v))),
        Tensor::Bool(_) | Tensor::U4(_) | Tensor::I4(_) => Err(undefined(x)),
        Tensor::I8(a) => signed!(I8, a),
        Tensor::I16(a) => signed!(I16, a),
        Tensor::I32(a) => signed!(I32, a),
        Tensor::I64(a) => signed!(I64, a),
        Tensor::U8(a) => unsigned!(U8, a),
        Tensor::U16(a) => unsigned!(U16, a),
        Tensor::U32(a) => unsigned!(U32, a),
        Tensor::U64(a) => unsigned!(U64, a),
    }
}

fn undefined(x: &Tensor) -> Error {
    Error::new(Kind::Value, format!("it is not defined for elements of type {}", x.dtype()))
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2+fma",
    "x86_64+avx2+bmi1+bmi2+fma"
))]
fn real(unary: Unary, values: &mut [f32]) {
    #[inline(always)]
    fn each(values: &mut [f32], rule: impl Fn(f32) -> f32) {
        values.iter_mut().for_each(|v| *v = rule(*v));
    }
    match unary {
        Unary::Abs => each(values, f32::abs),
        Unary::Ceil => each(values, f32::ceil),
        Unary::Cos => each(values, f32::cos),
        Unary::Erf => each(values, float::erf),
        Unary::Exp => each(values, float::exp),
        Unary::Floor => each(values, f32::floor),
        Unary::HardSwish => each(values, |x| x * between(x * (1.0 / 6.0) + 0.5)),
        Unary::Log => float::log(values),
        Unary::Mish => {
            let inputs = values.to_vec();
            float::softplus(values);
            values.iter_mut().zip(inputs).for_each(|(v, x)| *v = x * float::tanh(*v));
        }
        Unary::Neg => each(values, |x| -x),
        Unary::Reciprocal => each(values, |x| 1.0 / x),
        Unary::Round => each(values, f32::round_ties_even),
        Unary::Sigmoid => each(values, float::sigmoid),
        Unary::Sign => each(values, |x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else if x.is_nan() {
                x
            } else {
                0.0
            }
        }),
        Unary::Sin => each(values, f32::sin),
        Unary::Softplus => float::softplus(values),
        Unary::Softsign => each(values, |x| (1.0 / (1.0 + x.abs())) * x),
        Unary::Sqrt => each(values, f32::sqrt),
        Unary::Tanh => each(values, float::tanh),
        Unary::Elu { alpha } => float::elu(values, alpha),
        Unary::Gelu { tanh: false } => each(values, float::gelu),
        Unary::Gelu { tanh: true } => each(values, float::gelu_tanh),
        Unary::QuickGelu { alpha } => each(values, |x| x * float::sigmoid(x * alpha)),
        Unary::HardSigmoid { alpha, beta } => each(values, |x| between(alpha * x + beta)),
        Unary::LeakyRelu { alpha } => each(values, |x| if x >= 0.0 { x } else { alpha * x }),
        Unary::Selu { alpha, gamma } => float::selu(values, alpha, gamma),
        Unary::ThresholdedRelu { alpha } => each(values, |x| if x > alpha { x } else { 0.0 }),
        Unary::IsNaN | Unary::Not => {}
    }
}

/// max(0, min(1, x)); NaN stays.
fn between(x: f32) -> f32 {
    let x = if x > 1.0 { 1.0 } else { x };
    if x < 0.0 { 0.0 } else { x }
}

fn unlike(a: &Tensor, b: &Tensor) -> Error {
    Error::new(Kind::Value, format!("it is not defined for operands of type {} and {}", a.dtype(), b.dtype()))
}

/// Both arrays of one type.
macro_rules! alike {
    ($pair:expr, ($a:ident, $b:ident) => $body:expr, [$($variant:ident),*], $else:expr) => {
        match $pair {
            $((Tensor::$variant($a), Tensor::$variant($b)) => Ok(Tensor::$variant($body)),)*
            _ => $else,
        }
    };
}

pub(super) fn binary(a: &Tensor, b: &Tensor, binary: Binary) -> Result<Tensor> {
    match binary {
        Binary::Sub => match (a, b) {
            (Tensor::F32(a), Tensor::F32(b)) => Ok(Tensor::F32(zip(a, b, |a, b| a - b)?)),
            pair => alike!(pair, (a, b) => zip(a, b, |a, b| a.wrapping_sub(b))?,
                [I8, I16, I32, I64, U8, U16, U32, U64], Err(unlike(a, b))),
        },
        Binary::Div => match (a, b) {
            (Tensor::F32(a), Tensor::F32(b)) => Ok(Tensor::F32(zip(a, b, |a, b| a / b)?)),
            pair => {
                no_zero(b)?;
                // An empty operand may meet a zero that nothing is divided by.
                alike!(pair, (a, b) => zip(a, b, |a, b| a.wrapping_div(b))?,
                    [I8, I16, I32, I64, U8, U16, U32, U64], Err(unlike(a, b)))
            }
        },
        Binary::Mod { fmod } => modulus(a, b, fmod),
        Binary::Pow => pow(a, b),
        Binary::PRelu => match (a, b) {
            (Tensor::F32(x), Tensor::F32(slope)) => {
                if broadcast_shape(x.shape(), slope.shape())? != x.shape() {
                    let message = format!("a slope of shape {:?} for {:?}", slope.shape(), x.shape());
                    return Err(Error::new(Kind::Value, message));
                }
                Ok(Tensor::F32(zip(x, slope, |x, slope| if x >= 0.0 { x } else { x * slope })?))
            }
            _ => Err(unlike(a, b)),
        },
        Binary::And | Binary::Or | Binary::Xor => match (a, b) {
            (Tensor::Bool(a), Tensor::Bool(b)) => Ok(Tensor::Bool(zip(a, b, |a, b| match binary {
                Binary::And => a && b,
                Binary::Or => a || b,
                _ => a != b,
            })?)),
            _ => Err(unlike(a, b)),
        },
        _ => comparison(a, b, binary),
    }
}

fn comparison(a: &Tensor, b: &Tensor, binary: Binary) -> Result<Tensor> {
    macro_rules! compare {
        ($($variant:ident),*) => {
            match (a, b) {
                $((Tensor::$variant(a), Tensor::$variant(b)) => zip(a, b, |a, b| match binary {
                    Binary::Greater => a > b,
                    Binary::GreaterOrEqual => a >= b,
                    Binary::Less => a < b,
                    Binary::LessOrEqual => a <= b,
                    _ => a == b,
                }),)*
                (Tensor::Bool(a), Tensor::Bool(b)) if binary == Binary::Equal => zip(a, b, |a, b| a == b),
                _ => Err(unlike(a, b)),
            }
        };
    }
    compare!(F32, I8, I16, I32, I64, U8, U16, U32, U64).map(Tensor::Bool)
}

/// ONNX Runtime ends in a signal there.
fn no_zero(divisor: &Tensor) -> Result<()> {
    let has_zero = match divisor {
        Tensor::F32(_) => false,
        Tensor::U64(a) => a.iter().any(|v| *v == 0),
        other => other.to_i64()?.iter().any(|v| *v == 0),
    };
    if has_zero { Err(Error::new(Kind::Value, "an integer is divided by 0")) } else { Ok(()) }
}

fn modulus(a: &Tensor, b: &Tensor, fmod: bool) -> Result<Tensor> {
    no_zero(b)?;
    match (a, b) {
        (Tensor::F32(a), Tensor::F32(b)) if fmod => Ok(Tensor::F32(zip(a, b, |a, b| a % b)?)),
        pair if fmod => alike!(pair, (a, b) => zip(a, b, |a, b| a.wrapping_rem(b))?,
            [I8, I16, I32, I64, U8, U16, U32, U64], Err(unlike(a, b))),
        (Tensor::U8(_) | Tensor::U16(_) | Tensor::U32(_) | Tensor::U64(_), _) => {
            alike!((a, b), (a, b) => zip(a, b, |a, b| a.wrapping_rem(b))?, [U8, U16, U32, U64], Err(unlike(a, b)))
        }
        pair => alike!(pair, (a, b) => zip(a, b, |a, b| {
            let rest = a.wrapping_rem(b);
            if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
        })?, [I8, I16, I32, I64], Err(unlike(a, b))),
    }
}

/// Powers of integers are those of float64, cut to the base's type; exponents 2 and 3 multiply.
fn pow(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let exponent: ArrayD<f64> = match b {
        Tensor::F32(b) => b.mapv(f64::from),
        Tensor::I32(b) => b.mapv(f64::from),
        Tensor::I64(b) => b.mapv(|v| v as f64),
        _ => return Err(unlike(a, b)),
    };
    let only = exponent.first().copied().filter(|_| exponent.len() == 1);
    // Multiplied, unless one number is raised to one power.
    let few = only.filter(|only| (*only == 2.0 || *only == 3.0) && a.len() != 1);
    let shape = broadcast_shape(a.shape(), b.shape())?;
    let power = match a {
        Tensor::F32(a) => {
            let rule = |x: f32, y: f64| match few {
                Some(2.0) => x * x,
                Some(_) => x * x * x,
                // float32 to the power of float32; an integer exponent makes it float64.
                None if b.dtype() == DType::F32 => x.powf(y as f32),
                None => f64::from(x).powf(y) as f32,
            };
            Tensor::F32(zipped(a, &exponent, &shape, rule)?)
        }
        Tensor::I32(a) => Tensor::I32(zipped(a, &exponent, &shape, |x: i32, y| match few {
            Some(2.0) => x.wrapping_mul(x),
            Some(_) => x.wrapping_mul(x).wrapping_mul(x),
            None => cut(f64::from(x).powf(y), i32::MIN),
        })?),
        Tensor::I64(a) => Tensor::I64(zipped(a, &exponent, &shape, |x: i64, y| match few {
            Some(2.0) => x.wrapping_mul(x),
            Some(_) => x.wrapping_mul(x).wrapping_mul(x),
            None => cut((x as f64).powf(y), i64::MIN),
        })?),
        _ => return Err(unlike(a, b)),
    };
    Ok(power)
}

/// What x86 makes of a float64 as an integer: the smallest one where it does not fit.
fn cut<T: TryFrom<i128> + Copy>(value: f64, smallest: T) -> T {
    T::try_from(value as i128).ok().filter(|_| value.is_finite()).unwrap_or(smallest)
}

fn zipped<A: Copy, B: Copy, U>(
    a: &ArrayD<A>,
    b: &ArrayD<B>,
    shape: &[usize],
    rule: impl Fn(A, B) -> U,
) -> Result<ArrayD<U>> {
    let (a, b) = (repeated(a, shape)?, repeated(b, shape)?);
    Ok(ndarray::Zip::from(&a).and(&b).map_collect(|a, b| rule(*a, *b)))
}

pub(super) fn variadic(call: &Call, variadic: Variadic) -> Result<Tensor> {
    let all = call.all()?;
    let (first, rest) = all.split_first().ok_or_else(|| Error::new(Kind::Malformed, "it has no input"))?;
    let mut result = (*first).clone();
    for other in rest {
        result = folded(&result, other, variadic)?;
    }
    match (variadic, result) {
        (Variadic::Mean, Tensor::F32(sum)) => Ok(Tensor::F32(sum.mapv(|v| v / all.len() as f32))),
        (Variadic::Mean | Variadic::Sum, other) if other.dtype() != DType::F32 => Err(undefined(&other)),
        (_, Tensor::Bool(_)) => Err(undefined(first)),
        (_, result) => Ok(result),
    }
}

fn folded(a: &Tensor, b: &Tensor, variadic: Variadic) -> Result<Tensor> {
    let pair = (a, b);
    match (variadic, pair) {
        (_, (Tensor::F32(a), Tensor::F32(b))) => {
            Ok(Tensor::F32(zip(a, b, |a: f32, b: f32| match variadic {
                Variadic::Sum | Variadic::Mean => a + b,
                _ if a.is_nan() => a,
                _ if b.is_nan() => b,
                Variadic::Max => {
                    if a < b {
                        b
                    } else {
                        a
                    }
                }
                Variadic::Min => {
                    if b < a {
                        b
                    } else {
                        a
                    }
                }
            })?))
        }
        (Variadic::Max, _) => alike!(pair, (a, b) => zip(a, b, Ord::max)?,
            [I8, I16, I32, I64, U8, U16, U32, U64], Err(unlike(a, b))),
        (Variadic::Min, _) => alike!(pair, (a, b) => zip(a, b, Ord::min)?,
            [I8, I16, I32, I64, U8, U16, U32, U64], Err(unlike(a, b))),
        _ => Err(unlike(a, b)),
    }
}

/// Inputs: x, scale, bias, mean, variance; scale and offset of a channel are computed first, as ONNX Runtime does.
pub(super) fn batch_normalization(call: &Call, epsilon: f32) -> Result<Tensor> {
    let x = call.f32(0)?;
    if call.node.outputs.iter().skip(1).any(Option::is_some) {
        return Err(Error::new(Kind::Unsupported, "BatchNormalization in training is not supported"));
    }
    let channels = if x.ndim() == 1 { 1 } else { x.shape().get(1).copied().unwrap_or(1) };
    let row = |index: usize| {
        let row = call.f32(index)?;
        if row.len() != channels {
            let message = format!("input {index} holds {} numbers for {channels} channels", row.len());
            return Err(Error::new(Kind::Value, message));
        }
        Ok(row.iter().copied().collect::<Vec<f32>>())
    };
    let (scale, bias, mean, variance) = (row(1)?, row(2)?, row(3)?, row(4)?);
    let factors: Vec<(f32, f32)> = (0..channels)
        .map(|c| {
            let factor = (1.0 / (variance[c] + epsilon).sqrt()) * scale[c];
            (factor, bias[c] - mean[c] * factor)
        })
        .collect();
    let plane: usize = x.shape().iter().skip(2).product::<usize>().max(1);
    let mut normalised = in_order(x).into_owned();
    let planes = normalised.par_chunks_mut(plane).with_min_len(PART.div_ceil(plane)).enumerate();
    planes.for_each(|(at, values)| {
        let (factor, offset) = factors[at % channels];
        values.iter_mut().for_each(|v| *v = *v * factor + offset);
    });
    let normalised = ArrayD::from_shape_vec(x.raw_dim(), normalised);
    Ok(Tensor::F32(normalised.expect("as many as before")))
}

/// Inputs: x, its scale and zero point, the output's scale and zero point.
pub(super) fn lookup(call: &Call, lookup: Lookup) -> Result<Tensor> {
    let carrier = eight_bits(call)?;
    let out = call.output_carrier(3, 4, carrier.dtype)?;
    let codes = rails(out.dtype, out.zero_point)?;
    recoded(call.tensor(0)?, out.dtype, |code| {
        let x = onnx::dequantize(code, carrier.zero_point, carrier.scale);
        let y = match lookup {
            Lookup::Sigmoid => float::sigmoid(x),
            Lookup::LeakyRelu { alpha } => {
                if x >= 0.0 {
                    x
                } else {
                    alpha * x
                }
            }
        };
        onnx::quantize(y, out.scale, codes)
    })
}

fn eight_bits(call: &Call) -> Result<crate::network::Carrier> {
    let carrier = call.carrier(0, 1, 2)?;
    match carrier.dtype {
        DType::U8 | DType::I8 => Ok(carrier),
        other => Err(Error::new(Kind::Value, format!("8-bit codes are needed, not {other}"))),
    }
}

/// `value` · `factor` / `sum`, from the left; a single value times the factor can be larger than float32 holds.
fn softmax_quotient(value: f32, factor: f32, sum: f32) -> f32 {
    match value * factor {
        product if product.is_finite() => product / sum,
        _ => (f64::from(value) * f64::from(factor) / f64::from(sum)) as f32,
    }
}

/// Inputs as [`lookup`]. Exponentials of code differences come from a table of float32 numbers, computed in float64 and
/// scaled so that the largest sum stays finite.
pub(super) fn quantized_softmax(call: &Call, axis: i64, flatten: bool) -> Result<Tensor> {
    let carrier = eight_bits(call)?;
    let out = call.output_carrier(3, 4, carrier.dtype)?;
    let rule = rails(out.dtype, out.zero_point)?;
    let x = call.codes(0)?;
    let axis = super::axis_of(axis, x.ndim())?;
    if x.is_empty() {
        return Ok(Tensor::from_codes(x, out.dtype));
    }
    let length: usize = if flatten { x.shape()[axis..].iter().product() } else { x.shape()[axis] };
    let table = onnx::softmax_table(carrier.scale, length);
    let factor = (1.0 / out.scale).floor();
    let normalise = |mut lane: ndarray::ArrayViewMut1<i32>| {
        let top = lane.iter().copied().max().unwrap_or(0);
        let value = |code: i32| table[usize::try_from(255 - (top - code)).unwrap_or(0)];
        let sum = lane.iter().fold(0.0f32, |sum, code| sum + value(*code));
        if sum != 0.0 {
            lane.mapv_inplace(|code| onnx::softmax_code(softmax_quotient(value(code), factor, sum), rule));
        }
    };
    let shape = x.shape().to_vec();
    let mut codes = match flatten {
        true => x.into_shape_with_order(IxDyn(&[shape[..axis].iter().product(), length])),
        false => Ok(x),
    }
    .map_err(|e| Error::new(Kind::Value, "the codes are not in C order").because(e))?;
    let along = if flatten { 1 } else { axis };
    codes.lanes_mut(ndarray::Axis(along)).into_iter().for_each(normalise);
    Tensor::from_codes(codes, out.dtype).reshaped(&shape)
}
