//! How many products an accumulator holds: the exact worst case from ranges alone.
//!
//! Every operand may take every value of its range at every k, so the sums of K products are exactly the
//! integers' interval K · [low, high], with 0 in it because an accumulation starts there. A bias is not counted:
//! it is whatever the layer says.

use std::ops::RangeInclusive;

use super::Design;
use crate::num::{Format, Overflow, needed_bits};
use crate::post::product_range;

/// The extreme products of two ranges.
///
/// ```
/// use goldpath::design::products;
/// assert_eq!(products(-128..=127, -128..=127), (-16256, 16384));
/// ```
pub fn products(activation: RangeInclusive<i64>, weight: RangeInclusive<i64>) -> (i128, i128) {
    let wide = |r: RangeInclusive<i64>| (i128::from(*r.start()), i128::from(*r.end()));
    product_range(wide(activation), wide(weight))
}

/// Every value that a running sum of up to `k` products can have.
pub fn sums(products: (i128, i128), k: u64) -> (i128, i128) {
    let k = i128::from(k);
    (products.0.min(0).saturating_mul(k), products.1.max(0).saturating_mul(k))
}

/// Bits of the narrowest signed accumulator that holds every running sum of `k` products; no bias.
///
/// More than 64 means that no accumulator does.
///
/// ```
/// use goldpath::design::minimum_width;
/// assert_eq!(minimum_width(576, -128..=127, -128..=127), 25);
/// ```
pub fn minimum_width(k: u64, activation: RangeInclusive<i64>, weight: RangeInclusive<i64>) -> u32 {
    signed_width(sums(products(activation, weight), k))
}

/// Bits of the narrowest signed number that holds a range.
pub(super) fn signed_width(range: (i128, i128)) -> u32 {
    needed_bits(range, true, Overflow::Wrap).expect("a signed number holds anything")
}

/// The largest number of products whose running sums always stay in `format`; `None` when any number does.
///
/// ```
/// use goldpath::{design::largest_safe_k, num::Format};
/// let s16 = Format::signed(16).unwrap();
/// assert_eq!(largest_safe_k(s16, -128..=127, -127..=127), Some(2));
/// ```
pub fn largest_safe_k(
    format: Format,
    activation: RangeInclusive<i64>,
    weight: RangeInclusive<i64>,
) -> Option<u64> {
    safe_k((i128::from(format.min()), i128::from(format.max())), products(activation, weight))
}

/// The largest K whose sums a float32 carrier holds exactly: those up to 2^24 in magnitude.
pub fn largest_exact_float32_k(activation: RangeInclusive<i64>, weight: RangeInclusive<i64>) -> Option<u64> {
    safe_k((-(1 << 24), 1 << 24), products(activation, weight))
}

pub(super) fn safe_k((low, high): (i128, i128), products: (i128, i128)) -> Option<u64> {
    let below = (products.0 < 0).then(|| low / products.0);
    let above = (products.1 > 0).then(|| high / products.1);
    let k = match (below, above) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b)?,
    };
    Some(u64::try_from(k).unwrap_or(u64::MAX))
}

impl Design {
    /// The extreme exact products of this design's effective operands, offsets included; what is added is
    /// [`Design::term_interval`].
    pub fn product_interval(&self) -> (i128, i128) {
        if self.is_post_only() {
            // Its beat adds 0.
            return (0, 0);
        }
        super::build::product_interval(&self.activation, &self.weight, &self.parameters)
    }

    /// Values that a running sum of `k` products can have in front of the accumulator's fit.
    ///
    /// A reduction level that can overflow bounds every beat by its own format. Of several accumulators, of the one that has
    /// most of them.
    pub fn sum_interval(&self, k: u64) -> (i128, i128) {
        match self.lossy_beat() {
            None => sums(self.term_interval(), self.beats(k).saturating_mul(self.lanes_of_a_sum()).min(k)),
            Some(beat) => sums(beat, self.beats(k)),
        }
    }

    /// Lanes whose products one accumulator adds: the most, where they differ.
    pub(crate) fn lanes_of_a_sum(&self) -> u64 {
        let all = u64::try_from(self.array.lanes).unwrap_or(u64::MAX);
        match self.after.is_empty() {
            true => all,
            false => {
                self.reduce.iter().fold(1, |lanes: u64, l| lanes.saturating_mul(l.group as u64)).min(all)
            }
        }
    }

    /// The largest K that can never overflow the accumulator; `None` when any K is safe.
    pub fn largest_safe_k(&self) -> Option<u64> {
        match self.lossy_beat() {
            None => self.safe_k_of(self.term_interval()),
            Some(beat) => safe_k(super::ranges::rails(self), beat).map(|beats| self.products_of(beats)),
        }
    }

    /// The same of products in this interval that no level changes.
    pub(super) fn safe_k_of(&self, products: (i128, i128)) -> Option<u64> {
        let k = safe_k(super::ranges::rails(self), products);
        // Of several accumulators, each takes its lanes of every beat.
        let whole =
            |k: u64| if self.after.is_empty() { k } else { self.products_of(k / self.lanes_of_a_sum()) };
        k.map(whole)
    }

    /// Products of so many whole beats.
    fn products_of(&self, beats: u64) -> u64 {
        beats.saturating_mul(u64::try_from(self.array.lanes).unwrap_or(u64::MAX))
    }

    /// Range of one beat's lane sum when a level may change it.
    fn lossy_beat(&self) -> Option<(i128, i128)> {
        let levels = self.level_ranges();
        let lossy = levels.iter().any(|level| !level.always_fits);
        levels.last().filter(|_| lossy).map(|level| level.fitted)
    }

    /// Beats of one output of `k` products.
    pub fn beats(&self, k: u64) -> u64 {
        k.div_ceil(u64::try_from(self.array.lanes).unwrap_or(u64::MAX))
    }
}
