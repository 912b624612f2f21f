//! A file that appears under its name only when it is whole.

use std::path::{Path, PathBuf};

use super::place::Target;
use super::{Stage, exchange, interrupt, typed};
use crate::error::{Error, Kind, Place, Result};

/// A file being written, in a stage beside its target. Dropped before [`PendingFile::commit`], it leaves nothing behind.
pub struct PendingFile {
    target: Target,
    stage: Stage,
}

impl PendingFile {
    /// # Errors
    /// The target is there and no regular file, or its folder is not there or cannot be written.
    pub fn create(target: &Path) -> Result<PendingFile> {
        PendingFile::of(Target::of(target)?)
    }

    pub(super) fn of(target: Target) -> Result<PendingFile> {
        if target.real.exists() && !target.real.is_file() {
            return Err(Error::new(Kind::Io, "is there and is no regular file").at(Place::File(target.shown)));
        }
        let stage = Stage::create(target.parent()).map_err(|e| Error::io(&target.shown, "write", e))?;
        let file = PendingFile { target, stage };
        typed::stands_for(&file.path(), &file.target.shown);
        Ok(file)
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Where to write it.
    pub fn path(&self) -> PathBuf {
        self.stage.path().join(self.target.real.file_name().unwrap_or_default())
    }

    /// A place for something that is not to appear.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.stage.path().join(format!("{name}.scratch"))
    }

    /// Moves the finished file under its name.
    ///
    /// # Errors
    /// It was not written, or cannot be renamed; what was there is as it was.
    pub fn commit(self) -> Result<()> {
        let registry = interrupt::registry();
        let moved = exchange::rename_over(&self.path(), &self.target.real);
        drop(registry);
        moved.map_err(|e| Error::io(&self.target.shown, "write", e))
    }

    /// Takes what is there out of the way; whether something was.
    pub(super) fn put_aside(&self) -> std::io::Result<bool> {
        if !self.target.real.exists() {
            return Ok(false);
        }
        exchange::rename_over(&self.target.real, &self.scratch("aside")).map(|()| true)
    }

    pub(super) fn put_back(&self) -> std::io::Result<()> {
        exchange::rename_over(&self.scratch("aside"), &self.target.real)
    }

    pub(super) fn put_in_place(&self) -> std::io::Result<()> {
        exchange::rename_over(&self.path(), &self.target.real)
    }
}
