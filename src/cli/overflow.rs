//! `goldpath overflow`: where accumulators overflow, and whether it matters.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::args::{OverflowArgs, Upstream as UpstreamArgument};
use super::feeds::Given;
use super::model::{self, Model};
use super::product::ProductFiles;
use super::{Console, Status, design_file, output};
use crate::design::Design;
use crate::error::{Error, Kind, Result, shown_json};
use crate::files::OutputFolder;
use crate::functional::operators::Designed;
use crate::import::npy::read_npy;
use crate::overflow::{self, Findings, InputEntry, Options, Upstream};
use crate::report::overflow_lead;
use crate::wave;

/// Products that corrections may cost in all, unless a cap was asked for: a few seconds of a laptop. A count, not a time,
/// so that the answer is the same on every machine.
const DECISIVE_MACS: u64 = 24 << 30;

pub fn run(args: &OverflowArgs, console: &Console) -> Result<Status> {
    let folder = place(args)?;
    let mut findings = match (&args.design, given(args).is_nothing(), &args.activations, &args.weights) {
        (Some(design), false, ..) => network(args, design, console)?,
        (_, _, Some(activations), Some(weights)) => product(args, activations, weights)?,
        // clap asks for one of the two, each complete.
        _ => {
            let message = "give --design and --input or --tensors, or --activations and --weights";
            return Err(Error::new(Kind::Usage, message));
        }
    };
    findings.report.inputs = inputs(args)?;
    findings.set_overrides(&args.overrides.set.iter().cloned().collect());
    write(args, &folder, &mut findings)?;
    output::note(console, folder.commit()?);
    if let (Some(least), Some(most)) = (findings.cut_short.values().min(), findings.cut_short.values().max())
    {
        let each = if least == most { least.to_string() } else { format!("{least} to {most}") };
        console.note(&format!(
            "note: of {} layers only {each} wrong outputs were corrected one by one, to end within seconds; the others are \
             unevaluated: --decisive-cap N corrects up to N a layer",
            findings.cut_short.len()
        ));
    }
    if console.is_json() {
        console.answer_json(&findings.report)?;
    } else {
        console.answer(&findings.report.text())?;
        console.answer(&output::page(&overflow_lead(&findings.report), &args.out))?;
    }
    Ok(Status::Done)
}

/// Where the answer is to be, which is refused before anything is computed.
fn place(args: &OverflowArgs) -> Result<OutputFolder> {
    let design = args.design.as_deref().unwrap_or(&args.subject);
    let options = [
        &args.input,
        &args.tensors,
        &args.labels,
        &args.activations,
        &args.weights,
        &args.bias,
        &args.params,
    ]
    .map(Option::as_ref);
    let read = [&[Some(&args.subject)], &options[..]].concat();
    OutputFolder::results(&args.out, "overflow", &output::borrowed(&output::inputs(Some(design), &read)))
}

fn design(path: &Path, args: &OverflowArgs) -> Result<Arc<Design>> {
    let design = design_file::load_path(path, &args.overrides)?;
    Ok(Arc::new(design.with_bias_in(design_file::biases(args.bias_in))?))
}

fn given(args: &OverflowArgs) -> Given<'_> {
    Given { input: args.input.as_deref(), tensors: args.tensors.as_deref() }
}

