//! Of all numbers that explain the samples, those that are named: every scheme's lie as near as they can to one simple
//! factor, so that what tells two schemes apart is the schemes and not their numbers.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Part, float_of};
use super::samples::Groups;
use super::search::{Found, Solution, set};
use super::settings::{Varied, product};
use super::{Explaining, Figure, Named, Question, Remaining, Scale};
use crate::post::Precision;

/// A scheme with numbers that explain every sample.
pub(super) struct Chosen<'c> {
    pub candidate: &'c Candidate,
    /// For every channel one number per parameter.
    pub numbers: Vec<Vec<Vec<i64>>>,
    pub named: Named,
    /// `None`: the numbers are given.
    pub remaining: Option<Remaining>,
}

impl Chosen<'_> {
    pub fn output(&self, channel: usize, x: i64) -> i64 {
        self.candidate.output(&self.numbers[channel], x)
    }
}

/// Numbers for every scheme that explains the samples.
pub(super) fn choose<'c>(found: &[Explaining<'c>], question: &Question, groups: &Groups) -> Vec<Chosen<'c>> {
    let mut votes: BTreeMap<i64, usize> = BTreeMap::new();
    for explaining in found.iter().filter(|explaining| explaining.candidate.has(Part::ZeroPoint)) {
        for solution in &explaining.solutions {
            *votes.entry(solution.zero_point).or_default() += 1;
        }
    }
    let vote = |solution: &&Solution| {
        let votes = votes.get(&solution.zero_point).copied().unwrap_or(0);
        (votes, std::cmp::Reverse(solution.zero_point.unsigned_abs()), solution.zero_point)
    };
    let picked: Vec<&Solution> =
        found.iter().filter_map(|explaining| explaining.solutions.iter().max_by_key(vote)).collect();
    let aims: Vec<f64> = (0..groups.channels.len()).map(|channel| aim(found, &picked, channel)).collect();
    let one = |(explaining, solution): (&Explaining<'c>, &&Solution)| {
        let candidate = explaining.candidate;
        let numbers = numbers(candidate, solution, question, &aims);
        let named = named(candidate, &numbers, solution.zero_point);
        let remaining = remaining(explaining, solution, question);
        Chosen { candidate, numbers, named, remaining }
    };
    found.iter().zip(&picked).map(one).collect()
}

/// The factors of what is left of a setting.
fn factors(candidate: &Candidate, found: &Found) -> Option<(f64, f64)> {
    let n = found.setting.n;
    Some(match (found.setting.varied?, candidate.precision()) {
        (Varied { low, high, .. }, None) => (product(low, n), product(high, n)),
        (Varied { low, high, .. }, Some(precision)) => (float_of(precision, low), float_of(precision, high)),
    })
}

