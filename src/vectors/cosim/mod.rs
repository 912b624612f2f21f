//! Runs a bundle in RTL simulators, against the design's own twin or somebody else's module.

mod build;
mod cache;
mod compile;
mod design_folder;
mod integrity;
mod links;
pub mod mutants;
mod process;
mod program;
mod reading;
mod selftest;
mod sources;
mod verdict;
mod wiring;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use build::Simulator;
pub use cache::cache_folder;
pub use design_folder::{designs_in_sight, find_design};
pub use integrity::refuse_changed;
pub use selftest::{Outcome, selftest};
pub use verdict::{Mismatch, Verdict};
pub use wiring::{PortMap, user_wiring};

use super::data_files::MAX_CYCLES;
use super::hex_file::hex_digest;
use super::manifest::{self, Manifest};
use super::testbench::{self, Wiring};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use build::{Built, Deadline, Sources};
use verdict::Promise;

/// Longest time that a compiler may take unless told otherwise: an hour of a busy machine ends by itself.
const COMPILE_LIMIT: Duration = Duration::from_secs(3600);

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
    rtl: Vec<PathBuf>,
    /// Folders that are searched for what the RTL includes, before those of the sources.
    incdirs: Vec<PathBuf>,
    /// The RTL may include what lies in the current folder.
    here: bool,
    /// Signals that are compared.
    compared: Vec<String>,
    /// Values that are compared every cycle.
    pub values_per_cycle: usize,
    /// Values of `out.data` that are compared only where an output is expected; 0 for a twin.
    pub values_per_output: usize,
    /// Files that are missing or not as the manifest says. With any, nothing passes.
    pub changed: Vec<String>,
    /// What else there is to know about the bundle.
    pub notes: Vec<String>,
    /// Both `out.valid` and `out.data` are connected.
    by_beats: bool,
    /// Registers that somebody named: only cycles compare them.
    named: Vec<String>,
    values_per_beat: usize,
    /// Records that the testbench's memories must hold.
    depth: u64,
    /// How long a simulator may take, its compiler included; by default as long as it may need on a busy machine.
    pub timeout: Option<Duration>,
}

impl Bench {
    /// The design's twin: the files that `rtl/files.f` in the design's `folder` lists, with the Verilog parameters of
    /// `design`. The testbench is written anew; the bundle's own is never run, and must be the same. `written_with` is
    /// the design that the bundle was made from: its `design.vh` must be the bundle's.
    ///
    /// # Errors
    /// The bundle is none, its texts were edited, or the twin's files are missing or elsewhere.
    pub fn twin(bundle: &Path, folder: &Path, design: &Design, written_with: &Design) -> Result<Bench> {
        let rtl = design_folder::twin_files(folder)?;
        let manifest = manifest::read(bundle)?;
        integrity::refuse_earlier(bundle, &manifest)?;
        let layouts = manifest.layouts()?;
        let wiring = Wiring::twin(&layouts, &design.name, design.twin.values().cloned().collect());
        let testbench = testbench::render(&layouts, &wiring)?;
        let expected = [("tb.sv", testbench.clone()), ("design.vh", written_with.verilog_header())];
        let notes = integrity::refuse_foreign_texts(bundle, &manifest, &expected)?;
        let testbench = testbench::with_header(&testbench, &design.verilog_header());
        Ok(Bench { notes, here: false, ..Bench::new(bundle, manifest, rtl, testbench, &wiring)? })
    }

    /// Somebody's module, wired as told. Its testbench is written anew: it compares what is connected. What the sources
    /// include is searched for in `incdirs` first.
    ///
    /// # Errors
    /// The bundle is none or has gaps that the module cannot see, or a source cannot be read, is VHDL, or has unpacked
    /// array ports.
    pub fn user(bundle: &Path, rtl: Vec<PathBuf>, incdirs: Vec<PathBuf>, wiring: &Wiring) -> Result<Bench> {
        let manifest = manifest::read(bundle)?;
        let testbench = testbench::with_header(&testbench::render(&manifest.layouts()?, wiring)?, "");
        sources::check(&rtl, wiring)?;
        if let Some(path) = incdirs.iter().find(|path| !path.is_dir()) {
            return Err(Error::new(Kind::Io, "is no folder")
                .at(Place::Option(format!("--incdir {}", path.display()))));
        }
        let bench = Bench::new(bundle, manifest, rtl, testbench, wiring)?;
        bench.refuse_gaps(wiring)?;
        let named = bench.compared.iter().filter(|name| !name.starts_with("out.")).cloned().collect();
        Ok(Bench { incdirs, named, ..bench })
    }

