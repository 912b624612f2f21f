//! Samples over time: a signal table and a stream of chunks. Ten million cycles need no more memory than
//! ten thousand.

mod memory;

pub use memory::MemorySink;

use crate::error::Result;
use crate::num::Format;

/// Which side of the datapath a signal is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Driven by the host: the stimulus.
    Input,
    /// Inside the hardware: holds its value from one edge to the next.
    Register,
    /// A port the hardware drives.
    Output,
}

/// One named signal, with all its instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// `pe.acc`, `in.activation`, `post.2`, `out.data`, …
    pub name: String,
    /// The design node it belongs to (`accumulator`, `post.2`, …).
    pub node: String,
    /// Stimulus, state or answer.
    pub role: Role,
    /// Instances, row-major: `[]` scalar, `[rows, columns]`, `[rows, columns, lanes]`, …
    pub shape: Vec<usize>,
    /// Of every instance.
    pub format: Format,
}

impl Signal {
    /// How many values it has per cycle: the product of its shape, 1 for a scalar.
    pub fn instances(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The signals of a trace, in a fixed order: inputs, then registers, then outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalTable {
    /// Name of the design that was run.
    pub design: String,
    /// A chunk holds their values in this order.
    pub signals: Vec<Signal>,
    /// Cycles the whole trace will have.
    pub cycles: u64,
}

impl SignalTable {
    /// Values per cycle: the sum of all instances.
    pub fn row(&self) -> usize {
        self.signals.iter().map(Signal::instances).sum()
    }
}

/// Consecutive cycles of all signals, sampled strictly before the edge that ends each cycle (R11).
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Number of the first cycle in this chunk.
    pub first_cycle: u64,
    /// `cycles × table.row()` values: cycle by cycle, signal by signal, instance by instance.
    pub values: Vec<i64>,
}

/// Whatever takes a trace in: a file writer, a bundle, a comparison, memory.
pub trait Sink {
    /// The trace begins: called once, before any chunk.
    ///
    /// # Errors
    /// When nothing can be written.
    fn begin(&mut self, table: &SignalTable) -> Result<()>;
    /// The next cycles, without a gap since the last chunk.
    ///
    /// # Errors
    /// When they cannot be written.
    fn chunk(&mut self, chunk: &Chunk) -> Result<()>;
    /// The trace is complete; only now may a file appear at its place.
    ///
    /// # Errors
    /// When it cannot be finished or published.
    fn finish(&mut self) -> Result<()>;
}
