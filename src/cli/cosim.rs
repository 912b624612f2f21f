//! `goldpath cosim`: runs a bundle in RTL simulators.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{Compare as CompareArgument, CosimArgs, Overrides, Simulator as SimulatorArgument};
use super::{Console, Status, design_file};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::vectors::cosim::{self, Bench, Compare, Outcome, Runner, Simulator, Verdict};
use crate::vectors::{Manifest, manifest};

pub fn run(args: &CosimArgs, console: &Console) -> Result<Status> {
    let mut bench = bench(args)?;
    bench.timeout = args.timeout.map(Duration::from_secs);
    for name in &bench.changed {
        console.warn(&format!(
            "warning: {name} is not the file that manifest.json names; this bundle cannot pass"
        ));
    }
    bench.notes.iter().for_each(|note| console.warn(&format!("warning: {note}")));
    if !args.rtl.is_empty() && !bench.compares("out.valid") {
        console.note("note: out.valid is not connected: when outputs come is not compared, only out.data where one is expected");
    }
    if !args.rtl.is_empty() && !bench.compares("out.data") {
        console.warn("warning: out.data is not connected: the values of outputs are not compared");
    }
    let compare = match args.compare {
        CompareArgument::Cycles => Compare::Cycles,
        CompareArgument::Beats => Compare::Beats,
    };
    let simulators = match args.simulator {
        SimulatorArgument::Icarus => &Simulator::ALL[..1],
        SimulatorArgument::Verilator => &Simulator::ALL[1..],
        SimulatorArgument::All => &Simulator::ALL[..],
    };
    let (mut answers, mut passed) = (Vec::new(), true);
    for simulator in simulators {
        let name = simulator.name();
        let bar =
            console.phase(format!("{name}: compiling the testbench and the RTL (or finding it compiled)"));
        let runner = bench.build(*simulator);
        bar.finish_and_clear();
        let runner = runner?;
        let (answer, ok) = if args.selftest {
            self_test(*simulator, &runner, console)?
        } else {
            check(*simulator, &runner, compare, &bench, console)?
        };
        answers.push(answer);
        passed &= ok;
    }
    if console.is_json() {
        let bundle = args.bundle.display().to_string();
        console.answer_json(&json!({ "bundle": bundle, "passed": passed, "simulators": answers }))?;
    }
    Ok(if passed { Status::Done } else { Status::Different })
}

fn bench(args: &CosimArgs) -> Result<Bench> {
    let manifest = manifest::read(&args.bundle)?;
    let usage = |message: &str, option: &str| {
        Err(Error::new(Kind::Usage, message).at(Place::Option(option.to_string())))
    };
    if args.rtl.is_empty() {
        let described = !args.port.is_empty() || !args.param.is_empty() || !args.incdir.is_empty();
        if described || args.top.is_some() {
            return usage("--top, --port, --param and --incdir describe --rtl, which is not given", "--rtl");
        }
        return twin(args, &manifest);
    }
    let Some(top) = &args.top else {
        return usage("--rtl needs the name of its top module", "--top");
    };
    if !args.overrides.set.is_empty() {
        return usage("--set changes a twin's parameters; those of --rtl are set by --param", "--set");
    }
    if args.hw_models.is_some() {
        return usage("--hw-models is where a twin's design lies; --rtl is taken as it is", "--hw-models");
    }
    let wiring = cosim::user_wiring(&manifest.layouts()?, top, &args.port, &args.param)?;
    Bench::user(&args.bundle, args.rtl.clone(), args.incdir.clone(), &wiring)
}

/// The design's own twin, with the parameters of the design as overridden.
fn twin(args: &CosimArgs, manifest: &Manifest) -> Result<Bench> {
    let with = written_with(&args.bundle, manifest, args.hw_models.as_deref())?;
    let WrittenWith { folder, mut set, design: written_with } = with;
    set.extend(args.overrides.set.iter().cloned());
    let design = design_file::load_path(&folder, &Overrides { set: set.clone() })?;
    refuse_unmapped(&folder, &design, &set)?;
    Bench::twin(&args.bundle, &folder, &design, &written_with)
}

/// The design that a bundle was written with.
pub(super) struct WrittenWith {
    /// Where it lies.
    pub folder: PathBuf,
    /// How it was overridden.
    pub set: Vec<(String, String)>,
    pub design: Design,
}

/// Finds the design of a bundle, and overrides it as it was when the bundle was written.
pub(super) fn written_with(
    bundle: &Path,
    manifest: &Manifest,
    hw_models: Option<&Path>,
) -> Result<WrittenWith> {
    let folder = cosim::find_design(&manifest.design.name, bundle, hw_models)?;
    let set: Vec<(String, String)> = manifest.source.overrides.clone().into_iter().collect();
    let design = same_design(&folder, &set, manifest)?;
    Ok(WrittenWith { folder, set, design })
}

/// Where the design of a bundle lies, and the design that the bundle was made from, which its twin can be.
pub(super) fn bundled_design(bundle: &Path, hw_models: Option<&Path>) -> Result<(PathBuf, Design)> {
    let manifest = manifest::read(bundle)?;
    let WrittenWith { folder, set, design } = written_with(bundle, &manifest, hw_models)?;
    refuse_unmapped(&folder, &design, &set)?;
    Ok((folder, design))
}

/// A bundle is checked against the design that it was made from.
fn same_design(folder: &Path, set: &[(String, String)], manifest: &Manifest) -> Result<Design> {
    let design = design_file::load_path(folder, &Overrides { set: set.to_vec() })?;
    if design.hash == manifest.design.sha256 && design.name == manifest.design.name {
        return Ok(design);
    }
    Err(Error::new(Kind::Design, "is not the design that the bundle was made from: their hashes differ")
        .at(Place::File(folder.join("design.toml")))
        .help("write the bundle again with `goldpath vectors`"))
}

