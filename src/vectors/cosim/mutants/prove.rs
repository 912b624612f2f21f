//! Which of the mutants that passed everything are the circuit itself, by what a difference can reach ([`Masked`]), then by
//! SAT in Yosys.
//!
//! First by one step of induction: circuit and mutant, their registers cut open, from the same state go to the same
//! state and show the same outputs. That holds for ever, and where it holds for the mutated module alone, it holds in
//! every circuit. Then from reset, with every input, for a stated number of cycles; and from any two states, whether
//! outputs are the same once the pipeline has forgotten them, which makes it for ever. So does a mutant that only a reset
//! can tell apart, once what the reset left behind has run out. Registers that the mutation does
//! not reach are shared (`cone`). Parameters are those that the design allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::circuit::{CIRCUIT, Host, SELECTOR, SELECTOR_BITS};
use super::cone::{Arithmetic, Cones, behind};
use super::gates::Gates;
use super::masked::Masked;
use super::mutation::{Mutation, plain_module};
use super::netlist::is_sequential;
use super::taint::{Cycles, Held};
use super::{COMPILE_LIMIT, Plan, by_module, words, yosys};
use crate::error::{Error, Kind, Place, Result};
use crate::vectors::cosim::build::Deadline;
use crate::vectors::cosim::links::Links;

/// How far a mutant is the circuit itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// For every input, for ever.
    Always,
    /// For every input, this many cycles after reset.
    Cycles(u64),
}

/// Steps after which a pipeline may have forgotten its state.
const SETTLED: [u64; 4] = [3, 4, 6, 8];

/// The circuit's reset in a miter, which puts `in_` in front of every input.
const RESET: &str = "in_rst";

/// Cycles in which the testbench holds the reset.
const RESET_CYCLES: u64 = 2;

/// Inputs that a proof holds.
const HELD: Held<'static> = Held { reset: "rst", selector: SELECTOR };

/// A module of Yosys' JSON.
type Module = Map<String, Value>;

/// What the solver said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Alike,
    Apart,
    /// In its time.
    Nothing,
}

/// What every proof is made with.
struct Proofs<'a> {
    links: &'a Links,
    folder: &'a Path,
    mutations: &'a [Mutation],
    host: &'a Host,
    seconds: u64,
}

/// What becomes of registers and memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Taken out: from the same state to the same state.
    Cut,
    /// As what they hold in common ([`words`]), for what is not solved.
    Abstract,
    /// Bit by bit.
    Whole,
}

/// Proofs of those among `left` that have one. `first_output` is the first cycle in which a bundle expects an output:
/// a bound below proves nothing.
pub fn prove(
    (links, folder): (&Links, &Path),
    (mutations, left): (&[Mutation], &[usize]),
    (plan, host, first_output): (&Plan, &Host, Option<u64>),
    tell: &dyn Fn(&str),
) -> Result<BTreeMap<usize, Proof>> {
    let proofs = Proofs { links, folder, mutations, host, seconds: plan.proof_seconds };
    let mut found = BTreeMap::new();
    let mut left = left.to_vec();
    tell(&format!("proving: {} mutants, by what a difference can reach", left.len()));
    found.extend(proofs.masked(&left)?.into_iter().map(|at| (at, Proof::Always)));
    left.retain(|at| !found.contains_key(at));
    for (module, members) in by_module(mutations, &left) {
        tell(&format!("proving: {} mutants of {}", members.len(), plain_module(module)));
        let step = proofs.step(module, &members, &[Arithmetic::Any, Arithmetic::Exact, Arithmetic::Whole])?;
        found.extend(step.into_iter().map(|at| (at, Proof::Always)));
    }
    left.retain(|at| !found.contains_key(at));
    tell(&format!("proving: {} mutants in the whole circuit", left.len()));
    // What arithmetic decides, a module has shown by itself.
    let step = proofs.step(CIRCUIT, &left, &[Arithmetic::Any])?;
    found.extend(step.into_iter().map(|at| (at, Proof::Always)));
    left.retain(|at| !found.contains_key(at));
    if plan.cycles > 0 {
        tell(&format!("proving: {} mutants, {} cycles from reset", left.len(), plan.cycles));
        found.extend(proofs.flushed(&left)?.into_iter().map(|at| (at, Proof::Always)));
        left.retain(|at| !found.contains_key(at));
        for (at, proof) in proofs.since_reset(&left, plan.cycles)? {
            // Without an output in sight, the same outputs mean nothing.
            let shown = first_output.is_some_and(|first| first < plan.cycles);
            if proof == Proof::Always || shown {
                found.insert(at, proof);
            }
        }
    }
    match folder.is_dir() {
        true => Ok(found),
        // What could not be asked is not answered.
        false => Err(Error::new(Kind::Io, "the folder of this build vanished while mutants were proved")
            .at(Place::File(folder.to_path_buf()))
            .help("run it again, and leave goldpath's cache alone meanwhile")),
    }
}

