//! Edits of the accumulator, of what it starts from and of when.

use super::{
    Class, Fault, Hardware, MovedBias, Neighbour, Neighbours, Shifted, Site, other_sign, other_widths,
};
use crate::design::{Accumulator, AccumulatorOverflow, Design, Start};
use crate::num::Format;
use crate::post::{Op, Operand, Step};

const RULES: [AccumulatorOverflow; 4] = [
    AccumulatorOverflow::Wrap,
    AccumulatorOverflow::Saturate,
    AccumulatorOverflow::SaturateSymmetric,
    AccumulatorOverflow::SaturateOutput,
];

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    match hardware.design.is_post_only() {
        true => Box::new(read(hardware)),
        false => Box::new(register(hardware).chain(starts(hardware)).chain(flags(hardware))),
    }
}

fn site<'a>(hardware: &'a Hardware, key: &'static str) -> Site<'a> {
    Site { hardware, key, node: "accumulator", class: Class::Value }
}

/// As what a requantizer alone reads what comes in.
fn read(hardware: &Hardware) -> impl Iterator<Item = Neighbour> + '_ {
    let format = hardware.design.accumulator.format;
    let widths = other_widths(format).map(move |other| {
        let what = format!("width {} for {}", other.width(), format.width());
        site(hardware, "accumulator.width").edit(&what, |design| design.parts.accumulator.read_as(other))
    });
    let sign = other_sign(format).map(move |other| {
        let what = if other.is_signed() { "signed for unsigned" } else { "unsigned for signed" };
        site(hardware, "accumulator.signed").edit(what, |design| design.parts.accumulator.read_as(other))
    });
    widths.chain(sign)
}

fn register(hardware: &Hardware) -> impl Iterator<Item = Neighbour> + '_ {
    let accumulator = &hardware.design.accumulator;
    let format = accumulator.format;
    let widths = other_widths(format).map(move |other| {
        let what = format!("width {} for {}", other.width(), format.width());
        site(hardware, "accumulator.width").edit(&what, |design| design.parts.accumulator.read_as(other))
    });
    let sign = other_sign(format).map(move |other| {
        let what = if other.is_signed() { "signed for unsigned" } else { "unsigned for signed" };
        site(hardware, "accumulator.signed").edit(what, |design| {
            let register = Format::new(design.accumulator.register.width(), other.is_signed());
            design.parts.accumulator.format = other;
            design.parts.accumulator.register = register.unwrap_or(other);
        })
    });
    let clamps = accumulator.output_fit().is_some();
    let registers = other_widths(accumulator.register)
        .filter(move |other| clamps && other.width() >= format.width())
        .map(move |other| {
            let what = format!("register_width {} for {}", other.width(), accumulator.register.width());
            site(hardware, "accumulator.register_width")
                .edit(&what, |design| design.parts.accumulator.register = other)
        });
    let is_one = hardware.design.after.is_empty();
    // Several accumulators have no clamp behind one of them.
    let other_rule = move |other: &AccumulatorOverflow| {
        *other != accumulator.overflow && (is_one || *other != AccumulatorOverflow::SaturateOutput)
    };
    let rules = RULES.into_iter().filter(other_rule).map(move |other| {
        let what = format!("overflow {} for {}", other.name(), accumulator.overflow.name());
        site(hardware, "accumulator.overflow").edit(&what, |design| design.parts.accumulator.follow(other))
    });
    widths.chain(sign).chain(registers).chain(rules)
}

impl Accumulator {
    /// The finished value has another width; the register follows where it is the same one.
    fn read_as(&mut self, format: Format) {
        let is_one = self.output_fit().is_none();
        if is_one || self.register.width() < format.width() {
            self.register = format;
        }
        self.format = format;
    }

