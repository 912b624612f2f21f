//! The nearest parts that a file can say, of parts that were drawn or edited without looking. It draws nothing itself.

use goldpath::design::{Accumulator, AccumulatorOverflow, Design, LaneMap, Level, Parts, Skew, Start};
use goldpath::num::{Fit, Format, Overflow, Rounding, narrowest, product_format};
use goldpath::post::{self, Op, Parameter, Range, Step, product_range};

/// The design of parts that a file can say, their parameters in any order.
pub fn design(parts: Parts) -> Design {
    let parts = parts.renumbered();
    Design::new(parts.clone()).unwrap_or_else(|error| panic!("{error}\n{:?}\n{parts:#?}", error.help))
}

/// The design of the nearest parts that a file can say.
pub fn drawn(mut parts: Parts) -> Design {
    levels(&mut parts);
    if parts.array.lanes == 1 {
        parts.order.lane_map = LaneMap::Adjacent;
    }
    if parts.array.hop_right() + parts.array.hop_down() == 0 {
        parts.array.skew = Skew::Host;
    }
    // Only sums that start from 0 are cleared.
    parts.array.clears_at_once &= parts.accumulator.start == Start::Zero && !parts.array.sums_travel();
    let fit = finished(&parts);
    let (low, high) = fit.rails();
    let state = State { interval: (low.into(), high.into()), ..State::of(fit.format) };
    parts.post = steps(std::mem::take(&mut parts.post), "post", state, &parts.parameters);
    design(parts)
}

/// Whether the language has a place for levels behind the last beat there.
pub fn takes_after(parts: &Parts) -> bool {
    let Accumulator { start, overflow, .. } = parts.accumulator;
    !parts.array.is_grid()
        && (parts.array.banks, parts.array.lanes > 1) == (1, true)
        && parts.memory.is_none()
        && start != Start::Bias
        && overflow != AccumulatorOverflow::SaturateOutput
}

/// The last level leaves one term, and none stands behind it: what drawn ones leave is added exactly.
fn levels(parts: &mut Parts) {
    let mut terms = parts.array.lanes;
    parts.reduce.retain(|level| {
        let changes = terms > 1;
        terms = if changes { level.outputs(terms) } else { terms };
        changes
    });
    if terms == 1 || !takes_after(parts) {
        parts.after.clear();
    }
    if terms > 1 && parts.after.is_empty() {
        let product = product_format(parts.activation.sum, parts.weight.sum).unwrap();
        let stepped = parts.product_steps.last().and_then(|step| step.format).unwrap_or(product);
        let term = parts.reduce.last().map_or(stepped, |level| level.format);
        let sum = |end: i64| i128::from(end) * terms as i128;
        // Of more than 64 bits, which is as far as formats go, it wraps.
        let format = Format::holding(sum(term.min()), sum(term.max())).or(Format::signed(64)).unwrap();
        let (group, overflow) = (terms, Overflow::Wrap);
        parts.reduce.push(Level { id: String::new(), group, stride: 1, format, overflow, latency: 0 });
    }
    for (index, level) in parts.reduce.iter_mut().chain(&mut parts.after).enumerate() {
        level.id = format!("reduce.{index}");
    }
}

/// What a finished sum is fitted into.
fn finished(parts: &Parts) -> Fit {
    let accumulator = &parts.accumulator;
    let last = parts.memory.map(|memory| memory.fit()).or(parts.after.last().map(|level| level.fit()));
    last.or(accumulator.output_fit()).unwrap_or_else(|| accumulator.register_fit())
}

/// What enters a step: what its format holds, and what is known of it.
#[derive(Clone, Copy)]
struct State {
    range: Range,
    signed: bool,
    interval: Range,
}

impl State {
    fn of(format: Format) -> State {
        let range = (format.min().into(), format.max().into());
        State { range, signed: format.is_signed(), interval: range }
    }

