//! Edits of what one step does, and of the steps inside it.

use std::sync::Arc;

use super::{Fault, other_sign, other_widths};
use crate::design::overflow_name;
use crate::num::{Format, Overflow, Rounding};
use crate::post::{Float, FloatOp, Op, Operand, Role, Step, Table, When, spread};

/// One edit of a step.
pub(super) struct Variant {
    /// Behind the step's name.
    pub what: String,
    /// Of the design.
    pub key: &'static str,
    pub change: Change,
}

pub(super) enum Change {
    Step(Box<Step>),
    Fault(Fault),
}

/// Edits of what a step does to values. Registers, and its place among others, are the program's.
pub(super) fn variants(step: &Step) -> Vec<Variant> {
    let mut all = formats(step);
    all.extend(roundings(step));
    all.extend(adders(step));
    all.extend(floats(step));
    all.extend(values(step));
    all.extend(value_steps(step));
    match &step.op {
        Op::Lut(table) => all.extend(tables(step, table)),
        Op::Thresholds { values, .. } => all.extend(thresholds(step, values)),
        Op::Branch { .. } => all.extend(arms(step)),
        _ => {}
    }
    all.extend(conditions(step));
    all
}

/// The step with an edit.
fn edited(step: &Step, what: impl Into<String>, key: &'static str, edit: impl FnOnce(&mut Step)) -> Variant {
    let mut step = step.clone();
    edit(&mut step);
    Variant { what: what.into(), key, change: Change::Step(Box::new(step)) }
}

fn formats(step: &Step) -> Vec<Variant> {
    let Some(format) = step.format else { return Vec::new() };
    let formats = other_widths(format).chain(other_sign(format)).map(|other| {
        let what = format!("format {other} for {format}");
        edited(step, what, "post.*.format", |step| step.format = Some(other))
    });
    // A float32 has no value modulo 2^width.
    let wraps = !step.op.is_float();
    let rules = Overflow::ALL
        .into_iter()
        .filter(|other| *other != step.overflow && (wraps || *other != Overflow::Wrap))
        .map(|other| {
            let what = format!("overflow {} for {}", overflow_name(other), overflow_name(step.overflow));
            edited(step, what, "post.*.overflow", |step| step.overflow = other)
        });
    formats.chain(rules).collect()
}

fn roundings(step: &Step) -> Vec<Variant> {
    let Some(rounding) = step.op.rounding() else { return Vec::new() };
    let others = Rounding::ALL.into_iter().filter(|other| *other != rounding);
    let other = |other| {
        let what = format!("rounding {other} for {rounding}");
        edited(step, what, "post.*.rounding", |step| step.op = step.op.with_rounding(other))
    };
    others.map(other).collect()
}

/// Where an adder is stated: others, and one that is wide enough.
fn adders(step: &Step) -> Vec<Variant> {
    let Op::ShiftRight(count, rounding, Some(adder)) = step.op else { return Vec::new() };
    let others = other_widths(adder).chain(other_sign(adder)).map(Some).chain([None]);
    let other = |other: Option<crate::num::Format>| {
        let named = other.map_or("wide enough".to_owned(), |other| other.to_string());
        edited(step, format!("adder {named} for {adder}"), "post.*.adder", |step| {
            step.op = Op::ShiftRight(count, rounding, other);
        })
    };
    others.map(other).collect()
}

