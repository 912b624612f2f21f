//! The fast adders and the rounding shift in lanes, against `fit` and `shift_right`, which the oracle holds.

use goldpath::num::adder::{Adder, FullSaturate, FullWrap, RoomySaturate, RoomyWrap, is_full};
use goldpath::num::lanes::{self, Lane};
use goldpath::num::{Format, Overflow, Rounding, fit, shift_right};

use super::{Tally, narrow_formats, values};

/// One step of an adder is one `fit`.
fn step<L: Lane>(
    adder: impl Adder<L>,
    format: Format,
    rule: Overflow,
    [acc, term]: [i64; 2],
    tally: &mut Tally,
) {
    let (value, high, low) = adder.step(L::truncate(acc), L::truncate(term));
    let fitted = fit(i128::from(acc) + i128::from(term), format, rule);
    let expected = (fitted.value, fitted.flags.high, fitted.flags.low);
    assert_eq!((value.to_i64(), high, low), expected, "{acc} + {term} into {format} by {rule:?}");
    tally.count((i128::from(fitted.value), high, low));
}

fn roomy<L: Lane>(tally: &mut Tally) {
    for format in narrow_formats() {
        for acc in values(format) {
            for term in -40..=40 {
                let wrap = RoomyWrap::<L>::new(format, (-40, 40)).expect("narrow formats leave room");
                step(wrap, format, Overflow::Wrap, [acc, term], tally);
                for rule in [Overflow::Saturate, Overflow::SaturateSymmetric] {
                    if acc >= rule.rails(format).0 {
                        let adder = RoomySaturate::<L>::new(format, rule, (-40, 40)).expect("room");
                        step(adder, format, rule, [acc, term], tally);
                    }
                }
            }
        }
    }
}

#[test]
fn roomy_adders_on_every_narrow_operand() {
    let mut tally = Tally::default();
    roomy::<i16>(&mut tally);
    roomy::<i32>(&mut tally);
    roomy::<i64>(&mut tally);
    // 124 values × 3 rules × 81 terms × 3 lanes, less the five signed minima that symmetric rails exclude.
    tally.expect("roomy adders", (124 * 3 - 5) * 81 * 3);
}

fn full<L: Lane>(tally: &mut Tally) {
    let format = Format::signed(L::WIDTH_BITS).expect("a lane");
    assert!(is_full::<L>(format));
    let (low, high) = (format.min(), format.max());
    let corners = [low, low + 1, low / 2 - 1, low / 2, -1, 0, 1, high / 2, high / 2 + 1, high - 1, high];
    for acc in corners {
        for term in corners {
            step::<L>(FullWrap, format, Overflow::Wrap, [acc, term], tally);
            step::<L>(FullSaturate, format, Overflow::Saturate, [acc, term], tally);
        }
    }
}

#[test]
fn full_adders_at_the_corners() {
    let mut tally = Tally::default();
    full::<i16>(&mut tally);
    full::<i32>(&mut tally);
    full::<i64>(&mut tally);
    tally.expect("full adders", 11 * 11 * 2 * 3);
}

#[test]
fn no_licence_without_room() {
    let s15 = Format::signed(15).expect("a format");
    assert!(RoomyWrap::<i16>::new(s15, (-16384, 16383)).is_some());
    assert!(RoomyWrap::<i16>::new(s15, (-16384, 16385)).is_none());
    assert!(RoomySaturate::<i16>::new(s15, Overflow::Saturate, (-16385, 0)).is_none());
    assert!(
        RoomySaturate::<i16>::new(Format::unsigned(16).expect("a format"), Overflow::Saturate, (0, 0))
            .is_none()
    );
}

#[test]
fn rounding_shifts_in_lanes() {
    let mut cases = 0;
    let wide = [i64::MIN, i64::MIN + 1, -(1 << 40) - 1, (1 << 52) + (1 << 30), i64::MAX - 1, i64::MAX];
    for rounding in Rounding::ALL {
        for count in 0..=62 {
            let before: Vec<i64> = (-300..=300).chain(wide).collect();
            let mut after = before.clone();
            lanes::shift_right(&mut after, &vec![count; before.len()], rounding);
            for (before, after) in before.iter().zip(&after) {
                let expected = shift_right(i128::from(*before), count as u32, rounding);
                assert_eq!(i128::from(*after), expected, "{before} by {count}, {}", rounding.name());
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 10 * 63 * 607);
}

/// The same as logical shifts: of any value, and of those between the ends of what one is good for.
#[test]
fn half_up_as_a_logical_shift() {
    let (least, most) = lanes::HALF_UP;
    let mut cases = 0;
    for count in 0..=62 {
        let half = (1_i64 << count) >> 1;
        let ends =
            [least, least + 1, least + half, most - 1, most, most - half, -half, half, -half - 1, half - 1];
        for before in (-300..=300).chain(ends) {
            let after = lanes::shift_half_up(before, count, lanes::half_up(count));
            let expected = shift_right(i128::from(before), count as u32, Rounding::HalfUp);
            assert_eq!(i128::from(after), expected, "{before} by {count}");
            cases += 1;
        }
        let wide = [i64::MIN, i64::MIN + 1, i64::MIN + half, i64::MAX - half, i64::MAX - 1, i64::MAX];
        for before in (-300..=300).chain(ends).chain(wide) {
            let after = lanes::shift_half_up_wide(before, count, lanes::half_up_wide(count));
            let expected = shift_right(i128::from(before), count as u32, Rounding::HalfUp);
            assert_eq!(i128::from(after), expected, "{before} by {count}");
            cases += 1;
        }
    }
    assert_eq!(cases, 63 * (611 + 617));
}
