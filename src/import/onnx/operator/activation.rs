//! Operators on single elements.

use super::super::attributes::Attributes;
use super::Entry;
use crate::error::{Error, Kind, Result};
use crate::network::{Binary, Operator, Unary, Variadic};

pub(super) const ENTRIES: &[Entry] = &[
    ("Abs", |_, _| unary(Unary::Abs)),
    ("And", |_, _| binary(Binary::And)),
    ("BatchNormalization", |a, _| {
        a.only("training_mode", 0)?;
        a.only("spatial", 1)?;
        a.float("momentum")?;
        Ok(Operator::BatchNormalization { epsilon: a.float("epsilon")?.unwrap_or(1e-5) })
    }),
    ("Ceil", |_, _| unary(Unary::Ceil)),
    ("Cos", |_, _| unary(Unary::Cos)),
    ("Div", |_, _| binary(Binary::Div)),
    ("Elu", |a, _| unary(Unary::Elu { alpha: a.float("alpha")?.unwrap_or(1.0) })),
    ("Equal", |_, _| binary(Binary::Equal)),
    ("Erf", |_, _| unary(Unary::Erf)),
    ("Exp", |_, _| unary(Unary::Exp)),
    ("Floor", |_, _| unary(Unary::Floor)),
    ("Gelu", gelu),
    ("Greater", |_, _| binary(Binary::Greater)),
    ("GreaterOrEqual", |_, _| binary(Binary::GreaterOrEqual)),
    ("HardSigmoid", |a, _| {
        let alpha = a.float("alpha")?.unwrap_or(0.2);
        unary(Unary::HardSigmoid { alpha, beta: a.float("beta")?.unwrap_or(0.5) })
    }),
    ("HardSwish", |_, _| unary(Unary::HardSwish)),
    ("IsNaN", |_, _| unary(Unary::IsNaN)),
    ("LeakyRelu", |a, _| unary(Unary::LeakyRelu { alpha: a.float("alpha")?.unwrap_or(0.01) })),
    ("Less", |_, _| binary(Binary::Less)),
    ("LessOrEqual", |_, _| binary(Binary::LessOrEqual)),
    ("Log", |_, _| unary(Unary::Log)),
    ("Max", |_, _| variadic(Variadic::Max)),
    ("Mean", |_, _| variadic(Variadic::Mean)),
    ("Min", |_, _| variadic(Variadic::Min)),
    ("Mish", |_, _| unary(Unary::Mish)),
    ("Mod", |a, _| binary(Binary::Mod { fmod: a.flag("fmod")? })),
    ("Neg", |_, _| unary(Unary::Neg)),
    ("Not", |_, _| unary(Unary::Not)),
    ("Or", |_, _| binary(Binary::Or)),
    ("PRelu", |_, _| binary(Binary::PRelu)),
    ("Pow", |_, _| binary(Binary::Pow)),
    ("Reciprocal", |_, _| unary(Unary::Reciprocal)),
    ("Round", |_, _| unary(Unary::Round)),
    ("Selu", |a, _| {
        let alpha = a.float("alpha")?.unwrap_or(1.673_263_2);
        unary(Unary::Selu { alpha, gamma: a.float("gamma")?.unwrap_or(1.050_701) })
    }),
    ("Sigmoid", |_, _| unary(Unary::Sigmoid)),
    ("Sign", |_, _| unary(Unary::Sign)),
    ("Sin", |_, _| unary(Unary::Sin)),
    ("Softplus", |_, _| unary(Unary::Softplus)),
    ("Softsign", |_, _| unary(Unary::Softsign)),
    ("Sqrt", |_, _| unary(Unary::Sqrt)),
    ("Sub", |_, _| binary(Binary::Sub)),
    ("Sum", |_, _| variadic(Variadic::Sum)),
    ("Tanh", |_, _| unary(Unary::Tanh)),
    ("ThresholdedRelu", |a, _| unary(Unary::ThresholdedRelu { alpha: a.float("alpha")?.unwrap_or(1.0) })),
    ("Xor", |_, _| binary(Binary::Xor)),
];

fn unary(unary: Unary) -> Result<Operator> {
    Ok(Operator::Unary(unary))
}

fn binary(binary: Binary) -> Result<Operator> {
    Ok(Operator::Binary(binary))
}

fn variadic(variadic: Variadic) -> Result<Operator> {
    Ok(Operator::Variadic(variadic))
}

pub(super) fn gelu(a: &Attributes, _: i64) -> Result<Operator> {
    match a.text("approximate")?.unwrap_or("none") {
        "none" => unary(Unary::Gelu { tanh: false }),
        "tanh" => unary(Unary::Gelu { tanh: true }),
        other => {
            let message = format!("attribute approximate is {other:?}");
            Err(Error::new(Kind::Malformed, message).help("it is none or tanh"))
        }
    }
}
