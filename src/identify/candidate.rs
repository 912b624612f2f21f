//! A scheme as it is tried: a requantizer alone, and what each of its parameters is to the search.

use std::collections::BTreeMap;

use super::Question;
use crate::design::{Design, Scheme};
use crate::post::{Number, Per, Precision, Role, Source, Step};

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// What comes in.
    Value,
    ZeroPoint,
    Low,
    High,
    /// No number of a scale: what it is by default.
    Fixed(i64),
    /// What x is multiplied by.
    Magnitude,
    /// A shift.
    Count(Count),
    /// One of so many that x is compared with.
    Threshold(usize),
    /// Added to how many are reached.
    Offset,
}

/// How a shift follows from n, where the product is x · M / 2^n.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Count {
    /// n − base, whatever that is.
    Plain(i64),
    /// n − base, or 0 where that is to the left.
    Right(i64),
    /// base − n, or 0 where that is to the right.
    Left(i64),
}

impl Count {
    fn of(number: Option<Number>) -> Count {
        match number {
            Some(Number::PowerOfTwoOfHalves) => Count::Plain(-1),
            Some(Number::ShortShiftOfHalves) => Count::Plain(1),
            Some(Number::DoubleRight) => Count::Right(31),
            Some(Number::DoubleLeft) => Count::Left(31),
            Some(Number::Rndnu16Right) => Count::Right(15),
            Some(Number::Rndnu16Left) => Count::Left(15),
            Some(Number::SignedRight) => Count::Right(0),
            Some(Number::SignedLeft) => Count::Left(0),
            _ => Count::Plain(0),
        }
    }

    pub fn at(self, n: i64) -> i64 {
        match self {
            Count::Plain(base) => n - base,
            Count::Right(base) => (n - base).max(0),
            Count::Left(base) => (base - n).max(0),
        }
    }

    /// What it adds to n.
    fn back(self, value: i64) -> i64 {
        match self {
            Count::Plain(base) | Count::Right(base) => base + value,
            Count::Left(_) => -value,
        }
    }
}

/// A scheme, and what its parameters are.
#[derive(Debug)]
pub(super) struct Candidate {
    pub scheme: Scheme,
    pub design: Design,
    pub parts: Vec<Part>,
}

/// Every scheme in every rounding that it may be given; those that cannot be tried, with the reason.
pub(super) fn all(question: &Question) -> (Vec<Candidate>, BTreeMap<String, String>) {
    let (mut candidates, mut not_tried) = (Vec::new(), BTreeMap::new());
    for scheme in Scheme::in_every_rounding() {
        match Candidate::new(scheme, question) {
            Ok(candidate) => candidates.push(candidate),
            Err(why) => drop(not_tried.insert(scheme.name(), why)),
        }
    }
    (candidates, not_tried)
}

impl Candidate {
    fn new(scheme: Scheme, asked: &Question) -> Result<Candidate, String> {
        let Question { input, output, .. } = asked;
        let design = scheme
            .alone(*input, *output)
            .map_err(|e| format!("it does not go from {input} to {output}: {}", e.message))?;
        let parts =
            (0..design.parameters.len()).map(|at| part(&design, at)).collect::<Result<Vec<_>, _>>()?;
        let has = |wanted: Part| parts.contains(&wanted);
        let rails = (asked.output.min(), asked.output.max());
        if asked.zero_point.is_some_and(|zero| zero != 0) && !has(Part::ZeroPoint) && !has(Part::Offset) {
            return Err("it has no zero point".to_owned());
        }
        if asked.bounds != rails && !(has(Part::Low) && has(Part::High)) {
            return Err("it has no clamp but its format".to_owned());
        }
        Ok(Candidate { scheme, design, parts })
    }

    /// As it is called in answers.
    pub fn name(&self) -> String {
        self.scheme.name()
    }

    pub fn has(&self, wanted: Part) -> bool {
        self.parts.contains(&wanted)
    }

    /// Place of the multiplier, or of the float.
    pub fn magnitude(&self) -> Option<usize> {
        self.parts.iter().position(|part| *part == Part::Magnitude)
    }

    /// Places of the shifts.
    pub fn counts(&self) -> impl Iterator<Item = (usize, Count)> {
        self.parts.iter().enumerate().filter_map(|(at, part)| match part {
            Part::Count(count) => Some((at, *count)),
            _ => None,
        })
    }

    /// Which number of which factor a parameter is.
    pub fn source(&self, at: usize) -> Option<Source> {
        source(&self.design, at)
    }

    /// Of the multiplier, where it is a float.
    pub fn precision(&self) -> Option<Precision> {
        match self.source(self.magnitude()?)?.number {
            Number::Float32 => Some(Precision::F32),
            Number::Float64 => Some(Precision::F64),
            _ => None,
        }
    }

