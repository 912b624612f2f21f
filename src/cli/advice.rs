//! What to override when codes, zero points or parameters do not fit a design: tried before it is said.
//!
//! The one place that all commands take such advice from. An answer is a set of overrides under which the same
//! work was really lowered onto the design; where there is none, that is said.

mod trials;

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayD;

use super::args::{BiasIn, Command, DesignArgs, OutputFormat, Overrides};
use super::feeds::Given;
use super::product::ProductFiles;
use super::{Console, design_file, feeds};
use crate::bounds::Summary;
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::functional::graph::{Feeds, infer, parts, probe, survey};
use crate::functional::operators::{Designed, Framework, LayerRule};
use crate::lower::Program;
use crate::network::{Layer, Network, Qdq, Tensor};
pub(super) use trials::{
    MOST_STEPS, Settings, Tried, candidates, wider_levels, wider_output, wider_parameter,
};

/// The work of a command that meets a design, as typed.
struct Question<'a> {
    design: &'a Path,
    overrides: &'a Overrides,
    bias_in: Option<BiasIn>,
    work: Work<'a>,
}

enum Work<'a> {
    Product { files: ProductFiles<'a>, weights_only: bool },
    Model { model: &'a Path, given: Given<'a>, layer: Option<&'a str>, purpose: Purpose },
}

/// What a command does with a model's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// `check`: proves bounds of those that the design can run.
    Proves,
    /// `overflow` and `vectors`: looks at those that it can.
    Looks,
    /// `sweep`: needs all, the sums inside float layers too.
    NeedsAll,
    /// `infer`: needs all integer layers.
    NeedsIntegers,
}

impl Purpose {
    fn is_whole(self) -> bool {
        matches!(self, Purpose::NeedsAll | Purpose::NeedsIntegers)
    }
}

/// `error` of `command` with the overrides that would help, if they are what is missing.
pub fn add(error: Error, command: &Command) -> Error {
    // No setting of the operands takes a memory away, or the steps of products.
    let stays = matches!(&error.place, Place::Signal(node) if node == "memory" || node == "product.steps");
    if !matches!(error.kind, Kind::Value | Kind::Unsupported) || stays {
        return error;
    }
    match question(command).and_then(|question| question.answer()) {
        Some(advice) => error.help(advice),
        None => error,
    }
}

/// Says which overrides would let further layers run, where a command has left some out.
pub fn note(command: &Command, console: &Console) {
    let leaves_out = matches!(command, Command::Check(_) | Command::Overflow(_));
    if let Some(advice) = question(command).filter(|_| leaves_out).and_then(|question| question.answer()) {
        console.note(&format!("note: {advice}"));
    }
}

fn product<'a>(
    activations: &'a Path,
    weights: &'a Path,
    bias: &'a Option<PathBuf>,
    params: &'a Option<PathBuf>,
) -> Work<'a> {
    let (bias, params) = (bias.as_deref(), params.as_deref());
    Work::Product { files: ProductFiles { activations, weights, bias, params }, weights_only: false }
}

fn given<'a>(input: &'a Option<PathBuf>, tensors: &'a Option<PathBuf>) -> Given<'a> {
    Given { input: input.as_deref(), tensors: tensors.as_deref() }
}

fn of<'a>(design: &'a DesignArgs, work: Work<'a>) -> Question<'a> {
    Question { design: &design.design, overrides: &design.overrides, bias_in: None, work }
}

