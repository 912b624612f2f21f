//! Operations, and what each says of itself: its word, its operands and their roles, how it rounds, what it compares with.
//!
//! Nobody else sorts operations: a new one answers these questions here, its exact meaning in `run`, its ranges in `range`.

use std::sync::Arc;

use super::{Float, Operand, Step};
use crate::num::{Format, MAX_SHIFT, Rounding};

/// The largest count of a left shift: shifted values fit an `i128`.
pub const MAX_LEFT_SHIFT: u32 = 63;

/// What a step does to `x`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// `x + v`
    Add(Operand),
    /// `x − v`
    Subtract(Operand),
    /// `x · v`, exact (R2).
    Multiply(Operand),
    /// The larger of `x` and `v`: a Relu when v is the zero point.
    Max(Operand),
    /// The smaller of `x` and `v`.
    Min(Operand),
    /// `x · 2^v`, v in 0..=63.
    ShiftLeft(Operand),
    /// R7: `x / 2^v`, rounded as stated. The format is that in which `x` and the half are added, and wrap; without one the
    /// sum is exact.
    ShiftRight(Operand, Rounding, Option<Format>),
    /// `min(x, high)`, then the larger of that and `low`.
    Clamp {
        /// Lower bound; it wins where the bounds cross.
        low: Operand,
        /// Upper bound.
        high: Operand,
    },
    /// Only format and overflow.
    Fit,
    /// What floats make of x, and one rounding to an integer, saturating.
    Float(Arc<Float>, Rounding),
    /// A table's entry for `x`.
    Lut(Arc<Table>),
    /// How many of the values are at most `x`, and the offset.
    Thresholds {
        /// In any order.
        values: Vec<Operand>,
        /// Added to how many they are.
        offset: Operand,
    },
    /// Other steps for `x` below 0 than for the rest. What they fit is part of the operation: events are those of the step
    /// that branches.
    Branch {
        /// For `x` below 0.
        negative: Vec<Step>,
        /// For any other.
        otherwise: Vec<Step>,
    },
}

/// A function of integers, value by value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table {
    /// Which `x` the first entry is for.
    pub first: i64,
    /// Results of `first`, `first` + 1, …; never empty.
    pub values: Vec<i64>,
    /// Of every smaller `x`.
    pub below: i64,
    /// Of every larger one.
    pub above: i64,
}

impl Table {
    /// The result for `x`.
    pub fn at(&self, x: i128) -> i64 {
        let at = x - i128::from(self.first);
        match usize::try_from(at) {
            Ok(at) => self.values.get(at).copied().unwrap_or(self.above),
            Err(_) if at < 0 => self.below,
            Err(_) => self.above,
        }
    }

    /// Which `x` the last entry is for.
    pub fn last(&self) -> i128 {
        i128::from(self.first) + self.values.len() as i128 - 1
    }

    /// All results for `x` in a range.
    pub fn of_range(&self, (low, high): (i128, i128)) -> impl Iterator<Item = i64> + '_ {
        let (first, last) = (i128::from(self.first), self.last());
        let (from, to) = (low.max(first), high.min(last));
        let inside = (from <= to).then(|| &self.values[(from - first) as usize..=(to - first) as usize]);
        let below = (low < first).then_some(self.below);
        let above = (high > last).then_some(self.above);
        below.into_iter().chain(inside.into_iter().flatten().copied()).chain(above)
    }
}

/// What an operand is to its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Added or subtracted.
    Term,
    /// What `x` is multiplied by.
    Factor,
    /// Bits of the float that something is multiplied by.
    Scale,
    /// Bits of the float that is added.
    FloatTerm,
    /// Of a shift, in bits.
    Count,
    /// The least that a `max` leaves.
    Least,
    /// The most that a `min` leaves.
    Most,
    /// The lower bound of a clamp.
    Low,
    /// The upper bound of a clamp.
    High,
    /// What `x` must reach to be one more.
    Threshold,
    /// Added to how many thresholds `x` reaches.
    Offset,
    /// Whether a step runs.
    Condition,
}

