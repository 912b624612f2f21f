//! How strong vectors are, in words.

use std::collections::BTreeMap;

use super::table::Table;
use crate::neighbours::{NodeSeen, Score, Ties};

/// A few lines: how many neighbours are told apart, and what never happened where some are not.
pub fn score_text(score: &Score) -> String {
    let equal = score.equal.len();
    let mut text = format!(
        "  strength: {} of {} neighbours of the design told apart; {equal} proved equal, {} left\n",
        score.caught,
        score.neighbours,
        score.missed.len()
    );
    for line in &score.words {
        text += &format!("    {line}\n");
    }
    let goals = &score.goals;
    text += &format!(
        "  goals: {} reached, {} proved impossible, {} left\n",
        goals.reached,
        goals.impossible.len(),
        goals.open.len()
    );
    for line in grouped(&goals.open) {
        text += &format!("    not {line}\n");
    }
    for line in grouped_by_reason(&goals.impossible) {
        text += &format!("    never {line}\n");
    }
    text
}

/// Goals of one node or parameter in one line.
fn grouped<'a>(goals: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for goal in goals {
        let (node, what) = goal.split_once(": ").unwrap_or(("", goal));
        match groups.iter_mut().find(|(known, _)| *known == node) {
            Some((_, all)) => all.push(what),
            None => groups.push((node, vec![what])),
        }
    }
    groups.into_iter().map(|(node, all)| format!("{node}: {}", shortened(&all).join(", "))).collect()
}

/// Bits of one value in one item: `bits 3, 8 to 12 are 1 and matter`.
fn shortened(goals: &[&str]) -> Vec<String> {
    let bit = |goal: &str| {
        let (bit, rest) = goal.strip_prefix("bit ")?.split_once(" is ")?;
        Some((bit.parse::<u32>().ok()?, rest.starts_with('1')))
    };
    let mut items: Vec<String> =
        goals.iter().filter(|goal| bit(goal).is_none()).map(|goal| (*goal).to_owned()).collect();
    for value in [false, true] {
        let mut bits: Vec<u32> = goals
            .iter()
            .filter_map(|goal| bit(goal))
            .filter(|(_, is)| *is == value)
            .map(|(bit, _)| bit)
            .collect();
        bits.sort_unstable();
        let runs = bits.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
            [only] => only.to_string(),
            [first, .., last] => format!("{first} to {last}"),
            [] => String::new(),
        });
        let runs: Vec<String> = runs.collect();
        let value = u8::from(value);
        match bits.len() {
            0 => {}
            1 => items.push(format!("bit {} is {value} and matters", runs.join(", "))),
            _ => items.push(format!("bits {} are {value} and matter", runs.join(", "))),
        }
    }
    items
}

fn grouped_by_reason(impossible: &BTreeMap<String, String>) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&String>)> = Vec::new();
    for (goal, why) in impossible {
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, all)) => all.push(goal),
            None => reasons.push((why, vec![goal])),
        }
    }
    reasons
        .into_iter()
        .flat_map(|(why, all)| grouped(all).into_iter().map(move |line| format!("{line} ({why})")))
        .collect()
}

/// Bundles of one design and their scores.
pub struct Scored<'a> {
    /// The design's name.
    pub design: &'a str,
    /// As they were named.
    pub bundles: &'a [String],
    /// Each alone, in the same order.
    pub together: &'a [Score],
    /// All together.
    pub all: &'a Score,
}

/// What bundles tell apart: each in a line, all with what is missed and what is proved equal, the fewest that do as much
/// (`none_fewer`: whether that is proved), and what happened at each node.
pub fn together_text(scored: &Scored<'_>, smallest: &[usize], none_fewer: bool) -> String {
    let (all, count) = (scored.all, scored.bundles.len());
    let bundles = if count == 1 { "1 bundle".to_owned() } else { format!("{count} bundles") };
    let mut text = format!("{bundles} of {}, which has {} neighbours\n", scored.design, all.neighbours);
    let each = scored.bundles.iter().zip(scored.together);
    text.extend(each.map(|(bundle, alone)| {
        format!("  {bundle}: {} told apart, {} missed\n", alone.caught, alone.missed.len())
    }));
    text += &score_text(all).replacen("strength:", if count == 1 { "strength:" } else { "together:" }, 1);
    if count > 1 {
        text += &match smallest {
            [] => "  none of them tells anything apart\n".to_owned(),
            some => {
                let names: Vec<&str> = some.iter().map(|at| scored.bundles[*at].as_str()).collect();
                let how = if none_fewer { "no fewer do" } else { "chosen greedily: fewer may do" };
                format!("  as much is told apart by {} ({how})\n", names.join(" and "))
            }
        };
    }
    if !all.equal.is_empty() {
        text += "  proved equal, whatever the input:\n";
        text.extend(all.equal.iter().map(|(name, why)| format!("    {name}: {why}\n")));
    }
    text + &nodes_text(&all.nodes)
}

/// What happened at each node, in columns.
fn nodes_text(nodes: &[NodeSeen]) -> String {
    let columns = [
        "node",
        "inside",
        "above",
        "below",
        "at high rail",
        "at low rail",
        "clipped high",
        "clipped low",
        "unclipped",
        "ties -even",
        "-odd",
        "+even",
        "+odd",
        "shift counts",
    ];
    let mut table = Table::new("", &columns.map(|name| (name, "")));
    for seen in nodes {
        let clamp = seen.clipped_high + seen.clipped_low + seen.unclipped > 0;
        let clipped = |count: u64| clamp.then_some(count).into();
        let tie = |of: fn(Ties) -> u64| seen.ties.map(of).into();
        let shifts: Vec<String> =
            seen.counts.iter().map(|(count, times)| format!("{count}:{times}")).collect();
        table.row([
            seen.node.as_str().into(),
            seen.inside.into(),
            seen.high.into(),
            seen.low.into(),
            seen.at_high.into(),
            seen.at_low.into(),
            clipped(seen.clipped_high),
            clipped(seen.clipped_low),
            clipped(seen.unclipped),
            tie(|ties| ties.negative_even),
            tie(|ties| ties.negative_odd),
            tie(|ties| ties.positive_even),
            tie(|ties| ties.positive_odd),
            (!shifts.is_empty()).then(|| shifts.join(" ")).into(),
        ]);
    }
    format!("  what happened at each node, over all outputs and beats:\n{}", table.text())
}
