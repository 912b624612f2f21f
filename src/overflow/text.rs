//! The answer in words: `report.txt`.

use std::fmt::Write;

use crate::network::MacState;

use super::{Classes, Event, LaneEntry, LayerAnswer, NetworkAnswer, Report, Sides};

/// Entries of a histogram that are listed.
const LISTED: usize = 5;

impl Report {
    /// The answer for people: at most a dozen lines a layer.
    pub fn text(&self) -> String {
        let set = self.design.overrides.iter().map(|(key, value)| format!("{key} = {value}"));
        let set: Vec<String> = set.collect();
        let with = if set.is_empty() { String::new() } else { format!(" with {}", set.join(", ")) };
        let (mut text, total) = (String::new(), &self.total);
        line(
            &mut text,
            format_args!(
                "{}{with}: {} of {} outputs overflow ({} values high, {} low, over all nodes)",
                self.design.name, total.outputs_with_events, total.outputs, total.high, total.low
            ),
        );
        for (node, [events, outputs]) in self.events() {
            line(
                &mut text,
                format_args!("  {} at {node}, in {}", many(events, "event"), many(outputs, "output")),
            );
        }
        became(&mut text, &total.classes, total.only_post);
        if let Some(upstream) = self.upstream {
            let qdq = self.qdq.as_ref().map_or_else(String::new, |form| format!(", QDQ layers {form}"));
            line(&mut text, format_args!("  each layer is fed by {}{qdq}", upstream.words()));
        }
        if let Some(bias) = &self.bias {
            line(&mut text, format_args!("  biases: {bias}"));
        }
        if let Some(answer) = &self.answer {
            network(&mut text, answer, self);
            let not_felt = self.coverage.not_felt();
            if !not_felt.is_empty() {
                line(&mut text, format_args!("{not_felt}"));
            }
        }
        for layer in &self.layers {
            text.push('\n');
            self::layer(&mut text, layer);
        }
        let told = self.coverage.text(&self.macs);
        if !told.is_empty() {
            text.push('\n');
            text.push_str(&told);
        }
        let integer = |name: &str| self.macs.iter().all(|m| m.name != name || m.state == MacState::Integer);
        for skipped in self.skipped.iter().filter(|skipped| integer(&skipped.layer)) {
            line(
                &mut text,
                format_args!("\n{}: not run by the design, by the framework instead", skipped.layer),
            );
            line(&mut text, format_args!("  {}", skipped.reason.replace('\n', "\n  ")));
        }
        text
    }
}

impl Report {
    /// Events and outputs with any, by node, over all layers; nodes in datapath order.
    pub fn events(&self) -> Vec<(&str, [u64; 2])> {
        let mut nodes: Vec<(&str, [u64; 2])> = Vec::new();
        for node in self.layers.iter().flat_map(|l| &l.nodes).filter(|n| n.high + n.low > 0) {
            let [events, outputs] = [node.high + node.low, node.outputs];
            match nodes.iter_mut().find(|(id, _)| *id == node.node) {
                Some((_, sums)) => *sums = [sums[0] + events, sums[1] + outputs],
                None => nodes.push((&node.node, [events, outputs])),
            }
        }
        let place = |id: &str| self.layers.first().and_then(|l| l.nodes.iter().position(|n| n.node == id));
        nodes.sort_by_key(|(id, _)| place(id));
        nodes
    }
}

fn line(text: &mut String, what: std::fmt::Arguments) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{what}");
}

fn classes(c: &Classes) -> String {
    format!(
        "transient {}, surviving {}, harmful {}, decisive {}, unevaluated {}",
        c.transient, c.surviving, c.harmful, c.decisive, c.unevaluated
    )
}

fn network(text: &mut String, answer: &NetworkAnswer, report: &Report) {
    let tried = report.total.classes.harmful + report.total.classes.decisive;
    line(
        text,
        format_args!(
            "{} images, {} at a time; {tried} wrong outputs corrected one by one (at most {} a layer)",
            answer.images, answer.batch, report.decisive_cap
        ),
    );
    if let Some(correct) = answer.correct {
        let (mended, spoiled) = (answer.mended.unwrap_or_default(), answer.spoiled.unwrap_or_default());
        line(
            text,
            format_args!(
                "{correct} of {} answers right; a correction mends {mended} and spoils {spoiled}",
                answer.images
            ),
        );
    }
}

