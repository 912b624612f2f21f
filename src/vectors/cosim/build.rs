//! Simulators as programs: built once per sources, testbench and depth, and kept.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

use super::program::Program;
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

    fn compiler(self) -> &'static str {
        match self {
            Simulator::Icarus => "iverilog",
            Simulator::Verilator => "verilator",
        }
    }

    /// First line of its own version text; an error when it is not installed.
    ///
    /// # Errors
    /// The simulator is missing.
    pub fn version(self) -> Result<String> {
        let flag = if self == Simulator::Icarus { "-V" } else { "--version" };
        let output = Command::new(self.compiler()).arg(flag).output().map_err(|e| self.missing(e))?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_string())
    }

    pub(super) fn missing(self, error: std::io::Error) -> Error {
        let package = self.compiler();
        Error::new(Kind::Simulator, format!("cannot run {package}: {error}"))
            .at(Place::Option(format!("--simulator {}", self.name())))
            .help(format!("install it (Debian: apt install {package}) or choose the other with --simulator"))
    }
}

/// What a build depends on.
pub struct Sources<'a> {
    pub testbench: &'a str,
    /// `design.vh`.
    pub header: &'a str,
    pub rtl: &'a [PathBuf],
    pub depth: u64,
}

/// Where builds are kept: `$GOLDPATH_CACHE`, else `goldpath` in the user's cache folder (`$XDG_CACHE_HOME`,
/// `~/.cache`) if that can be written, else in the temporary folder. Nothing in it is ever needed again: it may be
/// deleted at any time.
pub fn cache_folder() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(chosen) = variable("GOLDPATH_CACHE") {
        return chosen;
    }
    let user = variable("XDG_CACHE_HOME")
        .map(|c| c.join("goldpath"))
        .or_else(|| variable("HOME").map(|h| h.join(".cache/goldpath")));
    user.filter(|folder| fs::create_dir_all(folder).is_ok())
        .unwrap_or_else(|| std::env::temp_dir().join("goldpath-cache"))
}

/// The program of these sources, built now or earlier.
pub fn build(simulator: Simulator, sources: &Sources) -> Result<Program> {
    let version = simulator.version()?;
    let root = cache_folder();
    let kept = root.join(format!("{}-{}", simulator.name(), key(&version, sources)?)).join("sim");
    let program = |path| Program { simulator, path };
    if kept.is_file() {
        return Ok(program(kept));
    }
    fs::create_dir_all(&root).map_err(|e| {
        Error::io(&root, "create the cache folder", e).help("set GOLDPATH_CACHE to a folder you may write")
    })?;
    let scratch = Stage::create(&root).map_err(|e| {
        Error::io(&root, "write in the cache folder", e).help("set GOLDPATH_CACHE to a folder you may write")
    })?;
    compile(simulator, sources, scratch.path())?;
    keep(scratch.path(), &kept)?;
    Ok(program(kept))
}

/// Moves the finished program to its place; another process may have been faster, with the same program.
fn keep(scratch: &Path, kept: &Path) -> Result<()> {
    let done = scratch.join("done");
    let folder = kept.parent().unwrap_or(kept);
    let failed = |e| Error::io(folder, "keep the build here", e);
    fs::create_dir(&done).map_err(failed)?;
    fs::rename(scratch.join("sim"), done.join("sim")).map_err(failed)?;
    match fs::rename(&done, folder) {
        Err(_) if kept.is_file() => Ok(()),
        other => other.map_err(failed),
    }
}

/// Hash of everything that can change the program, included files beside the sources among it.
fn key(version: &str, sources: &Sources) -> Result<String> {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(version.as_bytes());
    part(format!("{COMPILE_FLAGS:?}").as_bytes());
    part(sources.testbench.as_bytes());
    part(sources.header.as_bytes());
    part(&sources.depth.to_le_bytes());
    for path in sources.rtl.iter().cloned().chain(included(sources.rtl)) {
        part(path.as_os_str().as_encoded_bytes());
        part(&fs::read(&path).map_err(|e| Error::io(&path, "read this source", e))?);
    }
    Ok(hex_digest(&hash.finalize())[..32].to_string())
}

