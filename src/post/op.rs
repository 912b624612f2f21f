//! Operations, and what each says of itself: its word, its operands and their roles, how it rounds, what it compares with.
//!
//! Nobody else sorts operations: a new one answers these questions here, and its exact meaning in `run`.

use super::Operand;
use crate::num::{MAX_SHIFT, Rounding};

/// The largest count of a left shift: shifted values fit an `i128`.
pub const MAX_LEFT_SHIFT: u32 = 63;

/// What a step does to `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// R7: `x / 2^v`, rounded as stated.
    ShiftRight(Operand, Rounding),
    /// `min(x, high)`, then the larger of that and `low`.
    Clamp {
        /// Lower bound; it wins where the bounds cross.
        low: Operand,
        /// Upper bound.
        high: Operand,
    },
    /// Only format and overflow.
    Fit,
    /// `round(f32(x) * scale)`, the scale given as float32 bits; one rounding to integer, saturating.
    FloatScale(Operand, Rounding),
}

/// What an operand is to its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Added or subtracted.
    Term,
    /// What `x` is multiplied by.
    Factor,
    /// Bits of the float32 that `x` is multiplied by.
    Scale,
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
}

impl Role {
    /// Its key in a design.
    pub const fn key(self) -> &'static str {
        match self {
            Role::Term | Role::Factor | Role::Scale | Role::Least | Role::Most => "value",
            Role::Count => "shift",
            Role::Low => "low",
            Role::High => "high",
        }
    }
}

/// What an operation rounds to an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounded {
    /// R7: `x / 2^count`.
    Shift(Operand),
    /// The float32 product of `x` and a scale.
    Float(Operand),
}

