//! Waves to read: a line per cycle where the design is small, a block per cycle where it is an array.

use std::fmt::Write;
use std::path::Path;

use super::pending::Pending;
use crate::error::Result;
use crate::num::Format;
use crate::trace::{Chunk, Signal, SignalTable, Sink};

/// The most values a line may show; designs with more get a block per cycle.
const LINE_VALUES: usize = 40;

/// Writes a trace as a `.txt` file.
pub struct TextSink {
    file: Pending,
    signals: Vec<Signal>,
    /// Width of each signal's values in characters.
    widths: Vec<usize>,
    row: usize,
}

impl TextSink {
    /// Prepares a file for `path`; nothing appears there before the trace is finished.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(path: &Path) -> Result<TextSink> {
        Ok(TextSink { file: Pending::create(path)?, signals: Vec::new(), widths: Vec::new(), row: 0 })
    }

    fn one_line(&self) -> bool {
        self.row <= LINE_VALUES
    }

    /// `cycle  in.valid  in.first …`, a column as wide as its name or its widest value.
    fn line(&self, cycle: u64, values: &[i64]) -> String {
        let mut text = format!("{cycle:>7}");
        let mut rest = values;
        for (signal, width) in self.signals.iter().zip(&self.widths) {
            let (these, behind) = rest.split_at(signal.instances());
            rest = behind;
            let shown: Vec<String> = these.iter().map(|v| show(*v, signal.format)).collect();
            let _ = write!(text, "  {:>width$}", shown.join(" "));
        }
        text.push('\n');
        text
    }

    /// Every signal on lines of its own, the last axis across.
    fn block(&self, cycle: u64, values: &[i64]) -> String {
        let mut text = format!("\ncycle {cycle}\n");
        let mut rest = values;
        for (signal, width) in self.signals.iter().zip(&self.widths) {
            let (these, behind) = rest.split_at(signal.instances());
            rest = behind;
            let across = signal.shape.last().copied().unwrap_or(1);
            for (line, values) in these.chunks(across).enumerate() {
                let name = if line == 0 { signal.name.as_str() } else { "" };
                let _ = write!(text, "  {name:<18}");
                values.iter().for_each(|v| {
                    let _ = write!(text, " {:>width$}", show(*v, signal.format));
                });
                text.push('\n');
            }
        }
        text
    }
}

impl Sink for TextSink {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        self.row = table.row();
        self.signals = table.signals.clone();
        let value = |s: &Signal| value_width(s.format);
        if !self.one_line() {
            self.widths = self.signals.iter().map(value).collect();
            return self.file.write(format!("{}, {} cycles\n", table.design, table.cycles).as_bytes());
        }
        let width = |s: &Signal| ((value(s) + 1) * s.instances() - 1).max(s.name.len());
        self.widths = self.signals.iter().map(width).collect();
        let mut head = format!("{}, {} cycles\n  cycle", table.design, table.cycles);
        for (signal, width) in self.signals.iter().zip(&self.widths) {
            let _ = write!(head, "  {:>width$}", signal.name);
        }
        head.push('\n');
        self.file.write(head.as_bytes())
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        for (offset, values) in chunk.values.chunks_exact(self.row).enumerate() {
            let cycle = chunk.first_cycle + offset as u64;
            let text = if self.one_line() { self.line(cycle, values) } else { self.block(cycle, values) };
            self.file.write(text.as_bytes())?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.file.persist()
    }
}

/// A bit that is 0 is a dot, so that the ones stand out.
fn show(value: i64, format: Format) -> String {
    match (format.width(), value) {
        (1, 0) => ".".to_string(),
        _ => value.to_string(),
    }
}

fn value_width(format: Format) -> usize {
    format.min().to_string().len().max(format.max().to_string().len())
}
