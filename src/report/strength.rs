//! How strong vectors are, in words.

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
    text
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
