//! Mutants of RTL: how many of the mistakes that Yosys makes in a circuit do bundles notice?
//!
//! Yosys reads the RTL (`circuit` stands around it, with our names on its ports), lists mutations spread over modules,
//! cells, bits and source lines (`mutation`), and writes one circuit with all of them, each behind a value of a
//! selector. One build of the testbench (`program`) simulates all; what no bundle notices is held against the circuit
//! itself (`prove`): by what a difference can reach (`masked`, `taint`), and by SAT.

mod bit;
mod circuit;
mod cone;
mod gates;
mod masked;
mod mutation;
mod netlist;
mod paths;
mod program;
mod prove;
mod taint;
mod words;
mod yosys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use mutation::{Change, SourceLine};
pub use prove::Proof;

use super::build::Deadline;
use super::cache::Cache;
use super::links::{self, Links};
use super::verdict::Mismatch;
use super::{Bench, COMPILE_LIMIT, Simulator, compile, design_folder, selftest};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::vectors::manifest::{self, Manifest};
use crate::vectors::testbench::{self, Wiring};
use mutation::Mutation;
use netlist::Netlist;
use program::Ending;

/// The RTL whose mutants are made, and how it is wired.
#[derive(Debug, Clone)]
pub struct Subject {
    rtl: Vec<PathBuf>,
    incdirs: Vec<PathBuf>,
    here: bool,
    wiring: Wiring,
    header: String,
    host: circuit::Host,
}

impl Subject {
    /// The design's twin, of which only the outputs are compared, `out.data` where an output is expected: what other
    /// people's RTL shows.
    ///
    /// # Errors
    /// Those of [`Bench::twin`].
    pub fn twin(bundle: &Path, folder: &Path, design: &Design, written_with: &Design) -> Result<Subject> {
        let manifest = Bench::twin(bundle, folder, design, written_with)?.manifest;
        let layouts = manifest.layouts()?;
        let mut wiring = Wiring::twin(&layouts, &design.name, design.twin.values().cloned().collect());
        wiring.ports.retain(|p| layouts.expected.field(&p.ours).is_none() || p.ours.starts_with("out."));
        wiring.gated = true;
        let rtl = design_folder::twin_files(folder)?.iter().map(|file| from_here(file)).collect();
        let subject = Subject {
            rtl,
            incdirs: vec![],
            here: false,
            wiring,
            header: design.verilog_header(),
            host: circuit::Host::default(),
        };
        Ok(subject.fed_as(design))
    }

    /// Somebody's module, wired as told, as [`Bench::user`] takes it.
    ///
    /// # Errors
    /// As there.
    pub fn user(bundle: &Path, rtl: Vec<PathBuf>, incdirs: Vec<PathBuf>, wiring: Wiring) -> Result<Subject> {
        Bench::user(bundle, rtl.clone(), incdirs.clone(), &wiring)?;
        Ok(Subject {
            rtl,
            incdirs,
            here: true,
            wiring,
            header: String::new(),
            host: circuit::Host::default(),
        })
    }

    /// Proofs speak only of what a host sends to this design: parameters inside their limits, rows as late as they are.
    pub fn fed_as(self, design: &Design) -> Subject {
        Subject { host: circuit::Host::of(design), ..self }
    }

    /// Whether both are the same circuit, wired in the same way.
    pub fn is_same(&self, other: &Subject) -> bool {
        self.rtl == other.rtl && self.wiring == other.wiring && self.header == other.header
    }

    /// A bundle with the testbench that drives the mutated circuit.
    fn bench(&self, bundle: &Path) -> Result<Bench> {
        let manifest: Manifest = manifest::read(bundle)?;
        let wiring = circuit::inner_wiring(&self.wiring);
        let mut tested = wiring.clone();
        let selector = circuit::SELECTOR.to_string();
        tested.ports.insert(0, testbench::Port { ours: selector.clone(), theirs: selector, inverted: false });
        let text = testbench::with_header(&testbench::render(&manifest.layouts()?, &tested)?, "");
        let bench = Bench::new(bundle, manifest, vec![], circuit::with_selector(&text), &wiring)?;
        match bench.changed.first() {
            None => Ok(bench),
            Some(name) => Err(Error::new(Kind::Malformed, "is not the file that manifest.json names")
                .in_file(&bundle.join(name))
                .help("this bundle cannot pass: write it again with `goldpath vectors`")),
        }
    }
}

