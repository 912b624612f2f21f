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
    pub role: Role,
    /// Instances, row-major: `[]` scalar, `[rows, columns]`, `[rows, columns, lanes]`, …
    pub shape: Vec<usize>,
    pub format: Format,
}

impl Signal {
    pub fn instances(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The signals of a trace, in a fixed order: inputs, then registers, then outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalTable {
    pub design: String,
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
    fn begin(&mut self, table: &SignalTable) -> Result<()>;
    fn chunk(&mut self, chunk: &Chunk) -> Result<()>;
    fn finish(&mut self) -> Result<()>;
}
