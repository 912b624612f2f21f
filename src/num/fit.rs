//! R3 order, R4 wrap, R5 saturate, R6 flags: how exact results enter a format, one after the other.

use super::{Format, narrowest};

/// What happens to a value outside its format. There is no default: a design says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// R4: reduction modulo `2^width`.
    Wrap,
    /// R5: clamp to the format's asymmetric range.
    Saturate,
    /// R5: clamp to `[−max, max]`; only when the design says so. Same as `Saturate` when unsigned.
    SaturateSymmetric,
}

impl Overflow {
    /// Every rule, for tests and tables.
    pub const ALL: [Overflow; 3] = [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric];

    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Overflow::Wrap => "wrap",
            Overflow::Saturate => "saturate",
            Overflow::SaturateSymmetric => "saturate_symmetric",
        }
    }

    /// The smallest and largest value that pass unchanged and unflagged: the format's range, or
    /// `[−max, max]` when symmetric.
    ///
    /// ```
    /// use goldpath::num::{Format, Overflow};
    /// let s8 = Format::signed(8).unwrap();
    /// assert_eq!(Overflow::Saturate.rails(s8), (-128, 127));
    /// assert_eq!(Overflow::SaturateSymmetric.rails(s8), (-127, 127));
    /// ```
    pub const fn rails(self, format: Format) -> (i64, i64) {
        match self {
            Overflow::SaturateSymmetric if format.is_signed() => (-format.max(), format.max()),
            _ => (format.min(), format.max()),
        }
    }

    /// Whether every value of `low..=high` passes unchanged.
    pub fn holds(self, format: Format, (low, high): (i128, i128)) -> bool {
        let rails = self.rails(format);
        low >= i128::from(rails.0) && high <= i128::from(rails.1)
    }

    /// The least and the largest value that [`fit`] can make of `low..=high`: of what wraps, the rails.
    ///
    /// ```
    /// use goldpath::num::{Format, Overflow};
    /// let s8 = Format::signed(8).unwrap();
    /// assert_eq!(Overflow::Wrap.image(s8, (100, 130)), (-128, 127));
    /// assert_eq!(Overflow::Saturate.image(s8, (100, 130)), (100, 127));
    /// ```
    pub fn image(self, format: Format, (low, high): (i128, i128)) -> (i128, i128) {
        let rails = self.rails(format);
        let rails = (i128::from(rails.0), i128::from(rails.1));
        match self {
            _ if self.holds(format, (low, high)) => (low, high),
            Overflow::Wrap => rails,
            _ => (low.clamp(rails.0, rails.1), high.clamp(rails.0, rails.1)),
        }
    }
}

/// A format, and how values enter it.
///
/// ```
/// use goldpath::num::{Fit, Format, Overflow};
/// let fit = Fit { format: Format::signed(8).unwrap(), overflow: Overflow::Saturate };
/// assert_eq!(fit.of(200).value, 127);
/// assert_eq!(fit.image((-5, 200)), (-5, 127));
/// assert!(fit.holds((-128, 127)) && !fit.holds((0, 128)));
/// assert_eq!(fit.narrowest((-5, 200)).unwrap().to_string(), "s9");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fit {
    /// What values are inside of afterwards.
    pub format: Format,
    /// What happens to those that are not.
    pub overflow: Overflow,
}

impl Fit {
    /// [`fit()`].
    #[inline]
    pub fn of(self, value: i128) -> Fitted {
        fit(value, self.format, self.overflow)
    }

    /// [`Overflow::rails`].
    #[inline]
    pub const fn rails(self) -> (i64, i64) {
        self.overflow.rails(self.format)
    }

    /// [`Overflow::holds`].
    #[inline]
    pub fn holds(self, range: (i128, i128)) -> bool {
        self.overflow.holds(self.format, range)
    }

    /// [`Overflow::image`].
    #[inline]
    pub fn image(self, range: (i128, i128)) -> (i128, i128) {
        self.overflow.image(self.format, range)
    }

    /// The narrowest format of the same signedness that holds a range under the same rule.
    pub fn narrowest(self, range: (i128, i128)) -> Option<Format> {
        narrowest(range, self.format.is_signed(), self.overflow)
    }
}