/// Headers that lie beside the sources and so could be included by them.
fn included(rtl: &[PathBuf]) -> Vec<PathBuf> {
    let header = |path: &PathBuf| path.extension().is_some_and(|e| e == "vh" || e == "svh");
    let mut found: Vec<PathBuf> = folders(rtl)
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).filter(header))
        .collect();
    found.sort();
    found
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

/// Flags that do not depend on the bundle, per simulator.
const COMPILE_FLAGS: (&[&str], &[&str]) = (
    &["-g2012", "-s", "tb"],
    &[
        "--binary",
        "--timing",
        "-O3",
        "--x-assign",
        "fast",
        "--x-initial",
        "fast",
        "-Wno-fatal",
        "-Wno-lint",
        "-Wno-style",
        "-Wwarn-WIDTH",
        "--top-module",
        "tb",
        "-j",
        "2",
        // The code that runs once is most of the code: not worth a C++ compiler's time.
        "-MAKEFLAGS",
        "OPT_FAST=-O1",
        "-MAKEFLAGS",
        "OPT_SLOW=-O0",
    ],
);

/// Compiles into `folder/sim`.
fn compile(simulator: Simulator, sources: &Sources, folder: &Path) -> Result<()> {
    for (name, text) in [("tb.v", sources.testbench), ("design.vh", sources.header)] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|e| Error::io(&path, "write this file", e))?;
    }
    let mut command = Command::new(simulator.compiler());
    match simulator {
        Simulator::Icarus => {
            command
                .args(COMPILE_FLAGS.0)
                .arg(format!("-Ptb.DEPTH={}", sources.depth))
                .arg("-o")
                .arg(folder.join("sim"));
        }
        Simulator::Verilator => {
            command
                .args(COMPILE_FLAGS.1)
                .arg(format!("-GDEPTH={}", sources.depth))
                .arg("--Mdir")
                .arg(folder.join("obj"));
        }
    }
    let include = |path: &Path| {
        let mut flag = OsString::from("-I");
        flag.push(path);
        flag
    };
    command.arg(include(folder)).args(folders(sources.rtl).iter().map(|f| include(f)));
    command.arg(folder.join("tb.v")).args(sources.rtl);
    let output = command.output().map_err(|e| simulator.missing(e))?;
    if !output.status.success() {
        return Err(refused(simulator, &output));
    }
    refuse_wrong_widths(&output)?;
    if simulator == Simulator::Verilator {
        let built = folder.join("obj/Vtb");
        fs::rename(&built, folder.join("sim"))
            .map_err(|e| Error::io(&built, "find the built simulation", e))?;
    }
    Ok(())
}

/// A port of another width is padded or cut with only a warning; the comparison would be of something else.
fn refuse_wrong_widths(output: &Output) -> Result<()> {
    let text = String::from_utf8_lossy(&output.stderr);
    let icarus = |l: &&str| l.contains("tb.v") && l.contains("Port ") && l.contains(" expects ");
    let verilator = |l: &&str| l.contains("tb.v") && l.contains("port connection") && l.contains(" bits");
    match text.lines().find(|l| icarus(l) || verilator(l)) {
        None => Ok(()),
        Some(line) => {
            let said =
                line.split_once("arning").map_or(line, |(_, rest)| rest).trim_start_matches([':', ' ']);
            Err(Error::new(
                Kind::Simulator,
                format!("a port of the RTL has another width than in the bundle: {said}"),
            )
            .help("the design and the RTL must agree; a changed width reaches the twin by [twin.parameters]"))
        }
    }
}

/// The compiler's own first words on why it did not build.
fn refused(simulator: Simulator, output: &Output) -> Error {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let telling = |l: &&str| l.contains("rror") || l.contains("syntax");
    let lines: Vec<&str> = text.lines().filter(telling).take(5).collect();
    let lines = if lines.is_empty() { text.lines().take(5).collect() } else { lines };
    Error::new(Kind::Simulator, format!("{} does not build this RTL:\n    {}", simulator.compiler(), lines.join("\n    ")))
        .help("check --rtl, --top and --port; every input and parameter port of the bundle must exist or be mapped (ours= leaves it open)")
}