    /// Another rule. A register in front of a clamp is as wide as an author would take, a common width above.
    fn follow(&mut self, rule: AccumulatorOverflow) {
        self.overflow = rule;
        self.register = match rule {
            AccumulatorOverflow::SaturateOutput => {
                let wider = other_widths(self.format).filter(|other| other.width() > self.format.width());
                wider.last().unwrap_or(self.format)
            }
            _ => self.format,
        };
    }
}

/// What an output starts from.
fn starts(hardware: &Hardware) -> Neighbours<'_> {
    let design = &hardware.design;
    let start = design.accumulator.start;
    // Several accumulators do not start from one bias.
    let bias = bias_step(design).filter(|_| design.after.is_empty());
    let others = [Start::Zero, Start::Overwrite, Start::Bias].into_iter().filter(move |other| {
        let is_there = *other != Start::Bias || bias.is_some();
        // A sum that travels starts from 0 either way.
        let is_same = design.array.sums_travel() && *other != Start::Bias && start != Start::Bias;
        *other != start && is_there && !is_same
    });
    let others = others.map(move |other| {
        let what = format!("start {} for {}", other.name(), start.name());
        // A clear cycle is there or not.
        let is_timed = !design.array.sums_travel() && (other == Start::Zero) != (start == Start::Zero);
        let class = if is_timed { Class::Time } else { Class::Value };
        let site = Site { class, ..site(hardware, "accumulator.start") };
        site.edit(&what, |design| {
            design.parts.accumulator.start = other;
            design.parts.accumulator.bias = match (other, bias) {
                (Start::Bias, Some((_, parameter))) => Some(parameter),
                _ => None,
            };
        })
    });
    let moved = [
        ("bias dropped", MovedBias::Dropped),
        ("bias added twice", MovedBias::Twice),
        ("bias added last", MovedBias::Last),
    ];
    let starts_there = design.accumulator.bias.is_some();
    let moved = moved.into_iter().filter(move |_| starts_there).map(move |(what, moved)| {
        let site = Site { node: "accumulator.start", ..site(hardware, "accumulator.start") };
        site.fault(what, Fault::Bias(moved))
    });
    let first = bias.filter(|_| start == Start::Overwrite).map(move |(step, parameter)| {
        let site = site(hardware, "accumulator.start");
        site.edit("starts from the bias, which its post step no longer adds", |design| {
            design.parts.post[step] = design.post[step].with_op(Op::Fit);
            design.parts.accumulator.start = Start::Bias;
            design.parts.accumulator.bias = Some(parameter);
        })
    });
    Box::new(others.chain(moved).chain(first))
}

/// A post step that adds parameter `bias`: which, and the parameter.
fn bias_step(design: &Design) -> Option<(usize, usize)> {
    let find = |(index, step): (usize, &Step)| match step.op {
        Op::Add(Operand::Parameter(parameter))
            if design.parameters[parameter].name == "bias" && step.is_plain() =>
        {
            Some((index, parameter))
        }
        _ => None,
    };
    design.post.iter().enumerate().find_map(find)
}

/// When an output starts and ends.
fn flags(hardware: &Hardware) -> impl Iterator<Item = Neighbour> + '_ {
    // Between two tiles of an array whose sums drain lie cycles without a beat.
    let back_to_back = !hardware.design.array.drains();
    let faults = [
        ("sum carried into the next tile", Fault::Carried, true),
        ("first beat one early", Fault::First(Shifted::Early), back_to_back),
        ("first beat one late", Fault::First(Shifted::Late), true),
        ("last beat one early", Fault::Last(Shifted::Early), true),
        ("last beat one late", Fault::Last(Shifted::Late), back_to_back),
    ];
    let site = Site { class: Class::Order, ..site(hardware, "accumulator.start") };
    // Sums that travel start at the top of a column, whatever beat it is.
    // Between the visits of a memory they start anew in the middle of an output.
    let stays = !hardware.design.array.sums_travel() && hardware.design.memory.is_none();
    let faults = faults.into_iter().filter(move |(.., is_one)| *is_one && stays);
    faults.map(move |(what, fault, _)| site.fault(what, fault))
}
