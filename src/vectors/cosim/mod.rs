//! Runs a bundle in RTL simulators, against the design's own twin or somebody else's module.

mod build;
mod selftest;
mod verdict;
mod wiring;

use std::path::{Path, PathBuf};

pub use build::{Simulator, cache_folder};
pub use selftest::{Outcome, selftest};
pub use verdict::{Mismatch, Verdict};
pub use wiring::{PortMap, user_wiring};

use super::Field;
use super::manifest::{self, Manifest};
use super::testbench::{self, Wiring};
use crate::error::{Error, Kind, Place, Result};
use build::{Program, Sources};

/// Memories of a testbench never hold less: small bundles of a design share one build.
const LEAST_DEPTH: u64 = 16384;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Every connected signal in every cycle.
    Cycles,
    /// The sequence of valid outputs, whenever they come.
    Beats,
}

/// A bundle and the module it is to check.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Its `manifest.json`, read.
    pub manifest: Manifest,
    testbench: String,
    header: String,
    rtl: Vec<PathBuf>,
    /// Signals that are compared every cycle.
    compared: Vec<String>,
    /// Values that are compared every cycle.
    pub values_per_cycle: usize,
}

impl Bench {
    /// The design's twin: the files that `rtl/files.f` in the design's folder lists.
    ///
    /// `header` is the text of `design.vh`, the values of the twin's Verilog parameters.
    pub fn twin(bundle: &Path, design: &Path, header: String) -> Result<Bench> {
        let rtl = twin_files(design)?;
        let path = bundle.join("tb.v");
        let testbench =
            std::fs::read_to_string(&path).map_err(|e| Error::io(&path, "read the testbench", e))?;
        let manifest = manifest::read(bundle)?;
        let layouts = manifest.layouts()?;
        let (compared, values_per_cycle) = compared(layouts.expected.fields.iter());
        Ok(Bench {
            bundle: bundle.to_path_buf(),
            manifest,
            testbench,
            header,
            rtl,
            compared,
            values_per_cycle,
        })
    }

    /// Somebody's module, wired as told. Its testbench is written anew: it compares what is connected.
    pub fn user(bundle: &Path, rtl: Vec<PathBuf>, wiring: &Wiring) -> Result<Bench> {
        let manifest = manifest::read(bundle)?;
        let layouts = manifest.layouts()?;
        let testbench = testbench::render(&layouts, wiring)?;
        let connected = layouts.expected.fields.iter().filter(|f| wiring.connects(&f.name));
        let (compared, values_per_cycle) = compared(connected);
        for path in &rtl {
            std::fs::metadata(path).map_err(|e| Error::io(path, "read this source", e))?;
        }
        Ok(Bench {
            bundle: bundle.to_path_buf(),
            manifest,
            testbench,
            header: String::new(),
            rtl,
            compared,
            values_per_cycle,
        })
    }

    /// Builds the testbench, or finds it built.
    pub fn build(&self, simulator: Simulator) -> Result<Runner<'_>> {
        let sources =
            Sources { testbench: &self.testbench, header: &self.header, rtl: &self.rtl, depth: self.depth() };
        Ok(Runner { bench: self, simulator, program: build::build(simulator, &sources)? })
    }

    /// Memory depth: a power of two that holds every file.
    fn depth(&self) -> u64 {
        let records = self.manifest.files.values().filter_map(|f| f.records).max().unwrap_or(0);
        records.max(LEAST_DEPTH).next_power_of_two()
    }
}

/// Names of signals, and how many values they have together.
fn compared<'a>(fields: impl Iterator<Item = &'a Field>) -> (Vec<String>, usize) {
    let (names, values): (Vec<String>, Vec<usize>) = fields.map(|f| (f.name.clone(), f.instances())).unzip();
    (names, values.iter().sum())
}

/// A built testbench.
pub struct Runner<'a> {
    bench: &'a Bench,
    simulator: Simulator,
    program: Program,
}

impl Runner<'_> {
    /// Simulates the bundle.
    pub fn run(&self, compare: Compare) -> Result<Verdict> {
        self.run_folder(&self.bench.bundle, compare)
    }

    /// Simulates vectors in another folder, of which the manifest is not asked.
    fn run_folder(&self, folder: &Path, compare: Compare) -> Result<Verdict> {
        let folder = std::path::absolute(folder).map_err(|e| Error::io(folder, "find this folder", e))?;
        let mut arguments = vec![format!("+VEC={}", folder.display())];
        let expected = match compare {
            Compare::Cycles => self.bench.manifest.cycles,
            Compare::Beats => {
                arguments.push("+COMPARE=beats".to_string());
                self.bench.manifest.records("beats_out.hex")
            }
        };
        let output = self.program.run(&arguments)?;
        verdict::read(&output, expected).map_err(|e| e.at(Place::Option(self.simulator.name().to_string())))
    }
}

/// The twin's sources in order: `rtl/files.f`, one path a line, relative to the design's folder.
fn twin_files(design: &Path) -> Result<Vec<PathBuf>> {
    let list = design.join("rtl/files.f");
    let text = std::fs::read_to_string(&list).map_err(|e| {
        Error::io(&list, "read the twin's list of files", e)
            .help("this design has no twin: give --rtl FILE… --top NAME")
    })?;
    let lines =
        text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("//") && !l.starts_with('#'));
    let files: Vec<PathBuf> = lines.map(|l| design.join(l)).collect();
    if files.is_empty() {
        return Err(Error::new(Kind::Malformed, "lists no files").in_file(&list));
    }
    Ok(files)
}

/// The folder of a design by name: in `$GOLDPATH_HW_MODELS`, else in `hw_models` of the current folder, of the
/// bundle's folder, or of any folder above them.
pub fn find_design(name: &str, bundle: &Path) -> Result<PathBuf> {
    if let Some(root) = std::env::var_os("GOLDPATH_HW_MODELS") {
        let folder = Path::new(&root).join(name);
        return if folder.is_dir() { Ok(folder) } else { Err(not_found(name)) };
    }
    let starts = [std::env::current_dir().ok(), std::path::absolute(bundle).ok()];
    let candidates =
        starts.iter().flatten().flat_map(|s| s.ancestors()).map(|a| a.join("hw_models").join(name));
    candidates.into_iter().find(|folder| folder.join("design.toml").is_file()).ok_or_else(|| not_found(name))
}

fn not_found(name: &str) -> Error {
    Error::new(Kind::Io, format!("the design {name:?} of this bundle is not to be found"))
        .at(Place::Option("hw_models".to_string()))
        .help("run in the folder that holds hw_models, or set GOLDPATH_HW_MODELS to hw_models, or give --rtl and --top")
}
