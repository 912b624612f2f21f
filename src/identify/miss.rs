//! Schemes that do not explain every sample: with which numbers they miss the fewest, and which these are.

use rayon::prelude::*;
use serde::Serialize;

use super::candidate::{Candidate, Part};
use super::representative::{Chosen, named, nearest};
use super::samples::{Groups, Sample};
use super::search::{allowed, set};
use super::settings::{Setting, Varied, product, settings};
use super::zero::{Zeros, likely};
use super::{Named, Question, thresholds};

/// Samples of a channel that numbers are chosen by.
const CHOSEN_BY: usize = 128;
/// Zero points that a scheme is tried with.
const ZERO_POINTS: usize = 3;
/// Refuting samples that are named.
const NAMED: usize = 3;

/// A scheme, and the samples that speak against it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Miss {
    /// With the numbers that miss the fewest, or the given ones.
    pub scheme: Named,
    /// Samples that it does not explain, equal ones counted each.
    pub refuting: usize,
    /// The first of them, in C order.
    pub first: Vec<Refuting>,
}

/// A sample that a scheme does not explain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refuting {
    /// Its place, from 0, in C order.
    pub index: usize,
    /// Its channel.
    pub channel: usize,
    /// What went in.
    pub accumulator: i64,
    /// What the scheme makes of it.
    pub scheme: i64,
    /// What came out.
    pub sample: i64,
}

/// The schemes that were refuted, those with the fewest refuting samples first.
pub(super) fn misses(
    refuted: &[&Candidate],
    question: &Question,
    groups: &Groups,
    zeros: &Zeros,
    leader: Option<&Chosen<'_>>,
) -> Vec<Miss> {
    let one = |candidate: &&Candidate| miss(candidate, question, groups, zeros, leader);
    let mut misses: Vec<Miss> = refuted.par_iter().filter_map(one).collect();
    misses.sort_by_key(|miss| miss.refuting);
    misses
}

fn miss(
    candidate: &Candidate,
    question: &Question,
    groups: &Groups,
    zeros: &Zeros,
    leader: Option<&Chosen<'_>>,
) -> Option<Miss> {
    let mut best: Option<Miss> = None;
    let led = leader.and_then(|leader| leader.named.zero_point);
    let mut points: Vec<i64> = zeros.of(candidate).iter().map(|zero| zero.point).collect();
    points.sort_by_key(|point| Some(*point) != led);
    for point in points.into_iter().take(ZERO_POINTS) {
        let numbers = if candidate.has(Part::Offset) {
            thresholds::nearest(candidate, question, groups)
        } else {
            numbers(candidate, question, groups, point, leader)?
        };
        let miss = counted(candidate, groups, &numbers, point);
        if best.as_ref().is_none_or(|best| miss.refuting < best.refuting) {
            best = Some(miss);
        }
    }
    best
}

fn counted(candidate: &Candidate, groups: &Groups, numbers: &[Vec<Vec<i64>>], point: i64) -> Miss {
    let mut first: Vec<Refuting> = Vec::new();
    let mut refuting = 0;
    for (channel, sample) in groups.all() {
        let scheme = candidate.output(&numbers[channel], sample.x);
        if scheme == sample.y {
            continue;
        }
        refuting += sample.times;
        first.push(Refuting {
            index: sample.index,
            channel,
            accumulator: sample.x,
            scheme,
            sample: sample.y,
        });
        first.sort_unstable_by_key(|refuting| refuting.index);
        first.truncate(NAMED);
    }
    Miss { scheme: named(candidate, numbers, point), refuting, first }
}

/// Numbers of every channel that miss few samples.
fn numbers(
    candidate: &Candidate,
    question: &Question,
    groups: &Groups,
    point: i64,
    leader: Option<&Chosen<'_>>,
) -> Option<Vec<Vec<Vec<i64>>>> {
    let base = candidate.base(point, question.bounds);
    let is_one = candidate.magnitude().is_some_and(|at| candidate.is_shared(at));
    let one_shift = candidate.counts().any(|(at, _)| candidate.is_shared(at));
    let (mut all, mut shift) = (Vec::new(), None);
    for (channel, group) in groups.channels.iter().enumerate() {
        if is_one && channel > 0 {
            all.push(Vec::clone(&all[0]));
            continue;
        }
        let known = question.scale.known(channel);
        let mut space = settings(candidate, known).ok()?;
        space.retain(|setting| shift.is_none_or(|n| n == setting.n));
        let led = || leader.and_then(|leader| leader.named.scales.get(channel).copied());
        let factor =
            known.factor().or_else(led).or_else(|| likely(group, point, question.bounds)).unwrap_or(1.0);
        let step = group.len().div_ceil(CHOSEN_BY).max(1);
        let few: Vec<Sample> = group.iter().step_by(step).copied().collect();
        let (n, numbers) = fewest(candidate, &base, &space, &few, factor)?;
        if one_shift || is_one {
            shift = Some(n);
        }
        all.push(numbers);
    }
    Some(all)
}

/// The numbers of one channel with which the fewest of some samples are missed.
fn fewest(
    candidate: &Candidate,
    base: &[Vec<i64>],
    space: &[Setting],
    few: &[Sample],
    factor: f64,
) -> Option<(i64, Vec<Vec<i64>>)> {
    let has_factor = |setting: &&Setting| match setting.varied {
        Some(varied) if candidate.precision().is_none() => {
            product(varied.low, setting.n) <= 2.0 * factor && product(varied.high, setting.n) >= factor / 2.0
        }
        _ => true,
    };
    let near: Vec<&Setting> = space.iter().filter(has_factor).collect();
    let tried = if near.is_empty() { space.iter().collect() } else { near };
    if let [only] = tried.as_slice()
        && only.varied.is_none()
    {
        return Some((only.n, set(base, only)));
    }
    let scored = tried.into_iter().map(|setting| {
        let mut numbers = set(base, setting);
        if let Some(varied) = setting.varied {
            numbers[varied.at][0] = covering(candidate, &mut numbers, varied, setting.n, few, factor);
        }
        let missed = few.iter().filter(|s| candidate.output(&numbers, s.x) != s.y).count();
        (missed, setting.n, numbers)
    });
    scored.min_by_key(|(missed, n, _)| (*missed, *n)).map(|(_, n, numbers)| (n, numbers))
}

/// The number that lies in most of the ranges that single samples allow; of equals, the first.
fn covering(
    candidate: &Candidate,
    numbers: &mut [Vec<i64>],
    varied: Varied,
    n: i64,
    few: &[Sample],
    factor: f64,
) -> i64 {
    let mut ends: Vec<(i64, i32)> = Vec::new();
    for sample in few {
        if let Some(part) = allowed(candidate, numbers, varied, sample) {
            ends.push((part.low, -1));
            ends.push((part.high, 1));
        }
    }
    // Beginnings come first, as ends belong to their range.
    ends.sort_unstable();
    let (mut open, mut best) = (0, (0, nearest(candidate.precision(), varied, n, factor)));
    for (at, end) in ends {
        open -= end;
        if open > best.0 {
            best = (open, at);
        }
    }
    best.1
}
