//! com.microsoft's DynamicQuantizeLSTM: the products of an LSTM on 8-bit codes, everything else as in float32.
//!
//! As ONNX Runtime computes it: the inputs of all steps are quantised together, as DynamicQuantizeLinear does, and at every
//! step the states of all rows. The sums of products are exact int32; times x.scale · w.scale they are float32, to which
//! the gates belong as in an LSTM. With several threads ONNX Runtime quantises the states of each thread's rows apart: this
//! is what it does with one.

use rayon::prelude::*;

use super::{Layer, State, stacked};
use crate::error::{Error, Kind, Result};
use crate::functional::operators::linear::dynamic_parameters;
use crate::functional::operators::size::room;
use crate::functional::operators::{Call, rails};
use crate::network::{DType, Recurrent, Tensor, per_channel};
use crate::post::onnx;

/// Weights of one direction, and what their codes stand for.
struct Weights {
    /// `[k][n]`, their zero point taken away.
    codes: Vec<i32>,
    /// One, or one per column.
    scales: Vec<f32>,
}

/// Outputs: every step's h, the last h and the last c.
pub(in crate::functional::operators) fn quantised(call: &Call, of: &Recurrent) -> Result<Vec<Tensor>> {
    let directions = super::directions(of);
    let (w, r) = (call.tensor(1)?, call.tensor(2)?);
    let &[_, hidden, gates] = r.shape() else {
        return Err(Error::new(Kind::Value, format!("three axes are needed, not {:?}", r.shape())));
    };
    let x = call.f32(0)?.shape();
    let inputs = x.last().copied().unwrap_or_default();
    let fits = Some(gates) == hidden.checked_mul(4)
        && w.shape() == [directions.len(), inputs, gates]
        && r.shape() == [directions.len(), hidden, gates];
    if !fits {
        let shapes = format!("{x:?}, {:?} and {:?}", w.shape(), r.shape());
        return Err(Error::new(Kind::Value, format!("input and weights have shapes {shapes}")));
    }
    let layer = Layer::new(call, of, directions.len(), hidden)?;
    room(&[layer.steps, layer.batch, gates])?;
    let mut runs = Vec::with_capacity(directions.len());
    for (direction, backwards) in directions.iter().enumerate() {
        let w = weights(call, w, [8, 9], direction, directions.len())?;
        let r = weights(call, r, [10, 11], direction, directions.len())?;
        runs.push(layer.direction(call, direction, *backwards, [&w, &r])?);
    }
    stacked(&layer, runs, true)
}

/// The weights of a direction; `at` are the inputs with scales and zero points, `[directions]` or `[directions, columns]`.
fn weights(
    call: &Call,
    tensor: &Tensor,
    at: [usize; 2],
    direction: usize,
    directions: usize,
) -> Result<Weights> {
    if !matches!(tensor.dtype(), DType::U8 | DType::I8) {
        let message = format!("weights must be int8 or uint8, not {}", tensor.dtype());
        return Err(Error::new(Kind::Value, message));
    }
    let columns = tensor.shape()[2];
    let scales = call.f32(at[0])?;
    let zeros = call.tensor(at[1])?;
    for (index, shape) in at.into_iter().zip([scales.shape(), zeros.shape()]) {
        if shape != [directions] && shape != [directions, columns] {
            let message =
                format!("input {index} must have shape [{directions}] or [{directions}, {columns}]");
            return Err(Error::new(Kind::Value, format!("{message}, not {shape:?}")));
        }
    }
    if zeros.dtype() != tensor.dtype() {
        let message = format!(
            "the zero points (input {}) are {}, the weights {}",
            at[1],
            zeros.dtype(),
            tensor.dtype()
        );
        return Err(Error::new(Kind::Value, message));
    }
    let of = |shape: &[usize]| shape.get(1).copied().unwrap_or(1);
    let (scale_count, zero_count) = (of(scales.shape()), of(zeros.shape()));
    let zeros: Vec<i32> =
        zeros.to_i32()?.iter().skip(direction * zero_count).take(zero_count).copied().collect();
    let zero = zeros.first().copied().unwrap_or_default();
    let is_signed = tensor.dtype() == DType::I8;
    // One column after the other has a zero point of its own only where all are the same.
    if zeros.iter().any(|z| *z != zero) || (zero_count > 1 && is_signed && zero != 0) {
        let message =
            format!("the zero points of one direction (input {}) must be the same, 0 for int8", at[1]);
        return Err(Error::new(Kind::Value, message));
    }
    let size = tensor.shape()[1] * columns;
    let codes = tensor.to_i32()?.iter().skip(direction * size).take(size).map(|code| code - zero).collect();
    Ok(Weights {
        codes,
        scales: scales.iter().skip(direction * scale_count).take(scale_count).copied().collect(),
    })
}

