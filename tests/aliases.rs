//! What other systems call roundings and overflow rules, by what their own documentation says of each name: in words (nearest,
//! and where ties go), in bits, in NumPy, and in the numbers that it prints.

use goldpath::num::{ALIASES, Format, Meaning, Overflow, Rounding, fit, shift_right};

/// Every name that a system's documentation lists.
const NAMES: [(&str, &[&str]); 5] = [
    (
        "ap_fixed",
        &[
            "AP_RND",
            "AP_RND_CONV",
            "AP_RND_INF",
            "AP_RND_MIN_INF",
            "AP_RND_ZERO",
            "AP_SAT",
            "AP_SAT_SYM",
            "AP_SAT_ZERO",
            "AP_TRN",
            "AP_TRN_ZERO",
            "AP_WRAP",
            "AP_WRAP_SM",
        ],
    ),
    (
        "ac_fixed",
        &[
            "AC_RND",
            "AC_RND_CONV",
            "AC_RND_CONV_ODD",
            "AC_RND_INF",
            "AC_RND_MIN_INF",
            "AC_RND_ZERO",
            "AC_SAT",
            "AC_SAT_SYM",
            "AC_SAT_ZERO",
            "AC_TRN",
            "AC_TRN_ZERO",
            "AC_WRAP",
        ],
    ),
    (
        "MATLAB",
        &[
            "Ceiling",
            "Convergent",
            "Floor",
            "Nearest",
            "Round",
            "Saturate",
            "Simplest",
            "Wrap",
            "Zero",
            "fix",
        ],
    ),
    (
        "apytypes",
        &[
            "JAM",
            "JAM_UNBIASED",
            "NUMERIC_STD",
            "RND",
            "RND_CONV",
            "RND_CONV_ODD",
            "RND_INF",
            "RND_MIN_INF",
            "RND_ZERO",
            "SAT",
            "STOCH_EQUAL",
            "STOCH_WEIGHTED",
            "TIES_AWAY",
            "TIES_EVEN",
            "TIES_NEG",
            "TIES_ODD",
            "TIES_POS",
            "TIES_ZERO",
            "TO_AWAY",
            "TO_NEG",
            "TO_POS",
            "TO_ZERO",
            "TRN",
            "TRN_AWAY",
            "TRN_INF",
            "TRN_MAG",
            "TRN_ZERO",
            "WRAP",
        ],
    ),
    ("QONNX", &["CEIL", "DOWN", "FLOOR", "HALF_DOWN", "HALF_EVEN", "HALF_UP", "ROUND", "UP"]),
];

/// From a number of eighths to an integer.
type Rule = fn(i64) -> i64;

/// Eighths on both sides of 0: every tie from -4.5 to 4.5, what lies beside it, and integers.
const EIGHTHS: std::ops::RangeInclusive<i64> = -36..=36;

const INTEGERS: std::ops::RangeInclusive<i64> = -8..=8;

/// The nearest integer; of two, that with the smaller key.
fn nearest(eighths: i64, key: fn(i64) -> i64) -> i64 {
    INTEGERS.min_by_key(|n| ((8 * n - eighths).abs(), key(*n))).unwrap()
}

fn below(eighths: i64) -> i64 {
    INTEGERS.filter(|n| 8 * n <= eighths).max().unwrap()
}

fn above(eighths: i64) -> i64 {
    INTEGERS.filter(|n| 8 * n >= eighths).min().unwrap()
}

/// Of the two integers around a value, the one with the smaller magnitude, or the larger.
fn inward(eighths: i64) -> i64 {
    [below(eighths), above(eighths)].into_iter().min_by_key(|n| n.abs()).unwrap()
}

fn outward(eighths: i64) -> i64 {
    [below(eighths), above(eighths)].into_iter().max_by_key(|n| n.abs()).unwrap()
}