impl Role {
    /// Its key in a design.
    pub const fn key(self) -> &'static str {
        match self {
            Role::Term | Role::Factor | Role::Scale | Role::FloatTerm | Role::Least | Role::Most => "value",
            Role::Count => "shift",
            Role::Low => "low",
            Role::High => "high",
            Role::Threshold => "values",
            Role::Offset => "offset",
            Role::Condition => "if",
        }
    }
}

/// What an operation rounds to an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounded<'a> {
    /// R7: `x / 2^count`.
    Shift(Operand),
    /// What floats make of `x`.
    Float(&'a Float),
}

/// How an operand is written.
type Name<'a> = &'a dyn Fn(Operand) -> String;

impl Op {
    /// `round(float32(x) * scale)`, the scale given as float32 bits.
    pub fn float_scale(scale: Operand, rounding: Rounding) -> Op {
        Op::Float(Arc::new(Float::scale(scale)), rounding)
    }

    /// The step's word in a design.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Add(_) => "add",
            Op::Subtract(_) => "subtract",
            Op::Multiply(_) => "multiply",
            Op::Max(_) => "max",
            Op::Min(_) => "min",
            Op::ShiftLeft(_) => "shift_left",
            Op::ShiftRight(..) => "shift_right",
            Op::Clamp { .. } => "clamp",
            Op::Fit => "fit",
            Op::Float(float, _) if float.as_scale().is_some() => "float_scale",
            Op::Float(..) => "float",
            Op::Lut(_) => "lut",
            Op::Thresholds { .. } => "thresholds",
            Op::Branch { .. } => "branch",
        }
    }

    /// As a formula over what is called `x`; `name` says how an operand is written. The rounding is not part of it.
    pub fn formula(&self, x: &str, name: Name<'_>) -> String {
        match self {
            Op::Add(v) => format!("{x} + {}", name(*v)),
            Op::Subtract(v) => format!("{x} - {}", name(*v)),
            Op::Multiply(v) => format!("{x} * {}", name(*v)),
            Op::Max(v) => format!("max({x}, {})", name(*v)),
            Op::Min(v) => format!("min({x}, {})", name(*v)),
            Op::ShiftLeft(v) => format!("{x} << {}", name(*v)),
            Op::ShiftRight(v, _, None) => format!("{x} >> {}", name(*v)),
            Op::ShiftRight(v, _, Some(adder)) => format!("{x} >> {}, half added in {adder}", name(*v)),
            Op::Clamp { low, high } => format!("clamp to {}..{}", name(*low), name(*high)),
            Op::Fit => "fit".to_owned(),
            Op::Float(float, _) => float.formula(x, name),
            Op::Lut(table) => format!("table of {} from {}", table.values.len(), table.first),
            Op::Thresholds { values, offset } => {
                format!("{} + how many of {} are <= {x}", name(*offset), summary(values, name))
            }
            Op::Branch { negative, otherwise } => {
                let arm = |steps: &[Step]| {
                    let rounded = |step: &Step| {
                        let rounding =
                            step.op.rounding().map_or(String::new(), |rounding| format!(" {rounding}"));
                        step.formula(x, name) + &rounding
                    };
                    let steps: Vec<String> = steps.iter().map(rounded).collect();
                    if steps.is_empty() { x.to_owned() } else { steps.join(", then ") }
                };
                format!("{x} < 0: {}; else: {}", arm(negative), arm(otherwise))
            }
        }
    }

    /// As an instruction, rounding included; `name` says how an operand is written.
    pub fn instruction(&self, name: Name<'_>) -> String {
        match self {
            Op::Add(v) => format!("add {}", name(*v)),
            Op::Subtract(v) => format!("subtract {}", name(*v)),
            Op::Multiply(v) => format!("multiply by {}", name(*v)),
            Op::Max(v) => format!("max with {}", name(*v)),
            Op::Min(v) => format!("min with {}", name(*v)),
            Op::ShiftLeft(v) => format!("shift left by {}", name(*v)),
            Op::ShiftRight(v, rounding, None) => format!("shift right by {}, {rounding}", name(*v)),
            Op::ShiftRight(v, rounding, Some(adder)) => {
                format!("shift right by {}, {rounding}, half added in {adder}", name(*v))
            }
            Op::Float(float, rounding) => match float.as_scale() {
                Some(scale) => format!("times float32 {}, {rounding}", name(scale)),
                None => format!("{}, {rounding}", float.formula("x", name)),
            },
            Op::Clamp { .. } | Op::Fit | Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. } => {
                self.formula("x", name)
            }
        }
    }

    /// What it takes beside `x`, and as what: nothing, one operand, a clamp's low and high bound, thresholds and their
    /// offset. What the steps of a branch take is theirs.
    fn parts(&mut self) -> Vec<(Role, &mut Operand)> {
        match self {
            Op::Add(v) | Op::Subtract(v) => vec![(Role::Term, v)],
            Op::Multiply(v) => vec![(Role::Factor, v)],
            Op::Max(v) => vec![(Role::Least, v)],
            Op::Min(v) => vec![(Role::Most, v)],
            Op::ShiftLeft(v) | Op::ShiftRight(v, ..) => vec![(Role::Count, v)],
            Op::Clamp { low, high } => vec![(Role::Low, low), (Role::High, high)],
            Op::Fit | Op::Lut(_) | Op::Branch { .. } => vec![],
            Op::Float(float, _) => Arc::make_mut(float).parts(),
            Op::Thresholds { values, offset } => {
                let values = values.iter_mut().map(|value| (Role::Threshold, value));
                values.chain([(Role::Offset, offset)]).collect()
            }
        }
    }

    /// Its own operands, each with its role; those of a branch's steps are theirs ([`Step::roles`]).
    pub fn roles(&self) -> Vec<(Role, Operand)> {
        match self {
            // What is asked most, without a copy.
            Op::Add(v) | Op::Subtract(v) => vec![(Role::Term, *v)],
            Op::Fit | Op::Lut(_) | Op::Branch { .. } => vec![],
            _ => self.clone().parts().into_iter().map(|(role, operand)| (role, *operand)).collect(),
        }
    }

    /// The operand of that role, if it has one.
    pub fn operand(&self, wanted: Role) -> Option<Operand> {
        self.roles().into_iter().find(|(role, _)| *role == wanted).map(|(_, operand)| operand)
    }

    /// Its own operands, in the order of [`Op::roles`].
    pub fn operands(&self) -> Vec<Operand> {
        self.roles().into_iter().map(|(_, operand)| operand).collect()
    }

    /// The same, to be changed.
    pub fn operands_mut(&mut self) -> impl Iterator<Item = &mut Operand> {
        self.parts().into_iter().map(|(_, operand)| operand)
    }

    /// Its table.
    pub fn table(&self) -> Option<&Table> {
        if let Op::Lut(table) = self { Some(table) } else { None }
    }

    /// What it counts.
    pub fn thresholds(&self) -> Option<&[Operand]> {
        if let Op::Thresholds { values, .. } = self { Some(values) } else { None }
    }

    /// The steps for `x` below 0, and those for the rest.
    pub fn arms(&self) -> Option<[&[Step]; 2]> {
        if let Op::Branch { negative, otherwise } = self { Some([negative, otherwise]) } else { None }
    }

    /// What it rounds, and how.
    pub fn rounds(&self) -> Option<(Rounded<'_>, Rounding)> {
        match self {
            Op::ShiftRight(count, rounding, _) => Some((Rounded::Shift(*count), *rounding)),
            Op::Float(float, rounding) => Some((Rounded::Float(float), *rounding)),
            Op::Add(_) | Op::Subtract(_) | Op::Multiply(_) | Op::Max(_) | Op::Min(_) => None,
            Op::ShiftLeft(_) | Op::Clamp { .. } | Op::Fit => None,
            Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. } => None,
        }
    }

    /// How it rounds.
    pub fn rounding(&self) -> Option<Rounding> {
        self.rounds().map(|(_, rounding)| rounding)
    }

    /// The same with another rounding, where it has one.
    pub fn with_rounding(&self, other: Rounding) -> Op {
        let mut op = self.clone();
        if let Op::ShiftRight(_, rounding, _) | Op::Float(_, rounding) = &mut op {
            *rounding = other;
        }
        op
    }

    /// The format in which a shift adds its rounding's constant, where that is stated.
    pub const fn adder(&self) -> Option<Format> {
        match self {
            Op::ShiftRight(_, _, adder) => *adder,
            _ => None,
        }
    }

    /// What `x` is compared with: a lower and an upper bound.
    pub fn bounds(&self) -> [Option<Operand>; 2] {
        match self {
            Op::Clamp { low, high } => [Some(*low), Some(*high)],
            Op::Max(least) => [Some(*least), None],
            Op::Min(most) => [None, Some(*most)],
            _ => [None, None],
        }
    }

    /// Whether hardware has only what a parameter's limits ask for: a shifter, a clamp. An adder or a multiplier takes
    /// whatever the parameter's port can say.
    pub fn is_built_for_limits(&self) -> bool {
        let limited = |(role, _)| match role {
            Role::Count | Role::Low | Role::High | Role::Scale | Role::FloatTerm | Role::Condition => true,
            Role::Term | Role::Factor | Role::Least | Role::Most | Role::Threshold | Role::Offset => false,
        };
        self.roles().into_iter().all(limited)
    }

    /// The largest count of a shift.
    pub const fn largest_count(&self) -> Option<u32> {
        match self {
            Op::ShiftLeft(_) => Some(MAX_LEFT_SHIFT),
            Op::ShiftRight(..) => Some(MAX_SHIFT),
            Op::Add(_) | Op::Subtract(_) | Op::Multiply(_) | Op::Max(_) | Op::Min(_) => None,
            Op::Clamp { .. } | Op::Fit | Op::Float(..) => None,
            Op::Lut(_) | Op::Thresholds { .. } | Op::Branch { .. } => None,
        }
    }

    /// What it does in floats: no value modulo 2^width comes of that, and no bound is known.
    pub fn float(&self) -> Option<&Float> {
        if let Op::Float(float, _) = self { Some(float) } else { None }
    }

    /// The same with other operations in floats, where it has some.
    pub fn with_float(&self, edit: impl FnOnce(&mut Float)) -> Op {
        let mut op = self.clone();
        if let Op::Float(float, _) = &mut op {
            edit(Arc::make_mut(float));
        }
        op
    }

    /// Whether it computes in floats.
    pub fn is_float(&self) -> bool {
        self.float().is_some()
    }

    /// Whether its results only rise, or only fall, with `x`: the ends of a range are then among the results of its ends.
    pub fn is_monotone(&self) -> bool {
        match self {
            Op::Float(float, _) => float.is_monotone(),
            // A sum that wraps falls.
            Op::ShiftRight(_, _, adder) => adder.is_none(),
            Op::Lut(_) | Op::Branch { .. } => false,
            _ => true,
        }
    }
}

/// The first and the last of a list, if it is long.
fn summary(values: &[Operand], name: Name<'_>) -> String {
    match values {
        [first, _, _, .., last] => {
            format!("{} thresholds {}..{}", values.len(), name(*first), name(*last))
        }
        _ => values.iter().map(|value| name(*value)).collect::<Vec<_>>().join(", "),
    }
}
