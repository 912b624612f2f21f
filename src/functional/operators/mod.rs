//! One ONNX operator at a time, by its framework's rule: tensors in, tensors out.
//!
//! The formulas are [`post::onnx`](crate::post::onnx); here is which element meets which.

mod accumulate;
mod activation;
mod blocks;
mod branch;
mod designed;
mod direct;
mod einsum;
mod elementwise;
mod engine;
mod float;
mod layer;
pub(super) mod layout;
mod linear;
mod n_bits;
mod normalize;
mod pointwise;
mod pool;
mod recurrent;
mod reduce;
mod requantized;
mod resize;
mod shape;
mod size;
mod transposed;
mod wide;

use std::collections::BTreeMap;

use ndarray::ArrayD;

use crate::error::{Error, Kind, Result};
use crate::network::{Carrier, DType, Node, Operator, Tensor};
use crate::post::onnx::Codes;
pub use designed::{Designed, WherePossible, output_tensor};
use float::isa;
pub(super) use layer::layer_of;
pub use layer::{Framework, LayerRule};
pub(super) use pointwise::broadcast_shape;
pub use requantized::Requantized;
pub(super) use shape::concat;

/// A node about to be computed: the tensors it reads, and how its integer layers run.
pub(super) struct Call<'a> {
    pub node: &'a Node,
    /// One entry per input of the node; `None` where it was left out.
    pub inputs: Vec<Option<&'a Tensor>>,
    pub rule: &'a dyn LayerRule,
    /// The network's constants.
    pub constants: &'a BTreeMap<String, Tensor>,
}

