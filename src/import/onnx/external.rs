//! Tensors whose data lies in a file beside the model's.
//!
//! Source: `onnx/onnx.proto`, `TensorProto.external_data`, and ONNX's ExternalData.md.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::proto::StringStringEntryProto;
use crate::error::{Error, Kind, Result};
use crate::limits::{max_memory, size};

/// The folder of a model, and how many bytes may still be read from files in it.
pub(super) struct External {
    folder: PathBuf,
    left: Cell<u64>,
}

impl External {
    /// Of the model at `source`, whose own bytes are `taken` ones.
    pub fn new(source: &Path, taken: u64) -> External {
        let folder = source.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_path_buf();
        // What is read lies in memory beside the tensor made of it, as the model does.
        External { folder, left: Cell::new((max_memory() / 3).saturating_sub(taken)) }
    }

    /// The `wanted` bytes that `entries` say where to find.
    ///
    /// # Errors
    /// A place outside the model's folder, a file that is not there, is none or ends early, a length that is not that of
    /// the tensor, or more than may be held.
    pub fn read(&self, entries: &[StringStringEntryProto], wanted: u64) -> Result<Vec<u8>> {
        let path = self.place(value(entries, "location").unwrap_or_default())?;
        let offset = number(entries, "offset")?.unwrap_or(0);
        if let Some(length) = number(entries, "length")?.filter(|length| *length != wanted) {
            let message = format!("its external data has {length} bytes, shape and type need {wanted}");
            return Err(Error::new(Kind::Malformed, message));
        }
        if wanted > self.left.get() {
            let message = format!("external data of {} more than --max-memory allows a model", size(wanted));
            return Err(Error::new(Kind::Limit, message)
                .help("give a larger --max-memory: a model takes three times its files"));
        }
        self.left.set(self.left.get() - wanted);
        let failed = |e: std::io::Error| unreadable(&path, e);
        let mut file = File::open(&path).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(wanted).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 == wanted {
            return Ok(bytes);
        }
        let message = format!(
            "its external data, {}, holds {} of the {wanted} bytes that it has from byte {offset} on",
            path.display(),
            bytes.len()
        );
        Err(Error::new(Kind::Malformed, message).help("the file is truncated, or another model's"))
    }

    /// A plain file in the model's folder or below, links followed.
    fn place(&self, location: &str) -> Result<PathBuf> {
        let outside = |why: &str| {
            let message = format!("its external data is at {location:?}, {why}");
            Error::new(Kind::Malformed, message)
                .help("external data is looked for in the model's own folder: save the model again, files beside it")
        };
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        let relative = Path::new(location);
        if location.is_empty() || location.contains('\\') || !relative.components().all(inside) {
            return Err(outside("which is no path below the model's folder"));
        }
        let path = self.folder.join(relative);
        let real = |path: &Path| path.canonicalize().map_err(|e| unreadable(path, e));
        let (folder, file) = (real(&self.folder)?, real(&path)?);
        if !file.starts_with(&folder) {
            return Err(outside("which leads out of the model's folder"));
        }
        // A pipe would be waited for.
        if !file.is_file() {
            return Err(outside("which is no file"));
        }
        Ok(path)
    }
}

fn unreadable(path: &Path, why: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot read its external data, {}: {why}", path.display()))
}

fn value<'a>(entries: &'a [StringStringEntryProto], key: &str) -> Option<&'a str> {
    entries.iter().find(|entry| entry.key.as_deref() == Some(key)).map(|e| e.value.as_deref().unwrap_or(""))
}

fn number(entries: &[StringStringEntryProto], key: &str) -> Result<Option<u64>> {
    let read = |text: &str| {
        text.trim().parse().map_err(|_| {
            Error::new(
                Kind::Malformed,
                format!("its external data has {key} {text:?}, which is no number of bytes"),
            )
        })
    };
    value(entries, key).map(read).transpose()
}
