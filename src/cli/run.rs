//! `goldpath run`: one matrix product through a design.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{CountMode, Engine, KernelSet, RunArgs};
use super::design_file;
use super::output;
use super::product::ProductFiles;
use super::{Console, Status};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::files::OutputFolder;
use crate::functional::{Kernels, Options, Prepared, Share};
use crate::lower::{Counts, NodeEvents, Outcome, Program};
use crate::{simulate, wave};

/// What either engine answers.
struct Answer {
    outcome: Outcome,
    cycles: Option<u64>,
    first_cycle: Option<u64>,
    /// Of the functional engine: which routes computed how many channels, and with which instructions.
    routes: Option<(Vec<Share>, Kernels)>,
}

pub fn run(args: &RunArgs, console: &Console) -> Result<Status> {
    if args.engine == Engine::Functional && args.trace.is_some() {
        return Err(Error::new(Kind::Usage, "the functional engine has no cycles to trace")
            .at(Place::Option("--trace".to_string()))
            .help("use --engine cycle"));
    }
    if args.engine == Engine::Cycle && args.kernels.is_some() {
        return Err(Error::new(Kind::Usage, "the cycle engine has one form only")
            .at(Place::Option("--kernels".to_string()))
            .help("use --engine functional"));
    }
    let mut folder = place(args)?;
    let trace = args.trace.as_ref().map(|path| folder.trace(path)).transpose()?;
    let design = Arc::new(design_file::load_with(&args.design, args.bias_in)?);
    let program = files(args).program(&design)?;
    let counts = args.counts == CountMode::Exact;
    let answer = match args.engine {
        Engine::Functional => run_functional(&program, counts, kernels(args)?),
        Engine::Cycle => simulate_cycles(&program, trace.as_deref(), counts, console)?,
    };
    write(&folder, &design, &answer.outcome)?;
    output::note(console, folder.commit()?);
    report(console, &program, &answer)?;
    Ok(Status::Done)
}

/// Where the results are to be, which is refused before anything is computed.
fn place(args: &RunArgs) -> Result<OutputFolder> {
    let read = [Some(&args.activations), Some(&args.weights), args.bias.as_ref(), args.params.as_ref()];
    let inputs = output::inputs(Some(&args.design.design), &read);
    OutputFolder::results(&args.out, "run", &output::borrowed(&inputs))
}

/// The kernels that were asked for, which this machine must have.
fn kernels(args: &RunArgs) -> Result<Kernels> {
    let available = Kernels::available();
    let wanted = match args.kernels {
        None => return Ok(Kernels::best()),
        Some(KernelSet::Portable) => Kernels::Portable,
        Some(KernelSet::Avx2) => Kernels::Avx2,
        Some(KernelSet::Avx512) => Kernels::Avx512,
    };
    if available.contains(&wanted) {
        return Ok(wanted);
    }
    let names: Vec<_> = available.iter().map(|k| k.name()).collect();
    Err(Error::new(Kind::Unsupported, "this machine does not have these instructions")
        .at(Place::Option(format!("--kernels {}", wanted.name())))
        .help(format!("it has: {}", names.join(", "))))
}

fn run_functional(program: &Program, counts: bool, kernels: Kernels) -> Answer {
    let prepared = Prepared::new(program, Options { counts, kernels });
    let routes = Some((prepared.routes(), kernels));
    Answer { outcome: prepared.run(program), cycles: None, first_cycle: None, routes }
}

fn files(args: &RunArgs) -> ProductFiles<'_> {
    ProductFiles {
        activations: &args.activations,
        weights: &args.weights,
        bias: args.bias.as_deref(),
        params: args.params.as_deref(),
    }
}

fn simulate_cycles(
    program: &Program,
    trace: Option<&Path>,
    counts: bool,
    console: &Console,
) -> Result<Answer> {
    let bar = console.progress(simulate::Timing::new(program).total_cycles(), "cycles");
    let advance = |cycle| bar.set_position(cycle);
    let options = simulate::Options { counts, progress: Some(&advance), ..Default::default() };
    let run = match trace {
        None => simulate::run(program, options, &mut []),
        Some(path) => {
            let mut sink = wave::create(path)?;
            simulate::run(program, options, &mut [sink.as_mut()])
        }
    };
    bar.finish_and_clear();
    let simulate::Run { outcome, cycles, first_cycle } = run?;
    Ok(Answer { outcome, cycles: Some(cycles), first_cycle, routes: None })
}

