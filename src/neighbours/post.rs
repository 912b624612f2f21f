//! Edits of the post-processing program.

use super::{Class, Fault, Hardware, Neighbour, Neighbours, Site, other_latencies, other_sign, other_widths};
use crate::design::overflow_name;
use crate::num::{Overflow, Rounding};
use crate::post::{Op, Operand, Role, Step};

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    let steps = hardware.design.post.iter().enumerate();
    Box::new(steps.flat_map(move |(index, step)| {
        let site = move |key, class| Site { hardware, key, node: &step.id, class };
        let all: [Neighbours<'_>; 5] = [
            formats(site, index, step),
            roundings(site, index, step),
            values(site, index, step),
            order(hardware, site, index, step),
            latencies(site, index, step),
        ];
        all.into_iter().flatten()
    }))
}

fn formats<'a>(
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    let Some(format) = step.format else { return Box::new(std::iter::empty()) };
    let formats = other_widths(format).chain(other_sign(format)).map(move |other| {
        let what = format!("format {other} for {format}");
        site("post.*.format", Class::Value).edit(&what, |design| design.post[index].format = Some(other))
    });
    // A float32 has no value modulo 2^width.
    let wraps = !step.op.is_float();
    let rules = Overflow::ALL
        .into_iter()
        .filter(move |other| *other != step.overflow && (wraps || *other != Overflow::Wrap))
        .map(move |other| {
            let what = format!("overflow {} for {}", overflow_name(other), overflow_name(step.overflow));
            site("post.*.overflow", Class::Value).edit(&what, |design| design.post[index].overflow = other)
        });
    Box::new(formats.chain(rules))
}

fn roundings<'a>(
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    let Some(rounding) = step.op.rounding() else { return Box::new(std::iter::empty()) };
    let others = Rounding::ALL.into_iter().filter(move |other| *other != rounding);
    Box::new(others.map(move |other| {
        let what = format!("rounding {other} for {rounding}");
        site("post.*.rounding", Class::Value)
            .edit(&what, |design| design.post[index].op = design.post[index].op.with_rounding(other))
    }))
}

/// Numbers that are one off, and a clamp that is symmetric.
fn values<'a>(
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    let named = named_operands(step.op);
    let moved = named.into_iter().flat_map(move |(place, name, key, operand)| {
        [-1_i64, 1].into_iter().map(move |by| {
            let site = site(key, Class::Value);
            let what = format!("{name} {by:+}");
            match operand {
                Operand::Constant(value) => site.edit(&what, |design| {
                    if let Some(operand) = design.post[index].op.operands_mut().nth(place) {
                        *operand = Operand::Constant(value.saturating_add(by));
                    }
                }),
                Operand::Parameter(parameter) => site.fault(&what, Fault::Added(parameter, by)),
            }
        })
    });
    let clamped = step.format.filter(|format| step.op.operand(Role::Low).is_some() && format.is_signed());
    let symmetric = clamped.map(move |format| {
        site("post.*.low", Class::Value).edit("clamp symmetric", |design| {
            let op = Op::Max(Operand::Constant(-format.max()));
            design.post.insert(index + 1, Step { op, latency: 0, ..step.clone() });
        })
    });
    Box::new(moved.chain(symmetric))
}

/// The operands that an author may be one off in, with their place, name and key.
fn named_operands(op: Op) -> Vec<(usize, &'static str, &'static str, Operand)> {
    let named = |(place, (role, operand)): (usize, (Role, Operand))| {
        let (name, key) = match role {
            Role::Count => ("shift", "post.*.shift"),
            Role::Low => ("low bound", "post.*.low"),
            Role::High => ("high bound", "post.*.high"),
            Role::Term | Role::Least | Role::Most => ("value", "post.*.value"),
            // Nobody is one off in 31 bits of a factor.
            Role::Factor | Role::Scale => return None,
        };
        Some((place, name, key, operand))
    };
    op.roles().into_iter().enumerate().filter_map(named).collect()
}

/// A step that is missing, and one that comes too early.
fn order<'a>(
    hardware: &'a Hardware,
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    let site = site("post.*.step", Class::Value);
    let dropped = (step.op != Op::Fit)
        .then(|| site.edit(&format!("{} dropped", step.op.name()), |design| design.post[index].op = Op::Fit));
    let exchanged = hardware.design.post.get(index + 1).map(|next| {
        let what = format!("and {} exchanged: {} before {}", next.id, next.op.name(), step.op.name());
        // Registers and formats stay where they are.
        site.edit(&what, |design| {
            design.post[index].op = next.op;
            design.post[index + 1].op = step.op;
        })
    });
    Box::new(dropped.into_iter().chain(exchanged))
}

fn latencies<'a>(
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    Box::new(other_latencies(step.latency).map(move |other| -> Neighbour {
        let what = format!("latency {other} for {}", step.latency);
        site("post.*.latency", Class::Time).edit(&what, |design| design.post[index].latency = other)
    }))
}
