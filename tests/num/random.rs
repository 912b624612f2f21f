//! Seeded random values where exhaustion is out of reach. `GOLDPATH_SEED` repeats a run.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Tally, expected_fit, oracle, parts, rule_name};
use goldpath::num::lanes::Rule;
use goldpath::num::{Format, Overflow, Rounding, accumulate, fit, hex, product, shift_right};

fn seeded(test: &str) -> ChaCha8Rng {
    let seed = std::env::var("GOLDPATH_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_260_101);
    println!("{test}: GOLDPATH_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Any magnitude is as likely as any other: uniform bits, then a uniform number of them dropped.
fn any_i128(rng: &mut ChaCha8Rng) -> i128 {
    let bits = i128::from(rng.next_u64() as i64) << 64 | i128::from(rng.next_u64());
    bits >> (rng.next_u32() % 127)
}

fn any_format(rng: &mut ChaCha8Rng) -> Format {
    Format::new(6 + rng.next_u32() % 58, rng.next_u32().is_multiple_of(2)).unwrap()
}

fn any_overflow(rng: &mut ChaCha8Rng) -> Overflow {
    Overflow::ALL[rng.next_u32() as usize % 3]
}

#[test]
fn wide_values() {
    let mut rng = seeded("wide values");
    let mut tally = Tally::default();
    for _ in 0..100_000 {
        let (value, count) = (any_i128(&mut rng), rng.next_u32() % 128);
        let (format, overflow) = (any_format(&mut rng), any_overflow(&mut rng));
        // Half of them are made ties: random wide values hardly ever are.
        let value = match count {
            1..=126 if rng.next_u32().is_multiple_of(2) => (value >> count << count) | 1 << (count - 1),
            _ => value,
        };
        tally.ties += u64::from(oracle::is_tie(value, count));
        let rounding = Rounding::ALL[rng.next_u32() as usize % 10];
        let rounded = shift_right(value, count, rounding);
        assert_eq!(rounded, oracle::round(value, count, rounding.name()), "{value} >> {count} {rounding}");
        let fitted = parts(fit(value, format, overflow));
        assert_eq!(fitted, expected_fit(value, format, overflow), "{value} {format} {overflow:?}");
        let inside = fit(value, format, overflow).value;
        assert_eq!(hex(inside, format), oracle::hex(i128::from(inside), format.width()));
        tally.count(fitted);
    }
    tally.expect("wide values", 100_000);
    assert!(tally.ties > 10_000, "{tally:?}");
}

/// Long accumulations, where saturation makes the order matter, in `num` and on lanes.
#[test]
fn accumulations() {
    let mut rng = seeded("accumulations");
    let (mut steps, mut highs, mut lows) = (0, 0, 0);
    for _ in 0..500 {
        let width = 12 + rng.next_u32() % 20;
        let (format, overflow) = (Format::signed(width).unwrap(), any_overflow(&mut rng));
        let size = 1 << (width - 5);
        let terms: Vec<i128> = (0..200)
            .map(|_| {
                product(
                    i64::from(rng.next_u32() as i8),
                    i64::from(rng.next_u32() % size) - i64::from(size / 2),
                )
            })
            .collect();
        let mut seen = (0, 0);
        let value = accumulate(0, terms.iter().copied(), format, overflow, |_, flags| {
            seen.0 += u64::from(flags.high);
            seen.1 += u64::from(flags.low);
        });
        let expected = oracle::accumulate(0, &terms, width, true, rule_name(overflow));
        assert_eq!((i128::from(value), seen.0, seen.1), expected);

        let rule = Rule::<i64>::new(format, overflow).unwrap();
        let (mut lane, mut high, mut low) = ([0i64], [0], [0]);
        for term in &terms {
            rule.accumulate_counted(&mut lane, &[*term as i64], &mut high, &mut low);
        }
        assert_eq!((lane[0], u64::from(high[0]), u64::from(low[0])), (value, seen.0, seen.1));
        steps += terms.len();
        highs += seen.0;
        lows += seen.1;
    }
    println!("accumulations: {steps} steps, {highs} high, {lows} low");
    assert_eq!(steps, 100_000);
    assert!(highs > 1000 && lows > 1000);
}
