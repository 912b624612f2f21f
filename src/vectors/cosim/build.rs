//! Simulators as programs: a testbench and RTL are built once, and again when anything that was read has changed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::compile;
use super::links::{self, Links};
use super::reading::Reading;
use super::{process, words};
use crate::error::{Error, Kind, Place, Result};
use crate::files::Stage;
use crate::vectors::hex_file::hex_digest;

/// An RTL simulator that bundles can be run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulator {
    /// Icarus Verilog: four-state, compiled for `vvp`.
    Icarus,
    /// Verilator: two-state, compiled to a program of its own.
    Verilator,
}

impl Simulator {
    /// Every simulator, in the order in which they are run.
    pub const ALL: [Simulator; 2] = [Simulator::Icarus, Simulator::Verilator];

    /// The simulator as `--simulator` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Simulator::Icarus => "icarus",
            Simulator::Verilator => "verilator",
        }
    }

    pub(super) fn compiler(self) -> &'static str {
        match self {
            Simulator::Icarus => "iverilog",
            Simulator::Verilator => "verilator",
        }
    }

    /// Its own version text; an error when it is not installed.
    fn version(self, folder: &Path, deadline: Deadline) -> Result<String> {
        let flag = if self == Simulator::Icarus { "-V" } else { "--version" };
        let output = process::run(compile::step(self.compiler(), folder).arg(flag), deadline.at)
            .map_err(|e| self.missing(e))?
            .ok_or_else(|| words::endless(self, "asking for the version", deadline.seconds))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(super) fn missing(self, error: std::io::Error) -> Error {
        let package = self.compiler();
        Error::new(Kind::Simulator, format!("cannot run {package}: {error}"))
            .at(Place::Option(format!("--simulator {}", self.name())))
            .help(format!("install it (Debian: apt install {package}) or choose the other with --simulator"))
    }

    /// Programs whose exchange makes another build.
    fn programs(self) -> Vec<String> {
        match self {
            Simulator::Icarus => vec!["iverilog".to_string()],
            Simulator::Verilator => {
                let compiler = std::env::var("CXX").ok().and_then(|c| Some(c.split(' ').next()?.to_string()));
                let mut names = ["verilator", "verilator_bin", "make"].map(String::from).to_vec();
                names.push(compiler.unwrap_or_else(|| "g++".to_string()));
                names
            }
        }
    }
}

/// When a build or a simulation is ended, and how many seconds that were.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    pub at: Instant,
    pub seconds: u64,
}

impl Deadline {
    pub fn after(limit: Duration) -> Deadline {
        // A limit beyond what a clock can say is none.
        let far = Duration::from_secs(1 << 32);
        let now = Instant::now();
        Deadline { at: now.checked_add(limit).unwrap_or(now + far), seconds: limit.as_secs() }
    }
}

/// What a build depends on, beside everything that the RTL includes.
pub struct Sources<'a> {
    pub testbench: &'a str,
    pub rtl: &'a [PathBuf],
    /// Searched before the folders of the sources.
    pub incdirs: &'a [PathBuf],
    /// The user's current folder is searched for what the RTL includes.
    pub here: bool,
    pub depth: u64,
}

/// A built simulation.
pub struct Built {
    /// For `vvp`, or a program.
    pub path: PathBuf,
    /// Warnings of the compiler about the user's files.
    pub warnings: Vec<String>,
    /// Found built.
    pub cached: bool,
    /// Files that were read; empty when there is no list.
    pub reading: Reading,
    pub links: Links,
    // Programs that are not kept lie in it.
    _scratch: Option<Stage>,
    // Nobody clears it meanwhile.
    _held: Option<fs::File>,
    _cache: Cache,
}

/// The program of these sources, built now or earlier.
pub fn build(simulator: Simulator, sources: &Sources, deadline: Deadline) -> Result<Built> {
    let cache = Cache::open()?;
    // Even asked for its version, Icarus hands the temporary folder's name to a shell.
    let version = simulator.version(cache.folder(), deadline)?;
    let links = Links::new(sources.rtl, sources.incdirs, sources.here)?;
    let key = key(simulator, &version, sources, &links);
    let warnings = |words: &str| words::of_compiler(words, &links);
    if let Some(kept) = cache.find(&key) {
        let (path, reading, warnings) = (kept.program, kept.reading, warnings(&kept.words));
        let held = Some(kept.held);
        return Ok(Built {
            path,
            warnings,
            cached: true,
            reading,
            links,
            _scratch: None,
            _held: held,
            _cache: cache,
        });
    }
    let scratch = cache.scratch()?;
    links.make(scratch.path())?;
    links::write_testbench(scratch.path(), sources.testbench)?;
    let before = compile::list(simulator, &links, scratch.path(), deadline)?;
    let before = before.and_then(|read| reading(&read, &links, scratch.path()));
    let compiled = compile::compile(simulator, sources.depth, &links, scratch.path(), deadline)?;
    let warnings = warnings(&compiled.words);
    let (mut path, mut kept, cached) = (scratch.path().join("sim"), None, false);
    let after = compiled.read.as_ref().and_then(|read| reading(read, &links, scratch.path()));
    // What changed under the compiler's hands is run, and never kept.
    if links.only_verilog() && before.is_some() && before == after {
        let all = compiled.read.into_iter().flatten().chain(compiled.own).collect::<Vec<_>>();
        kept = reading(&all, &links, scratch.path());
    }
    let mut held = None;
    if let Some(kept) = &kept {
        let now = cache.keep(&key, scratch.path(), kept, &compiled.words)?;
        (path, held) = (now.0, Some(now.1));
    }
    let _scratch = kept.is_none().then_some(scratch);
    let reading = kept.or(after).unwrap_or_default();
    Ok(Built { path, warnings, cached, reading, links, _scratch, _held: held, _cache: cache })
}

/// The files that a compiler named, as they are now.
fn reading(named: &[String], links: &Links, folder: &Path) -> Option<Reading> {
    let (mut read, mut looked_for) = (BTreeSet::new(), BTreeSet::new());
    for name in named {
        links.resolve(name, &mut read, &mut looked_for);
    }
    // Absolute paths stay as they are.
    let read = read.into_iter().map(|path| folder.join(path)).collect();
    Reading::now(&read, &looked_for, &links.search())
}

/// Hash of what is known before anything is read: command line, compiler, environment, names of the sources.
fn key(simulator: Simulator, version: &str, sources: &Sources, links: &Links) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(version.as_bytes());
    part(compile::flags().as_bytes());
    for program in simulator.programs() {
        part(identity(program.as_ref()).as_bytes());
    }
    for (name, value) in compile::environment() {
        part(name.as_encoded_bytes());
        part(value.as_encoded_bytes());
    }
    part(sources.testbench.as_bytes());
    part(&sources.depth.to_le_bytes());
    part(&[u8::from(sources.here)]);
    for path in links.targets() {
        part(path.as_os_str().as_encoded_bytes());
    }
    format!("{}-{}", simulator.name(), &hex_digest(&hash.finalize())[..32])
}

/// Which file a program is, to the last change of its content or its name.
fn identity(program: &OsStr) -> String {
    let found = compile::on_path(program).and_then(|path| fs::canonicalize(path).ok());
    let Some(path) = found else { return "none".to_string() };
    fs::metadata(&path).map_or_else(
        |_| "unknown".to_string(),
        |m| {
            format!(
                "{path:?} {} {} {}.{} {}.{}",
                m.len(),
                m.ino(),
                m.mtime(),
                m.mtime_nsec(),
                m.ctime(),
                m.ctime_nsec()
            )
        },
    )
}
