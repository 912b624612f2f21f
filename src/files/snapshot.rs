//! What a folder looked like: enough to see that it is still the same.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Every entry below a folder but stages: its path, kind, size, time and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(Vec<(PathBuf, FileType, u64, i64, i64, u64)>);

impl Snapshot {
    /// # Errors
    /// The folder cannot be read.
    pub fn of(folder: &Path) -> io::Result<Snapshot> {
        let mut all = Vec::new();
        let mut open = vec![PathBuf::new()];
        while let Some(inside) = open.pop() {
            for entry in fs::read_dir(folder.join(&inside))? {
                let entry = entry?;
                if inside == Path::new("") && super::stage::is_stage(&entry.file_name()) {
                    continue;
                }
                let (path, facts) = (inside.join(entry.file_name()), entry.metadata()?);
                if facts.is_dir() {
                    open.push(path.clone());
                }
                // The time of a folder changes with its entries, which are looked at themselves.
                let (seconds, rest) =
                    if facts.is_dir() { (0, 0) } else { (facts.mtime(), facts.mtime_nsec()) };
                all.push((path, facts.file_type(), facts.len(), seconds, rest, facts.ino()));
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Snapshot(all))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first entry, by name.
    pub fn first(&self) -> Option<OsString> {
        self.0.first().map(|entry| entry.0.clone().into_os_string())
    }

    /// Every entry with its kind.
    pub fn entries(&self) -> impl Iterator<Item = (&Path, FileType)> {
        self.0.iter().map(|entry| (entry.0.as_path(), entry.1))
    }
}
