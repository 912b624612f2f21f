//! What a sweep was asked, read and checked before anything is written.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::{Axis, CostBy, SweepArgs, split};
use super::pieces;
use super::synthesis::Twin;
use crate::cli::args::{BiasIn, Overrides};
use crate::cli::feeds::{Given, note_cut};
use crate::cli::{Console, design_file};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::explore::Candidates;
use crate::explore::answer::{self, InputDesign, InputFile, Plan};
use crate::functional::graph::{self, Feeds};
use crate::import::npy::read_npy;
use crate::network::{Network, Qdq};
use crate::vectors::sha256;

/// Everything that the pieces are computed from.
pub struct Ask<'a> {
    pub plan: Plan,
    pub network: Network,
    pub x: Feeds,
    pub labels: Option<Vec<i64>>,
    pub variants: Vec<Variant>,
    /// `--set`, as typed.
    pub set: Vec<(String, String)>,
    pub cost: CostBy,
    pub out: &'a Path,
    twin: Option<Twin>,
}

/// One combination of the varied keys.
pub struct Variant {
    settings: Vec<(String, String)>,
    /// The designs, or why this combination has none.
    pub candidates: Result<Candidates, String>,
}

impl Variant {
    /// Every override of a point, in the order in which they are applied.
    pub fn overrides(&self, set: &[(String, String)], width: u32, mode: &str) -> Vec<(String, String)> {
        let own = [("accumulator.width", width.to_string()), ("accumulator.overflow", mode.to_owned())];
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
        set.iter().chain(&self.settings).cloned().chain(own).collect()
    }
}

impl<'a> Ask<'a> {
    pub fn new(args: &'a SweepArgs, console: &Console) -> Result<Ask<'a>> {
        let (Some(model), Some(design), Some(out)) = (&args.model, &args.design, &args.out) else {
            return Err(Error::new(Kind::Usage, "give MODEL, --design, --input or --tensors, and --out"));
        };
        // Every candidate is a design, and what designs compute is the integer layer.
        let network = crate::cli::model::read_followed(model, Qdq::Fused)?.network;
        let given = Given { input: args.input.as_deref(), tensors: args.tensors.as_deref() };
        let mut x = given.read(&network, console)?;
        note_cut(&network, &x, args.labels.is_some(), console)?;
        let images = args.images.as_ref().map(|images| [images.start, images.end]);
        if let Some([first, end]) = images {
            x = graph::take_images(&network, &x, first..end)?;
        }
        let count = graph::images(&network, &x)?;
        graph::parts(&network, &x, usize::MAX)?;
        let labels = args.labels.as_deref().map(|path| labels(path, images, count)).transpose()?;
        let base = design_file::load_path(design, &args.overrides)?;
        let (modes, widths) = (modes(args), args.widths.0.clone());
        let plan = Plan {
            schema: answer::SCHEMA,
            generator: concat!("goldpath ", env!("CARGO_PKG_VERSION")).to_owned(),
            model: input_file(model)?,
            input: args.input.as_deref().map(input_file).transpose()?,
            tensors: args.tensors.as_deref().map(input_file).transpose()?,
            labels: args.labels.as_deref().map(input_file).transpose()?,
            design: InputDesign {
                name: base.name.clone(),
                sha256: base.hash.clone(),
                overrides: args.overrides.set.iter().map(|(k, v)| [k.clone(), v.clone()]).collect(),
            },
            images,
            widths: widths.clone(),
            modes: modes.iter().map(|mode| (*mode).to_owned()).collect(),
            axes: axes(&args.vary)?,
            bias: bias_words(args.bias_in, &base),
            synthesis: args.cost == CostBy::Yosys,
        };
        let variants = variants(&plan, design, (&args.overrides.set, args.bias_in), &modes)?;
        let twin = (args.cost == CostBy::Yosys).then(|| Twin::find(design)).transpose()?;
        let set = args.overrides.set.clone();
        Ok(Ask { plan, network, x, labels, variants, set, cost: args.cost, out, twin })
    }

    /// The design's twin; there is one whenever synthesis was asked for.
    pub fn twin(&self) -> Result<&Twin> {
        self.twin.as_ref().ok_or_else(|| Error::new(Kind::Usage, "no synthesis was asked for"))
    }
}

/// What becomes of the bias, where it was said. A variant may have the post step that the design as given lacks.
fn bias_words(bias_in: Option<BiasIn>, base: &Design) -> Option<String> {
    let post = || "added by a post step (--bias-in post)".to_owned();
    bias_in.map(|to| {
        base.clone()
            .with_bias_in(design_file::biases(Some(to)))
            .ok()
            .and_then(|d| d.bias_words())
            .unwrap_or_else(post)
    })
}

fn labels(path: &Path, images: Option<[usize; 2]>, count: usize) -> Result<Vec<i64>> {
    let values = read_npy(path)?.to_i64().map_err(|error| error.in_file(path))?;
    let values: Vec<i64> = match values.ndim() {
        1 => values.iter().copied().collect(),
        _ => {
            let message = format!("labels of shape {:?}; one number per image is needed", values.shape());
            return Err(Error::new(Kind::Value, message).in_file(path));
        }
    };
    let [first, end] = images.unwrap_or([0, values.len()]);
    values.get(first..end).filter(|taken| taken.len() == count).map(<[i64]>::to_vec).ok_or_else(|| {
        let message = format!("{} labels do not label images {first}..{}", values.len(), first + count);
        Error::new(Kind::Value, message).in_file(path)
    })
}

/// In the order asked, none twice.
fn modes(args: &SweepArgs) -> Vec<&'static str> {
    let mut modes = Vec::new();
    for mode in &args.modes {
        if !modes.contains(&mode.name()) {
            modes.push(mode.name());
        }
    }
    modes
}