/// Computes a node; one tensor per output of the operator.
pub(super) fn evaluate(call: &Call) -> Result<Vec<Tensor>> {
    size::check_inputs(call)?;
    let one = match &call.node.operator {
        Operator::If { then, otherwise } => return branch::branch(call, [then, otherwise]),
        Operator::Layout(layout) => return layout::evaluate(call, layout),
        Operator::Recurrent(of) => return recurrent::recurrent(call, of),
        Operator::DynamicQuantizeLstm(of) => return recurrent::quantised(call, of),
        Operator::TopK { axis, largest, k } => return reduce::top(call, *axis, *largest, *k),
        Operator::Normalize(rule) => return normalize::normalize(call, *rule),
        Operator::DynamicQuantizeLinear => return linear::dynamic_quantize(call),
        Operator::QuantizeLinear { axis, dtype, block } if blocks::is_needed(call, *block, *dtype) => {
            blocks::quantize(call, *axis, *dtype, *block)
        }
        Operator::DequantizeLinear { axis, block } if blocks::is_needed(call, *block, None) => {
            blocks::dequantize(call, *axis, *block)
        }
        Operator::QuantizeLinear { axis, dtype, .. } => linear::quantize(call, *axis, *dtype),
        Operator::DequantizeLinear { axis, .. } => linear::dequantize(call, *axis),
        Operator::Cast { to } => linear::cast(call.tensor(0)?, *to),
        Operator::QLinearConv { .. }
        | Operator::QLinearMatMul { .. }
        | Operator::QGemm { .. }
        | Operator::ConvInteger(_)
        | Operator::MatMulInteger => layer::evaluate(call),
        Operator::Conv(conv) => float::conv(call, conv),
        Operator::MatMul => float::matmul(call),
        Operator::FusedMatMul { alpha, transposed } => float::fused_matmul(call, *alpha, *transposed),
        Operator::MatMulNBits(of) => n_bits::product(call, of),
        Operator::Einsum(equation) => einsum::einsum(call, equation),
        Operator::Gemm(gemm) => float::gemm(call, gemm),
        Operator::Softmax { axis, flatten } => float::softmax(call.f32(0)?, *axis, *flatten),
        Operator::QLinearAdd => elementwise::quantized_add(call),
        Operator::QLinearMul => elementwise::quantized_mul(call),
        Operator::Add => elementwise::add(call.tensor(0)?, call.tensor(1)?),
        Operator::Mul => elementwise::mul(call.tensor(0)?, call.tensor(1)?),
        Operator::Relu => elementwise::relu(call.tensor(0)?),
        Operator::Clip { low, high } => elementwise::clip(call, *low, *high),
        Operator::MaxPool(sliding) => pool::max(call, sliding),
        Operator::AveragePool { sliding, count_padding, columns_first } => {
            pool::average(call, sliding, *count_padding, *columns_first)
        }
        Operator::QLinearAveragePool { sliding, count_padding } => {
            pool::quantized_average(call, sliding, *count_padding)
        }
        Operator::LpPool { sliding, p } => pool::lp(call, sliding, *p),
        Operator::GlobalLpPool { p } => pool::global_lp(call.f32(0)?, *p),
        Operator::GlobalAveragePool => pool::global_average(call.f32(0)?),
        Operator::QLinearGlobalAveragePool => pool::quantized_global_average(call),
        Operator::QLinearConcat { axis } => shape::quantized_concat(call, *axis),
        Operator::QLinearWhere => shape::quantized_choice(call),
        Operator::Concat { axis } => shape::concat(&call.all()?, *axis),
        Operator::Flatten { axis } => shape::flatten(call.tensor(0)?, *axis),
        Operator::Reshape { allow_zero } => shape::reshape(call, *allow_zero),
        Operator::Transpose { perm } => shape::transpose(call.tensor(0)?, perm.as_deref()),
        Operator::Identity => call.tensor(0).cloned(),
        Operator::Opaque { reason, .. } => Err(Error::new(Kind::Unsupported, reason.clone())),
        Operator::Unary(unary) => activation::unary(call.tensor(0)?, *unary),
        Operator::Binary(binary) => activation::binary(call.tensor(0)?, call.tensor(1)?, *binary),
        Operator::Variadic(variadic) => activation::variadic(call, *variadic),
        Operator::BatchNormalization { epsilon } => activation::batch_normalization(call, *epsilon),
        Operator::Lookup(lookup) => activation::lookup(call, *lookup),
        Operator::QLinearReduceMean(reduce) => reduce::quantized_mean(call, reduce),
        Operator::Reduce(reduce) => reduce::reduce(call, reduce),
        Operator::Arg(arg) => reduce::arg(call, arg),
        Operator::Resize(resize) => resize::resize(call, resize),
        Operator::ConvTranspose(of) => transposed::transposed(call, of),
        Operator::GlobalMaxPool => pool::global_max(call.f32(0)?),
        Operator::QLinearSoftmax { axis, flatten } => activation::quantized_softmax(call, *axis, *flatten),
    };
    Ok(vec![one?])
}

