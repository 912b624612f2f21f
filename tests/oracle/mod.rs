//! What the arithmetic rules mean, written from their definitions, slowly. Shares no code with `src`: rules
//! are named by string, formats given as width and signedness, every value is an `i128`.
//!
//! Division and comparison only, no shifts and no masks, so that it cannot share a slip with `src/num`.

#![allow(dead_code)] // every test crate uses its own part

pub mod convolution;
pub mod float;
pub mod machine;
pub mod program;

pub const ROUNDINGS: [&str; 10] = [
    "floor",
    "ceil",
    "trunc",
    "away",
    "half_up",
    "half_down",
    "half_away",
    "half_zero",
    "half_even",
    "half_odd",
];

pub const OVERFLOWS: [&str; 3] = ["wrap", "saturate", "saturate_symmetric"];

/// 2^exponent, by doubling.
pub fn power_of_two(exponent: u32) -> u128 {
    (0..exponent).fold(1, |power, _| power + power)
}

/// What a code of a sign, where there is one, and an exponent stands for.
pub fn power(code: i128, bits: u32, signed: bool) -> i128 {
    let exponents = power_of_two(if signed { bits - 1 } else { bits }) as i128;
    let magnitude = power_of_two(code.rem_euclid(exponents) as u32) as i128;
    if code < 0 { -magnitude } else { magnitude }
}

/// What a code of a weight stands for: itself, or where they are powers of two, one of so many bits, signed or not.
pub fn weight(code: i64, powers: Option<(u32, bool)>) -> i128 {
    powers.map_or(code.into(), |(bits, signed)| power(code.into(), bits, signed))
}

/// R1: the smallest and the largest value of a format.
pub fn range(width: u32, signed: bool) -> (i128, i128) {
    if signed {
        let half = power_of_two(width - 1) as i128;
        (-half, half - 1)
    } else {
        (0, power_of_two(width) as i128 - 1)
    }
}

/// R2: a · b by adding b to itself |a| times; for operands small enough to count.
pub fn product(a: i128, b: i128) -> i128 {
    let sum = (0..a.unsigned_abs()).map(|_| b).sum::<i128>();
    if a < 0 { -sum } else { sum }
}

/// R4 to R6: what becomes of `value`, and whether it lay above or below.
pub fn fit(value: i128, width: u32, signed: bool, rule: &str) -> (i128, bool, bool) {
    let (mut low, high) = range(width, signed);
    if rule == "saturate_symmetric" && signed {
        low = -high;
    }
    let fitted = match rule {
        // The only value of the format that differs from `value` by a multiple of 2^width.
        "wrap" => {
            let modulus = power_of_two(width) as i128;
            let residue = value.rem_euclid(modulus);
            if residue > high { residue - modulus } else { residue }
        }
        // The value of the range that lies nearest to `value`.
        "saturate" | "saturate_symmetric" => {
            if value > high {
                high
            } else if value < low {
                low
            } else {
                value
            }
        }
        _ => panic!("no overflow rule is called {rule}"),
    };
    (fitted, value > high, value < low)
}

/// R3: one term at a time, fitted after each; the value and how often the sum lay above and below.
pub fn accumulate(start: i128, terms: &[i128], width: u32, signed: bool, rule: &str) -> (i128, u64, u64) {
    terms.iter().fold((start, 0, 0), |(accumulator, highs, lows), term| {
        let (fitted, high, low) = fit(accumulator + term, width, signed, rule);
        (fitted, highs + u64::from(high), lows + u64::from(low))
    })
}

