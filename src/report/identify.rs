//! Which requantisation schemes explain samples, in words.

use std::collections::BTreeMap;

use crate::identify::{Answer, Class, Equal, Figure, Member, Miss, Named, Remaining};

/// Misses that are listed.
const MISSES: usize = 6;
/// Channels whose numbers are listed.
const CHANNELS: usize = 3;
/// Schemes that are listed, of those that other numbers would make fit.
const OTHERS: usize = 8;

/// What explains the samples, what tells it apart, what nearly does, and what was not tried.
pub fn identify_text(answer: &Answer) -> String {
    let mut text = head(answer);
    text.extend(answer.classes.iter().enumerate().map(|(at, class)| class_text(class, at + 1, answer)));
    text += &apart(answer);
    text += &misses(answer);
    text + &not_tried(&answer.not_tried)
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn head(answer: &Answer) -> String {
    let [low, high] = answer.bounds;
    let zero = match answer.zero_points.as_slice() {
        [only] => format!("zero point {only}"),
        many => format!("zero point searched among {}", many.len()),
    };
    let cut =
        if answer.zero_points_cut { " (more are possible: give --zero-point, or more samples)" } else { "" };
    let mut text = format!(
        "{} ({} distinct), {}: accumulators {}, outputs {} clamped to {low}..{high}, {zero}{cut}\n",
        counted(answer.samples, "sample", "samples"),
        answer.distinct,
        counted(answer.channels, "channel", "channels"),
        answer.input,
        answer.output,
    );
    for conflict in answer.conflicts.iter().take(MISSES) {
        text += &format!(
            "  no scheme does this: accumulator {} gave {} at sample {} and {} at sample {}\n",
            conflict.accumulator,
            conflict.first_output,
            conflict.first,
            conflict.second_output,
            conflict.second
        );
    }
    let members: usize = answer.classes.iter().map(|class| class.members.len()).sum();
    text += &match (members, answer.classes.len()) {
        (0, _) => "no scheme explains all of them\n".to_owned(),
        (1, _) => "1 scheme explains all of them\n".to_owned(),
        (_, 1) => format!(
            "{members} schemes explain all of them, and no accumulator that was tried tells them apart\n"
        ),
        (_, classes) => format!("{members} schemes explain all of them, in {classes} classes\n"),
    };
    if members == 0 && !answer.with_other_numbers.is_empty() {
        let names: Vec<String> = answer.with_other_numbers.iter().take(OTHERS).map(other).collect();
        let more = answer.with_other_numbers.len().saturating_sub(OTHERS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text +=
            &format!("  with other numbers than the given ones, these would: {}{more}\n", names.join(", "));
    }
    text
}

fn other(scheme: &Named) -> String {
    let mut words: Vec<String> =
        scheme.scales.first().map(|scale| format!("scale {}", float(*scale))).into_iter().collect();
    words.extend(scheme.zero_point.map(|zero| format!("zero point {zero}")));
    format!("{} ({})", name(scheme), words.join(", "))
}

fn name(scheme: &Named) -> String {
    match &scheme.rounding {
        Some(rounding) => format!("{}:{rounding}", scheme.preset),
        None => scheme.preset.clone(),
    }
}

fn class_text(class: &Class, number: usize, answer: &Answer) -> String {
    let begin = format!("class {number}: ");
    let or = format!("\n{:>width$}", "or ", width = begin.len());
    let mut text = format!("{begin}{}\n", class.ties.join(&or));
    for member in &class.members {
        let steps = if member.equal == Equal::SameSteps { "; the same steps" } else { "" };
        text += &format!("  {}: {}{steps}\n", name(&member.scheme), numbers(member));
    }
    if class.members.iter().any(|member| member.equal == Equal::NoDifferenceFound) {
        text += &format!("  no difference found between them in {} accumulators\n", answer.tried);
    }
    text
}

fn numbers(member: &Member) -> String {
    let mut words = figures(&member.scheme);
    if let Some(remaining) = member.remaining {
        words += &format!(" ({})", left(remaining));
    }
    words
}

/// In as few digits as say it, with an exponent where it is far from 1.
fn float(value: f64) -> String {
    if value == 0.0 || (1e-5..1e9).contains(&value.abs()) { value.to_string() } else { format!("{value:e}") }
}

fn figures(scheme: &Named) -> String {
    let list = |values: &Vec<Figure>| {
        let one = |figure: &Figure| match figure {
            Figure::Integer(value) => value.to_string(),
            Figure::Float(value) => float(*value),
        };
        let alike = values.windows(2).all(|pair| pair[0] == pair[1]);
        let shown = if alike { 1 } else { CHANNELS };
        let more = if values.len() > shown && !alike { ", ..." } else { "" };
        values.iter().take(shown).map(one).collect::<Vec<_>>().join(", ") + more
    };
    let is_threshold = |name: &&String| name.starts_with("threshold");
    let mut words: Vec<String> = scheme
        .numbers
        .iter()
        .filter(|(name, _)| !is_threshold(name))
        .map(|(name, values)| format!("{name} {}", list(values)))
        .collect();
    let thresholds = scheme.numbers.keys().filter(is_threshold).count();
    if thresholds > 0 {
        words.push(format!("{thresholds} thresholds where the samples reach them"));
    }
    words.extend(scheme.zero_point.map(|zero| format!("zero point {zero}")));
    words.join(", ")
}

fn left(remaining: Remaining) -> String {
    let Remaining { most, fewest, zero_points, is_whole } = remaining;
    let least = if is_whole { "" } else { "at least " };
    let numbers = match (fewest, most) {
        (1, 1) => format!("{least}1 number does"),
        (fewest, most) if fewest == most => format!("{least}{most} numbers do"),
        (fewest, most) => format!("{least}{fewest} to {most} numbers a channel do"),
    };
    if zero_points > 1 { format!("{numbers}, and {zero_points} zero points") } else { numbers }
}

fn apart(answer: &Answer) -> String {
    if answer.classes.len() < 2 {
        return String::new();
    }
    let mut text = "told apart by\n".to_owned();
    for telling in &answer.apart {
        let mut outputs: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (at, output) in telling.outputs.iter().enumerate() {
            outputs.entry(*output).or_default().push((at + 1).to_string());
        }
        let gives = outputs.iter().map(|(output, classes)| {
            let (word, verb) = if classes.len() == 1 { ("class", "gives") } else { ("classes", "give") };
            format!("{word} {} {verb} {output}", classes.join(", "))
        });
        let channel =
            if answer.channels > 1 { format!(" of channel {}", telling.channel) } else { String::new() };
        text += &format!(
            "  accumulator {}{channel}: {}\n",
            telling.accumulator,
            gives.collect::<Vec<_>>().join("; ")
        );
    }
    text
}

fn misses(answer: &Answer) -> String {
    if answer.misses.is_empty() {
        return String::new();
    }
    let mut text = "nearest misses\n".to_owned();
    text.extend(answer.misses.iter().take(MISSES).map(|miss| miss_text(miss, answer)));
    if answer.misses.len() > MISSES {
        text += &format!("  and {} more (--format json lists them)\n", answer.misses.len() - MISSES);
    }
    text
}

fn miss_text(miss: &Miss, answer: &Answer) -> String {
    let (says, of) = (if miss.refuting == 1 { "says" } else { "say" }, answer.samples);
    let mut text = format!(
        "  {}: {} of {of} {says} no, with {}\n",
        name(&miss.scheme),
        miss.refuting,
        figures(&miss.scheme)
    );
    for refuting in &miss.first {
        let channel =
            if answer.channels > 1 { format!(" (channel {})", refuting.channel) } else { String::new() };
        text += &format!(
            "    sample {}{channel}: accumulator {} would be {}, is {}\n",
            refuting.index, refuting.accumulator, refuting.scheme, refuting.sample
        );
    }
    text
}

/// By reason, the schemes together.
fn not_tried(reasons: &BTreeMap<String, String>) -> String {
    let mut grouped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, why) in reasons {
        grouped.entry(why).or_default().push(name);
    }
    let lines = grouped.iter().map(|(why, names)| format!("  {}: {why}\n", names.join(", ")));
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("not tried\n{lines}") }
}
