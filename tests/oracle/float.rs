//! Steps in floats with integers alone: a float is a mantissa times a power of two, and every operation is exact until it is
//! rounded to the nearest mantissa of so many bits.

use super::{power_of_two, round};

/// A number: the first times two to the second. No infinity: what lies beyond every format does so without one.
#[derive(Clone, Copy)]
pub struct Dyadic(i128, i64);

/// Bits of the mantissa, of the exponent's field, and the least exponent.
struct Kind {
    digits: u32,
    field: u32,
    least: i64,
}

const SINGLE: Kind = Kind { digits: 24, field: 8, least: -149 };
const DOUBLE: Kind = Kind { digits: 53, field: 11, least: -1074 };

impl Dyadic {
    /// Rounded to an integer; what lies beyond 2^100 is 2^100.
    pub fn to_integer(self, mode: &str) -> i128 {
        let Dyadic(mantissa, exponent) = self;
        if mantissa == 0 {
            return 0;
        }
        if exponent < 0 {
            // So few bits divided by more than 2^127 round as they do at 2^127.
            return round(mantissa, exponent.unsigned_abs().min(127) as u32, mode);
        }
        let most = power_of_two(100);
        let start = mantissa.unsigned_abs();
        let whole = (0..exponent).try_fold(start, |value, _| (value < most).then(|| value + value));
        whole.map_or(most, |value| value.min(most)) as i128 * mantissa.signum()
    }

    fn top(self) -> i64 {
        self.1 + i64::from(128 - self.0.unsigned_abs().leading_zeros())
    }

    fn plus(self, other: Dyadic) -> Dyadic {
        if self.0 == 0 || other.0 == 0 {
            return if self.0 == 0 { other } else { self };
        }
        let (large, small) = if self.top() >= other.top() { (self, other) } else { (other, self) };
        // So far below, only that there is something counts: more bits than any rounding keeps.
        let small = match large.top() - small.top() {
            0..=64 => small,
            _ => Dyadic(small.0.signum(), large.top() - 70),
        };
        let least = large.1.min(small.1);
        let at = |x: Dyadic| x.0 * power_of_two((x.1 - least) as u32) as i128;
        Dyadic(at(large) + at(small), least)
    }
}

impl Kind {
    /// The nearest number that the kind holds; ties to the even mantissa.
    fn nearest(&self, Dyadic(mantissa, exponent): Dyadic) -> Dyadic {
        let most = power_of_two(self.digits);
        let mut count = 0;
        while mantissa.unsigned_abs() / power_of_two(count) >= most
            || exponent + i64::from(count) < self.least && count < 126
        {
            count += 1;
        }
        Dyadic(round(mantissa, count, "half_even"), exponent + i64::from(count))
    }

    /// What a finite bit pattern stands for.
    fn read(&self, pattern: i128) -> Dyadic {
        let fraction_bits = self.digits - 1;
        let width = 1 + self.field + fraction_bits;
        let pattern = pattern.rem_euclid(power_of_two(width) as i128) as u128;
        let unit = power_of_two(fraction_bits);
        let (negative, exponent, fraction) = (
            pattern / power_of_two(width - 1) == 1,
            pattern / unit % power_of_two(self.field),
            pattern % unit,
        );
        let (mantissa, exponent) = match exponent {
            0 => (fraction, self.least),
            e => (fraction + unit, e as i64 - 1 + self.least),
        };
        Dyadic(if negative { -(mantissa as i128) } else { mantissa as i128 }, exponent)
    }
}

/// Operations by name, each with so many of the numbers.
pub fn of_ops(x: i128, double: bool, ops: &[(&str, usize)], numbers: &[i128]) -> Dyadic {
    let kind = if double { &DOUBLE } else { &SINGLE };
    let mut v = kind.nearest(Dyadic(x, 0));
    let mut numbers = numbers.iter();
    for (name, count) in ops {
        let own: Vec<i128> = numbers.by_ref().take(*count).copied().collect();
        let whole = |n: i128| kind.nearest(Dyadic(n, 0));
        let times = |v: Dyadic, factor: Dyadic| Dyadic(v.0 * factor.0, v.1 + factor.1);
        v = match *name {
            "multiply" => kind.nearest(times(v, kind.read(own[0]))),
            "add" => kind.nearest(v.plus(kind.read(own[0]))),
            // The sum of a double's product would need more than these integers.
            "multiply_add" if !double => kind.nearest(times(v, kind.read(own[0])).plus(kind.read(own[1]))),
            "add_integer" => kind.nearest(v.plus(whole(own[0]))),
            "clamp" => {
                let [low, high] = [own[0], own[1]].map(whole);
                let below = |a: Dyadic, b: Dyadic| a.plus(Dyadic(-b.0, b.1)).0 < 0;
                let v = if below(v, low) { low } else { v };
                if below(high, v) { high } else { v }
            }
            // Of 0 the sign is lost, and half of it with it: no half decides anything there.
            "add_half" => kind.nearest(v.plus(Dyadic(if v.0 < 0 { -1 } else { 1 }, -1))),
            other => panic!("no operation in floats is called {other}"),
        };
    }
    v
}

/// Whether it lies halfway between two integers: whether it is below 0, and the integer below it.
pub fn tie(Dyadic(mantissa, exponent): Dyadic) -> Option<(bool, i128)> {
    let count = u32::try_from(-exponent).ok().filter(|count| (1..120).contains(count))?;
    let unit = power_of_two(count) as i128;
    (mantissa.rem_euclid(unit) * 2 == unit).then(|| (mantissa < 0, mantissa.div_euclid(unit)))
}