fn input_file(path: &Path) -> Result<InputFile> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read this file", e))?;
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    Ok(InputFile { name, sha256: sha256(&bytes) })
}

fn axes(typed: &[Axis]) -> Result<Vec<answer::Axis>> {
    for (index, axis) in typed.iter().enumerate() {
        let wrong = |what: &str| {
            let place = Place::Option(format!("--vary {}", axis.key));
            Err(Error::new(Kind::Usage, what).at(place))
        };
        if ["accumulator.width", "accumulator.overflow"].contains(&axis.key.as_str()) {
            return wrong("is swept by --widths and --modes");
        }
        if typed[..index].iter().any(|other| other.key == axis.key) {
            return wrong("is varied twice: give all its values at once");
        }
    }
    let axis = |axis: &Axis| answer::Axis { key: axis.key.clone(), values: axis.values.clone() };
    Ok(typed.iter().map(axis).collect())
}

/// All combinations, the first axis outermost.
pub fn combinations(plan: &Plan) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::new()];
    for axis in &plan.axes {
        let longer = |before: &Vec<(String, String)>| {
            let with = |value: &String| [before.clone(), settings(&axis.key, value)].concat();
            axis.values.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// `bias` and `zero;post=[…]` are values of a key; the second brings another key along.
fn settings(key: &str, value: &str) -> Vec<(String, String)> {
    let mut parts = split(value, ';').into_iter();
    let own = parts.next().unwrap_or_default();
    let further = parts.map(|part| match part.split_once('=') {
        Some((key, value)) => (key.trim().to_owned(), value.trim().to_owned()),
        None => (part.trim().to_owned(), String::new()),
    });
    std::iter::once((key.to_owned(), own.trim().to_owned())).chain(further).collect()
}

/// The settings of a combination, for the report.
pub fn by_key(settings: &[(String, String)]) -> BTreeMap<String, String> {
    settings.iter().cloned().collect()
}

fn variants(
    plan: &Plan,
    design: &Path,
    (set, bias_in): (&[(String, String)], Option<BiasIn>),
    modes: &[&'static str],
) -> Result<Vec<Variant>> {
    pieces::check(plan).map_err(|e| e.at(Place::Option("--vary".to_owned())))?;
    let (mut variants, mut first) = (Vec::new(), None);
    for settings in combinations(plan) {
        let build = |own: &[String]| {
            let own = own.iter().filter_map(|o| o.split_once('='));
            let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let set = set.iter().chain(&settings).cloned().chain(own).collect();
            design_file::load_path(design, &Overrides { set })?.with_bias_in(design_file::biases(bias_in))
        };
        let candidates = Candidates::new(modes, &plan.widths, &build).map_err(|error| {
            let words = error.message.clone();
            first.get_or_insert(error);
            words
        });
        variants.push(Variant { settings, candidates });
    }
    match first {
        Some(error) if variants.iter().all(|v| v.candidates.is_err()) => Err(error),
        _ => Ok(variants),
    }
}
