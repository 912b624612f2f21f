//! How many bits a range needs.

use super::Range;
use crate::num::{Format, Overflow};

/// Bits of the narrowest format of that signedness whose rails under `overflow` hold all of `range`; `None` when no
/// format does: more than 64 bits (63 unsigned), or negative values in an unsigned one.
///
/// ```
/// use goldpath::bounds::minimal_width;
/// use goldpath::num::Overflow;
/// assert_eq!(minimal_width((-128, 127), true, Overflow::Saturate), Some(8));
/// assert_eq!(minimal_width((-128, 127), true, Overflow::SaturateSymmetric), Some(9));
/// assert_eq!(minimal_width((-1, 0), false, Overflow::Wrap), None);
/// ```
pub fn minimal_width(range: Range, signed: bool, overflow: Overflow) -> Option<u32> {
    (1..=64).find(|width| Format::new(*width, signed).is_some_and(|format| overflow.holds(format, range)))
}

/// The rule N + M + ceil(log2 K): what designers add up when they know only the operands' widths.
///
/// ```
/// use goldpath::bounds::rule_of_thumb_width;
/// assert_eq!(rule_of_thumb_width(8, 8, 576), 26); // signed operands never need the last bit: 25 do
/// ```
pub fn rule_of_thumb_width(activation_bits: u32, weight_bits: u32, k: u64) -> u32 {
    activation_bits + weight_bits + k.max(1).next_power_of_two().trailing_zeros()
}
