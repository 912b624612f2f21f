//! Where builds are kept, and what makes a kept build the answer: everything that its compiler read is still the same.
//!
//! One folder a build: `<simulator>-<key>-<hash of the reading>`, with `sim`, `reading` and `words` in it. Builds that
//! are under way are in a [`Stage`]: what a dead process left is removed by the next run.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::reading::Reading;
use crate::error::{Error, Result};
use crate::files::{Stage, hold};

const HELP: &str = "set GOLDPATH_CACHE to a folder of your own that only you may write";

/// Where builds are kept: `$GOLDPATH_CACHE`, else `goldpath` in the user's cache folder (`$XDG_CACHE_HOME`,
/// `~/.cache`). `None` without any of them: then nothing is kept. Nothing in it is ever needed again.
pub fn cache_folder() -> Option<PathBuf> {
    chosen().or_else(of_user)
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from)
}

fn chosen() -> Option<PathBuf> {
    variable("GOLDPATH_CACHE")
}

fn of_user() -> Option<PathBuf> {
    variable("XDG_CACHE_HOME")
        .map(|c| c.join("goldpath"))
        .or_else(|| variable("HOME").map(|h| h.join(".cache/goldpath")))
}

/// An open cache. One without a home is a private folder that goes with the value.
pub struct Cache {
    folder: PathBuf,
    /// Deleted when the program that lies in it is dropped.
    _temporary: Option<Stage>,
}

/// A kept build, ready to run.
#[derive(Debug)]
pub struct Kept {
    pub program: PathBuf,
    /// What the compiler said, in the names of the build.
    pub words: String,
    pub reading: Reading,
    /// While it is there, nobody clears the build.
    pub held: fs::File,
}

impl Cache {
    /// Opens the folder, making it when it is missing.
    ///
    /// # Errors
    /// `GOLDPATH_CACHE` cannot be written or belongs to somebody else. Any other folder is replaced by a private
    /// temporary one instead.
    pub fn open() -> Result<Cache> {
        if let Some(folder) = chosen() {
            let folder = std::path::absolute(&folder)
                .and_then(|path| make_private(&path, false).map(|()| path))
                .map_err(|e| Error::io(&folder, "use the cache folder", e).help(HELP))?;
            return Ok(Cache { folder, _temporary: None });
        }
        let user = of_user().and_then(|path| std::path::absolute(path).ok());
        if let Some(folder) = user.filter(|folder| make_private(folder, true).is_ok()) {
            return Ok(Cache { folder, _temporary: None });
        }
        // 0700 and a name that nobody can know.
        let temporary = Stage::create(&std::env::temp_dir())
            .map_err(|e| Error::io(&std::env::temp_dir(), "make a temporary folder", e).help(HELP))?;
        let folder = std::path::absolute(temporary.path())
            .map_err(|e| Error::io(temporary.path(), "find this folder", e))?;
        Ok(Cache { folder, _temporary: Some(temporary) })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder for one build, deleted when dropped.
    pub fn scratch(&self) -> Result<Stage> {
        Stage::create(&self.folder)
            .map_err(|e| Error::io(&self.folder, "write in the cache folder", e).help(HELP))
    }

    /// The kept build of this key whose reading still holds.
    pub fn find(&self, key: &str) -> Option<Kept> {
        let prefix = format!("{key}-");
        let entries = fs::read_dir(&self.folder).ok()?.filter_map(io::Result::ok);
        entries
            .filter(|e| e.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)))
            .find_map(|e| kept(&e.path()))
    }

    /// Moves a finished build to its place; another process may have been faster, with the same program.
    pub fn keep(
        &self,
        key: &str,
        scratch: &Path,
        reading: &Reading,
        words: &str,
    ) -> Result<(PathBuf, fs::File)> {
        let done = scratch.join("done");
        let text = reading.text();
        let folder = self.folder.join(format!("{key}-{}", digest(&text)));
        let failed = |e| Error::io(&folder, "keep the build here", e);
        fs::create_dir(&done).map_err(failed)?;
        fs::write(done.join("reading"), &text).map_err(failed)?;
        fs::write(done.join("words"), words).map_err(failed)?;
        fs::rename(scratch.join("sim"), done.join("sim")).map_err(failed)?;
        match fs::rename(&done, &folder) {
            Err(_) if kept(&folder).is_some() => {}
            // One that is damaged gives way: it is nobody's answer.
            Err(_) if folder.is_dir() => fs::rename(&folder, scratch.join("damaged"))
                .and_then(|()| fs::rename(&done, &folder))
                .or_else(|e| if kept(&folder).is_some() { Ok(()) } else { Err(e) })
                .map_err(failed)?,
            other => other.map_err(failed)?,
        }
        let held = hold(&folder).map_err(failed)?;
        Ok((folder.join("sim"), held))
    }
}

/// The end of a build's name: a list that was cut short, by a power failure say, would hold too easily.
fn digest(reading: &str) -> String {
    crate::vectors::sha256(reading.as_bytes())[..16].to_string()
}

fn kept(folder: &Path) -> Option<Kept> {
    let held = hold(folder).ok()?;
    let text = fs::read_to_string(folder.join("reading")).ok()?;
    if !folder.file_name()?.to_str()?.ends_with(&format!("-{}", digest(&text))) {
        return None;
    }
    let reading = Reading::parse(&text)?;
    let words = fs::read_to_string(folder.join("words")).ok()?;
    let program = folder.join("sim");
    (program.is_file() && reading.holds()).then_some(Kept { program, words, reading, held })
}

/// A folder that is ours and that nobody else can write: programs in it are run.
fn make_private(folder: &Path, close: bool) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::metadata(folder)?;
    let us = rustix::process::geteuid().as_raw();
    if found.uid() != us {
        return Err(io::Error::other(format!("it belongs to user {}, not to user {us}", found.uid())));
    }
    if close && found.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    if !close && found.mode() & 0o002 != 0 {
        return Err(io::Error::other("everybody may write in it"));
    }
    // A full or read-only file system is found out before anything is built.
    Stage::create(folder).map(drop)
}
