//! What multiplies, and what a product goes through before it is added: steps behind the multiplier.

use std::ops::Range;

use super::context::Context;
use super::file::{self, At, StepKind};
use super::names::Names;
use super::steps::{Interval, Place, Reader, State, range_of};
use super::{Accumulator, Coding, Operand, exponent};
use crate::error::Result;
use crate::num::Format;
use crate::post::{self, Program, Step};

/// The steps, and the format and interval of what is added, of an exact product's or, where steps read the weight's exponent,
/// of an activation's.
pub(super) fn steps(
    file: &file::File,
    [activation, weight]: [&Operand; 2],
    product: (Format, Interval),
    accumulator: &Accumulator,
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<(Vec<Step>, (Format, Interval))> {
    let list = &file.product.steps;
    let Some(first) = list.first() else { return Ok((Vec::new(), product)) };
    let reads_exponent = names.exponent_name().is_some_and(|name| exponent::is_read(name, list));
    let (exact, interval) = match reads_exponent {
        true => (activation.sum, activation.interval(names.parameters())),
        false => product,
    };
    let state = State { range: range_of(exact), signed: exact.is_signed(), interval };
    names.of_products(true);
    let mut reader = Reader::new(accumulator, None, names, context).elsewhere();
    let (steps, after) = reader.list(list, "product.steps", state, Place::Product)?;
    names.of_products(false);
    check_names(&steps, first, "product.steps", names, context)?;
    let program = Program { input: exact, parameters: names.parameters(), steps: &steps };
    let output = program.output();
    let ranges = program.ranges((0, 0));
    let (low, high) = ranges.last().map_or((0, 0), |range| range.fitted);
    if (low, high) != (0, 0) || !ranges.iter().all(|range| range.always_fits) {
        let what = match (low, high) {
            (0, 0) => "may take a product of 0 out of a format on the way".to_owned(),
            _ => format!("make {low}..{high} of a product of 0"),
        };
        let what = format!("{what}, but lanes without a product and padding must add 0");
        return Err(context.wrong(&first.span(), "product.steps", what));
    }
    if names.exponent_bits().is_none() {
        return Ok((steps, (output, after.interval)));
    }
    let interval = exponent::signed(after.interval, weight.format.is_signed());
    let Some(format) = Format::holding(interval.0, interval.1) else {
        let what = format!("make {}..{} of an activation, which no format holds", interval.0, interval.1);
        return Err(context.wrong(&first.span(), "product.steps", what));
    };
    Ok((steps, (format, interval)))
}

/// What a layer of a model brings by name, for its sums.
const OF_SUMS: [&str; 9] =
    ["bias", "multiplier", "shift", "left_shift", "right_shift", "scale", "zero_point", "low", "high"];

/// Refuses a number that a layer brings for something else.
pub(super) fn check_names(
    steps: &[Step],
    first: &At<file::Step>,
    key: &str,
    names: &Names<'_>,
    context: &Context<'_>,
) -> Result<()> {
    let read = steps.iter().flat_map(Step::operands).filter_map(|operand| match operand {
        post::Operand::Parameter(index) => Some(names.parameters()[index].name.as_str()),
        post::Operand::Constant(_) | post::Operand::Exponent { .. } => None,
    });
    match read.into_iter().find(|name| OF_SUMS.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let what = format!(
                "read parameter {name:?}, which a layer brings for its finished sums: give it another name"
            );
            Err(context.wrong(&first.span(), key, what))
        }
    }
}

/// Refuses what does not belong between a multiplier and an adder.
pub(super) fn check_kind(
    kind: StepKind,
    span: &Range<usize>,
    key: &str,
    context: &Context<'_>,
) -> Result<()> {
    let what = match kind {
        StepKind::Add | StepKind::Subtract | StepKind::Max | StepKind::Min | StepKind::Relu => return Ok(()),
        StepKind::ShiftLeft | StepKind::ShiftRight | StepKind::RoundingShift => return Ok(()),
        StepKind::Clamp | StepKind::Fit | StepKind::Saturate => return Ok(()),
        StepKind::Bias | StepKind::ZeroPoint => "belongs to a sum, and this is one of its products",
        StepKind::Multiply | StepKind::FloatScale | StepKind::Float => {
            "is a second multiplier, which is not built for products"
        }
        StepKind::Lut | StepKind::Thresholds | StepKind::Branch => {
            "is not built for products: add, subtract, max, min, shifts, clamp and fit are"
        }
    };
    Err(context.wrong(span, &format!("{key}.step"), what))
}

/// Exponents that a weight may have: up to 2^15.
const MAX_EXPONENT_BITS: u32 = 4;

/// An operand as its coding says: of powers of two, what the multiplier sees is wider than the code.
pub(super) fn coded(
    file: &At<file::Operand>,
    plain: Operand,
    key: &str,
    context: &Context<'_>,
) -> Result<Operand> {
    let Some(coding) = file.coding.as_ref().filter(|coding| ***coding == file::Coding::PowerOfTwo) else {
        return Ok(plain);
    };
    let wrong = |what: String| Err(context.wrong(&coding.span(), &format!("{key}.coding"), what));
    if key != "operands.weight" {
        return wrong("is \"power_of_two\", which is for weights".to_owned());
    }
    if file.recode.is_some() {
        return wrong(format!("is \"power_of_two\", of which {key}.recode makes no other"));
    }
    let bits = plain.format.width() - u32::from(plain.format.is_signed());
    if bits == 0 || bits > MAX_EXPONENT_BITS {
        let sign = if plain.format.is_signed() { " and a sign" } else { "" };
        return wrong(format!(
            "is \"power_of_two\", which takes 1 to {MAX_EXPONENT_BITS} bits of exponent{sign}, not {} bits",
            plain.format.width()
        ));
    }
    let operand = Operand { coding: Coding::PowerOfTwo, ..plain };
    let (low, high) = operand.ends();
    let sum = Format::holding(i128::from(low), i128::from(high)).expect("2^15 has a format");
    Ok(Operand { sum, ..operand })
}

/// The multiplier is what the weights' coding asks for.
pub(super) fn multiplier(
    file: &file::Product,
    weight: &At<file::Operand>,
    operand: &Operand,
    context: &Context<'_>,
) -> Result<()> {
    let shifts = file.multiplier.as_ref().filter(|multiplier| ***multiplier == file::Multiplier::Shift);
    match (operand.coding, shifts) {
        (Coding::Integer, None) | (Coding::PowerOfTwo, Some(_)) => Ok(()),
        (Coding::Integer, Some(at)) => {
            let what = "is \"shift\", which needs operands.weight.coding = \"power_of_two\"";
            Err(context.wrong(&at.span(), "product.multiplier", what))
        }
        (Coding::PowerOfTwo, None) => {
            let at = weight.coding.as_ref().map_or_else(|| weight.span(), At::span);
            let what = "is \"power_of_two\", which needs product.multiplier = \"shift\"";
            Err(context.wrong(&at, "operands.weight.coding", what))
        }
    }
}
