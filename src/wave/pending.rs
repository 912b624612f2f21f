//! The file that a sink writes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::PendingFile;

/// A buffered file that appears at its target when it is finished. Dropped before [`Pending::persist`], it leaves nothing
/// behind.
pub struct Pending {
    target: PathBuf,
    /// `None` once persisted.
    open: Option<(BufWriter<File>, PendingFile)>,
}

impl Pending {
    pub fn create(target: &Path) -> Result<Pending> {
        let pending = PendingFile::create(target)?;
        let file = File::create(pending.path()).map_err(|e| Error::io(target, "write", e))?;
        Ok(Pending {
            target: target.to_path_buf(),
            open: Some((BufWriter::with_capacity(1 << 16, file), pending)),
        })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.open {
            Some((writer, _)) => writer.write_all(bytes).map_err(|e| Error::io(&self.target, "write", e)),
            None => Ok(()),
        }
    }

    /// Moves the finished file under its name; nothing is written after that.
    pub fn persist(&mut self) -> Result<()> {
        let Some((mut writer, pending)) = self.open.take() else { return Ok(()) };
        writer.flush().map_err(|e| Error::io(&self.target, "write", e))?;
        pending.commit()
    }
}
