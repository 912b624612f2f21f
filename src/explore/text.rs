//! `report.txt`.

use super::answer::{Layer, Layers, Outcome, Point, Sweep, Variant};

/// The answer for a person: what was asked, the layers, the points, the fronts, the work.
pub fn text(sweep: &Sweep) -> String {
    let plan = &sweep.plan;
    let mut text = format!("{} on {}, inputs {}", plan.model.name, plan.design.name, plan.fed());
    text.push_str(&plan.labels.as_ref().map_or(String::new(), |labels| format!(", labels {}", labels.name)));
    text.push('\n');
    for [key, value] in &plan.design.overrides {
        text.push_str(&format!("  {key} = {value}\n"));
    }
    text.push_str(&plan.bias.as_ref().map_or(String::new(), |bias| format!("  biases: {bias}\n")));
    sweep.variants.iter().for_each(|v| variant(&mut text, v));
    for front in &sweep.fronts {
        text.push_str(&format!(
            "\ncheapest by {} for each count of {} images:\n",
            front.cost.replace('_', "-").replace("luts", "LUTs"),
            front.accuracy
        ));
        for p in &front.points {
            let name = sweep.variants.get(p.variant).map_or(String::new(), settings);
            let shown = format!("{:>8} {:>6} at {:>2} bits, {}{name}", p.cost, p.accuracy, p.width, p.mode);
            text.push_str(&format!("  {shown}\n"));
        }
    }
    let w = sweep.work;
    text.push_str(&format!(
        "\n{} points: {} networks run, {} of them at or above the minimal observed width; {} of {} layers run whole, \
         {} outputs replayed alone\n",
        w.points, w.networks_run, w.networks_run_above_minimum, w.layers_run, w.layers, w.outputs_replayed
    ));
    text
}

fn settings(variant: &Variant) -> String {
    variant.settings.iter().map(|(key, value)| format!(", {key} = {value}")).collect()
}

fn variant(text: &mut String, variant: &Variant) {
    text.push('\n');
    for (key, value) in &variant.settings {
        text.push_str(&format!("{key} = {value}\n"));
    }
    match &variant.layers {
        Outcome::NotBuildable(words) => text.push_str(&format!("not buildable: {words}\n")),
        Outcome::Done(layers) => {
            layer_table(text, layers);
            point_table(text, layers, &variant.points);
        }
    }
}

fn width(width: Option<u32>) -> String {
    width.map_or("none".to_owned(), |w| w.to_string())
}

fn layer_table(text: &mut String, layers: &Layers) {
    text.push_str("layer: products per output, outputs; minimal width proved, observed; sums observed\n");
    for layer in &layers.layers {
        text.push_str(&format!(
            "  {}: {}, {}; {}, {}; {}..{}{}{}\n",
            layer.name,
            layer.k,
            layer.outputs,
            width(layer.minimal_proved_width),
            layer.minimal_observed_width,
            layer.observed[0],
            layer.observed[1],
            computed(layer),
            dead(layer)
        ));
    }
    text.push_str(&format!(
        "{}: minimal width {} proved, {} observed; exact: {}\n",
        layers.coverage.subject(),
        width(layers.minimal_proved_width),
        layers.minimal_observed_width,
        rate(layers.correct, layers.images)
    ));
    if let Some(line) = without_dead(layers) {
        text.push_str(&format!("{line}\n"));
    }
    text.push_str(&layers.coverage.text(&layers.macs));
    for line in unvaried(layers) {
        text.push_str(&format!("{line}\n"));
    }
}

/// Under a layer with dead channels.
fn dead(layer: &Layer) -> String {
    let dead = layer.dead.text();
    if dead.is_empty() { dead } else { format!("\n    {dead}, {} observed", layer.without_dead.observed) }
}

/// The minimal widths without dead channels, where there are any.
pub fn without_dead(layers: &Layers) -> Option<String> {
    let without = layers.without_dead;
    let channels = if without.dead == 1 { "channel" } else { "channels" };
    (without.dead > 0).then(|| {
        format!(
            "without {} dead {channels}, whose sums reach no output code: minimal width {} proved, {} observed",
            without.dead,
            width(without.proved),
            without.observed
        )
    })
}

