//! The generic walk: any format, any lanes, reduction levels that fit, on 64-bit lanes of 16 channels.

use multiversion::multiversion;

use super::Prepared;
use super::panel::Panel;
use super::run::{Feed, State};
use crate::num::lanes::Rule;

const COLUMNS: usize = 16;

/// What a level does to groups of terms.
struct Level {
    rule: Rule<i64>,
    /// Inputs of every output.
    groups: Vec<Vec<usize>>,
}

/// Runs a panel over rows; sums were proved to fit 64 bits.
pub fn run(prepared: &Prepared, panel: &Panel, feed: &Feed, state: &mut State) {
    let (format, overflow) = prepared.rule();
    let rule = Rule::<i64>::new(format, overflow).expect("64 bits hold every format");
    let mut count = prepared.lanes;
    let mut levels = Vec::new();
    for level in &prepared.design.reduce {
        let rule = Rule::<i64>::new(level.format, level.overflow).expect("64 bits hold every format");
        let inputs = count;
        count = level.outputs(inputs);
        let groups = (0..count).map(|o| level.terms(o).filter(|i| *i < inputs).collect()).collect();
        levels.push(Level { rule, groups });
    }
    state.wide.clear();
    state.wide.resize(feed.count * COLUMNS, 0);
    state.levels.clear();
    state.levels.resize(levels.len(), [0; 2]);
    state.touched.clear();
    state.touched.resize(feed.count * COLUMNS, false);
    state.any = true;
    for r in 0..feed.count {
        let codes = &feed.wides[r * feed.stride..][..panel.wides.len() / COLUMNS];
        let at = r * COLUMNS..(r + 1) * COLUMNS;
        let mut row = Row {
            acc: &mut state.wide[at.clone()],
            high: &mut state.high[at.clone()],
            low: &mut state.low[at.clone()],
            touched: &mut state.touched[at],
            levels: &mut state.levels,
            live: panel.channels.len(),
        };
        row.acc.copy_from_slice(&panel.starts[..COLUMNS]);
        beats(&rule, &levels, &mut row, codes, &panel.wides, prepared.lanes);
    }
}

struct Row<'a> {
    acc: &'a mut [i64],
    high: &'a mut [u32],
    low: &'a mut [u32],
    levels: &'a mut [[u64; 2]],
    touched: &'a mut [bool],
    /// Columns with a channel.
    live: usize,
}

type Lanes = [i64; COLUMNS];

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
#[inline(never)]
fn beats(rule: &Rule<i64>, levels: &[Level], row: &mut Row, codes: &[i32], weights: &[i32], lanes: usize) {
    let (mut terms, mut next) = (vec![[0; COLUMNS]; lanes], Vec::new());
    for (codes, weights) in codes.chunks_exact(lanes).zip(weights.chunks_exact(lanes * COLUMNS)) {
        terms.clear();
        for (code, weights) in codes.iter().zip(weights.as_chunks::<COLUMNS>().0) {
            let mut term: Lanes = [0; COLUMNS];
            for j in 0..COLUMNS {
                term[j] = i64::from(*code) * i64::from(weights[j]);
            }
            terms.push(term);
        }
        for (level, events) in levels.iter().zip(row.levels.iter_mut()) {
            reduce(level, &terms, &mut next, events, &mut row.touched[..row.live]);
            std::mem::swap(&mut terms, &mut next);
        }
        let mut sum: Lanes = [0; COLUMNS];
        for term in &terms {
            for j in 0..COLUMNS {
                sum[j] += term[j];
            }
        }
        rule.accumulate_counted(row.acc, &sum, row.high, row.low);
    }
}

#[inline(always)]
fn reduce(
    level: &Level,
    terms: &[Lanes],
    into: &mut Vec<Lanes>,
    events: &mut [u64; 2],
    touched: &mut [bool],
) {
    into.clear();
    let (low, high) = level.rule.rails();
    for group in &level.groups {
        let mut sum: Lanes = [0; COLUMNS];
        for input in group {
            for j in 0..COLUMNS {
                sum[j] += terms[*input][j];
            }
        }
        for (value, touched) in sum.iter().zip(touched.iter_mut()) {
            events[0] += u64::from(*value > high);
            events[1] += u64::from(*value < low);
            *touched |= (*value > high) | (*value < low);
        }
        for value in &mut sum {
            *value = level.rule.add(0, *value).value;
        }
        into.push(sum);
    }
}
