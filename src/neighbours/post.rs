//! Edits of the post-processing program.

use super::{Class, Hardware, Neighbour, Neighbours, Site, other_latencies};
use crate::neighbours::step::{Change, Variant, variants};
use crate::post::{Op, Operand, Role, Step, When};

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    let steps = hardware.design.post.iter().enumerate();
    Box::new(steps.flat_map(move |(index, step)| {
        let site = move |key, class| Site { hardware, key, node: &step.id, class };
        let work = variants(step).into_iter().map(move |variant| {
            let Variant { what, key, change } = variant;
            match change {
                Change::Step(other) => {
                    site(key, Class::Value).edit(&what, |design| design.parts.post[index] = *other)
                }
                Change::Fault(fault) => site(key, Class::Value).fault(&what, fault),
            }
        });
        let all: [Neighbours<'_>; 4] = [
            Box::new(work),
            symmetric(site, index, step),
            order(hardware, site, index, step),
            latencies(site, index, step),
        ];
        all.into_iter().flatten()
    }))
}

/// A clamp that is symmetric.
fn symmetric<'a>(
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    let clamped = step.format.filter(|format| step.op.operand(Role::Low).is_some() && format.is_signed());
    Box::new(clamped.into_iter().map(move |format| {
        site("post.*.low", Class::Value).edit("clamp symmetric", |design| {
            let op = Op::Max(Operand::Constant(-format.max()));
            design.parts.post.insert(index + 1, Step { latency: 0, ..step.with_op(op) });
        })
    }))
}

/// A step that is missing, and one that comes too early.
fn order<'a>(
    hardware: &'a Hardware,
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    let site = site("post.*.step", Class::Value);
    let dropped = (step.op != Op::Fit).then(|| {
        site.edit(&format!("{} dropped", step.op.name()), |design| {
            design.parts.post[index] = step.with_op(Op::Fit);
        })
    });
    let exchanged = hardware.design.post.get(index + 1).map(|next| {
        let what = format!("and {} exchanged: {} before {}", next.id, next.op.name(), step.op.name());
        // Registers and formats stay where they are.
        site.edit(&what, |design| {
            design.parts.post[index].does_as(next);
            design.parts.post[index + 1].does_as(step);
        })
    });
    Box::new(dropped.into_iter().chain(exchanged))
}

fn latencies<'a>(
    site: impl Fn(&'static str, Class) -> Site<'a> + Copy + 'a,
    index: usize,
    step: &'a Step,
) -> Neighbours<'a> {
    let latencies = other_latencies(step.latency).map(move |other| -> Neighbour {
        let what = format!("latency {other} for {}", step.latency);
        site("post.*.latency", Class::Time).edit(&what, |design| design.parts.post[index].latency = other)
    });
    let bypass = step.when.filter(|_| step.latency > 0).map(move |when| {
        let what = if when.wire { "bypass register for wire" } else { "bypass wire for register" };
        let other = When { wire: !when.wire, ..when };
        site("post.*.bypass", Class::Time).edit(what, |design| design.parts.post[index].when = Some(other))
    });
    Box::new(latencies.chain(bypass))
}
