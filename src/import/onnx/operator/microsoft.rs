//! ONNX Runtime's own domain.

use super::layer::{dequantize, quantize};
use super::{Entry, activation, recurrent, required, statistics};
use crate::error::{Error, Kind, Result};
use crate::network::{Lookup, NBits, Operator, Reduction};

pub(super) const ENTRIES: &[Entry] = &[
    ("DequantizeLinear", |a, _| dequantize(a)),
    ("DynamicQuantizeLSTM", |a, _| recurrent::dynamic_lstm(a)),
    ("Gelu", |a, opset| activation::gelu(a, opset)),
    ("MatMulNBits", |a, _| {
        // How exact it has to be at least; float32 is.
        a.int("accuracy_level")?;
        a.only("weight_prepacked", 0)?;
        let extent = |name: &str| -> Result<usize> {
            let wrong = || Error::new(Kind::Malformed, format!("attribute {name} must be positive"));
            usize::try_from(required(a, name)?).ok().filter(|n| *n > 0).ok_or_else(wrong)
        };
        let bits = usize::try_from(a.int_or("bits", 4)?).unwrap_or(0);
        if ![2, 4, 8].contains(&bits) {
            let message = format!("attribute bits = {bits} is not supported");
            return Err(Error::new(Kind::Unsupported, message).help("supported: 2, 4, 8"));
        }
        let (block, k, n) = (extent("block_size")?, extent("K")?, extent("N")?);
        Ok(Operator::MatMulNBits(NBits { bits, block, k, n }))
    }),
    ("QLinearAdd", |_, _| Ok(Operator::QLinearAdd)),
    ("QLinearConcat", |a, _| Ok(Operator::QLinearConcat { axis: required(a, "axis")? })),
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
    ("QLinearWhere", |_, _| Ok(Operator::QLinearWhere)),
    ("QuantizeLinear", |a, _| quantize(a)),
];
