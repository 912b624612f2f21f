//! LSTM, GRU and RNN in float32, in ONNX Runtime's order: one product of the input with all gates, and per step one of
//! the state, added to it; then the bias, and the activations.
//!
//! LSTM and GRU are exact to the last bit with constant weights, which it packs beforehand. Its RNN does otherwise: the sums
//! start from the bias, nothing is packed, and the hyperbolic tangent is another one.

mod quantised;

use ndarray::{ArrayD, IxDyn};

use super::Call;
use super::size::room;
use crate::error::{Error, Kind, Result};
use crate::network::{Cell, Direction, Recurrent, Tensor};
use crate::post::float;
use crate::post::sgemm::{Order, Product};
pub(super) use quantised::quantised;

/// MlasSgemm's block for weights that it packed beforehand.
const PACKED_BLOCK: usize = 256;

/// The tensors of a layer in C order, and their extents.
struct Layer {
    cell: Cell,
    clip: f32,
    steps: usize,
    batch: usize,
    inputs: usize,
    hidden: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    r: Vec<f32>,
    /// Of W, then of R, per direction.
    bias: Option<Vec<f32>>,
    lengths: Vec<usize>,
    state: Option<Vec<f32>>,
    memory: Option<Vec<f32>>,
}

/// Where a vector stands among those that ONNX Runtime multiplies at once.
#[derive(Clone, Copy)]
struct Row {
    /// Steps before it, in the order in which they are taken.
    index: usize,
    /// Of the batch.
    row: usize,
}

/// h, and c of an LSTM.
struct State {
    h: Vec<f32>,
    c: Vec<f32>,
}

/// Outputs: every step's h, the last h and, of an LSTM, the last c.
pub(super) fn recurrent(call: &Call, of: &Recurrent) -> Result<Vec<Tensor>> {
    let directions = directions(of);
    let layer = Layer::in_float(call, of, directions.len())?;
    let (steps, batch, hidden) = (layer.steps, layer.batch, layer.hidden);
    room(&[steps, directions.len(), batch, hidden])?;
    let mut runs = Vec::with_capacity(directions.len());
    for (direction, backwards) in directions.iter().enumerate() {
        let mut all = vec![0.0; steps * batch * hidden];
        let mut states = Vec::with_capacity(batch);
        for row in 0..batch {
            let length = layer.lengths[row];
            let mut state = layer.start(direction, row);
            for index in 0..length {
                let step = if *backwards { length - 1 - index } else { index };
                let x = &layer.x[(step * batch + row) * layer.inputs..][..layer.inputs];
                match of.cell {
                    Cell::Rnn { relu } => layer.rnn(&mut state, direction, x, Row { index, row }, relu),
                    _ => layer.advance(&mut state, direction, x),
                }
                all[(step * batch + row) * hidden..][..hidden].copy_from_slice(&state.h);
            }
            states.push(state);
        }
        runs.push((all, states));
    }
    stacked(&layer, runs, of.cell == Cell::Lstm)
}

/// Whether each direction reads from the last step.
fn directions(of: &Recurrent) -> &'static [bool] {
    match of.direction {
        Direction::Forward => &[false],
        Direction::Reverse => &[true],
        Direction::Bidirectional => &[false, true],
    }
}

/// Every step's h and the last state of every row, by direction, as the operator's outputs.
fn stacked(layer: &Layer, runs: Vec<(Vec<f32>, Vec<State>)>, has_memory: bool) -> Result<Vec<Tensor>> {
    let (steps, batch, hidden) = (layer.steps, layer.batch, layer.hidden);
    let shape = [steps, runs.len(), batch, hidden];
    let mut all = vec![0.0; room(&shape)?];
    let (mut last_h, mut last_c) = (Vec::new(), Vec::new());
    let (count, size) = (runs.len(), batch * hidden);
    for (direction, (own, states)) in runs.into_iter().enumerate() {
        for step in 0..steps {
            all[(step * count + direction) * size..][..size].copy_from_slice(&own[step * size..][..size]);
        }
        for (state, length) in states.into_iter().zip(&layer.lengths) {
            // A sequence of no step has no state.
            let keep = |values: Vec<f32>| if *length == 0 { vec![0.0; hidden] } else { values };
            last_h.extend(keep(state.h));
            last_c.extend(keep(state.c));
        }
    }
    let tensor = |shape: &[usize], values: Vec<f32>| {
        Tensor::F32(ArrayD::from_shape_vec(IxDyn(shape), values).expect("one value per hidden element"))
    };
    let mut outputs = vec![tensor(&shape, all), tensor(&shape[1..], last_h)];
    if has_memory {
        outputs.push(tensor(&shape[1..], last_c));
    }
    Ok(outputs)
}

