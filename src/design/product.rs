//! What a product goes through before it is added: steps behind the multiplier.

use std::ops::Range;

use super::Accumulator;
use super::context::Context;
use super::file::{self, At, StepKind};
use super::names::Names;
use super::steps::{Interval, Place, Reader, State, range_of};
use crate::error::Result;
use crate::num::Format;
use crate::post::{Operand, Program, Step};

/// The steps, and the format and interval of what leaves the last, of an exact product's.
pub(super) fn steps(
    list: &[At<file::Step>],
    (exact, interval): (Format, Interval),
    accumulator: &Accumulator,
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<(Vec<Step>, (Format, Interval))> {
    let Some(first) = list.first() else { return Ok((Vec::new(), (exact, interval))) };
    let state = State { range: range_of(exact), signed: exact.is_signed(), interval };
    let mut reader = Reader::new(accumulator, None, names, context).of_product();
    let (steps, after) = reader.list(list, "product.steps", state, Place::Product)?;
    check_names(&steps, first, names, context)?;
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
    Ok((steps, (output, after.interval)))
}

/// What a layer of a model brings by name, for its sums.
const OF_SUMS: [&str; 8] =
    ["multiplier", "shift", "left_shift", "right_shift", "scale", "zero_point", "low", "high"];

/// Refuses a number that a layer brings for something else.
fn check_names(
    steps: &[Step],
    first: &At<file::Step>,
    names: &Names<'_>,
    context: &Context<'_>,
) -> Result<()> {
    let read = steps.iter().flat_map(Step::operands).filter_map(|operand| match operand {
        Operand::Parameter(index) => Some(names.parameters()[index].name.as_str()),
        Operand::Constant(_) => None,
    });
    match read.into_iter().find(|name| OF_SUMS.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let what = format!("read parameter {name:?}, which a layer brings for its sums: give it another name");
            Err(context.wrong(&first.span(), "product.steps", what))
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
        StepKind::Multiply | StepKind::FloatScale => "is a second multiplier, which is not built for products",
        StepKind::Lut | StepKind::Thresholds | StepKind::Branch => {
            "is not built for products: add, subtract, max, min, shifts, clamp and fit are"
        }
    };
    Err(context.wrong(span, &format!("{key}.step"), what))
}
