//! R7: the rounding right shift, ten modes, mathematical at any count.

use std::fmt;
use std::str::FromStr;

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
        f.write_str(self.name())
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

/// R7: `value / 2^count`, rounded to an integer.
///
/// Count 0 is the identity. No intermediate can overflow, for any `value` and any count up to 127.
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
