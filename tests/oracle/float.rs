//! The float32 rescaling step with integers alone: a float32 is a mantissa of at most 24 bits times a power of two.

use super::{power_of_two, round};

/// A non-negative number: the first times two to the second.
type Scaled = (u128, i64);

/// `round(f32(x) · scale)`: x to the nearest float32, one product to the nearest float32, one rounding to an integer.
/// `pattern` holds the bits of a finite float32. What lies beyond 2^100 becomes 2^100: outside every format.
pub fn float_scale(x: i128, pattern: i64, mode: &str) -> i128 {
    let (scale, negative) = float(pattern);
    let x_float = nearest((x.unsigned_abs(), 0));
    let (mantissa, exponent) = nearest((x_float.0 * scale.0, x_float.1 + scale.1));
    let sign = if negative == (x < 0) { 1 } else { -1 };
    if mantissa == 0 {
        return 0;
    }
    if exponent < 0 {
        // 24 bits divided by more than 2^127 round as they do at 2^127.
        return round(sign * mantissa as i128, exponent.unsigned_abs().min(127) as u32, mode);
    }
    let most = power_of_two(100);
    let whole = (0..exponent).try_fold(mantissa, |value, _| (value < most).then(|| value + value));
    sign * whole.map_or(most, |value| value.min(most)) as i128
}

/// What a bit pattern stands for, and whether it is negative.
fn float(pattern: i64) -> (Scaled, bool) {
    let pattern = pattern.rem_euclid(1 << 32) as u128;
    let (sign, exponent, fraction) =
        (pattern / power_of_two(31), pattern / power_of_two(23) % 256, pattern % power_of_two(23));
    let scaled = match exponent {
        0 => (fraction, -149),
        e => (fraction + power_of_two(23), e as i64 - 150),
    };
    (scaled, sign == 1)
}

/// The nearest number with at most 24 bits and an exponent of at least −149; ties to the even mantissa.
fn nearest((mantissa, exponent): Scaled) -> Scaled {
    let most = power_of_two(24);
    let mut count = 0;
    while mantissa / power_of_two(count) >= most || exponent + i64::from(count) < -149 {
        count += 1;
    }
    let rounded = round(mantissa as i128, count, "half_even") as u128;
    (rounded, exponent + i64::from(count))
}
