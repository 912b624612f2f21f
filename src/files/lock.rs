//! Locks on folders: advisory, gone with their process, and never a file of their own.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Kind, Place, Result};

const PAUSE: Duration = Duration::from_millis(5);
/// A lock is held for a few renames; one that lasts longer is somebody else's.
const PATIENCE: u32 = 12_000;

/// The lock on the folder in which names are about to change; `None` where a file system has no locks: there the
/// exchange alone must do.
///
/// # Errors
/// Somebody holds it for a minute.
pub(super) fn folder(path: &Path) -> Result<Option<File>> {
    // A folder that may be written but not read cannot be locked either.
    let Ok(file) = File::open(path) else { return Ok(None) };
    for _ in 0..PATIENCE {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
    Err(Error::new(Kind::Io, "another process has held a lock on this folder for a minute")
        .at(Place::File(path.to_path_buf()))
        .help("wait for it to end, or give another place"))
}

/// Says that a folder is in use until the result is dropped: a cached build that is being run.
///
/// # Errors
/// The folder is not there (any more): [`try_clear`] may have been quicker.
pub fn hold(folder: &Path) -> io::Result<File> {
    let file = File::open(folder)?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::NotFound.into()),
        // Without locks nothing can be held; what is run is open anyway.
        _ if folder.exists() => Ok(file),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Removes a folder that nobody [`hold`]s; whether it did.
///
/// # Errors
/// It cannot be removed.
pub fn try_clear(folder: &Path) -> io::Result<bool> {
    let file = File::open(folder)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(false),
        _ => std::fs::remove_dir_all(folder).map(|()| true),
    }
}
