//! The one simulation of all mutants: built once, run once a bundle.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use super::{Plan, VERILATOR, yosys};
use crate::error::{Error, Kind, Place, Result};
use crate::vectors::cosim::build::Deadline;
use crate::vectors::cosim::links::{self, Links};
use crate::vectors::cosim::verdict::{self, Mismatch, Promise, Verdict};
use crate::vectors::cosim::{Bench, compile, nonce, process, words};

/// How the simulation of one mutant ended.
pub enum Ending {
    Passed,
    Differed(Mismatch),
    /// It gave no verdict: it did not settle, did not end, or compared less.
    BrokeDown,
}

/// Mutants by their place in the list, and how each ended.
pub type Endings = Vec<(usize, Ending)>;

/// A built simulation.
pub struct Simulation {
    program: PathBuf,
    /// Registers begin with random bits, so that a lost reset shows; not where the RTL itself needs zeros.
    random: bool,
}

/// Builds it in `folder`, of `mutated.v` there.
pub fn build(
    links: &Links,
    folder: &Path,
    testbench: &str,
    depth: u64,
    deadline: Deadline,
) -> Result<Simulation> {
    let inner = folder.join("gp_run");
    let fail = |e| Error::io(&inner, "write this folder", e);
    fs::create_dir(&inner).map_err(fail)?;
    fs::rename(folder.join("mutated.v"), inner.join("mutated.v")).map_err(fail)?;
    links::write_testbench(&inner, testbench)?;
    yosys::write(&inner, "mutants.cpp", include_str!("../../templates/mutants.cpp"))?;
    compile::compile_mutants(links, &inner, &["mutated.v", "mutants.cpp"], depth, deadline)?;
    Ok(Simulation { program: inner.join("sim"), random: true })
}

impl Simulation {
    /// Runs the circuit itself, and then the mutants `of`, through a bundle.
    ///
    /// # Errors
    /// The circuit itself does not pass, or the simulation cannot be run.
    pub fn run(&mut self, bench: &Bench, of: &[usize], plan: &Plan) -> Result<(Endings, Option<String>)> {
        let mut note = None;
        let mut own = self.simulate(bench, &[0], plan)?;
        if self.random && !passes(&own) {
            self.random = false;
            own = self.simulate(bench, &[0], plan)?;
            note = Some(
                "the RTL passes only while its registers begin at 0: mutants of its reset are not told apart"
                    .to_string(),
            );
        }
        if !passes(&own) {
            let first = match own.into_iter().next() {
                Some((_, Ending::Differed(m))) => format!(": {}", m.describe(&bench.manifest, false)),
                _ => String::new(),
            };
            return Err(Error::new(
                Kind::Simulator,
                format!("the RTL itself does not pass this bundle, so its mutants say nothing{first}"),
            )
            .at(Place::File(bench.bundle.clone()))
            .help("run `goldpath cosim` with this bundle and the same options"));
        }
        let numbers: Vec<usize> = of.iter().map(|at| at + 1).collect();
        let endings = self.simulate(bench, &numbers, plan)?;
        if endings.len() != of.len() {
            let message = format!("{} of {} mutants were simulated", endings.len(), of.len());
            return Err(Error::new(Kind::Simulator, message).at(Place::Option("verilator".into())));
        }
        Ok((endings.into_iter().map(|(number, ending)| (number - 1, ending)).collect(), note))
    }

    fn simulate(&self, bench: &Bench, numbers: &[usize], plan: &Plan) -> Result<Endings> {
        if numbers.is_empty() {
            return Ok(vec![]);
        }
        let folder = std::path::absolute(&bench.bundle)
            .map_err(|e| Error::io(&bench.bundle, "find this folder", e))?;
        let link = links::plain(&folder)?;
        let mut vectors = OsString::from("+VEC=");
        vectors.push(link.as_ref().map_or(folder.clone(), |l| l.path().join("vectors")));
        let cycles = bench.manifest.cycles;
        let promise = Promise { nonce: nonce()?, compared: cycles, values: bench.values(cycles) };
        let limit = plan.timeout.unwrap_or(bench.time_limit());
        let mut command = Command::new(&self.program);
        command.arg(plan.processes.max(1).to_string()).arg(limit.as_secs().max(1).to_string());
        command.args(numbers.iter().map(usize::to_string)).arg(vectors);
        command.arg(format!("+NONCE={}", promise.nonce)).arg("+MAXERR=1");
        if self.random {
            command.args(["+verilator+rand+reset+2", "+verilator+seed+1"]);
        }
        let rounds = u32::try_from(numbers.len() / plan.processes.max(1) + 2).unwrap_or(u32::MAX);
        let deadline =
            Deadline::after(limit.saturating_mul(2).saturating_mul(rounds) + Duration::from_secs(60));
        let output = process::run(&mut command, deadline.at).map_err(|e| VERILATOR.missing(e))?;
        let output = output.ok_or_else(|| words::endless(VERILATOR, "the simulation", deadline.seconds))?;
        let found = records(&output.stdout, &promise);
        if output.status.success() {
            return found.ok_or_else(|| broken(&output));
        }
        Err(broken(&output))
    }
}

fn passes(endings: &[(usize, Ending)]) -> bool {
    matches!(endings, [(0, Ending::Passed)])
}

fn broken(output: &Output) -> Error {
    let text = words::all_of(output);
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    Error::new(
        Kind::Simulator,
        format!("the simulation of the mutants broke down ({}): {}", output.status, last.join(" · ")),
    )
    .at(Place::Option("verilator".into()))
}

/// `MUTANT <number> <status> <bytes>`, a line's end, and the bytes.
fn records(mut text: &[u8], promise: &Promise) -> Option<Endings> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let end = text.iter().position(|b| *b == b'\n')?;
        let line = std::str::from_utf8(&text[..end]).ok()?;
        let mut words = line.strip_prefix("MUTANT ")?.split(' ');
        let (number, status, bytes) = (words.next()?, words.next()?, words.next()?);
        let bytes: usize = bytes.parse().ok()?;
        let said = text.get(end + 1..end + 1 + bytes)?;
        text = text.get(end + 2 + bytes..)?;
        let status = ExitStatus::from_raw(status.parse().ok()?);
        let output = Output { status, stdout: said.to_vec(), stderr: vec![] };
        let ending = match verdict::read(&output, promise) {
            Ok(Verdict::Pass { .. }) => Ending::Passed,
            Ok(Verdict::Fail { mismatches, .. }) => {
                mismatches.into_iter().next().map_or(Ending::BrokeDown, Ending::Differed)
            }
            Err(_) => Ending::BrokeDown,
        };
        found.push((number.parse().ok()?, ending));
    }
    Some(found)
}
