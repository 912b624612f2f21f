//! A file that appears under its name only when it is whole.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// A buffered temporary file beside its target. Dropped before [`Pending::persist`], it leaves nothing behind.
pub struct Pending {
    target: PathBuf,
    /// `None` once persisted.
    writer: Option<BufWriter<NamedTempFile>>,
}

impl Pending {
    pub fn create(target: &Path) -> Result<Pending> {
        let file = beside(target).map_err(|e| Error::io(target, "write", e))?;
        Ok(Pending { target: target.to_path_buf(), writer: Some(BufWriter::with_capacity(1 << 16, file)) })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.writer {
            Some(writer) => writer.write_all(bytes).map_err(|e| Error::io(&self.target, "write", e)),
            None => Ok(()),
        }
    }

    /// Moves the finished file under its name; nothing is written after that.
    pub fn persist(&mut self) -> Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let file = writer.into_inner().map_err(|e| Error::io(&self.target, "write", e.into_error()))?;
        persist(file, &self.target)
    }
}

/// A temporary file in the target's own folder, so that it can be renamed.
pub fn beside(target: &Path) -> std::io::Result<NamedTempFile> {
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A temporary file is private by default; the result is an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    builder.prefix(".goldpath-").tempfile_in(parent)
}

pub fn persist(file: NamedTempFile, target: &Path) -> Result<()> {
    match file.persist(target) {
        Ok(_) => Ok(()),
        Err(e) => Err(Error::io(target, "write", e.error)),
    }
}
