//! What a directed program is meant to make happen, beside telling neighbours apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::design::Design;
use crate::lower::{Outcome, Program};
use crate::neighbours::NodeSeen;
use crate::post::{Op, bind};
use crate::strength::observed::observed_of;

/// Everything that a channel makes happen, in words: `post.0: shift by 3`, `accumulator: beyond its upper rail`.
pub(super) fn reached(program: &Program, n: usize) -> Vec<String> {
    observed_of(program, n).iter().flat_map(happened).collect()
}

/// What happened at a node.
pub fn happened(seen: &NodeSeen) -> Vec<String> {
    let ties = seen.ties.unwrap_or_default();
    let events = [
        (seen.high, "beyond its upper rail"),
        (seen.low, "beyond its lower rail"),
        (seen.at_high, "exactly at its upper rail"),
        (seen.at_low, "exactly at its lower rail"),
        (seen.clipped_high, "above the clamp"),
        (seen.clipped_low, "below the clamp"),
        (seen.unclipped, "inside the clamp"),
        (ties.negative_even, "a negative tie above an even number"),
        (ties.negative_odd, "a negative tie above an odd number"),
        (ties.positive_even, "a positive tie above an even number"),
        (ties.positive_odd, "a positive tie above an odd number"),
    ];
    let events = events.into_iter().filter(|(count, _)| *count > 0).map(|(_, what)| what.to_owned());
    let counts = seen.counts.keys().map(|count| format!("shift by {count}"));
    events.chain(counts).map(|what| format!("{}: {what}", seen.node)).collect()
}

/// Bits of the outputs that no bound cuts, both ways: a narrower or otherwise signed range is not seen at its rails alone.
fn bits(program: &Program, outcome: &Outcome, n: usize) -> Vec<String> {
    let design = &*program.design;
    let width = design.output().width();
    let cut = bounds(design, &program.parameters, n);
    let free = outcome.outputs.column(n).into_iter().copied().filter(|value| !cut.contains(value));
    let of_value =
        |value: i64| (0..width).map(move |bit| format!("output: bit {bit} is {}", (value >> bit) & 1));
    let all: BTreeSet<String> = free.flat_map(of_value).collect();
    all.into_iter().collect()
}

/// Where outputs of a channel may have been cut.
fn bounds(design: &Design, parameters: &[Vec<i64>], n: usize) -> Vec<i64> {
    let get = |operand| bind(operand, parameters, n);
    let of_step = |op: Op| match op {
        Op::Clamp { low, high } => vec![get(low), get(high)],
        Op::Max(bound) | Op::Min(bound) => vec![get(bound)],
        _ => vec![],
    };
    let format = design.output();
    let rails = [format.min(), format.max()];
    design.post.iter().flat_map(|step| of_step(step.op)).chain(rails).collect()
}

/// Candidates by what they make happen.
pub(super) fn by_goal(program: &Program, outcome: &Outcome) -> BTreeMap<String, Vec<usize>> {
    use rayon::prelude::*;
    let of_channel = |n: usize| [reached(program, n), bits(program, outcome, n)].concat();
    let channels: Vec<Vec<String>> = (0..program.shape.channels()).into_par_iter().map(of_channel).collect();
    let mut goals: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (n, names) in channels.into_iter().enumerate() {
        names.into_iter().for_each(|name| goals.entry(name).or_default().push(n));
    }
    goals
}