impl Layer {
    /// Every step's h, and the last states, of one direction.
    fn direction(
        &self,
        call: &Call,
        direction: usize,
        backwards: bool,
        [w, r]: [&Weights; 2],
    ) -> Result<(Vec<f32>, Vec<State>)> {
        let (batch, hidden, columns) = (self.batch, self.hidden, 4 * self.hidden);
        let longest = self.lengths.iter().copied().max().unwrap_or_default();
        // What lies behind the end of a sequence counts for the range, as long as another one goes on.
        let inputs = product(&self.x[..longest * batch * self.inputs], longest * batch, w, columns)?;
        // Without an output for every step, a sequence that has ended keeps its last state.
        let keeps = call.node.outputs.first().is_none_or(Option::is_none);
        let mut states: Vec<State> = (0..batch).map(|row| self.start(direction, row)).collect();
        let mut before: Vec<f32> = states.iter().flat_map(|state| state.h.iter().copied()).collect();
        let mut all = vec![0.0; self.steps * batch * hidden];
        for index in 0..longest {
            let sums = product(&before, batch, r, columns)?;
            if !keeps || index == 0 {
                before.fill(0.0);
            }
            for (row, state) in states.iter_mut().enumerate().filter(|(row, _)| index < self.lengths[*row]) {
                let step = if backwards { self.lengths[row] - 1 - index } else { index };
                let x = &inputs[(step * batch + row) * columns..][..columns];
                let h = &sums[row * columns..][..columns];
                self.lstm(state, direction, &|gate| x[gate] + h[gate]);
                before[row * hidden..][..hidden].copy_from_slice(&state.h);
                all[(step * batch + row) * hidden..][..hidden].copy_from_slice(&state.h);
            }
        }
        Ok((all, states))
    }
}

/// So many rows of numbers, quantised together, times the weights, as float32.
fn product(values: &[f32], rows: usize, weights: &Weights, columns: usize) -> Result<Vec<f32>> {
    let (scale, zero) = dynamic_parameters(values)?;
    let rule = rails(DType::U8, zero)?;
    let factors: Vec<f32> = weights.scales.iter().map(|w| scale * w).collect();
    let mut out = vec![0.0; room(&[rows, columns])?];
    // Rows of no number add nothing up.
    let k = values.len().checked_div(rows).unwrap_or_default().max(1);
    let each = out.par_chunks_exact_mut(columns.max(1)).zip(values.par_chunks_exact(k));
    each.for_each(|(out, row)| {
        let mut sums = vec![0i32; columns];
        for (value, weights) in row.iter().zip(weights.codes.chunks_exact(columns)) {
            let code = onnx::quantize(*value, scale, rule) - zero;
            sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum = sum.wrapping_add(code.wrapping_mul(*w)));
        }
        for (column, (out, sum)) in out.iter_mut().zip(&sums).enumerate() {
            *out = *sum as f32 * per_channel(&factors, column);
        }
    });
    Ok(out)
}
