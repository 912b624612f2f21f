//! A trace as `.npz`: one int64 array per signal, `[cycles, instances…]`.
//!
//! Every signal streams through a temporary file of its own, so memory does not grow with the cycles; the archive
//! is put together, uncompressed and without dates, when the trace is finished.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::npy::npy_header;
use crate::error::{Error, Kind, Result};
use crate::files::PendingFile;
use crate::trace::{Chunk, SignalTable, Sink};

/// One signal's column of the trace.
struct Column {
    name: String,
    instances: usize,
    bytes: u64,
    writer: BufWriter<File>,
}

/// Writes a trace as a `.npz` file.
pub struct NpzSink {
    target: PathBuf,
    archive: Option<PendingFile>,
    columns: Vec<Column>,
    row: usize,
}

impl NpzSink {
    /// Prepares an archive for `path`; nothing appears there before the trace is finished.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(path: &Path) -> Result<NpzSink> {
        let archive = PendingFile::create(path)?;
        Ok(NpzSink { target: path.to_path_buf(), archive: Some(archive), columns: Vec::new(), row: 0 })
    }

    /// A file for one more column, which goes when the archive is finished.
    fn column_file(&self) -> std::io::Result<File> {
        let archive = self.archive.as_ref().ok_or(std::io::ErrorKind::NotFound)?;
        let path = archive.scratch(&format!("column{}", self.columns.len()));
        File::options().read(true).write(true).create_new(true).open(path)
    }

    fn io<T>(&self, result: std::io::Result<T>) -> Result<T> {
        result.map_err(|e| Error::io(&self.target, "write", e))
    }
}

impl Sink for NpzSink {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        self.row = table.row();
        let cycles = usize::try_from(table.cycles)
            .map_err(|e| Error::new(Kind::Value, "too many cycles for one array").because(e))?;
        for signal in &table.signals {
            let shape: Vec<usize> = std::iter::once(cycles).chain(signal.shape.iter().copied()).collect();
            let header = npy_header("<i8", &shape);
            let file = self.io(self.column_file())?;
            let mut writer = BufWriter::with_capacity(1 << 16, file);
            self.io(writer.write_all(&header))?;
            let instances = signal.instances();
            let bytes = header.len() as u64 + 8 * table.cycles * instances as u64;
            self.columns.push(Column { name: signal.name.clone(), instances, bytes, writer });
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        let mut start = 0;
        for column in &mut self.columns {
            for cycle in chunk.values.chunks_exact(self.row) {
                for value in &cycle[start..start + column.instances] {
                    let written = column.writer.write_all(&value.to_le_bytes());
                    written.map_err(|e| Error::io(&self.target, "write", e))?;
                }
            }
            start += column.instances;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let Some(archive) = self.archive.take() else { return Ok(()) };
        let fail = |e: zip::result::ZipError| {
            Error::new(Kind::Io, "cannot write the archive").because(e).in_file(&self.target)
        };
        let mut zip = ZipWriter::new(self.io(File::create(archive.path()))?);
        for column in std::mem::take(&mut self.columns) {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(DateTime::default())
                .unix_permissions(0o644)
                .large_file(column.bytes >= u64::from(u32::MAX));
            zip.start_file(format!("{}.npy", column.name), options).map_err(fail)?;
            let mut file = self.io(column.writer.into_inner().map_err(|e| e.into_error()))?;
            self.io(file.rewind())?;
            self.io(copy(&mut file, &mut zip))?;
        }
        zip.finish().map_err(fail)?;
        archive.commit()
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    std::io::copy(from, to).map(|_| ())
}
