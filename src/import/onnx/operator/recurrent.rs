//! LSTM, GRU and RNN.

use super::super::attributes::Attributes;
use super::layout::one_of;
use super::{Entry, required};
use crate::error::{Error, Kind, Result};
use crate::network::{Cell, Direction, Operator, Recurrent};

pub(super) const ENTRIES: &[Entry] = &[
    ("GRU", |a, _| {
        activations(a, &["Sigmoid", "Tanh"])?;
        layer(a, Cell::Gru { linear_before_reset: a.flag("linear_before_reset")? })
    }),
    ("LSTM", |a, _| {
        activations(a, &["Sigmoid", "Tanh", "Tanh"])?;
        a.only("input_forget", 0)?;
        layer(a, Cell::Lstm)
    }),
    ("RNN", |a, _| {
        let found = a.texts("activations")?;
        let relu = !found.is_empty() && found.iter().all(|name| name.eq_ignore_ascii_case("Relu"));
        if !relu {
            activations(a, &["Tanh"])?;
        }
        layer(a, Cell::Rnn { relu })
    }),
];

/// Those named have to be the default ones, once per direction.
fn activations(a: &Attributes, default: &[&str]) -> Result<()> {
    let found = a.texts("activations")?;
    let same = |(name, default): (&&str, &&str)| name.eq_ignore_ascii_case(default);
    if found.iter().zip(default.iter().cycle()).all(same) {
        return Ok(());
    }
    let message = format!("activations {} are not supported", found.join(", "));
    Err(Error::new(Kind::Unsupported, message).help(format!("supported: {}", default.join(", "))))
}

/// com.microsoft's DynamicQuantizeLSTM.
pub(super) fn dynamic_lstm(a: &Attributes) -> Result<Operator> {
    activations(a, &["Sigmoid", "Tanh", "Tanh"])?;
    a.only("input_forget", 0)?;
    Ok(Operator::DynamicQuantizeLstm(told(a, Cell::Lstm)?))
}

fn layer(a: &Attributes, cell: Cell) -> Result<Operator> {
    Ok(Operator::Recurrent(told(a, cell)?))
}

fn told(a: &Attributes, cell: Cell) -> Result<Recurrent> {
    // Of no matter to the activations above.
    a.texts("activation_alpha")?;
    a.texts("activation_beta")?;
    a.only("layout", 0)?;
    required(a, "hidden_size")?;
    let direction = match one_of(a, "direction", &["forward", "reverse", "bidirectional"])? {
        0 => Direction::Forward,
        1 => Direction::Reverse,
        _ => Direction::Bidirectional,
    };
    Ok(Recurrent { cell, direction, clip: a.float("clip")? })
}
