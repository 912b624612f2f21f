//! A scheme that compares x with thresholds of its own: any that lie between samples do.

use super::Question;
use super::candidate::{Candidate, Part};
use super::samples::Groups;
use super::search::Solution;

/// Thresholds that explain every sample, if there are some.
pub(super) fn solution(candidate: &Candidate, question: &Question, groups: &Groups) -> Option<Solution> {
    let whole = nearest(candidate, question, groups);
    let explains = |(channel, sample): (usize, &super::samples::Sample)| {
        candidate.output(&whole[channel], sample.x) == sample.y
    };
    let all = groups.all().all(explains);
    all.then(|| Solution {
        zero_point: offset(candidate, question, groups),
        channels: vec![],
        whole: Some(whole),
    })
}

/// What is added to how many are reached: what is asked for, 0 where that is enough, else the least output.
fn offset(candidate: &Candidate, question: &Question, groups: &Groups) -> i64 {
    let outputs = || groups.all().map(|(_, sample)| sample.y);
    let count = candidate.parts.iter().filter(|part| matches!(part, Part::Threshold(_))).count();
    let most = i64::try_from(count).unwrap_or(i64::MAX);
    let (least, largest) = (outputs().min().unwrap_or(0), outputs().max().unwrap_or(0));
    question.zero_point.unwrap_or(if least >= 0 && largest <= most { 0 } else { least })
}

/// Each threshold where the samples first reach it; beyond all of them where none does.
pub(super) fn nearest(candidate: &Candidate, question: &Question, groups: &Groups) -> Vec<Vec<Vec<i64>>> {
    let offset = offset(candidate, question, groups);
    let of_channel = |group: &Vec<super::samples::Sample>| {
        let mut numbers = candidate.base(0, question.bounds);
        for (at, part) in candidate.parts.iter().enumerate() {
            match part {
                Part::Offset => numbers[at][0] = offset,
                Part::Threshold(before) => {
                    let reached = i64::try_from(*before).unwrap_or(i64::MAX);
                    let first = group.iter().filter(|s| s.y - offset > reached).map(|s| s.x).min();
                    numbers[at][0] = first.unwrap_or(question.input.max());
                }
                _ => {}
            }
        }
        numbers
    };
    groups.channels.iter().map(of_channel).collect()
}