fn network(args: &OverflowArgs, path: &Path, console: &Console) -> Result<Findings> {
    let designed = Designed::new(design(path, args)?);
    let (upstream, through) = match args.upstream {
        UpstreamArgument::Design => (Upstream::Design, Some("with --upstream design, layers run through it")),
        UpstreamArgument::Exact => (Upstream::Exact, None),
    };
    let Model { network, qdq, .. } = model::read_followed(&args.subject, model::form(args.qdq, through)?)?;
    let x = given(args).read(&network, console)?;
    super::feeds::note_cut(&network, &x, args.labels.is_some(), console)?;
    let labels = args.labels.as_deref().map(labels).transpose()?;
    let options = Options {
        layers: args.layer.clone(),
        batch: args.batch,
        decisive_cap: args.decisive_cap.unwrap_or(Options::default().decisive_cap),
        decisive_macs: args.decisive_cap.is_none().then_some(DECISIVE_MACS),
        upstream,
    };
    let bar = console.progress(network.nodes.len() as u64, "nodes");
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let findings = overflow::network(&network, &x, labels.as_deref(), &designed, &options, &progress);
    bar.finish_and_clear();
    let mut findings = findings?;
    findings.report.qdq = qdq.map(|form| form.name().to_owned());
    Ok(findings)
}

fn labels(path: &Path) -> Result<Vec<i64>> {
    let tensor = read_npy(path)?;
    if tensor.shape().len() != 1 {
        let message = format!("labels of shape [images] are needed, not {:?}", tensor.shape());
        return Err(Error::new(Kind::Value, message).in_file(path));
    }
    Ok(tensor.to_i64().map_err(|e| e.in_file(path))?.into_iter().collect())
}

fn product(args: &OverflowArgs, activations: &Path, weights: &Path) -> Result<Findings> {
    let design = design(&args.subject, args)?;
    let (bias, params) = (args.bias.as_deref(), args.params.as_deref());
    let program = ProductFiles { activations, weights, bias, params }.program(&design)?;
    overflow::product(&program)
}

/// Name and SHA-256 of every file but the design, which has a hash of its own.
fn inputs(args: &OverflowArgs) -> Result<BTreeMap<String, InputEntry>> {
    let model = args.design.as_ref().map(|_| &args.subject);
    let files = [
        ("model", model),
        ("input", args.input.as_ref()),
        ("tensors", args.tensors.as_ref()),
        ("labels", args.labels.as_ref()),
        ("activations", args.activations.as_ref()),
        ("weights", args.weights.as_ref()),
        ("bias", args.bias.as_ref()),
        ("params", args.params.as_ref()),
    ];
    let named = files.into_iter().filter_map(|(role, path)| Some((role, path?.as_path())));
    let hashes = super::vectors::hashes(named)?;
    let entry =
        |file: crate::vectors::manifest::InputFile| InputEntry { name: file.name, sha256: file.sha256 };
    Ok(hashes.into_iter().map(|(role, file)| (role, entry(file))).collect())
}

fn write(args: &OverflowArgs, folder: &OutputFolder, findings: &mut Findings) -> Result<()> {
    for (index, tables) in findings.tables.iter().enumerate() {
        let layer = &mut findings.report.layers[index];
        for node in layer.nodes.iter_mut().filter(|n| n.high + n.low > 0) {
            let Some(table) = tables.get(&node.node) else { continue };
            let file = table_name(index, &node.node);
            folder.write(&file, &wave::npy_int64(table.view().into_dyn()))?;
            node.table = Some(file);
            if node.node == "accumulator" {
                layer.table.clone_from(&node.table);
            }
        }
    }
    folder.write("report.json", json(&findings.report)?.as_bytes())?;
    folder.write("witness.json", json(&findings.witnesses)?.as_bytes())?;
    let design = design(args.design.as_deref().unwrap_or(&args.subject), args)?;
    folder.write("report.html", super::overflow_page::html(findings, &design)?.as_bytes())?;
    folder.write("report.txt", crate::error::shown_lines(&findings.report.text()).as_bytes())
}

/// `events_0.npy` for the accumulator of layer 0, `events_0_reduce.1.npy` for another node of it.
fn table_name(layer: usize, node: &str) -> String {
    match node {
        "accumulator" => format!("events_{layer}.npy"),
        node => format!("events_{layer}_{node}.npy"),
    }
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Kind::Io, "cannot write the report as JSON").because(e))?;
    Ok(shown_json(&text).into_owned() + "\n")
}
