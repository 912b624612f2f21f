//! The numbers with which a scheme explains every sample.
//!
//! With all else set, an output rises or falls with the multiplier, as its accumulator is above or below 0: what one sample
//! allows is an interval, whose ends bisection finds, and what all allow is the intersection.

use super::candidate::{Candidate, Part};
use super::samples::{Groups, Sample};
use super::settings::{Setting, Varied, product, settings};
use super::zero::{Zero, Zeros};
use super::{Explaining, Question, Verdict, thresholds};
use crate::num::Overflow;
use crate::post::Operand;

/// Multipliers that are looked at one by one, where some accumulator wraps with some of them.
const LOOKED_AT: i64 = 4096;

/// A setting, narrowed to the numbers that explain one channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Its `varied` is what is left.
    pub setting: Setting,
    /// How many numbers that is.
    pub count: u64,
    /// Whether no other does.
    pub is_whole: bool,
}

/// What explains all samples with one zero point: some settings for every channel.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    pub zero_point: i64,
    pub channels: Vec<Vec<Found>>,
    /// All numbers of every channel, where a scheme has no scale.
    pub whole: Option<Vec<Vec<Vec<i64>>>>,
}

/// Whether a scheme explains all samples, with all numbers that it may have.
pub(super) fn verdict<'c>(
    candidate: &'c Candidate,
    question: &Question,
    groups: &Groups,
    zeros: &Zeros,
) -> Verdict<'c> {
    let mut spaces = Vec::with_capacity(groups.channels.len());
    for channel in 0..groups.channels.len() {
        match settings(candidate, question.scale.known(channel)) {
            Ok(space) => spaces.push(space),
            Err(why) => return Verdict::NotTried(why),
        }
    }
    if let Err(why) = shared(candidate, &spaces) {
        return Verdict::NotTried(why);
    }
    let solutions: Vec<Solution> = if candidate.has(Part::Offset) {
        thresholds::solution(candidate, question, groups).into_iter().collect()
    } else {
        let of = |zero: &Zero| solution(candidate, question, groups, &spaces, zero);
        zeros.of(candidate).iter().filter_map(of).collect()
    };
    if solutions.is_empty() {
        Verdict::Refuted(candidate)
    } else {
        Verdict::Explains(Explaining { candidate, solutions })
    }
}

/// Numbers that are one for all channels must be.
fn shared(candidate: &Candidate, spaces: &[Vec<Setting>]) -> Result<(), String> {
    let Some([first]) = spaces.first().map(Vec::as_slice) else { return Ok(()) };
    for space in &spaces[1..] {
        let others = space.first().map_or(&[][..], |setting| &setting.fixed);
        let differs = |((at, a), (_, b)): &(&(usize, i64), &(usize, i64))| candidate.is_shared(*at) && a != b;
        if let Some(((at, _), _)) = first.fixed.iter().zip(others).find(differs) {
            let name = &candidate.design.parameters[*at].name;
            return Err(format!("its {name} is one for all channels, whose scales need several"));
        }
    }
    Ok(())
}

fn solution(
    candidate: &Candidate,
    question: &Question,
    groups: &Groups,
    spaces: &[Vec<Setting>],
    zero: &Zero,
) -> Option<Solution> {
    let base = candidate.base(zero.point, question.bounds);
    let mut channels = Vec::with_capacity(spaces.len());
    for (channel, space) in spaces.iter().enumerate() {
        let window = if candidate.has(Part::ZeroPoint) { zero.scales[channel] } else { (0.0, f64::INFINITY) };
        let samples = &groups.channels[channel];
        let near = |setting: &&Setting| may_be(candidate, setting, window);
        let found: Vec<Found> =
            space.iter().filter(near).filter_map(|s| narrowed(candidate, &base, s, samples)).collect();
        if found.is_empty() {
            return None;
        }
        channels.push(found);
    }
    meet(candidate, &mut channels);
    let is_left = channels.iter().all(|found| !found.is_empty());
    is_left.then_some(Solution { zero_point: zero.point, channels, whole: None })
}

/// Whether a setting's factors meet what the samples leave possible.
fn may_be(candidate: &Candidate, setting: &Setting, (low, high): (f64, f64)) -> bool {
    match setting.varied {
        Some(varied) if candidate.precision().is_none() => {
            product(varied.low, setting.n) <= high && product(varied.high, setting.n) >= low
        }
        _ => true,
    }
}

/// What is one for all channels is left only where it is left in all.
fn meet(candidate: &Candidate, channels: &mut [Vec<Found>]) {
    if channels.len() < 2 {
        return;
    }
    if candidate.counts().any(|(at, _)| candidate.is_shared(at)) {
        let common: Vec<i64> = channels[0].iter().map(|found| found.setting.n).collect();
        let in_all = |n: &i64| channels.iter().all(|all| all.iter().any(|found| found.setting.n == *n));
        let common: Vec<i64> = common.into_iter().filter(in_all).collect();
        channels.iter_mut().for_each(|all| all.retain(|found| common.contains(&found.setting.n)));
    }
    if !candidate.magnitude().is_some_and(|at| candidate.is_shared(at)) {
        return;
    }
    for place in (0..channels[0].len()).rev() {
        let n = channels[0][place].setting.n;
        let of =
            |all: &Vec<Found>| all.iter().find(|found| found.setting.n == n).and_then(|f| f.setting.varied);
        let Some(ends) = channels.iter().map(of).collect::<Option<Vec<Varied>>>() else { continue };
        let low = ends.iter().map(|v| v.low).max().unwrap_or(0);
        let high = ends.iter().map(|v| v.high).min().unwrap_or(0);
        for all in channels.iter_mut() {
            all.retain(|found| found.setting.n != n || low <= high);
            let mine = all.iter_mut().filter(|found| found.setting.n == n);
            for found in mine {
                found.count = high.abs_diff(low).saturating_add(1);
                found.setting.varied.iter_mut().for_each(|v| (v.low, v.high) = (low, high));
            }
        }
    }
}

