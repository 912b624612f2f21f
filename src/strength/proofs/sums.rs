//! What is proved of sums: of the accumulator and the memory, and of the order of products.

use super::{Verdict, list, only_lowest, only_lowest_reach};
use crate::design::{Accumulator, Design, Memory};
use crate::num::Overflow;

pub(super) fn accumulator(ours: &Design, its: &Design) -> Verdict {
    let (our, its) = (ours.accumulator, its.accumulator);
    if our == its {
        return Verdict::Same;
    }
    let port = ours.value_format();
    let comes_in = (i128::from(port.min()), i128::from(port.max()));
    if ours.is_post_only() && its.register_fit().holds(comes_in) {
        return Verdict::Equal(format!("every value that comes in fits {}", its.register));
    }
    let starts_alike = our.start == its.start && our.bias == its.bias;
    if starts_alike && [&our, &its].iter().all(|a| holds_visits(ours, a)) {
        return Verdict::Equal("every sum fits both".to_owned());
    }
    if ours.memory.is_some() {
        return Verdict::Unknown;
    }
    if let Some(level) = ours.after.first() {
        let bits = level.format.width();
        let leaves_alone = |a: &Accumulator| a.step_rule() == Overflow::Wrap && a.register.width() >= bits;
        let is_so = level.overflow == Overflow::Wrap && leaves_alone(&our) && leaves_alone(&its);
        return Verdict::when(is_so && starts_alike, only_lowest_reach(bits, &level.id));
    }
    // Behind a clamp that is as wide as the register, the register is all there is.
    let is_plain = |a: &Accumulator| a.step_rule() == Overflow::Wrap && a.register == a.format;
    let read = match ours.post.first() {
        None => Some((ours.output().width(), only_lowest(ours.output().width()))),
        Some(step) => step.low_bits(&ours.parameters).map(|bits| (bits, only_lowest_reach(bits, &step.id))),
    };
    let leaves_alone = |a: &Accumulator, bits: u32| {
        a.step_rule() == Overflow::Wrap
            && a.output_fit().is_none()
            && a.register.width() >= bits
            && a.format.width() >= bits
    };
    if let Some((bits, why)) = read
        && starts_alike
        && leaves_alone(&our, bits)
        && leaves_alone(&its, bits)
    {
        return Verdict::Equal(why);
    }
    let same = starts_alike && our.register == its.register;
    Verdict::when(same && is_plain(&our) && is_plain(&its), "the clamp behind the register is as wide as it")
}

/// Whether a register holds the sums of all visits, whatever the operands are: neither it nor its clamp ever acts.
fn holds_visits(design: &Design, accumulator: &Accumulator) -> bool {
    let Some(sums) = design.held_interval() else { return false };
    accumulator.register_fit().holds(sums) && accumulator.output_fit().is_none_or(|clamp| clamp.holds(sums))
}

/// Whether an output's products may be added in any order.
pub(super) fn has_no_order(design: &Design) -> bool {
    let wraps = design.accumulator.step_rule() == Overflow::Wrap;
    match design.memory {
        None => wraps,
        Some(memory) => {
            memory.overflow == Overflow::Wrap
                && design.store_steps.is_empty()
                && design.load_steps.is_empty()
                && holds_visits(design, &design.accumulator)
        }
    }
}

pub(super) fn memory(ours: &Design, its: &Design) -> Verdict {
    let (Some(our), Some(other)) = (ours.memory, its.memory) else {
        return if ours.memory == its.memory { Verdict::Same } else { Verdict::Unknown };
    };
    let [store, load] = ours.memory_ranges();
    let stored = list([&ours.store_steps, &its.store_steps], &store, &ours.parameters);
    let loaded = list([&ours.load_steps, &its.load_steps], &load, &ours.parameters);
    match (our == other, stored, loaded) {
        (true, one, Verdict::Same) | (true, Verdict::Same, one) => return one,
        (false, Verdict::Same, Verdict::Same) if ours.load_steps.is_empty() => {}
        _ => return Verdict::Unknown,
    }
    let read = match ours.post.first() {
        None => Some((ours.output().width(), only_lowest(ours.output().width()))),
        Some(step) => step.low_bits(&ours.parameters).map(|bits| (bits, only_lowest_reach(bits, &step.id))),
    };
    let words = [our, other];
    let same = Memory { format: our.format, ..other } == our;
    match read {
        Some((bits, why))
            if same && words.iter().all(|m| m.overflow == Overflow::Wrap && m.format.width() >= bits) =>
        {
            Verdict::Equal(why)
        }
        _ => Verdict::Unknown,
    }
}