    /// Of the second operand, before its own steps.
    fn of_operand(operand: post::Operand, parameters: &[Parameter]) -> State {
        let interval = operand.range(parameters);
        match operand {
            post::Operand::Parameter(index) => State { interval, ..State::of(parameters[index].format) },
            _ => State { range: interval, signed: interval.0 < 0, interval },
        }
    }

    /// Of an exact product, as far as formats say.
    fn product(self, step: &Step, value: State, parameters: &[Parameter]) -> Option<State> {
        let Op::Multiply(_) = step.op else { return None };
        let through = |value: State, step: &Step| value.behind(step, first(step, parameters), parameters);
        let factor = step.value_steps.iter().fold(value, through);
        let (low, high) = product_range(self.range, factor.range);
        let range = match step.when {
            Some(_) => (low.min(self.range.0), high.max(self.range.1)),
            None => (low, high),
        };
        Some(State { range, signed: self.signed || factor.signed, interval: range })
    }

    fn behind(self, step: &Step, value: Option<State>, parameters: &[Parameter]) -> State {
        let interval = step.range(self.interval, parameters).fitted;
        let product = || value.and_then(|value| self.product(step, value, parameters)).unwrap_or(self);
        State { interval, ..step.format.map_or_else(product, State::of) }
    }
}

/// What the first operand of a step is, before its own steps.
fn first(step: &Step, parameters: &[Parameter]) -> Option<State> {
    step.op.operands().first().map(|operand| State::of_operand(*operand, parameters))
}

fn steps(list: Vec<Step>, path: &str, mut state: State, parameters: &[Parameter]) -> Vec<Step> {
    let mut made: Vec<Step> = Vec::new();
    for mut step in list {
        step.id = format!("{path}.{}", made.len());
        let value = first(&step, parameters);
        if let Some(value) = value {
            let path = format!("{}.value_steps", step.id);
            step.value_steps = steps(step.value_steps, &path, value, parameters);
        }
        step.op = arms(step.op, &step.id, state, parameters);
        if step.op.is_float() {
            step.overflow = Overflow::Saturate;
        }
        if let Some(when) = step.when.as_mut().filter(|_| step.latency == 0) {
            // There are no registers to go around.
            when.wire = false;
        }
        let shift = fused(&mut step, state, value, parameters);
        state = state.behind(&step, value, parameters);
        made.push(step);
        if let Some(shift) = shift {
            let shift = Step { id: format!("{path}.{}", made.len()), ..shift };
            state = state.behind(&shift, None, parameters);
            made.push(shift);
        }
    }
    made
}

/// A branch to whose arms values of one sign come, or without steps, changes nothing.
fn arms(op: Op, path: &str, state: State, parameters: &[Parameter]) -> Op {
    let Op::Branch { negative, otherwise } = op else { return op };
    let (low, high) = state.interval;
    if low >= 0 || high < 0 || negative.is_empty() && otherwise.is_empty() {
        return Op::Fit;
    }
    let below = State { range: (state.range.0, -1), signed: true, interval: (low, -1) };
    let above = State { range: (0, state.range.1), interval: (0, high), ..state };
    let arm = |list, name: &str, state| steps(list, &format!("{path}.{name}"), state, parameters);
    Op::Branch { negative: arm(negative, "negative", below), otherwise: arm(otherwise, "otherwise", above) }
}

/// R8: a product has no format where it is wider than 64 bits, and there alone. The shift behind it, if it has none yet, gets
/// what the step had.
fn fused(step: &mut Step, state: State, value: Option<State>, parameters: &[Parameter]) -> Option<Step> {
    let product = state.product(step, value?, parameters)?;
    match (narrowest(product.range, product.signed, Overflow::Wrap), step.format) {
        (Some(exact), None) => {
            (step.format, step.overflow) = (Some(exact), Overflow::Wrap);
            None
        }
        (None, Some(format)) => {
            let op = Op::ShiftRight(post::Operand::Constant(20), Rounding::HalfUp, None);
            let shift = Step::new("", op, Some(format), step.overflow, step.latency);
            (step.format, step.latency, step.when) = (None, 0, None);
            Some(shift)
        }
        _ => None,
    }
}