impl Layer {
    /// A layer with float32 weights.
    fn in_float(call: &Call, of: &Recurrent, directions: usize) -> Result<Layer> {
        let (x, w, r) = (call.f32(0)?, call.f32(1)?, call.f32(2)?);
        let wrong = |what: &str| {
            let shapes = format!("{:?}, {:?} and {:?}", x.shape(), w.shape(), r.shape());
            Error::new(Kind::Value, format!("{what}: input and weights have shapes {shapes}"))
        };
        let (&[_, _, inputs], &[_, _, hidden]) = (x.shape(), r.shape()) else {
            return Err(wrong("three axes are needed"));
        };
        let gates = of.cell.gates().checked_mul(hidden).ok_or_else(|| wrong("too many gates"))?;
        if w.shape() != [directions, gates, inputs] || r.shape() != [directions, gates, hidden] {
            return Err(wrong("the weights do not match"));
        }
        let all = |array: &ArrayD<f32>| array.iter().copied().collect::<Vec<f32>>();
        Ok(Layer { w: all(w), r: all(r), ..Layer::new(call, of, directions, hidden)? })
    }

    /// A layer without its weights.
    fn new(call: &Call, of: &Recurrent, directions: usize, hidden: usize) -> Result<Layer> {
        let x = call.f32(0)?;
        let wrong = |what: &str| Error::new(Kind::Value, format!("{what}: input of shape {:?}", x.shape()));
        let &[steps, batch, inputs] = x.shape() else { return Err(wrong("three axes are needed")) };
        let gates = of.cell.gates().checked_mul(hidden).ok_or_else(|| wrong("too many gates"))?;
        if of.cell == Cell::Lstm && call.optional(7).is_some() {
            return Err(Error::new(Kind::Unsupported, "peepholes (input 7) are not supported"));
        }
        let values = |index: usize, shape: &[usize]| -> Result<Option<Vec<f32>>> {
            if call.optional(index).is_none() {
                return Ok(None);
            }
            let values = call.f32(index)?;
            if values.shape() != shape {
                let message = format!("input {index} has shape {:?}, not {shape:?}", values.shape());
                return Err(Error::new(Kind::Value, message));
            }
            Ok(Some(values.iter().copied().collect()))
        };
        let lengths = match call.optional(4) {
            None => vec![steps; batch],
            Some(lengths) => {
                let lengths = lengths.to_i64()?;
                let fit = lengths.iter().map(|n| usize::try_from(*n).ok().filter(|n| *n <= steps));
                let fit: Option<Vec<usize>> = fit.collect();
                fit.filter(|fit| fit.len() == batch).ok_or_else(|| wrong("the lengths do not match"))?
            }
        };
        Ok(Layer {
            cell: of.cell,
            clip: of.clip.unwrap_or(f32::MAX),
            steps,
            batch,
            inputs,
            hidden,
            x: x.iter().copied().collect(),
            w: Vec::new(),
            r: Vec::new(),
            bias: values(3, &[directions, 2 * gates])?,
            lengths,
            state: values(5, &[directions, batch, hidden])?,
            memory: if of.cell == Cell::Lstm { values(6, &[directions, batch, hidden])? } else { None },
        })
    }

    fn start(&self, direction: usize, row: usize) -> State {
        let at = (direction * self.batch + row) * self.hidden;
        let from = |given: &Option<Vec<f32>>| match given {
            Some(values) => values[at..at + self.hidden].to_vec(),
            None => vec![0.0; self.hidden],
        };
        State { h: from(&self.state), c: from(&self.memory) }
    }

    /// x · w, or start + x · w, with row `gate` of the weights of a direction.
    fn product(&self, x: &[f32], weights: &[f32], direction: usize, gate: usize, start: Option<f32>) -> f32 {
        let at = (direction * self.cell.gates() * self.hidden + gate) * x.len();
        let row = &weights[at..at + x.len()];
        Order::Blocks(PACKED_BLOCK).sum(0, start, 1.0, x.iter().copied().zip(row.iter().copied()))
    }

