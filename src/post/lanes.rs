//! The same program on many columns at once, in 64-bit lanes: vector instructions instead of `i128`.
//!
//! Licensed by intervals: every exact result of every step, given the parameters' limits, fits an `i64`.
//! [`Channel::run`](super::Channel::run) is the rule; `tests/engine` and `tests/lockstep` hold the two equal.

use multiversion::multiversion;

use super::{Op, Parameter, Role, Step};
use crate::num::lanes::{Rule, shift_right};
use crate::num::{Format, Overflow};

/// A program that fits 64-bit lanes, with operands bound for rows of so many columns.
#[derive(Debug, Clone)]
pub struct Lanes {
    steps: Vec<Lane>,
    rows: usize,
    columns: usize,
}

#[derive(Debug, Clone)]
struct Lane {
    step: Step,
    rule: Option<Rule<i64>>,
    /// The operand, or a clamp's low: by column, again for each row, so that a loop over rows has no seams.
    first: Vec<i64>,
    /// A clamp's high.
    second: Vec<i64>,
}

/// How often each step's exact result lay outside its format, by step, then by row and column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// Above the format: `[steps][rows · columns]`.
    pub high: Vec<Vec<u32>>,
    /// Below the format: `[steps][rows · columns]`.
    pub low: Vec<Vec<u32>>,
}

impl Events {
    /// No event yet, for so many `steps` and so many `values` (rows · columns).
    pub fn new(steps: usize, values: usize) -> Self {
        Events { high: vec![vec![0; values]; steps], low: vec![vec![0; values]; steps] }
    }
}

impl Lanes {
    /// `None` when some exact result may need more than 64 bits, or a step has no form in lanes: float32, a table,
    /// thresholds, a branch, a stated adder, a step that a layer may switch off.
    pub fn new(
        steps: &[Step],
        input: Format,
        parameters: &[Parameter],
        [rows, columns]: [usize; 2],
    ) -> Option<Self> {
        let mut entering = (i128::from(input.min()), i128::from(input.max()));
        let mut lanes = Vec::with_capacity(steps.len());
        for step in steps {
            let has_form = !matches!(step.op, Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. });
            (has_form && step.op.adder().is_none() && step.when.is_none()).then_some(())?;
            for operand in step.op.operands() {
                let (least, most) = step.value_range(operand, parameters);
                (i64::try_from(least).is_ok() && i64::try_from(most).is_ok()).then_some(())?;
            }
            let range = step.range(entering, parameters);
            let exact = range.unfitted?;
            i64::try_from(exact.0).ok()?;
            i64::try_from(exact.1).ok()?;
            if let Some(count) = step.op.operand(Role::Count) {
                let (least, most) = count.range(parameters);
                ((0..=62).contains(&least) && most <= 62).then_some(())?;
            }
            entering = range.fitted;
            let rule = match step.format {
                Some(format) => Some(Rule::new(format, step.overflow)?),
                None => None,
            };
            let operands = vec![0; rows * columns];
            lanes.push(Lane { step: step.clone(), rule, first: operands.clone(), second: operands });
        }
        Some(Lanes { steps: lanes, rows, columns })
    }

    /// Takes the numbers of the records from `record` on, one a column.
    pub fn bind(&mut self, records: &[Vec<i64>], record: usize) {
        for Lane { step, first, second, .. } in &mut self.steps {
            for (operand, bound) in step.op.operands().into_iter().zip([first, second]) {
                for (column, value) in bound[..self.columns].iter_mut().enumerate() {
                    // `Lanes::new` asked whether it fits.
                    *value = step.value(operand, records, record + column) as i64;
                }
                for row in 1..self.rows {
                    bound.copy_within(..self.columns, row * self.columns);
                }
            }
        }
    }

    /// Finishes whole rows and adds what happened on the way to `events`; returns whether anything did.
    ///
    /// # Panics
    /// When `values` are more rows than it was made for.
    pub fn run(&self, values: &mut [i64], events: &mut Events) -> bool {
        assert!(values.len() <= self.rows * self.columns);
        run(&self.steps, values, events)
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn run(steps: &[Lane], values: &mut [i64], events: &mut Events) -> bool {
    let mut any = false;
    for (index, step) in steps.iter().enumerate() {
        apply(step, values);
        let Some(rule) = &step.rule else { continue };
        let (low, high) = rule.rails();
        // Nothing outside its format: every overflow rule is the identity.
        if !values.iter().fold(false, |outside, v| outside | (*v > high) | (*v < low)) {
            continue;
        }
        any = true;
        let counters = events.high[index].iter_mut().zip(&mut events.low[index]);
        for (value, (highs, lows)) in values.iter().zip(counters) {
            *highs += u32::from(*value > high);
            *lows += u32::from(*value < low);
        }
        match rule.overflow() {
            Overflow::Wrap => values.iter_mut().for_each(|v| *v = rule.wrap(0, *v)),
            _ => values.iter_mut().for_each(|v| *v = (*v).max(low).min(high)),
        }
    }
    any
}

#[inline(always)]
fn apply(step: &Lane, values: &mut [i64]) {
    let first = &step.first[..values.len()];
    let pairs = values.iter_mut().zip(first);
    match &step.step.op {
        Op::Add(_) => pairs.for_each(|(v, o)| *v += o),
        Op::Subtract(_) => pairs.for_each(|(v, o)| *v -= o),
        Op::Multiply(_) => pairs.for_each(|(v, o)| *v *= o),
        Op::Max(_) => pairs.for_each(|(v, o)| *v = (*v).max(*o)),
        Op::Min(_) => pairs.for_each(|(v, o)| *v = (*v).min(*o)),
        Op::ShiftLeft(_) => pairs.for_each(|(v, o)| *v <<= o & 63),
        Op::ShiftRight(_, rounding, _) => shift_right(values, first, *rounding),
        Op::Clamp { .. } => {
            pairs.zip(&step.second).for_each(|((v, low), high)| *v = (*v).min(*high).max(*low))
        }
        // `Lanes::new` refuses what is not here.
        Op::Fit | Op::FloatScale(..) | Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. } => {}
    }
}
