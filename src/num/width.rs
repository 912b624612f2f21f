//! How many bits a range needs.

use super::{Format, Overflow};

/// Bits of the narrowest two's complement number, or binary one, whose rails under `overflow` hold all of `low..=high`;
/// `None` for negative values without a sign. May be more than any [`Format`] has.
///
/// ```
/// use goldpath::num::{Overflow, needed_bits};
/// assert_eq!(needed_bits((-128, 127), true, Overflow::Saturate), Some(8));
/// assert_eq!(needed_bits((-128, 127), true, Overflow::SaturateSymmetric), Some(9));
/// assert_eq!(needed_bits((-1, 0), false, Overflow::Wrap), None);
/// assert_eq!(needed_bits((0, 1 << 70), false, Overflow::Wrap), Some(71));
/// ```
pub fn needed_bits((low, high): (i128, i128), signed: bool, overflow: Overflow) -> Option<u32> {
    let magnitude = |value: i128| i128::BITS - value.max(0).leading_zeros();
    // −2^n needs n bits in front of the sign, but a symmetric format has no such value.
    let below = match overflow {
        Overflow::SaturateSymmetric => magnitude(low.saturating_neg()),
        _ if low < 0 => magnitude(!low),
        _ => 0,
    };
    let width = magnitude(high).max(below) + u32::from(signed);
    (signed || low >= 0).then_some(width.max(1))
}

/// The narrowest format of that signedness whose rails under `overflow` hold all of a range; `None` when none does.
pub fn narrowest(range: (i128, i128), signed: bool, overflow: Overflow) -> Option<Format> {
    Format::new(needed_bits(range, signed, overflow)?, signed)
}

/// [`needed_bits`] of 64-bit values, in the few steps that every output of a network can afford. `None` is 65.
#[inline]
pub fn needed_bits_64(low: i64, high: i64, signed: bool, overflow: Overflow) -> u32 {
    let magnitude = |value: i64| i64::BITS - (value ^ (value >> 63)).leading_zeros();
    match (signed, overflow) {
        (false, _) if low < 0 => 65,
        (false, _) => magnitude(high).max(1),
        (true, Overflow::SaturateSymmetric) => {
            magnitude(high.max(0)).max(magnitude(low.min(0).saturating_neg())) + 1
        }
        (true, _) => magnitude(low).max(magnitude(high)) + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition: every range of 10 bits, every rule, both signs.
    #[test]
    fn the_narrowest_format_is_the_first_whose_rails_hold_the_range() {
        let mut never = 0;
        for signed in [true, false] {
            for rule in Overflow::ALL {
                for low in -513..=513 {
                    for high in [low, low + 1, low + 255, -low, 511, 512, 1023, 1024] {
                        let range = (low.min(high), low.max(high));
                        let all = (1..=20).map(|width| Format::new(width, signed).unwrap());
                        let first = all.into_iter().find(|format| rule.holds(*format, range));
                        assert_eq!(narrowest(range, signed, rule), first, "{range:?} {signed} {rule:?}");
                        never += usize::from(first.is_none());
                    }
                }
            }
        }
        assert!(never > 1000, "no range without a format");
    }

    #[test]
    fn the_widest_formats_end_where_they_end() {
        let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
        let width = |range, signed, rule| narrowest(range, signed, rule).map(Format::width);
        assert_eq!(width((min, max), true, Overflow::Wrap), Some(64));
        assert_eq!(width((min, max), true, Overflow::SaturateSymmetric), None);
        assert_eq!(width((0, max + 1), true, Overflow::Wrap), None);
        assert_eq!(width((0, max), false, Overflow::Wrap), Some(63));
        assert_eq!(width((0, max + 1), false, Overflow::Wrap), None);
        assert_eq!(width((i128::MIN, 0), true, Overflow::Wrap), None);
    }

    #[test]
    fn the_short_way_to_the_needed_bits_is_the_rule() {
        let edges = (0..63).flat_map(|bit| [1i64 << bit, (1 << bit) - 1, -(1 << bit), -(1 << bit) - 1]);
        let edges: Vec<i64> = edges.collect();
        for (low, high) in edges.iter().flat_map(|a| edges.iter().map(move |b| (*a.min(b), *a.max(b)))) {
            for (signed, rule) in [true, false].into_iter().flat_map(|s| Overflow::ALL.map(|rule| (s, rule)))
            {
                let wanted = narrowest((low.into(), high.into()), signed, rule).map_or(65, Format::width);
                assert_eq!(
                    needed_bits_64(low, high, signed, rule),
                    wanted,
                    "{low}..{high} {signed} {rule:?}"
                );
            }
        }
    }
}