/// UG1399, fimath and APyTypes say it in words.
fn in_words(name: &str) -> Option<Rule> {
    Some(match name {
        "AP_TRN" | "Floor" | "TRN" | "TO_NEG" => below,
        "Ceiling" | "TRN_INF" | "TO_POS" => above,
        "AP_TRN_ZERO" | "Zero" | "fix" | "TRN_ZERO" | "TO_ZERO" => inward,
        "TRN_AWAY" | "TO_AWAY" => outward,
        "AP_RND" | "Nearest" | "RND" | "TIES_POS" => |v| nearest(v, |n| -n),
        "AP_RND_MIN_INF" | "RND_MIN_INF" | "TIES_NEG" => |v| nearest(v, |n| n),
        "AP_RND_INF" | "Round" | "RND_INF" | "TIES_AWAY" => |v| nearest(v, |n| -n.abs()),
        "AP_RND_ZERO" | "RND_ZERO" | "TIES_ZERO" => |v| nearest(v, i64::abs),
        "AP_RND_CONV" | "Convergent" | "RND_CONV" | "TIES_EVEN" => |v| nearest(v, |n| n & 1),
        "RND_CONV_ODD" | "TIES_ODD" => |v| nearest(v, |n| 1 - (n & 1)),
        _ => return None,
    })
}

/// What is cut off: its first bit, whether any other is set; and the sign and the lowest bit that stays.
struct Cut {
    first: bool,
    rest: bool,
    negative: bool,
    odd: bool,
}

fn plus(eighths: i64, carry: fn(Cut) -> bool) -> i64 {
    let (kept, cut) = (eighths.div_euclid(8), eighths.rem_euclid(8));
    let bits = Cut { first: cut >= 4, rest: cut % 4 != 0, negative: eighths < 0, odd: kept % 2 != 0 };
    kept + i64::from(carry(bits))
}

/// The reference manual of ac_fixed says it in bits.
fn in_bits(name: &str) -> Option<Rule> {
    Some(match name {
        "AC_TRN" => |v| plus(v, |_| false),
        "AC_TRN_ZERO" => |v| plus(v, |cut| cut.negative && (cut.first || cut.rest)),
        "AC_RND" => |v| plus(v, |cut| cut.first),
        "AC_RND_ZERO" => |v| plus(v, |cut| cut.first && (cut.negative || cut.rest)),
        "AC_RND_INF" => |v| plus(v, |cut| cut.first && (!cut.negative || cut.rest)),
        "AC_RND_MIN_INF" => |v| plus(v, |cut| cut.first && cut.rest),
        "AC_RND_CONV" => |v| plus(v, |cut| cut.first && (cut.odd || cut.rest)),
        "AC_RND_CONV_ODD" => |v| plus(v, |cut| cut.first && (!cut.odd || cut.rest)),
        _ => return None,
    })
}

/// QONNX says it in NumPy.
fn in_numpy(name: &str) -> Option<Rule> {
    fn on(eighths: i64, rule: fn(f64) -> f64) -> i64 {
        rule(eighths as f64 / 8.0) as i64
    }
    Some(match name {
        "ROUND" | "HALF_EVEN" => |v| on(v, f64::round_ties_even),
        "CEIL" => |v| on(v, f64::ceil),
        "FLOOR" => |v| on(v, f64::floor),
        "UP" => |v| on(v, |x| x.signum() * x.abs().ceil()),
        "DOWN" => |v| on(v, f64::trunc),
        "HALF_UP" => |v| on(v, |x| x.signum() * (x.abs() + 0.5).floor()),
        "HALF_DOWN" => |v| on(v, |x| x.signum() * (x.abs() - 0.5).ceil()),
        _ => return None,
    })
}

fn ours(eighths: i64, rounding: Rounding) -> i64 {
    shift_right(eighths.into(), 3, rounding).try_into().unwrap()
}

#[test]
fn every_name_is_there_once() {
    for (system, names) in NAMES {
        let mut found: Vec<&str> =
            ALIASES.iter().filter(|alias| alias.system.name == system).map(|alias| alias.name).collect();
        found.sort_unstable();
        assert_eq!(found, names, "{system}");
    }
    assert_eq!(ALIASES.len(), NAMES.iter().map(|(_, names)| names.len()).sum::<usize>());
}

