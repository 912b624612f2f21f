//! `goldpath.json`: which files of a folder are ours, and what they held when they were written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::snapshot::Snapshot;
use crate::error::{Error, Kind, Place, Result, shown_json};

/// The index's name.
pub const INDEX: &str = "goldpath.json";

const HELP: &str = "give --out a new folder or an empty one, or move what is yours out of this one";

/// The index of a folder of results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Version of this format: 1.
    pub schema: u32,
    /// The goldpath that wrote the folder, with its version.
    pub generator: String,
    /// The command that did.
    pub command: String,
    /// SHA-256 of every other file, by name.
    pub files: BTreeMap<String, String>,
}

impl Index {
    /// The index of every file in `folder`; those in `known` are not read.
    pub(super) fn of(folder: &Path, command: &str, known: &BTreeMap<String, String>) -> io::Result<Index> {
        let entries: Vec<fs::DirEntry> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
        let hashed = entries.par_iter().map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let hash = known.get(&name).map_or_else(|| sha256(&entry.path()), |hash| Ok(hash.clone()))?;
            Ok((name, hash))
        });
        let files = hashed.collect::<io::Result<_>>()?;
        let generator = concat!("goldpath ", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(Index { schema: 1, generator, command: command.to_owned(), files })
    }

    pub(super) fn text(&self) -> io::Result<String> {
        Ok(shown_json(&serde_json::to_string_pretty(self)?).into_owned() + "\n")
    }

    /// Refuses a folder that `command` did not write as it is.
    pub(super) fn check(folder: &Path, shown: &Path, command: &str) -> Result<()> {
        refuse_strangers(folder, shown, INDEX, &|| {
            let path = shown.join(INDEX);
            let text = fs::read(folder.join(INDEX)).map_err(|e| Error::io(&path, "read", e))?;
            let index: Index = serde_json::from_slice(&text)
                .map_err(|e| Error::new(Kind::Malformed, "is no index of goldpath's").because(e))?;
            if index.schema != 1 || !index.generator.starts_with("goldpath ") {
                return Err(Error::new(Kind::Malformed, "is no index of goldpath's"));
            }
            if index.command != command {
                let message =
                    format!("says that `goldpath {}` wrote this folder, not `{command}`", index.command);
                return Err(Error::new(Kind::Usage, message));
            }
            Ok(index.files)
        })
    }
}

/// Refuses a folder unless it is empty, or holds nothing but the file `index` and files that `known` names with the
/// SHA-256 that it gives. `shown` is the folder as the user calls it.
///
/// # Errors
/// Names the first entry that is a stranger's, or changed; or says why the index is none.
pub fn refuse_strangers(
    folder: &Path,
    shown: &Path,
    index: &str,
    known: &dyn Fn() -> Result<BTreeMap<String, String>>,
) -> Result<()> {
    let refuse = |name: &Path, message: &str| {
        Err(Error::new(Kind::Usage, format!("{message}, so this folder is not replaced"))
            .at(Place::File(shown.join(name)))
            .help(HELP))
    };
    let snapshot = Snapshot::of(folder).map_err(|e| Error::io(shown, "read this folder", e))?;
    if snapshot.is_empty() {
        return Ok(());
    }
    if !snapshot.entries().any(|(name, kind)| name == Path::new(index) && kind.is_file()) {
        let first = snapshot.first().unwrap_or_default();
        return refuse(Path::new(&first), &format!("is not goldpath's: there is no {index} beside it"));
    }
    let known = known().map_err(|mut error| {
        error.help = Some(HELP.to_owned());
        error.in_file(&shown.join(index))
    })?;
    let entries: Vec<_> = snapshot.entries().filter(|(name, _)| *name != Path::new(index)).collect();
    let check = |(name, kind): &(&Path, fs::FileType)| {
        let listed = name.to_str().and_then(|name| known.get(name));
        match listed {
            _ if kind.is_dir() => refuse(name, "is a folder, which goldpath does not write here"),
            _ if !kind.is_file() => refuse(name, "is a link or no regular file"),
            None => refuse(name, &format!("is not in {index}")),
            Some(hash) => {
                let now = sha256(&folder.join(name)).map_err(|e| Error::io(&shown.join(name), "read", e))?;
                if now == *hash { Ok(()) } else { refuse(name, "was changed after goldpath wrote it") }
            }
        }
    };
    // The first one that is refused is told, whichever is looked at first.
    entries.par_iter().find_map_first(|entry| check(entry).err()).map_or(Ok(()), Err)
}

/// Whatever passes, hashed.
pub struct Hashing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(to: W) -> Hashing<W> {
        Hashing { to, hash: Sha256::new() }
    }

    /// SHA-256 of what was written, as lower-case hex.
    pub(super) fn sha256(self) -> String {
        hex(self.hash)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// Hashed while it is in the cache.
        const PIECE: usize = 1 << 18;
        let written = self.to.write(&bytes[..bytes.len().min(PIECE)])?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a file's bytes, as lower-case hex.
pub fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut part) = (File::open(path)?, Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex(hash)),
            count => hash.update(&part[..count]),
        }
    }
}
