//! `goldpath vectors`: writes a golden bundle.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::args::{Case as CaseArgument, DesignArgs, Gaps as GapsArgument, Strength, Upstream, VectorsArgs};
use super::design_file;
use super::feeds::Given;
use super::model::{self, Model};
use super::product::ProductFiles;
use super::{Console, Status, output, witness};
use crate::design::Design;
use crate::error::{Error, Kind, Result};
use crate::functional::graph;
use crate::functional::operators::{Designed, Framework, WherePossible};
use crate::lower::{Outcome, Program};
use crate::neighbours::Score;
use crate::report::score_text;
use crate::simulate::{Gaps, resting};
use crate::strength::directed::{Form, directed};
use crate::strength::{Judge, score_of};
use crate::vectors::case::{self, Case};
use crate::vectors::manifest::InputFile;
use crate::vectors::{BundleWriter, Found, GapsEntry, Provenance, sha256};
use crate::{functional, simulate};

pub fn run(args: &VectorsArgs, console: &Console) -> Result<Status> {
    if let Some(name) = &args.witness {
        return witness::run(args, name, console);
    }
    let read =
        [&args.activations, &args.weights, &args.bias, &args.params, &args.model, &args.input, &args.tensors];
    let inputs = output::inputs(Some(&args.design.design), &read.map(Option::as_ref));
    let place = BundleWriter::place(&args.out, &output::borrowed(&inputs))?;
    let design = Arc::new(design_file::load_with(&args.design, args.bias_in)?);
    let (program, mut provenance) = source(args, &design, console)?;
    provenance.bias = design.bias_words();
    provenance.overrides = changed_keys(&args.design, &design);
    let mut writer = BundleWriter::within(place, program.clone());
    let gaps = gaps(args);
    let bar = console.progress(simulate::Timing::with(&program, gaps).total_cycles(), "cycles");
    let advance = |cycle| bar.set_position(cycle);
    let options = simulate::Options { counts: true, progress: Some(&advance), gaps };
    let run = simulate::run(&program, options, &mut [&mut writer]);
    bar.finish_and_clear();
    let run = run?;
    let events = run.outcome.counts.as_ref().map_or_else(Vec::new, |c| c.nodes.clone());
    let strength = strength(args, &program, &run.outcome);
    let gaps = gaps_entry(gaps, &program);
    let found = Found { events: Some(&events), strength: strength.as_ref(), gaps: gaps.as_ref() };
    output::note(console, writer.publish(&provenance, found)?);
    report(args, console, &program, &provenance, run.cycles, found)?;
    Ok(Status::Done)
}

/// How the host rests: as told, else only in cases that are directed at mistakes.
pub(super) fn gaps(args: &VectorsArgs) -> Gaps {
    let directed =
        matches!(args.case, Some(CaseArgument::Directed | CaseArgument::Single | CaseArgument::Numbers));
    match args.gaps {
        Some(GapsArgument::None) => Gaps::none(),
        None if !directed => Gaps::none(),
        Some(GapsArgument::Mixed) | None => Gaps::mixed(args.seed),
    }
}

/// The same in the manifest's words.
pub(super) fn gaps_entry(gaps: Gaps, program: &Program) -> Option<GapsEntry> {
    let (seed, rests) = gaps.seed().zip(gaps.rests(program))?;
    Some(GapsEntry {
        seed,
        first_tile: resting(program),
        before_tile: rests.lead,
        after_clear: (program.design.time().clears > 0).then_some(rests.settle),
        before_beat: rests.before.to_vec(),
    })
}

/// What the program tells apart, unless nobody asks.
pub(super) fn strength(args: &VectorsArgs, program: &Program, outcome: &Outcome) -> Option<Score> {
    let judge = || Judge::with(program, Cow::Borrowed(outcome));
    (args.strength == Strength::Neighbours).then(|| score_of(program, &judge()))
}

