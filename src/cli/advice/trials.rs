//! The overrides that are tried: widths, signs, recodes and offsets of the operands, with outputs and levels to match.

use std::sync::Arc;

use crate::design::{Design, Operand};
use crate::error::{Error, Place};
use crate::num::Format;
use crate::post;

/// Name of the parameter that advice makes for weight zero points.
const WEIGHT_OFFSET: &str = "weight_zero_point";

/// The widest format that a parameter is given.
const WIDEST_PARAMETER: u32 = 32;

/// Parameters and outputs that are widened one after the other.
pub const MOST_STEPS: usize = 12;

/// The key of a preset's output.
const OUTPUT: &str = "post.format";

/// `--set` options, key and TOML value.
pub type Settings = Vec<(String, String)>;

/// Every combination of what may be changed on the two sides, the fewest changes first.
pub fn candidates(design: &Design) -> Vec<Settings> {
    let mut all = Vec::new();
    for activation in changes("activation", &design.activation) {
        let output = output_like(&design.activation, &activation);
        for weight in changes("weight", &design.weight) {
            let operands = [activation.clone(), weight].concat();
            all.push([operands.clone(), vec![output.clone()]].concat());
            all.push(operands);
        }
    }
    all.sort_by_key(Vec::len);
    all
}

/// Outputs of the format of the changed activations: what a layer writes, the next one reads.
fn output_like(operand: &Operand, changed: &Settings) -> (String, String) {
    let value =
        |end: &str| changed.iter().find(|(key, _)| key.ends_with(end)).map(|(_, value)| value.clone());
    let width = value(".width").unwrap_or_else(|| operand.format.width().to_string());
    let signed = value(".signed").map_or(operand.format.is_signed(), |value| value == "true");
    ("post.format".to_owned(), format!("\"{}{width}\"", if signed { 's' } else { 'u' }))
}

/// Levels that hold every sum of the design's products, as wide as those of the changed operands ask for.
pub fn wider_levels(design: &Design, settings: &Settings) -> Settings {
    let grown = |side: &str, operand: &Operand| {
        let of = |key: &str| {
            let key = format!("operands.{side}.{key}");
            settings
                .iter()
                .find(|(found, _)| *found == key)
                .map(|(_, value)| value.trim_matches(['"', 's']).to_owned())
        };
        let width = of("format").or_else(|| of("width")).and_then(|width| width.parse::<u32>().ok());
        let width = width.unwrap_or(operand.sum.width());
        // The product of an unsigned code needs a sign.
        let unsigned = of("signed").is_some_and(|signed| signed == "false");
        (width + u32::from(unsigned)).saturating_sub(operand.sum.width())
    };
    let more = grown("activation", &design.activation) + grown("weight", &design.weight);
    let ranges = design.level_ranges();
    let exact = |id: &str| ranges.iter().any(|range| range.id == id && range.always_fits);
    let levels = design.reduce.iter().filter(|level| exact(&level.id));
    levels
        .map(|level| (format!("{}.format", level.id), format!("\"s{}\"", level.format.width() + more)))
        .collect()
}

/// Settings, and the design that they make.
pub type Tried = (Settings, Arc<Design>);

/// The same with the parameter that `narrow` names as wide as the value there, or one per channel; none where `narrow` is
/// about something else, or nothing can be loaded.
pub fn wider_parameter(
    design: &Design,
    settings: &Settings,
    narrow: &Error,
    load: &dyn Fn(&Settings) -> Option<Arc<Design>>,
) -> Option<Tried> {
    if narrow.message.contains("channels need different values")
        || narrow.message.contains("channels have different weight zero points")
    {
        return first(settings, per_channel(design, named(narrow)?), load);
    }
    let (before, _) = narrow.message.split_once(", which the design limits to ")?;
    let value: i64 = before.rsplit_once(" is ")?.1.parse().ok()?;
    let name = before.split([' ', '(']).next()?;
    let parameter = design.parameters.iter().find(|parameter| parameter.name == name)?;
    let signed = parameter.format.is_signed() || value < 0;
    let holds = |width: &u32| Format::new(*width, signed).is_some_and(|f| f.contains(i128::from(value)));
    let width = (parameter.format.width()..=WIDEST_PARAMETER).find(holds)?;
    let format = Format::new(width, signed)?;
    let per = format!("{:?}", parameter.per).to_lowercase();
    let whole = format!("{{ format = \"{format}\", per = \"{per}\" }}");
    let mut tries = vec![
        vec![(format!("parameters.{name}.format"), format!("\"{format}\""))],
        vec![(format!("parameters.{name}"), whole)],
    ];
    // Bounds of the last step, which the output's format has to hold.
    if last_parameters(design).iter().any(|bound| bound == name) {
        tries.extend(outputs(design, format));
    }
    first(settings, tries, load)
}