fn question(command: &Command) -> Option<Question<'_>> {
    Some(match command {
        Command::Check(args) => {
            let b = &args.bounds;
            let work = match (&b.model, &b.weights) {
                (Some(model), _) => {
                    let (given, layer) = (given(&b.input, &b.tensors), b.layer.as_deref());
                    Work::Model { model, given, layer, purpose: Purpose::Proves }
                }
                (None, Some(weights)) => {
                    let activations = b.activations.as_deref().unwrap_or(weights);
                    let (bias, params) = (b.bias.as_deref(), b.params.as_deref());
                    let files = ProductFiles { activations, weights, bias, params };
                    Work::Product { files, weights_only: b.activations.is_none() }
                }
                (None, None) => return None,
            };
            of(&args.design, work)
        }
        Command::Run(args) => {
            let work = product(args.activations.as_path(), args.weights.as_path(), &args.bias, &args.params);
            Question { bias_in: args.bias_in, ..of(&args.design, work) }
        }
        Command::Infer(args) => {
            let (model, given) = (args.model.as_path(), given(&args.input, &args.tensors));
            let work = Work::Model { model, given, layer: None, purpose: Purpose::NeedsIntegers };
            Question { design: args.design.as_deref()?, overrides: &args.overrides, bias_in: None, work }
        }
        Command::Overflow(args) => match (&args.design, &args.activations, &args.weights) {
            (Some(design), ..) => {
                let (model, given) = (args.subject.as_path(), given(&args.input, &args.tensors));
                let work = Work::Model { model, given, layer: None, purpose: Purpose::Looks };
                Question { design, overrides: &args.overrides, bias_in: args.bias_in, work }
            }
            (_, Some(activations), Some(weights)) => {
                let work = product(activations.as_path(), weights.as_path(), &args.bias, &args.params);
                Question { design: &args.subject, overrides: &args.overrides, bias_in: args.bias_in, work }
            }
            _ => return None,
        },
        Command::Sweep(args) => {
            let work = Work::Model {
                model: args.model.as_deref()?,
                given: given(&args.input, &args.tensors),
                layer: None,
                purpose: Purpose::NeedsAll,
            };
            let (design, bias_in) = (args.design.as_deref()?, args.bias_in);
            Question { design, overrides: &args.overrides, bias_in, work }
        }
        Command::Vectors(args) => {
            let work = match (&args.activations, &args.weights, &args.model) {
                (Some(activations), Some(weights), _) => {
                    product(activations.as_path(), weights.as_path(), &args.bias, &args.params)
                }
                (_, _, Some(model)) => {
                    let (given, layer) = (given(&args.input, &args.tensors), args.layer.as_deref());
                    Work::Model { model, given, layer, purpose: Purpose::Looks }
                }
                _ => return None,
            };
            Question { bias_in: args.bias_in, ..of(&args.design, work) }
        }
        _ => return None,
    })
}

/// What is tried on every candidate.
enum Bench<'a> {
    Product {
        files: &'a ProductFiles<'a>,
        weights_only: bool,
    },
    /// Layers with the codes that reach them on the first image.
    Layers {
        network: Box<Network>,
        x: Feeds,
        layers: Vec<(Layer, ArrayD<i32>)>,
        purpose: Purpose,
    },
}

impl Question<'_> {
    /// The overrides under which more of the work runs, in words; `None` when all of it runs as it is.
    fn answer(&self) -> Option<String> {
        let bench = self.bench().ok()?;
        let read = |overrides: &Overrides| {
            let design = design_file::load_path(self.design, overrides).ok()?;
            design.with_bias_in(design_file::biases(self.bias_in)).ok().map(Arc::new)
        };
        let design = read(self.overrides)?;
        let (now, reason) = bench.runs(&design, Codes::AsTheyAre);
        let reason = reason?;
        let mut best: Option<(usize, Settings, Arc<Design>)> = None;
        // What is still in the way of the most layers that ran.
        let mut farthest = (now, told(&reason));
        let load = |settings: &Settings| {
            let set = self.overrides.set.iter().chain(settings).cloned().collect();
            read(&Overrides { set })
        };
        // What a parameter that is too narrow stops is tried again behind all others, that parameter widened.
        let mut waiting: VecDeque<(Settings, Option<Arc<Design>>, usize)> =
            candidates(&design).into_iter().map(|settings| (settings, None, 0)).collect();
        while let Some((mut settings, wider, steps)) = waiting.pop_front() {
            let found = wider.or_else(|| load(&settings)).or_else(|| {
                settings.extend(wider_levels(&design, &settings));
                load(&settings)
            });
            let Some(design) = found else { continue };
            let (runs, stops) = bench.runs(&design, Codes::OfTheirType);
            let wider = stops.as_ref().filter(|_| steps < MOST_STEPS && runs >= farthest.0);
            if let Some((settings, design)) =
                wider.and_then(|stop| wider_parameter(&design, &settings, stop, &load))
            {
                waiting.push_back((settings, Some(design), steps + 1));
            }
            if let Some(stops) = stops.filter(|_| runs > farthest.0) {
                farthest = (runs, told(&stops));
            }
            let enough = if bench.must_run_all() { runs == bench.all() } else { runs > now };
            if enough && best.as_ref().is_none_or(|(most, ..)| runs > *most) && bench.ends(&design) {
                best = Some((runs, settings, design));
            }
            if best.as_ref().is_some_and(|(most, ..)| *most == bench.all()) {
                break;
            }
        }
        match best {
            Some((runs, settings, design)) => {
                Some(words(&bench, runs, &settings, &design, &self.post_line()))
            }
            None if !is_about_operands(&reason) => None,
            None => {
                let at_most = match farthest.0 > now {
                    true => format!("at most {} of {} layers run, and then ", farthest.0, bench.all()),
                    false => String::new(),
                };
                Some(format!(
                    "no width, sign, recode or offset of the design's operands, with outputs and reduction levels to \
                     match, lets it run this: {at_most}{}",
                    farthest.1
                ))
            }
        }
    }

    fn bench(&self) -> Result<Bench<'_>> {
        match &self.work {
            Work::Product { files, weights_only } => {
                Ok(Bench::Product { files, weights_only: *weights_only })
            }
            Work::Model { model, given, layer, purpose } => {
                let network = Box::new(match purpose {
                    Purpose::NeedsIntegers => super::model::read(model, Qdq::Fused)?.network,
                    _ => super::model::read_followed(model, Qdq::Fused)?.network,
                });
                let x = match given.is_nothing() {
                    true => feeds::zeros(&network)?,
                    false => given.read(&network, &Console::new(OutputFormat::Text, true))?,
                };
                let x = parts(&network, &x, 1)?.into_iter().next();
                let x = x.ok_or_else(|| Error::new(Kind::Value, "the input holds no image"))?;
                let seen = Seen { made_up: given.is_nothing(), ..Seen::default() };
                survey(&network, &x, &seen, &|_, _| {})?;
                if given.is_nothing() {
                    let reached = seen.names();
                    probe(&network, &|name| !reached.contains(name), &seen);
                }
                let mut layers = seen.layers.into_inner().unwrap_or_else(PoisonError::into_inner);
                layers.retain(|(found, _)| layer.is_none_or(|wanted| wanted == found.name));
                Ok(Bench::Layers { network, x, layers, purpose: *purpose })
            }
        }
    }

    /// The line of the design's file that names a preset, if it is one line.
    fn post_line(&self) -> Option<String> {
        let file =
            if self.design.is_dir() { self.design.join("design.toml") } else { self.design.to_owned() };
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().find(|line| line.starts_with("post = {") && line.ends_with('}')).map(String::from)
    }
}

