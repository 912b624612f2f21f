//! A folder of results that appears whole or not at all.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Kind, Place, Result};

/// Collects files beside the target; [`OutputFolder::commit`] moves them into place.
pub struct OutputFolder {
    target: PathBuf,
    staged: TempDir,
}

impl OutputFolder {
    /// Prepares to write `target`; nothing of it is touched yet.
    ///
    /// # Errors
    /// The target is a file, or the folder around it cannot be written.
    pub fn create(target: &Path) -> Result<OutputFolder> {
        if target.exists() && !target.is_dir() {
            return Err(Error::new(Kind::Io, "is a file, not a folder").at(Place::File(target.to_path_buf())));
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // An existing target is staged inside itself: it may be a mount point of its own.
        let beside = if target.is_dir() { target } else { parent };
        std::fs::create_dir_all(beside).map_err(|e| Error::io(beside, "create the folder", e))?;
        let staged = tempfile::Builder::new().prefix(".goldpath-").tempdir_in(beside);
        let staged = staged.map_err(|e| Error::io(target, "write into the folder", e))?;
        Ok(OutputFolder { target: target.to_path_buf(), staged })
    }

    /// Writes one file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.staged.path().join(name);
        std::fs::write(path, bytes).map_err(|e| Error::io(&self.target.join(name), "write", e))
    }

    /// Where to write a file so that it appears as `path`: with the rest, if `path` lies in the target.
    pub fn stage(&self, path: &Path) -> PathBuf {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if absolute(parent) == absolute(&self.target) => {
                self.staged.path().join(name)
            }
            _ => path.to_path_buf(),
        }
    }

    /// Moves every file into place. `stale` are results of an earlier run that this one does not have.
    pub fn commit(self, stale: &[&str]) -> Result<()> {
        let fail = |e| Error::io(&self.target, "write into the folder", e);
        std::fs::create_dir_all(&self.target).map_err(fail)?;
        for entry in std::fs::read_dir(self.staged.path()).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            std::fs::rename(entry.path(), self.target.join(entry.file_name())).map_err(fail)?;
        }
        for name in stale {
            let path = self.target.join(name);
            if path.exists() {
                std::fs::remove_file(&path).map_err(|e| Error::io(&path, "remove", e))?;
            }
        }
        Ok(())
    }
}