pub(super) fn report(
    args: &VectorsArgs,
    console: &Console,
    program: &Program,
    provenance: &Provenance,
    cycles: u64,
    found: Found<'_>,
) -> Result<()> {
    let events = found.events.unwrap_or_default();
    let (high, low) = events.iter().find(|e| e.node == "accumulator").map_or((0, 0), |e| (e.high, e.low));
    let (out, design, shape) = (args.out.display().to_string(), &program.design, program.shape);
    if console.is_json() {
        return console.answer_json(&json!({
            "bundle": out,
            "design": design.name,
            "hash": design.hash,
            "source": provenance.source,
            "shape": { "images": shape.images, "groups": shape.groups, "m": shape.m, "k": shape.k, "n": shape.n },
            "cycles": cycles,
            "upstream": provenance.upstream,
            "qdq": provenance.qdq,
            "strength": found.strength,
            "gaps": found.gaps,
            "requantization": provenance.requantization,
            "bias": provenance.bias,
            "seed": provenance.seed,
            "overflow": { "high": high, "low": low },
            "events": events.iter().map(|e| (e.node.clone(), json!({ "high": e.high, "low": e.low })))
                .collect::<BTreeMap<_, _>>(),
        }));
    }
    // A sum loses as much at a reduction level; what post steps saturate is their own matter.
    let elsewhere: String = events
        .iter()
        .filter(|e| e.node != "accumulator" && !e.node.starts_with("post.") && e.high + e.low > 0)
        .map(|e| format!("; {}: {} high, {} low", e.node, e.high, e.low))
        .collect();
    let fed = match (&provenance.upstream, &provenance.qdq) {
        (None, _) => String::new(),
        (Some(upstream), None) => format!("  fed by {upstream} values upstream\n"),
        (Some(upstream), Some(qdq)) => format!("  fed by {upstream} values upstream, QDQ layers {qdq}\n"),
    };
    let made_up = provenance
        .requantization
        .as_ref()
        .map_or_else(String::new, |how| format!("  requantisation {how}\n"));
    let bias = provenance.bias.as_ref().map_or_else(String::new, |words| format!("  bias {words}\n"));
    let gaps = found.gaps.map_or("", |_| {
        "  gaps: every other tile waits now and then, up to 3 cycles in front of a beat (--gaps none: beat after beat)\n"
    });
    console.answer(&format!(
        "{out}: {} on {}, {} images, {} groups, M {}, K {}, N {}: {cycles} cycles; accumulator overflows: {high} high, {low} low{elsewhere}\n{fed}{made_up}{bias}{gaps}{}",
        provenance.source,
        design.name,
        shape.images,
        shape.groups,
        shape.m,
        shape.k,
        shape.n,
        found.strength.map(score_text).unwrap_or_default(),
    ))
}

/// The program, and where its numbers came from.
fn source(args: &VectorsArgs, design: &Arc<Design>, console: &Console) -> Result<(Program, Provenance)> {
    if let (Some(activations), Some(weights)) = (&args.activations, &args.weights) {
        return matrices(args, activations, weights, design);
    }
    if let (Some(model), Some(layer)) = (&args.model, &args.layer) {
        return real_layer(args, model, layer, design, console);
    }
    if let Some(case) = args.case {
        return made_up(case, args.shape, args.seed, design);
    }
    // clap asks for one of the three, each complete.
    Err(Error::new(
        Kind::Usage,
        "give --activations and --weights, or --model, --layer and --input or --tensors, or --case",
    ))
}

fn matrices(
    args: &VectorsArgs,
    activations: &Path,
    weights: &Path,
    design: &Arc<Design>,
) -> Result<(Program, Provenance)> {
    let (bias, params) = (args.bias.as_deref(), args.params.as_deref());
    let program = ProductFiles { activations, weights, bias, params }.program(design)?;
    let named =
        [("activations", Some(activations)), ("weights", Some(weights)), ("bias", bias), ("params", params)];
    let inputs = named.into_iter().filter_map(|(role, path)| Some((role, path?)));
    let source = "matrices".to_string();
    Ok((program, Provenance { source, inputs: hashes(inputs)?, ..Provenance::default() }))
}