/// R6: on which side the *unfitted* value lay outside the format, in every overflow rule.
///
/// `high = v > high rail`, `low = v < low rail`; the rails are [`Overflow::rails`], so under
/// `SaturateSymmetric` −2^(w−1) is flagged low although the format holds it: the value was changed.
///
/// ```
/// use goldpath::num::{Flags, Format, Overflow, fit};
/// let s8 = Format::signed(8).unwrap();
/// assert_eq!(fit(128, s8, Overflow::Wrap).flags, Flags { high: true, low: false });
/// assert_eq!(fit(-129, s8, Overflow::Saturate).flags, Flags { high: false, low: true });
/// assert!(fit(-128, s8, Overflow::SaturateSymmetric).flags.low);
/// assert!(!fit(-128, s8, Overflow::Saturate).flags.any());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags {
    /// The value lay above the upper rail.
    pub high: bool,
    /// The value lay below the lower rail.
    pub low: bool,
}

impl Flags {
    /// The value passed unchanged.
    pub const NONE: Flags = Flags { high: false, low: false };

    /// Whether the value lay outside at all.
    pub const fn any(self) -> bool {
        self.high || self.low
    }
}

/// A value inside its format, and whether it had to be forced there.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fitted {
    /// Inside the format.
    pub value: i64,
    /// R6: on which side the exact value lay outside.
    pub flags: Flags,
}

/// Fits an exact value into `format`.
///
/// R4: wrap is `v mod 2^width`, read in the format. R5: saturate is `min(max(v, low), high)`, symmetric with
/// `low = −high`. R6: the flags compare `v` itself with the rails.
///
/// ```
/// use goldpath::num::{Format, Overflow, fit};
/// let s8 = Format::signed(8).unwrap();
/// assert_eq!(fit(128, s8, Overflow::Wrap).value, -128); // R4
/// assert_eq!(fit(-300, s8, Overflow::Wrap).value, -44); // R4
/// assert_eq!(fit(128, s8, Overflow::Saturate).value, 127); // R5
/// assert_eq!(fit(-300, s8, Overflow::Saturate).value, -128); // R5
/// assert_eq!(fit(-300, s8, Overflow::SaturateSymmetric).value, -127); // R5
/// assert!(fit(128, s8, Overflow::Wrap).flags.high); // R6
/// ```
pub fn fit(value: i128, format: Format, overflow: Overflow) -> Fitted {
    let (low, high) = overflow.rails(format);
    let flags = Flags { high: value > i128::from(high), low: value < i128::from(low) };
    let value = match (overflow, flags) {
        (_, Flags::NONE) => value as i64,
        (Overflow::Wrap, _) => wrap(value, format),
        (_, Flags { high: true, .. }) => high,
        (_, Flags { low: true, .. }) => low,
    };
    Fitted { value, flags }
}

fn wrap(value: i128, format: Format) -> i64 {
    let unused = 128 - format.width();
    let shifted = value << unused;
    if format.is_signed() { (shifted >> unused) as i64 } else { ((shifted as u128) >> unused) as i64 }
}

/// R3: adds the terms one at a time, in the order given, and fits after each: `acc ← fit(acc + t)`.
///
/// The order is data: with a saturating rule another order gives another result. `event` is called with the
/// position of every term whose exact sum lay outside (R6).
///
/// ```
/// use goldpath::num::{Format, Overflow, accumulate};
/// let s8 = Format::signed(8).unwrap();
/// let sum = |terms: [i128; 3]| accumulate(0, terms, s8, Overflow::Saturate, |_, _| ());
/// assert_eq!(sum([100, 100, -100]), 27); // 100 → 127 (stuck at the rail) → 27
/// assert_eq!(sum([100, -100, 100]), 100); // the same terms in another order
/// ```
pub fn accumulate(
    start: i64,
    terms: impl IntoIterator<Item = i128>,
    format: Format,
    overflow: Overflow,
    mut event: impl FnMut(usize, Flags),
) -> i64 {
    let mut accumulator = start;
    for (position, term) in terms.into_iter().enumerate() {
        let fitted = fit(i128::from(accumulator) + term, format, overflow);
        if fitted.flags.any() {
            event(position, fitted.flags);
        }
        accumulator = fitted.value;
    }
    accumulator
}
