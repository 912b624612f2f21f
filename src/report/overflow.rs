//! The page of an overflow analysis: how many, where, which of them matter, and one of each drawn beat by beat.

use super::chart::{Accumulation, Bar, Headroom, HeatMap, LayerBits, Sided, Stacked};
use super::sweep::head;
use super::{Cell, Figure, Page, Section, Table, grouped};
use crate::error::Result;
use crate::overflow::{Classes, Event, LayerAnswer, NodeAnswer, Report, Upstream};

/// Layers with a section of their own.
const MOST_LAYERS: usize = 24;

/// Channels in the table of a layer.
const MOST_CHANNELS: usize = 256;

/// An accumulation of one layer of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The layer's name, as in the answer.
    pub layer: String,
    /// Which output it is.
    pub caption: String,
    /// What it shows, in a sentence or two.
    pub note: String,
    /// Beat by beat.
    pub accumulation: Accumulation,
}

/// The page; what is drawn stands in the sections of its layers.
///
/// # Errors
/// A fault of the template.
pub fn overflow_html(report: &Report, drawn: &[Drawn]) -> Result<String> {
    let mut page = Page {
        title: format!("Overflows of {} on {}", subject(report), report.design.name),
        lead: overflow_lead(report),
        facts: facts(report),
        sections: Vec::new(),
    };
    page.sections.push(headroom(report));
    page.sections.extend(super::macs::macs(&report.coverage, &report.macs, ""));
    page.sections.push(classes(report));
    let eventful = || report.layers.iter().filter(|l| l.nodes.iter().any(|n| n.high + n.low > 0));
    for layer in eventful().take(MOST_LAYERS) {
        page.sections.push(layer_section(layer, drawn));
    }
    let rest: Vec<&str> = eventful().skip(MOST_LAYERS).map(|l| l.layer.as_str()).collect();
    if !rest.is_empty() {
        page.sections.push(note(
            "Further layers with overflows",
            &rest.join(", "),
            "report.json has their counts.",
        ));
    }
    if !report.skipped.is_empty() {
        let mut table = Table::new("Run by the framework's own arithmetic", &[("layer", ""), ("why", "")]);
        for skipped in &report.skipped {
            table.row([Cell::from(skipped.layer.clone()), skipped.reason.clone().into()]);
        }
        let mut section = note("Layers that the design cannot run", "", "");
        section.figures.push(Figure { table: Some(table), ..Figure::default() });
        page.sections.push(section);
    }
    page.html()
}

fn note(title: &str, first: &str, second: &str) -> Section {
    let text = [first, second].into_iter().filter(|t| !t.is_empty()).map(str::to_string).collect();
    Section { title: title.to_string(), text, figures: vec![] }
}

fn subject(report: &Report) -> String {
    report.inputs.get("model").map_or_else(|| "one product".to_string(), |model| model.name.clone())
}

