//! The operation of a step: which keys it has, and what they must hold.

use std::sync::Arc;

use super::file::{self, At, StepKind, Value, Values};
use super::post_only::VALUE;
use super::steps::{Place, Reader, State};
use super::{Start, convert};
use crate::error::Result;
use crate::num::Format;
use crate::post::{Float, FloatOp, Op, Operand, Parameter, Per, Precision, Table, When};

/// Entries of a table.
const MAX_ENTRIES: usize = 4096;

/// Operations of one float step.
const MAX_FLOAT_OPS: usize = 8;

/// Thresholds of one step: an output of 10 bits.
const MAX_THRESHOLDS: usize = 1023;

impl Reader<'_, '_> {
    /// `spoken` is the step's word, before it was said in plain ones.
    pub fn operation(
        &mut self,
        file: &At<file::Step>,
        spoken: StepKind,
        key: &str,
        state: State,
    ) -> Result<Op> {
        let kind = *file.step;
        self.check_keys(file, kind, key)?;
        let count = if file.shift.is_some() { &file.shift } else { &file.value };
        let rounding = || match &file.rounding {
            Some(rounding) => Ok(convert::rounding(**rounding)),
            None => Err(self.context.wrong(&file.span(), &format!("{key}.rounding"), "is missing")),
        };
        let rounding = match kind {
            StepKind::ShiftRight | StepKind::FloatScale | StepKind::Float => Some(rounding()?),
            _ => None,
        };
        let mut get = |at: &Option<At<Value>>, part: &str| match at {
            Some(at) => self.number(at, spoken, &format!("{key}.{part}")),
            None => Err(self.context.wrong(&file.span(), &format!("{key}.{part}"), "is missing")),
        };
        Ok(match (kind, rounding) {
            (StepKind::Add, _) => Op::Add(get(&file.value, "value")?),
            (StepKind::Subtract, _) => Op::Subtract(get(&file.value, "value")?),
            (StepKind::Multiply, _) => Op::Multiply(get(&file.value, "value")?),
            (StepKind::Max, _) => Op::Max(get(&file.value, "value")?),
            (StepKind::Min, _) => Op::Min(get(&file.value, "value")?),
            (StepKind::ShiftLeft, _) => Op::ShiftLeft(get(count, "shift")?),
            (StepKind::ShiftRight, Some(rounding)) => {
                let count = get(count, "shift")?;
                let stated = file.adder.as_ref().map(|adder| adder.0);
                let op = Op::ShiftRight(count, rounding, stated);
                // An adder that holds every sum is no other one, so that two designs that do the same are the same.
                let plain = Op::ShiftRight(count, rounding, None);
                let of = |operand| self.names.interval(operand);
                if op.always_as(&plain, state.interval, of) { plain } else { op }
            }
            (StepKind::Clamp, _) => Op::Clamp { low: get(&file.low, "low")?, high: get(&file.high, "high")? },
            (StepKind::Fit, _) => Op::Fit,
            (StepKind::FloatScale, Some(rounding)) => {
                let float = Float::scale(get(&file.value, "value")?);
                Op::Float(Arc::new(self.finite(float, file, key)?), rounding)
            }
            (StepKind::Float, Some(rounding)) => {
                let float = self.float(file, key)?;
                Op::Float(Arc::new(self.finite(float, file, key)?), rounding)
            }
            (StepKind::Lut, _) => self.table(file, key, state)?,
            (StepKind::Thresholds, _) => self.thresholds(file, key)?,
            (StepKind::Branch, _) => self.branch(file, key, state)?,
            (StepKind::ShiftRight | StepKind::FloatScale | StepKind::Float, None)
            | (
                StepKind::Bias
                | StepKind::ZeroPoint
                | StepKind::Relu
                | StepKind::RoundingShift
                | StepKind::Saturate,
                _,
            ) => unreachable!("`synonyms::plain` leaves no synonym"),
        })
    }

