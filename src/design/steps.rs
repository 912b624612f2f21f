//! The steps of a post-processing program: derived formats, proved ranges, contradictions.

use std::ops::Range;

use super::context::Context;
use super::file::{self, At, StepKind};
use super::names::Names;
use super::preset::Choice;
use super::{Accumulator, Memory, convert, synonyms};
use crate::error::Result;
use crate::num::{Fit, Format, Overflow, narrowest};
use crate::post::{Op, Operand, Parameter, Role, Step};

/// Those inside others too.
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
pub(super) struct State {
    /// Range of the format, or of an exact product that has none.
    pub range: Interval,
    pub signed: bool,
    pub interval: Interval,
}

/// Where a list of steps stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A node each, with registers.
    Program,
    /// Inside a step, whose registers are behind it.
    Inside,
    /// Behind the multiplier, whose registers are behind them.
    Product,
    /// On the way to a word of the memory, or from it.
    Memory,
}

/// What the steps of a design are read with.
pub(super) struct Reader<'r, 'd> {
    pub accumulator: &'r Accumulator,
    pub choice: Option<&'r Choice>,
    pub names: &'r mut Names<'d>,
    pub context: &'r Context<'r>,
    /// Whether the steps are none of the post-processing: a layer brings nothing for them without being asked.
    elsewhere: bool,
    /// Steps read so far.
    read: usize,
}