/// The same with an output of `format`.
pub fn wider_output(
    design: &Design,
    settings: &Settings,
    format: Format,
    load: &dyn Fn(&Settings) -> Option<Arc<Design>>,
) -> Option<Tried> {
    first(settings, outputs(design, format), load)
}

/// The first of `tries` that says something new, and makes a design.
fn first(
    settings: &Settings,
    tries: Vec<Settings>,
    load: &dyn Fn(&Settings) -> Option<Arc<Design>>,
) -> Option<Tried> {
    tries.into_iter().find_map(|more| {
        let is_new = more.iter().all(|one| !settings.contains(one));
        let mut all: Settings = settings.clone();
        all.retain(|(key, _)| more.iter().all(|(other, _)| key != other));
        all.extend(more);
        if is_new { load(&all).map(|design| (all, design)) } else { None }
    })
}

/// The name that an error stands at, without its layer.
fn named(error: &Error) -> Option<&str> {
    match &error.place {
        Place::Signal(name) => Some(name.rsplit_once(": ").map_or(name.as_str(), |(_, name)| name)),
        _ => None,
    }
}

fn per_channel(design: &Design, name: &str) -> Vec<Settings> {
    let Some(parameter) = design.parameters.iter().find(|parameter| parameter.name == name) else {
        return vec![];
    };
    let whole = format!("{{ format = \"{}\", per = \"channel\" }}", parameter.format);
    vec![
        vec![(format!("parameters.{name}.per"), "\"channel\"".to_owned())],
        vec![(format!("parameters.{name}"), whole)],
    ]
}

/// What an output of `format` takes: a preset's own key, or the last of the steps, with its bounds.
fn outputs(design: &Design, format: Format) -> Vec<Settings> {
    let value = format!("\"{format}\"");
    let mut all = vec![vec![(OUTPUT.to_owned(), value.clone())]];
    if let Some(step) = design.post.last() {
        let last = (format!("{}.format", step.id), value.clone());
        let bounds = last_parameters(design).into_iter();
        let bounds = bounds.map(|name| (format!("parameters.{name}.format"), value.clone()));
        all.push(vec![last.clone()]);
        all.push([last].into_iter().chain(bounds).collect());
    }
    all
}

/// Names of the parameters that the last step reads.
fn last_parameters(design: &Design) -> Vec<String> {
    let operands = design.post.last().map(|step| step.op.operands()).unwrap_or_default();
    let index = |operand| if let post::Operand::Parameter(index) = operand { Some(index) } else { None };
    operands.into_iter().filter_map(index).map(|index| design.parameters[index].name.clone()).collect()
}

fn changes(side: &str, operand: &Operand) -> Vec<Settings> {
    let set = |key: &str, value: String| (format!("operands.{side}.{key}"), value);
    let (width, signed) = (operand.format.width(), operand.format.is_signed());
    let mut all: Vec<(Settings, u32)> = vec![(vec![], width)];
    let mut recoded: Vec<Settings> = Vec::new();
    if signed && width == 8 && operand.recode.is_none() {
        all.push((vec![set("recode", "\"minus_128\"".into())], width));
    }
    all.push((vec![set("signed", (!signed).to_string())], width));
    for wider in [width + 1, 8, 16].into_iter().filter(|wider| *wider > width && *wider <= 16) {
        all.push((vec![set("width", wider.to_string())], wider));
        all.push((vec![set("width", wider.to_string()), set("signed", (!signed).to_string())], wider));
    }
    if side == "weight" && operand.offset.is_none() && operand.recode.is_none() {
        // Where a weight less its zero point fits, the multiplier needs no adder in front.
        let recode = || set("recode", "\"minus_zero_point\"".into());
        for wider in [width, width + 1, 16].into_iter().filter(|wider| *wider <= 16) {
            let mut settings = vec![recode()];
            settings.extend((wider > width).then(|| set("width", wider.to_string())));
            settings.extend((!signed).then(|| set("signed", "true".into())));
            recoded.push(settings);
        }
    }
    if side == "weight" && operand.offset.is_none() {
        let plain = all.clone();
        for (mut settings, width) in plain {
            let format = format!("\"s{}\"", width + 1);
            settings.push(set("offset", format!("\"{WEIGHT_OFFSET}\"")));
            settings.push(set("format", format!("\"s{}\"", width + 2)));
            let parameter = format!("{{ format = {format}, per = \"channel\" }}");
            settings.push((format!("parameters.{WEIGHT_OFFSET}"), parameter));
            all.push((settings, width));
        }
    }
    all.into_iter().map(|(settings, _)| settings).chain(recoded).collect()
}
