//! The page of a sweep: how narrow, at what price, and where it hurts.

use super::chart::{Curves, Headroom, Histogram, LayerBits, Mark, Series};
use super::macs::macs;
use super::sweep_layer::layer_section;
use super::{Cell, Figure, Page, Section, Table, front, grouped};
use crate::error::Result;
use crate::explore::answer::{Layer, Layers, Outcome, Overflowing, Plan, Point, Sweep, Variant};
use crate::explore::{unvaried, without_dead};
use crate::network::Coverage;

/// Layers with a section of their own, in one variant.
const MOST_LAYERS: usize = 32;

/// Variants with sections of their own; the curves and the front have all.
const MOST_VARIANTS: usize = 6;

/// Series in one chart: more cannot be told apart.
const MOST_SERIES: usize = 12;

/// The page.
///
/// # Errors
/// A fault of the template.
pub fn sweep_html(sweep: &Sweep) -> Result<String> {
    let plan = &sweep.plan;
    let mut page = Page {
        title: format!("Accumulator widths of {} on {}", plan.model.name, plan.design.name),
        lead: sweep_lead(sweep),
        facts: facts(sweep),
        sections: vec![accuracy(sweep)],
    };
    page.sections.extend(sweep.fronts.iter().map(|f| front::section(sweep, f)));
    for variant in sweep.variants.iter().take(MOST_VARIANTS) {
        match &variant.layers {
            Outcome::Done(layers) => page.sections.extend(variant_sections(plan, variant, layers)),
            Outcome::NotBuildable(why) => page.sections.push(Section {
                title: format!("Not buildable{}", behind(variant)),
                text: vec![why.clone()],
                figures: vec![],
            }),
        }
    }
    page.html()
}

/// `: accumulator.start = zero`, or nothing when nothing is varied.
pub(super) fn behind(variant: &Variant) -> String {
    if variant.settings.is_empty() { String::new() } else { format!(": {}", settings(variant)) }
}

fn settings(variant: &Variant) -> String {
    let each = variant.settings.iter().map(|(key, value)| format!("{key} = {value}"));
    each.collect::<Vec<_>>().join(", ")
}

/// `saturate`, or `saturate, accumulator.start = zero`.
pub(super) fn series_name(variant: &Variant, mode: &str) -> String {
    match variant.settings.is_empty() {
        true => mode.to_string(),
        false => format!("{mode}, {}", settings(variant)),
    }
}

/// The answer in a sentence or two: what stands first on the page.
pub fn sweep_lead(sweep: &Sweep) -> String {
    let done: Vec<&Layers> = sweep.variants.iter().filter_map(|v| v.layers.done()).collect();
    let Some(observed) = done.iter().map(|l| l.minimal_observed_width).min() else {
        return "No variant of this design can be built.".to_string();
    };
    let images = done[0].images;
    let mut text = format!(
        "On {} {} no accumulator overflow from {observed} bits on",
        plural(images, "image"),
        meets(&done[0].coverage)
    );
    match done.iter().filter_map(|l| l.minimal_proved_width).min() {
        Some(proved) => {
            text.push_str(&format!("; {proved} bits are proved to hold every sum, whatever the input."))
        }
        None => text.push_str("; no width up to 64 bits is proved to hold every sum, whatever the input."),
    }
    match done.iter().filter(|l| !l.exact_when_held).count() {
        0 => {}
        count if count == done.len() => text.push_str(
            " No accumulator width is enough: other nodes in front of the post steps, which are not varied, lose a part of sums.",
        ),
        count => text.push_str(&format!(
            " In {count} of {} variants no accumulator width is enough: other nodes in front of the post steps, which are not \
             varied, lose a part of sums.",
            done.len()
        )),
    }
    if let Some(correct) = done[0].correct {
        text.push_str(&format!(" With exact sums its top-1 accuracy is {}.", percent_text(correct, images)));
    }
    let merit = |p: &Point, l: &Layers| {
        let result = p.result.done()?;
        Some(match (result.correct, l.correct) {
            (Some(correct), Some(exact)) => correct >= exact,
            _ => result.agree == l.images,
        })
    };
    let variants = sweep.variants.iter().filter_map(|v| Some((v, v.layers.done()?)));
    let kept = variants.flat_map(|(v, l)| {
        v.points.iter().filter(move |p| merit(p, l) == Some(true)).map(move |p| (p.width, v, &p.mode))
    });
    if let Some((width, variant, mode)) = kept.min_by_key(|(width, ..)| *width) {
        let what = if done[0].correct.is_some() { "keeps that accuracy" } else { "keeps every answer" };
        text.push_str(&format!(
            " The narrowest accumulator tried that {what} has {width} bits ({}).",
            series_name(variant, mode)
        ));
    }
    let not_felt = done[0].coverage.not_felt();
    if not_felt.is_empty() { text } else { format!("{text} {not_felt}") }
}

