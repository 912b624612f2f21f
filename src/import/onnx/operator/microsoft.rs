//! ONNX Runtime's own domain.

use super::layer::{dequantize, quantize};
use super::{Entry, activation, recurrent, required, statistics};
use crate::network::{Clamp, Gemm, Lookup, Operator, Reduction};

pub(super) const ENTRIES: &[Entry] = &[
    ("DequantizeLinear", |a, _| dequantize(a)),
    ("DynamicQuantizeLSTM", |a, _| recurrent::dynamic_lstm(a)),
    ("Gelu", |a, opset| activation::gelu(a, opset)),
    ("QGemm", |a, _| {
        let gemm = Gemm {
            alpha: a.float("alpha")?.unwrap_or(1.0),
            beta: 1.0,
            transpose_a: a.flag("transA")?,
            transpose_b: a.flag("transB")?,
        };
        Ok(Operator::QGemm { gemm, clamp: Clamp::NONE })
    }),
    ("QLinearAdd", |_, _| Ok(Operator::QLinearAdd)),
    ("QLinearAveragePool", |a, _| {
        a.only("channels_last", 0)?;
        Ok(Operator::QLinearAveragePool {
            count_padding: a.flag("count_include_pad")?,
            sliding: a.sliding()?,
        })
    }),
    ("QLinearConcat", |a, _| Ok(Operator::QLinearConcat { axis: required(a, "axis")? })),
    ("QLinearGlobalAveragePool", |a, _| {
        a.only("channels_last", 0)?;
        Ok(Operator::QLinearGlobalAveragePool)
    }),
    ("QLinearLeakyRelu", |a, _| {
        Ok(Operator::Lookup(Lookup::LeakyRelu { alpha: a.float("alpha")?.unwrap_or(0.01) }))
    }),
    ("QLinearMul", |_, _| Ok(Operator::QLinearMul)),
    ("QLinearReduceMean", |a, _| Ok(Operator::QLinearReduceMean(statistics::reduction(a, Reduction::Mean)?))),
    ("QLinearSigmoid", |_, _| Ok(Operator::Lookup(Lookup::Sigmoid))),
    ("QLinearSoftmax", |a, _| {
        let flatten = required(a, "opset")? < 13;
        Ok(Operator::QLinearSoftmax { axis: a.int_or("axis", if flatten { 1 } else { -1 })?, flatten })
    }),
    ("QuantizeLinear", |a, _| quantize(a)),
];
