//! A folder that grows file by file: each appears whole, and several processes may add to it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::place::{MadeFolders, Target};
use super::{Stage, exchange, interrupt, lock};
use crate::error::{Error, Result};

/// An open folder, and a stage for its next file.
pub struct Workshop {
    target: Target,
    /// The folder in which it is staged: beside, or, in a mount point, inside.
    around: PathBuf,
    stage: Stage,
    _made: MadeFolders,
}

impl Workshop {
    /// Stages; the folder itself need not be there.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn open(path: &Path) -> Result<Workshop> {
        let target = Target::of(path)?;
        let fail = |e| Error::io(&target.shown, "write this folder", e);
        let made = MadeFolders::make(target.parent()).map_err(fail)?;
        let refused = [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];
        let beside = if target.is_mount_point() { target.real.as_path() } else { target.parent() };
        let (around, stage) = match Stage::create(beside) {
            // A folder of ours in one that is not.
            Err(e) if refused.contains(&e.kind()) => (target.real.clone(), Stage::create(&target.real)),
            other => (beside.to_path_buf(), other),
        };
        let stage = stage.map_err(fail)?;
        Ok(Workshop { around, stage, target, _made: made })
    }

    /// Makes the folder, folders in it, and its first file, unless they are there. `check` looks at the folder as it is,
    /// while nobody else of us can change it.
    ///
    /// # Errors
    /// Those of `check`; nothing can be written.
    pub fn begin(
        &self,
        folders: &[&str],
        check: &dyn Fn(&Path) -> Result<()>,
        (name, bytes): (&str, &[u8]),
    ) -> Result<()> {
        let _lock = self.lock()?;
        check(&self.target.real)?;
        let staged = self.write(bytes)?;
        let registry = interrupt::registry();
        let fail = |e| Error::io(&self.target.shown, "write this folder", e);
        let make = |path: PathBuf| match fs::create_dir(path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other.map_err(fail),
        };
        make(self.target.real.clone())?;
        // The first file says whose the folder is, so it comes before anything else.
        if !self.target.real.join(name).exists() {
            exchange::rename_over(&staged, &self.target.real.join(name)).map_err(fail)?;
        }
        folders.iter().try_for_each(|folder| make(self.target.real.join(folder)))?;
        drop(registry);
        Ok(())
    }

    /// Puts a file under its name in the folder.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, name: &Path, bytes: &[u8]) -> Result<()> {
        let staged = self.write(bytes)?;
        // The folder may be about to be exchanged for one with a report.
        let _lock = self.lock()?;
        let registry = interrupt::registry();
        let moved = exchange::rename_over(&staged, &self.target.real.join(name));
        drop(registry);
        moved.map_err(|e| Error::io(&self.target.shown.join(name), "write", e))
    }

    fn lock(&self) -> Result<Option<File>> {
        lock::folder(&self.around)
    }

    fn write(&self, bytes: &[u8]) -> Result<PathBuf> {
        let staged = self.stage.path().join("file");
        fs::write(&staged, bytes).map_err(|e| Error::io(&self.target.shown, "write", e))?;
        Ok(staged)
    }
}
