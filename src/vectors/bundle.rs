//! Writes a bundle: a trace's sink, flat in memory, published in one step at the end.

use std::collections::BTreeMap;
use std::path::Path;

use super::data_files::Layouts;
use super::data_writer::{DataWriter, Finished};
use super::hex_file::{Written, sha256};
use super::manifest::{self, Found, Provenance};
use super::testbench::{self, HEADER_WORDS, MAGIC, Wiring};
use crate::error::{Error, Kind, Result};
use crate::files::{Committed, OutputFolder, refuse_strangers};
use crate::lower::Program;
use crate::trace::{Chunk, SignalTable, Sink};

const MANIFEST: &str = "manifest.json";

/// A bundle being written. Nothing appears at its place before [`BundleWriter::publish`].
pub struct BundleWriter {
    output: OutputFolder,
    program: Program,
    data: DataWriter,
    finished: Option<Finished>,
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
        let data = DataWriter::new(Some(output.folder()));
        BundleWriter { output, program, data, finished: None }
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
        self.data.begin(&self.program.design, table)
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        self.data.chunk(chunk)
    }

    fn finish(&mut self) -> Result<()> {
        self.finished = Some(self.data.finish(&self.program)?);
        Ok(())
    }
}

/// `header.hex`: magic, layout, cycles, then lines and sum of each data file; 32-bit words.
pub fn header(layouts: &Layouts, cycles: u64, written: &[Written]) -> String {
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
