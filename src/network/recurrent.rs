//! Layers that run along a sequence: LSTM, GRU and RNN. Names and attributes are ONNX's.

/// What such a layer is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recurrent {
    /// What one step computes.
    pub cell: Cell,
    /// Which way the sequence is read.
    pub direction: Direction,
    /// Values before an activation are cut to ±this; no bound when absent.
    pub clip: Option<f32>,
}

/// One step of a sequence, with ONNX's default activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Gates i, o, f and c.
    Lstm,
    /// Gates z, r and h.
    Gru {
        /// The reset gate multiplies the product with the state, rather than the state.
        linear_before_reset: bool,
    },
    /// One activation.
    Rnn {
        /// max(x, 0), rather than the hyperbolic tangent.
        relu: bool,
    },
}

impl Cell {
    /// Rows of weights per hidden element.
    pub fn gates(self) -> usize {
        match self {
            Cell::Lstm => 4,
            Cell::Gru { .. } => 3,
            Cell::Rnn { .. } => 1,
        }
    }
}

/// Which way the sequence is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the first step.
    Forward,
    /// From the last step.
    Reverse,
    /// Both, side by side.
    Bidirectional,
}