fn layer(text: &mut String, layer: &LayerAnswer) {
    let (shape, schedule) = (layer.shape, layer.schedule);
    let groups = if shape.groups > 1 { format!(", {} groups", shape.groups) } else { String::new() };
    line(
        text,
        format_args!(
            "{}: {} × {} × {}{groups}, {} runs of {} beats × {} tiles, {} cycles each",
            layer.layer,
            shape.images * shape.m,
            shape.k,
            shape.n,
            layer.runs,
            schedule.beats,
            schedule.tiles,
            schedule.cycles
        ),
    );
    for node in layer.nodes.iter().filter(|n| n.high + n.low > 0) {
        let format = node.format.as_deref().unwrap_or("exact");
        line(
            text,
            format_args!(
                "  {} ({format}, {}): {} high, {} low",
                node.node, node.overflow, node.high, node.low
            ),
        );
        if let Some(first) = &node.first {
            line(text, format_args!("    first:   {}", event(first)));
        }
        if let Some(largest) = node.largest.as_ref().filter(|l| Some(*l) != node.first.as_ref()) {
            line(text, format_args!("    largest: {}", event(largest)));
        }
        line(text, format_args!("    channels: {}", most(&node.channels)));
        if !node.beats.high.is_empty() {
            line(text, format_args!("    beats: {}", most(&node.beats)));
        }
        if schedule.rows * schedule.columns > 1 {
            line(text, format_args!("    PEs (row · {} + column): {}", schedule.columns, most(&node.pes)));
        }
    }
    if let Some(tiles) = &layer.tiles {
        line(
            text,
            format_args!(
                "  {} of {} tiles; most in tile {} (row {}, channel {}): {} high, {} low",
                tiles.with_events, schedule.tiles, tiles.busiest, tiles.m, tiles.n, tiles.high, tiles.low
            ),
        );
    }
    let widths = &layer.widths;
    let bits = |width: Option<u32>| width.map_or("none".to_string(), |width| width.to_string());
    line(
        text,
        format_args!(
            "  accumulator bits: {} needed here, {} proved",
            bits(widths.observed),
            bits(widths.proved)
        ),
    );
    if let Some(what) = &layer.computed {
        line(text, format_args!("  computed by the network, which the proof allows every value: {what}"));
    }
    line(text, format_args!("  {} of {} outputs overflow", layer.outputs_with_events, layer.outputs));
    became(text, &layer.classes, layer.only_post);
}

/// What became of the outputs that overflow, and in which others post steps acted.
fn became(text: &mut String, found: &Classes, only_post: u64) {
    if found.sum() > 0 {
        let wrong = many(found.wrong(), "output");
        line(text, format_args!("  {}; {wrong} not as the exact sum gives", classes(found)));
    }
    if only_post > 0 {
        let outputs = many(only_post, "output");
        line(text, format_args!("  {outputs} fitted behind exact sums, at post steps only"));
    }
}

fn many(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Where, what entered what, and by how much too far.
fn event(event: &Event) -> String {
    let place = &event.place;
    let mut text = format!("{}, image {}, output [{}, {}]", event.side, place.image, place.m, place.n);
    if let Some(beat) = place.beat {
        let _ = write!(text, ", beat {beat}");
    }
    if let Some(accumulator) = place.accumulator {
        let _ = write!(text, ", accumulator {accumulator}");
    }
    let _ = write!(text, ", cycle {}, PE ({}, {}): ", place.cycle, place.row, place.column);
    if place.beat.is_some() && event.node == "accumulator" {
        let products = event.lanes.iter().filter(|lane| lane.k.is_some());
        // Offsets and codings make other factors of codes.
        let told = |lane: &LaneEntry| match i128::from(lane.activation) * i128::from(lane.weight) {
            product if product == lane.product.0 => format!("{}·{}", lane.activation, lane.weight),
            _ => format!("{} of codes {} and {}", lane.product, lane.activation, lane.weight),
        };
        let products: Vec<_> = products.map(told).collect();
        let _ = write!(text, "{} + {} ({}) = ", event.before, event.term, products.join(" + "));
    }
    let _ = write!(text, "{}, {} outside", event.entering, event.excess);
    let _ = write!(text, " {}..{}, becomes {}", event.rails[0], event.rails[1], event.value);
    text
}

/// The entries with the most events, the most first.
fn most(sides: &Sides) -> String {
    let mut order: Vec<usize> = (0..sides.high.len()).collect();
    let total = |at: &usize| sides.high[*at] + sides.low[*at];
    order.retain(|at| total(at) > 0);
    let hit = order.len();
    order.sort_by_key(|at| (std::cmp::Reverse(total(at)), *at));
    let listed: Vec<String> = order.iter().take(LISTED).map(|at| format!("{at}: {}", total(at))).collect();
    format!("{hit} of {} ({}{})", sides.high.len(), listed.join(", "), if hit > LISTED { ", …" } else { "" })
}