/// A simple factor that as many schemes as can be have among their own, first come first served.
fn aim(found: &[Explaining<'_>], picked: &[&Solution], channel: usize) -> f64 {
    let mut range = (0.0_f64, f64::INFINITY);
    for (explaining, solution) in found.iter().zip(picked) {
        let Some(left) = solution.channels.get(channel) else { continue };
        let candidate = explaining.candidate;
        let own = left.iter().filter_map(|found| {
            // One that only shifts has one factor for each shift.
            let single = || candidate.magnitude().is_none().then(|| [product(1, found.setting.n); 2].into());
            factors(candidate, found).or_else(single)
        });
        let meets = own.map(|own: (f64, f64)| (own.0.max(range.0), own.1.min(range.1)));
        if let Some(both) = meets.into_iter().find(|both| both.0 <= both.1) {
            range = both;
        }
    }
    simplest(range)
}

/// The m / 2^n of a range with the least n, from 0 on.
fn simplest((low, high): (f64, f64)) -> f64 {
    let of = |n: i64| {
        let scaled = |factor: f64| factor * 2_f64.powi(i32::try_from(n).unwrap_or(0));
        let m = scaled(low).ceil().max(1.0);
        (m <= scaled(high)).then(|| m / 2_f64.powi(i32::try_from(n).unwrap_or(0)))
    };
    (0..=200).find_map(of).unwrap_or(low)
}

/// The number of a range that lies nearest to a factor.
pub(super) fn nearest(precision: Option<Precision>, varied: Varied, n: i64, factor: f64) -> i64 {
    let wanted = match precision {
        Some(precision) => precision.bits(factor),
        // What is beyond 64 bits is beyond the range, too.
        None => (factor * 2_f64.powi(i32::try_from(n).unwrap_or(0))).round() as i64,
    };
    wanted.clamp(varied.low, varied.high)
}

fn numbers(
    candidate: &Candidate,
    solution: &Solution,
    question: &Question,
    aims: &[f64],
) -> Vec<Vec<Vec<i64>>> {
    if let Some(whole) = &solution.whole {
        return whole.clone();
    }
    let base = candidate.base(solution.zero_point, question.bounds);
    let counts_shared = candidate.counts().any(|(at, _)| candidate.is_shared(at));
    let magnitude_shared = candidate.magnitude().is_some_and(|at| candidate.is_shared(at));
    let mut chosen: Vec<Vec<Vec<i64>>> = Vec::with_capacity(aims.len());
    let mut shifts = None;
    for (left, aim) in solution.channels.iter().zip(aims) {
        let usable = left.iter().filter(|found| shifts.is_none_or(|n| n == found.setting.n));
        let of = |found: &Found| {
            let mut numbers = set(&base, &found.setting);
            if let Some(varied) = found.setting.varied {
                let aim = if magnitude_shared { aims[0] } else { *aim };
                numbers[varied.at][0] = nearest(candidate.precision(), varied, found.setting.n, aim);
            }
            let away = candidate.factor(&numbers).map_or(0.0, |factor| (factor - aim).abs());
            (away, found.setting.n, numbers)
        };
        let best = usable.map(of).min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, n, numbers)) = best else { continue };
        if counts_shared || magnitude_shared {
            shifts = Some(n);
        }
        chosen.push(numbers);
    }
    chosen
}

/// In words and numbers.
pub(super) fn named(candidate: &Candidate, numbers: &[Vec<Vec<i64>>], zero_point: i64) -> Named {
    let is_of_scale =
        |part: &Part| matches!(part, Part::Magnitude | Part::Count(_) | Part::Threshold(_) | Part::Offset);
    let figure = |at: usize, value: i64| match candidate.precision() {
        Some(precision) if candidate.parts[at] == Part::Magnitude => {
            Figure::Float(float_of(precision, value))
        }
        _ => Figure::Integer(value),
    };
    let shown = (0..candidate.parts.len()).filter(|at| is_of_scale(&candidate.parts[*at]));
    let named = shown.map(|at| {
        let values = numbers.iter().map(|numbers| figure(at, numbers[at][0])).collect();
        (candidate.design.parameters[at].name.clone(), values)
    });
    Named {
        preset: candidate.scheme.preset.name.to_owned(),
        rounding: candidate.scheme.rounding.map(|rounding| rounding.to_string()),
        zero_point: candidate.has(Part::ZeroPoint).then_some(zero_point),
        scales: numbers.iter().filter_map(|numbers| candidate.factor(numbers)).collect(),
        numbers: named.collect(),
    }
}

/// How many numbers are left, where some were searched.
fn remaining(explaining: &Explaining<'_>, solution: &Solution, question: &Question) -> Option<Remaining> {
    let all = || solution.channels.iter().flatten();
    let has_zero = explaining.candidate.has(Part::ZeroPoint) && question.zero_point.is_none();
    let is_given = match &question.scale {
        Scale::Unknown => false,
        Scale::Factors(_) => true,
        Scale::Numbers { multipliers, shifts } => {
            shifts.is_some() && (multipliers.is_some() || explaining.candidate.magnitude().is_none())
        }
    };
    if is_given && !has_zero && all().all(|found| found.setting.varied.is_none())
        || solution.channels.is_empty()
    {
        return None;
    }
    let count = |left: &Vec<Found>| left.iter().fold(0_u64, |sum, found| sum.saturating_add(found.count));
    let counts = || solution.channels.iter().map(count);
    Some(Remaining {
        most: counts().max().unwrap_or(1),
        fewest: counts().min().unwrap_or(1),
        zero_points: explaining.solutions.len(),
        is_whole: all().all(|found| found.is_whole),
    })
}
