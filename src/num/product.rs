//! R2: the exact product.

use super::Format;

/// R2: the format of the exact product of two operands: `width = a + b`, signed if either operand is.
///
/// `None` when no format is wide enough (more than 64 bits signed, 63 unsigned).
///
/// ```
/// use goldpath::num::{Format, product_format};
/// let (s8, u8_) = (Format::signed(8).unwrap(), Format::unsigned(8).unwrap());
/// assert_eq!(product_format(s8, s8), Format::signed(16)); // −128 · −128 = 2^14 needs 16 bits, not 15
/// assert_eq!(product_format(u8_, s8), Format::signed(16));
/// assert_eq!(product_format(u8_, u8_), Format::unsigned(16));
/// ```
pub const fn product_format(a: Format, b: Format) -> Option<Format> {
    Format::new(a.width() + b.width(), a.is_signed() || b.is_signed())
}

/// R2: the product of two fitted values, `a · b`; exact for all of them.
///
/// ```
/// use goldpath::num::product;
/// assert_eq!(product(i64::MIN, i64::MIN), 1i128 << 126);
/// ```
pub const fn product(a: i64, b: i64) -> i128 {
    a as i128 * b as i128
}
