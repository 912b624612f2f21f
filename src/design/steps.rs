//! The steps of a post-processing program: derived formats, proved ranges, contradictions.

use std::ops::Range;

use super::context::Context;
use super::file::{self, At, StepKind};
use super::names::Names;
use super::{Accumulator, convert, synonyms};
use crate::error::Result;
use crate::num::{Fit, Format, Overflow, narrowest};
use crate::post::{Choice, Op, Operand, Parameter, Role, Step};

const MAX_STEPS: usize = 64;

pub(super) type Interval = crate::post::Range;

/// Format and overflow of a node as written.
pub(super) struct Node<'a> {
    pub format: &'a Option<At<file::Format>>,
    pub overflow: &'a Option<At<file::Overflow>>,
    pub at: Range<usize>,
    pub key: &'a str,
}

/// Between two steps: the format's own range, and the narrower interval that is proved.
#[derive(Clone, Copy)]
struct State {
    /// Range of the format, or of an exact product that has none.
    range: Interval,
    signed: bool,
    interval: Interval,
}

pub(super) fn build(
    list: &[At<file::Step>],
    accumulator: &Accumulator,
    choice: Option<&Choice>,
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<Vec<Step>> {
    if let Some(extra) = list.get(MAX_STEPS) {
        return Err(context.wrong(&extra.span(), "post", format!("has more than {MAX_STEPS} steps")));
    }
    let (format, interval) = (accumulator.format, accumulator.range());
    let mut state = State { range: range_of(format), signed: format.is_signed(), interval };
    let mut steps = Vec::new();
    for (index, file) in list.iter().enumerate() {
        let key = format!("post.{index}");
        let implicit = |name: &str| {
            let known = synonyms::implicit(*file.step, accumulator.register).filter(|p| p.name == name);
            known.or_else(|| choice.and_then(|c| c.parameter(name, accumulator.format)))
        };
        let file = synonyms::plain(file, &key, state.signed, context)?;
        let op = operation(&file, &key, accumulator, implicit, names, context)?;
        let fusable = list.get(index + 1).is_some_and(|s| shifts_right(*s.step));
        let (step, after) = step(&file, &key, op, state, fusable, names, context)?;
        state = after;
        steps.push(step);
    }
    Ok(steps)
}

pub(super) fn range_of(format: Format) -> Interval {
    (i128::from(format.min()), i128::from(format.max()))
}

fn operation(
    file: &At<file::Step>,
    key: &str,
    accumulator: &Accumulator,
    implicit: impl Fn(&str) -> Option<Parameter>,
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<Op> {
    let kind = *file.step;
    check_keys(file, kind, key, context)?;
    let mut get = |at: &Option<At<file::Value>>, part: &str| match at {
        Some(at) => {
            if accumulator.bias.is_some() && **at == file::Value::Name("bias".into()) {
                let what = "is the bias, which starts the accumulator: it enters in exactly one place (R9)";
                return Err(context.wrong(&at.span(), &format!("{key}.{part}"), what));
            }
            let implicit = match &**at {
                file::Value::Name(name) => implicit(name),
                file::Value::Constant(_) => None,
            };
            names.operand(at, &format!("{key}.{part}"), implicit, context)
        }
        None => Err(context.wrong(&file.span(), &format!("{key}.{part}"), "is missing")),
    };
    let count = if file.shift.is_some() { &file.shift } else { &file.value };
    let rounding = || match &file.rounding {
        Some(rounding) => Ok(convert::rounding(**rounding)),
        None => Err(context.wrong(&file.span(), &format!("{key}.rounding"), "is missing")),
    };
    Ok(match kind {
        StepKind::Add => Op::Add(get(&file.value, "value")?),
        StepKind::Subtract => Op::Subtract(get(&file.value, "value")?),
        StepKind::Multiply => Op::Multiply(get(&file.value, "value")?),
        StepKind::Max => Op::Max(get(&file.value, "value")?),
        StepKind::Min => Op::Min(get(&file.value, "value")?),
        StepKind::ShiftLeft => Op::ShiftLeft(get(count, "shift")?),
        StepKind::ShiftRight => Op::ShiftRight(get(count, "shift")?, rounding()?),
        StepKind::Clamp => Op::Clamp { low: get(&file.low, "low")?, high: get(&file.high, "high")? },
        StepKind::Fit => Op::Fit,
        StepKind::FloatScale => Op::FloatScale(get(&file.value, "value")?, rounding()?),
        StepKind::Bias
        | StepKind::ZeroPoint
        | StepKind::Relu
        | StepKind::RoundingShift
        | StepKind::Saturate => unreachable!("`synonyms::plain` leaves no synonym"),
    })
}

fn shifts_right(kind: StepKind) -> bool {
    matches!(kind, StepKind::ShiftRight | StepKind::RoundingShift)
}

/// Refuses the keys that a step has no use for.
fn check_keys(file: &At<file::Step>, kind: StepKind, key: &str, context: &Context<'_>) -> Result<()> {
    let shift = matches!(kind, StepKind::ShiftLeft | StepKind::ShiftRight);
    let valued = !matches!(kind, StepKind::Clamp | StepKind::Fit);
    let why = "this step does not use it";
    let unless = |used: bool, at: &Option<At<file::Value>>, part: &str| {
        if used { Ok(()) } else { context.idle(at, &format!("{key}.{part}"), why) }
    };
    unless(valued, &file.value, "value")?;
    unless(shift, &file.shift, "shift")?;
    unless(kind == StepKind::Clamp, &file.low, "low")?;
    unless(kind == StepKind::Clamp, &file.high, "high")?;
    if !matches!(kind, StepKind::ShiftRight | StepKind::FloatScale) {
        context.idle(&file.rounding, &format!("{key}.rounding"), why)?;
    }
    if let (Some(shift), Some(_)) = (&file.shift, &file.value) {
        let what = "and `value` are the same key: write one";
        return Err(context.wrong(&shift.span(), &format!("{key}.shift"), what));
    }
    if matches!(kind, StepKind::Fit | StepKind::FloatScale) && file.format.is_none() {
        return Err(context.wrong(&file.span(), &format!("{key}.format"), "is missing"));
    }
    let saturates = file.overflow.as_ref().is_none_or(|o| **o == file::Overflow::Saturate);
    match &file.overflow {
        at if kind == StepKind::FloatScale && (at.is_none() || !saturates) => {
            let span = at.as_ref().map_or_else(|| file.span(), At::span);
            let what = "must be \"saturate\": a float32 has no value modulo 2^width";
            Err(context.wrong(&span, &format!("{key}.overflow"), what))
        }
        _ => Ok(()),
    }
}

#[allow(clippy::too_many_arguments)]
fn step(
    file: &At<file::Step>,
    key: &str,
    op: Op,
    state: State,
    fusable: bool,
    names: &Names<'_>,
    context: &Context<'_>,
) -> Result<(Step, State)> {
    check_count(file, key, op, names, context)?;
    let latency = context.latency(&file.latency, &format!("{key}.latency"))?;
    let interval = op.range(state.interval, |operand| names.interval(operand));
    let signed = op.is_signed(state.signed, |operand| match operand {
        Operand::Constant(value) => value < 0,
        Operand::Parameter(index) => names.parameters()[index].format.is_signed(),
    });
    let (range, exact) = exact(op, state, names, signed);
    if op.operand(Role::Factor).is_some() && exact.is_none() {
        fused(file, key, fusable, latency, context)?;
        let step = Step { id: key.to_string(), op, format: None, overflow: Overflow::Wrap, latency };
        let interval = interval.unwrap_or(range);
        return Ok((step, State { range, signed, interval }));
    }
    let node = Node { format: &file.format, overflow: &file.overflow, at: file.span(), key };
    let (format, overflow, interval) = fitted(node, exact, interval, context)?;
    let step = Step { id: key.to_string(), op, format: Some(format), overflow, latency };
    Ok((step, State { range: range_of(format), signed: format.is_signed(), interval }))
}

/// R8: a product wider than 64 bits has no format, no register, and a shift behind it.
fn fused(file: &At<file::Step>, key: &str, fusable: bool, latency: u32, context: &Context<'_>) -> Result<()> {
    if !fusable {
        let what = "is a product wider than 64 bits: it must be fused with a shift_right behind it (R8)";
        return Err(context.wrong(&file.span(), key, what));
    }
    if latency != 0 {
        let what = "must be 0: the product is wider than 64 bits and fused with its shift (R8)";
        let span = file.latency.as_ref().map_or_else(|| file.span(), At::span);
        return Err(context.wrong(&span, &format!("{key}.latency"), what));
    }
    let why = "the product is wider than 64 bits and fused with its shift (R8)";
    context.idle(&file.format, &format!("{key}.format"), why)?;
    context.idle(&file.overflow, &format!("{key}.overflow"), why)
}

fn check_count(
    file: &At<file::Step>,
    key: &str,
    op: Op,
    names: &Names<'_>,
    context: &Context<'_>,
) -> Result<()> {
    let (Some(count), Some(most)) = (op.operand(Role::Count), op.largest_count()) else { return Ok(()) };
    let (low, high) = names.interval(count);
    if low >= 0 && high <= i128::from(most) {
        return Ok(());
    }
    let at = file.shift.as_ref().or(file.value.as_ref());
    let span = at.map_or_else(|| file.span(), At::span);
    let what = format!("is {low}..{high}, but this shift counts 0 to {most}");
    Err(context.wrong(&span, &format!("{key}.shift"), what))
}

/// Range and format of the exact result, from the formats alone: what the hardware without knowledge of a
/// parameter's limits would build. No format when it needs more than 64 bits.
fn exact(op: Op, state: State, names: &Names<'_>, signed: bool) -> (Interval, Option<Format>) {
    let built_for = |operand| match operand {
        Operand::Parameter(index) if !op.is_built_for_limits() => range_of(names.parameters()[index].format),
        _ => names.interval(operand),
    };
    let range = op.range(state.range, built_for).unwrap_or(state.range);
    (range, narrowest(range, signed, Overflow::Wrap))
}

/// Format and overflow of a node, and what leaves it.
///
/// An overflow rule that can never act is the exact one, so that two designs that do the same are the same.
pub(super) fn fitted(
    node: Node<'_>,
    exact: Option<Format>,
    interval: Option<Interval>,
    context: &Context<'_>,
) -> Result<(Format, Overflow, Interval)> {
    let key = |part: &str| format!("{}.{part}", node.key);
    let format = match (node.format, exact) {
        (Some(format), _) => format.0,
        (None, Some(exact)) => {
            context.idle(node.overflow, &key("overflow"), "without a format the result is exact")?;
            exact
        }
        (None, None) => {
            let what = "is missing: the exact result needs more than 64 bits";
            return Err(context.wrong(&node.at, &key("format"), what));
        }
    };
    let rule = node.overflow.as_ref().map(|o| convert::overflow(**o));
    let fit = Fit { format, overflow: rule.unwrap_or(Overflow::Wrap) };
    // Of no bound, everything comes.
    let range = interval.unwrap_or((i128::MIN, i128::MAX));
    match rule {
        _ if fit.holds(range) => Ok((format, Overflow::Wrap, range)),
        None => {
            let values = interval.map_or("unbounded".into(), |(l, h)| format!("{l}..{h}"));
            let span = node.format.as_ref().map_or_else(|| node.at.clone(), At::span);
            let what = format!("is missing: the result is {values}, which {format} does not hold");
            Err(context.wrong(&span, &key("overflow"), what))
        }
        Some(rule) => Ok((format, rule, fit.image(range))),
    }
}
