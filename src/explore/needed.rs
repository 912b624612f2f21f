//! Which accumulator width a range of values needs.

use crate::num::{Format, Overflow, narrowest};

/// More bits than any register has.
pub const NEVER: u32 = 65;

/// The smallest width whose rails hold every value of `low..=high`; [`NEVER`] when no format does.
pub fn needed_width(low: i128, high: i128, signed: bool, rule: Overflow) -> u32 {
    narrowest((low, high), signed, rule).map_or(NEVER, Format::width)
}
