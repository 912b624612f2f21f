//! NodeProto → Operator: every supported operator, its attributes and defaults by opset.

use super::attributes::Attributes;
use super::proto::NodeProto;
use super::tensor::element_type;
use crate::error::{Error, Kind, Result};
use crate::network::{Clamp, Conv, Gemm, Operator};

/// What goldpath knows of ONNX's own domain; opsets 10 to 24.
pub const SUPPORTED: [&str; 25] = [
    "Add",
    "AveragePool",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "ConvInteger",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "Identity",
    "MatMul",
    "MatMulInteger",
    "MaxPool",
    "Mul",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "Relu",
    "Reshape",
    "Softmax",
    "Transpose",
];

/// What goldpath knows of com.microsoft.
pub const SUPPORTED_MICROSOFT: [&str; 8] = [
    "DequantizeLinear",
    "QGemm",
    "QLinearAdd",
    "QLinearAveragePool",
    "QLinearConcat",
    "QLinearGlobalAveragePool",
    "QLinearMul",
    "QuantizeLinear",
];

/// Reads one node's operator; `opset` is the version of ONNX's own domain.
pub(super) fn operator(node: &NodeProto, opset: i64) -> Result<Operator> {
    let attributes = Attributes::new(node);
    let kind = node.op_type.as_deref().unwrap_or("");
    let operator = match node.domain.as_deref().unwrap_or("") {
        "" | "ai.onnx" => standard(kind, &attributes, opset)?,
        "com.microsoft" => microsoft(kind, &attributes)?,
        _ => None,
    };
    let operator = operator.ok_or_else(|| unsupported(node))?;
    attributes.finish()?;
    Ok(operator)
}

fn unsupported(node: &NodeProto) -> Error {
    let domain = node.domain.as_deref().filter(|d| !d.is_empty()).unwrap_or("ai.onnx");
    let kind = node.op_type.as_deref().unwrap_or("");
    Error::new(Kind::Unsupported, format!("operator {kind:?} of domain {domain} is not supported")).help(
        format!("supported: {}; com.microsoft: {}", SUPPORTED.join(", "), SUPPORTED_MICROSOFT.join(", ")),
    )
}

fn standard(kind: &str, a: &Attributes, opset: i64) -> Result<Option<Operator>> {
    Ok(Some(match kind {
        "QuantizeLinear" => quantize(a)?,
        "DequantizeLinear" => dequantize(a)?,
        "DynamicQuantizeLinear" => Operator::DynamicQuantizeLinear,
        "QLinearConv" => Operator::QLinearConv { conv: conv(a)?, clamp: Clamp::NONE },
        "QLinearMatMul" => Operator::QLinearMatMul { clamp: Clamp::NONE },
        "ConvInteger" => Operator::ConvInteger(conv(a)?),
        "MatMulInteger" => Operator::MatMulInteger,
        "Conv" => Operator::Conv(conv(a)?),
        "MatMul" => Operator::MatMul,
        "Gemm" => Operator::Gemm(Gemm {
            alpha: a.float("alpha")?.unwrap_or(1.0),
            beta: a.float("beta")?.unwrap_or(1.0),
            transpose_a: a.flag("transA")?,
            transpose_b: a.flag("transB")?,
        }),
        "MaxPool" => {
            a.only("storage_order", 0)?;
            Operator::MaxPool(a.sliding()?)
        }
        "AveragePool" => Operator::AveragePool {
            count_padding: a.flag("count_include_pad")?,
            sliding: a.sliding()?,
            columns_first: opset < 19,
        },
        "GlobalAveragePool" => Operator::GlobalAveragePool,
        "Add" => Operator::Add,
        "Mul" => Operator::Mul,
        "Relu" => Operator::Relu,
        "Clip" => Operator::Clip { low: a.float("min")?, high: a.float("max")? },
        "Flatten" => Operator::Flatten { axis: a.int_or("axis", 1)? },
        "Reshape" => Operator::Reshape { allow_zero: a.flag("allowzero")? },
        "Transpose" => Operator::Transpose { perm: a.ints("perm") },
        "Concat" => Operator::Concat { axis: required(a, "axis")? },
        "Softmax" => {
            let flatten = opset < 13;
            Operator::Softmax { axis: a.int_or("axis", if flatten { 1 } else { -1 })?, flatten }
        }
        "Cast" => {
            a.int("saturate")?;
            let to = i32::try_from(required(a, "to")?).unwrap_or(-1);
            Operator::Cast { to: element_type(to)? }
        }
        "Identity" => Operator::Identity,
        _ => return Ok(None),
    }))
}

fn microsoft(kind: &str, a: &Attributes) -> Result<Option<Operator>> {
    Ok(Some(match kind {
        "QuantizeLinear" => quantize(a)?,
        "DequantizeLinear" => dequantize(a)?,
        "QGemm" => {
            let gemm = Gemm {
                alpha: a.float("alpha")?.unwrap_or(1.0),
                beta: 1.0,
                transpose_a: a.flag("transA")?,
                transpose_b: a.flag("transB")?,
            };
            Operator::QGemm { gemm, clamp: Clamp::NONE }
        }
        "QLinearAdd" => Operator::QLinearAdd,
        "QLinearMul" => Operator::QLinearMul,
        "QLinearConcat" => Operator::QLinearConcat { axis: required(a, "axis")? },
        "QLinearAveragePool" => {
            a.only("channels_last", 0)?;
            Operator::QLinearAveragePool {
                count_padding: a.flag("count_include_pad")?,
                sliding: a.sliding()?,
            }
        }
        "QLinearGlobalAveragePool" => {
            a.only("channels_last", 0)?;
            Operator::QLinearGlobalAveragePool
        }
        _ => return Ok(None),
    }))
}

fn quantize(a: &Attributes) -> Result<Operator> {
    a.only("block_size", 0)?;
    a.only("precision", 0)?;
    a.int("saturate")?;
    let dtype = match a.int_or("output_dtype", 0)? {
        0 => None,
        code => Some(element_type(i32::try_from(code).unwrap_or(-1))?),
    };
    Ok(Operator::QuantizeLinear { axis: a.int_or("axis", 1)?, dtype })
}

fn dequantize(a: &Attributes) -> Result<Operator> {
    a.only("block_size", 0)?;
    a.only("output_dtype", 0)?;
    Ok(Operator::DequantizeLinear { axis: a.int_or("axis", 1)? })
}

fn conv(a: &Attributes) -> Result<Conv> {
    let groups = usize::try_from(a.int_or("group", 1)?).ok().filter(|g| *g > 0);
    let groups = groups.ok_or_else(|| Error::new(Kind::Malformed, "attribute group must be positive"))?;
    Ok(Conv { groups, sliding: a.sliding()? })
}

fn required(a: &Attributes, name: &str) -> Result<i64> {
    a.int(name)?.ok_or_else(|| Error::new(Kind::Malformed, format!("attribute {name} is missing")))
}