#[test]
fn roundings_are_what_their_documentation_says() {
    let mut checked = 0;
    for alias in ALIASES {
        let Meaning::Rounding(rounding) = alias.meaning else { continue };
        let documented = match alias.system.name {
            "ac_fixed" => in_bits(alias.name),
            "QONNX" => in_numpy(alias.name),
            _ => in_words(alias.name),
        };
        let documented = documented.unwrap_or_else(|| panic!("{} is not documented here", alias.name));
        for value in EIGHTHS {
            assert_eq!(ours(value, rounding), documented(value), "{} of {value}/8", alias.name);
            checked += 1;
        }
    }
    println!("{checked} values of {} roundings", checked / EIGHTHS.count());
    assert_eq!(checked, 50 * 73);
}

fn rounding_of(system: &str, name: &str) -> Rounding {
    let alias = ALIASES.iter().find(|alias| alias.system.name == system && alias.name == name).unwrap();
    match alias.meaning {
        Meaning::Rounding(rounding) => rounding,
        other => panic!("{name} is {other:?}"),
    }
}

/// The tables that QONNX, MATLAB and UG1399 print.
#[test]
fn roundings_give_the_printed_numbers() {
    let names = ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"];
    let rows: [(i64, [i64; 7]); 10] = [
        (55, [6, 6, 5, 6, 5, 6, 5]),
        (25, [2, 3, 2, 3, 2, 3, 2]),
        (16, [2, 2, 1, 2, 1, 2, 2]),
        (11, [1, 2, 1, 2, 1, 1, 1]),
        (10, [1, 1, 1, 1, 1, 1, 1]),
        (-10, [-1, -1, -1, -1, -1, -1, -1]),
        (-11, [-1, -1, -2, -2, -1, -1, -1]),
        (-16, [-2, -1, -2, -2, -1, -2, -2]),
        (-25, [-2, -2, -3, -3, -2, -3, -2]),
        (-55, [-6, -5, -6, -6, -5, -6, -5]),
    ];
    for (value, printed) in rows {
        // Integers and halves are eighths; 1.1 and 1.6 lie on the same side of a tie as 9/8 and 13/8.
        let eighths = match value.abs() {
            11 => value.signum() * 9,
            16 => value.signum() * 13,
            _ => value * 8 / 10,
        };
        let got = names.map(|name| ours(eighths, rounding_of("QONNX", name)));
        assert_eq!(got, printed, "QONNX of {value}/10");
    }
    let halves: [(i64, [i64; 3]); 8] = [
        (-7, [-4, -3, -4]),
        (-5, [-2, -2, -3]),
        (-3, [-2, -1, -2]),
        (-1, [0, 0, -1]),
        (1, [0, 1, 1]),
        (3, [2, 2, 2]),
        (5, [2, 3, 3]),
        (7, [4, 4, 4]),
    ];
    for (value, printed) in halves {
        let got = ["Convergent", "Nearest", "Round"].map(|name| ours(4 * value, rounding_of("MATLAB", name)));
        assert_eq!(got, printed, "MATLAB of {value}/2");
    }
    // ap_fixed<3, 2>: 1.25 and -1.25 in halves.
    let printed =
        [("AP_RND", 3, -2), ("AP_RND_ZERO", 2, -2), ("AP_RND_MIN_INF", 2, -3), ("AP_RND_INF", 3, -3)];
    for (name, above, below) in printed {
        let of = |quarters: i128| shift_right(quarters, 1, rounding_of("ap_fixed", name));
        assert_eq!((of(5), of(-5)), (above, below), "{name}");
    }
}

/// In four bits.
fn four(signed: bool) -> Format {
    Format::new(4, signed).unwrap()
}

