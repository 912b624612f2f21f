//! Edits of what a product goes through before it is added.

use super::{Class, Hardware, Neighbour, Neighbours, Site};
use crate::neighbours::step::{Change, Variant, variants};
use crate::post::{Op, Role, Step};

const KEY: &str = "product.steps";

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    let steps = hardware.design.product_steps.iter().enumerate();
    let all = steps.flat_map(move |(index, step)| {
        let site = Site { hardware, key: KEY, node: &step.id, class: Class::Value };
        work(site, index, step).chain(order(hardware, site, index, step))
    });
    // What makes something of 0 shows in every lane that idles, and nobody builds it unseen.
    Box::new(all.filter(|neighbour| neighbour.hardware.design.keeps_no_product()))
}

fn work<'a>(site: Site<'a>, index: usize, step: &'a Step) -> impl Iterator<Item = Neighbour> + 'a {
    let counts = step.op.operand(Role::Count).is_some();
    variants(step).into_iter().filter_map(move |Variant { what, change, .. }| match change {
        Change::Step(other) => Some(site.edit(&what, |design| design.product_steps[index] = *other)),
        Change::Fault(fault) if counts => Some(site.fault(&what, fault)),
        Change::Fault(_) => None,
    })
}

/// A step that is missing, and one that comes too early.
fn order<'a>(
    hardware: &'a Hardware,
    site: Site<'a>,
    index: usize,
    step: &'a Step,
) -> impl Iterator<Item = Neighbour> + 'a {
    let dropped = (step.op != Op::Fit).then(|| {
        site.edit(&format!("{} dropped", step.op.name()), |design| {
            design.product_steps[index] = step.with_op(Op::Fit);
        })
    });
    let exchanged = hardware.design.product_steps.get(index + 1).map(|next| {
        let what = format!("and {} exchanged: {} before {}", next.id, next.op.name(), step.op.name());
        site.edit(&what, |design| {
            design.product_steps[index].does_as(next);
            design.product_steps[index + 1].does_as(step);
        })
    });
    dropped.into_iter().chain(exchanged)
}