impl Proofs<'_> {
    /// Those among `members` that the mutated module, with everything below it, cannot be told from in one step.
    fn step(&self, module: &str, members: &[usize], all: &[Arithmetic]) -> Result<Vec<usize>> {
        let Some([gold, gate]) = self.pair(module, members, Form::Cut)? else { return Ok(vec![]) };
        let Some(cones) = Cones::new(&gate, &gold) else { return Ok(vec![]) };
        let one = |at: &usize| {
            if cones.is_gone(at + 1) {
                return Ok(Some(*at));
            }
            let said = self.closer(all, (&cones, *at), "")?;
            Ok((said == Said::Alike).then_some(*at))
        };
        let found: Vec<Option<usize>> = members.par_iter().map(one).collect::<Result<_>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Those that differ where nobody looks ([`Masked`]), whatever a host sends that keeps to the protocol.
    fn masked(&self, members: &[usize]) -> Result<Vec<usize>> {
        let Some([gold, gate]) = self.pair(CIRCUIT, members, Form::Abstract)? else { return Ok(vec![]) };
        let Some(cones) = Cones::new(&gate, &gold) else { return Ok(vec![]) };
        let Some(mut gates) = Gates::new(&gate) else { return Ok(vec![]) };
        let protocol = self.host.protocol(&mut gates, HELD);
        let is_masked = |at: &usize| {
            let source = cones.source(at + 1);
            source.is_some_and(|source| {
                Masked::new((&gates, HELD), &source, &protocol, RESET_CYCLES as usize).is_proved()
            })
        };
        Ok(members.par_iter().copied().filter(is_masked).collect())
    }

    /// Those that are the circuit itself while there is no reset, and of which a reset leaves behind only what runs out
    /// unseen ([`Taint`]): outputs are the same all the time, and after some steps every register is.
    fn flushed(&self, members: &[usize]) -> Result<Vec<usize>> {
        let Some([gold, gate]) = self.pair(CIRCUIT, members, Form::Cut)? else { return Ok(vec![]) };
        let Some(cut) = Cones::new(&gate, &gold) else { return Ok(vec![]) };
        let without_reset = |at: &usize| {
            let said = self.closer(&[Arithmetic::Any], (&cut, *at), &format!(" -set {RESET} 0"))?;
            Ok((said == Said::Alike).then_some(*at))
        };
        let found: Vec<Option<usize>> = members.par_iter().map(without_reset).collect::<Result<_>>()?;
        let members: Vec<usize> = found.into_iter().flatten().collect();
        let Some([gold, gate]) = self.pair(CIRCUIT, &members, Form::Abstract)? else { return Ok(vec![]) };
        let Some(cones) = Cones::new(&gate, &gold) else { return Ok(vec![]) };
        let Some(gates) = Gates::new(&gate) else { return Ok(vec![]) };
        let runs_out = |at: &usize| {
            let run_out = |source| {
                Cycles { gates: &gates, held: HELD, source: &source, stays: false, renamed: &BTreeSet::new() }
                    .run_out(RESET_CYCLES as usize)
            };
            cones.source(at + 1).is_some_and(run_out)
        };
        Ok(members.into_par_iter().filter(runs_out).collect())
    }

    /// Those that no input tells from the circuit within so many cycles of reset; for ever, where outputs are the same so
    /// many clocks after any two states, too.
    fn since_reset(&self, members: &[usize], cycles: u64) -> Result<Vec<(usize, Proof)>> {
        let Some([gold, gate]) = self.pair(CIRCUIT, members, Form::Whole)? else { return Ok(vec![]) };
        let Some(cones) = Cones::new(&gate, &gold) else { return Ok(vec![]) };
        let one = |at: &usize| -> Result<Option<(usize, Proof)>> {
            let settled = self.settled(&cones, *at)?;
            // Before that many steps, and not after, the state at reset counts.
            let last = settled.map_or(cycles + RESET_CYCLES, |steps| steps - 1);
            let is_proved = last <= RESET_CYCLES
                || self.closer(&Arithmetic::ALL, (&cones, *at), &from_reset(last))? == Said::Alike;
            let proof = if settled.is_some() { Proof::Always } else { Proof::Cycles(cycles) };
            Ok(is_proved.then_some((*at, proof)))
        };
        let found: Vec<Option<(usize, Proof)>> = members.par_iter().map(one).collect::<Result<_>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Steps after which outputs are the same whatever the two states were: few make a small problem, and a pipeline forgets
    /// in as many as it has registers.
    fn settled(&self, cones: &Cones<'_>, at: usize) -> Result<Option<u64>> {
        for steps in SETTLED {
            let options = format!(" -set-assumes -seq {steps} -prove-skip {}", steps - 1);
            match self.closer(&[Arithmetic::Control, Arithmetic::Any], (cones, at), &options)? {
                Said::Alike => return Ok(Some(steps)),
                Said::Apart => {}
                Said::Nothing => return Ok(None),
            }
        }
        Ok(None)
    }

    /// `gold` and `gate`, one module with and without its mutations, in JSON. `None` where registers cannot be cut or
    /// have no common clock.
    fn pair(&self, module: &str, members: &[usize], form: Form) -> Result<Option<[Module; 2]>> {
        if members.is_empty() {
            return Ok(None);
        }
        let edits = yosys::mutate(members.iter().map(|at| (*at, &self.mutations[*at])));
        let memories = if form == Form::Whole { "memory_map" } else { "memory_nordff" };
        let text = format!(
            "read_ilang prepared.il\n{edits}hierarchy -top {module}\nflatten\nopt_clean\n{memories}\nasync2sync\ndffunmap\n\
             opt_expr\nopt_clean\nwrite_json flat.json\n"
        );
        // What Yosys cannot bring into this form is not proved, and that is all.
        if yosys::script(self.links, self.folder, "flat", &text, Deadline::after(COMPILE_LIMIT)).is_err() {
            return Ok(None);
        }
        let flat: Value = serde_json::from_slice(&yosys::read(self.folder, "flat.json")?).map_err(|e| {
            Error::new(Kind::Simulator, "Yosys wrote a netlist that is not understood").because(e)
        })?;
        let modules = flat.get("modules").and_then(Value::as_object);
        let Some(gate) = modules.and_then(|m| m.get(module)).and_then(Value::as_object) else {
            return Ok(None);
        };
        let mut gate = gate.clone();
        let is_understood = match form {
            Form::Cut => words::cut(&mut gate) && cut_registers(&mut gate),
            Form::Abstract => {
                let fresh = behind(&gate);
                has_one_clock(&gate) && words::abstracted(&mut gate, fresh)
            }
            Form::Whole => has_one_clock(&gate),
        };
        if !is_understood {
            return Ok(None);
        }
        let Some(mut gold) = without_selector(&gate) else { return Ok(None) };
        // Names of nets are for people, and most of the text.
        gold.remove("netnames");
        gate.remove("netnames");
        Ok(Some([gold, gate]))
    }

    /// What is said of mutant `at` with more and more known of arithmetic: until they are alike, or no time is left. What
    /// tells them apart may be arithmetic that there is none of, as long as some is left out.
    fn closer(&self, all: &[Arithmetic], (cones, at): (&Cones<'_>, usize), options: &str) -> Result<Said> {
        let mut said = Said::Nothing;
        for arithmetic in all {
            let Some(pair) = cones.pair(at + 1, *arithmetic) else { continue };
            said = self.ask(at, &pair, options)?;
            if said != Said::Apart {
                break;
            }
        }
        Ok(said)
    }

    /// Whether mutant `at` and the circuit can be told apart, as asked.
    fn ask(&self, at: usize, pair: &Value, options: &str) -> Result<Said> {
        // Several are asked side by side.
        let (file, answer) = (format!("pair_{at}.json"), format!("proof_{at}.txt"));
        let _ = fs::remove_file(self.folder.join(&answer));
        yosys::write(self.folder, &file, &pair.to_string())?;
        let text = format!(
            "read_json {file}\ncd gate\ndelete -input w:{SELECTOR}\nconnect -set {SELECTOR} {SELECTOR_BITS}'d{}\ncd ..\n\
             opt_expr gate\nopt_clean gate\nmiter -equiv -cross -flatten gold gate miter\nhierarchy -top miter\nopt_expr\nopt_merge\nopt_expr\nopt_clean\n\
             tee -q -o {answer} sat -timeout {}{options} -prove trigger 0 miter\n",
            at + 1,
            self.seconds,
        );
        // A proof that breaks off is none.
        let _ = yosys::script(self.links, self.folder, &format!("prove_{at}"), &text, self.deadline(2));
        let _ = fs::remove_file(self.folder.join(file));
        let said = fs::read_to_string(self.folder.join(answer)).unwrap_or_default();
        Ok(match () {
            () if said.contains("no model found: SUCCESS") => Said::Alike,
            () if said.contains("model found: FAIL") => Said::Apart,
            () => Said::Nothing,
        })
    }

    /// The solver's time, and as much again for what is in front of it.
    fn deadline(&self, times: u64) -> Deadline {
        Deadline::after(Duration::from_secs(10 + self.seconds.saturating_mul(times)))
    }
}

/// What is asked of steps up to `last`, of which the first ones hold the reset.
fn from_reset(last: u64) -> String {
    let mut options = format!(" -set-assumes -seq {last} -prove-skip {RESET_CYCLES}");
    for step in 1..=last {
        options.push_str(&format!(" -set-at {step} {RESET} {}", u8::from(step <= RESET_CYCLES)));
    }
    options
}

/// Takes every register out: its value becomes an input, what it would take an output. False where something else
/// holds a value.
fn cut_registers(module: &mut Module) -> bool {
    let Some(cells) = module.get_mut("cells").and_then(Value::as_object_mut) else { return false };
    let registers: Vec<String> =
        cells.iter().filter(|(_, c)| is_register(c)).map(|(n, _)| n.clone()).collect();
    let mut ports = Vec::new();
    for (index, name) in registers.iter().enumerate() {
        let Some(cell) = cells.remove(name) else { continue };
        for (pin, direction) in [("Q", "input"), ("D", "output")] {
            let bits = cell.pointer(&format!("/connections/{pin}")).cloned().unwrap_or_default();
            ports.push((format!("gp_{pin}{index}"), json!({ "direction": direction, "bits": bits })));
        }
    }
    if cells.values().any(|cell| is_sequential(kind(cell))) {
        return false;
    }
    let Some(all) = module.get_mut("ports").and_then(Value::as_object_mut) else { return false };
    all.extend(ports);
    true
}

fn kind(cell: &Value) -> &str {
    cell.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn is_register(cell: &Value) -> bool {
    matches!(kind(cell), "$dff" | "$ff")
}

/// Whether every register takes its value at the same edge: time in a proof has no others.
fn has_one_clock(module: &Module) -> bool {
    let cells = module.get("cells").and_then(Value::as_object).into_iter().flat_map(|c| c.values());
    let mut clocks: BTreeSet<(String, bool)> = BTreeSet::new();
    for cell in cells.filter(|cell| is_sequential(kind(cell))) {
        if words::is_memory(cell) {
            let Some(those) = words::clocks(cell) else { return false };
            clocks.extend(those);
            continue;
        }
        if kind(cell) != "$dff" {
            return false;
        }
        let clock = cell.pointer("/connections/CLK/0").map(Value::to_string).unwrap_or_default();
        let edge = cell.pointer("/parameters/CLK_POLARITY").and_then(Value::as_str);
        clocks.insert((clock, edge.is_some_and(|edge| edge.ends_with('1'))));
    }
    clocks.len() <= 1
}

/// The same module with the selector at 0 and no port for it.
fn without_selector(module: &Module) -> Option<Module> {
    let mut gold = module.clone();
    let selector = gold.get_mut("ports")?.as_object_mut()?.remove(SELECTOR)?;
    let bits: Vec<&Value> = selector.get("bits")?.as_array()?.iter().collect();
    let zero = |value: &mut Value| {
        for bit in value.as_array_mut().into_iter().flatten() {
            if bits.contains(&&*bit) {
                *bit = json!("0");
            }
        }
    };
    for port in gold.get_mut("ports")?.as_object_mut()?.values_mut() {
        port.get_mut("bits").into_iter().for_each(zero);
    }
    for cell in gold.get_mut("cells")?.as_object_mut()?.values_mut() {
        let connections = cell.get_mut("connections").and_then(Value::as_object_mut);
        connections.into_iter().flat_map(Map::values_mut).for_each(zero);
    }
    // Names of nets are for people, and one of them is the selector's.
    gold.get_mut("netnames")?.as_object_mut()?.remove(SELECTOR);
    Some(gold)
}