/// How many mutants, which, and how hard to try.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Mutants that are wanted.
    pub count: usize,
    /// Other mutants for another seed.
    pub seed: u32,
    /// Mutants that are simulated side by side.
    pub processes: usize,
    /// Clock cycles after reset within which a proof compares at most; fewer outputs than one are no proof.
    pub cycles: u64,
    /// Seconds that one proof may take.
    pub proof_seconds: u64,
    /// Limit of the compilers and of each simulation.
    pub timeout: Option<Duration>,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum Fate {
    /// A bundle failed.
    Killed {
        /// Which, from 0, in the order given.
        bundle: usize,
        /// The first difference; `None` where the simulation broke down or did not end.
        mismatch: Option<Mismatch>,
    },
    /// Every bundle passed, and no input tells it from the circuit itself.
    Equivalent {
        /// For ever, or for so many cycles.
        proof: Proof,
    },
    /// Every bundle passed.
    Survived,
}

/// One mutant and what became of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Mutant {
    /// From 1.
    pub number: usize,
    /// Where the changed cell stands in the source.
    pub source: Option<SourceLine>,
    /// What was changed, in words.
    pub what: String,
    /// What is done to the bit.
    pub change: Change,
    /// Module of the user's.
    pub module: String,
    /// Cell in it, port of the cell, bit of the port, as Yosys calls them.
    pub cell: String,
    /// The cell's port.
    pub port: String,
    /// The port's bit.
    pub bit: usize,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// Every mutant, in the order in which Yosys chose them.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// One entry a mutant.
    pub mutants: Vec<Mutant>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

impl Campaign {
    /// Mutants that a bundle noticed.
    pub fn killed(&self) -> usize {
        self.mutants.iter().filter(|m| matches!(m.fate, Fate::Killed { .. })).count()
    }

    /// Mutants that no input tells apart: for ever, and within the bound only.
    pub fn equivalent(&self) -> (usize, usize) {
        let proved = |wanted: bool| {
            let always = |m: &&Mutant| matches!(&m.fate, Fate::Equivalent { proof } if (*proof == Proof::Always) == wanted);
            self.mutants.iter().filter(always).count()
        };
        (proved(true), proved(false))
    }

    /// Mutants that passed everything and are not proved to be the same.
    pub fn survivors(&self) -> impl Iterator<Item = &Mutant> {
        self.mutants.iter().filter(|m| m.fate == Fate::Survived)
    }

    /// Killed, of those not proved to be the same, in percent; 100 where there are none.
    pub fn percent(&self) -> f64 {
        let real = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let (killed, left) = (self.killed(), self.survivors().count());
        if killed + left == 0 { 100.0 } else { 100.0 * real(killed) / real(killed + left) }
    }
}

/// Makes mutants of `subject` and runs them through `bundles`, in their order, until one notices. `tell` hears what is
/// being done.
///
/// # Errors
/// Yosys or Verilator is missing or does not take the RTL; the RTL itself does not pass; a bundle is none, changed, or
/// of another design.
pub fn run(subject: &Subject, bundles: &[PathBuf], plan: &Plan, tell: &dyn Fn(&str)) -> Result<Campaign> {
    let benches = bundles.iter().map(|bundle| subject.bench(bundle)).collect::<Result<Vec<_>>>()?;
    let Some(first) = benches.first() else {
        return Err(Error::new(Kind::Usage, "no bundle is given").at(Place::Option("BUNDLE".into())));
    };
    if let Some(other) = benches.iter().find(|b| b.testbench != first.testbench) {
        let message = format!(
            "has other signals than {}: one circuit is held against all bundles",
            first.bundle.display()
        );
        return Err(Error::new(Kind::Usage, message).at(Place::File(other.bundle.clone())));
    }
    let cache = Cache::open()?;
    let scratch = cache.scratch()?;
    let folder = scratch.path();
    let deadline = Deadline::after(plan.timeout.unwrap_or(COMPILE_LIMIT));
    let links = Links::new(&subject.rtl, &subject.incdirs, subject.here)?;
    links.make(folder)?;
    let layouts = first.manifest.layouts()?;
    let outer = testbench::render(&layouts, &subject.wiring)?;
    links::write_testbench(folder, &testbench::with_header(&outer, &subject.header))?;
    tell("reading the RTL");
    yosys::refuse_missing(folder, deadline)?;
    compile::lint(&links, folder, deadline)?;
    let around = circuit::verilog(&layouts, &subject.wiring, &subject.header, &subject.host)?;
    yosys::write(folder, circuit::CIRCUIT_FILE, &around)?;
    let (netlist, mutations, mut notes) = choose(&links, folder, plan, deadline)?;
    tell(&format!("building one simulation of {} mutants", mutations.len()));
    yosys::apply(&links, folder, &mutations, deadline)?;
    let depth = benches.iter().map(|b| b.depth).max().unwrap_or(0).next_power_of_two();
    let mut simulation = program::build(&links, folder, &first.testbench, depth, deadline)?;
    let mut fates: Vec<Option<Fate>> = vec![None; mutations.len()];
    for (index, bench) in benches.iter().enumerate() {
        let left: Vec<usize> = (0..fates.len()).filter(|at| fates[*at].is_none()).collect();
        tell(&format!("simulating {} mutants: {}", left.len(), bench.bundle.display()));
        let (endings, note) = simulation.run(bench, &left, plan)?;
        notes.extend(note);
        for (at, ending) in endings {
            let mismatch = match ending {
                Ending::Passed => continue,
                Ending::Differed(mismatch) => Some(mismatch),
                Ending::BrokeDown => None,
            };
            fates[at] = Some(Fate::Killed { bundle: index, mismatch });
        }
    }
    let left: Vec<usize> = (0..fates.len()).filter(|at| fates[*at].is_none()).collect();
    let outputs = benches.iter().filter_map(|b| selftest::first_output(b, &layouts)).min();
    let proofs = prove::prove((&links, folder), (&mutations, &left), (plan, &subject.host, outputs), tell)?;
    let fates: Vec<Fate> = (0..mutations.len())
        .map(|at| match (fates[at].take(), proofs.get(&at)) {
            (Some(fate), _) => fate,
            (None, Some(proof)) => Fate::Equivalent { proof: *proof },
            (None, None) => Fate::Survived,
        })
        .collect();
    let source = |name: &str| PathBuf::from(links.in_words_of_the_user(name));
    let mutants = mutations.iter().zip(fates).enumerate();
    let mutants = mutants.map(|(at, (m, fate))| describe(at, m, fate, &netlist, &source)).collect();
    notes.sort();
    notes.dedup();
    Ok(Campaign { mutants, notes })
}

