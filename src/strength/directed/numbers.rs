//! Values of the parameters that are worth a channel, or the layer.

use super::Form;
use crate::design::Design;
use crate::num::{Chance, MAX_SHIFT};
use crate::post::{Operand, Parameter, Per, Precision, Role, Step};

/// What a parameter is to the steps that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Starts the accumulator.
    Bias,
    Offset,
    Count,
    Factor,
    /// Bits of a float.
    Scale,
    FloatTerm,
    Low,
    High,
    Term,
    /// A bit of the layer.
    Bit,
}

pub(super) fn part(design: &Design, index: usize) -> Part {
    let is_offset = |operand: Option<Operand>| operand == Some(Operand::Parameter(index));
    if design.accumulator.bias == Some(index) {
        return Part::Bias;
    }
    if is_offset(design.activation.offset) || is_offset(design.weight.offset) {
        return Part::Offset;
    }
    match design.role(index) {
        Some(Role::Count) => Part::Count,
        Some(Role::Factor) => Part::Factor,
        Some(Role::Scale) => Part::Scale,
        Some(Role::FloatTerm) => Part::FloatTerm,
        Some(Role::Low | Role::Least) => Part::Low,
        Some(Role::High | Role::Most) => Part::High,
        Some(Role::Condition) => Part::Bit,
        Some(Role::Term | Role::Threshold | Role::Offset) | None => Part::Term,
    }
}

