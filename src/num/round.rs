//! R7: the rounding right shift, ten modes, mathematical at any count.
//!
//! With `q = floor(v / 2^s)` and the fraction `f = v / 2^s − q`, a mode answers `q` or `q + 1`; `q + 1` when
//!
//! | mode | `q + 1` when | −2.5 | −0.5 | 0.5 | 2.5 |
//! |---|---|---|---|---|---|
//! | floor | never | −3 | −1 | 0 | 2 |
//! | ceil | `f > 0` | −2 | 0 | 1 | 3 |
//! | trunc | `f > 0`, `v < 0` | −2 | 0 | 0 | 2 |
//! | away | `f > 0`, `v > 0` | −3 | −1 | 1 | 3 |
//! | half_up | `f ≥ ½` | −2 | 0 | 1 | 3 |
//! | half_down | `f > ½` | −3 | −1 | 0 | 2 |
//! | half_away | `f > ½`, or `f = ½` and `v > 0` | −3 | −1 | 1 | 3 |
//! | half_zero | `f > ½`, or `f = ½` and `v < 0` | −2 | 0 | 0 | 2 |
//! | half_even | `f > ½`, or `f = ½` and `q` odd | −2 | 0 | 0 | 2 |
//! | half_odd | `f > ½`, or `f = ½` and `q` even | −3 | −1 | 1 | 3 |
//!
//! Other systems have other names for them, and the same for others: [`ALIASES`](super::ALIASES).

use std::fmt;
use std::str::FromStr;

use super::{Format, Overflow, fit};

/// The largest shift count a design may use.
pub const MAX_SHIFT: u32 = 127;

/// Where a value between two integers goes. Named by direction; `Half*` names where a tie goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Toward −∞.
    Floor,
    /// Toward +∞.
    Ceil,
    /// Toward zero.
    Trunc,
    /// Away from zero.
    Away,
    /// Nearest, ties toward +∞.
    HalfUp,
    /// Nearest, ties toward −∞.
    HalfDown,
    /// Nearest, ties away from zero (gemmlowp's RoundingDivideByPOT).
    HalfAway,
    /// Nearest, ties toward zero.
    HalfZero,
    /// Nearest, ties to even.
    HalfEven,
    /// Nearest, ties to odd.
    HalfOdd,
}

impl Rounding {
    /// All ten, in the order of the table.
    pub const ALL: [Rounding; 10] = [
        Rounding::Floor,
        Rounding::Ceil,
        Rounding::Trunc,
        Rounding::Away,
        Rounding::HalfUp,
        Rounding::HalfDown,
        Rounding::HalfAway,
        Rounding::HalfZero,
        Rounding::HalfEven,
        Rounding::HalfOdd,
    ];

    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Rounding::Floor => "floor",
            Rounding::Ceil => "ceil",
            Rounding::Trunc => "trunc",
            Rounding::Away => "away",
            Rounding::HalfUp => "half_up",
            Rounding::HalfDown => "half_down",
            Rounding::HalfAway => "half_away",
            Rounding::HalfZero => "half_zero",
            Rounding::HalfEven => "half_even",
            Rounding::HalfOdd => "half_odd",
        }
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rounding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Rounding::ALL.into_iter().find(|r| r.name() == text).ok_or_else(|| {
            let names: Vec<_> = Rounding::ALL.iter().map(|r| r.name()).collect();
            format!("rounding is one of {}, not {text:?}", names.join(", "))
        })
    }
}

/// R7: `round(value / 2^count)`, the two integers around it told apart by the mode.
///
/// Count 0 is the identity, and a count beyond the value's width still means division: floor of −1 stays −1,
/// half_up of −1 is 0. No intermediate can overflow, for any `value` and any count up to 127. A left shift is
/// another step; a negative count does not exist.
///
/// ```
/// use goldpath::num::{Rounding, shift_right};
/// assert_eq!(shift_right(-832, 7, Rounding::HalfAway), -7);
/// assert_eq!(shift_right(-832, 7, Rounding::HalfUp), -6);
/// assert_eq!(shift_right(-1, 100, Rounding::Floor), -1);
/// ```
///
/// # Panics
/// When `count` exceeds [`MAX_SHIFT`]: designs are checked before they run.
pub fn shift_right(value: i128, count: u32, rounding: Rounding) -> i128 {
    assert!(count <= MAX_SHIFT, "shift count {count} exceeds {MAX_SHIFT}");
    if count == 0 {
        return value;
    }
    // The half is compared, never added: floor plus a carry cannot leave the type.
    let floor = value >> count;
    let fraction = (value as u128) & ((1u128 << count) - 1);
    let half = 1u128 << (count - 1);
    let negative = value < 0;
    let carry = match rounding {
        Rounding::Floor => false,
        Rounding::Ceil => fraction != 0,
        Rounding::Trunc => negative && fraction != 0,
        Rounding::Away => !negative && fraction != 0,
        Rounding::HalfUp => fraction >= half,
        Rounding::HalfDown => fraction > half,
        Rounding::HalfAway => fraction > half || (fraction == half && !negative),
        Rounding::HalfZero => fraction > half || (fraction == half && negative),
        Rounding::HalfEven => fraction > half || (fraction == half && floor & 1 == 1),
        Rounding::HalfOdd => fraction > half || (fraction == half && floor & 1 == 0),
    };
    floor + i128::from(carry)
}

/// R7 as an adder in front of a shifter does it: `x` and the half are added in a format, where the sum wraps (R4), and the sum
/// is shifted, rounding down; where a tie goes the other way, one is taken from what is left. In a format that holds every
/// sum it is [`shift_right`].
///
/// The half is 2^(count − 1) for the six modes of halves; at a tie half_even takes one from an odd result, which clears its
/// lowest bit, and half_odd from an even one. Of the others ceil adds 2^count − 1, trunc adds that below 0, away from 0 on, floor nothing. Count 0 adds nothing, and the format
/// still applies.
///
/// ```
/// use goldpath::num::{Format, Rounding, shift_right_in};
/// let s32 = Format::signed(32).unwrap();
/// assert_eq!(shift_right_in(i32::MAX.into(), 10, Rounding::HalfEven, s32), -2097152);
/// ```
///
/// # Panics
/// When `count` exceeds [`MAX_SHIFT`].
pub fn shift_right_in(value: i128, count: u32, rounding: Rounding, adder: Format) -> i128 {
    assert!(count <= MAX_SHIFT, "shift count {count} exceeds {MAX_SHIFT}");
    // Of no format wider than 64 bits more than that is left.
    let added = |constant: u128| {
        let sum = value + (constant & u128::from(u64::MAX)) as i128;
        i128::from(fit(sum, adder, Overflow::Wrap).value) >> count
    };
    if count == 0 {
        return added(0);
    }
    let (half, all) = (1_u128 << (count - 1), (1_u128 << count) - 1);
    let (negative, is_tie) = (value < 0, (value as u128) & all == half);
    let (constant, down) = match rounding {
        Rounding::Floor => (0, false),
        Rounding::Ceil => (all, false),
        Rounding::Trunc => (if negative { all } else { 0 }, false),
        Rounding::Away => (if negative { 0 } else { all }, false),
        Rounding::HalfUp => (half, false),
        Rounding::HalfDown => (half, true),
        Rounding::HalfAway => (half, negative),
        Rounding::HalfZero => (half, !negative),
        Rounding::HalfEven => (half, added(half) & 1 == 1),
        Rounding::HalfOdd => (half, added(half) & 1 == 0),
    };
    added(constant) - i128::from(is_tie && down)
}
