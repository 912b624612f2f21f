//! Edits of what values go through in front of the post-processing: products, sums on their way to a memory, its words.

use super::{Class, Fault, Hardware, Neighbour, Neighbours, Site};
use crate::design::{Correction, Design};
use crate::neighbours::step::{Change, Variant, variants};
use crate::post::{Op, Role, Step};

/// A list of steps that has no registers.
#[derive(Clone, Copy)]
struct List {
    key: &'static str,
    of: fn(&Design) -> &Vec<Step>,
    of_mut: fn(&mut Design) -> &mut Vec<Step>,
    /// Whether it must leave 0 of 0.
    keeps_zero: bool,
}

const PRODUCT: List = List {
    key: "product.steps",
    of: |design| &design.product_steps,
    of_mut: |design| &mut design.parts.product_steps,
    keeps_zero: true,
};

const STORE: List = List {
    key: "memory.store",
    of: |design| &design.store_steps,
    of_mut: |design| &mut design.parts.store_steps,
    keeps_zero: false,
};

const LOAD: List = List {
    key: "memory.load",
    of: |design| &design.load_steps,
    of_mut: |design| &mut design.parts.load_steps,
    keeps_zero: false,
};

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    Box::new(PRODUCT.neighbours(hardware).chain(uncorrected(hardware)).chain(sign_first(hardware)))
}

/// A weight's sign in front of the steps that read its exponent.
fn sign_first(hardware: &Hardware) -> Option<Neighbour> {
    let design = &hardware.design;
    let site = Site { hardware, key: "parameters.*.per", node: "product", class: Class::Value };
    let may_be = design.exponent.is_some() && design.weight.format.is_signed();
    may_be.then(|| site.fault("sign in front of the steps, not behind them", Fault::SignFirst))
}

/// A slice whose second sum is read as it stands. Sums of several visits lack more, and are not followed.
fn uncorrected(hardware: &Hardware) -> Option<Neighbour> {
    let design = &hardware.design;
    let packing = design.dsp.and_then(|dsp| dsp.packing)?;
    let is_corrected = packing.correction != Correction::None && design.memory.is_none();
    let site = Site { hardware, key: "product.packing.correction", node: "product", class: Class::Value };
    is_corrected.then(|| {
        let what = format!("packing correction none for {}", packing.correction.name());
        site.fault(&what, Fault::Uncorrected)
    })
}

/// Those of the memory's lists.
pub(super) fn of_memory(hardware: &Hardware) -> Neighbours<'_> {
    Box::new(STORE.neighbours(hardware).chain(LOAD.neighbours(hardware)))
}

impl List {
    fn neighbours(self, hardware: &Hardware) -> Neighbours<'_> {
        let steps = (self.of)(&hardware.design).iter().enumerate();
        let all = steps.flat_map(move |(index, step)| {
            let site = Site { hardware, key: self.key, node: &step.id, class: Class::Value };
            self.work(site, index, step).chain(self.order(hardware, site, index, step))
        });
        // What makes something of a product of 0 shows in every lane that idles, and nobody builds it unseen.
        let is_built = move |n: &Neighbour| !self.keeps_zero || n.hardware.design.keeps_no_product();
        Box::new(all.filter(is_built))
    }

    fn work<'a>(self, site: Site<'a>, index: usize, step: &'a Step) -> impl Iterator<Item = Neighbour> + 'a {
        let keeps = !self.keeps_zero || step.op.operand(Role::Count).is_some();
        variants(step).into_iter().filter_map(move |Variant { what, change, .. }| match change {
            Change::Step(other) => Some(site.edit(&what, |design| (self.of_mut)(design)[index] = *other)),
            Change::Fault(fault) if keeps => Some(site.fault(&what, fault)),
            Change::Fault(_) => None,
        })
    }

    /// A step that is missing, and one that comes too early.
    fn order<'a>(
        self,
        hardware: &'a Hardware,
        site: Site<'a>,
        index: usize,
        step: &'a Step,
    ) -> impl Iterator<Item = Neighbour> + 'a {
        let dropped = (step.op != Op::Fit).then(|| {
            site.edit(&format!("{} dropped", step.op.name()), |design| {
                (self.of_mut)(design)[index] = step.with_op(Op::Fit);
            })
        });
        let exchanged = (self.of)(&hardware.design).get(index + 1).map(|next| {
            let what = format!("and {} exchanged: {} before {}", next.id, next.op.name(), step.op.name());
            site.edit(&what, |design| {
                let steps = (self.of_mut)(design);
                steps[index].does_as(next);
                steps[index + 1].does_as(step);
            })
        });
        dropped.into_iter().chain(exchanged)
    }
}