#[test]
fn overflow_rules_are_what_their_documentation_says() {
    let mut checked = 0;
    for alias in ALIASES {
        let Meaning::Overflow(rule) = alias.meaning else { continue };
        for (value, signed) in (-40..=40_i64).flat_map(|value| [(value, false), (value, true)]) {
            let (low, high) = if signed { (-8, 7) } else { (0, 15) };
            let documented = match alias.name.trim_start_matches("AP_").trim_start_matches("AC_") {
                // Bits above the format are gone.
                "WRAP" | "Wrap" => (low..=high).find(|kept| (kept - value) % 16 == 0).unwrap(),
                "SAT" | "Saturate" => value.clamp(low, high),
                "SAT_SYM" => value.clamp(if signed { -high } else { low }, high),
                name => panic!("{name} is not documented here"),
            };
            let got = fit(value.into(), four(signed), rule).value;
            assert_eq!(got, documented, "{} of {value}, signed {signed}", alias.name);
            checked += 1;
        }
    }
    println!("{checked} values");
    assert_eq!(checked, 10 * 162);
    // The numbers of UG1399: 19 and -19 in ap_fixed<4, 4> and ap_ufixed<4, 4>.
    let of = |value, signed, rule| fit(value, four(signed), rule).value;
    let all = |rule| [(19, true), (-19, true), (19, false), (-19, false)].map(|(v, s)| of(v, s, rule));
    assert_eq!(all(Overflow::Saturate), [7, -8, 15, 0]);
    assert_eq!(all(Overflow::SaturateSymmetric), [7, -7, 15, 0]);
    assert_eq!([of(31, true, Overflow::Wrap), of(-19, true, Overflow::Wrap)], [-1, -3]);
    assert_eq!([of(19, false, Overflow::Wrap), of(-19, false, Overflow::Wrap)], [3, 13]);
}

/// What has no equal here differs from each of ours somewhere.
#[test]
fn what_is_said_to_be_no_rule_of_ours_is_none() {
    let mut others = Vec::new();
    for alias in ALIASES.iter().filter(|alias| alias.meaning.name().is_none()) {
        others.push(alias.name);
        let rounding: Option<Rule> = match alias.name {
            "TRN_MAG" => Some(|v| v.div_euclid(8) + i64::from(v < 0)),
            "JAM" => Some(|v| v.div_euclid(8) | 1),
            "JAM_UNBIASED" => Some(|v| v.div_euclid(8) | i64::from(v % 8 != 0)),
            _ => None,
        };
        if let Some(rule) = rounding {
            for ours_is in Rounding::ALL {
                assert!(
                    EIGHTHS.into_iter().any(|v| rule(v) != ours(v, ours_is)),
                    "{} is {ours_is}",
                    alias.name
                );
            }
            assert!(alias.meaning.is_rounding());
        }
        let low_bits = |value: i64| value.rem_euclid(16);
        let signed = |bits: i64| if bits < 8 { bits } else { bits - 16 };
        let overflow = |value: i64| match alias.name {
            "AP_SAT_ZERO" | "AC_SAT_ZERO" if !(-8..8).contains(&value) => Some(0),
            // The lowest bit that is cut off is the sign, and inverts the rest where that had another one.
            "AP_WRAP_SM" if !(-8..8).contains(&value) => {
                let (kept, sign) = (low_bits(value), (value >> 4) & 1);
                let kept = if kept >> 3 == sign { kept } else { !kept & 15 };
                Some(signed((kept & 7) | (sign << 3)))
            }
            "NUMERIC_STD" => Some(signed((low_bits(value) & 7) | (i64::from(value < 0) << 3))),
            "AP_SAT_ZERO" | "AC_SAT_ZERO" | "AP_WRAP_SM" => Some(value),
            _ => None,
        };
        if alias.meaning.is_rounding() {
            continue;
        }
        assert_eq!([overflow(7), overflow(-8)], [Some(7), Some(-8)], "{}", alias.name);
        for rule in Overflow::ALL {
            let differs = |value: i64| overflow(value) != Some(fit(value.into(), four(true), rule).value);
            assert!((-40..=40).any(differs), "{} is {rule:?}", alias.name);
        }
        if alias.name == "AP_WRAP_SM" {
            // As ap_fixed_base.h makes them of 010011 and 101101.
            assert_eq!([overflow(19), overflow(-19)], [Some(-4), Some(2)]);
        }
    }
    others.sort_unstable();
    let expected = [
        "AC_SAT_ZERO",
        "AP_SAT_ZERO",
        "AP_WRAP_SM",
        "JAM",
        "JAM_UNBIASED",
        "NUMERIC_STD",
        "STOCH_EQUAL",
        "STOCH_WEIGHTED",
        "Simplest",
        "TRN_MAG",
    ];
    assert_eq!(others, expected);
}
