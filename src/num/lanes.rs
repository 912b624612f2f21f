//! R3 to R6 on machine lanes: an accumulator of any width in an `i16`, `i32` or `i64`.
//!
//! [`fit`](super::fit()) is the rule; this is the same rule without a wider intermediate, so that a loop over
//! slices becomes vector instructions. `tests/num` holds the two equal: exhaustively at narrow widths and at
//! the corners of every lane.

use super::{Fitted, Flags, Format, Overflow, Rounding};

/// A machine integer that holds one accumulator: `i16`, `i32` or `i64`.
pub trait Lane: Copy + Ord + std::fmt::Debug + Send + Sync + 'static + sealed::Sealed {
    /// Width of the lane in bits.
    const WIDTH_BITS: u32;
    /// The lane's smallest value, −2^(WIDTH_BITS − 1).
    const MIN: Self;
    /// The lane's largest value, 2^(WIDTH_BITS − 1) − 1.
    const MAX: Self;
    /// Where every register starts (R12).
    const ZERO: Self;
    /// The value as a lane, when it fits.
    fn from_i64(value: i64) -> Option<Self>;
    /// The value itself: no lane is wider than 64 bits.
    fn to_i64(self) -> i64;
    /// The value modulo `2^WIDTH_BITS`: itself, when it is known to fit.
    fn truncate(value: i64) -> Self;
    /// The same of an `i32`.
    fn from_i32(value: i32) -> Self;
    /// The value of a counter, which is not negative, modulo 2^32.
    fn to_count(self) -> u32;
    /// `self + other` modulo `2^WIDTH_BITS`.
    fn wrapping_add(self, other: Self) -> Self;
    /// `self · other` modulo `2^WIDTH_BITS`, where both factors fit 32 bits: wider lanes multiply halves.
    fn multiply(self, other: Self) -> Self;
    /// 1 or 0: what a counter adds.
    fn from_bool(value: bool) -> Self;
    /// `self − other` modulo `2^WIDTH_BITS`.
    fn wrapping_sub(self, other: Self) -> Self;
    /// `self + other`, clamped to the lane.
    fn saturating_add(self, other: Self) -> Self;
    /// `self − other`, clamped to the lane.
    fn saturating_sub(self, other: Self) -> Self;
    /// Bitwise and.
    fn and(self, other: Self) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! lane {
    ($($integer:ty: $factor:ty),*) => {$(
        impl sealed::Sealed for $integer {}
        impl Lane for $integer {
            const WIDTH_BITS: u32 = <$integer>::BITS;
            const MIN: Self = <$integer>::MIN;
            const MAX: Self = <$integer>::MAX;
            const ZERO: Self = 0;
            fn from_i64(value: i64) -> Option<Self> { Self::try_from(value).ok() }
            #[inline(always)]
            fn to_i64(self) -> i64 { i64::from(self) }
            #[inline(always)]
            fn truncate(value: i64) -> Self { value as $integer }
            #[inline(always)]
            fn from_i32(value: i32) -> Self { value as $integer }
            #[inline(always)]
            fn to_count(self) -> u32 { self as u32 }
            #[inline(always)]
            fn wrapping_add(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline(always)]
            fn multiply(self, other: Self) -> Self {
                <$integer>::from(self as $factor).wrapping_mul(<$integer>::from(other as $factor))
            }
            #[inline(always)]
            fn from_bool(value: bool) -> Self { Self::from(value) }
            #[inline(always)]
            fn wrapping_sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            #[inline(always)]
            fn saturating_add(self, other: Self) -> Self { self.saturating_add(other) }
            #[inline(always)]
            fn saturating_sub(self, other: Self) -> Self { self.saturating_sub(other) }
            #[inline(always)]
            fn and(self, other: Self) -> Self { self & other }
        }
    )*};
}
lane!(i16: i16, i32: i32, i64: i32);

/// One accumulator's rule, prepared for lanes of type `L`.
///
/// Every method wants `accumulator` inside the rails, which `fit` and the methods themselves guarantee. The
/// term may be any value of the lane, wider than the accumulator or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule<L> {
    overflow: Overflow,
    low: L,
    high: L,
    // Wrap is ((v + bias) & mask) − bias: for a signed format the bias moves [min, max] onto [0, 2^width).
    bias: L,
    mask: L,
}

