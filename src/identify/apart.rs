//! Schemes that explain the same samples: which of them are told apart by some accumulator, and by which.
//!
//! Tried are both sides of every edge between two outputs of every scheme (where two rising functions differ, their edges
//! do), rails, powers of two, where 32 bits are left, and many by chance.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::representative::Chosen;
use super::samples::Groups;
use super::search::bisect;
use super::{Named, Question, Remaining};
use crate::design::Scheme;
use crate::num::{Chance, Format};
use crate::post::{Step, spread};

/// Edges of a scheme that are looked for, where it has more outputs.
const MOST_EDGES: i64 = 512;
/// Of many channels, 16 are spread evenly, and every so many of these are looked at.
const CHANNELS_APART: usize = 2;
/// Accumulators by chance, anywhere and among the samples.
const BY_CHANCE: [usize; 2] = [4096, 1024];
/// The same accumulators on every run.
const SEED: u64 = 1;

/// Schemes that no accumulator told apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Class {
    /// What its members make of a value halfway between two results, as they say it.
    pub ties: Vec<String>,
    /// In the order of the presets.
    pub members: Vec<Member>,
}

/// A scheme that explains every sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// With numbers that do.
    pub scheme: Named,
    /// How many others do; `None` where numbers were given, not searched.
    pub remaining: Option<Remaining>,
    /// How far it is the first one of its class.
    pub equal: Equal,
}

/// What is known of two schemes of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Equal {
    /// It is the first one.
    First,
    /// The same steps with the same numbers: equal for every accumulator.
    SameSteps,
    /// None of the accumulators that were tried tells them apart.
    NoDifferenceFound,
}

/// An accumulator, and what every class makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Telling {
    /// Whose numbers are used.
    pub channel: usize,
    /// Inside the accumulators' format.
    pub accumulator: i64,
    /// Of every class, in their order.
    pub outputs: Vec<i64>,
}

