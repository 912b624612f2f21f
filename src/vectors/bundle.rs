//! Writes a bundle: a trace's sink, flat in memory, published in one step at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::beats::InputBeats;
use super::channels;
use super::data_files::{Layouts, MAX_CYCLES};
use super::hex_file::{HexFile, Written, sha256};
use super::manifest::{self, Found, Provenance};
use super::testbench::{self, HEADER_WORDS, MAGIC, Wiring};
use crate::error::{Error, Kind, Result};
use crate::files::{Committed, OutputFolder, refuse_strangers};
use crate::lower::Program;
use crate::trace::{Chunk, Role, SignalTable, Sink};

const MANIFEST: &str = "manifest.json";

/// A bundle being written. Nothing appears at its place before [`BundleWriter::publish`].
pub struct BundleWriter {
    output: OutputFolder,
    program: Program,
    open: Option<Open>,
    finished: Option<Finished>,
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
}

struct Finished {
    table: SignalTable,
    layouts: Layouts,
    cycles: u64,
    written: Vec<Written>,
}

impl BundleWriter {
    /// Prepares a bundle for `out`, which must not exist, be empty, or be a bundle as it was written.
    ///
    /// # Errors
    /// `out` is something else, or nothing can be written beside it.
    pub fn create(out: &Path, program: Program) -> Result<BundleWriter> {
        Ok(BundleWriter::within(BundleWriter::place(out, &[])?, program))
    }

    /// Where a bundle is to be, before it is known what is in it. No bundle takes the place of one of the `inputs`.
    ///
    /// # Errors
    /// As [`BundleWriter::create`].
    pub fn place(out: &Path, inputs: &[&Path]) -> Result<OutputFolder> {
        OutputFolder::create(out, MANIFEST, Box::new(refuse_foreign), inputs)
    }

    /// A bundle in a [`BundleWriter::place`].
    pub fn within(output: OutputFolder, program: Program) -> BundleWriter {
        BundleWriter { output, program, open: None, finished: None }
    }

    fn folder(&self) -> PathBuf {
        self.output.folder()
    }

    /// Writes what describes the data, then puts the bundle in its place.
    ///
    /// # Errors
    /// The trace did not end, or a file cannot be written; `out` is then as it was.
    pub fn publish(mut self, provenance: &Provenance, found: Found<'_>) -> Result<Committed> {
        let finished =
            self.finished.take().ok_or_else(|| Error::new(Kind::Value, "the trace did not end"))?;
        let design = &self.program.design;
        let layouts = &finished.layouts;
        let generics = design.twin.values().cloned().collect();
        let texts = [
            ("header.hex", header(layouts, finished.cycles, &finished.written)),
            ("design.vh", design.verilog_header()),
            ("tb.sv", testbench::render(layouts, &Wiring::twin(layouts, &design.name, generics))?),
        ];
        let facts = manifest::Facts {
            program: &self.program,
            table: &finished.table,
            layouts,
            cycles: finished.cycles,
            written: &finished.written,
            texts: texts.iter().map(|(name, text)| (*name, sha256(text.as_bytes()))).collect(),
            provenance,
            found,
        };
        let manifest = manifest::text(&facts)?;
        for (name, text) in texts.iter().chain([&(MANIFEST, manifest)]) {
            self.output.write(name, text.as_bytes())?;
        }
        self.output.commit()
    }
}

impl Sink for BundleWriter {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        if table.cycles > MAX_CYCLES {
            return Err(Error::new(
                Kind::Value,
                format!("{} cycles are more than a simulator can index", table.cycles),
            )
            .help("choose fewer images (--images) or a smaller shape"));
        }
        let create = |name: &str| HexFile::create(&self.folder().join(format!("{name}.hex")));
        let files = [create("stimulus")?, create("expected")?, create("beats_in")?, create("beats_out")?];
        let design = &self.program.design;
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
        });
        Ok(())
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(|| Error::new(Kind::Value, "the trace has not begun"))?;
        debug_assert_eq!(chunk.first_cycle, open.cycles, "chunks arrive in order");
        chunk.values.chunks_exact(open.table.row()).try_for_each(|row| open.cycle(row))
    }

    fn finish(&mut self) -> Result<()> {
        let mut open = self.open.take().ok_or_else(|| Error::new(Kind::Value, "the trace has not begun"))?;
        while let Some(beat) = open.beats.as_mut().and_then(InputBeats::rest) {
            open.write(2, &beat)?;
        }
        let Open { table, layouts, cycles, files, .. } = open;
        let mut written = files.into_iter().map(HexFile::finish).collect::<Result<Vec<_>>>()?;
        let mut file = HexFile::create(&self.folder().join("channels.hex"))?;
        let mut limbs = Vec::new();
        for record in channels::records(&self.program) {
            layouts.channels.pack(&record, &mut limbs);
            file.record(&layouts.channels, &limbs)?;
        }
        written.push(file.finish()?);
        self.finished = Some(Finished { table, layouts, cycles, written });
        Ok(())
    }
}

impl Open {
    fn cycle(&mut self, row: &[i64]) -> Result<()> {
        let (inputs, rest) = row.split_at(self.inputs);
        self.write(0, inputs)?;
        self.write(1, rest)?;
        if let Some(beat) = self.beats.as_mut().and_then(|beats| beats.cycle(inputs)) {
            self.write(2, &beat)?;
        }
        if let Some((valid, data)) = self.output
            && row[valid] != 0
        {
            let width = self.layouts.beats_out.fields[0].instances();
            self.write(3, &row[data..data + width])?;
        }
        self.cycles += 1;
        Ok(())
    }

    /// One record into file `index` of [`DATA_FILES`].
    fn write(&mut self, index: usize, values: &[i64]) -> Result<()> {
        let (_, layout) = self.layouts.files()[index];
        layout.pack(values, &mut self.limbs);
        self.files[index].record(layout, &self.limbs)
    }
}

/// `header.hex`: magic, layout, cycles, then lines and sum of each data file; 32-bit words.
fn header(layouts: &Layouts, cycles: u64, written: &[Written]) -> String {
    let mut words = vec![u64::from(MAGIC), u64::from(testbench::layout_id(layouts)), cycles];
    words.extend(written.iter().flat_map(|w| [w.lines, u64::from(w.sum)]));
    debug_assert_eq!(words.len(), HEADER_WORDS);
    words.iter().map(|w| format!("{w:08x}\n")).collect()
}

/// A folder that is not wholly a bundle is never replaced: every file in it must be in its manifest, as it was written.
fn refuse_foreign(folder: &Path, shown: &Path) -> Result<()> {
    refuse_strangers(folder, shown, MANIFEST, &|| {
        let manifest = manifest::read(folder).map_err(|mut error| {
            error.place = crate::error::Place::File(shown.join(MANIFEST));
            error
        })?;
        let known: BTreeMap<String, String> =
            manifest.files.into_iter().map(|(name, entry)| (name, entry.sha256)).collect();
        match manifest.generator.starts_with("goldpath ") && !known.is_empty() {
            true => Ok(known),
            false => Err(Error::new(Kind::Malformed, "is not the manifest of a goldpath bundle")),
        }
    })
}