/// `the network meets`, or what is looked at of it.
fn meets(coverage: &Coverage) -> String {
    match coverage.not_covered.len() {
        0 => "the network meets".to_string(),
        missing => format!(
            "{} of {} MACs ({missing} more are fed by integers and not looked at) meet",
            coverage.covered, coverage.macs
        ),
    }
}

pub(super) fn plural(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// As shown with two digits behind the point.
fn percent(part: u64, whole: u64) -> f64 {
    super::percent(part.into(), whole.into(), 2)
}

fn percent_text(part: u64, whole: u64) -> String {
    format!("{} % ({} of {})", super::real(percent(part, whole), 2), grouped(part), grouped(whole))
}

fn facts(sweep: &Sweep) -> Vec<(String, String)> {
    let plan = &sweep.plan;
    let file = |f: &crate::explore::answer::InputFile| format!("{}, SHA-256 {}", f.name, head(&f.sha256));
    let overrides: Vec<String> = plan.design.overrides.iter().map(|[k, v]| format!("{k} = {v}")).collect();
    let work = &sweep.work;
    let mut facts = vec![
        ("Design", format!("{}, hash {}", plan.design.name, head(&plan.design.sha256))),
        ("Overrides", overrides.join(", ")),
        ("Model", file(&plan.model)),
        ("Input", plan.input.as_ref().map_or(String::new(), file)),
        ("Tensors", plan.tensors.as_ref().map_or(String::new(), file)),
        ("Labels", plan.labels.as_ref().map_or(String::new(), file)),
        ("Images", plan.images.map_or(String::new(), |[a, b]| format!("{a}..{b}"))),
        ("Biases", plan.bias.clone().unwrap_or_default()),
        ("Widths", ends(&plan.widths)),
        ("Overflow rules", plan.modes.join(", ")),
    ];
    let networks = format!("{} of {} points", grouped(work.networks_run), grouped(work.points));
    let layers = format!("{} of {}", grouped(work.layers_run), grouped(work.layers));
    facts.extend([
        ("Networks run again", networks),
        ("Layers run whole", layers),
        ("Outputs replayed", grouped(work.outputs_replayed)),
        ("Written by", plan.generator.clone()),
    ]);
    facts.retain(|(_, value)| !value.is_empty());
    let mut facts: Vec<(String, String)> = facts.into_iter().map(|(l, v)| (l.to_string(), v)).collect();
    let at = facts.len() - 4;
    let axes = plan.axes.iter().map(|axis| (format!("Varied: {}", axis.key), axis.values.join(", ")));
    facts.splice(at..at, axes);
    facts
}

/// The first digits of a hash, enough to tell two apart.
pub(super) fn head(hash: &str) -> String {
    hash.chars().take(16).collect()
}

fn ends(widths: &[u32]) -> String {
    match (widths.first(), widths.last()) {
        (Some(first), Some(last)) if widths.len() > 2 => {
            format!("{} from {first} to {last} bits", widths.len())
        }
        _ => format!("{} bits", widths.iter().map(u32::to_string).collect::<Vec<_>>().join(" and ")),
    }
}

/// Top-1 accuracy, or agreement with the exact network where nobody knows what is right.
fn merit(plan: &Plan, point: &Point, images: u64) -> f64 {
    match (point.result.done(), &plan.labels) {
        (Some(result), Some(_)) => percent(result.correct.unwrap_or(0), images),
        (Some(result), None) => percent(result.agree, images),
        (None, _) => f64::NAN,
    }
}

fn accuracy(sweep: &Sweep) -> Section {
    let plan = &sweep.plan;
    let value_name = match plan.labels {
        Some(_) => "top-1 accuracy, %",
        None => "images answered as with exact sums, %",
    };
    let mut series = Vec::new();
    for variant in &sweep.variants {
        let images = variant.layers.done().map_or(0, |l| l.images);
        for mode in &plan.modes {
            let points = variant.points.iter().filter(|p| p.mode == *mode);
            let points: Vec<(u32, f64)> = points.map(|p| (p.width, merit(plan, p, images))).collect();
            // What cannot be built at any width has a section that says why.
            if points.iter().any(|p| !p.1.is_nan()) {
                series.push(Series { name: series_name(variant, mode), points });
            }
        }
    }
    let mut columns = vec![("width", "bits")];
    columns.extend(series.iter().take(MOST_SERIES).map(|s| (s.name.as_str(), "%")));
    let mut table = Table::new(value_name, &columns);
    for width in &plan.widths {
        let value = |s: &Series| s.points.iter().find(|p| p.0 == *width).map(|p| p.1);
        let cells = series.iter().take(MOST_SERIES).map(|s| match value(s) {
            Some(v) if !v.is_nan() => Cell::Real(v, 2),
            _ => Cell::Missing,
        });
        table.row(std::iter::once(Cell::from(*width)).chain(cells));
    }
    let done = sweep.variants.iter().find_map(|v| v.layers.done());
    let level = done.and_then(|l| Some((percent(l.correct?, l.images), "exact sums".to_string())));
    let mut text = vec![
        "Each layer looked at has the same accumulator; each point is what a run of its own gives, bit for bit."
            .to_string(),
    ];
    text.extend(done.map(|l| l.coverage.not_felt()).filter(|not_felt| !not_felt.is_empty()));
    if series.len() > MOST_SERIES {
        text.push(format!("The first {MOST_SERIES} of {} series; report.json has all.", series.len()));
        series.truncate(MOST_SERIES);
    }
    let what = if plan.labels.is_some() { "Top-1 accuracy" } else { "Agreement" };
    let title = format!("{what} against accumulator width");
    let curves = Curves {
        title: title.clone(),
        value_name: value_name.to_string(),
        infinity: String::new(),
        level,
        series,
    };
    Section {
        title: "Accuracy against width".to_string(),
        text,
        figures: vec![Figure {
            caption: title,
            chart: Some(curves.draw()),
            table: Some(table),
            ..Figure::default()
        }],
    }
}

fn variant_sections(plan: &Plan, variant: &Variant, layers: &Layers) -> Vec<Section> {
    let mut sections = vec![headroom(variant, layers)];
    sections.extend(macs(&layers.coverage, &layers.macs, &behind(variant)));
    sections.push(points(variant, layers));
    sections.push(by_width(plan, variant, layers));
    sections.extend(layers.layers.iter().take(MOST_LAYERS).map(|layer| layer_section(variant, layer)));
    sections
}

fn headroom(variant: &Variant, layers: &Layers) -> Section {
    let mut table = Table::new(
        "Least width without overflow",
        &[
            ("layer", ""),
            ("K", ""),
            ("channels", ""),
            ("observed", "bits"),
            ("proved", "bits"),
            ("dead", "channels"),
            ("observed without dead", "bits"),
            ("proved without dead", "bits"),
        ],
    );
    for l in &layers.layers {
        let (observed, proved) = (l.minimal_observed_width, l.minimal_proved_width);
        table.row([
            Cell::from(l.name.clone()),
            l.k.into(),
            l.channels.into(),
            observed.into(),
            proved.into(),
            l.without_dead.dead.into(),
            l.without_dead.observed.into(),
            l.without_dead.proved.into(),
        ]);
    }
    let bits = |l: &Layer| LayerBits {
        name: l.name.clone(),
        accumulator: None,
        observed: Some(l.minimal_observed_width),
        proved: l.minimal_proved_width,
    };
    let title = "Accumulator bits that each layer needs".to_string();
    let bars = Headroom { title: title.clone(), layers: layers.layers.iter().map(bits).collect() };
    let text = format!(
        "{} {} bits on these inputs{}. Each layer is fed by the network in which no accumulator overflows.",
        match layers.coverage.is_whole() {
            true => "The accumulators of the whole network need".to_string(),
            false => match layers.layers.len() {
                1 => "The accumulator of the layer below needs".to_string(),
                count => format!("The accumulators of the {count} layers below need"),
            },
        },
        layers.minimal_observed_width,
        layers.minimal_proved_width.map_or(String::new(), |p| format!(" and {p} bits for every input"))
    );
    let sentence = |line: String| {
        let mut letters = line.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}.", letters.as_str())
    };
    let text = std::iter::once(text)
        .chain(without_dead(layers).into_iter().chain(unvaried(layers)).map(sentence))
        .collect();
    Section {
        title: format!("Headroom{}", behind(variant)),
        text,
        figures: vec![Figure {
            caption: title,
            chart: Some(bars.draw()),
            table: Some(table),
            ..Figure::default()
        }],
    }
}

