//! Writes a bundle: a trace's sink, flat in memory, published in one step at the end.

use std::fs;
use std::path::{Path, PathBuf};

use super::beats::InputBeats;
use super::channels;
use super::data_files::{Layouts, MAX_CYCLES};
use super::hex_file::{HexFile, Written, sha256};
use super::manifest::{self, Provenance};
use super::testbench::{self, HEADER_WORDS, MAGIC, Wiring};
use crate::error::{Error, Kind, Result};
use crate::lower::{NodeEvents, Program};
use crate::trace::{Chunk, Role, SignalTable, Sink};

/// A bundle being written. Nothing appears at its place before [`BundleWriter::publish`].
pub struct BundleWriter {
    out: PathBuf,
    scratch: tempfile::TempDir,
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
    /// Prepares a bundle for `out`, which must not exist, be empty, or be a bundle.
    ///
    /// # Errors
    /// `out` is something else, or nothing can be written beside it.
    pub fn create(out: &Path, program: Program) -> Result<BundleWriter> {
        refuse_foreign(out)?;
        let parent = parent_of(out);
        fs::create_dir_all(&parent).map_err(|e| Error::io(&parent, "create this folder", e))?;
        let scratch = tempfile::Builder::new()
            .prefix(".goldpath-bundle-")
            .tempdir_in(&parent)
            .map_err(|e| Error::io(&parent, "write in this folder", e))?;
        let folder = scratch.path().join("bundle");
        // A plain folder inside the temporary one gets the user's own permissions.
        fs::create_dir(&folder).map_err(|e| Error::io(&folder, "create this folder", e))?;
        Ok(BundleWriter { out: out.to_path_buf(), scratch, program, open: None, finished: None })
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("bundle")
    }

    /// Writes what describes the data, then puts the bundle in its place.
    ///
    /// # Errors
    /// The trace did not end, or a file cannot be written; `out` is then as it was.
    pub fn publish(mut self, provenance: &Provenance, events: Option<&[NodeEvents]>) -> Result<()> {
        let finished =
            self.finished.take().ok_or_else(|| Error::new(Kind::Value, "the trace did not end"))?;
        let design = &self.program.design;
        let layouts = &finished.layouts;
        let generics = design.twin.values().cloned().collect();
        let texts = [
            ("header.hex", header(layouts, finished.cycles, &finished.written)),
            ("design.vh", design.verilog_header()),
            ("tb.v", testbench::render(layouts, &Wiring::twin(layouts, &design.name, generics))?),
        ];
        let facts = manifest::Facts {
            program: &self.program,
            table: &finished.table,
            layouts,
            cycles: finished.cycles,
            written: &finished.written,
            texts: texts.iter().map(|(name, text)| (*name, sha256(text.as_bytes()))).collect(),
            provenance,
            events,
        };
        let manifest = manifest::text(&facts)?;
        for (name, text) in texts.iter().chain([&("manifest.json", manifest)]) {
            let path = self.folder().join(name);
            fs::write(&path, text).map_err(|e| Error::io(&path, "write this file", e))?;
        }
        put_in_place(&self.folder(), &self.out, self.scratch.path())
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

/// The folder that holds `path`.
fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// A folder that is not a bundle is never replaced.
fn refuse_foreign(out: &Path) -> Result<()> {
    if !out.exists() || out.join("manifest.json").is_file() {
        return Ok(());
    }
    let empty = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    if empty {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, "exists and is not a bundle")
        .at(crate::error::Place::File(out.to_path_buf()))
        .help("give --out a new folder, an empty one, or a bundle to replace"))
}

/// Moves the finished folder to `out`; an old bundle steps aside into the scratch folder first.
fn put_in_place(folder: &Path, out: &Path, scratch: &Path) -> Result<()> {
    let replaced = scratch.join("replaced");
    let existed = out.exists();
    if existed {
        fs::rename(out, &replaced).map_err(|e| Error::io(out, "replace this bundle", e))?;
    }
    fs::rename(folder, out).map_err(|e| {
        if existed {
            // Best effort: the old bundle is better than none, and the error below is what matters.
            let _ = fs::rename(&replaced, out);
        }
        Error::io(out, "put the bundle here", e)
    })
}
