//! All products of two INT8 operands.

use super::{Tally, expected_fit, oracle, parts, values};
use goldpath::num::{Format, Overflow, fit, product, product_format};

#[test]
fn all_products() {
    let (s8, u8_) = (Format::signed(8).unwrap(), Format::unsigned(8).unwrap());
    let mut tally = Tally::default();
    for (a_format, b_format) in [(s8, s8), (u8_, s8), (u8_, u8_)] {
        let exact = product_format(a_format, b_format).unwrap();
        let one_less = Format::new(15, exact.is_signed()).unwrap();
        let mut beyond_15_bits = 0;
        for a in values(a_format) {
            for b in values(b_format) {
                let p = product(a, b);
                assert_eq!(p, oracle::product(i128::from(a), i128::from(b)));
                assert!(!fit(p, exact, Overflow::Wrap).flags.any());
                beyond_15_bits += u32::from(fit(p, one_less, Overflow::Wrap).flags.any());
                for overflow in Overflow::ALL {
                    let fitted = parts(fit(p, a_format, overflow));
                    assert_eq!(fitted, expected_fit(p, a_format, overflow));
                    tally.count(fitted);
                }
            }
        }
        if (a_format, b_format) == (s8, s8) {
            assert_eq!(beyond_15_bits, 1, "only −128 · −128 needs the 16th bit");
        }
    }
    tally.expect("INT8 × INT8 (s8·s8, u8·s8, u8·u8) into 8 bits, three rules", 3 * 65536 * 3);
}