impl<L: Lane> Rule<L> {
    /// `None` when a value of `format` does not fit the lane, and the rule must run in a wider one.
    ///
    /// ```
    /// use goldpath::num::{Format, Overflow, lanes::Rule};
    /// assert!(Rule::<i16>::new(Format::signed(16).unwrap(), Overflow::Saturate).is_some());
    /// assert!(Rule::<i16>::new(Format::unsigned(16).unwrap(), Overflow::Saturate).is_none());
    /// ```
    pub fn new(format: Format, overflow: Overflow) -> Option<Self> {
        L::from_i64(format.max())?;
        let (low, high) = overflow.rails(format);
        // 2^width − 1 as a lane: all ones when the width is the lane's own.
        let mask = format.max().wrapping_sub(format.min());
        let bias = L::ZERO.wrapping_sub(L::from_i64(format.min())?);
        let mask = L::from_i64(mask).unwrap_or(L::ZERO.wrapping_sub(L::from_i64(1)?));
        Some(Rule { overflow, low: L::from_i64(low)?, high: L::from_i64(high)?, bias, mask })
    }

    /// The smallest and largest value that pass unflagged.
    pub fn rails(&self) -> (L, L) {
        (self.low, self.high)
    }

    /// The overflow rule that it was made for.
    pub fn overflow(&self) -> Overflow {
        self.overflow
    }

    /// R4: the sum modulo `2^width`. The lane's own wrap-around does no harm: `2^width` divides `2^lane`.
    #[inline(always)]
    pub fn wrap(&self, accumulator: L, term: L) -> L {
        accumulator.wrapping_add(term).wrapping_add(self.bias).and(self.mask).wrapping_sub(self.bias)
    }

    /// R5: the sum, clamped. Clamping to the lane first changes nothing: the rails lie inside it.
    #[inline(always)]
    pub fn saturate(&self, accumulator: L, term: L) -> L {
        accumulator.saturating_add(term).max(self.low).min(self.high)
    }

    /// R6: whether the exact sum lies above the high rail, without forming it: `term > high − accumulator`.
    /// Where that difference leaves the lane it exceeds every term, and so does its clamped value.
    #[inline(always)]
    pub fn is_high(&self, accumulator: L, term: L) -> bool {
        term > self.high.saturating_sub(accumulator)
    }

    /// R6: whether the exact sum lies below the low rail.
    #[inline(always)]
    pub fn is_low(&self, accumulator: L, term: L) -> bool {
        term < self.low.saturating_sub(accumulator)
    }

    /// One step of R3 with its flags.
    ///
    /// ```
    /// use goldpath::num::{Format, Overflow, lanes::Rule};
    /// let rule = Rule::<i16>::new(Format::signed(12).unwrap(), Overflow::Saturate).unwrap();
    /// let fitted = rule.add(2000, 16384); // −128 · −128, wider than the accumulator
    /// assert_eq!((fitted.value, fitted.flags.high), (2047, true));
    /// ```
    #[inline(always)]
    pub fn add(&self, accumulator: L, term: L) -> Fitted {
        let flags = Flags { high: self.is_high(accumulator, term), low: self.is_low(accumulator, term) };
        let value = match self.overflow {
            Overflow::Wrap => self.wrap(accumulator, term),
            _ => self.saturate(accumulator, term),
        };
        Fitted { value: value.to_i64(), flags }
    }

    /// One step of R3 on many accumulators: `acc[i] ← fit(acc[i] + terms[i])`, values only.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn accumulate(&self, accumulators: &mut [L], terms: &[L]) {
        assert_eq!(accumulators.len(), terms.len());
        // The rule is chosen outside the loop, so that the loop has no branch.
        match self.overflow {
            Overflow::Wrap => {
                for (accumulator, term) in accumulators.iter_mut().zip(terms) {
                    *accumulator = self.wrap(*accumulator, *term);
                }
            }
            _ => {
                for (accumulator, term) in accumulators.iter_mut().zip(terms) {
                    *accumulator = self.saturate(*accumulator, *term);
                }
            }
        }
    }

    /// The same, and adds each accumulator's events to its counters.
    ///
    /// # Panics
    /// When the slices differ in length.
    pub fn accumulate_counted(
        &self,
        accumulators: &mut [L],
        terms: &[L],
        highs: &mut [u32],
        lows: &mut [u32],
    ) {
        assert!(accumulators.len() == highs.len() && terms.len() == highs.len() && lows.len() == highs.len());
        for (((accumulator, term), high), low) in accumulators.iter().zip(terms).zip(highs).zip(lows) {
            *high += u32::from(self.is_high(*accumulator, *term));
            *low += u32::from(self.is_low(*accumulator, *term));
        }
        self.accumulate(accumulators, terms);
    }
}