/// Where and what, without what to do.
fn told(error: &Error) -> String {
    match error.place.to_string() {
        place if place.is_empty() => error.message.clone(),
        place => format!("{place}: {}", error.message),
    }
}

/// Whether codes, zero points or parameters do not fit, rather than shapes or files.
pub(super) fn is_about_operands(reason: &Error) -> bool {
    let words =
        [" operand", ", outside ", "which the design limits", "zero point", "channels need different"];
    let is_deep = reason.message.starts_with("K is ");
    reason.kind != Kind::Limit && !is_deep && words.iter().any(|word| reason.message.contains(word))
}

/// The layers, each once.
fn names(layers: &[(Layer, ArrayD<i32>)]) -> BTreeSet<&str> {
    layers.iter().map(|(layer, _)| layer.name.as_str()).collect()
}

impl Bench<'_> {
    fn all(&self) -> usize {
        match self {
            Bench::Product { .. } => 1,
            Bench::Layers { layers, .. } => names(layers).len(),
        }
    }

    fn must_run_all(&self) -> bool {
        match self {
            Bench::Product { .. } => true,
            Bench::Layers { purpose, .. } => purpose.is_whole(),
        }
    }

    /// How many layers the design can run, and why not the first other one.
    fn runs(&self, design: &Arc<Design>, codes: Codes) -> (usize, Option<Error>) {
        let results: Vec<Result<()>> = match self {
            Bench::Product { files, weights_only: true } => vec![files.weights_only(design).map(drop)],
            Bench::Product { files, .. } => vec![files.program(design).map(drop)],
            Bench::Layers { network, layers, purpose, .. } => {
                let proves = *purpose == Purpose::Proves;
                let computed = network.computed_layers();
                let run = |(layer, x): &(Layer, ArrayD<i32>)| {
                    let program = Program::layer(design.clone(), layer, &codes.of(layer, x))?;
                    let computed = computed.get(layer.name.as_str()).copied().unwrap_or_default();
                    // As `check` goes on, over every value that the network may compute.
                    if proves && computed.any() {
                        Summary::of_computed(&program, layer, computed)?;
                    }
                    Ok(())
                };
                layers.iter().map(run).collect()
            }
        };
        // A layer may have several products: it runs when all of them do.
        let runs = match self {
            Bench::Product { .. } => usize::from(results.iter().all(Result::is_ok)),
            Bench::Layers { layers, .. } => {
                let stopped = layers.iter().zip(&results).filter(|(_, result)| result.is_err());
                let stopped: BTreeSet<&str> = stopped.map(|((layer, _), _)| layer.name.as_str()).collect();
                names(layers).len() - stopped.len()
            }
        };
        (runs, results.into_iter().find_map(Result::err))
    }

    /// Whether a whole network ends on the design, too: what one layer writes must fit the next.
    fn ends(&self, design: &Arc<Design>) -> bool {
        match self {
            Bench::Layers { network, x, purpose, .. } if purpose.is_whole() => {
                infer(network, x, &Designed::new(design.clone())).is_ok()
            }
            _ => true,
        }
    }
}