/// Every point as the text has it.
fn points(variant: &Variant, layers: &Layers) -> Section {
    let columns = [
        ("width", "bits"),
        ("mode", ""),
        ("right", "images"),
        ("as exact", "images"),
        ("overflowing as the point runs", "outputs"),
        ("overflowing when fed without overflow", "outputs"),
        ("other than exact", "outputs"),
        ("first layer with one", ""),
        ("cost", "bits"),
    ];
    let mut table = Table::new("Every point", &columns);
    for point in &variant.points {
        let head = [Cell::from(point.width), point.mode.clone().into()];
        let cells = match &point.result {
            Outcome::NotBuildable(_) => vec![],
            Outcome::Done(result) => vec![
                result.correct.into(),
                result.agree.into(),
                result.overflowing.into(),
                layers.overflowing(point.width, &point.mode).into(),
                result.differing.into(),
                result.diverges_at.clone().into(),
                result.cost.bits().into(),
            ],
        };
        table.row(head.into_iter().chain(cells));
    }
    let text = "An output overflows at the accumulator, or when its start value does not fit. As a point runs, each layer is \
                fed by what the layers before it made of their own overflows; fed without overflow, each layer is alone with \
                its own.";
    Section {
        title: format!("Points{}", behind(variant)),
        text: vec![text.to_string()],
        figures: vec![Figure { table: Some(table), ..Figure::default() }],
    }
}

