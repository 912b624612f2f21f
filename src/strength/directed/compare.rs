//! Comparisons of post steps: whether an output would be another one if a comparison were made with another value.
//!
//! A comparator that overlooks a bit decides otherwise only for values that lie about as far from a bound as the bit is
//! worth; the value itself is passed on untouched, so that no bit of a stage stands for it.

use std::collections::BTreeSet;

use crate::design::Design;
use crate::num::{Format, Overflow, fit};
use crate::post::{Op, Operand, Program};

/// A bit of what is compared decides: the step, the bound, the bit, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decides {
    step: usize,
    bound: usize,
    bit: u32,
    is_set: bool,
}

/// Steps that compare, each with its bounds and the format of what it compares.
fn comparing(program: Program<'_>) -> impl Iterator<Item = (usize, Vec<Operand>, Format)> {
    program.steps.iter().enumerate().filter_map(move |(index, step)| {
        let bounds: Vec<Operand> = step.op.bounds().into_iter().flatten().collect();
        let format = program.entering(index)?;
        (!bounds.is_empty()).then_some((index, bounds, format))
    })
}

/// Bits that decide a comparison in channel `n` whose accumulator is `x`.
pub(super) fn decides(design: &Design, parameters: &[Vec<i64>], n: usize, x: i128) -> BTreeSet<Decides> {
    let mut found = BTreeSet::new();
    let post = design.post_program().channel(parameters, n);
    let shown = |from: usize, value: i128| fit(post.from(from, value), design.output(), Overflow::Wrap).value;
    let output = shown(0, x);
    for (index, bounds, format) in comparing(design.post_program()) {
        let step = &design.post[index];
        if !step.runs(parameters, n) {
            continue;
        }
        let value = post.through(0..index, x);
        for bound in 0..bounds.len() {
            for bit in 0..format.width() {
                let is_set = (value >> bit) & 1 == 1;
                let other = i128::from(fit(value ^ (1 << bit), format, Overflow::Wrap).value);
                let Some(taken) = taken(&step.op, bound, value, other, &|v| step.value(v, parameters, n))
                else {
                    continue;
                };
                let fitted =
                    step.format.map_or(taken, |format| fit(taken, format, Overflow::Wrap).value.into());
                if shown(index + 1, fitted) != output {
                    found.insert(Decides { step: index, bound, bit, is_set });
                }
            }
        }
    }
    found
}

/// What an operation takes if one of its bounds is compared with `other`, while `value` is what passes.
fn taken(op: &Op, bound: usize, value: i128, other: i128, get: &dyn Fn(Operand) -> i128) -> Option<i128> {
    match op {
        Op::Clamp { low, high } => {
            let (low, high) = (get(*low), get(*high));
            Some(match bound {
                0 => {
                    let upper = value.min(high);
                    // What was cut is compared as it was cut.
                    let compared = if value > high { high } else { other };
                    if compared < low { low } else { upper }
                }
                _ => if other > high { high } else { value }.max(low),
            })
        }
        Op::Max(v) => Some(if other > get(*v) { value } else { get(*v) }),
        Op::Min(v) => Some(if other < get(*v) { value } else { get(*v) }),
        Op::Add(_) | Op::Subtract(_) | Op::Multiply(_) | Op::ShiftLeft(_) | Op::ShiftRight(..) => None,
        Op::Fit | Op::Float(..) | Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. } => None,
    }
}

/// Values as far from the bounds of each comparing step as each bit is worth, and those beside: the step and the values.
pub(super) fn near_bounds(program: Program<'_>, numbers: &[Vec<i64>]) -> Vec<(usize, Vec<i128>)> {
    let of_step = |(index, bounds, format): (usize, Vec<Operand>, Format)| {
        let step = &program.steps[index];
        let values = bounds.into_iter().map(|bound| step.value(bound, numbers, 0));
        let near = values.flat_map(move |bound| {
            let bits = (0..format.width()).flat_map(|bit| [1_i128 << bit, -(1_i128 << bit)]);
            bits.flat_map(move |far| [bound + far - 1, bound + far, bound + far + 1])
        });
        (index, near.filter(|value| format.contains(*value)).collect())
    };
    comparing(program).map(of_step).collect()
}