/// The classes of what explains the samples, what tells them apart, and how many accumulators were tried.
pub(super) fn classes(
    chosen: &[Chosen<'_>],
    question: &Question,
    groups: &Groups,
) -> (Vec<Class>, Vec<Telling>, usize) {
    if chosen.is_empty() {
        return (vec![], vec![], 0);
    }
    let pool = pool(chosen, question, groups);
    let outputs =
        |one: &Chosen<'_>| -> Vec<i64> { pool.iter().map(|(channel, x)| one.output(*channel, *x)).collect() };
    let outputs: Vec<Vec<i64>> = chosen.par_iter().map(outputs).collect();
    let mut alike: BTreeMap<&[i64], Vec<usize>> = BTreeMap::new();
    for (at, outputs) in outputs.iter().enumerate() {
        alike.entry(outputs).or_default().push(at);
    }
    let mut sets: Vec<Vec<usize>> = alike.into_values().collect();
    sets.sort_unstable();
    let signatures: Vec<&[i64]> = sets.iter().map(|set| outputs[set[0]].as_slice()).collect();
    let apart = tell(&pool, &signatures);
    let classes = sets.iter().map(|set| class(chosen, set)).collect();
    (classes, apart, pool.len())
}

fn class(chosen: &[Chosen<'_>], set: &[usize]) -> Class {
    let first = &chosen[set[0]];
    let steps = |one: &Chosen<'_>| -> Vec<_> {
        // Names and registers are no part of what they make.
        let plain = |mut step: Step| {
            step.id.clear();
            step.latency = 0;
            step
        };
        one.numbers
            .iter()
            .map(|n| one.candidate.bound(n).into_iter().map(plain).collect::<Vec<_>>())
            .collect()
    };
    let own = steps(first);
    let member = |at: &usize| {
        let one = &chosen[*at];
        let equal = match *at == set[0] {
            true => Equal::First,
            false if steps(one) == own => Equal::SameSteps,
            false => Equal::NoDifferenceFound,
        };
        Member { scheme: one.named.clone(), remaining: one.remaining, equal }
    };
    let mut ties = Vec::new();
    for at in set {
        let Scheme { preset, rounding } = chosen[*at].candidate.scheme;
        let says = rounding.map_or_else(|| preset.ties().to_owned(), |rounding| format!("{rounding}, once"));
        if !ties.contains(&says) {
            ties.push(says);
        }
    }
    Class { ties, members: set.iter().map(member).collect() }
}

/// Few accumulators, by which every two classes differ: always the one that tells most of them, the least of equals.
fn tell(pool: &[(usize, i64)], signatures: &[&[i64]]) -> Vec<Telling> {
    let mut groups: Vec<Vec<usize>> = vec![(0..signatures.len()).collect()];
    let mut found = Vec::new();
    let split = |groups: &[Vec<usize>], at: usize| -> Vec<Vec<usize>> {
        let parts = |group: &Vec<usize>| {
            let mut parts: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
            group.iter().for_each(|class| parts.entry(signatures[*class][at]).or_default().push(*class));
            parts.into_values().collect::<Vec<_>>()
        };
        groups.iter().flat_map(parts).collect()
    };
    while groups.len() < signatures.len() {
        let score = |at: &usize| {
            let (channel, x) = pool[*at];
            (split(&groups, *at).len(), std::cmp::Reverse((x.unsigned_abs(), x < 0, channel)))
        };
        let Some(best) = (0..pool.len()).max_by_key(score) else { break };
        let next = split(&groups, best);
        if next.len() == groups.len() {
            break;
        }
        groups = next;
        let (channel, accumulator) = pool[best];
        let outputs = signatures.iter().map(|outputs| outputs[best]).collect();
        found.push(Telling { channel, accumulator, outputs });
    }
    found
}

/// The accumulators that are tried, each with a channel.
fn pool(chosen: &[Chosen<'_>], question: &Question, groups: &Groups) -> Vec<(usize, i64)> {
    let channels = spread(groups.channels.len());
    let step = if groups.channels.len() > channels.len() { CHANNELS_APART } else { 1 };
    let mut all = BTreeSet::new();
    for channel in channels.into_iter().step_by(step) {
        let seen = groups.channels[channel].iter().map(|sample| sample.x);
        let range = (seen.clone().min().unwrap_or(0), seen.clone().max().unwrap_or(0));
        let anywhere = anywhere(question.input, range, u8::try_from(channel % 256).unwrap_or(0));
        let edges = chosen.iter().flat_map(|one| edges(one, channel, question));
        all.extend(edges.chain(anywhere).map(|x| (channel, x)));
    }
    all.into_iter().collect()
}

/// What no scheme in particular suggests.
fn anywhere(input: Format, (low, high): (i64, i64), stream: u8) -> Vec<i64> {
    let mut values = vec![input.min(), input.min() + 1, input.max() - 1, input.max(), 0];
    for bit in 0..input.width().min(63) {
        let power = i128::from(1_u64 << bit);
        let around = [power - 1, power, power + 1];
        values.extend(around.iter().flat_map(|v| [*v, -*v]).filter(|v| input.contains(*v)).map(|v| v as i64));
    }
    let mut chance = Chance::new(SEED, stream);
    values.extend((0..BY_CHANCE[0]).map(|_| chance.of(input)));
    values.extend((0..BY_CHANCE[1]).map(|_| chance.within(low, high)));
    values
}

/// Both sides of where one output becomes the next, and of where the product leaves 32 bits.
fn edges(one: &Chosen<'_>, channel: usize, question: &Question) -> Vec<i64> {
    let input = question.input;
    let inside = |x: f64| (x.clamp(input.min() as f64, input.max() as f64)) as i64;
    let mut values = Vec::new();
    let mut reach = f64::INFINITY;
    if let Some(factor) = one.candidate.factor(&one.numbers[channel]).filter(|factor| *factor > 0.0) {
        let width = question.output.max() as f64 - question.output.min() as f64;
        reach = 2.0 * (width + 8.0) / factor;
        for bits in [14, 15, 16, 29, 30, 31, 32] {
            let x = inside(2_f64.powi(bits) / factor);
            let around = (-2..=2).map(|d| x.saturating_add(d));
            values.extend(around.flat_map(|x| [x, x.saturating_neg()]));
        }
    }
    let (least, most) = (inside(-reach), inside(reach));
    let at = |x: i64| one.output(channel, x);
    let (bottom, top) = (at(least).min(at(most)), at(least).max(at(most)));
    let codes = top.abs_diff(bottom);
    let step = i64::try_from(codes.div_ceil(MOST_EDGES.unsigned_abs()).max(1)).unwrap_or(i64::MAX);
    let mut code = bottom;
    while let Some(next) = code.checked_add(step).filter(|next| *next <= top) {
        code = next;
        if let Some(edge) = bisect(least, most, |x| at(x) >= code) {
            values.extend((-1..=1).map(|d| edge.saturating_add(d)));
        }
    }
    values.retain(|x| input.contains(i128::from(*x)));
    values
}
