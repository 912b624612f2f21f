//! Layers, quantisation, pooling, and the operators that stand between them in every network.

use super::super::attributes::Attributes;
use super::super::tensor::element_type;
use super::{Entry, required};
use crate::error::{Error, Kind, Result};
use crate::network::{Clamp, Conv, Equation, Gemm, Operator};

pub(super) const ENTRIES: &[Entry] = &[
    ("Add", |_, _| Ok(Operator::Add)),
    ("AveragePool", |a, opset| {
        Ok(Operator::AveragePool {
            count_padding: a.flag("count_include_pad")?,
            sliding: a.sliding()?,
            columns_first: opset < 19,
        })
    }),
    ("Cast", |a, _| {
        a.int("saturate")?;
        let to = i32::try_from(required(a, "to")?).unwrap_or(-1);
        Ok(Operator::Cast { to: element_type(to)? })
    }),
    ("Clip", |a, _| Ok(Operator::Clip { low: a.float("min")?, high: a.float("max")? })),
    ("Concat", |a, _| Ok(Operator::Concat { axis: required(a, "axis")? })),
    ("Conv", |a, _| Ok(Operator::Conv(conv(a)?))),
    ("ConvInteger", |a, _| Ok(Operator::ConvInteger(conv(a)?))),
    ("DequantizeLinear", |a, _| dequantize(a)),
    ("DynamicQuantizeLinear", |_, _| Ok(Operator::DynamicQuantizeLinear)),
    ("Flatten", |a, _| Ok(Operator::Flatten { axis: a.int_or("axis", 1)? })),
    ("Einsum", |a, _| {
        let missing = || Error::new(Kind::Malformed, "attribute equation is missing");
        Ok(Operator::Einsum(Equation::parse(a.text("equation")?.ok_or_else(missing)?)?))
    }),
    ("Gemm", |a, _| Ok(Operator::Gemm(gemm(a)?))),
    ("GlobalAveragePool", |_, _| Ok(Operator::GlobalAveragePool)),
    ("GlobalLpPool", |a, _| Ok(Operator::GlobalLpPool { p: norm(a)? })),
    ("GlobalMaxPool", |_, _| Ok(Operator::GlobalMaxPool)),
    ("Identity", |_, _| Ok(Operator::Identity)),
    ("LpPool", |a, _| Ok(Operator::LpPool { p: norm(a)?, sliding: a.sliding()? })),
    ("MatMul", |_, _| Ok(Operator::MatMul)),
    ("MatMulInteger", |_, _| Ok(Operator::MatMulInteger)),
    ("MaxPool", |a, _| {
        a.only("storage_order", 0)?;
        Ok(Operator::MaxPool(a.sliding()?))
    }),
    ("Mul", |_, _| Ok(Operator::Mul)),
    ("QLinearConv", |a, _| Ok(Operator::QLinearConv { conv: conv(a)?, clamp: Clamp::NONE })),
    ("QLinearMatMul", |_, _| Ok(Operator::QLinearMatMul { clamp: Clamp::NONE })),
    ("QuantizeLinear", |a, _| quantize(a)),
    ("Relu", |_, _| Ok(Operator::Relu)),
    ("Reshape", |a, _| Ok(Operator::Reshape { allow_zero: a.flag("allowzero")? })),
    ("Softmax", |a, opset| {
        let flatten = opset < 13;
        Ok(Operator::Softmax { axis: a.int_or("axis", if flatten { 1 } else { -1 })?, flatten })
    }),
    ("Transpose", |a, _| Ok(Operator::Transpose { perm: a.ints("perm") })),
];

pub(super) fn quantize(a: &Attributes) -> Result<Operator> {
    a.only("precision", 0)?;
    a.int("saturate")?;
    let dtype = match a.int_or("output_dtype", 0)? {
        0 => None,
        code => Some(element_type(i32::try_from(code).unwrap_or(-1))?),
    };
    Ok(Operator::QuantizeLinear { axis: a.int_or("axis", 1)?, dtype, block: block(a)? })
}

pub(super) fn dequantize(a: &Attributes) -> Result<Operator> {
    // Of the types that ONNX allows, float32 alone is computed in.
    a.only("output_dtype", if a.int_or("output_dtype", 0)? == 1 { 1 } else { 0 })?;
    Ok(Operator::DequantizeLinear { axis: a.int_or("axis", 1)?, block: block(a)? })
}

/// LpPool's and GlobalLpPool's p.
fn norm(a: &Attributes) -> Result<i64> {
    let p = a.int_or("p", 2)?;
    let wrong = || Error::new(Kind::Malformed, "attribute p must be positive");
    if p > 0 { Ok(p) } else { Err(wrong()) }
}

pub(in super::super) fn gemm(a: &Attributes) -> Result<Gemm> {
    Ok(Gemm {
        alpha: a.float("alpha")?.unwrap_or(1.0),
        beta: a.float("beta")?.unwrap_or(1.0),
        transpose_a: a.flag("transA")?,
        transpose_b: a.flag("transB")?,
    })
}

fn block(a: &Attributes) -> Result<usize> {
    let block = usize::try_from(a.int_or("block_size", 0)?);
    block.map_err(|_| Error::new(Kind::Malformed, "attribute block_size must not be negative"))
}

pub(in super::super) fn conv(a: &Attributes) -> Result<Conv> {
    let groups = usize::try_from(a.int_or("group", 1)?).ok().filter(|g| *g > 0);
    let groups = groups.ok_or_else(|| Error::new(Kind::Malformed, "attribute group must be positive"))?;
    Ok(Conv { groups, sliding: a.sliding()? })
}