/// A file as a person in the current folder would name it.
fn from_here(file: &Path) -> PathBuf {
    let real = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    let here = std::env::current_dir().and_then(std::fs::canonicalize);
    here.ok().and_then(|here| real.strip_prefix(here).ok().map(Path::to_path_buf)).unwrap_or(real)
}

fn describe(
    at: usize,
    mutation: &Mutation,
    fate: Fate,
    netlist: &Netlist,
    source: &dyn Fn(&str) -> PathBuf,
) -> Mutant {
    Mutant {
        number: at + 1,
        source: mutation.place(netlist, source),
        what: mutation.words(netlist),
        change: mutation.change,
        module: mutation::plain_module(&mutation.module).to_string(),
        cell: mutation.cell.clone(),
        port: mutation.port.clone(),
        bit: mutation.bit,
        fate,
    }
}

/// As many mutations as are wanted, spread as Yosys spreads them, without those of a clock and those of what no
/// compared output depends on.
fn choose(
    links: &Links,
    folder: &Path,
    plan: &Plan,
    deadline: Deadline,
) -> Result<(Netlist, Vec<Mutation>, Vec<String>)> {
    yosys::prepare(links, folder, deadline)?;
    let netlist = Netlist::parse(&yosys::read(folder, "prepared.json")?)?;
    let mut asked = plan.count + plan.count / 2 + 50;
    loop {
        let list = yosys::list(links, folder, asked, plan.seed, deadline)?;
        let all: Vec<Mutation> = list.lines().filter_map(Mutation::parse).collect();
        let (listed, every) = (list.lines().count(), list.lines().count() < asked);
        let mut kept: Vec<Mutation> =
            all.into_iter().filter(|m| netlist.is_seen(m) && !netlist.is_clock(m)).collect();
        if kept.len() < plan.count && !every && asked < 64 * plan.count + 100_000 {
            asked *= 4;
            continue;
        }
        let mut notes = Vec::new();
        if kept.len() < plan.count {
            notes.push(format!(
                "Yosys finds {listed} mutations of this RTL, of which {} change what reaches a compared output and are none of a clock",
                kept.len()
            ));
        }
        kept.truncate(plan.count);
        if kept.is_empty() {
            return Err(Error::new(
                Kind::Simulator,
                "Yosys finds nothing to change that a compared output depends on",
            )
            .at(Place::Option("--rtl".into()))
            .help("name the module that computes with --top, and connect its outputs with --port"));
        }
        return Ok((netlist, kept, notes));
    }
}

/// Groups by module, each with its members.
fn by_module<'a>(mutations: &'a [Mutation], of: &[usize]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in of {
        groups.entry(&mutations[*at].module).or_default().push(*at);
    }
    groups
}

const VERILATOR: Simulator = Simulator::Verilator;
