//! Edits of the operands and of the product.

use super::{Class, Factor, Fault, Hardware, Neighbours, Site, other_latencies, other_sign, other_widths};
use crate::design::{Coding, Design, Operand};
use crate::num::Format;
use crate::post;

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    if hardware.design.is_post_only() {
        return Box::new(std::iter::empty());
    }
    Box::new(Side::BOTH.into_iter().flat_map(move |side| side.neighbours(hardware)).chain(product(hardware)))
}

#[derive(Clone, Copy)]
struct Side {
    node: &'static str,
    factor: Factor,
    of: fn(&Design) -> &Operand,
    of_mut: fn(&mut Design) -> &mut Operand,
}

/// Bits of a weight's code, where steps read its exponent, in which a neighbour reads it at most: 32 places to the right.
const MOST_BITS: u32 = 6;

impl Side {
    const BOTH: [Side; 2] = [
        Side {
            node: "operands.activation",
            factor: Factor::Activation,
            of: |d| &d.activation,
            of_mut: |d| &mut d.parts.activation,
        },
        Side {
            node: "operands.weight",
            factor: Factor::Weight,
            of: |d| &d.weight,
            of_mut: |d| &mut d.parts.weight,
        },
    ];

    fn neighbours(self, hardware: &Hardware) -> Neighbours<'_> {
        let format = (self.of)(&hardware.design).format;
        let site = move |key| Site { hardware, key, node: self.node, class: Class::Value };
        // Exponents of more bits than a shifter has places for are nobody's mistake.
        let has_own_exponent = hardware.design.exponent.is_some();
        let is_weight = matches!(self.factor, Factor::Weight);
        let is_read = move |other: &Format| !(has_own_exponent && is_weight) || other.width() <= MOST_BITS;
        let widths = other_widths(format).filter(is_read).map(move |other| {
            let what = format!("width {} for {}", other.width(), format.width());
            site("operands.*.width").edit(&what, |design| self.read_as(design, other))
        });
        let sign = other_sign(format).map(move |other| {
            let name = |f: Format| if f.is_signed() { "signed" } else { "unsigned" };
            let what = format!("{} for {}", name(other), name(format));
            site("operands.*.signed").edit(&what, |design| self.read_as(design, other))
        });
        let operand = (self.of)(&hardware.design);
        let coded = operand.coding == Coding::PowerOfTwo;
        // An exponent of another width is another weight, and so wide is what is behind it.
        let integer = (coded && !has_own_exponent).then(|| {
            site("operands.*.coding").edit("read as integer", |design| {
                (self.of_mut)(design).coding = Coding::Integer;
            })
        });
        let symmetric = (operand.sum.is_signed() && !coded).then(|| {
            let what = "lowest value read as the one above: symmetric";
            site("operands.*.signed").fault(what, Fault::Symmetric(self.factor))
        });
        Box::new(widths.chain(sign).chain(integer).chain(symmetric).chain(self.offsets(hardware)))
    }

    /// Codes of the port are read in another format; what is behind an offset keeps its own.
    fn read_as(self, design: &mut Design, format: Format) {
        let operand = (self.of_mut)(design);
        operand.format = format;
        if operand.offset.is_none() && operand.coding == Coding::Integer {
            operand.sum = format;
        }
    }

    fn offsets(self, hardware: &Hardware) -> Neighbours<'_> {
        let operand = (self.of)(&hardware.design);
        let Some(offset) = operand.offset else { return Box::new(std::iter::empty()) };
        let site = move |key| Site { hardware, key, node: self.node, class: Class::Value };
        let dropped =
            site("operands.*.offset").edit("offset dropped", |design| (self.of_mut)(design).offset = None);
        let moved = [-1, 1].into_iter().map(move |by: i64| {
            let what = format!("offset {by:+}");
            let site = site("operands.*.offset");
            match offset {
                post::Operand::Constant(value) => site.edit(&what, |design| {
                    (self.of_mut)(design).offset = Some(post::Operand::Constant(value.wrapping_add(by)));
                }),
                post::Operand::Parameter(index) => site.fault(&what, Fault::Added(index, by)),
                post::Operand::Exponent { .. } => unreachable!("no offset is an exponent"),
            }
        });
        let sum = operand.sum;
        let widths = other_widths(sum).map(move |other| {
            let what = format!("format {other} for {sum}");
            site("operands.*.format").edit(&what, |design| (self.of_mut)(design).sum = other)
        });
        Box::new(std::iter::once(dropped).chain(moved).chain(widths))
    }
}

fn product(hardware: &Hardware) -> Neighbours<'_> {
    let design = &hardware.design;
    let exact = design.product_format();
    let value = Site { hardware, key: "product", node: "product", class: Class::Value };
    // Where steps read exponents, there is no product in front of them.
    let multiplies = design.exponent.is_none();
    let narrower = other_widths(exact)
        .filter(move |other| multiplies && other.width() < exact.width())
        .map(move |other| value.fault(&format!("{other} for {exact}, wrapping"), Fault::Product(other)));
    let low = value.fault("lowest bit dropped", Fault::ProductLow(1));
    let time = |key, node| Site { hardware, key, node, class: Class::Time };
    let operands = other_latencies(design.operand_latency).map(move |other| {
        let what = format!("latency {other} for {}", design.operand_latency);
        time("operands.latency", "operands").edit(&what, |design| design.parts.operand_latency = other)
    });
    let product = other_latencies(design.product_latency).map(move |other| {
        let what = format!("latency {other} for {}", design.product_latency);
        time("product.latency", "product").edit(&what, |design| design.parts.product_latency = other)
    });
    let all: [Neighbours<'_>; 4] = [
        Box::new(narrower),
        Box::new(multiplies.then_some(low).into_iter()),
        Box::new(operands),
        Box::new(product),
    ];
    Box::new(all.into_iter().flatten())
}
