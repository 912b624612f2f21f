//! What goldpath keeps: built simulations, until they are cleared; and what dead processes left.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::files;
use crate::vectors::cosim::{Simulator, cache_folder};

/// The shortest key of a build: hex digits of a hash.
const SHORTEST_KEY: usize = 16;

#[derive(Debug, Serialize)]
pub struct Cache {
    /// None without a home: then nothing is kept.
    folder: Option<PathBuf>,
    /// Simulations that are kept.
    builds: usize,
    /// Bytes of all of them.
    bytes: u64,
    /// Folders that dead processes left, here and in the folder for temporary files.
    leftovers: Vec<PathBuf>,
    /// Builds that `--clear-cache` removed; the others are being run.
    #[serde(skip_serializing_if = "Option::is_none")]
    cleared: Option<usize>,
}

/// What is there; with `clear`, what was there and is not in use is removed.
///
/// # Errors
/// A build that cannot be removed.
pub fn examine(clear: bool) -> Result<Cache> {
    let folder = cache_folder();
    let places: Vec<PathBuf> = folder.iter().cloned().chain([std::env::temp_dir()]).collect();
    let in_cache = |find: fn(&Path) -> Vec<PathBuf>| folder.as_deref().map(find).unwrap_or_default();
    let (builds, old) = (in_cache(builds), in_cache(old_scratch));
    let bytes = builds.iter().map(|build| size(build)).sum();
    let mut leftovers: Vec<PathBuf> =
        places.iter().flat_map(|place| files::leftovers(place)).chain(old.iter().cloned()).collect();
    leftovers.sort();
    leftovers.dedup();
    let mut cleared = None;
    if clear {
        places.iter().for_each(|place| files::sweep(place));
        let mut count = 0;
        for path in builds.iter().chain(&old) {
            let removed = files::try_clear(path).map_err(|e| Error::io(path, "remove this build", e))?;
            count += usize::from(removed && builds.contains(path));
        }
        cleared = Some(count);
    }
    Ok(Cache { folder, builds: builds.len(), bytes, leftovers, cleared })
}

impl Cache {
    /// Three lines at most.
    pub fn in_words(&self) -> String {
        let mut text = match &self.folder {
            Some(folder) => format!(
                "cache: {}, {} builds, {:.1} MB; kept until `goldpath doctor --clear-cache`\n",
                folder.display(),
                self.builds,
                self.bytes as f64 / 1e6
            ),
            None => "cache: none, without HOME; set GOLDPATH_CACHE to keep builds\n".to_owned(),
        };
        if !self.leftovers.is_empty() {
            let state = if self.cleared.is_some() { "removed" } else { "the next run there removes them" };
            text +=
                &format!("left by processes that were killed: {} folders ({state})\n", self.leftovers.len());
        }
        if let Some(cleared) = self.cleared {
            text += &format!("cleared: {cleared} builds, {} are in use\n", self.builds - cleared);
        }
        text
    }
}

/// Folders named `<simulator>-<hex digits>-<hex digits>`; the cache may be a folder that holds other things, which are not ours.
fn builds(cache: &Path) -> Vec<PathBuf> {
    folders(cache, |name| {
        let key = Simulator::ALL.iter().find_map(|s| name.strip_prefix(s.name())?.strip_prefix('-'));
        key.is_some_and(|key| {
            key.len() >= SHORTEST_KEY && key.bytes().all(|digit| digit.is_ascii_hexdigit() || digit == b'-')
        })
    })
}

/// What earlier versions built in; they did not lock it.
fn old_scratch(cache: &Path) -> Vec<PathBuf> {
    folders(cache, |name| name.strip_prefix(".build-").is_some_and(|random| random.len() == 6))
}

fn folders(parent: &Path, is_ours: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(&is_ours))
        .collect();
    found.sort();
    found
}

/// Bytes of every file below a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(facts) if facts.is_dir() => size(&entry.path()),
            Ok(facts) => facts.len(),
            Err(_) => 0,
        })
        .sum()
}