/// R7 on many `i64` lanes: `values[i] ← round(values[i] / 2^counts[i])`, for counts from 0 to 62.
///
/// # Panics
/// When the slices differ in length.
#[inline(always)]
pub fn shift_right(values: &mut [i64], counts: &[i64], rounding: Rounding) {
    assert_eq!(values.len(), counts.len());
    // The mode is chosen outside the loop. A carry sees (floor, fraction − half, fraction, negative).
    macro_rules! each {
        ($carry:expr) => {
            for (value, count) in values.iter_mut().zip(counts) {
                let count = count & 63;
                let floor = *value >> count;
                let fraction = *value - (floor << count);
                let half = (1_i64 << count) >> 1;
                let carry: fn(i64, i64, i64, bool) -> bool = $carry;
                let up = carry(floor, fraction - half, fraction, *value < 0) & (count != 0);
                *value = floor + i64::from(up);
            }
        };
    }
    match rounding {
        Rounding::Floor => each!(|_, _, _, _| false),
        Rounding::Ceil => each!(|_, _, fraction, _| fraction != 0),
        Rounding::Trunc => each!(|_, _, fraction, negative| negative & (fraction != 0)),
        Rounding::Away => each!(|_, _, fraction, negative| !negative & (fraction != 0)),
        Rounding::HalfUp => each!(|_, over, _, _| over >= 0),
        Rounding::HalfDown => each!(|_, over, _, _| over > 0),
        Rounding::HalfAway => each!(|_, over, _, negative| (over > 0) | ((over == 0) & !negative)),
        Rounding::HalfZero => each!(|_, over, _, negative| (over > 0) | ((over == 0) & negative)),
        Rounding::HalfEven => each!(|floor, over, _, _| (over > 0) | ((over == 0) & (floor & 1 == 1))),
        Rounding::HalfOdd => each!(|floor, over, _, _| (over > 0) | ((over == 0) & (floor & 1 == 0))),
    }
}

/// What [`shift_half_up`] is good for: from −2^62, and below 2^61.
pub const HALF_UP: (i64, i64) = (-1 << 62, (1 << 61) - 1);

/// What a shift by `count`, from 0 to 62, adds before it and takes away behind it, so that what it shifts is never negative.
#[inline]
pub fn half_up(count: i64) -> [i64; 2] {
    let count = count & 63;
    [((1 << count) >> 1) + (1 << 62), (1 << 62) >> count]
}

/// R7 half up of a value between the two of [`HALF_UP`], as one logical shift: `[before, behind]` is [`half_up`] of its count.
/// ⌊(v + half) / 2^count⌋ = ⌊(v + half + 2^62) / 2^count⌋ − 2^(62 − count), and 2^62 makes the sum one that is not negative.
#[inline(always)]
pub fn shift_half_up(value: i64, count: i64, [before, behind]: [i64; 2]) -> i64 {
    let shifted = value.wrapping_add(before).cast_unsigned() >> (count & 63);
    shifted.cast_signed().wrapping_sub(behind)
}

/// The same of any value: which bit a shift by `count`, from 0 to 62, rounds by, and what it takes away behind it.
#[inline]
pub fn half_up_wide(count: i64) -> [i64; 2] {
    let count = count & 63;
    [i64::from(count > 0), (i64::MIN.cast_unsigned() >> count).cast_signed()]
}

/// R7 half up of any value: `[rounds, behind]` is [`half_up_wide`] of its count. The floor is a logical shift of a value that
/// 2^63 makes positive; the last bit that it loses rounds.
#[inline(always)]
pub fn shift_half_up_wide(value: i64, count: i64, [rounds, behind]: [i64; 2]) -> i64 {
    let shifted = value.wrapping_sub(i64::MIN).cast_unsigned() >> (count & 63);
    let lost = value.cast_unsigned() >> (count.wrapping_sub(1) & 63);
    shifted.cast_signed().wrapping_sub(behind) + (lost.cast_signed() & rounds)
}
