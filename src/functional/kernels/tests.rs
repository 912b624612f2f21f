//! Every copy of every kernel against loops that follow the definition, on corners and on raw words of a small
//! generator, at every panel width and number of rows.

use super::*;
use crate::num::{Format, Overflow, fit};

/// A linear congruential generator (Knuth's MMIX): the seed is the case.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    /// Mostly any value, now and then one of the rails.
    fn within(&mut self, low: i64, high: i64) -> i64 {
        match self.next() % 8 {
            0 => low,
            1 => high,
            _ => low + (self.next() % (high - low + 1).unsigned_abs()).cast_signed(),
        }
    }

    fn many<T: TryFrom<i64>>(&mut self, count: usize, low: i64, high: i64) -> Vec<T> {
        (0..count).map(|_| T::try_from(self.within(low, high)).ok().unwrap()).collect()
    }
}

const COLUMNS: [usize; 3] = [16, 32, 64];
const ROWS: [usize; 6] = [1, 2, 3, 5, 7, 13];

fn everywhere(mut check: impl FnMut(Isa, usize, usize, &mut Words)) {
    for kernels in Kernels::available() {
        for columns in COLUMNS {
            for rows in ROWS {
                check(Isa::new(kernels), columns, rows, &mut Words((rows * 1000 + columns) as u64));
            }
        }
    }
}

#[test]
fn this_machine_runs_what_it_says() {
    let available = Kernels::available();
    assert!(available.contains(&Kernels::Portable));
    for kernels in available {
        assert_eq!(Isa::new(kernels).kernels(), kernels);
    }
}

#[test]
fn dot_products_of_8_bits() {
    everywhere(|isa, columns, count, words| {
        for quads in [1, 3, 16] {
            let stride = quads * 4 + 5;
            let codes: Vec<u8> = words.many(count * stride, 0, 255);
            let weights: Vec<i8> = words.many(quads * columns * 4, -128, 127);
            let add: Vec<i32> = words.many(columns, i64::from(i32::MIN), i64::from(i32::MAX));
            let held: Vec<i32> = words.many(count * columns, -1 << 30, 1 << 30);
            for first in [true, false] {
                let mut acc = held.clone();
                let rows = Rows { codes: &codes, stride, count };
                dot8(isa, &mut acc, Begin { add: &add, first }, rows, &weights, columns);
                for r in 0..count {
                    for j in 0..columns {
                        let mut sum = i64::from(add[j]);
                        sum += if first { 0 } else { i64::from(held[r * columns + j]) };
                        for p in 0..quads * 4 {
                            let w = weights[(p / 4 * columns + j) * 4 + p % 4];
                            sum += i64::from(codes[r * stride + p]) * i64::from(w);
                        }
                        assert_eq!(acc[r * columns + j], sum as i32, "{isa:?} {columns} {count} {r} {j}");
                    }
                }
            }
        }
    });
}

#[test]
fn dot_products_of_16_bits() {
    everywhere(|isa, columns, count, words| {
        for pairs in [1, 2, 17] {
            let stride = pairs * 2 + 3;
            let codes: Vec<i16> = words.many(count * stride, -32768, 32767);
            let weights: Vec<i16> = words.many(pairs * columns * 2, -32768, 32767);
            let add: Vec<i32> = words.many(columns, -100, 100);
            let mut acc = vec![7; count * columns];
            let rows = Rows { codes: &codes, stride, count };
            dot16(isa, &mut acc, Begin { add: &add, first: false }, rows, &weights, columns);
            for r in 0..count {
                for j in 0..columns {
                    let mut sum = i64::from(add[j]) + 7;
                    for p in 0..pairs * 2 {
                        let w = weights[(p / 2 * columns + j) * 2 + p % 2];
                        sum += i64::from(codes[r * stride + p]) * i64::from(w);
                    }
                    assert_eq!(acc[r * columns + j], sum as i32, "{isa:?} {columns} {count} {r} {j}");
                }
            }
        }
    });
}

#[test]
fn flags_of_those_outside() {
    everywhere(|isa, columns, count, words| {
        let (least, most) = (i64::from(i32::MIN), i64::from(i32::MAX));
        let low: Vec<i32> = words.many(columns, least, 100);
        let high: Vec<i32> = words.many(columns, -100, most);
        let acc: Vec<i32> = (0..count * columns)
            .map(|at| match at % 5 {
                0 => low[at % columns],
                1 => high[at % columns],
                2 => low[at % columns].wrapping_sub(1),
                3 => high[at % columns].wrapping_add(1),
                _ => words.within(least, most) as i32,
            })
            .collect();
        let mut flags = vec![u64::MAX; count];
        let any = flag(isa, &acc, [&low, &high], &mut flags);
        assert!(any, "one of them lies below");
        let none = [vec![i32::MIN; columns], vec![i32::MAX; columns]];
        assert!(!flag(isa, &acc, [&none[0], &none[1]], &mut vec![0; count]));
        for (at, acc) in acc.iter().enumerate() {
            let (r, j) = (at / columns, at % columns);
            assert_eq!(flags[r] >> j & 1 == 1, *acc < low[j] || *acc > high[j], "{isa:?} {columns} {at}");
        }
        assert!(columns == 64 || flags.iter().all(|f| f >> columns == 0));
    });
}

