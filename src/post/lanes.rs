//! The same program on many columns at once, in 64-bit lanes: vector instructions instead of `i128`.
//!
//! Licensed by intervals: every exact result of every step, given the parameters' limits, fits an `i64`.
//! [`Channel::run`](super::Channel::run) is the rule; `tests/engine` and `tests/lockstep` hold the two equal.

use multiversion::multiversion;

use super::{Op, Operand, Parameter, Range, Role, Step};
use crate::num::lanes::{
    HALF_UP, Rule, half_up, half_up_wide, shift_half_up, shift_half_up_wide, shift_right,
};
use crate::num::{Format, Overflow, Rounding};

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
    /// `None` where nothing can leave the step's format.
    rule: Option<Rule<i64>>,
    form: Form,
    /// The operand, or a clamp's low: by column, again for each row, so that a loop over rows has no seams.
    first: Vec<i64>,
    /// A clamp's high; what [`half_up`] adds.
    second: Vec<i64>,
    /// What [`half_up`] takes away.
    third: Vec<i64>,
    /// Whether every column has the same numbers.
    uniform: bool,
    /// The number that all of `first`, and of `second`, was filled with.
    filled: [Option<i64>; 2],
}

/// What intervals license beyond 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Any,
    /// Factors that both fit 32 bits.
    Narrow,
    /// A shift half up of a value between the two of [`HALF_UP`].
    HalfUp,
    /// Of any value.
    HalfUpWide,
}

impl Form {
    fn of(step: &Step, entering: Range, parameters: &[Parameter]) -> Form {
        let within = |(low, high): Range, least: i64, most: i64| low >= least.into() && high <= most.into();
        let in_32 = |range: Range| within(range, i32::MIN.into(), i32::MAX.into());
        match step.op {
            Op::Multiply(by) if in_32(entering) && in_32(step.value_range(by, parameters)) => Form::Narrow,
            Op::ShiftRight(_, Rounding::HalfUp, _) if within(entering, HALF_UP.0, HALF_UP.1) => Form::HalfUp,
            Op::ShiftRight(_, Rounding::HalfUp, _) => Form::HalfUpWide,
            _ => Form::Any,
        }
    }
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
            let form = Form::of(step, entering, parameters);
            entering = range.fitted;
            let mut rule = None;
            if let Some(format) = step.format {
                let of_format = Rule::<i64>::new(format, step.overflow)?;
                let (low, high) = of_format.rails();
                let fits = exact.0 >= low.into() && exact.1 <= high.into();
                rule = (!fits).then_some(of_format);
            }
            let [first, second, third] = [(); 3].map(|()| vec![0; rows * columns]);
            let (uniform, filled) = (false, [None; 2]);
            lanes.push(Lane { step: step.clone(), rule, form, first, second, third, uniform, filled });
        }
        Some(Lanes { steps: lanes, rows, columns })
    }

    /// Takes the numbers of the records from `record` on, one a column.
    pub fn bind(&mut self, records: &[Vec<i64>], record: usize) {
        let columns = self.columns;
        for Lane { step, form, first, second, third, uniform, filled, .. } in &mut self.steps {
            let operands = step.op.operands();
            for (at, (operand, bound)) in operands.iter().zip([&mut *first, &mut *second]).enumerate() {
                let per_record = matches!(operand, Operand::Parameter(index) if records[*index].len() > 1);
                if !per_record && step.value_steps.is_empty() {
                    // A number of the whole layer.
                    let number = step.value(*operand, records, 0) as i64;
                    if filled[at].replace(number) != Some(number) {
                        bound.fill(number);
                    }
                    continue;
                }
                filled[at] = None;
                match operand {
                    Operand::Parameter(index) if step.value_steps.is_empty() => {
                        bound[..columns].copy_from_slice(&records[*index][record..record + columns]);
                    }
                    _ => {
                        for (column, value) in bound[..columns].iter_mut().enumerate() {
                            // `Lanes::new` asked whether it fits.
                            *value = step.value(*operand, records, record + column) as i64;
                        }
                    }
                }
            }
            count(*form, &first[..columns], second, third);
            let alike = |bound: &[i64]| alike(&bound[..columns]);
            *uniform = operands.len() == filled.iter().flatten().count() || alike(first) && alike(second);
            for bound in [first, second, third] {
                for row in 1..self.rows {
                    bound.copy_within(..columns, row * columns);
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

/// Whether all numbers are the first one.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn alike(numbers: &[i64]) -> bool {
    // Mostly the second one is another.
    let same = |some: &[i64]| some.iter().fold(0, |differ, number| differ | (number ^ numbers[0])) == 0;
    numbers.chunks(64).all(same)
}

/// What shifts half up need beside their counts.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+bmi1+bmi2", "x86_64+avx2+bmi1+bmi2"))]
fn count(form: Form, counts: &[i64], second: &mut [i64], third: &mut [i64]) {
    let counts = counts.iter().zip(second.iter_mut().zip(third));
    match form {
        Form::HalfUp => counts.for_each(|(count, (a, b))| [*a, *b] = half_up(*count)),
        Form::HalfUpWide => counts.for_each(|(count, (a, b))| [*a, *b] = half_up_wide(*count)),
        Form::Any | Form::Narrow => {}
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
fn apply(Lane { step, form, first, second, third, uniform, .. }: &Lane, values: &mut [i64]) {
    // A number that all columns share stays in a register.
    macro_rules! each {
        (|$v:ident, $a:ident| $new:expr) => {
            if let (true, Some($a)) = (*uniform, first.first()) {
                values.iter_mut().for_each(|$v| *$v = $new)
            } else {
                values.iter_mut().zip(first).for_each(|($v, $a)| *$v = $new)
            }
        };
        (|$v:ident, $a:ident, $b:ident, $c:ident| $new:expr) => {
            if let (true, Some($a), Some($b), Some($c)) =
                (*uniform, first.first(), second.first(), third.first())
            {
                values.iter_mut().for_each(|$v| *$v = $new)
            } else {
                let numbers = first.iter().zip(second).zip(third);
                values.iter_mut().zip(numbers).for_each(|($v, (($a, $b), $c))| *$v = $new)
            }
        };
    }
    let narrow = |value: i64| i64::from(value as i32);
    match &step.op {
        Op::Add(_) => each!(|v, o| *v + *o),
        Op::Subtract(_) => each!(|v, o| *v - *o),
        Op::Multiply(_) if *form == Form::Narrow => each!(|v, o| narrow(*v) * narrow(*o)),
        Op::Multiply(_) => each!(|v, o| *v * *o),
        Op::Max(_) => each!(|v, o| (*v).max(*o)),
        Op::Min(_) => each!(|v, o| (*v).min(*o)),
        Op::ShiftLeft(_) => each!(|v, o| *v << (*o & 63)),
        Op::ShiftRight(..) if *form == Form::HalfUp => {
            each!(|v, count, before, behind| shift_half_up(*v, *count, [*before, *behind]))
        }
        Op::ShiftRight(..) if *form == Form::HalfUpWide => {
            each!(|v, count, rounds, behind| shift_half_up_wide(*v, *count, [*rounds, *behind]))
        }
        Op::ShiftRight(_, rounding, _) => {
            let count = values.len();
            shift_right(values, &first[..count], *rounding);
        }
        Op::Clamp { .. } => each!(|v, low, high, _third| (*v).min(*high).max(*low)),
        // `Lanes::new` refuses what is not here.
        Op::Fit | Op::Float(..) | Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. } => {}
    }
}