    fn new(
        bundle: &Path,
        manifest: Manifest,
        rtl: Vec<PathBuf>,
        testbench: String,
        wiring: &Wiring,
    ) -> Result<Bench> {
        let layouts = manifest.layouts()?;
        let (every, whenever) = wiring.compared(&layouts);
        let names = every.iter().chain(&whenever).map(|f| f.name.clone()).collect();
        let changed = integrity::changed_files(bundle, &manifest)?;
        integrity::refuse_other_layout(bundle, &manifest, &layouts, &changed)?;
        Ok(Bench {
            changed,
            notes: vec![],
            bundle: bundle.to_path_buf(),
            testbench,
            rtl,
            incdirs: vec![],
            here: true,
            compared: names,
            values_per_cycle: every.iter().map(|f| f.instances()).sum(),
            values_per_output: whenever.iter().map(|f| f.instances()).sum(),
            by_beats: wiring.connects("out.valid") && wiring.connects("out.data"),
            named: vec![],
            values_per_beat: layouts.beats_out.fields.iter().map(|f| f.instances()).sum(),
            depth: integrity::depth(bundle, &manifest, &layouts).clamp(LEAST_DEPTH, MAX_CYCLES),
            manifest,
            timeout: None,
        })
    }

    /// Only `in.valid` says that a cycle between two beats is none of them. What stands in front of the accumulator, and is
    /// no bit that travels with the data, takes whatever comes.
    fn refuse_gaps(&self, wiring: &Wiring) -> Result<()> {
        // Levels behind the last beat have the names of those in front of it.
        let order = |name: &str| self.manifest.signals.iter().position(|signal| signal.name == name);
        let takes_all = |name: &String| {
            let data = ["skew.", "pe.a", "pe.w", "pe.product", "reduce."].iter().any(|d| name.starts_with(d));
            let is_ahead = order(name) < order("pe.acc");
            data && is_ahead && !["acc", "valid", "first", "last"].iter().any(|bit| name.contains(bit))
        };
        let blind = self.manifest.gaps.is_some() && !wiring.connects("in.valid");
        let Some(signal) = self.compared.iter().find(|name| !takes_all(name)).filter(|_| blind) else {
            return Ok(());
        };
        let message = format!(
            "the bundle has idle cycles between beats, which {signal} must not take, and in.valid is not connected"
        );
        Err(Error::new(Kind::Usage, message).at(Place::Option("--port in.valid=".into())).help(
            "connect in.valid=theirs; for RTL that takes a beat in every cycle, write the bundle with `goldpath vectors … --gaps none`",
        ))
    }

    /// Values that a pass by cycles has compared.
    pub fn values(&self, cycles: u64) -> u64 {
        cycles * self.values_per_cycle as u64
            + self.manifest.records("beats_out.hex") * self.values_per_output as u64
    }

    /// Whether the module is somebody's, not the design's twin.
    pub fn is_foreign(&self) -> bool {
        self.here
    }

    /// Whether `signal` is among those compared by cycles.
    pub fn compares(&self, signal: &str) -> bool {
        self.compared.iter().any(|name| name == signal)
    }

    /// A twenty-fold of what the slowest simulator was ever seen to need, and two minutes.
    fn time_limit(&self) -> Duration {
        let values: usize = self.manifest.signals.iter().map(|s| s.shape.iter().product::<usize>()).sum();
        let micros = self.manifest.cycles.saturating_mul(1000 + 10 * values as u64);
        Duration::from_secs(120) + Duration::from_micros(micros)
    }

    /// Builds the testbench, or finds it built.
    ///
    /// # Errors
    /// The simulator is missing, does not build the RTL, or takes too long.
    pub fn build(&self, simulator: Simulator) -> Result<Runner<'_>> {
        let depth = self.depth.next_power_of_two();
        let sources = Sources {
            testbench: &self.testbench,
            rtl: &self.rtl,
            incdirs: &self.incdirs,
            here: self.here,
            depth,
        };
        let begun = Instant::now();
        let deadline = Deadline::after(self.timeout.unwrap_or(COMPILE_LIMIT));
        let built = build::build(simulator, &sources, deadline).map_err(|e| {
            if e.place == Place::Nowhere { e.at(Place::Option(simulator.name().into())) } else { e }
        })?;
        Ok(Runner { bench: self, simulator, built, building: begun.elapsed() })
    }
}