fn write(folder: &OutputFolder, design: &Design, outcome: &Outcome) -> Result<()> {
    folder.write("acc.npy", &wave::npy_int64(outcome.accumulators.view().into_dyn()))?;
    folder.write("out.npy", &wave::npy_narrowest(outcome.outputs.view().into_dyn(), design.output()))?;
    if let Some(counts) = &outcome.counts {
        folder.write("overflow.npy", &wave::npy_int64(counts.accumulator.view().into_dyn()))?;
        let text = format!("{:#}\n", node_table(design, counts));
        folder.write("overflow.json", text.as_bytes())?;
    }
    Ok(())
}

/// Every node by id, in datapath order: how often a value entering it was too high, too low. Exact nodes never are.
fn node_table(design: &Design, counts: &Counts) -> Value {
    let exact = |id: &'static str| NodeEvents { node: id.to_string(), high: 0, low: 0 };
    let (post, front): (Vec<_>, Vec<_>) =
        counts.nodes.iter().cloned().partition(|n| n.node.starts_with("post."));
    let drain = design.array.drain.map(|_| exact("drain"));
    let nodes =
        ["activation", "weight", "product"].map(exact).into_iter().chain(front).chain(drain).chain(post);
    let table = nodes.map(|n| (n.node, json!({ "high": n.high, "low": n.low }))).collect();
    Value::Object(table)
}

fn report(console: &Console, program: &Program, answer: &Answer) -> Result<()> {
    let shape = program.shape;
    let counts = answer.outcome.counts.as_ref();
    let first = counts.and_then(|c| c.first.as_ref());
    if console.is_json() {
        let first = first.map(|e| {
            let side = if e.high { "high" } else { "low" };
            json!({ "node": e.node, "m": e.m, "n": e.n, "beat": e.beat, "side": side, "cycle": answer.first_cycle })
        });
        return console.answer_json(&json!({
            "design": program.design.name,
            "hash": program.design.hash,
            "shape": [shape.m, shape.k, shape.n],
            "bias": program.design.bias_words(),
            "cycles": answer.cycles,
            "routes": answer.routes.as_ref().map(|(shares, kernels)| {
                let channels: serde_json::Map<_, _> =
                    shares.iter().map(|s| (s.route.name().to_string(), json!(s.channels))).collect();
                json!({ "channels": channels, "kernels": kernels.name() })
            }),
            "overflow": counts.map(|counts| node_table(&program.design, counts)),
            "first": first,
        }));
    }
    let mut text = format!(
        "{}: Y[{m}, {n}] = A[{m}, {k}] · W[{k}, {n}]",
        program.design.name,
        m = shape.m,
        k = shape.k,
        n = shape.n
    );
    if let Some(cycles) = answer.cycles {
        text.push_str(&format!(", {cycles} cycles"));
    }
    if let Some((shares, kernels)) = &answer.routes {
        let shares: Vec<_> =
            shares.iter().map(|s| format!("{} {} channels", s.route.name(), s.channels)).collect();
        text.push_str(&format!("; {} ({})", shares.join(", "), kernels.name()));
    }
    text.push('\n');
    text.push_str(&program.design.bias_words().map_or(String::new(), |words| format!("bias {words}\n")));
    for node in counts.iter().flat_map(|c| &c.nodes).filter(|n| n.high + n.low > 0) {
        text.push_str(&format!("overflow at {}: {} high, {} low\n", node.node, node.high, node.low));
    }
    if let Some(event) = first {
        let side = if event.high { "high" } else { "low" };
        text.push_str(&format!("first: {side} at {}, output [{}, {}]", event.node, event.m, event.n));
        text.push_str(&event.beat.map_or(String::new(), |beat| format!(", beat {beat}")));
        text.push_str(&answer.first_cycle.map_or(String::new(), |cycle| format!(", cycle {cycle}")));
        text.push('\n');
    }
    console.answer(&text)
}
