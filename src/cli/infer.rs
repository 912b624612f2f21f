//! `goldpath infer`: a quantised model on a batch of inputs, every integer tensor written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

use ndarray_npy::WriteNpyExt;
use serde::Serialize;

use super::args::InferArgs;
use super::compare::{self, Compare, Compared};
use super::feeds::Given;
use super::model::{self, Model};
use super::{Console, Status, design_file, output};
use crate::error::{Error, Kind, Place, Result, shown_json};
use crate::files::OutputFolder;
use crate::functional::graph::{self, Feeds, Held, infer_written};
use crate::functional::operators::{Designed, LayerRule, Requantized};
use crate::network::{Coverage, Mac, MacState, Network, Qdq, for_tensor};

/// The longest file name made of a tensor's name, without number and extension.
const LONGEST_NAME: usize = 150;

/// `tensors.json`.
#[derive(Serialize)]
struct Index {
    tensors: Vec<Entry>,
    #[serde(flatten)]
    layers: Layers,
}

/// Which arithmetic the layers had.
#[derive(Serialize)]
struct Layers {
    /// Every multiply-accumulate operator of the model, each once, in evaluation order.
    macs: Vec<Mac>,
    /// What Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear computed: `written`, one float32 operator
    /// after the other, or `fused`, the integer layer they stand for; null when the model has none.
    qdq: Option<&'static str>,
    /// As written: every such layer, against the integer layer on the same input.
    integer_layers: Vec<Compared>,
    /// What ran on the design; null when none was asked for.
    on_design: Option<OnDesign>,
}

/// The layers whose arithmetic is a design's.
#[derive(Serialize)]
struct OnDesign {
    /// Or the requantisation scheme that each layer's own has.
    design: String,
    #[serde(skip)]
    is_scheme: bool,
    layers: Vec<String>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    file: String,
    dtype: &'static str,
    shape: Vec<usize>,
}

pub fn run(args: &InferArgs, console: &Console) -> Result<Status> {
    if args.design.is_none() && !args.overrides.set.is_empty() {
        return Err(Error::new(Kind::Usage, "there is no design to override")
            .at(Place::Option("--set".to_owned()))
            .help("name one with --design"));
    }
    let inputs = output::inputs(
        args.design.as_deref(),
        &[Some(&args.model), args.input.as_ref(), args.tensors.as_ref()],
    );
    let mut folder = OutputFolder::results(&args.out, "infer", &output::borrowed(&inputs))?;
    let through = match (&args.design, args.requant) {
        (Some(_), _) => Some("layers run through a design"),
        (None, Some(_)) => Some("layers are rescaled by a scheme"),
        (None, None) => None,
    };
    let Model { network, folded, qdq } = model::read(&args.model, model::form(args.qdq, through)?)?;
    let given = Given { input: args.input.as_deref(), tensors: args.tensors.as_deref() };
    let x = given.read(&network, console)?;
    let compare = Compare::default();
    let mut on_design = None;
    let (designed, requantized);
    let rule: &dyn LayerRule = match (&args.design, args.requant) {
        (None, None) => &compare,
        (None, Some(scheme)) => {
            on_design = Some(on(&network, scheme.name(), true)?);
            requantized = Requantized::new(scheme);
            &requantized
        }
        (Some(path), _) => {
            let design = design_file::load_path(path, &args.overrides)?;
            on_design = Some(on(&network, design.name.clone(), false)?);
            designed = Designed::new(Arc::new(design));
            &designed
        }
    };
    let mut macs = network.macs();
    let bar = console.progress(network.nodes.len() as u64, "nodes");
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let run = |write: &mut dyn FnMut(&str, &Arc<Held>) -> Result<()>| {
        // What constants alone make is there before anything runs.
        folded.into_iter().try_for_each(|(name, tensor)| write(&name, &Held::uncounted(tensor)))?;
        infer_written(&network, &x, rule, &progress, write)
    };
    let written = write_beside(&folder, run);
    bar.finish_and_clear();
    let (tensors, hashes) = written?;
    folder.hashed(hashes);
    if args.tensors.is_some() {
        did_not_run(&network, &x, &tensors, &mut macs, &mut on_design);
    }
    let integer_layers = compare.answer(&network);
    let qdq = qdq.map(Qdq::name);
    let index = Index { tensors, layers: Layers { macs, qdq, integer_layers, on_design } };
    write_index(&folder, &index)?;
    output::note(console, folder.commit()?);
    report(console, &network, &index)?;
    Ok(Status::Done)
}

