//! R1: a value is a mathematical integer inside its format.

use std::fmt;
use std::str::FromStr;

use super::{Overflow, narrowest};

/// An integer format: `width` bits, two's complement when signed.
///
/// Signed formats have 1..=64 bits, unsigned ones 1..=63, so that every value fits an `i64`.
///
/// R1: `min ≤ value ≤ max`.
///
/// ```
/// use goldpath::num::Format;
/// let s8: Format = "s8".parse().unwrap();
/// assert_eq!((s8.min(), s8.max()), (-128, 127));
/// assert!(!s8.contains(128));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Format {
    width: u8,
    signed: bool,
}

impl Format {
    /// Signed format of `width` bits; `None` unless 1 ≤ width ≤ 64.
    pub const fn signed(width: u32) -> Option<Format> {
        if width >= 1 && width <= 64 { Some(Format { width: width as u8, signed: true }) } else { None }
    }

    /// Unsigned format of `width` bits; `None` unless 1 ≤ width ≤ 63.
    pub const fn unsigned(width: u32) -> Option<Format> {
        if width >= 1 && width <= 63 { Some(Format { width: width as u8, signed: false }) } else { None }
    }

    /// Either of the two; `None` when there is no such format.
    pub const fn new(width: u32, signed: bool) -> Option<Format> {
        if signed { Format::signed(width) } else { Format::unsigned(width) }
    }

    /// The narrowest unsigned format that numbers so many things from 0.
    pub const fn index(things: usize) -> Format {
        let bits = usize::BITS - things.saturating_sub(1).leading_zeros();
        let width = if bits == 0 {
            1
        } else if bits > 63 {
            63
        } else {
            bits
        };
        Format { width: width as u8, signed: false }
    }

    /// Width in bits.
    pub const fn width(self) -> u32 {
        self.width as u32
    }

    /// Two's complement, rather than non-negative only.
    pub const fn is_signed(self) -> bool {
        self.signed
    }

    /// R1: the smallest value, `−2^(width−1)` or 0.
    pub const fn min(self) -> i64 {
        if self.signed { i64::MIN >> (64 - self.width as u32) } else { 0 }
    }

    /// R1: the largest value, `2^(width−1) − 1` or `2^width − 1`.
    pub const fn max(self) -> i64 {
        if self.signed { i64::MAX >> (64 - self.width as u32) } else { i64::MAX >> (63 - self.width as u32) }
    }

    /// R1: `min ≤ value ≤ max`.
    pub const fn contains(self, value: i128) -> bool {
        value >= self.min() as i128 && value <= self.max() as i128
    }

    /// The narrowest format that holds every value of `low..=high`; signed when `low` is negative.
    /// `None` when that needs more than 64 bits (63 unsigned).
    pub fn holding(low: i128, high: i128) -> Option<Format> {
        narrowest((low, high), low < 0, Overflow::Wrap)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", if self.signed { 's' } else { 'u' }, self.width))
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (signed, digits) = match text.as_bytes().first() {
            Some(b's') => (true, &text[1..]),
            Some(b'u') => (false, &text[1..]),
            _ => return Err(format!("a format is s1..s64 or u1..u63, not {text:?}")),
        };
        let width = digits.parse::<u32>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        width
            .and_then(|w| Format::new(w, signed))
            .ok_or_else(|| format!("a format is s1..s64 or u1..u63, not {text:?}"))
    }
}
