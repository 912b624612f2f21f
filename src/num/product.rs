//! R2: the exact product, and weights that are powers of two.

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

/// The weight that a code of a sign and an exponent stands for: ±2^e, the sign in the top bit where the format is signed. Of
/// exponents beyond 62 it is 0.
///
/// ```
/// use goldpath::num::{Format, power_of_two};
/// let s4 = Format::signed(4).unwrap();
/// assert_eq!([0, 3, 7, -8, -5, -1].map(|code| power_of_two(code, s4)), [1, 8, 128, -1, -8, -128]);
/// assert_eq!(power_of_two(3, Format::unsigned(2).unwrap()), 8);
/// ```
pub const fn power_of_two(code: i64, format: Format) -> i64 {
    let bits = format.width() - format.is_signed() as u32;
    let exponent = code & ((1 << bits) - 1);
    // What 64 bits do not hold has been shifted out of every product.
    let magnitude = if exponent < 63 { 1 << exponent } else { 0 };
    if code < 0 { -magnitude } else { magnitude }
}

/// The code of such a weight; `None` where it is no power of two, or a larger one than the format has.
///
/// ```
/// use goldpath::num::{Format, power_of_two_code};
/// let s4 = Format::signed(4).unwrap();
/// assert_eq!([8, -8, 128].map(|weight| power_of_two_code(weight, s4)), [Some(3), Some(-5), Some(7)]);
/// assert_eq!([0, 3, -6, 256].map(|weight| power_of_two_code(weight, s4)), [None; 4]);
/// ```
pub const fn power_of_two_code(weight: i64, format: Format) -> Option<i64> {
    let bits = format.width() - format.is_signed() as u32;
    let (magnitude, exponent) = (weight.unsigned_abs(), weight.trailing_zeros() as i64);
    if !magnitude.is_power_of_two()
        || exponent > 62
        || exponent >= 1 << bits
        || (weight < 0 && !format.is_signed())
    {
        return None;
    }
    Some(if weight < 0 { exponent - (1 << bits) } else { exponent })
}
