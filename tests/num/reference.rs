//! Rounding shifts of others: 161 rows of eight modes, and NVDLA's own shifter.

use super::oracle;
use goldpath::num::{Format, Overflow, Rounding, fit, shift_right};

/// Column of the file, mode of R7.
const COLUMNS: [(&str, Rounding); 8] = [
    ("floor", Rounding::Floor),
    ("ceil", Rounding::Ceil),
    ("trunc_zero", Rounding::Trunc),
    ("half_up", Rounding::HalfUp),
    ("half_down", Rounding::HalfDown),
    ("half_away", Rounding::HalfAway),
    ("half_to_zero", Rounding::HalfZero),
    ("half_even", Rounding::HalfEven),
];

#[test]
fn the_eight_columns_and_the_two_that_are_not_tabulated() {
    let text = include_str!("../data/shift_rounding_modes.json");
    let rows: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let s17 = Format::signed(17).unwrap();
    let (mut tabulated, mut from_oracle, mut ties) = (0, 0, 0);
    for row in &rows {
        let number = |key: &str| i128::from(row[key].as_i64().unwrap_or_else(|| panic!("no {key} in {row}")));
        let (value, count) = (number("v"), number("shift") as u32);
        ties += u32::from(oracle::is_tie(value, count));
        for (column, rounding) in COLUMNS {
            assert_eq!(shift_right(value, count, rounding), number(column), "{value} >> {count}, {column}");
            tabulated += 1;
        }
        for rounding in [Rounding::Away, Rounding::HalfOdd] {
            let expected = oracle::round(value, count, rounding.name());
            assert_eq!(shift_right(value, count, rounding), expected, "{value} >> {count}, {rounding}");
            from_oracle += 1;
        }
        // The SDP's converter: half away, then saturated to 17 bits.
        let nvdla = fit(shift_right(value, count, Rounding::HalfAway), s17, Overflow::Saturate);
        assert_eq!(i128::from(nvdla.value), number("nvdla_sdp17"), "{value} >> {count}, NVDLA");
    }
    println!("{tabulated} tabulated values, {from_oracle} from the oracle, {ties} rows are ties");
    assert_eq!((rows.len(), tabulated, from_oracle), (161, 161 * 8, 161 * 2));
    assert!(ties > 10);
}

/// Answers that other people's threads agreed on.
#[test]
fn known_answers() {
    let at_seven = |rounding| shift_right(-832, 7, rounding);
    assert_eq!(at_seven(Rounding::HalfAway), -7);
    assert_eq!(at_seven(Rounding::HalfUp), -6);
    assert_eq!(at_seven(Rounding::HalfEven), -6);
    assert_eq!(at_seven(Rounding::Floor), -7);

    // tensorflow #25087: x = 7984, m = 1583594044, s = −9. One rounding gives 11, two give 12.
    let p = 7984i128 * 1583594044;
    assert_eq!(shift_right(p, 31 + 9, Rounding::HalfUp), 11);
    let high_half = shift_right(p, 31, Rounding::HalfUp);
    assert_eq!(shift_right(high_half, 9, Rounding::HalfAway), 12);

    // x86 vpmaddubsw: 211·71 + 171·107 leaves s16.
    let s16 = Format::signed(16).unwrap();
    let pair = fit(211 * 71 + 171 * 107, s16, Overflow::Saturate);
    assert!(pair.value == 32767 && pair.flags.high);
}