/// A built testbench.
pub struct Runner<'a> {
    bench: &'a Bench,
    simulator: Simulator,
    built: Built,
    /// What the compiler took of the time limit.
    building: Duration,
}

impl Runner<'_> {
    /// Whether the build was found, not made.
    pub fn cached(&self) -> bool {
        self.built.cached
    }

    /// Simulates the bundle, see [`Runner::run_and_listen`].
    ///
    /// # Errors
    /// As there.
    pub fn run(&self, compare: Compare) -> Result<Verdict> {
        Ok(self.run_and_listen(compare)?.0)
    }

    /// Simulates the bundle; the verdict, and the warnings of compiler and simulation about the RTL. Changed files may
    /// fail in any way, but they do not pass: what was compared then is not what the manifest describes.
    ///
    /// # Errors
    /// No verdict: the simulation broke down, took too long, or printed a RESULT line that is not the testbench's.
    pub fn run_and_listen(&self, compare: Compare) -> Result<(Verdict, Vec<String>)> {
        if compare == Compare::Beats && !self.bench.by_beats {
            return Err(Error::new(
                Kind::Usage,
                "transactions are known by out.valid and out.data, which are not both connected",
            )
            .at(Place::Option("--compare beats".to_string()))
            .help("connect both with --port, or compare by cycles"));
        }
        if compare == Compare::Beats && !self.bench.named.is_empty() {
            let message = format!(
                "transactions hold outputs alone: {} would not be compared",
                self.bench.named.join(", ")
            );
            return Err(Error::new(Kind::Usage, message)
                .at(Place::Option("--compare beats".to_string()))
                .help(
                    "leave its --port out, or compare by cycles, which compares every register that is named",
                ));
        }
        let (verdict, said) = self.run_folder(&self.bench.bundle, compare)?;
        let warnings = self.built.warnings.iter().cloned().chain(said).collect();
        if verdict.passed() && !self.bench.changed.is_empty() {
            let detail = format!("file={} why=sha256-differs-from-manifest", self.bench.changed.join(","));
            let reason = "files-changed".to_string();
            return Ok((Verdict::Fail { reason, detail, mismatches: vec![] }, warnings));
        }
        Ok((verdict, warnings))
    }

    /// Simulates vectors in another folder, of which the manifest is not asked.
    fn run_folder(&self, folder: &Path, compare: Compare) -> Result<(Verdict, Vec<String>)> {
        let folder = std::path::absolute(folder).map_err(|e| Error::io(folder, "find this folder", e))?;
        let link = links::plain(&folder)?;
        let mut vectors = OsString::from("+VEC=");
        vectors.push(link.as_ref().map_or(folder.clone(), |l| l.path().join("vectors")));
        let bench = self.bench;
        let (compared, values) = match compare {
            Compare::Cycles => (bench.manifest.cycles, bench.values(bench.manifest.cycles)),
            Compare::Beats => {
                let outputs = bench.manifest.records("beats_out.hex");
                (outputs, outputs * bench.values_per_beat as u64)
            }
        };
        let promise = Promise { nonce: nonce()?, compared, values };
        let mut arguments = vec![vectors, format!("+NONCE={}", promise.nonce).into()];
        if compare == Compare::Beats {
            arguments.push("+COMPARE=beats".into());
        }
        let limit = bench.timeout.map(|t| t.saturating_sub(self.building)).unwrap_or(bench.time_limit());
        let mut deadline = Deadline::after(limit);
        deadline.seconds = bench.timeout.unwrap_or(limit).as_secs();
        let output = program::run(self.simulator, &self.built, &arguments, deadline)?;
        let said = words::of_simulation(self.simulator, &output, &self.built.links, &self.built.reading);
        let verdict = verdict::read(&output, &promise).map_err(|mut e| {
            e.message = self.built.links.in_words_of_the_user(&e.message);
            e.at(Place::Option(self.simulator.name().to_string()))
        })?;
        Ok((verdict, said))
    }
}

/// 128 bits that no RTL knows before it runs.
fn nonce() -> Result<String> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    std::fs::File::open(source)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes))
        .map_err(|e| Error::io(source, "read random numbers", e))?;
    Ok(hex_digest(&bytes))
}
