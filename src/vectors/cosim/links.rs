//! Plain names for the user's files and folders: compilers see only these, and so do the shells that they start.
//!
//! A build's folder is the compiler's current folder. In it lie the testbench and links to the user's sources and to
//! the folders that are searched, under names that mean nothing to a shell, to make or to a list of dependencies.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::files::Stage;

/// The testbench, as compilers know it.
pub const TESTBENCH: &str = "gp_own/tb.sv";

/// The link to the user's current folder.
const HERE: &str = "gp_here";

/// Names of one build and what they stand for.
#[derive(Debug, Clone)]
pub struct Links {
    /// Link, what the user called it, and its absolute path. Sources first, then folders.
    sources: Vec<Link>,
    folders: Vec<Link>,
    here: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct Link {
    name: String,
    typed: PathBuf,
    target: PathBuf,
}

impl Links {
    /// Links for sources in their order, for `incdirs` in theirs, and for the folders that sources lie in, which are
    /// searched in the order of their names; with `here`, the user's current folder is searched too.
    pub fn new(rtl: &[PathBuf], incdirs: &[PathBuf], here: bool) -> Result<Links> {
        let absolute =
            |path: &Path| std::path::absolute(path).map_err(|e| Error::io(path, "find this file", e));
        let link = |name: String, typed: &Path| {
            Ok(Link { name, typed: typed.to_path_buf(), target: absolute(typed)? })
        };
        let source = |(index, path): (usize, &PathBuf)| {
            let ending = path
                .extension()
                .and_then(|e| e.to_str())
                .filter(|e| !e.is_empty() && e.len() <= 8 && e.bytes().all(|b| b.is_ascii_alphanumeric()));
            link(format!("gp_s{index}.{}", ending.unwrap_or("v")), path)
        };
        Ok(Links {
            sources: rtl.iter().enumerate().map(source).collect::<Result<_>>()?,
            folders: incdirs
                .iter()
                .chain(&folders(rtl))
                .enumerate()
                .map(|(index, path)| link(format!("gp_d{index}"), path))
                .collect::<Result<_>>()?,
            here: if here { Some(absolute(Path::new("."))?) } else { None },
        })
    }

    /// Makes the links in a build's folder.
    pub fn make(&self, folder: &Path) -> Result<()> {
        let here = self.here.iter().map(|target| (HERE, target));
        let links = self.sources.iter().chain(&self.folders).map(|l| (l.name.as_str(), &l.target));
        for (name, target) in links.chain(here) {
            let path = folder.join(name);
            symlink(target, &path).map_err(|e| Error::io(&path, "make this link", e))?;
        }
        Ok(())
    }

    /// The sources, as the compiler is told.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|link| link.name.as_str())
    }

    /// The link to the user's current folder, if that is searched.
    pub fn here(&self) -> Option<&'static str> {
        self.here.as_ref().map(|_| HERE)
    }

    /// The folders that are searched, as the compiler is told.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().map(|link| link.name.as_str())
    }

    /// Every path that the build depends on by name.
    pub fn targets(&self) -> impl Iterator<Item = &PathBuf> {
        self.sources.iter().chain(&self.folders).map(|link| &link.target).chain(&self.here)
    }

    /// Whether every source is Verilog; of others (C++ for Verilator) nobody lists what they include.
    pub fn only_verilog(&self) -> bool {
        let known = |name: &str| ["v", "sv", "vh", "svh"].iter().any(|e| name.ends_with(&format!(".{e}")));
        self.sources().all(known)
    }

    /// Where the searched folders really are.
    pub fn search(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|link| link.target.clone()).chain(self.here.clone()).collect()
    }

    /// A file that the compiler names, and what was looked for in the folders: from a name as the compiler writes it.
    /// Its own testbench is none of the user's.
    pub fn resolve(&self, named: &str, read: &mut BTreeSet<PathBuf>, looked_for: &mut BTreeSet<PathBuf>) {
        if named == TESTBENCH {
            return;
        }
        let path = Path::new(named);
        if let Some(link) = self.sources.iter().find(|link| link.name == named) {
            read.insert(link.target.clone());
            return;
        }
        let first = path.components().next();
        let is_link = |name: &str| first == Some(Component::Normal(name.as_ref()));
        let folder = self.folders.iter().find(|link| is_link(&link.name)).map(|link| &link.target);
        match folder.or(self.here.as_ref().filter(|_| is_link(HERE))) {
            Some(folder) => {
                let rest: PathBuf = path.components().skip(1).collect();
                read.insert(folder.join(&rest));
                looked_for.insert(rest);
            }
            None => {
                read.insert(path.to_path_buf());
            }
        }
    }

    /// Words of a compiler or a simulation, in the user's names for the files.
    pub fn in_words_of_the_user(&self, text: &str) -> String {
        let mut text = text.replace(TESTBENCH, "tb.sv").replace(&format!("{HERE}/"), "");
        // A longer name first: gp_d1 begins gp_d10.
        for link in self.folders.iter().rev() {
            let typed = if link.typed == Path::new(".") { PathBuf::new() } else { link.typed.join("") };
            text = text.replace(&format!("{}/", link.name), &typed.display().to_string());
        }
        for link in self.sources.iter().rev() {
            text = text.replace(&link.name, &link.typed.display().to_string());
        }
        text
    }
}

/// A link `vectors` to a folder whose name a simulation would misread: Icarus makes escapes of bytes
/// that are not ASCII, and takes a backslash for the beginning of one. `None` when the name can be used as it is.
pub fn plain(folder: &Path) -> Result<Option<Stage>> {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
    let misread = |path: &Path| !path.as_os_str().as_encoded_bytes().iter().all(plain);
    if !misread(folder) {
        return Ok(None);
    }
    let roots = [std::env::temp_dir(), "/dev/shm".into(), "/var/tmp".into()];
    let made = roots.iter().filter(|root| root.is_absolute() && !misread(root)).find_map(|root| {
        let made = Stage::create(root).ok()?;
        symlink(folder, made.path().join("vectors")).ok()?;
        Some(made)
    });
    let refused = || {
        Error::new(
            Kind::Io,
            "has a name that simulators misread (a backslash, or bytes that are not ASCII), and no folder for a link was found",
        )
        .in_file(folder)
        .help("set TMPDIR to a folder with a plain name")
    };
    made.map(Some).ok_or_else(refused)
}

fn folders(rtl: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = rtl
        .iter()
        .filter_map(|p| p.parent())
        .map(|p| if p == Path::new("") { PathBuf::from(".") } else { p.to_path_buf() })
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Writes the testbench where compilers expect it.
pub fn write_testbench(folder: &Path, text: &str) -> Result<()> {
    let path = folder.join(TESTBENCH);
    fs::create_dir(folder.join("gp_own"))
        .and_then(|()| fs::write(&path, text))
        .map_err(|e| Error::io(&path, "write this file", e))
}
