//! What a step does in a floating-point format: in which format, in which order, fused or not. One step holds all of it, so that
//! what enters and what leaves is an integer.

use super::run::{Tie, double_to_integer, float_to_integer};
use super::{Operand, Role};
use crate::num::Rounding;

/// The format of every value between two operations; each rounds to nearest even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE binary32.
    F32,
    /// IEEE binary64.
    F64,
}

impl Precision {
    /// The name used in designs.
    pub const fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::F64 => "f64",
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Precision::F32 => "float32",
            Precision::F64 => "float64",
        }
    }

    /// The bits of a number, rounded to it.
    pub fn bits(self, number: f64) -> i64 {
        match self {
            Precision::F32 => i64::from((number as f32).to_bits() as i32),
            Precision::F64 => number.to_bits() as i64,
        }
    }

    /// Bits of its fraction, the hidden one too: integers of so many are exact.
    pub const fn digits(self) -> u32 {
        match self {
            Precision::F32 => 24,
            Precision::F64 => 53,
        }
    }
}

/// One operation. Factors and terms are bit patterns of the precision; integers are converted to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FloatOp {
    /// `v · factor`
    Multiply(Operand),
    /// `v + term`
    Add(Operand),
    /// `v · factor + term`, rounded once.
    MultiplyAdd(Operand, Operand),
    /// `v + n`, n an integer.
    AddInteger(Operand),
    /// `min(max(v, low), high)` between integers.
    Clamp(Operand, Operand),
    /// A half with v's sign is added, rounded: what a truncation behind it then rounds.
    AddHalf,
}

impl FloatOp {
    /// The word used in designs.
    pub const fn name(self) -> &'static str {
        match self {
            FloatOp::Multiply(_) => "multiply",
            FloatOp::Add(_) => "add",
            FloatOp::MultiplyAdd(..) => "multiply_add",
            FloatOp::AddInteger(_) => "add_integer",
            FloatOp::Clamp(..) => "clamp",
            FloatOp::AddHalf => "add_half",
        }
    }

    fn parts(&mut self) -> Vec<(Role, &mut Operand)> {
        match self {
            FloatOp::Multiply(v) => vec![(Role::Scale, v)],
            FloatOp::Add(v) => vec![(Role::FloatTerm, v)],
            FloatOp::MultiplyAdd(factor, term) => vec![(Role::Scale, factor), (Role::FloatTerm, term)],
            FloatOp::AddInteger(v) => vec![(Role::Term, v)],
            FloatOp::Clamp(low, high) => vec![(Role::Low, low), (Role::High, high)],
            FloatOp::AddHalf => vec![],
        }
    }

    /// How many operands it has.
    const fn arity(self) -> usize {
        match self {
            FloatOp::Multiply(_) | FloatOp::Add(_) | FloatOp::AddInteger(_) => 1,
            FloatOp::MultiplyAdd(..) | FloatOp::Clamp(..) => 2,
            FloatOp::AddHalf => 0,
        }
    }

    /// Its operands, in the order in which they are written.
    pub fn operands(mut self) -> Vec<Operand> {
        self.parts().into_iter().map(|(_, operand)| *operand).collect()
    }

    fn formula(self, v: &str, name: &dyn Fn(Operand) -> String) -> String {
        match self {
            FloatOp::Multiply(f) => format!("{v} * {}", name(f)),
            FloatOp::Add(t) => format!("({v} + {})", name(t)),
            FloatOp::MultiplyAdd(f, t) => format!("fma({v}, {}, {})", name(f), name(t)),
            FloatOp::AddInteger(n) => format!("({v} + {})", name(n)),
            FloatOp::Clamp(low, high) => format!("clamp({v}, {}, {})", name(low), name(high)),
            FloatOp::AddHalf => format!("add_half({v})"),
        }
    }
}

/// The operations in one precision: what `x` is in front of the last rounding.
macro_rules! walked {
    ($name:ident, $float:ty, $bits:ty) => {
        #[inline]
        fn $name(&self, x: i128, get: impl Fn(usize, Operand) -> i128) -> $float {
            let (mut v, mut place) = (x as $float, 0);
            for op in &self.ops {
                // The low bits are the float's.
                let bits = |at: usize, operand| <$float>::from_bits(get(at, operand) as $bits);
                let integer = |at: usize, operand| get(at, operand) as $float;
                let half: $float = 0.5;
                v = match *op {
                    FloatOp::Multiply(f) => v * bits(place, f),
                    FloatOp::Add(t) => v + bits(place, t),
                    FloatOp::MultiplyAdd(f, t) => v.mul_add(bits(place, f), bits(place + 1, t)),
                    FloatOp::AddInteger(n) => v + integer(place, n),
                    FloatOp::Clamp(low, high) => v.max(integer(place, low)).min(integer(place + 1, high)),
                    FloatOp::AddHalf => v + half.copysign(v),
                };
                place += op.arity();
            }
            v
        }
    };
}

