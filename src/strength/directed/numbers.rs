//! Values of the parameters that are worth a channel, or the layer.

use super::Chance;
use crate::design::Design;
use crate::num::MAX_SHIFT;
use crate::post::{Op, Operand, Parameter, Per};

/// What a parameter is to the steps that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Starts the accumulator.
    Bias,
    Offset,
    Count,
    Factor,
    /// Bits of a float32.
    Scale,
    Low,
    High,
    Term,
}

pub(super) fn part(design: &Design, index: usize) -> Part {
    let is_it = |operand: Operand| operand == Operand::Parameter(index);
    let is_offset = |operand: Option<Operand>| operand.is_some_and(is_it);
    if design.accumulator.bias == Some(index) {
        return Part::Bias;
    }
    if is_offset(design.activation.offset) || is_offset(design.weight.offset) {
        return Part::Offset;
    }
    let step = design.post.iter().find(|step| step.op.operands().into_iter().any(is_it));
    match step.map(|step| step.op) {
        Some(Op::ShiftLeft(_) | Op::ShiftRight(..)) => Part::Count,
        Some(Op::Multiply(_)) => Part::Factor,
        Some(Op::FloatScale(..)) => Part::Scale,
        Some(Op::Clamp { low, .. }) if is_it(low) => Part::Low,
        Some(Op::Clamp { .. } | Op::Min(_)) => Part::High,
        Some(Op::Max(_)) => Part::Low,
        _ => Part::Term,
    }
}

/// Values of a parameter of a channel.
pub(super) fn values(design: &Design, index: usize, chance: &mut Chance) -> Vec<i64> {
    let parameter = &design.parameters[index];
    let (min, max) = (parameter.min, parameter.max);
    let powers = || (0..62).map(|e| 1_i64 << e).filter(move |v| *v <= max);
    let mut values: Vec<i64> = match part(design, index) {
        Part::Bias => vec![],
        Part::Count => (min..=max.min(i64::from(MAX_SHIFT))).collect(),
        Part::Factor => {
            let mut values = vec![1, max, max - 1, min, -1, 3];
            let powers: Vec<i64> = powers().collect();
            values.extend(powers.iter().rev().take(2));
            values.extend(powers.get(powers.len() / 2));
            values.extend([chance.within(max / 2, max) | 1, chance.within(max / 2, max)]);
            values
        }
        Part::Scale => {
            let scales = [1.0_f32, 0.5, 0.25, 0.062_5, 0.003_906_25, 0.371_1, 0.008_3, 1.5, 3.0e-5];
            scales.into_iter().map(|scale| i64::from(scale.to_bits())).collect()
        }
        Part::Low | Part::High | Part::Term | Part::Offset => {
            vec![min, max, min / 2, max / 2, 0, 1, -1, chance.within(min, max)]
        }
    };
    values.retain(|value| (min..=max).contains(value));
    let mut seen = std::collections::BTreeSet::new();
    values.retain(|value| seen.insert(*value));
    if values.is_empty() {
        values.push(parameter.default.unwrap_or(0).clamp(min, max));
    }
    values
}

/// Numbers of the layer: outputs use most of their range. `other`: at the other ends.
pub(super) fn of_layer(design: &Design, index: usize, other: bool) -> i64 {
    let Parameter { min, max, default, .. } = design.parameters[index];
    let (min128, max128) = (i128::from(min), i128::from(max));
    let at = |part: i128, of: i128| {
        let value = min128 + (max128 - min128) * part / of;
        i64::try_from(value).unwrap_or(min)
    };
    let value = match (part(design, index), other) {
        (Part::Low, false) => min,
        (Part::Low, true) => at(1, 10),
        (Part::High, false) => at(9, 10),
        // Beyond any narrower port, and with the sign bit set.
        (Part::High, true) => at(2, 9),
        (Part::Term | Part::Offset, false) => at(1, 9),
        (Part::Term | Part::Offset, true) => at(4, 5),
        (Part::Count, false) => at(1, 6),
        (Part::Count, true) => at(1, 4),
        (Part::Factor, false) => max - 1,
        (Part::Factor, true) => at(3, 4) | 1,
        (Part::Scale, _) => i64::from(if other { 0.371_1_f32 } else { 0.062_5 }.to_bits()),
        (Part::Bias, _) => default.unwrap_or(0),
    };
    value.clamp(min, max)
}

/// Parameters that differ between channels, but for the bias.
pub(super) fn by_channel(design: &Design) -> Vec<usize> {
    let is_one =
        |index: &usize| design.parameters[*index].per == Per::Channel && part(design, *index) != Part::Bias;
    (0..design.parameters.len()).filter(is_one).collect()
}
