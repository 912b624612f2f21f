//! A hidden folder to write in, locked while its owner lives, and what becomes of it afterwards.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{earlier, exchange, fault, interrupt};

const PREFIX: &str = ".goldpath-";
const RANDOM: usize = 12;
/// Locked while the owner lives; says how a half-made exchange is undone. The last file to be removed.
const OWNER: &str = "owner";
/// What is being written.
pub(super) const NEW: &str = "new";
/// What it takes the place of, where names cannot be exchanged.
pub(super) const OLD: &str = "old";
/// In a stage inside its target: everything old has been moved out.
pub(super) const FORWARD: &str = "forward";

/// Where the target of a stage lies.
pub(super) enum Target<'a> {
    /// No folder is replaced: a file, or scratch.
    None,
    /// Beside the stage, under this name.
    Beside(&'a OsStr),
    /// Around the stage: a mount point. The name is that of its index.
    Around(&'a OsStr),
}

/// A private folder with a random name; removed when dropped, on a signal, or by the next [`sweep`].
pub struct Stage {
    path: PathBuf,
    _owner: File,
}

impl Stage {
    /// Sweeps `parent`, then stages in it.
    ///
    /// # Errors
    /// `parent` cannot be written.
    pub fn create(parent: &Path) -> io::Result<Stage> {
        Stage::of(parent, &Target::None)
    }

    pub(super) fn of(parent: &Path, target: &Target<'_>) -> io::Result<Stage> {
        sweep(parent);
        loop {
            let mut registry = interrupt::registry();
            let path = make_folder(parent)?;
            registry.add(&path);
            fault::point();
            match own(&path, target) {
                Ok(Some(owner)) => return Ok(Stage { path, _owner: owner }),
                // A sweeper took the unlocked folder for a dead one's: another name.
                Ok(None) => registry.remove(&path),
                Err(e) => {
                    remove(&path);
                    registry.remove(&path);
                    return Err(e);
                }
            }
        }
    }

    /// The folder to write in.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let mut registry = interrupt::registry();
        remove(&self.path);
        registry.remove(&self.path);
    }
}

fn make_folder(parent: &Path) -> io::Result<PathBuf> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).rand_bytes(RANDOM);
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(parent).map(tempfile::TempDir::keep)
}

/// Marks a new stage as ours; `None` when a sweeper was there between its steps.
fn own(stage: &Path, target: &Target<'_>) -> io::Result<Option<File>> {
    let path = stage.join(OWNER);
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    fault::point();
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Ok(None);
    }
    let (word, name) = match target {
        Target::None => ("scratch", OsStr::new("")),
        Target::Beside(name) => ("beside", *name),
        Target::Around(index) => ("around", *index),
    };
    file.write_all(&[word.as_bytes(), b"\n", name.as_bytes()].concat())?;
    let same =
        fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|ours| ours.ino() == there.ino()));
    Ok(same.then_some(file))
}

/// Stages in `parent` whose owners are dead.
pub fn leftovers(parent: &Path) -> Vec<PathBuf> {
    stages(parent).into_iter().filter(|stage| dead(stage).is_some()).collect()
}

/// Removes what dead processes left in `parent`, after making good what they had begun; best effort.
pub fn sweep(parent: &Path) {
    earlier::sweep(parent);
    for stage in stages(parent) {
        match dead(&stage) {
            // What cannot be made good stays: it may hold the only copy.
            Some(Some(owner)) if recover(&stage, parent, &owner).is_ok() => remove(&stage),
            // Killed before it owned anything: only an empty folder can be removed like this.
            Some(None) => drop(fs::remove_dir(&stage)),
            Some(Some(_)) | None => {}
        }
    }
}

/// Whether a folder's name is one that only a stage has.
pub fn is_stage(name: &OsStr) -> bool {
    let rest = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    rest.is_some_and(|rest| rest.len() == RANDOM && rest.iter().all(u8::is_ascii_alphanumeric))
}

fn stages(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries
        .filter(|entry| is_stage(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_dir()));
    ours.map(|entry| entry.path()).collect()
}

/// The lock of a stage whose owner is gone; `Some(None)` when it never had one; `None` while it lives.
fn dead(stage: &Path) -> Option<Option<File>> {
    match OpenOptions::new().read(true).write(true).open(stage.join(OWNER)) {
        Ok(file) => file.try_lock().is_ok().then_some(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let empty = fs::read_dir(stage).is_ok_and(|mut entries| entries.next().is_none());
            empty.then_some(None)
        }
        Err(_) => None,
    }
}

/// Undoes, or ends, what a kill cut in two.
fn recover(stage: &Path, parent: &Path, mut owner: &File) -> io::Result<()> {
    let mut said = Vec::new();
    owner.read_to_end(&mut said)?;
    let Some(cut) = said.iter().position(|byte| *byte == b'\n') else { return Ok(()) };
    let name = OsString::from_vec(said[cut + 1..].to_vec());
    match &said[..cut] {
        b"beside" if stage.join(OLD).exists() => {
            match exchange::rename_new(&stage.join(OLD), &parent.join(&name)) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            }
        }
        b"around" if stage.join(FORWARD).exists() => {
            exchange::move_all(&stage.join(NEW), parent, &name, false)
        }
        b"around" if stage.join(OLD).exists() => exchange::move_all(&stage.join(OLD), parent, &name, false),
        _ => Ok(()),
    }
}

/// Removes a stage, its lock last, so that whoever ends in between leaves a stage that can be swept. Somebody may still
/// be writing in it, so once is not always enough.
pub(super) fn remove(stage: &Path) {
    for _ in 0..100 {
        let entries = fs::read_dir(stage).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| !path.ends_with(OWNER)) {
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        fault::point();
        let only_owner =
            fs::read_dir(stage).is_ok_and(|mut all| all.all(|e| e.is_ok_and(|e| e.file_name() == OWNER)));
        if only_owner {
            let _ = fs::remove_file(stage.join(OWNER));
            fault::point();
        }
        match fs::remove_dir(stage) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => continue,
            _ => return,
        }
    }
}