/// The base with a setting's fixed numbers in it.
pub(super) fn set(base: &[Vec<i64>], setting: &Setting) -> Vec<Vec<i64>> {
    let mut numbers = base.to_vec();
    for (at, value) in &setting.fixed {
        numbers[*at][0] = *value;
    }
    if let Some(varied) = setting.varied {
        numbers[varied.at][0] = varied.low;
    }
    numbers
}

/// The setting with the numbers that explain every sample.
fn narrowed(
    candidate: &Candidate,
    base: &[Vec<i64>],
    setting: &Setting,
    samples: &[Sample],
) -> Option<Found> {
    let mut numbers = set(base, setting);
    let Some(mut varied) = setting.varied else {
        let all = samples.iter().all(|s| candidate.output(&numbers, s.x) == s.y);
        return all.then(|| Found { setting: setting.clone(), count: 1, is_whole: true });
    };
    let bends = bending(candidate, &mut numbers, varied, samples);
    for sample in samples.iter().filter(|s| !bends.contains(&s.x)) {
        varied = allowed(candidate, &mut numbers, varied, sample)?;
    }
    let mut found = Found {
        setting: Setting { varied: Some(varied), ..setting.clone() },
        count: varied.high.abs_diff(varied.low).saturating_add(1),
        is_whole: true,
    };
    if !bends.is_empty() {
        let mut passes = |m: i64| {
            numbers[varied.at][0] = m;
            samples.iter().all(|s| candidate.output(&numbers, s.x) == s.y)
        };
        let span = varied.high - varied.low;
        let step = |at: i64| varied.low + (i128::from(span) * i128::from(at) / i128::from(LOOKED_AT)) as i64;
        let looked =
            (0..=span.min(LOOKED_AT)).map(|at| if span <= LOOKED_AT { varied.low + at } else { step(at) });
        let passing: Vec<i64> = looked.filter(|m| passes(*m)).collect();
        let first = *passing.first()?;
        // One of them stands for all, as what lies between them may not pass.
        found.setting.varied = Some(Varied { low: first, high: first, ..varied });
        (found.count, found.is_whole) = (passing.len() as u64, span <= LOOKED_AT);
    }
    Some(found)
}

/// Accumulators whose product wraps with some of the multipliers: their outputs do not just rise.
fn bending(candidate: &Candidate, numbers: &mut [Vec<i64>], varied: Varied, samples: &[Sample]) -> Vec<i64> {
    numbers[varied.at][0] = varied.high;
    let post = candidate.design.post_program();
    let is_read = |step: &crate::post::Step| step.operands().contains(&Operand::Parameter(varied.at));
    let first = post.steps.iter().position(is_read).unwrap_or(0);
    let wraps = |x: i64| {
        let walk = post.channel(numbers, 0).walk(i128::from(x));
        let mut behind = walk.zip(post.steps).skip(first);
        behind.any(|((_, stepped), step)| step.overflow == Overflow::Wrap && stepped.flags.any())
    };
    let [least, most] = [samples.iter().map(|s| s.x).min(), samples.iter().map(|s| s.x).max()];
    // What lies between two that do not wrap does not wrap, but behind a step in front that itself wraps.
    let ends = [least, most].into_iter().flatten();
    let straight = post.steps[..first].iter().all(|step| step.overflow != Overflow::Wrap);
    if straight && !ends.into_iter().any(wraps) {
        return vec![];
    }
    let mut bends: Vec<i64> = samples.iter().map(|s| s.x).filter(|x| wraps(*x)).collect();
    bends.sort_unstable();
    bends
}

/// What one sample leaves of a range.
pub(super) fn allowed(
    candidate: &Candidate,
    numbers: &mut [Vec<i64>],
    varied: Varied,
    sample: &Sample,
) -> Option<Varied> {
    let mut at = |m: i64| {
        numbers[varied.at][0] = m;
        candidate.output(numbers, sample.x)
    };
    let (first, last) = (at(varied.low), at(varied.high));
    if first == sample.y && last == sample.y {
        return Some(varied);
    }
    // A falling one is a rising one upside down.
    let falls = first > last;
    let reaches = |y: i64, wanted: i64| if falls { y <= wanted } else { y >= wanted };
    let is_over = |y: i64| y != sample.y && reaches(y, sample.y);
    if !reaches(last, sample.y) || is_over(first) {
        return None;
    }
    let low = bisect(varied.low, varied.high, |m| reaches(at(m), sample.y))?;
    let high = bisect(low, varied.high, |m| is_over(at(m))).map_or(varied.high, |over| over - 1);
    (low <= high).then_some(Varied { low, high, ..varied })
}

/// The first of a range for which `holds`, where it holds for all behind that.
pub(super) fn bisect(mut low: i64, mut high: i64, mut holds: impl FnMut(i64) -> bool) -> Option<i64> {
    if !holds(high) {
        return None;
    }
    while low < high {
        let middle = ((i128::from(low) + i128::from(high)).div_euclid(2)) as i64;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    Some(low)
}