/// Values of a parameter of a channel.
pub(super) fn values(design: &Design, index: usize, chance: &mut Chance) -> Vec<i64> {
    let parameter = &design.parameters[index];
    let (min, max) = (parameter.min, parameter.max);
    if let Some((place, count)) = threshold(design, index) {
        // As many for each, so that those of one turn belong together.
        return THRESHOLDS.into_iter().map(|set| set(parameter, place, count)).collect();
    }
    let powers = || (0..62).map(|e| 1_i64 << e).filter(move |v| *v <= max);
    let mut values: Vec<i64> = match part(design, index) {
        Part::Bias => vec![],
        Part::Bit => vec![min, max],
        Part::Count => (min..=max.min(i64::from(MAX_SHIFT))).collect(),
        Part::Factor => {
            let mut values = vec![1, max, max - 1, min, -1, 3];
            let powers: Vec<i64> = powers().collect();
            values.extend(powers.iter().rev().take(2));
            values.extend(powers.get(powers.len() / 2));
            values.extend([chance.within(max / 2, max) | 1, chance.within(max / 2, max)]);
            values.extend(patterns(parameter));
            values
        }
        Part::Scale => {
            let scales = [1.0_f32, 0.5, 0.25, 0.062_5, 0.003_906_25, 0.371_1, 0.008_3, 1.5, 3.0e-5];
            // Every second bit of the fraction, one way and the other.
            let fractions = [0x37d5_5555, 0x37aa_aaaa, 0x3b2a_aaaa, 0x3b55_5555];
            // Large and very small ones, and halves with one more of the last bits: no tie is left.
            let others = [0x4020_0000, 0x2f80_0000, 0x1f80_0000];
            let halves = (0..5).map(|bit| 0x3f00_0000 | 1 << bit);
            let fractions = fractions.into_iter().chain(others).chain(halves).map(f32::from_bits);
            let precision = precision(design, index);
            scales.into_iter().chain(fractions).map(|scale| precision.bits(scale.into())).collect()
        }
        Part::FloatTerm => {
            let terms = [0.0, 0.5, -0.5, 1.0, -1.0, 0.25, 7.125, -7.125, 100.4, -100.4, 1.0e6, -1.0e6];
            terms.map(|term| precision(design, index).bits(term)).into()
        }
        Part::Low | Part::High | Part::Term | Part::Offset => {
            let mut values = vec![min, max, min / 2, max / 2, 0, 1, -1, chance.within(min, max)];
            values.extend([LOW, HIGH, TERM].concat().into_iter().map(|byte| up_by(parameter, byte)));
            values
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

/// In what the step that reads the parameter computes.
fn precision(design: &Design, index: usize) -> Precision {
    let reads = |step: &&Step| step.op.operands().contains(&Operand::Parameter(index));
    let float = design.post.iter().filter(reads).find_map(|step| step.op.float());
    float.map_or(Precision::F32, |float| float.precision)
}

/// How far up its range a bound or a term of the layer is, by the bits of a byte that comes again: in the order of
/// [`Form::ALL`]. In each row every bit is 0 once and 1 once; a lower bound is below its upper one, a term between them, and
/// those of the first form fit no port that is a bit narrower, both ends are some form's bounds, and of two bounds on one
/// side of 0 one has the bits that the other lacks: a comparison overlooks a bit only beside such a bound.
const LOW: [u64; 3] = [0x00, 0xdf, 0x2a];
const HIGH: [u64; 3] = [0xc4, 0xff, 0x3b];
const TERM: [u64; 3] = [0x1f, 0xe5, 0x32];

/// A number of the layer: outputs of the first form use most of their range.
pub(super) fn of_layer(design: &Design, index: usize, form: Form) -> i64 {
    let parameter = &design.parameters[index];
    // The forms are listed in their own order.
    let up = |bytes: [u64; 3]| up_by(parameter, bytes[form as usize]);
    if let Some((place, count)) = threshold(design, index) {
        return THRESHOLDS[form as usize](parameter, place, count);
    }
    let value = match (part(design, index), form) {
        // Beyond the output's range a zero point hides what it is added to.
        (Part::Term, Form::Whole) if parameter.per == Per::Layer => {
            up_by(&inside_output(design, parameter), TERM[0])
        }
        (Part::Low, _) => up(LOW),
        (Part::High, _) => up(HIGH),
        (Part::Term | Part::Offset, _) => up(TERM),
        (Part::Count, Form::Whole) => at(parameter, 1, 6),
        (Part::Count, Form::Single) => at(parameter, 1, 4),
        (Part::Count, Form::Numbers) => at(parameter, 3, 8),
        (Part::Factor, Form::Whole) => parameter.max - 1,
        (Part::Factor, Form::Single) => at(parameter, 3, 4) | 1,
        (Part::Factor, Form::Numbers) => patterns(parameter)[0],
        (Part::Scale, Form::Whole) => precision(design, index).bits(0.062_5),
        (Part::Scale, Form::Single) => precision(design, index).bits(0.371_1_f32.into()),
        (Part::Scale, Form::Numbers) => precision(design, index).bits(f32::from_bits(0x3daa_aaab).into()),
        (Part::FloatTerm, Form::Whole) => precision(design, index).bits(1.25),
        (Part::FloatTerm, Form::Single) => precision(design, index).bits(-7.125),
        (Part::FloatTerm, Form::Numbers) => precision(design, index).bits(100.4),
        (Part::Bit, Form::Whole | Form::Numbers) => parameter.max,
        (Part::Bit, Form::Single) => parameter.min,
        (Part::Bias, _) => parameter.default.unwrap_or(0),
    };
    value.clamp(parameter.min, parameter.max)
}

/// The parameter, inside the range of the output where that leaves it one.
fn inside_output(design: &Design, parameter: &Parameter) -> Parameter {
    let (min, max) = (design.output().min().max(parameter.min), design.output().max().min(parameter.max));
    match min < max {
        true => Parameter { min, max, ..parameter.clone() },
        false => parameter.clone(),
    }
}

/// Which of how many thresholds a parameter is.
fn threshold(design: &Design, index: usize) -> Option<(i128, i128)> {
    design.post.iter().find_map(|step| {
        let values = step.op.thresholds()?;
        let place = values.iter().position(|value| *value == Operand::Parameter(index))?;
        Some((place as i128, values.len() as i128))
    })
}

/// A threshold by its place among so many.
type Threshold = fn(&Parameter, i128, i128) -> i64;

/// Sets of thresholds: next to one another around 0, far apart, over the middle, in the opposite order, over a half.
const THRESHOLDS: [Threshold; 6] = [
    |parameter, place, count| near(parameter, place - count / 2),
    |parameter, place, count| at(parameter, place + 1, count + 1),
    |parameter, place, count| near(parameter, 5 * (place - count / 2) + 2),
    |parameter, place, count| near(parameter, 3 * (count - place) - count),
    |parameter, place, count| at(parameter, place, 2 * count),
    |parameter, place, count| at(parameter, count + place + 1, 2 * count),
];

/// The nearest number inside the limits.
fn near(parameter: &Parameter, value: i128) -> i64 {
    let (min, max) = parameter.range();
    i64::try_from(value.clamp(min, max)).unwrap_or(parameter.min)
}

/// So far up the range.
fn at(parameter: &Parameter, part: i128, of: i128) -> i64 {
    let (min, max) = parameter.range();
    i64::try_from(min + (max - min) * part / of).unwrap_or(parameter.min)
}

/// The number whose distance from the lower limit has the bits of `byte`, again and again, from the range's highest bit on.
fn up_by(parameter: &Parameter, byte: u64) -> i64 {
    let span = parameter.max.abs_diff(parameter.min);
    let all = byte.wrapping_mul(0x0101_0101_0101_0101);
    let bits = all.checked_shr(span.leading_zeros()).unwrap_or(0);
    parameter.min.wrapping_add_unsigned(bits.min(span))
}

/// Numbers of which every second bit is 1, inside the limits.
fn patterns(parameter: &Parameter) -> [i64; 2] {
    [0x5555_5555_5555_5555, 0x2aaa_aaaa_aaaa_aaaa].map(|bits: i64| {
        let width = 64 - parameter.max.max(0).leading_zeros();
        let mask = if width == 0 { 0 } else { i64::MAX >> (63 - width.min(63)) };
        (bits & mask).clamp(parameter.min, parameter.max)
    })
}

/// Parameters that differ between channels, but for the bias.
pub(super) fn by_channel(design: &Design) -> Vec<usize> {
    let is_one =
        |index: &usize| design.parameters[*index].per == Per::Channel && part(design, *index) != Part::Bias;
    (0..design.parameters.len()).filter(is_one).collect()
}
