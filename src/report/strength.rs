//! How strong vectors are, in words.

use std::collections::BTreeMap;

use crate::neighbours::Score;

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
        if !runs.is_empty() {
            items.push(format!("bits {} are {} and matter", runs.join(", "), u8::from(value)));
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
