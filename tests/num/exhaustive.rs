//! Every format up to five bits, every operand, every rounding, every overflow rule.

use super::{Tally, expected_fit, narrow_formats, oracle, parts, values};
use goldpath::num::{Overflow, Rounding, accumulate, fit, hex, pack, product, product_format};
use goldpath::num::{shift_right, unpack};

#[test]
fn fitting_any_value() {
    let mut tally = Tally::default();
    for format in narrow_formats() {
        for overflow in Overflow::ALL {
            for value in -2048i128..2048 {
                let fitted = parts(fit(value, format, overflow));
                assert_eq!(fitted, expected_fit(value, format, overflow), "{value} {format} {overflow:?}");
                assert_eq!(format.contains(value), (format.min()..=format.max()).contains(&(value as i64)));
                tally.count(fitted);
            }
        }
    }
    tally.expect("fit", 10 * 3 * 4096);
}

#[test]
fn adding_any_two() {
    let mut tally = Tally::default();
    for format in narrow_formats() {
        for overflow in Overflow::ALL {
            let (low, high) = overflow.rails(format);
            for accumulator in low..=high {
                for term in narrow_formats().into_iter().flat_map(values).map(i128::from) {
                    let mut seen = (i128::from(accumulator), false, false);
                    seen.0 = i128::from(accumulate(accumulator, [term], format, overflow, |at, flags| {
                        assert_eq!(at, 0);
                        (seen.1, seen.2) = (flags.high, flags.low);
                    }));
                    assert_eq!(seen, expected_fit(i128::from(accumulator) + term, format, overflow));
                    tally.count(seen);
                }
            }
        }
    }
    // 124 accumulators for wrap and saturate; symmetric has one less for each of the five signed formats.
    tally.expect("add", (124 + 124 + 119) * 124);
}

#[test]
fn shifting_any_value() {
    let mut tally = Tally::default();
    for value in narrow_formats().into_iter().flat_map(values).map(i128::from) {
        for count in (0..=12).chain([63, 64, 126, 127]) {
            tally.ties += u64::from(oracle::is_tie(value, count));
            for rounding in Rounding::ALL {
                let rounded = shift_right(value, count, rounding);
                assert_eq!(
                    rounded,
                    oracle::round(value, count, rounding.name()),
                    "{value} {count} {rounding}"
                );
                for format in narrow_formats() {
                    for overflow in Overflow::ALL {
                        let fitted = parts(fit(rounded, format, overflow));
                        assert_eq!(fitted, expected_fit(rounded, format, overflow));
                        tally.count(fitted);
                    }
                }
            }
        }
    }
    tally.expect("shift, then fit", 124 * 17 * 10 * 30);
    assert!(tally.ties > 100, "{tally:?}");
}

/// The whole road of a post-processed product: multiply, shift with rounding, fit.
#[test]
fn multiplying_shifting_and_fitting_any_two() {
    let mut tally = Tally::default();
    let mut operands = 0;
    for a_format in narrow_formats() {
        for b_format in narrow_formats() {
            let exact = product_format(a_format, b_format).expect("at most ten bits");
            assert_eq!(exact.width(), a_format.width() + b_format.width());
            for a in values(a_format) {
                for b in values(b_format) {
                    let p = product(a, b);
                    assert_eq!(p, oracle::product(i128::from(a), i128::from(b)));
                    assert!(exact.contains(p), "{a} · {b} leaves {exact}");
                    operands += 1;
                    shift_and_fit(p, &mut tally);
                }
            }
        }
    }
    assert_eq!(operands, 124 * 124);
    tally.expect("multiply, shift, fit", 124 * 124 * 11 * 10 * 30);
    assert!(tally.ties > 1000, "{tally:?}");
}

fn shift_and_fit(p: i128, tally: &mut Tally) {
    let formats = narrow_formats();
    for count in 0..=10 {
        tally.ties += u64::from(oracle::is_tie(p, count));
        for rounding in Rounding::ALL {
            let rounded = shift_right(p, count, rounding);
            assert_eq!(rounded, oracle::round(p, count, rounding.name()), "{p} >> {count} {rounding}");
            for format in &formats {
                for overflow in Overflow::ALL {
                    let fitted = parts(fit(rounded, *format, overflow));
                    assert_eq!(fitted, expected_fit(rounded, *format, overflow), "{p} {format} {overflow:?}");
                    tally.count(fitted);
                }
            }
        }
    }
}

#[test]
fn bit_patterns_of_any_value() {
    let mut cases = 0;
    for format in narrow_formats() {
        for value in values(format) {
            assert_eq!(hex(value, format), oracle::hex(i128::from(value), format.width()));
            // Behind eleven and before three other bits, so that no position is special.
            let mut word = Default::default();
            pack(&mut word, 0x2aa, 11);
            pack(&mut word, value, format.width());
            pack(&mut word, 5, 3);
            assert_eq!(unpack(&word, 11, format), value);
            assert_eq!(word.len(), 14 + format.width() as usize);
            cases += 1;
        }
    }
    println!("bit patterns: {cases} values");
    assert_eq!(cases, 124);
}
