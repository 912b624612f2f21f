//! R10: a value's bit pattern, in hex digits and in packed words. The only user of bitvec.

use bitvec::field::BitField;
use bitvec::order::Lsb0;
use bitvec::vec::BitVec;

use super::Format;

/// R10: how many hex digits a value of `width_bits` bits has, `ceil(width / 4)`.
///
/// ```
/// assert_eq!(goldpath::num::hex_digits(9), 3);
/// ```
pub const fn hex_digits(width_bits: usize) -> usize {
    width_bits.div_ceil(4)
}

/// R10: the bit pattern, `value mod 2^width`, as `ceil(width / 4)` lower-case hex digits.
///
/// ```
/// use goldpath::num::{Format, hex};
/// assert_eq!(hex(-1, Format::signed(9).unwrap()), "1ff");
/// ```
pub fn hex(value: i64, format: Format) -> String {
    let pattern = (value as u64) & (u64::MAX >> (64 - format.width()));
    format!("{pattern:0digits$x}", digits = hex_digits(format.width() as usize))
}

/// R10: appends the low `width` bits of `value` to `word`, least significant bit first.
///
/// ```
/// use goldpath::num::{Format, pack, unpack};
/// let mut word = Default::default();
/// pack(&mut word, -1, 3); // 111
/// pack(&mut word, -2, 4); // 1110, above it
/// assert_eq!(unpack(&word, 3, Format::signed(4).unwrap()), -2);
/// ```
///
/// # Panics
/// When `width` is not in 1..=64.
pub fn pack(word: &mut BitVec<u64, Lsb0>, value: i64, width: u32) {
    assert!((1..=64).contains(&width), "a value has 1 to 64 bits, not {width}");
    let at = word.len();
    word.resize(at + width as usize, false);
    word[at..].store_le(value as u64 & (u64::MAX >> (64 - width)));
}

/// R10: reads the value of `format` that starts at bit `at`.
///
/// # Panics
/// When the word ends before the value does.
pub fn unpack(word: &BitVec<u64, Lsb0>, at: usize, format: Format) -> i64 {
    let raw: u64 = word[at..at + format.width() as usize].load_le();
    super::fit(i128::from(raw), format, super::Overflow::Wrap).value
}
