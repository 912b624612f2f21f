//! The lanes against `fit`: equal for every operand of narrow formats, and at the ends of every lane.

use super::{Tally, expected_fit, narrow_formats, parts};
use goldpath::num::lanes::{Lane, Rule};
use goldpath::num::{Format, Overflow, fit};

/// Compares every method of one rule on one pair with `fit`.
fn compare<L: Lane>(rule: &Rule<L>, format: Format, accumulator: L, term: L, tally: &mut Tally) {
    let exact = i128::from(accumulator.to_i64()) + i128::from(term.to_i64());
    let expected = fit(exact, format, rule.overflow());
    assert_eq!(parts(expected), expected_fit(exact, format, rule.overflow()));
    assert_eq!(rule.add(accumulator, term), expected, "{accumulator:?} + {term:?}, {format} {rule:?}");

    let (mut accumulators, mut highs, mut lows) = ([accumulator], [7], [9]);
    rule.accumulate_counted(&mut accumulators, &[term], &mut highs, &mut lows);
    assert_eq!(accumulators[0].to_i64(), expected.value);
    assert_eq!((highs[0], lows[0]), (7 + u32::from(expected.flags.high), 9 + u32::from(expected.flags.low)));
    tally.count(parts(expected));
}

fn narrow<L: Lane>(tally: &mut Tally) {
    for format in narrow_formats() {
        for overflow in Overflow::ALL {
            let rule = Rule::<L>::new(format, overflow).expect("five bits fit every lane");
            let (low, high) = rule.rails();
            for accumulator in low.to_i64()..=high.to_i64() {
                for term in -128i64..128 {
                    let lane = |v| L::from_i64(v).unwrap();
                    compare(&rule, format, lane(accumulator), lane(term), tally);
                }
            }
        }
    }
}

#[test]
fn every_narrow_operand_in_every_lane() {
    let mut tally = Tally::default();
    narrow::<i16>(&mut tally);
    narrow::<i32>(&mut tally);
    narrow::<i64>(&mut tally);
    tally.expect("lanes, narrow", 3 * (124 + 124 + 119) * 256);
}

/// All 65536 terms on an i16 lane, for accumulators at and around the rails.
#[test]
fn every_term_of_an_i16_lane() {
    let mut tally = Tally::default();
    let mut accumulators_tried = 0;
    for width in 1..=16 {
        for format in [Format::signed(width), Format::unsigned(width.min(15))].into_iter().flatten() {
            for overflow in Overflow::ALL {
                let rule = Rule::<i16>::new(format, overflow).unwrap();
                for accumulator in around_the_rails(&rule) {
                    accumulators_tried += 1;
                    for term in i16::MIN..=i16::MAX {
                        compare(&rule, format, accumulator, term, &mut tally);
                    }
                }
            }
        }
    }
    tally.expect("i16 lane, every term", accumulators_tried * 65536);
    assert!(accumulators_tried > 400);
}

fn around_the_rails<L: Lane>(rule: &Rule<L>) -> Vec<L> {
    let (low, high) = rule.rails();
    let (low, high) = (low.to_i64(), high.to_i64());
    let mut values: Vec<i64> = [low, low.saturating_add(1), -1, 0, 1, high.saturating_sub(1), high]
        .into_iter()
        .filter(|v| (low..=high).contains(v))
        .collect();
    values.sort();
    values.dedup();
    values.into_iter().map(|v| L::from_i64(v).unwrap()).collect()
}

fn corners<L: Lane>(widths: &[u32], tally: &mut Tally) {
    let lane_rails = [L::MIN.to_i64(), L::MAX.to_i64()];
    for format in widths.iter().flat_map(|w| [Format::signed(*w), Format::unsigned(*w)]).flatten() {
        for overflow in Overflow::ALL {
            let Some(rule) = Rule::<L>::new(format, overflow) else {
                assert!(
                    !format.is_signed() && format.width() >= L::WIDTH_BITS || format.width() > L::WIDTH_BITS
                );
                continue;
            };
            let mut terms: Vec<i64> = lane_rails.to_vec();
            for rail in [format.min(), format.max(), -format.max(), 0, lane_rails[0] / 2, lane_rails[1] / 2] {
                terms.extend([rail.saturating_sub(1), rail, rail.saturating_add(1)]);
            }
            for accumulator in around_the_rails(&rule) {
                for term in terms.iter().filter_map(|t| L::from_i64(*t)) {
                    compare(&rule, format, accumulator, term, tally);
                }
            }
        }
    }
}

#[test]
fn corners_at_lane_width() {
    let widths = [8, 15, 16, 17, 31, 32, 33, 48, 63, 64];
    for (name, run) in
        [("i16", corners::<i16> as fn(&[u32], &mut Tally)), ("i32", corners::<i32>), ("i64", corners::<i64>)]
    {
        let mut tally = Tally::default();
        run(&widths, &mut tally);
        println!("{name} lane, corners: {tally:?}");
        assert!(tally.cases > 1000 && tally.high > 100 && tally.low > 100, "{name}: {tally:?}");
    }
}
