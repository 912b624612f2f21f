//! What a compiler read and what it looked for in vain: a build of it is kept as long as all of that is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::vectors::hex_file::{hex_digest, sha256};

/// Endings under which compilers look for a module or a header of that name.
const ENDINGS: [&str; 5] = ["", ".v", ".sv", ".vh", ".svh"];

/// What was found at each path, by absolute path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading(BTreeMap<PathBuf, State>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Read: SHA-256 of its content.
    Read(String),
    /// Not read, but there: another file of that name was found first, or would be next.
    There,
    /// Not there: were it, it might be found first.
    Absent,
}

impl Reading {
    /// The state now of the files that were `read`, and of every path in the search `folders` under which one of
    /// the names that were `looked_for` could be found. `None` if a file is not there, or no longer.
    pub fn now(
        read: &BTreeSet<PathBuf>,
        looked_for: &BTreeSet<PathBuf>,
        folders: &[PathBuf],
    ) -> Option<Reading> {
        let mut states = BTreeMap::new();
        for path in folders.iter().flat_map(|folder| candidates(folder, looked_for)) {
            states.insert(path.clone(), presence(&path)?);
        }
        for path in read {
            states.insert(path.clone(), State::Read(sha256(&fs::read(path).ok()?)));
        }
        Some(Reading(states))
    }

    /// Whether everything still is as it was.
    pub fn holds(&self) -> bool {
        self.0.iter().all(|(path, state)| match state {
            State::Read(hash) => fs::read(path).is_ok_and(|bytes| sha256(&bytes) == *hash),
            _ => presence(path).as_ref() == Some(state),
        })
    }

    /// Files that were read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().filter(|(_, state)| matches!(state, State::Read(_))).map(|(path, _)| path.as_path())
    }

    /// One line a path: hash, `there` or `absent`, and the path's bytes in hex.
    pub fn text(&self) -> String {
        let state = |state: &State| match state {
            State::Read(hash) => hash.clone(),
            State::There => "there".to_string(),
            State::Absent => "absent".to_string(),
        };
        self.0
            .iter()
            .map(|(p, s)| format!("{} {}\n", state(s), hex_digest(p.as_os_str().as_bytes())))
            .collect()
    }

    /// What [`Reading::text`] wrote.
    pub fn parse(text: &str) -> Option<Reading> {
        let line = |line: &str| {
            let (state, path) = line.split_once(' ')?;
            let bytes: Option<Vec<u8>> = path
                .as_bytes()
                .chunks(2)
                .map(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok())
                .collect();
            let state = match state {
                "there" => State::There,
                "absent" => State::Absent,
                hash => State::Read(hash.to_string()),
            };
            Some((PathBuf::from(OsString::from_vec(bytes?)), state))
        };
        text.lines().map(line).collect::<Option<_>>().map(Reading)
    }
}

fn candidates(folder: &Path, looked_for: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in looked_for {
        found.push(folder.join(name));
        let stem = name.with_extension("").into_os_string();
        for ending in ENDINGS {
            let mut other = stem.clone();
            other.push(ending);
            found.push(folder.join(other));
        }
    }
    found
}

fn presence(path: &Path) -> Option<State> {
    match fs::metadata(path) {
        Ok(_) => Some(State::There),
        // Nothing can lie under what is no folder either.
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Some(State::Absent),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_absences_are_remembered() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| root.path().join(name));
        [&a, &b].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        let odd = PathBuf::from(OsString::from_vec(b"body \xff\n.v".to_vec()));
        fs::write(b.join(&odd), "x").unwrap();
        let read = BTreeSet::from([b.join(&odd)]);
        let reading = Reading::now(&read, &BTreeSet::from([odd.clone()]), &[a.clone(), b.clone()]).unwrap();
        assert_eq!(Reading::parse(&reading.text()), Some(reading.clone()));
        assert!(reading.holds() && reading.files().eq([b.join(&odd).as_path()]));
        fs::write(a.join(odd.with_extension("sv")), "").unwrap();
        assert!(!reading.holds(), "a file that is found first");
        fs::remove_file(a.join(odd.with_extension("sv"))).unwrap();
        assert!(reading.holds());
        fs::write(b.join(&odd), "y").unwrap();
        assert!(!reading.holds(), "another content");
        fs::remove_file(b.join(&odd)).unwrap();
        assert!(!reading.holds() && Reading::now(&read, &BTreeSet::new(), &[]).is_none());
    }
}