    /// A constant, or a parameter.
    fn number(&mut self, at: &At<Value>, spoken: StepKind, key: &str) -> Result<Operand> {
        let taken = match self.accumulator.start {
            Start::Bias => Some((
                "bias",
                "is the bias, which starts the accumulator: it enters in exactly one place (R9)",
            )),
            Start::Value => Some((VALUE, "is what comes in, which is x: a parameter needs another name")),
            Start::Zero | Start::Overwrite => None,
        };
        if let Some((_, what)) = taken.filter(|(name, _)| **at == Value::Name((*name).into())) {
            return Err(self.context.wrong(&at.span(), key, what));
        }
        let implicit = match &**at {
            Value::Name(name) => self.implicit(spoken, name),
            Value::Constant(_) => None,
        };
        self.names.operand(at, key, implicit, self.context)
    }

    fn table(&mut self, file: &At<file::Step>, key: &str, state: State) -> Result<Op> {
        let Some(list) = &file.values else {
            return Err(self.context.wrong(&file.span(), &format!("{key}.values"), "is missing"));
        };
        let Some(first) = &file.first else {
            return Err(self.context.wrong(&file.span(), &format!("{key}.first"), "is missing"));
        };
        let what = format!("is not a list of 1 to {MAX_ENTRIES} integers");
        let wrong = || self.context.wrong(&list.span(), &format!("{key}.values"), &what);
        let Values::List(values) = &**list else { return Err(wrong()) };
        let constant = |value: &Value| match value {
            Value::Constant(value) => Ok(*value),
            Value::Name(_) => Err(wrong()),
        };
        let values: Vec<i64> = values.iter().map(constant).collect::<Result<_>>()?;
        let (Some(lowest), Some(highest)) = (values.first(), values.last()) else { return Err(wrong()) };
        if values.len() > MAX_ENTRIES {
            return Err(wrong());
        }
        let (mut below, mut above) = (*lowest, *highest);
        let last = i128::from(**first) + values.len() as i128 - 1;
        let sides = [
            (&mut below, &file.below, "below", state.interval.0 < i128::from(**first), state.interval.0),
            (&mut above, &file.above, "above", state.interval.1 > last, state.interval.1),
        ];
        for (value, at, part, is_reached, end) in sides {
            match at {
                Some(at) if is_reached => *value = **at,
                None if is_reached => {
                    let what = format!("is missing: x may be {end}, and the table is {}..{last}", **first);
                    return Err(self.context.wrong(&file.span(), &format!("{key}.{part}"), what));
                }
                // Of no matter, so that two designs that do the same are the same.
                _ => {}
            }
        }
        Ok(Op::Lut(Arc::new(Table { first: **first, values, below, above })))
    }

    fn thresholds(&mut self, file: &At<file::Step>, key: &str) -> Result<Op> {
        let values_key = format!("{key}.values");
        let Some(list) = &file.values else {
            return Err(self.context.wrong(&file.span(), &values_key, "is missing"));
        };
        let named: Vec<Value> = match &**list {
            Values::List(values) => {
                self.context.idle(
                    &file.count,
                    &format!("{key}.count"),
                    "the list says how many there are",
                )?;
                values.clone()
            }
            Values::Name(name) => {
                let Some(count) = &file.count else {
                    let what = "is missing: how many thresholds the parameter has";
                    return Err(self.context.wrong(&list.span(), &format!("{key}.count"), what));
                };
                let count =
                    self.context.integer(count, &format!("{key}.count"), 1..=MAX_THRESHOLDS as i64)?;
                let implicit = self.implicit(StepKind::Thresholds, name);
                self.names.expand(name, count, &list.span(), &values_key, implicit, self.context)?
            }
        };
        if named.is_empty() || named.len() > MAX_THRESHOLDS {
            let what = format!("holds {} thresholds, which is not 1 to {MAX_THRESHOLDS}", named.len());
            return Err(self.context.wrong(&list.span(), &values_key, what));
        }
        let number = |value| self.number(&At::new(list.span(), value), StepKind::Thresholds, &values_key);
        let values = named.into_iter().map(number).collect::<Result<_>>()?;
        let offset = match &file.offset {
            Some(at) => self.number(at, StepKind::Thresholds, &format!("{key}.offset"))?,
            None => Operand::Constant(0),
        };
        Ok(Op::Thresholds { values, offset })
    }

    /// The same, unless a constant is the bits of an infinity or of no number.
    fn finite(&self, float: Float, file: &At<file::Step>, key: &str) -> Result<Float> {
        match float.not_finite() {
            None => Ok(float),
            Some(bits) => {
                let what = format!("has {bits}, the bits of no finite {}", float.precision.words());
                let value = file.value.as_ref().map(|at| (at.span(), "value"));
                let ops = file.ops.as_ref().map(|at| (at.span(), "ops"));
                let (span, part) = value.or(ops).unwrap_or_else(|| (file.span(), "step"));
                Err(self.context.wrong(&span, &format!("{key}.{part}"), what))
            }
        }
    }