#[test]
fn prefixes_that_stay() {
    let mut answers = [0, 0];
    for kernels in Kernels::available() {
        let (isa, mut words) = (Isa::new(kernels), Words(7));
        for length in [1, 2, 15, 16, 17, 31, 32, 40, 64] {
            for _ in 0..60 {
                let codes: Vec<i32> = words.many(length, -200, 200);
                let weights: Vec<i16> = words.many(length, -300, 300);
                let products = codes.iter().zip(&weights).map(|(a, w)| i64::from(*a) * i64::from(*w));
                let prefixes: Vec<i64> = products
                    .scan(0, |sum, p| {
                        *sum += p;
                        Some(*sum)
                    })
                    .collect();
                let (low, high) = (*prefixes.iter().min().unwrap(), *prefixes.iter().max().unwrap());
                // The extremes themselves, and one short of each.
                for (low, high, stay) in [(low, high, true), (low + 1, high, false), (low, high - 1, false)] {
                    let limits = [low as i32, high as i32];
                    assert_eq!(stays(isa, &codes, &weights, limits), stay, "{isa:?} {length}");
                    answers[usize::from(stay)] += 1;
                }
            }
        }
    }
    assert!(answers[0] > 500 && answers[1] > 500);
}

#[test]
fn extremes_between_pieces() {
    everywhere(|isa, columns, count, words| {
        let pairs = 6;
        // Single elements, whole pairs, and a beat that ends only at the last piece.
        let shape = [(0, false, 1), (0, true, 2), (1, true, 0), (2, true, 1), (3, false, 2), (5, true, 0)];
        let pieces = shape.map(|(pair, ends_beat, _)| Piece { pair, ends_beat });
        let weights: Vec<i16> = words.many(pairs * columns * 2, -600, 600);
        let codes: Vec<u32> = (0..count * pieces.len())
            .map(|at| {
                let mut half = || words.within(-600, 600) as i16 as u16;
                let (low, high) = (u32::from(half()), u32::from(half()) << 16);
                [low | high, low, high][shape[at % pieces.len()].2]
            })
            .collect();
        let values = count * columns;
        let (mut acc, mut low, mut high) = (vec![0; values], vec![i32::MAX; values], vec![i32::MIN; values]);
        let rows = Rows { codes: &codes, stride: pieces.len(), count };
        track16(isa, &mut acc, Track { low: &mut low, high: &mut high }, &pieces, rows, &weights, columns);
        for at in 0..values {
            let (r, j) = (at / columns, at % columns);
            let (mut sum, mut least, mut most) = (0, i32::MAX, i32::MIN);
            for (p, piece) in pieces.iter().enumerate() {
                let code = codes[r * pieces.len() + p];
                let w = &weights[(piece.pair as usize * columns + j) * 2..];
                sum += i32::from(code as i16) * i32::from(w[0]);
                sum += i32::from((code >> 16) as i16) * i32::from(w[1]);
                if piece.ends_beat {
                    (least, most) = (sum.min(least), sum.max(most));
                }
            }
            assert_eq!([acc[at], low[at], high[at]], [sum, least, most], "{isa:?} {columns} {count} {at}");
        }
    });
}

