//! A scheme that compares x with thresholds of its own: any that lie between samples do.

use super::Question;
use super::candidate::{Candidate, Part};
use super::samples::{Groups, Sample};
use super::search::Solution;

/// Thresholds that explain every sample, if there are some.
pub(super) fn solution(candidate: &Candidate, question: &Question, groups: &Groups) -> Option<Solution> {
    let whole = nearest(candidate, question, groups);
    let explains =
        |(channel, sample): (usize, &Sample)| candidate.output(&whole[channel], sample.x) == sample.y;
    let all = groups.all().all(explains);
    all.then(|| Solution { zero_point: 0, channels: vec![], whole: Some(whole) })
}

/// What is added to how many are reached: 0 where that is enough, else the least output.
fn offset(candidate: &Candidate, groups: &Groups) -> i64 {
    let outputs = || groups.all().map(|(_, sample)| sample.y);
    let count = candidate.parts.iter().filter(|part| matches!(part, Part::Threshold(_))).count();
    let most = i64::try_from(count).unwrap_or(i64::MAX);
    let (least, largest) = (outputs().min().unwrap_or(0), outputs().max().unwrap_or(0));
    if least >= 0 && largest <= most { 0 } else { least }
}

/// Each threshold where the fewest samples speak against it, of every channel.
pub(super) fn nearest(candidate: &Candidate, question: &Question, groups: &Groups) -> Vec<Vec<Vec<i64>>> {
    let offset = offset(candidate, groups);
    let of_channel = |group: &Vec<Sample>| {
        let mut rising = group.clone();
        rising.sort_unstable_by_key(|sample| (sample.x, sample.index));
        let mut numbers = candidate.base(0, question.bounds);
        for (at, part) in candidate.parts.iter().enumerate() {
            match part {
                Part::Offset => numbers[at][0] = offset,
                Part::Threshold(before) => {
                    let reached = offset.saturating_add(i64::try_from(*before).unwrap_or(i64::MAX));
                    numbers[at][0] = threshold(&rising, reached).unwrap_or(question.input.max());
                }
                _ => {}
            }
        }
        numbers
    };
    groups.channels.iter().map(of_channel).collect()
}

/// The sum from which on outputs lie above `code`, with the fewest exceptions; `None`: no sum.
fn threshold(rising: &[Sample], code: i64) -> Option<i64> {
    let is_above = |sample: &Sample| sample.y > code;
    // Exceptions where the first sum is it already: all that lie below.
    let mut exceptions = rising.iter().filter(|sample| !is_above(sample)).count();
    let mut best = (usize::MAX, None);
    for (at, sample) in rising.iter().enumerate() {
        let is_new = at == 0 || rising[at - 1].x != sample.x;
        if is_new && exceptions < best.0 {
            best = (exceptions, Some(sample.x));
        }
        if is_above(sample) { exceptions += 1 } else { exceptions -= 1 }
    }
    if exceptions < best.0 { None } else { best.1 }
}
