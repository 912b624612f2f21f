//! Value change dumps: IEEE 1364-2005, section 18. Cycle n is at time 10n (R12); no date.
//!
//! One variable per instance, named like the twin's port: `pe.acc` of PE (2, 3) is `pe_acc[2][3]`. A dump knows
//! no signs: values are two's complement patterns (R10).

use std::fmt::Write;
use std::path::Path;

use super::pending::Pending;
use crate::error::Result;
use crate::num::Format;
use crate::trace::{Chunk, Signal, SignalTable, Sink};

/// Writes a trace as a `.vcd` file.
pub struct VcdSink {
    file: Pending,
    /// One per instance: identifier and width.
    variables: Vec<(String, u32)>,
    /// Values of the cycle before.
    shown: Vec<i64>,
    cycles: u64,
    text: String,
}

impl VcdSink {
    /// Prepares a dump for `path`; nothing appears there before the trace is finished.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(path: &Path) -> Result<VcdSink> {
        let file = Pending::create(path)?;
        Ok(VcdSink { file, variables: Vec::new(), shown: Vec::new(), cycles: 0, text: String::new() })
    }

    fn cycle(&mut self, cycle: u64, values: &[i64]) {
        let first = self.shown.is_empty();
        let mut stamped = first;
        if first {
            self.text.push_str("#0\n$dumpvars\n");
        }
        for (index, value) in values.iter().enumerate() {
            if !first && self.shown[index] == *value {
                continue;
            }
            if !stamped {
                let _ = writeln!(self.text, "#{}", 10 * cycle);
                stamped = true;
            }
            let (identifier, width) = &self.variables[index];
            change(&mut self.text, *value, *width, identifier);
        }
        if first {
            self.text.push_str("$end\n");
            self.shown = values.to_vec();
        } else {
            self.shown.copy_from_slice(values);
        }
    }
}

impl Sink for VcdSink {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        let mut text = String::from("$timescale 1 ns $end\n");
        let _ = writeln!(text, "$scope module {} $end", table.design);
        for signal in &table.signals {
            for instance in 0..signal.instances() {
                let identifier = identifier(self.variables.len());
                let name = instance_name(signal, instance);
                let (width, range) = range(signal.format);
                let _ = writeln!(text, "$var wire {width} {identifier} {name}{range} $end");
                self.variables.push((identifier, width));
            }
        }
        text.push_str("$upscope $end\n$enddefinitions $end\n");
        self.file.write(text.as_bytes())
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        for (offset, values) in chunk.values.chunks_exact(self.variables.len()).enumerate() {
            self.cycle(chunk.first_cycle + offset as u64, values);
            self.cycles += 1;
        }
        self.file.write(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.file.write(format!("#{}\n", 10 * self.cycles).as_bytes())?;
        self.file.persist()
    }
}

fn range(format: Format) -> (u32, String) {
    match format.width() {
        1 => (1, String::new()),
        width => (width, format!(" [{}:0]", width - 1)),
    }
}

/// `pe_acc[2][3]`: the port's name and the instance's index on every axis.
fn instance_name(signal: &Signal, instance: usize) -> String {
    let mut name = String::new();
    let mut rest = instance;
    for extent in signal.shape.iter().rev() {
        name.insert_str(0, &format!("[{}]", rest % extent));
        rest /= extent;
    }
    name.insert_str(0, &signal.name.replace('.', "_"));
    name
}

/// Short identifiers of printable characters, `!` first.
fn identifier(index: usize) -> String {
    let mut rest = index;
    let mut code = String::new();
    loop {
        code.push(char::from(b'!' + (rest % 94) as u8));
        rest /= 94;
        if rest == 0 {
            return code;
        }
        rest -= 1;
    }
}

/// One value: a bit, or a vector without leading zeros, which a reader extends with zeros.
fn change(text: &mut String, value: i64, width: u32, identifier: &str) {
    let pattern = (value as u64) & (u64::MAX >> (64 - width));
    let _ = match width {
        1 => writeln!(text, "{pattern}{identifier}"),
        _ => writeln!(text, "b{pattern:b} {identifier}"),
    };
}