/// 1 output, 2 outputs.
fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// The answer in a sentence or two: what stands first on the page.
pub fn overflow_lead(report: &Report) -> String {
    let total = &report.total;
    let mut text = match &report.answer {
        Some(answer) => format!(
            "{} in {}: ",
            count(answer.images as u64, "image"),
            count(report.layers.len() as u64, "layer")
        ),
        None => String::new(),
    };
    let Classes { transient, surviving, harmful, decisive, unevaluated } = total.classes;
    if total.outputs_with_events == 0 {
        text.push_str(&format!("none of {} overflows.", count(total.outputs, "output")));
    } else {
        text.push_str(&format!(
            "{} of {} overflow ({}). {} {} transient, {} surviving, {} harmful",
            grouped(total.outputs_with_events),
            count(total.outputs, "output"),
            at_nodes(report),
            grouped(transient),
            if transient == 1 { "is" } else { "are" },
            grouped(surviving),
            grouped(harmful),
        ));
        text.push_str(&match unevaluated {
            0 => format!(" and {} decisive.", grouped(decisive)),
            _ => format!(", {} decisive and {} unevaluated.", grouped(decisive), grouped(unevaluated)),
        });
    }
    let wrong = harmful + decisive + unevaluated;
    if wrong > 0 && report.answer.as_ref().is_some_and(|answer| answer.correct.is_none()) {
        text.push_str(
            " What the wrong ones do to the answers together is not measured: --labels does, or `sweep`.",
        );
    }
    if total.only_post > 0 {
        let outputs = count(total.only_post, "further output");
        text.push_str(&format!(" {outputs} fitted behind exact sums, at post steps only."));
    }
    let widest = |bits: fn(&LayerAnswer) -> Option<u32>| {
        let bits: Option<Vec<u32>> = report.layers.iter().map(bits).collect();
        bits.and_then(|bits| bits.into_iter().max())
    };
    if let Some(observed) = widest(|l| l.widths.observed) {
        let layers = match report.coverage.is_whole() {
            true => "every layer".to_string(),
            false => format!(
                "each of these layers ({} more MACs are fed by integers and not looked at)",
                report.coverage.not_covered.len()
            ),
        };
        // What is in front of a later layer is then not what a wider accumulator would have made.
        let spoilt = wrong > 0 && report.upstream == Some(Upstream::Design) && report.layers.len() > 1;
        let spoilt = if spoilt { ", with these wrong outputs in front of later layers," } else { "" };
        text.push_str(&format!(
            " On these inputs{spoilt} {observed} accumulator bits hold what enters the accumulator in {layers}"
        ));
        text.push_str(&match widest(|l| l.widths.proved) {
            Some(proved) => format!("; {proved} are proved to hold it for every input."),
            None => "; no width is proved to hold it for every input.".to_string(),
        });
        if report.layers.iter().flat_map(|l| &l.nodes).any(|n| is_in_front(n) && n.high + n.low > 0) {
            text.push_str(" What the nodes in front of the accumulator took away is missing at every width.");
        }
    }
    let not_felt = report.coverage.not_felt();
    if not_felt.is_empty() { text } else { format!("{text} {not_felt}") }
}

/// Whether this stands in front of the accumulator: its events have a beat. Those of a level behind the last one have none.
fn is_in_front(node: &NodeAnswer) -> bool {
    let is_one = ["reduce.", "product."].iter().any(|begin| node.node.starts_with(begin));
    is_one && !node.beats.high.is_empty()
}

/// Whether events here take something from a sum.
fn forms_sum(node: &NodeAnswer) -> bool {
    !node.node.starts_with("post.")
}

/// `786 events at reduce.0`, for every node that forms a sum.
fn at_nodes(report: &Report) -> String {
    let first = report.layers.first();
    let is_forming = |id: &str| first.is_some_and(|l| l.nodes.iter().any(|n| n.node == id && forms_sum(n)));
    let nodes = report.events().into_iter().filter(|(id, _)| is_forming(id));
    let parts: Vec<String> =
        nodes.map(|(id, [events, _])| format!("{} at {id}", count(events, "event"))).collect();
    parts.join(", ")
}