/// Of what is done in floats: an operation missing, two exchanged, a product and a sum fused or not.
fn floats(step: &Step) -> Vec<Variant> {
    let Some(float) = step.op.float() else { return Vec::new() };
    let edit = |what: String, edit: &dyn Fn(&mut Float)| {
        edited(step, what, "post.*.ops", |step| step.op = step.op.with_float(edit))
    };
    let mut all = Vec::new();
    for (at, op) in float.ops.iter().enumerate() {
        if float.ops.len() > 1 {
            all.push(edit(format!("ops.{at} {} dropped", op.name()), &|float| {
                float.ops.remove(at);
            }));
        }
        if at + 1 < float.ops.len() {
            let what =
                format!("ops.{at} {} and ops.{} {} exchanged", op.name(), at + 1, float.ops[at + 1].name());
            all.push(edit(what, &|float| float.ops.swap(at, at + 1)));
        }
        match (*op, float.ops.get(at + 1).copied()) {
            (FloatOp::MultiplyAdd(factor, term), _) => {
                all.push(edit(format!("ops.{at} multiply_add rounded twice"), &|float| {
                    float.ops.splice(at..=at, [FloatOp::Multiply(factor), FloatOp::Add(term)]);
                }));
            }
            (FloatOp::Multiply(factor), Some(FloatOp::Add(term))) => {
                all.push(edit(format!("ops.{at} multiply and add fused"), &|float| {
                    float.ops.splice(at..=at + 1, [FloatOp::MultiplyAdd(factor, term)]);
                }));
            }
            _ => {}
        }
    }
    all
}

/// Numbers that are one off.
fn values(step: &Step) -> Vec<Variant> {
    let named = |(place, (role, operand)): (usize, (Role, Operand))| {
        let (name, key) = match role {
            Role::Count => ("shift", "post.*.shift"),
            Role::Low => ("low bound", "post.*.low"),
            Role::High => ("high bound", "post.*.high"),
            Role::Term | Role::Least | Role::Most => ("value", "post.*.value"),
            Role::Offset => ("offset", "post.*.offset"),
            // Nobody is one off in 31 bits of a factor; thresholds are many.
            Role::Factor | Role::Scale | Role::FloatTerm | Role::Threshold | Role::Condition => {
                return Vec::new();
            }
        };
        one_off(step, place, name, key, operand)
    };
    // What stands in front of one of two operands stands in front of the other, too.
    let is_one = step.op.roles().len() == 1;
    let own =
        |(_, (_, operand)): &(usize, (Role, Operand))| is_one || !matches!(operand, Operand::Exponent { .. });
    step.op.roles().into_iter().enumerate().filter(own).flat_map(named).collect()
}

fn one_off(step: &Step, place: usize, name: &str, key: &'static str, operand: Operand) -> Vec<Variant> {
    let by = |by: i64| {
        let what = format!("{name} {by:+}");
        match operand {
            Operand::Constant(value) => edited(step, what, key, |step| {
                if let Some(operand) = step.op.operands_mut().nth(place) {
                    *operand = Operand::Constant(value.saturating_add(by));
                }
            }),
            Operand::Parameter(index) => {
                Variant { what, key, change: Change::Fault(Fault::Added(index, by)) }
            }
            Operand::Exponent { bits } => edited(step, what, key, |step| {
                // In its field.
                let (field, one_off) = (Format::unsigned(bits), Op::Add(Operand::Constant(by)));
                step.value_steps.insert(0, Step::new("", one_off, field, Overflow::Wrap, 0));
            }),
        }
    };
    [-1, 1].map(by).into()
}

/// The second operand used as it comes, and edits of each of its steps.
fn value_steps(step: &Step) -> Vec<Variant> {
    const KEY: &str = "post.*.value_steps";
    if step.value_steps.is_empty() {
        return Vec::new();
    }
    let dropped = edited(step, "value used as it comes", KEY, |step| step.value_steps.clear());
    let inner = inside(step, &step.value_steps, "value_steps", KEY, |step| &mut step.value_steps);
    [dropped].into_iter().chain(inner).collect()
}