    /// What is done in floats, operation by operation.
    fn float(&mut self, file: &At<file::Step>, key: &str) -> Result<Float> {
        let Some(list) = &file.ops else {
            return Err(self.context.wrong(&file.span(), &format!("{key}.ops"), "is missing"));
        };
        let precision = match file.precision.as_deref() {
            Some(file::Precision::F64) => Precision::F64,
            Some(file::Precision::F32) | None => Precision::F32,
        };
        if list.is_empty() || list.len() > MAX_FLOAT_OPS {
            let what = format!("holds {} operations, which is not 1 to {MAX_FLOAT_OPS}", list.len());
            return Err(self.context.wrong(&list.span(), &format!("{key}.ops"), what));
        }
        let mut ops = Vec::new();
        for (index, at) in list.iter().enumerate() {
            let key = format!("{key}.ops.{index}");
            let mut number =
                |value: &Value| self.number(&At::new(at.span(), value.clone()), StepKind::Float, &key);
            ops.push(match &**at {
                file::FloatOp::Multiply(value) => FloatOp::Multiply(number(value)?),
                file::FloatOp::Add(value) => FloatOp::Add(number(value)?),
                file::FloatOp::MultiplyAdd([factor, term]) => {
                    FloatOp::MultiplyAdd(number(factor)?, number(term)?)
                }
                file::FloatOp::AddInteger(value) => FloatOp::AddInteger(number(value)?),
                file::FloatOp::Clamp([low, high]) => FloatOp::Clamp(number(low)?, number(high)?),
                file::FloatOp::AddHalf => FloatOp::AddHalf,
            });
        }
        Ok(Float { precision, ops })
    }

    fn branch(&mut self, file: &At<file::Step>, key: &str, state: State) -> Result<Op> {
        let (low, high) = state.interval;
        if low >= 0 || high < 0 {
            let arm = if low >= 0 { "negative" } else { "otherwise" };
            let what = format!("changes nothing: only {low}..{high} comes there");
            return Err(self.context.wrong(&file.span(), &format!("{key}.{arm}"), what));
        }
        let below = State { range: (state.range.0, -1), signed: true, interval: (low, -1) };
        let above = State { range: (0, state.range.1), interval: (0, high), ..state };
        let mut arm = |list: &Option<At<Vec<At<file::Step>>>>, name: &str, state| match list {
            Some(list) => Ok(self.list(list, &format!("{key}.{name}"), state, Place::Inside)?.0),
            None => Ok(vec![]),
        };
        let (negative, otherwise) =
            (arm(&file.negative, "negative", below)?, arm(&file.otherwise, "otherwise", above)?);
        if negative.is_empty() && otherwise.is_empty() {
            let what = "is missing: a branch without steps changes nothing";
            return Err(self.context.wrong(&file.span(), &format!("{key}.negative"), what));
        }
        Ok(Op::Branch { negative, otherwise })
    }

    /// The layer's bit that a step asks.
    pub fn condition(&mut self, file: &At<file::Step>, key: &str, place: Place) -> Result<Option<When>> {
        let (key, bypass) = (format!("{key}.if"), format!("{key}.bypass"));
        let Some(at) = &file.condition else {
            self.context.idle(&file.bypass, &bypass, "there is no `if`: the step always runs")?;
            return Ok(None);
        };
        if place != Place::Program {
            let what = match place {
                Place::Product | Place::Memory => "is for the steps of [[post]]: those in front always run",
                _ => "is for the steps of a program; write it on the step that this one is inside of",
            };
            return Err(self.context.wrong(&at.span(), &key, what));
        }
        let Some(bypass_at) = &file.bypass else {
            return Err(self.context.wrong(&at.span(), &bypass, "is missing"));
        };
        let wire = **bypass_at == file::Bypass::Wire;
        if wire && file.latency.as_ref().is_none_or(|latency| **latency == 0) {
            let what = "changes nothing: the step has no registers to go around";
            return Err(self.context.wrong(&bypass_at.span(), &bypass, what));
        }
        let (name, is) = at.strip_prefix('!').map_or((at.as_str(), true), |name| (name, false));
        let format = Format::unsigned(1).expect("1 bit");
        let bit = Parameter::new(name, format, Per::Layer).within(0, 1);
        let value = At::new(at.span(), Value::Name(name.into()));
        let bit = self.names.operand(&value, &key, Some(bit), self.context)?;
        let Operand::Parameter(index) = bit else { unreachable!("a name is a parameter") };
        let parameter = &self.names.parameters()[index];
        if parameter.format != format || parameter.per != Per::Layer {
            let what = format!("names {name:?}, which is no bit of the layer: \"u1\", per = \"layer\"");
            return Err(self.context.wrong(&at.span(), &key, what));
        }
        Ok(Some(When { bit, is, wire }))
    }