fn facts(report: &Report) -> Vec<(String, String)> {
    let mut facts =
        vec![("Design".to_string(), format!("{}, hash {}", report.design.name, head(&report.design.sha256)))];
    let overrides: Vec<String> = report.design.overrides.iter().map(|(k, v)| format!("{k} = {v}")).collect();
    if !overrides.is_empty() {
        facts.push(("Overrides".to_string(), overrides.join(", ")));
    }
    let title = |role: &str| {
        let mut letters = role.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    facts.extend(
        report
            .inputs
            .iter()
            .map(|(role, input)| (title(role), format!("{}, SHA-256 {}", input.name, head(&input.sha256)))),
    );
    if let Some(upstream) = report.upstream {
        let qdq = report.qdq.as_ref().map_or_else(String::new, |form| format!(", QDQ layers {form}"));
        facts.push(("Each layer is fed by".to_string(), format!("{}{qdq}", upstream.words())));
    }
    facts.extend(report.bias.as_ref().map(|bias| ("Biases".to_string(), bias.clone())));
    if let Some(answer) = &report.answer {
        facts.push(("Images".to_string(), grouped(answer.images as u64)));
        if let Some(correct) = answer.correct {
            facts.push(("Answered rightly".to_string(), grouped(correct as u64)));
        }
        if let (Some(mended), Some(spoiled)) = (answer.mended, answer.spoiled) {
            let text =
                format!("{} would mend an answer, {} would spoil one", grouped(mended), grouped(spoiled));
            facts.push(("Decisive corrections".to_string(), text));
        }
        facts.push((
            "Harmful outputs tried, per layer".to_string(),
            format!("at most {}", grouped(report.decisive_cap as u64)),
        ));
    }
    facts.push((
        "Values outside".to_string(),
        format!("{} high, {} low", grouped(report.total.high), grouped(report.total.low)),
    ));
    facts.push(("Written by".to_string(), report.generator.clone()));
    facts
}

fn headroom(report: &Report) -> Section {
    let mut table = Table::new(
        "Accumulator bits",
        &[("layer", ""), ("register", "bits"), ("observed", "bits"), ("proved", "bits")],
    );
    for l in &report.layers {
        let widths = l.widths;
        let cells = [Some(widths.register), widths.observed, widths.proved].map(Cell::from);
        table.row(std::iter::once(Cell::from(l.layer.clone())).chain(cells));
    }
    let bits = |l: &LayerAnswer| LayerBits {
        name: l.layer.clone(),
        accumulator: Some(l.widths.register),
        observed: l.widths.observed,
        proved: l.widths.proved,
    };
    let layers = report.layers.iter().map(bits).collect();
    let caption = "Accumulator bits that each layer needs".to_string();
    let bars = Headroom { title: caption.clone(), layers };
    Section {
        title: "Headroom".to_string(),
        text: vec!["Each layer is fed by the layers before it as the design runs them.".to_string()],
        figures: vec![Figure { caption, chart: Some(bars.draw()), table: Some(table), ..Figure::default() }],
    }
}

const CLASSES: [(&str, &str); 5] = [
    ("transient", "transient: the accumulator has the exact sum in the end"),
    ("surviving", "surviving: it is not, the output is equal"),
    ("harmful", "harmful: the output differs, the answer does not"),
    ("decisive", "decisive: correcting it changes the answer"),
    ("unevaluated", "unevaluated: the output differs, not tried"),
];

fn class_counts(c: &Classes) -> [u64; 5] {
    [c.transient, c.surviving, c.harmful, c.decisive, c.unevaluated]
}

fn classes(report: &Report) -> Section {
    let mut columns = vec![("layer", ""), ("outputs", ""), ("overflowing", "")];
    columns.extend(CLASSES.map(|(name, _)| (name, "")));
    let mut table = Table::new("Outputs", &columns);
    for l in &report.layers {
        let row = [Cell::from(l.layer.clone()), l.outputs.into(), l.outputs_with_events.into()];
        table.row(row.into_iter().chain(class_counts(&l.classes).map(Cell::from)));
    }
    let total = [Cell::from("total"), report.total.outputs.into(), report.total.outputs_with_events.into()];
    table.row(total.into_iter().chain(class_counts(&report.total.classes).map(Cell::from)));
    let with_events = report.layers.iter().filter(|l| l.outputs_with_events > 0);
    let bars: Vec<Bar> =
        with_events.map(|l| Bar { name: l.layer.clone(), counts: class_counts(&l.classes).into() }).collect();
    let caption = "Outputs with at least one overflow, by what became of them".to_string();
    let stacked = Stacked {
        title: caption.clone(),
        unit: "outputs".to_string(),
        parts: CLASSES.map(|(class, meaning)| (class, meaning.to_string())).into(),
        bars,
    };
    let chart = (!stacked.bars.is_empty()).then(|| stacked.draw());
    let figures = match chart {
        Some(chart) => vec![
            Figure { caption, chart: Some(chart), ..Figure::default() },
            Figure { table: Some(table), ..Figure::default() },
        ],
        None => vec![Figure { table: Some(table), ..Figure::default() }],
    };
    Section { title: "What became of them".to_string(), text: vec![], figures }
}

fn layer_section(layer: &LayerAnswer, drawn: &[Drawn]) -> Section {
    let (shape, schedule) = (&layer.shape, &layer.schedule);
    let text = format!(
        "{} products per output, {} channels, {}, {} of them with overflows. {} × {} PEs, {} a run, {} to a tile.",
        grouped(shape.k as u64),
        grouped((shape.groups * shape.n) as u64),
        count(layer.outputs, "output"),
        grouped(layer.outputs_with_events),
        schedule.rows,
        schedule.columns,
        count(schedule.tiles as u64, "tile"),
        count(schedule.period_cycles as u64, "cycle"),
    );
    let mut figures = Vec::new();
    figures.extend(drawn.iter().filter(|d| d.layer == layer.layer).map(|d| Figure {
        caption: d.caption.clone(),
        note: d.note.clone(),
        chart: Some(d.accumulation.draw()),
        table: Some(around_first(&d.accumulation)),
    }));
    figures.push(nodes(layer));
    for node in layer.nodes.iter().filter(|n| forms_sum(n) && n.high + n.low > 0) {
        figures.extend(pes(layer, node));
        if !node.beats.high.is_empty() {
            figures.push(beats(layer, node));
        }
        figures.push(channels(layer, node));
    }
    let computed = layer.computed.as_ref().map(|what| match layer.widths.proved {
        Some(_) => format!("The network computes {what}: what is proved holds for every value of them."),
        None => format!("Nothing is proved: {what}."),
    });
    let text = std::iter::once(text).chain(computed).collect();
    Section { title: format!("Layer {}", layer.layer), text, figures }
}

/// The beats around the first overflow, in numbers.
fn around_first(walk: &Accumulation) -> Table {
    let first = walk.first_overflow();
    let title = if first.is_some() || walk.bias != walk.start {
        "Around the first overflow"
    } else {
        "The last beats"
    };
    let columns = [(walk.beat_name.as_str(), ""), ("enters", ""), ("accumulator", ""), ("exact sum", "")];
    let mut table = Table::new(title, &columns);
    // A start that does not fit comes before every beat.
    let first = if walk.bias != walk.start { Some(0) } else { first };
    let from = first.unwrap_or(walk.beats.len()).saturating_sub(5);
    if from == 0 {
        table.row([Cell::from("start"), walk.bias.into(), walk.start.into(), walk.bias.into()]);
    }
    for (at, beat) in walk.beats.iter().enumerate().skip(from).take(12) {
        table.row([Cell::from(at), beat.entering.into(), beat.value.into(), beat.exact.into()]);
    }
    table
}

fn nodes(layer: &LayerAnswer) -> Figure {
    let columns = [
        ("node", ""),
        ("format", ""),
        ("rule", ""),
        ("high", ""),
        ("low", ""),
        ("outputs", ""),
        ("first", ""),
        ("enters", ""),
        ("becomes", ""),
        ("farthest outside", ""),
    ];
    let mut table = Table::new("Values outside, by node", &columns);
    for node in layer.nodes.iter().filter(|n| n.high + n.low > 0) {
        let first = node.first.as_ref();
        table.row([
            Cell::from(node.node.clone()),
            node.format.clone().into(),
            node.overflow.clone().into(),
            node.high.into(),
            node.low.into(),
            node.outputs.into(),
            first.map(place).into(),
            first.map(|e| e.entering.0).into(),
            first.map(|e| e.value).into(),
            node.largest.as_ref().map(|e| e.excess.0).into(),
        ]);
    }
    Figure { caption: "Where values did not fit".to_string(), table: Some(table), ..Figure::default() }
}

fn place(event: &Event) -> String {
    let p = &event.place;
    let beat = p.beat.map_or(String::new(), |beat| format!(", beat {beat}"));
    format!(
        "image {}, output [{}, {}]{beat}, PE [{}, {}], tile {}, cycle {}",
        p.image, p.m, p.n, p.row, p.column, p.tile, p.cycle
    )
}

fn both(high: &[u64], low: &[u64]) -> Vec<u64> {
    let at = |side: &[u64], i: usize| side.get(i).copied().unwrap_or(0);
    (0..high.len().max(low.len())).map(|i| at(high, i).saturating_add(at(low, i))).collect()
}

/// The node in a caption.
fn name(node: &NodeAnswer) -> String {
    if node.node == "accumulator" { "the accumulator".to_string() } else { node.node.clone() }
}

fn pes(layer: &LayerAnswer, node: &NodeAnswer) -> Option<Figure> {
    let shape = (layer.schedule.rows, layer.schedule.columns);
    if shape.0 * shape.1 < 2 {
        return None;
    }
    let caption = format!("Overflows at {}, by PE", name(node));
    let map = HeatMap {
        title: format!("{}: {caption}", layer.layer),
        unit: "overflow".to_string(),
        row_name: "PE row".to_string(),
        column_name: "PE column".to_string(),
        shape,
        first: (0, 0),
        counts: both(&node.pes.high, &node.pes.low),
    };
    let mut table =
        Table::new("The ten busiest PEs", &[("row", ""), ("column", ""), ("high", ""), ("low", "")]);
    let mut order: Vec<(u64, usize)> = map.counts.iter().copied().zip(0..).filter(|c| c.0 > 0).collect();
    order.sort_by_key(|(count, at)| (std::cmp::Reverse(*count), *at));
    let side = |side: &[u64], at: usize| Cell::from(side.get(at).copied());
    for (_, at) in order.into_iter().take(10) {
        let (row, column) = (at / shape.1, at % shape.1);
        table.row([Cell::from(row), column.into(), side(&node.pes.high, at), side(&node.pes.low, at)]);
    }
    Some(Figure { caption, chart: Some(map.draw()), table: Some(table), ..Figure::default() })
}

fn beats(layer: &LayerAnswer, node: &NodeAnswer) -> Figure {
    let beat_name = if layer.schedule.lanes == 1 { "k step" } else { "beat" };
    let caption = format!("Overflows at {}, by {beat_name}", name(node));
    let bars = Sided {
        title: format!("{}: {caption}", layer.layer),
        count_name: "overflows".to_string(),
        index_name: beat_name.to_string(),
        high: node.beats.high.clone(),
        low: node.beats.low.clone(),
    };
    Figure { caption, chart: Some(bars.draw()), table: busiest_beats(beat_name, node), ..Figure::default() }
}

fn busiest_beats(beat_name: &str, node: &NodeAnswer) -> Option<Table> {
    let counts = both(&node.beats.high, &node.beats.low);
    let mut order: Vec<(u64, usize)> = counts.into_iter().zip(0..).filter(|c| c.0 > 0).collect();
    order.sort_by_key(|(count, at)| (std::cmp::Reverse(*count), *at));
    let mut table = Table::new("The ten busiest", &[(beat_name, ""), ("high", ""), ("low", "")]);
    let side = |side: &[u64], at: usize| Cell::from(side.get(at).copied());
    for (_, at) in order.into_iter().take(10) {
        table.row([Cell::from(at), side(&node.beats.high, at), side(&node.beats.low, at)]);
    }
    Some(table).filter(|t| !t.is_empty())
}

fn channels(layer: &LayerAnswer, node: &NodeAnswer) -> Figure {
    let caption = format!("Overflows at {}, by output channel", name(node));
    let bars = Sided {
        title: format!("{}: {caption}", layer.layer),
        count_name: "overflows".to_string(),
        index_name: "channel".to_string(),
        high: node.channels.high.clone(),
        low: node.channels.low.clone(),
    };
    let columns = [
        ("channel", ""),
        ("high", ""),
        ("low", ""),
        ("outputs", "any node"),
        ("wrong", "any node"),
        ("farthest outside", "any node"),
    ];
    let mut table = Table::new("Channels with overflows", &columns);
    for c in layer.channels.iter().filter(|c| c.outputs_with_events > 0).take(MOST_CHANNELS) {
        let wrong = c.classes.harmful + c.classes.decisive + c.classes.unevaluated;
        let side = |side: &[u64]| Cell::from(side.get(c.channel).copied());
        let (high, low) = (side(&node.channels.high), side(&node.channels.low));
        let cells = [Cell::from(c.channel), high, low, c.outputs_with_events.into()];
        table.row(cells.into_iter().chain([wrong.into(), c.largest_excess.0.into()]));
    }
    Figure { caption, chart: Some(bars.draw()), table: Some(table), ..Figure::default() }
}