    /// The bias of W and that of R of a gate.
    fn bias(&self, direction: usize, gate: usize) -> Option<(f32, f32)> {
        let gates = self.cell.gates() * self.hidden;
        self.bias
            .as_ref()
            .map(|bias| (bias[direction * 2 * gates + gate], bias[(direction * 2 + 1) * gates + gate]))
    }

    /// With a bias, NaN becomes the upper bound, as C++'s min has it; without one it stays.
    fn clipped(&self, value: f32, bias: Option<f32>) -> f32 {
        let b = self.clip;
        match bias {
            Some(bias) => {
                let value = value + bias;
                let value = if value < b { value } else { b };
                if -b < value { value } else { -b }
            }
            None if value > b => b,
            None if value < -b => -b,
            None => value,
        }
    }

    /// One step of an LSTM; `gate` is the sum of products of a gate's row, without its bias.
    fn lstm(&self, state: &mut State, direction: usize, gate: &dyn Fn(usize) -> f32) {
        let hidden = self.hidden;
        let open = |at: usize| self.clipped(gate(at), self.bias(direction, at).map(|(w, r)| w + r));
        for j in 0..hidden {
            let [i, o, f] = [0, 1, 2].map(|k| float::sigmoid(open(k * hidden + j)));
            let new = float::tanh(open(3 * hidden + j));
            state.c[j] = state.c[j] * f + i * new;
            state.h[j] = float::tanh(state.c[j]) * o;
        }
    }

    /// One step of an RNN: x · W, begun from the bias, plus h · R, each as MlasSgemm has it for all rows at once.
    fn rnn(&self, state: &mut State, direction: usize, x: &[f32], at: Row, relu: bool) {
        let before = state.h.clone();
        let order = |rows: usize, depth: usize| {
            let product = Product::plain(rows, self.hidden, depth);
            Product { transposed_b: true, step_b: depth, beta: 1.0, ..product }.order()
        };
        let orders = [order(self.steps * self.batch, self.inputs), order(self.batch, self.hidden)];
        for j in 0..self.hidden {
            // Outputs of a vector are numbered: by column, or by row where there is one column.
            let numbers = if self.hidden == 1 { [at.index * self.batch + at.row, at.row] } else { [j, j] };
            let sum = |k: usize, values: &[f32], weights: &[f32], start: Option<f32>| {
                let from = (direction * self.hidden + j) * values.len();
                let row = &weights[from..from + values.len()];
                let terms = values.iter().copied().zip(row.iter().copied());
                orders[k].sum(numbers[k], start, 1.0, terms)
            };
            let bias = self.bias(direction, j).map_or(0.0, |(w, r)| w + r);
            let own = sum(0, x, &self.w, Some(bias));
            let value = self.clipped(own + sum(1, &before, &self.r, None), None);
            state.h[j] = if relu { value.max(0.0) } else { float::logistic_tanh(value) };
        }
    }

    fn advance(&self, state: &mut State, direction: usize, x: &[f32]) {
        let gate = |h: &[f32], gate: usize| {
            let x = self.product(x, &self.w, direction, gate, None);
            self.product(h, &self.r, direction, gate, Some(x))
        };
        let both = |gate: usize| self.bias(direction, gate).map(|(w, r)| w + r);
        let hidden = self.hidden;
        let open = |h: &[f32], at: usize| self.clipped(gate(h, at), both(at));
        match self.cell {
            Cell::Lstm => {
                let before = state.h.clone();
                self.lstm(state, direction, &|at| gate(&before, at));
            }
            Cell::Gru { linear_before_reset } => {
                let before = state.h.clone();
                let reset: Vec<f32> =
                    (0..hidden).map(|j| float::plain_sigmoid(open(&before, hidden + j))).collect();
                let kept: Vec<f32> = before.iter().zip(&reset).map(|(h, r)| h * r).collect();
                for j in 0..hidden {
                    let at = 2 * hidden + j;
                    let own = self.product(x, &self.w, direction, at, None);
                    let new = if linear_before_reset {
                        let bias = self.bias(direction, at);
                        let linear = self.product(&before, &self.r, direction, at, bias.map(|b| b.1));
                        self.clipped(own + linear * reset[j], bias.map(|b| b.0))
                    } else {
                        self.clipped(self.product(&kept, &self.r, direction, at, Some(own)), both(at))
                    };
                    let z = float::sigmoid(open(&before, j));
                    state.h[j] = (1.0 - z) * float::plain_tanh(new) + z * before[j];
                }
            }
            // [`Layer::rnn`].
            Cell::Rnn { .. } => {}
        }
    }
}