/// Width and outputs.
type Bins = Vec<(u32, u64)>;

/// Modes with the same counts share a figure: before its first overflow a sum does not depend on the rule.
fn by_width(plan: &Plan, variant: &Variant, layers: &Layers) -> Section {
    let mut groups: Vec<(Vec<&str>, Bins)> = Vec::new();
    for mode in &plan.modes {
        let of = |l: &'_ Layer| l.overflowing.iter().find(|o| o.mode == *mode).cloned();
        let counts: Vec<Overflowing> = layers.layers.iter().filter_map(of).collect();
        if counts.is_empty() {
            continue;
        }
        let bins: Bins = (8..=48).map(|w| (w, counts.iter().map(|c| c.at(w)).sum())).collect();
        match groups.iter_mut().find(|group| group.1 == bins) {
            Some(group) => group.0.push(mode),
            None => groups.push((vec![mode], bins)),
        }
    }
    let outputs: u64 = layers.layers.iter().map(|l| l.outputs).sum();
    let mark = |width: u32, whose: &str| Mark {
        width,
        label: format!("no accumulator overflow {whose} from {width} bits on"),
    };
    let mut marks = vec![mark(layers.minimal_observed_width, "on these inputs")];
    marks.extend(layers.minimal_proved_width.map(|width| mark(width, "whatever the input")));
    let figure = |(modes, bins): (Vec<&str>, Bins)| {
        let mut table =
            Table::new("Layers looked at", &[("width", "bits"), ("overflowing", "outputs"), ("share", "%")]);
        for (width, count) in bins.iter().filter(|b| b.1 > 0) {
            table.row([
                Cell::from(*width),
                (*count).into(),
                Cell::Real(super::percent((*count).into(), outputs.into(), 4), 4),
            ]);
        }
        let caption = format!(
            "Outputs that overflow at the accumulator or its start at each width ({})",
            modes.join(", ")
        );
        let bars = Histogram {
            title: caption.clone(),
            count_name: "outputs (log scale)".to_string(),
            bins,
            marks: marks.clone(),
        };
        Figure {
            caption,
            chart: Some(bars.draw()),
            table: Some(table).filter(|t| !t.is_empty()),
            ..Figure::default()
        }
    };
    Section {
        title: format!("Overflows by width{}", behind(variant)),
        text: vec![format!(
            "Of {} outputs of the layers looked at, over all images, each layer fed by the network in which no accumulator \
             overflows.",
            grouped(outputs)
        )],
        figures: groups.into_iter().map(figure).collect(),
    }
}