/// What the widths say nothing of: all other nodes in front of the post steps, which are as the design states them.
pub fn unvaried(layers: &Layers) -> Vec<String> {
    if layers.unvaried.is_empty() {
        return Vec::new();
    }
    let levels: Vec<String> = layers
        .unvaried
        .iter()
        .map(|level| {
            let of_level = |l: &Layer| l.levels.iter().find(|e| e.node == level.node).map(|e| e.high + e.low);
            let events: u64 = layers.layers.iter().filter_map(of_level).sum();
            let said = match (level.always_fits, events) {
                (true, _) => ", which holds every value".to_owned(),
                (false, 0) => ", no event on these inputs, none excluded for others".to_owned(),
                (false, events) => {
                    let many = if events == 1 { "" } else { "s" };
                    format!(", {events} event{many} where no accumulator overflows")
                }
            };
            format!("{} stays {} {}{said}", level.node, level.format, level.overflow)
        })
        .collect();
    let mut lines = vec![format!("varies the accumulator only: {}", levels.join("; "))];
    if !layers.exact_when_held {
        let outputs: u64 = layers.layers.iter().map(|l| l.outputs).sum();
        lines.push(format!(
            "no accumulator width is enough: {} of {outputs} outputs differ from exact though no accumulator overflows, \
             {} of {} images are answered as exact",
            layers.differing_when_held, layers.agree_when_held, layers.images
        ));
    } else if layers.unvaried.iter().any(|level| !level.always_fits) {
        let words =
            "the proved width is the accumulator's alone: on other inputs these nodes may lose part of a sum";
        lines.push(words.to_owned());
    }
    lines
}

/// Behind a layer of which the network computes some numbers.
fn computed(layer: &Layer) -> String {
    match (&layer.computed, layer.minimal_proved_width) {
        (None, _) => String::new(),
        (Some(what), Some(_)) => format!("; computed by the network, proved for all values: {what}"),
        (Some(why), None) => format!("; nothing is proved: {why}"),
    }
}

fn rate(correct: Option<u64>, images: u64) -> String {
    correct.map_or(format!("{images} images"), |correct| format!("{correct} of {images} right"))
}

fn point_table(text: &mut String, layers: &Layers, points: &[Point]) {
    let not_felt = layers.coverage.not_felt();
    if !not_felt.is_empty() {
        text.push_str(&format!("{not_felt}\n"));
    }
    text.push_str(
        "width mode: right, as exact; outputs that overflow at the accumulator or its start as the point runs, and with each \
         layer fed without overflow; outputs other than exact, first layer with one; bits\n",
    );
    for point in points {
        let head = format!("  {:>2} {:<18}", point.width, point.mode);
        match &point.result {
            Outcome::NotBuildable(words) => text.push_str(&format!("{head} not buildable: {words}\n")),
            Outcome::Done(result) => {
                let fed_exactly = layers.overflowing(point.width, &point.mode);
                let cells = result.cost.synthesis;
                let cells = match (cells, &result.not_synthesised) {
                    (Some(s), _) => format!("; {} flip-flops, {} LUTs", s.flip_flops, s.luts),
                    (None, Some(why)) => format!("; no cells: {why}"),
                    (None, None) => String::new(),
                };
                text.push_str(&format!(
                    "{head} {}, {}; {}, {}; {}, {}; {}{cells}\n",
                    result.correct.map_or("-".to_owned(), |c| format!("{c}/{}", layers.images)),
                    format_args!("{}/{}", result.agree, layers.images),
                    result.overflowing,
                    fed_exactly.map_or("-".to_owned(), |outputs| outputs.to_string()),
                    result.differing,
                    result.diverges_at.as_deref().unwrap_or("none"),
                    result.cost.bits()
                ));
            }
        }
    }
}
