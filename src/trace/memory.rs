//! A trace kept in memory: for tests and short runs.

use super::{Chunk, Signal, SignalTable, Sink};
use crate::error::Result;

/// Holds every cycle of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemorySink {
    /// `None` before the trace has begun.
    pub table: Option<SignalTable>,
    /// `[cycles][table.row()]`
    pub values: Vec<i64>,
}

impl MemorySink {
    /// The signal table, once the trace has begun.
    ///
    /// # Panics
    /// Before `begin`.
    pub fn table(&self) -> &SignalTable {
        self.table.as_ref().expect("the trace has begun")
    }

    /// Cycles received so far.
    ///
    /// # Panics
    /// Before `begin`.
    pub fn cycles(&self) -> usize {
        self.values.len() / self.table().row().max(1)
    }

    /// All instances of a signal, cycle by cycle; `None` when there is no such signal.
    pub fn signal(&self, name: &str) -> Option<Vec<&[i64]>> {
        let table = self.table();
        let index = table.signals.iter().position(|s| s.name == name)?;
        let start: usize = table.signals[..index].iter().map(Signal::instances).sum();
        let count = table.signals[index].instances();
        Some(self.values.chunks_exact(table.row()).map(|cycle| &cycle[start..start + count]).collect())
    }
}

impl Sink for MemorySink {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        self.table = Some(table.clone());
        self.values.clear();
        Ok(())
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        self.values.extend_from_slice(&chunk.values);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}
