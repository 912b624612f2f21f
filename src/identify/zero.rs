//! Which zero points, and with each which real factors, the samples leave possible: y − zero point lies near x · scale.

use super::candidate::{Candidate, Part};
use super::samples::{Groups, Sample};
use super::{Question, Scale};

/// Zero points that are tried.
const MOST_TRIED: usize = 32;
/// Samples of a channel that zero points are sought with, where there are many codes.
const MOST_SEEN: usize = 256;
/// Codes of an output of which each may be the zero point.
const MOST_CODES: i64 = 1 << 16;
/// No scheme that rounds once or twice goes farther from the real product, in codes and as a part of it.
const FARTHEST: (f64, f64) = (2.0, 1.0 / 256.0);

/// Channels that are asked for them.
const MOST_CHANNELS: usize = 16;
/// Of which they are chosen, where there are more codes.
const MOST_AGREED: usize = 512;
/// Zero points that are tried where none is possible.
const LIKELIEST: usize = 3;

/// A zero point, and the factors that are possible with it.
#[derive(Debug, Clone)]
pub(super) struct Zero {
    pub point: i64,
    /// From and to, of every channel.
    pub scales: Vec<(f64, f64)>,
}

/// Those that are tried.
#[derive(Debug)]
pub(super) struct Zeros {
    pub tried: Vec<Zero>,
    /// Whether others are possible.
    pub is_cut: bool,
    /// For schemes that have none.
    none: Vec<Zero>,
}

impl Zeros {
    /// Those that a scheme is tried with.
    pub fn of(&self, candidate: &Candidate) -> &[Zero] {
        if candidate.has(Part::ZeroPoint) { &self.tried } else { &self.none }
    }
}

const ANY: (f64, f64) = (0.0, f64::INFINITY);

/// The zero points that are worth trying, the likeliest first.
pub(super) fn zeros(question: &Question, groups: &Groups) -> Zeros {
    let any = |point: i64| Zero { point, scales: vec![ANY; groups.channels.len()] };
    let none = vec![any(0)];
    if let Some(point) = question.zero_point {
        let tried = vec![possible(question, groups, point, usize::MAX).unwrap_or_else(|| any(point))];
        return Zeros { tried, is_cut: false, none };
    }
    let middle = at_zero(groups);
    let (low, high) = (question.output.min(), question.output.max());
    let is_small = high.abs_diff(low) < MOST_CODES.unsigned_abs();
    let mut points: Vec<i64> =
        if is_small { (low..=high).collect() } else { vec![0, middle, middle - 1, middle + 1] };
    points.sort_unstable_by_key(|point| (*point != 0, point.abs_diff(middle), *point));
    points.dedup();
    points.retain(|point| question.output.contains(i128::from(*point)));
    let seen = if high.abs_diff(low) < 256 { usize::MAX } else { MOST_SEEN };
    let mut tried: Vec<Zero> =
        points.iter().filter_map(|point| possible(question, groups, *point, seen)).collect();
    let is_cut = tried.len() > MOST_TRIED;
    tried.truncate(MOST_TRIED);
    if tried.is_empty() {
        // Nothing fits: the misses are those with the zero points that most samples agree with.
        points.truncate(MOST_AGREED);
        points.sort_by_cached_key(|point| std::cmp::Reverse(agreeing(question, groups, *point)));
        tried = points.iter().take(LIKELIEST).map(|point| any(*point)).collect();
    }
    Zeros { tried, is_cut, none }
}

/// The output nearest to an accumulator of 0.
pub(super) fn at_zero(groups: &Groups) -> i64 {
    groups.all().min_by_key(|(_, s)| (s.x.unsigned_abs(), s.index)).map_or(0, |(_, s)| s.y)
}

/// Samples that lie near a zero point and the factor that most of them say.
fn agreeing(question: &Question, groups: &Groups, point: i64) -> usize {
    let of_channel = |(channel, group): (usize, &Vec<Sample>)| {
        let step = group.len().div_ceil(MOST_SEEN).max(1);
        let few: Vec<Sample> = group.iter().step_by(step).copied().collect();
        let known = question.scale.known(channel).factor();
        let Some(factor) = known.or_else(|| likely(&few, point, question.bounds)) else { return 0 };
        let is_near = |sample: &&Sample| {
            let (low, high) = factors(sample, point, question.bounds);
            (low..=high).contains(&factor)
        };
        few.iter().filter(is_near).count()
    };
    groups.channels.iter().enumerate().take(MOST_CHANNELS).map(of_channel).sum()
}

/// The factors that are possible with a zero point; `None` if some channel has none.
fn possible(question: &Question, groups: &Groups, point: i64, seen: usize) -> Option<Zero> {
    let of_channel = |(channel, group): (usize, &Vec<Sample>)| {
        let mut range = match &question.scale {
            Scale::Unknown => ANY,
            scale => scale.known(channel).factor().map_or(ANY, |factor| (factor, factor)),
        };
        let step = group.len().div_ceil(seen.min(group.len()).max(1)).max(1);
        for sample in group.iter().step_by(step) {
            range = meet(range, factors(sample, point, question.bounds))?;
        }
        Some(range)
    };
    let scales = groups.channels.iter().enumerate().map(of_channel).collect::<Option<Vec<_>>>()?;
    Some(Zero { point, scales })
}

fn meet((low, high): (f64, f64), (from, to): (f64, f64)) -> Option<(f64, f64)> {
    let both = (low.max(from), high.min(to));
    (both.0 <= both.1).then_some(both)
}

/// The factors with which one sample can be what it is; an output on a rail may be far beyond it.
fn factors(sample: &Sample, point: i64, (low, high): (i64, i64)) -> (f64, f64) {
    let wanted = sample.y as f64 - point as f64;
    let far = FARTHEST.0 + wanted.abs() * FARTHEST.1;
    let least = if sample.y > low { wanted - far } else { f64::NEG_INFINITY };
    let most = if sample.y < high { wanted + far } else { f64::INFINITY };
    let x = sample.x as f64;
    let ends = match sample.x {
        0 if least <= 0.0 && most >= 0.0 => ANY,
        0 => (1.0, 0.0),
        1.. => (least / x, most / x),
        _ => (most / x, least / x),
    };
    (ends.0.max(0.0), ends.1)
}

/// A factor that most samples lie near: the median of what each says.
pub(super) fn likely(samples: &[Sample], point: i64, (low, high): (i64, i64)) -> Option<f64> {
    let inside = samples.iter().filter(|s| s.x != 0 && s.y > low && s.y < high);
    let says = |s: &Sample| (s.y as f64 - point as f64) / s.x as f64;
    let mut all: Vec<f64> = inside.map(says).filter(|factor| *factor > 0.0).collect();
    // The largest accumulators stand first, and say it best.
    all.truncate(all.len().div_ceil(2));
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}