/// Edits of the steps inside a step, and each of them missing.
fn inside(
    step: &Step,
    steps: &[Step],
    name: &str,
    key: &'static str,
    of: impl Fn(&mut Step) -> &mut Vec<Step>,
) -> Vec<Variant> {
    let mut all = Vec::new();
    for (index, inner) in steps.iter().enumerate() {
        for variant in variants(inner) {
            let what = format!("{name}.{index} {}", variant.what);
            all.push(match variant.change {
                Change::Step(other) => edited(step, what, key, |step| of(step)[index] = *other),
                Change::Fault(_) => Variant { what, key, change: variant.change },
            });
        }
        if inner.op != Op::Fit {
            let what = format!("{name}.{index} {} dropped", inner.op.name());
            all.push(edited(step, what, key, |step| {
                let inner = &mut of(step)[index];
                *inner = inner.with_op(Op::Fit);
            }));
        }
    }
    all
}

fn tables(step: &Step, table: &Arc<Table>) -> Vec<Variant> {
    let edit = |what: String, key, edit: &dyn Fn(&mut Table)| {
        let mut table = (**table).clone();
        edit(&mut table);
        edited(step, what, key, |step| step.op = Op::Lut(Arc::new(table)))
    };
    let mut all = Vec::new();
    for by in [-1, 1] {
        all.push(edit(format!("first {by:+}"), "post.*.first", &|table| {
            table.first = table.first.saturating_add(by);
        }));
        all.push(edit(format!("below {by:+}"), "post.*.below", &|table| {
            table.below = table.below.saturating_add(by);
        }));
        all.push(edit(format!("above {by:+}"), "post.*.above", &|table| {
            table.above = table.above.saturating_add(by);
        }));
        for at in spread(table.values.len()) {
            all.push(edit(format!("entry {at} {by:+}"), "post.*.values", &|table| {
                table.values[at] = table.values[at].saturating_add(by);
            }));
        }
    }
    all
}

/// Thresholds that are one off, one that is missing, and all compared without their equal.
fn thresholds(step: &Step, values: &[Operand]) -> Vec<Variant> {
    let off = spread(values.len()).into_iter().flat_map(|place| {
        one_off(step, place, &format!("threshold {place}"), "post.*.values", values[place])
    });
    let mut all: Vec<Variant> = off.collect();
    all.push(edited(step, "one threshold less", "post.*.count", |step| {
        if let Op::Thresholds { values, .. } = &mut step.op {
            values.pop();
        }
    }));
    let constants: Option<Vec<i64>> = values
        .iter()
        .map(|value| match value {
            Operand::Constant(value) => Some(*value),
            Operand::Parameter(_) | Operand::Exponent { .. } => None,
        })
        .collect();
    all.extend(constants.map(|constants| {
        edited(step, "counts thresholds below x", "post.*.step", |step| {
            if let Op::Thresholds { values, .. } = &mut step.op {
                *values = constants.iter().map(|value| Operand::Constant(value.saturating_add(1))).collect();
            }
        })
    }));
    all
}

/// Edits of both arms of a branch, and the arms exchanged.
fn arms(step: &Step) -> Vec<Variant> {
    let Op::Branch { negative, otherwise } = &step.op else { return Vec::new() };
    let mut all = inside(step, negative, "negative", "post.*.negative", |step| match &mut step.op {
        Op::Branch { negative, .. } => negative,
        _ => &mut step.value_steps,
    });
    all.extend(inside(step, otherwise, "otherwise", "post.*.otherwise", |step| match &mut step.op {
        Op::Branch { otherwise, .. } => otherwise,
        _ => &mut step.value_steps,
    }));
    all.push(edited(step, "arms exchanged", "post.*.step", |step| {
        if let Op::Branch { negative, otherwise } = &mut step.op {
            std::mem::swap(negative, otherwise);
        }
    }));
    all
}

/// A layer's bit that nothing asks, and one that is read the other way round.
fn conditions(step: &Step) -> Vec<Variant> {
    const KEY: &str = "post.*.if";
    let Some(When { bit, is, wire }) = step.when else { return Vec::new() };
    vec![
        edited(step, "always runs", KEY, |step| step.when = None),
        edited(step, "never runs", KEY, |step| *step = step.with_op(Op::Fit)),
        edited(step, "runs when it should not", KEY, |step| step.when = Some(When { bit, is: !is, wire })),
    ]
}