#[test]
fn steps_of_32_bits() {
    let mut hits = [0_u64; 2];
    everywhere(|isa, columns, count, words| {
        // Beats of one, two and three elements, across pairs.
        let shape: [(u32, bool, usize); 6] =
            [(0, true, 1), (0, false, 2), (1, true, 1), (1, true, 2), (2, true, 0), (3, true, 0)];
        let pieces = shape.map(|(pair, ends_beat, _)| Piece { pair, ends_beat });
        let weights: Vec<i16> = words.many(4 * columns * 2, -600, 600);
        let codes: Vec<u32> = (0..count * pieces.len())
            .map(|at| {
                let mut half = || words.within(-600, 600) as i16 as u16;
                let (low, high) = (u32::from(half()), u32::from(half()) << 16);
                [low | high, low, high][shape[at % pieces.len()].2]
            })
            .collect();
        let rows = Rows { codes: &codes, stride: pieces.len(), count };
        for (width, overflow) in [(12, 0), (20, 1), (20, 2), (30, 0), (20, 0)] {
            let (format, overflow) = (Format::signed(width).unwrap(), Overflow::ALL[overflow]);
            let (low, high) = overflow.rails(format);
            let wrap = (overflow == Overflow::Wrap).then_some(width);
            let step = Step32 { low: low as i32, high: high as i32, wrap };
            let start: Vec<i32> = words.many(count * columns, low, high);
            let (mut acc, mut bare) = (start.clone(), start.clone());
            let mut counts = [vec![1_u32; start.len()], vec![2; start.len()]];
            let [highs, lows] = &mut counts;
            steps32(isa, &mut acc, [highs, lows], step, &pieces, rows, (&weights, columns));
            steps32(isa, &mut bare, [&mut [], &mut []], step, &pieces, rows, (&weights, columns));
            for at in 0..start.len() {
                let (r, j) = (at / columns, at % columns);
                let (mut value, mut events, mut term) = (i64::from(start[at]), [1, 2], 0);
                for (p, piece) in pieces.iter().enumerate() {
                    let code = codes[r * pieces.len() + p];
                    let w = &weights[(piece.pair as usize * columns + j) * 2..];
                    term += i64::from(code as i16) * i64::from(w[0]);
                    term += i64::from((code >> 16) as i16) * i64::from(w[1]);
                    if piece.ends_beat {
                        let fitted = fit(i128::from(value + term), format, overflow);
                        (value, term) = (fitted.value, 0);
                        events[0] += u32::from(fitted.flags.high);
                        events[1] += u32::from(fitted.flags.low);
                    }
                }
                let found = (i64::from(bare[at]), i64::from(acc[at]), [counts[0][at], counts[1][at]]);
                assert_eq!(found, (value, value, events), "{isa:?} {step:?} {columns} {count} {at}");
                hits = [hits[0] + u64::from(events[0] - 1), hits[1] + u64::from(events[1] - 2)];
            }
        }
    });
    assert!(hits[0] > 1000 && hits[1] > 1000, "{hits:?}");
}

/// Every form of a step, with the format and rule that it stands for.
fn forms() -> Vec<(Step16, Format, Overflow)> {
    let mut forms = Vec::new();
    for width in [1, 7, 12, 15, 16] {
        let format = Format::signed(width).unwrap();
        for overflow in Overflow::ALL {
            let (low, high) = overflow.rails(format);
            let step = match overflow {
                Overflow::Wrap => Step16::Wrap { width },
                _ => Step16::Saturate { low: low as i16, high: high as i16 },
            };
            forms.push((step, format, overflow));
        }
    }
    forms
}

#[test]
fn steps_of_16_bits() {
    let mut hits = [0_u64; 2];
    everywhere(|isa, columns, count, words| {
        let positions = 40;
        let raw: Vec<i16> = words.many(count * positions, -128, 127);
        let codes: Vec<u32> = raw.iter().map(|c| u32::from(*c as u16) * 0x1_0001).collect();
        let weights: Vec<i16> = words.many(positions * columns, -255, 255);
        let marks: Vec<i16> = (0..positions * 2 * columns)
            .map(|at| {
                let (p, negative, j) = (at / (2 * columns), at / columns % 2 == 1, at % columns);
                if (weights[p * columns + j] < 0) == negative { 1 } else { 256 }
            })
            .collect();
        let rows = Rows { codes: &codes, stride: positions, count };
        for (step, format, overflow) in forms() {
            let (low, high) = overflow.rails(format);
            let start: Vec<i16> = words.many(count * columns, low, high);
            let (mut plain, mut acc, mut counts) = (start.clone(), start.clone(), vec![0; start.len()]);
            steps16(isa, &mut plain, step, rows, &weights, columns);
            counted_steps16(isa, [&mut acc, &mut counts], step, rows, [&weights, &marks], columns);
            for at in 0..start.len() {
                let (r, j) = (at / columns, at % columns);
                let (mut value, mut events) = (i64::from(start[at]), [0, 0]);
                for p in 0..positions {
                    let product = i64::from(raw[r * positions + p]) * i64::from(weights[p * columns + j]);
                    let fitted = fit(i128::from(value + product), format, overflow);
                    value = fitted.value;
                    events[0] += u64::from(fitted.flags.high);
                    events[1] += u64::from(fitted.flags.low);
                }
                let counted = [u64::from(counts[at] as u16 & 255), u64::from(counts[at] as u16 >> 8)];
                let found = (i64::from(plain[at]), i64::from(acc[at]), counted);
                assert_eq!(found, (value, value, events), "{isa:?} {step:?} {columns} {count} {at}");
                hits = [hits[0] + events[0], hits[1] + events[1]];
            }
        }
    });
    assert!(hits[0] > 1_000_000 && hits[1] > 1_000_000, "{hits:?}");
}
