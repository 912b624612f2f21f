//! How many neighbours programs tell apart, and what never happened where they do not.

use std::collections::BTreeMap;

use super::judge::Judge;
use super::together::{Told, together};
use crate::lower::Program;
use crate::neighbours::{Goals, Missed, Neighbour, NodeSeen, Score};

/// The score of one program.
pub fn score(program: &Program) -> Score {
    score_of(program, &Judge::new(program))
}

/// The same, by a judge of the program.
pub fn score_of(program: &Program, judge: &Judge<'_>) -> Score {
    let mut both = together(&program.design, &[Told::of(program, judge)]);
    both.each.pop().unwrap_or_default()
}

/// `told`: whether each of `all` is told apart. What is not is equal where there is a proof.
pub(super) fn summed(
    all: &[Neighbour],
    told: &[bool],
    proof: &dyn Fn(usize) -> Option<String>,
    nodes: Vec<NodeSeen>,
    goals: Goals,
) -> Score {
    let mut equal = BTreeMap::new();
    let mut missed = Vec::new();
    for (at, neighbour) in all.iter().enumerate().filter(|(at, _)| !told[*at]) {
        match proof(at) {
            Some(why) => {
                equal.insert(neighbour.name.clone(), why);
            }
            None => missed.push(Missed {
                name: neighbour.name.clone(),
                node: neighbour.node.clone(),
                key: neighbour.key.to_owned(),
                class: neighbour.class.name().to_owned(),
            }),
        }
    }
    let words = words(&missed, &nodes);
    let caught = told.iter().filter(|told| **told).count();
    Score { neighbours: all.len(), caught, equal, missed, words, nodes, goals }
}

/// One line for every node and key of which something is missed.
fn words(missed: &[Missed], nodes: &[NodeSeen]) -> Vec<String> {
    let mut groups: Vec<((&str, &str), Vec<&str>)> = Vec::new();
    for one in missed {
        let group = (one.node.as_str(), one.key.as_str());
        let what = one.name.strip_prefix(one.node.as_str()).unwrap_or(&one.name).trim();
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, names)) => names.push(what),
            None => groups.push((group, vec![what])),
        }
    }
    let line = |((node, key), names): ((&str, &str), Vec<&str>)| {
        let seen = nodes.iter().find(|seen| seen.node == node);
        let why = seen.and_then(|seen| never(seen, key)).map_or(String::new(), |why| format!(": {why}"));
        format!("{node}{why}, so it looks like {}", names.join(", "))
    };
    groups.into_iter().map(line).collect()
}

/// What would have told a key's edits apart, and did not happen at the node.
fn never(seen: &NodeSeen, key: &str) -> Option<String> {
    let mut never = Vec::new();
    match key.rsplit('.').next().unwrap_or(key) {
        "rounding" => {
            let ties = seen.ties.unwrap_or_default();
            let kinds = [
                (ties.negative_even, "negative tie above an even number"),
                (ties.negative_odd, "negative tie above an odd number"),
                (ties.positive_even, "positive tie above an even number"),
                (ties.positive_odd, "positive tie above an odd number"),
            ];
            match kinds.iter().all(|(count, _)| *count == 0) {
                true => never.push("tie"),
                false => never.extend(kinds.iter().filter(|(count, _)| *count == 0).map(|(_, what)| *what)),
            }
        }
        "low" | "high" | "step" if seen.clipped_high + seen.clipped_low + seen.unclipped > 0 => {
            let kinds =
                [(seen.clipped_high, "value above the clamp"), (seen.clipped_low, "value below the clamp")];
            never.extend(kinds.iter().filter(|(count, _)| *count == 0).map(|(_, what)| *what));
        }
        "width" | "overflow" | "format" | "register_width" => {
            let kinds = [
                (seen.high, "value beyond its upper rail"),
                (seen.low, "value beyond its lower rail"),
                (seen.at_high, "value exactly at its upper rail"),
                (seen.at_low, "value exactly at its lower rail"),
            ];
            never.extend(kinds.iter().filter(|(count, _)| *count == 0).map(|(_, what)| *what));
        }
        _ => {}
    }
    (!never.is_empty()).then(|| format!("no {}", never.join(", no ")))
}
