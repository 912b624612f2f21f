//! The same program on many columns at once, in 64-bit lanes: vector instructions instead of `i128`.
//!
//! Licensed by intervals: every exact result of every step, given the parameters' limits, fits an `i64`.
//! [`run`](super::run) is the rule; `tests/engine` and `tests/lockstep` hold the two equal.

use multiversion::multiversion;

use super::{Op, Operand, Parameter, Step, bind};
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
    op: Op,
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
    /// `None` when some exact result may need more than 64 bits, or a step is no integer step.
    pub fn new(
        steps: &[Step],
        input: Format,
        parameters: &[Parameter],
        [rows, columns]: [usize; 2],
    ) -> Option<Self> {
        let mut interval = (i128::from(input.min()), i128::from(input.max()));
        let mut lanes = Vec::with_capacity(steps.len());
        for step in steps {
            interval = exact(step.op, interval, parameters)?;
            i64::try_from(interval.0).ok()?;
            i64::try_from(interval.1).ok()?;
            let rule = match step.format {
                Some(format) => {
                    interval = step.overflow.image(format, interval);
                    Some(Rule::new(format, step.overflow)?)
                }
                None => None,
            };
            let operands = vec![0; rows * columns];
            lanes.push(Lane { op: step.op, rule, first: operands.clone(), second: operands });
        }
        Some(Lanes { steps: lanes, rows, columns })
    }

    /// Takes the numbers of the records from `record` on, one a column.
    pub fn bind(&mut self, records: &[Vec<i64>], record: usize) {
        for step in &mut self.steps {
            for (operand, bound) in step.op.operands().into_iter().zip([&mut step.first, &mut step.second]) {
                for (column, value) in bound[..self.columns].iter_mut().enumerate() {
                    *value = bind(operand, records, record + column);
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
    match step.op {
        Op::Add(_) => pairs.for_each(|(v, o)| *v += o),
        Op::Subtract(_) => pairs.for_each(|(v, o)| *v -= o),
        Op::Multiply(_) => pairs.for_each(|(v, o)| *v *= o),
        Op::Max(_) => pairs.for_each(|(v, o)| *v = (*v).max(*o)),
        Op::Min(_) => pairs.for_each(|(v, o)| *v = (*v).min(*o)),
        Op::ShiftLeft(_) => pairs.for_each(|(v, o)| *v <<= o & 63),
        Op::ShiftRight(_, rounding) => shift_right(values, first, rounding),
        Op::Clamp { .. } => {
            pairs.zip(&step.second).for_each(|((v, low), high)| *v = (*v).min(*high).max(*low))
        }
        // `Lanes::new` refuses float steps.
        Op::Fit | Op::FloatScale(..) => {}
    }
}

/// Every exact result of `op` on the interval; `None` when lanes cannot do it.
fn exact(op: Op, (low, high): (i128, i128), parameters: &[Parameter]) -> Option<(i128, i128)> {
    let by = |operand: Operand| operand.range(parameters);
    let count = |operand| {
        let (least, most) = by(operand);
        (0..=62).contains(&least).then_some(most).filter(|most| *most <= 62)
    };
    let corners = |products: [i128; 4]| {
        (products.into_iter().min().unwrap_or_default(), products.into_iter().max().unwrap_or_default())
    };
    Some(match op {
        Op::Add(v) => (low + by(v).0, high + by(v).1),
        Op::Subtract(v) => (low - by(v).1, high - by(v).0),
        Op::Multiply(v) => {
            let (least, most) = by(v);
            corners([low * least, low * most, high * least, high * most])
        }
        Op::Max(v) => (low.max(by(v).0), high.max(by(v).1)),
        Op::Min(v) => (low.min(by(v).0), high.min(by(v).1)),
        Op::ShiftLeft(v) => {
            let most = count(v)?;
            corners([low, high, low << most, high << most])
        }
        Op::ShiftRight(v, _) => {
            count(v)?;
            // Whatever the mode, no further from 0 than the value itself, or 1.
            (low.min(-1), high.max(1))
        }
        Op::Clamp { low: least, high: most } => (low.min(by(least).0), high.max(by(most).1).max(by(least).1)),
        Op::Fit => (low, high),
        Op::FloatScale(..) => return None,
    })
}