/// All layers, on the design or under the scheme of that name.
fn on(network: &Network, design: String, is_scheme: bool) -> Result<OnDesign> {
    let on = OnDesign { design, is_scheme, layers: graph::layer_names(network) };
    if on.layers.is_empty() { Err(nothing_runs(network, &on.words())) } else { Ok(on) }
}

impl OnDesign {
    fn words(&self) -> String {
        let how = if self.is_scheme { "with scheme" } else { "on design" };
        format!("{how} {}", self.design)
    }
}

/// Layers that --tensors leaves nothing to do for, or nothing to read, did not run: not on a design, and not by the
/// framework's rules.
fn did_not_run(
    network: &Network,
    x: &Feeds,
    tensors: &[Entry],
    macs: &mut [Mac],
    on_design: &mut Option<OnDesign>,
) {
    let written: BTreeSet<&str> = tensors.iter().map(|entry| entry.name.as_str()).collect();
    let reached = graph::reached(network, x);
    // As written in float32, no integer tensor tells of it.
    let ran = network.nodes.iter().filter(|node| match graph::is_layer(&node.operator) {
        true => node.outputs.iter().flatten().any(|name| written.contains(name.as_str())),
        false => node.operator.is_float_mac() && reached.contains(node.name.as_str()),
    });
    let ran: BTreeSet<&str> = ran.map(|node| node.name.as_str()).collect();
    if let Some(on_design) = on_design {
        on_design.layers.retain(|name| ran.contains(name.as_str()));
    }
    for mac in
        macs.iter_mut().filter(|mac| mac.state == MacState::Integer && !ran.contains(mac.name.as_str()))
    {
        let why = "an integer layer that did not run here: what it feeds is given by --tensors";
        mac.reason.get_or_insert(why.to_owned());
    }
}

/// Tensors that wait to be written, at most: they hold memory.
const WAITING: usize = 2;

/// Runs `run`, and writes what it hands over beside it, in a thread of its own: the tensors, and the hashes of their files.
fn write_beside(
    folder: &OutputFolder,
    run: impl FnOnce(&mut dyn FnMut(&str, &Arc<Held>) -> Result<()>) -> Result<()>,
) -> Result<(Vec<Entry>, BTreeMap<String, String>)> {
    let (mut taken, mut entries) = (FileNames::default(), Vec::new());
    let (send, waiting) = mpsc::sync_channel::<(String, Arc<Held>)>(WAITING);
    let writer = folder.writer();
    let write = move || {
        let one = |(file, tensor): (String, Arc<Held>)| {
            let hash = writer.write(&file, |to| {
                for_tensor!(&**tensor, array => array.write_npy(to)).map_err(io::Error::other)
            })?;
            Ok((file, hash))
        };
        waiting.into_iter().map(one).collect::<Result<BTreeMap<String, String>>>()
    };
    thread::scope(|scope| {
        let writing = scope.spawn(write);
        let ran = run(&mut |name, tensor| {
            let file = taken.file_name(name);
            let (dtype, shape) = (tensor.dtype().name(), tensor.shape().to_vec());
            entries.push(Entry { name: name.to_owned(), file: file.clone(), dtype, shape });
            // The writer is only gone when it failed: then it says why.
            let gone = |_| Error::new(Kind::Io, "the tensors cannot be written");
            send.send((file, Arc::clone(tensor))).map_err(gone)
        });
        drop(send);
        let hashes = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        ran.map(|()| (entries, hashes))
    })
}

fn write_index(folder: &OutputFolder, index: &Index) -> Result<()> {
    let text = serde_json::to_string_pretty(index)
        .map_err(|e| Error::new(Kind::Io, "cannot write tensors.json").because(e))?;
    folder.write("tensors.json", (shown_json(&text).into_owned() + "\n").as_bytes())
}

