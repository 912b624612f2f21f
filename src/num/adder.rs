//! R3 to R6 for the loops that must be fast: one accumulator step, its rule fixed at compile time.
//!
//! [`Rule`](super::lanes::Rule) takes any format in any lane; these take the two cases in which a step is only
//! a few vector instructions. *Full*: the format is the lane's own, so the lane's own saturating add sees the
//! overflow. *Roomy*: the exact sum of any accumulator and any term fits the lane, so it is simply formed.
//! `tests/num` holds them equal to [`fit`](super::fit()).

use super::lanes::Lane;
use super::{Format, Overflow};

/// One step of an accumulator.
pub trait Adder<L: Lane>: Copy + Send + Sync + 'static {
    /// `fit(accumulator + term)`, and whether the exact sum lay above or below the rails.
    fn step(self, accumulator: L, term: L) -> (L, bool, bool);
}

/// Where it is proved that no sum leaves its rails: every rule is the identity.
#[derive(Debug, Clone, Copy)]
pub struct Exact;

/// R5 where the format is the lane's own, signed.
#[derive(Debug, Clone, Copy)]
pub struct FullSaturate;

/// R4 where the format is the lane's own, signed.
#[derive(Debug, Clone, Copy)]
pub struct FullWrap;

/// R5 with room for the exact sum, between any two rails.
#[derive(Debug, Clone, Copy)]
pub struct RoomySaturate<L> {
    low: L,
    high: L,
}

/// R4 with room for the exact sum.
#[derive(Debug, Clone, Copy)]
pub struct RoomyWrap<L> {
    low: L,
    high: L,
    // Moves the format onto [0, 2^width), where reduction is a mask.
    bias: L,
    mask: L,
}

impl<L: Lane> Adder<L> for Exact {
    #[inline(always)]
    fn step(self, accumulator: L, term: L) -> (L, bool, bool) {
        (accumulator.wrapping_add(term), false, false)
    }
}

impl<L: Lane> Adder<L> for FullSaturate {
    #[inline(always)]
    fn step(self, accumulator: L, term: L) -> (L, bool, bool) {
        let (clamped, wrapped) = (accumulator.saturating_add(term), accumulator.wrapping_add(term));
        // They differ exactly when the sum left the lane, and then lie at its two ends.
        (clamped, clamped > wrapped, clamped < wrapped)
    }
}

impl<L: Lane> Adder<L> for FullWrap {
    #[inline(always)]
    fn step(self, accumulator: L, term: L) -> (L, bool, bool) {
        let (_, high, low) = FullSaturate.step(accumulator, term);
        (accumulator.wrapping_add(term), high, low)
    }
}

impl<L: Lane> Adder<L> for RoomySaturate<L> {
    #[inline(always)]
    fn step(self, accumulator: L, term: L) -> (L, bool, bool) {
        let sum = accumulator.wrapping_add(term);
        (sum.max(self.low).min(self.high), sum > self.high, sum < self.low)
    }
}

impl<L: Lane> Adder<L> for RoomyWrap<L> {
    #[inline(always)]
    fn step(self, accumulator: L, term: L) -> (L, bool, bool) {
        let sum = accumulator.wrapping_add(term);
        let wrapped = sum.wrapping_add(self.bias).and(self.mask).wrapping_sub(self.bias);
        (wrapped, sum > self.high, sum < self.low)
    }
}

impl<L: Lane> RoomySaturate<L> {
    /// Licensed by the formats: `None` unless the exact sum of any value inside the rails and any term
    /// between `terms` fits the lane.
    pub fn new(format: Format, overflow: Overflow, terms: (i64, i64)) -> Option<Self> {
        let (low, high) = roomy::<L>(format, overflow, terms)?;
        Some(RoomySaturate { low, high })
    }
}

impl<L: Lane> RoomyWrap<L> {
    /// Licensed like [`RoomySaturate::new`].
    pub fn new(format: Format, terms: (i64, i64)) -> Option<Self> {
        let (low, high) = roomy::<L>(format, Overflow::Wrap, terms)?;
        // The range of a format is one less than a power of two: as a number it is the mask.
        let mask = L::from_i64(format.max().checked_sub(format.min())?)?;
        Some(RoomyWrap { low, high, bias: L::ZERO.wrapping_sub(low), mask })
    }
}

/// Whether the format is the lane's own, which [`FullSaturate`] and [`FullWrap`] are for.
pub fn is_full<L: Lane>(format: Format) -> bool {
    format.is_signed() && format.width() == L::WIDTH_BITS
}

fn roomy<L: Lane>(format: Format, overflow: Overflow, terms: (i64, i64)) -> Option<(L, L)> {
    let (low, high) = overflow.rails(format);
    L::from_i64(low.checked_add(terms.0.min(0))?)?;
    L::from_i64(high.checked_add(terms.1.max(0))?)?;

    Some((L::from_i64(low)?, L::from_i64(high)?))
}