impl<'a> Call<'a> {
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.inputs.get(index).copied().flatten()
    }

    pub fn tensor(&self, index: usize) -> Result<&'a Tensor> {
        self.optional(index).ok_or_else(|| Error::new(Kind::Malformed, format!("input {index} is missing")))
    }

    /// Whether input `index` is a constant matrix, which ONNX Runtime lays out when it loads a model.
    pub fn is_packed(&self, index: usize) -> bool {
        let name = self.node.inputs.get(index).and_then(Option::as_ref);
        name.and_then(|name| self.constants.get(name)).is_some_and(|tensor| tensor.shape().len() == 2)
    }

    /// Every input, none left out.
    pub fn all(&self) -> Result<Vec<&'a Tensor>> {
        (0..self.inputs.len()).map(|index| self.tensor(index)).collect()
    }

    pub fn f32(&self, index: usize) -> Result<&'a ArrayD<f32>> {
        match self.tensor(index)? {
            Tensor::F32(values) => Ok(values),
            other => {
                Err(Error::new(Kind::Value, format!("input {index} must be float32, not {}", other.dtype())))
            }
        }
    }

    /// Operand codes: integers of at most 16 bits.
    pub fn codes(&self, index: usize) -> Result<ArrayD<i32>> {
        let tensor = self.tensor(index)?;
        match tensor.dtype() {
            DType::U4 | DType::I4 | DType::U8 | DType::I8 | DType::U16 | DType::I16 => tensor.to_i32(),
            other => Err(Error::new(
                Kind::Value,
                format!("input {index} must hold codes of 4, 8 or 16 bits, not {other}"),
            )),
        }
    }

    /// Positive, finite scales; one per tensor or one per channel.
    pub fn scales(&self, index: usize) -> Result<Vec<f32>> {
        let scales: Vec<f32> = self.f32(index)?.iter().copied().collect();
        match scales.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            Some(bad) => {
                let message = format!("scale {bad} (input {index}) is not a positive, finite number");
                Err(Error::new(Kind::Value, message))
            }
            None => Ok(scales),
        }
    }

    pub fn scale(&self, index: usize) -> Result<f32> {
        single(&self.scales(index)?, index)
    }

    /// Zero points of codes of type `dtype`; 0 when left out.
    pub fn zero_points(&self, index: usize, dtype: DType) -> Result<Vec<i32>> {
        match self.optional(index) {
            None => Ok(vec![0]),
            Some(zero) if zero.dtype() != dtype => {
                let message =
                    format!("zero point (input {index}) is {}, its codes are {dtype}", zero.dtype());
                Err(Error::new(Kind::Value, message))
            }
            Some(zero) => Ok(zero.to_i32()?.iter().copied().collect()),
        }
    }

    pub fn zero_point(&self, index: usize, dtype: DType) -> Result<i32> {
        single(&self.zero_points(index, dtype)?, index)
    }

    /// Scale and zero point of the codes that input `codes` holds.
    pub fn carrier(&self, codes: usize, scale: usize, zero: usize) -> Result<Carrier> {
        let dtype = self.tensor(codes)?.dtype();
        Ok(Carrier { dtype, scale: self.scale(scale)?, zero_point: self.zero_point(zero, dtype)? })
    }

    /// Scale and zero point of the codes that the node writes; without a zero point they are of type `absent`.
    pub fn output_carrier(&self, scale: usize, zero: usize, absent: DType) -> Result<Carrier> {
        let dtype = self.optional(zero).map_or(absent, Tensor::dtype);
        Ok(Carrier { dtype, scale: self.scale(scale)?, zero_point: self.zero_point(zero, dtype)? })
    }
}

/// The whole range of a carrier's type.
pub(super) fn rails(dtype: DType, zero_point: i32) -> Result<Codes> {
    match dtype {
        DType::U8 => Ok(Codes { zero_point, low: 0, high: 255 }),
        DType::I8 => Ok(Codes { zero_point, low: -128, high: 127 }),
        DType::U4 => Ok(Codes { zero_point, low: 0, high: 15 }),
        DType::I4 => Ok(Codes { zero_point, low: -8, high: 7 }),
        DType::U16 => Ok(Codes { zero_point, low: 0, high: 65535 }),
        DType::I16 => Ok(Codes { zero_point, low: -32768, high: 32767 }),
        other => Err(Error::new(Kind::Unsupported, format!("quantising to {other} is not supported"))
            .help("supported: int4, uint4, int8, uint8, int16, uint16")),
    }
}

fn single<T: Copy>(values: &[T], index: usize) -> Result<T> {
    match values {
        [only] => Ok(*only),
        many => {
            Err(Error::new(Kind::Value, format!("input {index} must hold one number, not {}", many.len())))
        }
    }
}

/// An axis counted from the front; negative ones count from the back.
pub(in crate::functional) fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let signed = i64::try_from(rank).unwrap_or(i64::MAX);
    let from_front = if axis < 0 { axis.saturating_add(signed) } else { axis };
    usize::try_from(from_front).ok().filter(|a| *a < rank).ok_or_else(|| {
        Error::new(Kind::Value, format!("axis {axis} does not exist in a tensor of rank {rank}"))
    })
}