/// The file names given so far, in lower case, each with the number from which on its stem may be free.
#[derive(Default)]
struct FileNames(BTreeMap<String, usize>);

impl FileNames {
    /// A name every file system takes, and that no other tensor has, whatever its case.
    fn file_name(&mut self, name: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let stem: String = name.chars().take(LONGEST_NAME).map(plain).collect();
        let stem = if stem.is_empty() || stem.starts_with(['.', '-']) { format!("_{stem}") } else { stem };
        let mut count = self.0.get(&stem.to_ascii_lowercase()).copied().unwrap_or(1);
        let free = loop {
            let free = if count == 1 { stem.clone() } else { format!("{stem}_{count}") };
            count += 1;
            if !self.0.contains_key(&free.to_ascii_lowercase()) {
                break free;
            }
        };
        self.0.insert(free.to_ascii_lowercase(), 1);
        // Whoever has the same stem next need not try what is taken.
        self.0.insert(stem.to_ascii_lowercase(), count);
        format!("{free}.npy")
    }
}

fn report(console: &Console, network: &Network, index: &Index) -> Result<()> {
    if console.is_json() {
        return console.answer_json(index);
    }
    let values: usize = index.tensors.iter().map(|t| t.shape.iter().product::<usize>()).sum();
    let mut text = format!(
        "{}: {} nodes, {} integer tensors, {values} values\n",
        network.source.display(),
        network.nodes.len(),
        index.tensors.len()
    );
    text.push_str(&layers_text(&index.layers));
    for tensor in &index.tensors {
        text.push_str(&format!("  {:<8} {:?} {}\n", tensor.dtype, tensor.shape, tensor.file));
    }
    console.answer(&text)
}

/// How many layers ran on what, and every one that is not an integer layer with its reason.
fn layers_text(layers: &Layers) -> String {
    let names: Vec<&str> = layers
        .macs
        .iter()
        .filter(|m| m.state == MacState::Integer && m.reason.is_none())
        .map(|m| m.name.as_str())
        .collect();
    let by = match &layers.on_design {
        Some(on) => on.words(),
        None => match layers.qdq {
            Some("written") => "by the framework's rules, QDQ layers as written in float32".to_owned(),
            Some(_) => "by the framework's rules, QDQ layers fused into integer layers".to_owned(),
            None => "as integer layers, by the framework's rules".to_owned(),
        },
    };
    let mut text = format!("{} of {} MACs ran {by}: {}\n", names.len(), layers.macs.len(), names.join(", "));
    text.push_str(&compare::text(&layers.integer_layers));
    for mac in layers.macs.iter().filter(|mac| mac.state != MacState::Integer || mac.reason.is_some()) {
        let reason = mac.reason.as_deref().unwrap_or_default();
        text.push_str(&format!("  {} ({}): {reason}\n", mac.name, mac.kind));
    }
    text
}

/// A design was asked for, and not one layer would have been its own.
fn nothing_runs(network: &Network, how: &str) -> Error {
    let macs = network.macs();
    let told = Coverage::new(&macs, &|_| false).text(&macs);
    let message = format!("no layer runs {how}: 0 of {} MACs are integer layers", macs.len());
    let error = Error::new(Kind::Value, message).in_file(&network.source);
    if told.is_empty() { error } else { error.help(told.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_distinct_plain_files() {
        let mut taken = FileNames::default();
        let mut file = |name: &str| taken.file_name(name);
        assert_eq!(file("/layer/conv1:0"), "_layer_conv1_0.npy");
        assert_eq!(file("_layer_conv1_0"), "_layer_conv1_0_2.npy");
        assert_eq!(file("A"), "A.npy");
        assert_eq!(file("a"), "a_2.npy");
        assert_eq!(file("../x"), "_.._x.npy");
        assert_eq!(file(""), "_.npy");
        assert!(file(&"x".repeat(4000)).len() < 200);
    }

    #[test]
    fn names_that_clean_to_the_same_stem_cost_one_step_each() {
        let mut taken = FileNames::default();
        let names: std::collections::BTreeSet<String> =
            (0..200_000).map(|_| taken.file_name("a:b")).collect();
        assert_eq!(names.len(), 200_000);
    }
}