/// A layer of a network, on the codes that reach it when the network runs.
fn real_layer(
    args: &VectorsArgs,
    model: &Path,
    layer: &str,
    design: &Arc<Design>,
    console: &Console,
) -> Result<(Program, Provenance)> {
    let through = match args.upstream {
        Upstream::Exact => None,
        Upstream::Design => Some("with --upstream design, layers run through it"),
    };
    let Model { network, qdq, .. } = model::read_followed(model, model::form(args.qdq, through)?)?;
    let given = Given { input: args.input.as_deref(), tensors: args.tensors.as_deref() };
    let mut x = given.read(&network, console)?;
    let images = args.images.clone().unwrap_or(0..graph::images(&network, &x)?);
    if args.images.is_some() {
        x = graph::take_images(&network, &x, images.clone())?;
    }
    let designed = Designed::new(Arc::clone(design));
    let (found, codes) = match args.upstream {
        Upstream::Exact => graph::layer(&network, layer, &x, &Framework)?,
        Upstream::Design => graph::layer(&network, layer, &x, &WherePossible(&designed))?,
    };
    let mut program = Program::layer(design.clone(), &found, &codes.to_i32()?)?;
    let mut requantization = None;
    if found.output.is_none() {
        let sums = functional::run(&program, false).accumulators;
        let made;
        (program, made) = case::requantized(program, &sums, args.seed);
        if !made.is_empty() {
            requantization = Some(format!("made up: the layer has none ({})", made.join(", ")));
        }
    }
    let read = [("model", Some(model)), ("input", given.input), ("tensors", given.tensors)];
    let provenance = Provenance {
        source: "layer".to_string(),
        inputs: hashes(read.into_iter().filter_map(|(role, path)| Some((role, path?))))?,
        layer: Some(layer.to_string()),
        images: Some([images.start, images.end]),
        upstream: Some(match args.upstream {
            Upstream::Exact => "exact".to_owned(),
            Upstream::Design => "design".to_owned(),
        }),
        qdq: qdq.map(|form| form.name().to_owned()),
        seed: requantization.is_some().then_some(args.seed),
        requantization,
        ..Provenance::default()
    };
    Ok((program, provenance))
}

fn made_up(
    case: CaseArgument,
    shape: Option<[usize; 3]>,
    seed: u64,
    design: &Arc<Design>,
) -> Result<(Program, Provenance)> {
    let plain = |case: Case| match shape {
        Some(shape) => {
            let program = case::make(design, case, shape, seed, &|program| functional::run(program, true))?;
            Ok((program, case.name()))
        }
        None => {
            let message = format!("--case {} needs --shape M,K,N", case.name());
            Err(Error::new(Kind::Usage, message).help("--case directed chooses its own shape"))
        }
    };
    let backwards = |form: Form| Ok::<_, Error>((directed(design, form, shape, seed)?, form.name()));
    let (program, source) = match case {
        CaseArgument::Random => plain(Case::Random)?,
        CaseArgument::Extreme => plain(Case::Extreme)?,
        CaseArgument::Saturating => plain(Case::Saturating)?,
        CaseArgument::Directed => backwards(Form::Whole)?,
        CaseArgument::Single => backwards(Form::Single)?,
        CaseArgument::Numbers => backwards(Form::Numbers)?,
    };
    let source = source.to_string();
    Ok((program, Provenance { source, seed: Some(seed), ..Provenance::default() }))
}

/// Name and SHA-256 of each input file; the folder it lay in is nobody's business.
pub(super) fn hashes<'a>(
    inputs: impl Iterator<Item = (&'a str, &'a Path)>,
) -> Result<BTreeMap<String, InputFile>> {
    let hash = |(role, path): (&str, &Path)| {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read this file", e))?;
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Ok((role.to_string(), InputFile { name, sha256: sha256(&bytes) }))
    };
    inputs.map(hash).collect()
}

/// The overrides that changed something: without one of them the design is another (or none at all).
pub(super) fn changed_keys(args: &DesignArgs, design: &Design) -> BTreeMap<String, String> {
    let matters = |key: &str| {
        let mut without = args.clone();
        without.overrides.set.retain(|(other, _)| other != key);
        !design_file::load(&without).is_ok_and(|other| other.hash == design.hash)
    };
    args.overrides.set.iter().filter(|(key, _)| matters(key)).cloned().collect()
}