    /// Whether a parameter is one for all channels.
    pub fn is_shared(&self, at: usize) -> bool {
        self.design.parameters[at].per == Per::Layer
    }

    /// Whether a parameter may be this.
    pub fn takes(&self, at: usize, value: i64) -> bool {
        let parameter = &self.design.parameters[at];
        (parameter.min..=parameter.max).contains(&value)
    }

    /// One number per parameter; those of a scale are 0.
    pub fn base(&self, zero_point: i64, (low, high): (i64, i64)) -> Vec<Vec<i64>> {
        let number = |part: &Part| match part {
            Part::ZeroPoint => zero_point,
            Part::Low => low,
            Part::High => high,
            Part::Fixed(value) => *value,
            _ => 0,
        };
        self.parts.iter().map(|part| vec![number(part)]).collect()
    }

    /// What the scheme makes of an accumulator.
    pub fn output(&self, numbers: &[Vec<i64>], x: i64) -> i64 {
        self.design.post_program().channel(numbers, 0).output(x)
    }

    /// The real factor that numbers stand for; `None` of a scheme that has no scale.
    pub fn factor(&self, numbers: &[Vec<i64>]) -> Option<f64> {
        let magnitude = self.magnitude().map(|at| numbers[at][0]);
        if let (Some(precision), Some(bits)) = (self.precision(), magnitude) {
            return Some(float_of(precision, bits));
        }
        let mut counts = self.counts().peekable();
        counts.peek()?;
        let n: i64 = counts.map(|(at, count)| count.back(numbers[at][0])).sum();
        Some(magnitude.unwrap_or(1) as f64 * 2_f64.powi(i32::try_from(-n).unwrap_or(0)))
    }

    /// The steps with their numbers in them: where these are equal, so is every output.
    pub fn bound(&self, numbers: &[Vec<i64>]) -> Vec<Step> {
        let constant = |operand| crate::post::Operand::Constant(crate::post::bind(operand, numbers, 0));
        self.design.post.iter().map(|step| step.with_operands(&constant)).collect()
    }
}

/// The float that bits are.
pub(super) fn float_of(precision: Precision, bits: i64) -> f64 {
    match precision {
        Precision::F32 => f64::from(f32::from_bits(bits as u32)),
        Precision::F64 => f64::from_bits(bits.cast_unsigned()),
    }
}

fn source(design: &Design, at: usize) -> Option<Source> {
    let parameter = &design.parameters[at];
    let has = |name: &str| design.parameters.iter().any(|p| p.name == name);
    parameter.source.or_else(|| Source::by_name(&parameter.name, has))
}

/// What a parameter is, by its source, else by what the step that reads it does with it.
fn part(design: &Design, at: usize) -> Result<Part, String> {
    if design.value_parameter() == Some(at) {
        return Ok(Part::Value);
    }
    let parameter = &design.parameters[at];
    let program = design.post_program();
    let role = program.role(at);
    if let Some(source) = source(design, at) {
        return Ok(match source.number {
            Number::ZeroPoint => Part::ZeroPoint,
            Number::Low => Part::Low,
            Number::High => Part::High,
            number if role == Some(Role::Count) => Part::Count(Count::of(Some(number))),
            _ => Part::Magnitude,
        });
    }
    match (role, parameter.default) {
        (Some(Role::Threshold), _) => {
            let before = |other: &usize| program.role(*other) == Some(Role::Threshold);
            Ok(Part::Threshold((0..at).filter(before).count()))
        }
        (Some(Role::Offset), _) => Ok(Part::Offset),
        (_, Some(default)) => Ok(Part::Fixed(default)),
        (Some(Role::Factor), None) => Ok(Part::Magnitude),
        (Some(Role::Count), None) => Ok(Part::Count(Count::Plain(0))),
        _ => Err(format!("nothing says what its parameter {} is", parameter.name)),
    }
}

impl Candidate {
    /// Multipliers as the scheme forms them of a real factor: another one is the same as one of these with another shift.
    pub fn normal(&self, at: usize) -> (i64, i64) {
        let parameter = &self.design.parameters[at];
        let usual = match self.source(at).map(|source| source.number) {
            Some(Number::DoubleMultiplier | Number::SingleMultiplier) => (1 << 30, i64::from(i32::MAX)),
            Some(Number::ShortMultiplier | Number::Rndnu16Multiplier) => (1 << 14, i64::from(i16::MAX)),
            Some(Number::RndnuMultiplier) => (1 << 23, (1 << 24) - 1),
            _ => (parameter.min.max(1), parameter.max),
        };
        (usual.0.max(parameter.min), usual.1.min(parameter.max))
    }
}
