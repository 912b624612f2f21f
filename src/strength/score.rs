//! How many neighbours programs tell apart, and what never happened where they do not.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::goals::{goals, reached_with, summed as sum_of_goals};
use super::judge::Judge;
use super::observed::observed;
use super::proofs::{by_ranges, proved_equal};
use crate::lower::Program;
use crate::neighbours::{self, Goals, Hardware, Missed, Neighbour, NodeSeen, Score};

/// The score of one program.
pub fn score(program: &Program) -> Score {
    score_of(program, &Judge::new(program))
}

/// The same, by a judge of the program.
pub fn score_of(program: &Program, judge: &Judge<'_>) -> Score {
    let design = &*program.design;
    let all: Vec<Neighbour> = neighbours::of(&Hardware::of(design)).collect();
    // Whoever is proved equal need not be run.
    let judged = |neighbour: &Neighbour| match by_ranges(design, &neighbour.hardware) {
        Some(why) => Verdict::Equal(why),
        None if judge.difference(&neighbour.hardware).is_some() => Verdict::Told,
        None => proved_equal(design, &neighbour.hardware).map_or(Verdict::Missed, Verdict::Equal),
    };
    let verdicts: Vec<Verdict> = all.par_iter().map(judged).collect();
    let nodes = observed(program);
    let goals = goals(design);
    let reached = reached_with(program, judge, &goals, &nodes);
    Score { goals: sum_of_goals(&goals, &reached), ..summed(&all, verdicts, nodes) }
}

/// What became of a neighbour.
enum Verdict {
    Told,
    Equal(String),
    Missed,
}

fn summed(all: &[Neighbour], verdicts: Vec<Verdict>, nodes: Vec<NodeSeen>) -> Score {
    let (mut caught, mut equal, mut missed) = (0, BTreeMap::new(), Vec::new());
    for (neighbour, verdict) in all.iter().zip(verdicts) {
        match verdict {
            Verdict::Told => caught += 1,
            Verdict::Equal(why) => {
                equal.insert(neighbour.name.clone(), why);
            }
            Verdict::Missed => missed.push(Missed {
                name: neighbour.name.clone(),
                node: neighbour.node.clone(),
                key: neighbour.key.to_owned(),
                class: neighbour.class.name().to_owned(),
            }),
        }
    }
    let words = words(&missed, &nodes);
    Score { neighbours: all.len(), caught, equal, missed, words, nodes, goals: Goals::default() }
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