/// R7: value / 2^count as a multiple of 1, chosen from the two integers around it.
pub fn round(value: i128, count: u32, mode: &str) -> i128 {
    let divisor = power_of_two(count);
    let magnitude = value.unsigned_abs();
    let (quotient, remainder) = (magnitude / divisor, magnitude % divisor);
    if remainder == 0 {
        return with_sign(quotient, value);
    }
    let toward_zero = with_sign(quotient, value);
    let away_from_zero = with_sign(quotient + 1, value);
    let (below, above) =
        if value < 0 { (away_from_zero, toward_zero) } else { (toward_zero, away_from_zero) };
    let nearest = remainder.cmp(&(divisor - remainder));
    let half = |tie| match nearest {
        std::cmp::Ordering::Less => toward_zero,
        std::cmp::Ordering::Greater => away_from_zero,
        std::cmp::Ordering::Equal => tie,
    };
    let (even, odd) = if below % 2 == 0 { (below, above) } else { (above, below) };
    match mode {
        "floor" => below,
        "ceil" => above,
        "trunc" => toward_zero,
        "away" => away_from_zero,
        "half_up" => half(above),
        "half_down" => half(below),
        "half_away" => half(away_from_zero),
        "half_zero" => half(toward_zero),
        "half_even" => half(even),
        "half_odd" => half(odd),
        _ => panic!("no rounding is called {mode}"),
    }
}

/// The same where the half is added in a format, which `fit` reduces to, and the sum divided; one less where a tie goes the
/// other way. Whether the sum wrapped.
pub fn round_in(x: i128, count: u32, mode: &str, fit: &dyn Fn(i128) -> (i128, bool, bool)) -> (i128, bool) {
    let unit = power_of_two(count) as i128;
    let half = unit / 2;
    let add = |constant: i128| {
        let (sum, high, low) = fit(x + constant);
        (sum.div_euclid(unit), high || low)
    };
    if count == 0 {
        return add(0);
    }
    match mode {
        "floor" => return add(0),
        "ceil" => return add(unit - 1),
        "trunc" => return add(if x < 0 { unit - 1 } else { 0 }),
        "away" => return add(if x < 0 { 0 } else { unit - 1 }),
        _ => {}
    }
    let (kept, wrapped) = add(half);
    let is_tie = x.rem_euclid(unit) == half;
    let back = match mode {
        "half_up" => false,
        "half_down" => true,
        "half_away" => x < 0,
        "half_zero" => x >= 0,
        "half_even" => kept % 2 != 0,
        _ => kept % 2 == 0,
    };
    (kept - i128::from(is_tie && back), wrapped)
}

/// Whether value / 2^count lies exactly between two integers.
pub fn is_tie(value: i128, count: u32) -> bool {
    count > 0 && value.unsigned_abs() % power_of_two(count) == power_of_two(count - 1)
}

/// R10: the digits of the pattern, most significant first, found by dividing.
pub fn hex(value: i128, width: u32) -> String {
    let mut rest = value.rem_euclid(power_of_two(width) as i128);
    let mut digits = Vec::new();
    for _ in 0..width.div_ceil(4) {
        digits.push(char::from_digit((rest % 16) as u32, 16).expect("below 16"));
        rest /= 16;
    }
    digits.iter().rev().collect()
}

fn with_sign(magnitude: u128, like: i128) -> i128 {
    if like < 0 { 0i128.wrapping_sub_unsigned(magnitude) } else { magnitude as i128 }
}

/// Where tiles begin, of so many rows and columns in steps, in the order in which they are walked.
pub fn corners(([m, rows], [n, columns]): ([usize; 2], [usize; 2]), down_first: bool) -> Vec<[usize; 2]> {
    let across = |top| (0..n).step_by(columns).map(move |left| [top, left]);
    let mut corners: Vec<[usize; 2]> = (0..m).step_by(rows).flat_map(across).collect();
    if down_first {
        corners.sort_by_key(|[top, left]| [*left, *top]);
    }
    corners
}

/// Each row with each column, row by row; rows, or columns, from behind.
pub fn pairs([mut rows, mut columns]: [Vec<usize>; 2], reversed: [bool; 2]) -> Vec<(usize, usize)> {
    [&mut rows, &mut columns]
        .into_iter()
        .zip(reversed)
        .filter(|(_, is)| *is)
        .for_each(|(all, _)| all.reverse());
    rows.iter().flat_map(|row| columns.iter().map(|column| (*row, *column))).collect()
}
