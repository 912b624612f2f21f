//! Runs a bundle in RTL simulators, against the design's own twin or somebody else's module.

mod build;
mod integrity;
mod program;
mod selftest;
mod verdict;
mod wiring;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use build::{Simulator, cache_folder};
pub use selftest::{Outcome, selftest};
pub use verdict::{Mismatch, Verdict};
pub use wiring::{PortMap, user_wiring};

use super::Field;
use super::data_files::MAX_CYCLES;
use super::manifest::{self, Manifest};
use super::testbench::{self, Wiring};
use crate::error::{Error, Kind, Place, Result};
use build::Sources;
use program::Program;

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
    /// Signals that are compared.
    compared: Vec<String>,
    /// Values that are compared every cycle.
    pub values_per_cycle: usize,
    /// Values of `out.data` that are compared only where an output is expected; 0 for a twin.
    pub values_per_output: usize,
    /// Files that are missing or not as the manifest says. With any, nothing passes.
    pub changed: Vec<String>,
    /// Both `out.valid` and `out.data` are connected.
    by_beats: bool,
    /// How long a simulation may take; by default as long as its cycles may need on a busy machine.
    pub timeout: Option<Duration>,
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
        let bench = Bench::new(bundle, rtl, testbench, header, &|_| true, false)?;
        integrity::refuse_edited_testbench(bundle, &bench.changed)?;
        Ok(bench)
    }

    /// Somebody's module, wired as told. Its testbench is written anew: it compares what is connected.
    pub fn user(bundle: &Path, rtl: Vec<PathBuf>, wiring: &Wiring) -> Result<Bench> {
        let manifest = manifest::read(bundle)?;
        let layouts = manifest.layouts()?;
        let testbench = testbench::render(&layouts, wiring)?;
        for path in &rtl {
            std::fs::metadata(path).map_err(|e| Error::io(path, "read this source", e))?;
        }
        Bench::new(bundle, rtl, testbench, String::new(), &|name| wiring.connects(name), wiring.gated)
    }

    fn new(
        bundle: &Path,
        rtl: Vec<PathBuf>,
        testbench: String,
        header: String,
        connects: &dyn Fn(&str) -> bool,
        gated: bool,
    ) -> Result<Bench> {
        let manifest = manifest::read(bundle)?;
        let layouts = manifest.layouts()?;
        let (whenever, every): (Vec<&Field>, Vec<&Field>) = layouts
            .expected
            .fields
            .iter()
            .filter(|f| connects(&f.name))
            .partition(|f| gated && f.name == "out.data");
        let names = every.iter().chain(&whenever).map(|f| f.name.clone());
        let changed = integrity::changed_files(bundle, &manifest)?;
        integrity::refuse_other_layout(bundle, &manifest, &layouts, &changed)?;
        Ok(Bench {
            changed,
            bundle: bundle.to_path_buf(),
            manifest,
            testbench,
            header,
            rtl,
            compared: names.collect(),
            values_per_cycle: every.iter().map(|f| f.instances()).sum(),
            values_per_output: whenever.iter().map(|f| f.instances()).sum(),
            by_beats: connects("out.valid") && connects("out.data"),
            timeout: None,
        })
    }

    /// Values that a pass by cycles has compared.
    pub fn values(&self, cycles: u64) -> u64 {
        cycles * self.values_per_cycle as u64
            + self.manifest.records("beats_out.hex") * self.values_per_output as u64
    }

    /// Whether `signal` is among those compared by cycles.
    pub fn compares(&self, signal: &str) -> bool {
        self.compared.iter().any(|name| name == signal)
    }

    /// A twenty-fold of what the slowest simulator was ever seen to need, and two minutes.
    fn time_limit(&self) -> Duration {
        let values: usize = self.manifest.signals.iter().map(|s| s.shape.iter().product::<usize>()).sum();
        let micros = self.manifest.cycles.saturating_mul(1000 + 10 * values as u64);
        self.timeout.unwrap_or(Duration::from_secs(120) + Duration::from_micros(micros))
    }

    /// Builds the testbench, or finds it built.
    pub fn build(&self, simulator: Simulator) -> Result<Runner<'_>> {
        let sources =
            Sources { testbench: &self.testbench, header: &self.header, rtl: &self.rtl, depth: self.depth() };
        Ok(Runner { bench: self, simulator, program: build::build(simulator, &sources)? })
    }

    /// Memory depth: a power of two that holds every file.
    fn depth(&self) -> u64 {
        let records =
            self.manifest.files.values().filter_map(|f| f.records).max().unwrap_or(0).min(MAX_CYCLES);
        records.max(LEAST_DEPTH).next_power_of_two()
    }
}

/// A built testbench.
pub struct Runner<'a> {
    bench: &'a Bench,
    simulator: Simulator,
    program: Program,
}

impl Runner<'_> {
    /// Simulates the bundle. Changed files may fail in any way, but they do not pass: what was compared then is not
    /// what the manifest describes.
    pub fn run(&self, compare: Compare) -> Result<Verdict> {
        if compare == Compare::Beats && !self.bench.by_beats {
            return Err(Error::new(
                Kind::Usage,
                "transactions are known by out.valid and out.data, which are not both connected",
            )
            .at(Place::Option("--compare beats".to_string()))
            .help("connect both with --port, or compare by cycles"));
        }
        let verdict = self.run_folder(&self.bench.bundle, compare)?;
        if verdict.passed() && !self.bench.changed.is_empty() {
            let detail = format!("file={} why=sha256-differs-from-manifest", self.bench.changed.join(","));
            return Ok(Verdict::Fail { reason: "files-changed".to_string(), detail, mismatches: vec![] });
        }
        Ok(verdict)
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
        let output = self.program.run(&arguments, self.bench.time_limit())?;
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