pub(super) fn build(
    list: &[At<file::Step>],
    key: &str,
    (accumulator, memory): (&Accumulator, Option<Memory>),
    choice: Option<&Choice>,
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<Vec<Step>> {
    let format = memory.map_or(accumulator.format, |memory| memory.format);
    let interval = memory.map_or(accumulator.range(), |memory| {
        let (low, high) = memory.fit().rails();
        (i128::from(low), i128::from(high))
    });
    let state = State { range: range_of(format), signed: format.is_signed(), interval };
    let mut reader = Reader::new(accumulator, choice, names, context);
    Ok(reader.list(list, key, state, Place::Program)?.0)
}

pub(super) fn range_of(format: Format) -> Interval {
    (i128::from(format.min()), i128::from(format.max()))
}

fn shifts_right(kind: StepKind) -> bool {
    matches!(kind, StepKind::ShiftRight | StepKind::RoundingShift)
}

impl<'r, 'd> Reader<'r, 'd> {
    pub fn new(
        accumulator: &'r Accumulator,
        choice: Option<&'r Choice>,
        names: &'r mut Names<'d>,
        context: &'r Context<'r>,
    ) -> Self {
        Reader { accumulator, choice, names, context, elsewhere: false, read: 0 }
    }

    /// Of steps elsewhere than behind a finished sum.
    pub fn elsewhere(self) -> Self {
        Reader { elsewhere: true, ..self }
    }
}

impl Reader<'_, '_> {
    /// Steps one after the other, and what leaves the last.
    pub fn list(
        &mut self,
        list: &[At<file::Step>],
        path: &str,
        mut state: State,
        place: Place,
    ) -> Result<(Vec<Step>, State)> {
        let mut steps = Vec::new();
        for (index, file) in list.iter().enumerate() {
            self.read += 1;
            if self.read > MAX_STEPS {
                let what = format!("has more than {MAX_STEPS} steps");
                return Err(self.context.wrong(&file.span(), path, what));
            }
            let fusable = list.get(index + 1).is_some_and(|s| shifts_right(*s.step));
            let (step, after) = self.step(file, &format!("{path}.{index}"), state, fusable, place)?;
            state = after;
            steps.push(step);
        }
        Ok((steps, state))
    }

    /// What an undeclared name means in a step.
    pub fn implicit(&self, kind: StepKind, name: &str) -> Option<Parameter> {
        if self.elsewhere {
            // What a layer brings without being asked is for its sums.
            return None;
        }
        let known = synonyms::implicit(kind, self.accumulator.register).filter(|p| p.name == name);
        known.or_else(|| self.choice.and_then(|c| c.parameter(name, self.accumulator.format)))
    }

    fn step(
        &mut self,
        file: &At<file::Step>,
        key: &str,
        state: State,
        fusable: bool,
        place: Place,
    ) -> Result<(Step, State)> {
        let spoken = *file.step;
        match place {
            Place::Product => super::product::check_kind(spoken, &file.step.span(), key, self.context)?,
            Place::Memory => super::memory::check_kind(spoken, &file.step.span(), key, self.context)?,
            Place::Program | Place::Inside => {}
        }
        let file = synonyms::plain(file, key, state.signed, self.context)?;
        let op = self.operation(&file, spoken, key, state)?;
        let (value_steps, value) = self.value_steps(&file, &op, key)?;
        check_count(&file, key, &op, self.names, self.context)?;
        let when = self.condition(&file, key, place)?;
        let latency = self.latency(&file, key, place)?;
        let of = |operand| value.map_or_else(|| self.names.interval(operand), |value: State| value.interval);
        let interval = op.range(state.interval, of);
        let signed = op.is_signed(state.signed, |operand| match (value, operand) {
            (Some(value), _) => value.signed,
            (None, Operand::Constant(value)) => value < 0,
            (None, Operand::Parameter(index)) => self.names.parameters()[index].format.is_signed(),
            (None, Operand::Exponent { .. }) => false,
        });
        let (range, interval, signed) = match when {
            None => (exact(&op, state, value, self.names), interval, signed),
            Some(_) => (
                hull(exact(&op, state, value, self.names), state.range),
                interval.map(|interval| hull(interval, state.interval)),
                signed || state.signed,
            ),
        };
        let exact = narrowest(range, signed, Overflow::Wrap);
        let step = Step { value_steps, when, ..Step::new(key, op, None, Overflow::Wrap, latency) };
        if step.op.operand(Role::Factor).is_some() && exact.is_none() {
            fused(&file, key, fusable, latency, self.context)?;
            self.context.idle(
                &file.condition,
                &format!("{key}.if"),
                "the product is fused with its shift (R8)",
            )?;
            let interval = interval.unwrap_or(range);
            return Ok((step, State { range, signed, interval }));
        }
        let node = Node { format: &file.format, overflow: &file.overflow, at: file.span(), key };
        let (format, overflow, interval) = fitted(node, exact, interval, self.context)?;
        let state = State { range: range_of(format), signed: format.is_signed(), interval };
        Ok((Step { format: Some(format), overflow, ..step }, state))
    }

    /// The steps of the second operand, and what leaves them.
    fn value_steps(
        &mut self,
        file: &At<file::Step>,
        op: &Op,
        key: &str,
    ) -> Result<(Vec<Step>, Option<State>)> {
        let key = format!("{key}.value_steps");
        let (Some(list), Some(operand)) = (&file.value_steps, op.operands().first().copied()) else {
            return Ok((vec![], None));
        };
        let interval = self.names.interval(operand);
        let (range, signed) = match operand {
            Operand::Constant(value) => (interval, value < 0),
            Operand::Parameter(index) => {
                let format = self.names.parameters()[index].format;
                (range_of(format), format.is_signed())
            }
            Operand::Exponent { .. } => (interval, false),
        };
        let (steps, after) = self.list(list, &key, State { range, signed, interval }, Place::Inside)?;
        if steps.is_empty() {
            self.context.idle(&file.value_steps, &key, "the list is empty")?;
        }
        Ok((steps, Some(after)))
    }

    fn latency(&self, file: &At<file::Step>, key: &str, place: Place) -> Result<u32> {
        let latency = self.context.latency(&file.latency, &format!("{key}.latency"))?;
        match (&file.latency, place) {
            (Some(at), Place::Inside | Place::Product | Place::Memory) if latency > 0 => {
                let what = match place {
                    Place::Product => "must be 0: the product's registers are product.latency",
                    Place::Memory => "must be 0: registers on the way to and from words are not built",
                    _ => "must be 0: registers stand behind the step that this one is inside of",
                };
                Err(self.context.wrong(&at.span(), &format!("{key}.latency"), what))
            }
            _ => Ok(latency),
        }
    }
}

fn hull(a: Interval, b: Interval) -> Interval {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Range of the exact result, from the formats alone: what the hardware without knowledge of a parameter's limits would
/// build.
fn exact(op: &Op, state: State, value: Option<State>, names: &Names<'_>) -> Interval {
    if let Some([negative, otherwise]) = op.arms() {
        let built = |arm: &[Step], x| arm.last().and_then(|step| step.format).map_or(x, range_of);
        return hull(built(negative, (state.range.0, -1)), built(otherwise, (0, state.range.1)));
    }
    let built_for = |operand| match (operand, value) {
        (_, Some(value)) => value.range,
        (Operand::Parameter(index), None) if !op.is_built_for_limits() => {
            range_of(names.parameters()[index].format)
        }
        _ => names.interval(operand),
    };
    op.range(state.range, built_for).unwrap_or(state.range)
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
    op: &Op,
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