/// Operations one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Float {
    /// Of x, once converted, and of everything behind it.
    pub precision: Precision,
    /// In the order in which they are done.
    pub ops: Vec<FloatOp>,
}

impl Float {
    /// float32(x) · scale.
    pub fn scale(scale: Operand) -> Float {
        Float { precision: Precision::F32, ops: vec![FloatOp::Multiply(scale)] }
    }

    /// The scale, of what is one float32 product.
    pub fn as_scale(&self) -> Option<Operand> {
        match (self.precision, self.ops.as_slice()) {
            (Precision::F32, [FloatOp::Multiply(scale)]) => Some(*scale),
            _ => None,
        }
    }

    pub(super) fn parts(&mut self) -> Vec<(Role, &mut Operand)> {
        self.ops.iter_mut().flat_map(FloatOp::parts).collect()
    }

    /// The bits of a constant that is an infinity or no number.
    pub fn not_finite(&self) -> Option<i64> {
        let is_finite = |bits: i64| match self.precision {
            Precision::F32 => f32::from_bits(bits as u32).is_finite(),
            Precision::F64 => f64::from_bits(bits as u64).is_finite(),
        };
        let floats = self.ops.iter().flat_map(|op| match *op {
            FloatOp::Multiply(v) | FloatOp::Add(v) => vec![v],
            FloatOp::MultiplyAdd(factor, term) => vec![factor, term],
            FloatOp::AddInteger(_) | FloatOp::Clamp(..) | FloatOp::AddHalf => vec![],
        });
        let constants = floats.filter_map(|operand| match operand {
            Operand::Constant(bits) => Some(bits),
            Operand::Parameter(_) | Operand::Exponent { .. } => None,
        });
        constants.into_iter().find(|bits| !is_finite(*bits))
    }

    /// As a formula over what is called `x`.
    pub fn formula(&self, x: &str, name: &dyn Fn(Operand) -> String) -> String {
        let begin = format!("{}({x})", self.precision.words());
        self.ops.iter().fold(begin, |v, op| op.formula(&v, name))
    }

    /// Whether a larger x never makes less: no factor is below 0, nor any that is not a number.
    pub fn rises(&self, of: impl Fn(Operand) -> (i128, i128)) -> bool {
        let positive = |operand: Operand| {
            let (low, high) = of(operand);
            let most = match self.precision {
                Precision::F32 => i128::from(f32::INFINITY.to_bits()),
                Precision::F64 => i128::from(f64::INFINITY.to_bits()),
            };
            low >= 0 && high < most
        };
        self.ops.iter().all(|op| match op {
            FloatOp::Multiply(factor) | FloatOp::MultiplyAdd(factor, _) => positive(*factor),
            FloatOp::Add(_) | FloatOp::AddInteger(_) | FloatOp::Clamp(..) | FloatOp::AddHalf => true,
        })
    }

    /// Whether results only rise, or only fall, whatever the numbers: the bits of a term may be no number.
    pub fn is_monotone(&self) -> bool {
        !self.ops.iter().any(|op| matches!(op, FloatOp::Add(_) | FloatOp::MultiplyAdd(..)))
    }

    /// Whether the result is on x's side of 0: nothing is added.
    pub fn keeps_sign(&self, of: impl Fn(Operand) -> (i128, i128)) -> bool {
        let is_factor = |op: &FloatOp| matches!(op, FloatOp::Multiply(_) | FloatOp::AddHalf);
        self.ops.iter().all(is_factor) && self.rises(of)
    }

    /// What `x` becomes, an integer; `get` is asked for numbers by their place among all operands.
    #[inline]
    pub fn exact(&self, x: i128, rounding: Rounding, get: impl Fn(usize, Operand) -> i128) -> i128 {
        match self.precision {
            Precision::F32 => float_to_integer(self.single(x, get), rounding),
            Precision::F64 => double_to_integer(self.double(x, get), rounding),
        }
    }

    /// The tie that the last rounding meets, if it is one.
    pub fn tie(&self, x: i128, get: impl Fn(usize, Operand) -> i128) -> Option<Tie> {
        // Exact, as the distance from the lower neighbour of a negative value need not be.
        let v = match self.precision {
            Precision::F32 => f64::from(self.single(x, get)),
            Precision::F64 => self.double(x, get),
        };
        (v.fract().abs() == 0.5).then(|| Tie { negative: v < 0.0, odd: v.floor() % 2.0 != 0.0 })
    }

    walked!(single, f32, u32);
    walked!(double, f64, u64);
}
