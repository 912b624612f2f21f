//! R4 wrap, R5 saturate, R6 flags: how an exact result enters a format.

use super::Format;

/// What happens to a value outside its format. There is no default: a design says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// R4: reduction mod 2^width.
    Wrap,
    /// R5: clamp to the format's asymmetric range.
    Saturate,
    /// R5: clamp to [-max, max]; only when the design says so. Same as `Saturate` when unsigned.
    SaturateSymmetric,
}

/// R6: on which side the *unfitted* value lay outside the format, in every overflow rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags {
    pub high: bool,
    pub low: bool,
}

/// A value inside its format, and whether it had to be forced there.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fitted {
    pub value: i64,
    pub flags: Flags,
}

/// Fits an exact value into `format`.
///
/// R4: wrap is `value mod 2^width`, read in the format. R5: saturate is `clamp(value, min, max)`.
/// R6: the flags compare the unfitted value with the range that the rule can produce.
///
/// ```
/// use goldpath::num::{Format, Overflow, fit};
/// let s8 = Format::signed(8).unwrap();
/// assert_eq!(fit(128, s8, Overflow::Wrap).value, -128); // R4
/// assert_eq!(fit(128, s8, Overflow::Saturate).value, 127); // R5
/// assert!(fit(128, s8, Overflow::Wrap).flags.high); // R6
/// ```
pub fn fit(value: i128, format: Format, overflow: Overflow) -> Fitted {
    let high_rail = format.max();
    let low_rail = match overflow {
        Overflow::SaturateSymmetric if format.is_signed() => -high_rail,
        _ => format.min(),
    };
    let flags = Flags { high: value > i128::from(high_rail), low: value < i128::from(low_rail) };
    let value = match overflow {
        Overflow::Wrap => wrap(value, format),
        _ => value.clamp(i128::from(low_rail), i128::from(high_rail)) as i64,
    };
    Fitted { value, flags }
}

fn wrap(value: i128, format: Format) -> i64 {
    let unused = 128 - format.width();
    let shifted = value << unused;
    if format.is_signed() { (shifted >> unused) as i64 } else { ((shifted as u128) >> unused) as i64 }
}