/// Codes that a layer is tried on: those of the first image, or, since there are others, with the ends of their type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    AsTheyAre,
    OfTheirType,
}

impl Codes {
    pub fn of<'a>(self, layer: &Layer, x: &'a ArrayD<i32>) -> Cow<'a, ArrayD<i32>> {
        let ends = layer.input_carrier.dtype.format().map(|all| [all.min(), all.max()]);
        let Some(ends) = ends.filter(|_| self == Codes::OfTheirType) else { return Cow::Borrowed(x) };
        let ends = ends.into_iter().filter_map(|end| i32::try_from(end).ok());
        let mut x = x.clone();
        x.iter_mut().zip(ends).for_each(|(code, end)| *code = end);
        Cow::Owned(x)
    }
}

/// The framework's answer, and what it was asked.
#[derive(Default)]
struct Seen {
    layers: Mutex<Vec<(Layer, ArrayD<i32>)>>,
    /// The input is made up: what cannot be computed on it proves nothing.
    made_up: bool,
}

impl Seen {
    fn names(&self) -> BTreeSet<String> {
        let seen = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().map(|(layer, _)| layer.name.clone()).collect()
    }
}

impl LayerRule for Seen {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let mut seen = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push((layer.clone(), x.to_i32()?));
        drop(seen);
        Framework.run(layer, x)
    }

    fn stopped(&self, why: Error) -> Result<()> {
        if self.made_up { Ok(()) } else { Err(why) }
    }
}

fn words(
    bench: &Bench<'_>,
    runs: usize,
    settings: &Settings,
    design: &Design,
    post: &Option<String>,
) -> String {
    let typed: Vec<String> = settings.iter().map(|(key, value)| format!("--set '{key}={value}'")).collect();
    let toml = design.to_toml();
    let sides = ["activation", "weight"].into_iter().filter(|side| {
        let prefix = format!("operands.{side}.");
        settings.iter().any(|(key, _)| key.starts_with(&prefix))
    });
    let lines = sides.filter_map(|side| toml.lines().find(|line| line.starts_with(&format!("{side} = "))));
    let mut file: Vec<String> = Vec::new();
    if let Some((_, format)) = settings.iter().find(|(key, _)| key == "post.format") {
        file.push(with_format(post.as_deref().unwrap_or("post = { preset = … }"), format));
    }
    let operands: Vec<&str> = lines.collect();
    if !operands.is_empty() {
        file.push("[operands]".to_owned());
        file.extend(operands.into_iter().map(String::from));
    }
    if settings.iter().any(|(key, _)| key.starts_with("reduce.")) {
        let levels = toml.lines().skip_while(|line| *line != "[[reduce]]");
        let levels = levels.take_while(|line| !line.starts_with('[') || *line == "[[reduce]]");
        file.extend(levels.filter(|line| !line.is_empty()).map(String::from));
    }
    if settings.iter().any(|(key, _)| key.starts_with("post.") && key != "post.format") {
        let steps = toml.lines().skip_while(|line| *line != "[[post]]");
        let steps = steps.take_while(|line| !line.starts_with('[') || *line == "[[post]]");
        file.extend(steps.filter(|line| !line.is_empty()).map(String::from));
    }
    let parameters =
        settings.iter().filter_map(|(key, value)| Some((key.strip_prefix("parameters.")?, value)));
    let parameters: Vec<String> = parameters.map(|(name, value)| format!("{name} = {value}")).collect();
    if !parameters.is_empty() {
        file.push("[parameters]".to_owned());
        file.extend(parameters);
    }
    let all = bench.all();
    let what = match bench {
        Bench::Product { .. } => "this runs".to_string(),
        Bench::Layers { .. } if all == 1 => "the layer runs".to_string(),
        Bench::Layers { .. } if runs == all => format!("all {all} layers run"),
        Bench::Layers { .. } => format!("{runs} of {all} layers run"),
    };
    format!(
        "{what} with\n      {}\n    or with these lines in the design's file, in place of its own:\n      {}",
        typed.join(" "),
        file.join("\n      ")
    )
}

/// A line that names a preset, its output's format set.
fn with_format(line: &str, format: &str) -> String {
    match line.split_once("format = \"") {
        Some((before, rest)) => {
            let behind = rest.split_once('"').map_or("", |(_, behind)| behind);
            format!("{before}format = {format}{behind}")
        }
        None => format!("{}, format = {format} }}", line.trim_end_matches('}').trim_end()),
    }
}
