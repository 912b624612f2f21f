//! The PEs: how many, how they are wired, and what follows from that. Whoever asks for one of these things asks for it by
//! name, and not for the dataflow.

/// How operands reach the PEs and results leave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataflow {
    /// One MAC; rows = columns = lanes = 1.
    Sequential,
    /// One dot product of `lanes` terms a beat; rows = columns = 1.
    Tree,
    /// R × C accumulators that stay while operands travel right and down; results drain down the columns.
    OutputStationary,
}

/// Who delays lane n of a skewed array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// The stimulus is skewed.
    Host,
    /// Triangular registers inside the array.
    Internal,
}

/// Extents and wires of the PEs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    /// Which of the three kinds it is.
    pub dataflow: Dataflow,
    /// PEs down, one output position each.
    pub rows: usize,
    /// PEs across, one output channel each.
    pub columns: usize,
    /// Multipliers of one PE.
    pub lanes: usize,
    /// Registers per column step of the activation. 0 = broadcast.
    pub hop_activation: u32,
    /// Registers per row step of the weight.
    pub hop_weight: u32,
    /// Who delays the operands of the outer rows and columns.
    pub skew: Skew,
    /// Registers between the bottom of a column and its requantizer.
    pub drain_latency: u32,
}

impl Array {
    /// Whether PEs stand in rows and columns, each with its own operands.
    pub fn is_grid(&self) -> bool {
        self.dataflow == Dataflow::OutputStationary
    }

    /// Whether results leave row by row, when the host says so, and tiles do not overlap; otherwise an output's last beat
    /// finishes it, and output follows on output.
    pub fn drains(&self) -> bool {
        self.dataflow == Dataflow::OutputStationary
    }

    /// Whether the stimulus is skewed: row i has its own control bits.
    pub fn host_skews(&self) -> bool {
        self.is_grid() && self.skew == Skew::Host
    }

    /// Shape of a signal that every PE has: `[rows, columns]`, or `[]` where there is one.
    pub fn pe_shape(&self) -> Vec<usize> {
        if self.is_grid() { vec![self.rows, self.columns] } else { vec![] }
    }

    /// Shape of an operand port on an edge of `extent` PEs: a lane axis of 1 is dropped.
    pub fn edge_shape(&self, extent: usize) -> Vec<usize> {
        let extent = self.is_grid().then_some(extent);
        extent.into_iter().chain((self.lanes > 1).then_some(self.lanes)).collect()
    }
}
