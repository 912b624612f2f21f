//! Which accumulator width a range of values needs.

use crate::num::Overflow;

/// More bits than any register has.
pub const NEVER: u32 = 65;

/// The smallest width whose rails hold every value of `low..=high`; [`NEVER`] when no format does.
pub fn needed_width(low: i128, high: i128, signed: bool, rule: Overflow) -> u32 {
    let widest = if signed { 64 } else { 63 };
    if !signed && low < 0 {
        return NEVER;
    }
    let magnitude = |value: i128| i128::BITS - value.max(0).leading_zeros();
    // −2^n needs n bits in front of the sign, but a symmetric register has no such value.
    let below = match rule {
        Overflow::SaturateSymmetric => magnitude(low.saturating_neg()),
        _ if low < 0 => magnitude(!low),
        _ => 0,
    };
    let width = magnitude(high).max(below) + u32::from(signed);
    if width > widest { NEVER } else { width.max(1) }
}

/// [`needed_width`] of 64-bit values, in the few steps that every output can afford; exact up to 63.
pub fn needed_bits(low: i64, high: i64, signed: bool, rule: Overflow) -> u32 {
    let magnitude = |value: i64| i64::BITS - (value ^ (value >> 63)).leading_zeros();
    match (signed, rule) {
        (false, _) if low < 0 => NEVER,
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
    use crate::num::Format;

    /// Against the definition: every range of 10 bits, every rule, both signs.
    #[test]
    fn the_needed_width_is_the_first_whose_rails_hold_the_range() {
        let mut never = 0;
        for signed in [true, false] {
            for rule in Overflow::ALL {
                for low in -513..=513i64 {
                    for high in [low, low + 1, low + 255, -low, 511, 512, 1023, 1024] {
                        let fits = |w: u32| {
                            let (min, max) = rule.rails(Format::new(w, signed).unwrap());
                            low >= min && low <= max && high >= min && high <= max
                        };
                        let first = (1..=20).find(|w| fits(*w)).unwrap_or(NEVER);
                        let (l, h) = (low.min(high), low.max(high));
                        let found = needed_width(i128::from(l), i128::from(h), signed, rule);
                        assert_eq!(found, first, "{l}..{h} {signed} {rule:?}");
                        never += usize::from(first == NEVER);
                    }
                }
            }
        }
        assert!(never > 1000, "no range without a format");
    }

    #[test]
    fn the_widest_formats_end_where_they_end() {
        let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
        assert_eq!(needed_width(min, max, true, Overflow::Wrap), 64);
        assert_eq!(needed_width(min, max, true, Overflow::SaturateSymmetric), NEVER);
        assert_eq!(needed_width(0, max + 1, true, Overflow::Wrap), NEVER);
        assert_eq!(needed_width(0, max, false, Overflow::Wrap), 63);
        assert_eq!(needed_width(0, max + 1, false, Overflow::Wrap), NEVER);
        assert_eq!(needed_width(i128::MIN, 0, true, Overflow::Wrap), NEVER);
    }

    #[test]
    fn the_short_way_to_the_needed_width_is_the_rule() {
        let edges = (0..63).flat_map(|bit| [1i64 << bit, (1 << bit) - 1, -(1 << bit), -(1 << bit) - 1]);
        let edges: Vec<i64> = edges.collect();
        for (low, high) in edges.iter().flat_map(|a| edges.iter().map(move |b| (*a.min(b), *a.max(b)))) {
            for (signed, rule) in [true, false].into_iter().flat_map(|s| Overflow::ALL.map(|rule| (s, rule)))
            {
                let wanted = needed_width(i128::from(low), i128::from(high), signed, rule);
                assert_eq!(needed_bits(low, high, signed, rule), wanted, "{low}..{high} {signed} {rule:?}");
            }
        }
    }
}