    /// Refuses the keys that a step has no use for.
    fn check_keys(&self, file: &At<file::Step>, kind: StepKind, key: &str) -> Result<()> {
        let context = self.context;
        let why = "this step does not use it";
        let is = |kinds: &[StepKind]| kinds.contains(&kind);
        let valued =
            is(&[StepKind::Add, StepKind::Subtract, StepKind::Multiply, StepKind::Max, StepKind::Min]);
        let shift = is(&[StepKind::ShiftLeft, StepKind::ShiftRight]);
        let rounds = is(&[StepKind::ShiftRight, StepKind::FloatScale, StepKind::Float]);
        let (table, counts) = (kind == StepKind::Lut, kind == StepKind::Thresholds);
        let numbers = [
            (valued || shift || kind == StepKind::FloatScale, &file.value, "value"),
            (shift, &file.shift, "shift"),
            (kind == StepKind::Clamp, &file.low, "low"),
            (kind == StepKind::Clamp, &file.high, "high"),
            (counts, &file.offset, "offset"),
        ];
        for (used, at, part) in numbers {
            if !used {
                context.idle(at, &format!("{key}.{part}"), why)?;
            }
        }
        let integers = [
            (table, &file.first, "first"),
            (table, &file.below, "below"),
            (table, &file.above, "above"),
            (counts, &file.count, "count"),
        ];
        for (used, at, part) in integers {
            if !used {
                context.idle(at, &format!("{key}.{part}"), why)?;
            }
        }
        for (used, at, part) in [
            (valued, &file.value_steps, "value_steps"),
            (kind == StepKind::Branch, &file.negative, "negative"),
            (kind == StepKind::Branch, &file.otherwise, "otherwise"),
        ] {
            if !used {
                context.idle(at, &format!("{key}.{part}"), why)?;
            }
        }
        if !(table || counts) {
            context.idle(&file.values, &format!("{key}.values"), why)?;
        }
        if kind != StepKind::Float {
            context.idle(&file.precision, &format!("{key}.precision"), why)?;
            context.idle(&file.ops, &format!("{key}.ops"), why)?;
        }
        if !rounds {
            context.idle(&file.rounding, &format!("{key}.rounding"), why)?;
        }
        if kind != StepKind::ShiftRight {
            context.idle(&file.adder, &format!("{key}.adder"), why)?;
        }
        self.check_formats(file, kind, key)
    }

    fn check_formats(&self, file: &At<file::Step>, kind: StepKind, key: &str) -> Result<()> {
        let context = self.context;
        if let (Some(shift), Some(_)) = (&file.shift, &file.value) {
            let what = "and `value` are the same key: write one";
            return Err(context.wrong(&shift.span(), &format!("{key}.shift"), what));
        }
        if matches!(kind, StepKind::Fit | StepKind::FloatScale | StepKind::Float) && file.format.is_none() {
            return Err(context.wrong(&file.span(), &format!("{key}.format"), "is missing"));
        }
        let saturates = file.overflow.as_ref().is_none_or(|o| **o == file::Overflow::Saturate);
        match &file.overflow {
            at if matches!(kind, StepKind::FloatScale | StepKind::Float) && (at.is_none() || !saturates) => {
                let span = at.as_ref().map_or_else(|| file.span(), At::span);
                let what = "must be \"saturate\": a float has no value modulo 2^width";
                Err(context.wrong(&span, &format!("{key}.overflow"), what))
            }
            _ => Ok(()),
        }
    }
}