impl Op {
    /// The step's word in a design.
    pub const fn name(self) -> &'static str {
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
            Op::FloatScale(..) => "float_scale",
        }
    }

    /// As a formula over `x`; `name` says how an operand is written. The rounding is not part of it.
    pub fn formula(self, name: impl Fn(Operand) -> String) -> String {
        match self {
            Op::Add(v) => format!("x + {}", name(v)),
            Op::Subtract(v) => format!("x - {}", name(v)),
            Op::Multiply(v) => format!("x * {}", name(v)),
            Op::Max(v) => format!("max(x, {})", name(v)),
            Op::Min(v) => format!("min(x, {})", name(v)),
            Op::ShiftLeft(v) => format!("x << {}", name(v)),
            Op::ShiftRight(v, _) => format!("x >> {}", name(v)),
            Op::Clamp { low, high } => format!("clamp to {}..{}", name(low), name(high)),
            Op::Fit => "fit".to_owned(),
            Op::FloatScale(v, _) => format!("float32(x) * {}", name(v)),
        }
    }

    /// As an instruction, rounding included; `name` says how an operand is written.
    pub fn instruction(self, name: impl Fn(Operand) -> String) -> String {
        match self {
            Op::Add(v) => format!("add {}", name(v)),
            Op::Subtract(v) => format!("subtract {}", name(v)),
            Op::Multiply(v) => format!("multiply by {}", name(v)),
            Op::Max(v) => format!("max with {}", name(v)),
            Op::Min(v) => format!("min with {}", name(v)),
            Op::ShiftLeft(v) => format!("shift left by {}", name(v)),
            Op::ShiftRight(v, rounding) => format!("shift right by {}, {rounding}", name(v)),
            Op::Clamp { low, high } => format!("clamp to {}..{}", name(low), name(high)),
            Op::Fit => "fit".to_owned(),
            Op::FloatScale(v, rounding) => format!("times float32 {}, {rounding}", name(v)),
        }
    }

    /// What it takes beside `x`, and as what: nothing, one operand, or a clamp's low and high bound.
    fn parts(&mut self) -> impl Iterator<Item = (Role, &mut Operand)> {
        let [first, second] = match self {
            Op::Add(v) | Op::Subtract(v) => [Some((Role::Term, v)), None],
            Op::Multiply(v) => [Some((Role::Factor, v)), None],
            Op::Max(v) => [Some((Role::Least, v)), None],
            Op::Min(v) => [Some((Role::Most, v)), None],
            Op::ShiftLeft(v) | Op::ShiftRight(v, _) => [Some((Role::Count, v)), None],
            Op::Clamp { low, high } => [Some((Role::Low, low)), Some((Role::High, high))],
            Op::Fit => [None, None],
            Op::FloatScale(v, _) => [Some((Role::Scale, v)), None],
        };
        first.into_iter().chain(second)
    }

    /// Its operands, each with its role.
    pub fn roles(mut self) -> Vec<(Role, Operand)> {
        self.parts().map(|(role, operand)| (role, *operand)).collect()
    }

    /// The operand of that role, if it has one.
    pub fn operand(self, wanted: Role) -> Option<Operand> {
        self.roles().into_iter().find(|(role, _)| *role == wanted).map(|(_, operand)| operand)
    }

    /// Its operands, in the order of [`Op::roles`].
    pub fn operands(mut self) -> Vec<Operand> {
        self.operands_mut().map(|operand| *operand).collect()
    }

    /// The same, to be changed.
    pub fn operands_mut(&mut self) -> impl Iterator<Item = &mut Operand> {
        self.parts().map(|(_, operand)| operand)
    }

    /// The same operation on other operands.
    pub fn with_operands(mut self, other: impl Fn(Operand) -> Operand) -> Op {
        self.operands_mut().for_each(|operand| *operand = other(*operand));
        self
    }

    /// What it rounds, and how.
    pub const fn rounds(self) -> Option<(Rounded, Rounding)> {
        match self {
            Op::ShiftRight(count, rounding) => Some((Rounded::Shift(count), rounding)),
            Op::FloatScale(scale, rounding) => Some((Rounded::Float(scale), rounding)),
            Op::Add(_) | Op::Subtract(_) | Op::Multiply(_) | Op::Max(_) | Op::Min(_) => None,
            Op::ShiftLeft(_) | Op::Clamp { .. } | Op::Fit => None,
        }
    }

    /// How it rounds.
    pub fn rounding(self) -> Option<Rounding> {
        self.rounds().map(|(_, rounding)| rounding)
    }

    /// The same with another rounding, where it has one.
    pub const fn with_rounding(self, rounding: Rounding) -> Op {
        match self.rounds() {
            Some((Rounded::Shift(count), _)) => Op::ShiftRight(count, rounding),
            Some((Rounded::Float(scale), _)) => Op::FloatScale(scale, rounding),
            None => self,
        }
    }

    /// What `x` is compared with: a lower and an upper bound.
    pub fn bounds(self) -> [Option<Operand>; 2] {
        [[Role::Low, Role::Least], [Role::High, Role::Most]]
            .map(|roles| roles.into_iter().find_map(|role| self.operand(role)))
    }

    /// Whether hardware has only what a parameter's limits ask for: a shifter, a clamp. An adder or a multiplier takes
    /// whatever the parameter's port can say.
    pub fn is_built_for_limits(self) -> bool {
        let limited = |(role, _)| match role {
            Role::Count | Role::Low | Role::High | Role::Scale => true,
            Role::Term | Role::Factor | Role::Least | Role::Most => false,
        };
        self.roles().into_iter().all(limited)
    }

    /// The largest count of a shift.
    pub const fn largest_count(self) -> Option<u32> {
        match self {
            Op::ShiftLeft(_) => Some(MAX_LEFT_SHIFT),
            Op::ShiftRight(..) => Some(MAX_SHIFT),
            Op::Add(_) | Op::Subtract(_) | Op::Multiply(_) | Op::Max(_) | Op::Min(_) => None,
            Op::Clamp { .. } | Op::Fit | Op::FloatScale(..) => None,
        }
    }

    /// Whether it computes in float32: no value modulo 2^width comes of that, and no bound is known.
    pub const fn is_float(self) -> bool {
        matches!(self.rounds(), Some((Rounded::Float(_), _)))
    }
}
