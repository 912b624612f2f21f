//! The rails, one past them, and the largest exact values, at the widths where machine types end.

use super::{Tally, expected_fit, oracle, parts};
use goldpath::num::{Format, Overflow, Rounding, fit, hex, pack, product, shift_right, unpack};

const WIDTHS: [u32; 8] = [8, 16, 31, 32, 33, 48, 63, 64];

fn formats() -> Vec<Format> {
    WIDTHS.iter().flat_map(|width| [Format::signed(*width), Format::unsigned(*width)]).flatten().collect()
}

/// Values around the format's ends, and far outside.
fn corner_values(format: Format) -> Vec<i128> {
    let (min, max) = (i128::from(format.min()), i128::from(format.max()));
    let modulus = max - min + 1;
    let mut values = vec![0, 1, -1, 2, -2, i128::MAX, i128::MIN, 1 << 126, -(1 << 126)];
    for rail in [min, max, -max, modulus, -modulus, max / 2, min / 2, 2 * max, 2 * min, min * max, max * max]
    {
        values.extend([rail - 1, rail, rail + 1]);
    }
    values.sort();
    values.dedup();
    values
}

#[test]
fn fitting_corners() {
    let mut tally = Tally::default();
    let mut expected_cases = 0;
    for format in formats() {
        let values = corner_values(format);
        expected_cases += 3 * values.len() as u64;
        assert!(values.len() > 20);
        for value in values {
            for overflow in Overflow::ALL {
                let fitted = parts(fit(value, format, overflow));
                assert_eq!(fitted, expected_fit(value, format, overflow), "{value} {format} {overflow:?}");
                tally.count(fitted);
            }
        }
    }
    assert_eq!(formats().len(), 15);
    tally.expect("corners of 15 formats", expected_cases);
}

#[test]
fn shifting_corners() {
    let (mut cases, mut ties) = (0u64, 0u64);
    for format in formats() {
        let width = format.width();
        for value in corner_values(format) {
            for count in [0, 1, 2, width - 1, width, width + 1, 126, 127] {
                ties += u64::from(oracle::is_tie(value, count));
                for rounding in Rounding::ALL {
                    let expected = oracle::round(value, count, rounding.name());
                    assert_eq!(
                        shift_right(value, count, rounding),
                        expected,
                        "{value} >> {count} {rounding}"
                    );
                    cases += 1;
                }
            }
        }
    }
    println!("shifted corners: {cases} cases, {ties} ties");
    assert!(cases > 30_000 && ties > 100);
}

/// Numbers written by hand, so that neither side can be wrong in the same way.
#[test]
fn corner_table() {
    let s = |width| Format::signed(width).unwrap();
    let u = |width| Format::unsigned(width).unwrap();
    #[rustfmt::skip]
    let table: [(i128, Format, i64, i64, i64); 18] = [
        // value                          format  wrap                        saturate                   symmetric
        (128,                             s(8),   -128,                       127,                       127),
        (-128,                            s(8),   -128,                       -128,                      -127),
        (-129,                            s(8),   127,                        -128,                      -127),
        (256,                             u(8),   0,                          255,                       255),
        (-1,                              u(8),   255,                        0,                         0),
        (32_768,                          s(16),  -32_768,                    32_767,                    32_767),
        (98_304,                          s(16),  -32_768,                    32_767,                    32_767),
        (1 << 30,                         s(31),  -(1 << 30),                 (1 << 30) - 1,             (1 << 30) - 1),
        (2_147_483_648,                   s(32),  -2_147_483_648,             2_147_483_647,             2_147_483_647),
        (-2_147_483_649,                  s(32),  2_147_483_647,              -2_147_483_648,            -2_147_483_647),
        (4_294_967_296,                   u(32),  0,                          4_294_967_295,             4_294_967_295),
        (4_294_967_296,                   s(33),  -4_294_967_296,             4_294_967_295,             4_294_967_295),
        (1 << 47,                         s(48),  -(1 << 47),                 (1 << 47) - 1,             (1 << 47) - 1),
        (1 << 62,                         s(63),  -(1 << 62),                 (1 << 62) - 1,             (1 << 62) - 1),
        (1 << 63,                         u(63),  0,                          i64::MAX,                  i64::MAX),
        (1 << 63,                         s(64),  i64::MIN,                   i64::MAX,                  i64::MAX),
        (-(1 << 63) - 1,                  s(64),  i64::MAX,                   i64::MIN,                  -i64::MAX),
        (1 << 126,                        s(64),  0,                          i64::MAX,                  i64::MAX),
    ];
    for (value, format, wrapped, saturated, symmetric) in table {
        let fitted = Overflow::ALL.map(|overflow| fit(value, format, overflow).value);
        assert_eq!(fitted, [wrapped, saturated, symmetric], "{value} into {format}");
    }
}

#[test]
fn formats_end_where_they_should() {
    assert!(Format::signed(0).is_none() && Format::signed(65).is_none());
    assert!(Format::unsigned(0).is_none() && Format::unsigned(64).is_none());
    for text in ["", "s", "s0", "s65", "u64", "i8", "s+8", "s 8", "S8", "s8 ", "s4294967304", "é8"] {
        assert!(text.parse::<Format>().is_err(), "{text:?}");
    }
    for format in formats() {
        assert_eq!(format.to_string().parse::<Format>(), Ok(format));
        let (min, max) = oracle::range(format.width(), format.is_signed());
        assert_eq!((i128::from(format.min()), i128::from(format.max())), (min, max));
        assert_eq!(Format::holding(min, max), Some(format));
    }
    assert_eq!(Format::holding(0, i128::from(u64::MAX)), None);
    assert_eq!(Format::holding(0, 0), Format::unsigned(1));
    assert_eq!(Format::holding(-1, 0), Format::signed(1));
    assert_eq!(Format::holding(-1, 128), Format::signed(9));
}

#[test]
fn products_and_patterns_of_corners() {
    let mut cases = 0;
    for format in formats() {
        for value in [format.min(), format.min() + 1, -1, 0, 1, format.max() - 1, format.max()] {
            if !format.contains(i128::from(value)) {
                continue;
            }
            assert_eq!(hex(value, format), oracle::hex(i128::from(value), format.width()));
            let mut word = Default::default();
            pack(&mut word, -1, 61);
            pack(&mut word, value, format.width());
            pack(&mut word, -1, 5);
            assert_eq!(unpack(&word, 61, format), value, "{format} across a machine word");
            cases += 1;
        }
    }
    println!("patterns of corners: {cases} values");
    assert_eq!(cases, 8 * 7 + 7 * 6);
    assert_eq!(product(i64::MIN, i64::MIN), 1 << 126);
    assert_eq!(product(i64::MIN, i64::MAX), -(1 << 126) + (1 << 63));
}