/// A key that changes the design must reach the RTL by a Verilog parameter, or the twin is another circuit.
pub(super) fn refuse_unmapped(folder: &Path, design: &Design, set: &[(String, String)]) -> Result<()> {
    let changes = |key: &str| {
        let others = set.iter().filter(|(k, _)| k != key).cloned().collect();
        !design_file::load_path(folder, &Overrides { set: others }).is_ok_and(|d| d.hash == design.hash)
    };
    let unmapped = set.iter().find(|(key, _)| is_unmapped(design, key) && changes(key));
    let Some((key, value)) = unmapped else { return Ok(()) };
    let known: Vec<&str> = design.twin.keys().map(String::as_str).collect();
    let message = format!("{key}={value} changes the design, but no Verilog parameter of its twin");
    Err(Error::new(Kind::Design, message).at(Place::Option("--set".to_string())).help(format!(
        "the twin has parameters for {}; check other RTL with --rtl and --top",
        known.join(", ")
    )))
}

/// Whether no Verilog parameter of the design's twin follows the key.
pub(super) fn is_unmapped(design: &Design, key: &str) -> bool {
    !design.twin.contains_key(key) && !is_host_only(key)
}

/// Keys that say what the host feeds, in which order and where: the circuit is the same.
fn is_host_only(key: &str) -> bool {
    let recode = matches!(key, "operands.activation.recode" | "operands.weight.recode");
    recode || key == "array.mirror" || key == "order" || key.starts_with("order.")
}

fn check(
    simulator: Simulator,
    runner: &Runner<'_>,
    compare: Compare,
    bench: &Bench,
    console: &Console,
) -> Result<(Value, bool)> {
    let bar = console.phase(format!("{}: simulating {} cycles", simulator.name(), bench.manifest.cycles));
    let answered = runner.run_and_listen(compare);
    bar.finish_and_clear();
    let (verdict, warnings) = answered?;
    for warning in &warnings {
        console.warn(&format!("warning: {}: {warning}", simulator.name()));
    }
    if !console.is_json() {
        console.answer(&describe(simulator, &verdict, compare, bench))?;
    }
    let passed = verdict.passed();
    Ok((
        json!({ "simulator": simulator.name(), "values_per_cycle": bench.values_per_cycle,
            "values_per_output": bench.values_per_output, "changed_files": bench.changed, "cached_build": runner.cached(),
            "warnings": warnings, "verdict": verdict }),
        passed,
    ))
}

/// Where the testbench gives up.
const MOST_MISMATCHES: usize = 10;

/// The verdict in a person's words; the first mismatch first.
fn describe(simulator: Simulator, verdict: &Verdict, compare: Compare, bench: &Bench) -> String {
    let name = simulator.name();
    let by_beats = compare == Compare::Beats;
    match verdict {
        Verdict::Pass { compared, .. } if by_beats => {
            format!("{name}: PASS, {compared} transactions compared\n")
        }
        Verdict::Pass { compared, values: every } => {
            let each = bench.values_per_cycle;
            let output = match bench.values_per_output {
                0 => String::new(),
                _ => format!(", out.data in {} with an output", bench.manifest.records("beats_out.hex")),
            };
            format!(
                "{name}: PASS, {compared} cycles compared, {each} values in each{output}: {every}, 0 mismatches\n"
            )
        }
        Verdict::Fail { reason, detail, mismatches } => {
            let mut text = format!("{name}: FAIL, {reason} ({detail})\n");
            if mismatches.len() >= MOST_MISMATCHES {
                text.push_str("  that many are looked for: there may be more\n");
            }
            for (index, mismatch) in mismatches.iter().enumerate() {
                let which = if index == 0 { "first: " } else { "       " };
                text.push_str(&format!("  {which}{}\n", mismatch.describe(&bench.manifest, by_beats)));
            }
            if !by_beats && bench.is_foreign() && mismatches.iter().any(|m| m.signal == "out.valid") {
                text.push_str(
                    "  outputs come in other cycles: where that is only this RTL's latency, --compare beats compares them in order\n",
                );
            }
            text
        }
    }
}

fn self_test(simulator: Simulator, runner: &Runner<'_>, console: &Console) -> Result<(Value, bool)> {
    let bar = console.phase(String::new());
    let name = simulator.name();
    let outcomes = cosim::selftest(runner, &|trial| bar.set_message(format!("{name}: self-test, {trial}")));
    bar.finish_and_clear();
    let outcomes = outcomes?;
    let right = outcomes.iter().filter(|o| o.right).count();
    if !console.is_json() {
        let head =
            format!("{}: self-test, {right} of {} as they must be\n", simulator.name(), outcomes.len());
        console.answer(&outcomes.iter().map(describe_trial).fold(head, |text, line| text + &line))?;
    }
    let passed = right == outcomes.len();
    Ok((json!({ "simulator": simulator.name(), "selftest": outcomes }), passed))
}

fn describe_trial(outcome: &Outcome) -> String {
    let said = match &outcome.verdict {
        Verdict::Pass { compared, .. } => format!("PASS n={compared}"),
        Verdict::Fail { reason, detail, .. } => format!("FAIL {reason} ({detail})"),
    };
    let judged = if outcome.right { "right" } else { "WRONG" };
    format!("  {judged}: {}: {said}; wanted {}\n", outcome.corruption, outcome.wanted)
}
