//! The oracle's divisions against a search over all integers: the definition itself.

use super::oracle;

const SEARCH: std::ops::RangeInclusive<i128> = -70..=70;

/// Searches the integer n that a mode means by value / 2^count.
fn searched(value: i128, count: u32, mode: &str) -> i128 {
    let divisor = 2i128.pow(count);
    let distance = |n: &i128| (value - n * divisor).abs();
    let below = SEARCH.filter(|n| n * divisor <= value).max().unwrap();
    let above = SEARCH.filter(|n| n * divisor >= value).min().unwrap();
    let least = SEARCH.map(|n| distance(&n)).min().unwrap();
    let nearest: Vec<i128> = SEARCH.filter(|n| distance(n) == least).collect();
    let among = |candidates: &[i128]| match mode {
        "ceil" | "half_up" => *candidates.iter().max().unwrap(),
        "floor" | "half_down" => *candidates.iter().min().unwrap(),
        "away" | "half_away" => *candidates.iter().max_by_key(|n| n.abs()).unwrap(),
        "trunc" | "half_zero" => *candidates.iter().min_by_key(|n| n.abs()).unwrap(),
        "half_even" => *candidates.iter().min_by_key(|n| n.abs() % 2).unwrap(),
        "half_odd" => *candidates.iter().max_by_key(|n| n.abs() % 2).unwrap(),
        _ => panic!("{mode}"),
    };
    // One nearest integer is the answer of every half mode; even and odd choose only between two.
    if mode.starts_with("half") { among(&nearest) } else { among(&[below, above]) }
}

#[test]
fn rounding_is_what_a_search_finds() {
    let (mut cases, mut ties) = (0, 0);
    for value in -64i128..=64 {
        for count in 0..=8 {
            ties += u64::from(oracle::is_tie(value, count));
            for mode in oracle::ROUNDINGS {
                assert_eq!(
                    oracle::round(value, count, mode),
                    searched(value, count, mode),
                    "{value} / 2^{count}, {mode}"
                );
                cases += 1;
            }
        }
    }
    println!("oracle rounding against a search: {cases} cases, {ties} ties");
    assert_eq!((cases, ties), (129 * 9 * 10, 128));
}

#[test]
fn fitting_is_what_counting_around_finds() {
    let mut cases = 0;
    for width in 1..=5 {
        for signed in [true, false] {
            let patterns = 2i128.pow(width);
            let low = if signed { -patterns / 2 } else { 0 };
            let inside: Vec<i128> = (low..low + patterns).collect();
            for value in -200i128..=200 {
                let wrapped = inside.iter().copied().find(|v| (value - v) % patterns == 0).unwrap();
                assert_eq!(oracle::fit(value, width, signed, "wrap").0, wrapped);
                let nearest = inside.iter().copied().min_by_key(|v| (value - v).abs()).unwrap();
                let (fitted, high, low) = oracle::fit(value, width, signed, "saturate");
                assert_eq!(fitted, nearest);
                assert_eq!((high, low), (value > nearest, value < nearest));
                cases += 2;
            }
        }
    }
    println!("oracle fit against counting: {cases} cases");
    assert_eq!(cases, 10 * 401 * 2);
}
