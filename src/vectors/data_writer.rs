//! Writes the data files of a bundle as cycles arrive; or only counts, sums and hashes what they would be.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::beats::InputBeats;
use super::channels;
use super::data_files::{Layouts, MAX_CYCLES};
use super::hex_file::{HexFile, Written};
use crate::design::Design;
use crate::error::{Error, Kind, Result};
use crate::lower::Program;
use crate::trace::{Chunk, Role, SignalTable};

/// The data files, begun, being written or finished.
pub struct DataWriter {
    /// Where they go; nowhere without it.
    folder: Option<PathBuf>,
    open: Option<Open>,
}

/// While cycles arrive.
struct Open {
    table: SignalTable,
    layouts: Layouts,
    inputs: usize,
    beats: Option<InputBeats>,
    /// Offsets in a cycle of `out.valid` and `out.data`.
    output: Option<(usize, usize)>,
    cycles: u64,
    files: [HexFile; 4],
    limbs: Vec<u64>,
    /// Outputs of columns that leave before others.
    waiting: Vec<VecDeque<i64>>,
}

/// What the data files are.
pub struct Finished {
    pub table: SignalTable,
    pub layouts: Layouts,
    pub cycles: u64,
    /// In the order of [`super::DATA_FILES`].
    pub written: Vec<Written>,
}

impl DataWriter {
    pub fn new(folder: Option<PathBuf>) -> DataWriter {
        DataWriter { folder, open: None }
    }

    fn file(&self, name: &str) -> Result<HexFile> {
        match &self.folder {
            Some(folder) => HexFile::create(&folder.join(format!("{name}.hex"))),
            None => Ok(HexFile::nowhere()),
        }
    }

    pub fn begin(&mut self, design: &Design, table: &SignalTable) -> Result<()> {
        if table.cycles > MAX_CYCLES {
            return Err(Error::new(
                Kind::Value,
                format!("{} cycles are more than a simulator can index", table.cycles),
            )
            .help("choose fewer images (--images) or a smaller shape"));
        }
        let files =
            [self.file("stimulus")?, self.file("expected")?, self.file("beats_in")?, self.file("beats_out")?];
        let offset = |name: &str| {
            let index = table.signals.iter().position(|s| s.name == name)?;
            Some(table.signals[..index].iter().map(|s| s.instances()).sum::<usize>())
        };
        self.open = Some(Open {
            layouts: Layouts::new(design, table),
            inputs: table.signals.iter().filter(|s| s.role == Role::Input).map(|s| s.instances()).sum(),
            beats: InputBeats::new(design, table),
            output: offset("out.valid").zip(offset("out.data")),
            table: table.clone(),
            cycles: 0,
            files,
            limbs: Vec::new(),
            waiting: Vec::new(),
        });
        Ok(())
    }

    pub fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(|| Error::new(Kind::Value, "the trace has not begun"))?;
        debug_assert_eq!(chunk.first_cycle, open.cycles, "chunks arrive in order");
        chunk.values.chunks_exact(open.table.row()).try_for_each(|row| open.cycle(row))
    }

    pub fn finish(&mut self, program: &Program) -> Result<Finished> {
        let mut open = self.open.take().ok_or_else(|| Error::new(Kind::Value, "the trace has not begun"))?;
        for beat in open.beats.as_mut().map(InputBeats::rest).unwrap_or_default() {
            open.write(2, &beat)?;
        }
        let Open { table, layouts, cycles, files, .. } = open;
        let mut written = files.into_iter().map(HexFile::finish).collect::<Result<Vec<_>>>()?;
        let mut file = self.file("channels")?;
        let mut limbs = Vec::new();
        for record in channels::records(program) {
            layouts.channels.pack(&record, &mut limbs);
            file.record(&layouts.channels, &limbs)?;
        }
        written.push(file.finish()?);
        Ok(Finished { table, layouts, cycles, written })
    }
}

impl Open {
    fn cycle(&mut self, row: &[i64]) -> Result<()> {
        let (inputs, rest) = row.split_at(self.inputs);
        self.write(0, inputs)?;
        self.write(1, rest)?;
        for beat in self.beats.as_mut().map(|beats| beats.cycle(inputs)).unwrap_or_default() {
            self.write(2, &beat)?;
        }
        if let Some((valid, data)) = self.output {
            let width = self.layouts.beats_out.fields[0].instances();
            let outputs = &row[data..data + width];
            if data - valid == 1 && row[valid] != 0 {
                self.write(3, outputs)?;
            } else if data - valid > 1 {
                self.skewed(&row[valid..data], outputs)?;
            }
        }
        self.cycles += 1;
        Ok(())
    }

    /// Columns that leave skewed, each with a valid bit of its own: a record when all have its value.
    fn skewed(&mut self, valid: &[i64], outputs: &[i64]) -> Result<()> {
        self.waiting.resize(valid.len(), VecDeque::new());
        let columns = self.waiting.iter_mut().zip(valid).zip(outputs);
        columns
            .filter(|((_, valid), _)| **valid != 0)
            .for_each(|((waiting, _), output)| waiting.push_back(*output));
        while self.waiting.iter().all(|column| !column.is_empty()) {
            let record: Vec<i64> = self.waiting.iter_mut().filter_map(VecDeque::pop_front).collect();
            self.write(3, &record)?;
        }
        Ok(())
    }

    /// One record into file `index` of [`super::DATA_FILES`].
    fn write(&mut self, index: usize, values: &[i64]) -> Result<()> {
        let (_, layout) = self.layouts.files()[index];
        layout.pack(values, &mut self.limbs);
        self.files[index].record(layout, &self.limbs)
    }
}
